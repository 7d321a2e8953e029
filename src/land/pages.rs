//! Pages of blocks of one size, in front of a [`Field`], to which a page
//! looks like one block.
//!
//! A page is a few units of an extent's memory, cut into slots of one size. Which of
//! them are free is a bit each. So a block is taken and freed in a few instructions:
//! the bit is found from the address and the size, with no search, and neither the
//! block itself nor its neighbours are looked at. What the client has is exact to the
//! grain: slots of up to 32 grains are of every size, and of a larger slot a number says how
//! much of it the block leaves. (Slabs are Bonwick's, USENIX 1994; free bits in words
//! that are taken whole are in mimalloc, Leijen and others, 2019, as lists.)
//!
//! A size gets pages when so many blocks of it are in the field that a page is little
//! compared with them, and a page that is all free goes back to the field. If a client
//! frees a part of a block, or several at once, the page is dissolved: the field,
//! which is exact to the grain, takes what was in it. For some time the size then
//! goes without pages, so that a client who does this often does not pay often.
//!
//! # Invariants
//! - A page lies in units of one extent that belong to it alone ([`Extent`] knows to whom
//!   each unit belongs).
//! - Of each size one page is current. Its free slots may also stand in the word at the
//!   `Head`; those look as if in use in the page.
//! - A page is in its size's list if it is not current and is ripe: more than a 16th of its
//!   slots is free.
//! - All memory here is the caller's, and used under the pool's lock.

use super::extent::{CELL, Extent, Spot};
use super::field::Field;
use crate::base::addr::{Addr, Size};
use crate::seam::arch;
use core::cell::Cell;
use core::ptr::null_mut;

/// Slots of up to this many grains are of every size. That is 256 bytes for grains of 8.
const EXACT: usize = 32;
/// The same as a shift.
const EXACT_SHIFT: u32 = EXACT.trailing_zeros();
/// Larger slots are of so many sizes between a power of two and the next, as a shift: a
/// block leaves a sixteenth of its slot on average.
const STEPS_SHIFT: u32 = 3;
/// Larger blocks are the field's: 64 KB for grains of 8 bytes. A page of larger slots would
/// be a good part of the largest usual extent.
pub const LARGEST: usize = 8192;
/// Slots of up to this many grains are small: 4 KB for grains of 8 bytes.
pub const SMALL: usize = 512;
/// So many sizes of slots are there.
const SIZES: usize = EXACT + ((LARGEST.trailing_zeros() - EXACT_SHIFT) << STEPS_SHIFT) as usize;
/// A page has at least so many slots, so what a size's current page leaves unused is
/// little compared with the pages it must have had before.
const SLOTS_LEAST: usize = 8;
/// The same for slots that are not small: half, so that pages are seldom larger than what is
/// free in one piece, and the number of a page's units fits into a byte.
const LARGE_SLOTS_LEAST: usize = 4;
/// Units of a page, at most, if that is enough for the least number of slots: 16 KB for grains
/// of 8 bytes. Larger ones are seldom all free.
const UNITS_MOST: usize = 8;
/// A new page is at most this part of what its size has.
const PAGE_PART: usize = 16;
/// A size gets its first page when there is so much of it in the field, in pages.
const PAGES_FROM: usize = 2;
/// The same for slots that are not small, which are in pages for time alone: the field takes less
/// memory. Measured with blocks of up to 64 KB: 500 of them take 1.58 of what is alive in
/// the field, and with 2, 6 or 12 here 1.80, 1.76 and 1.71; 5,000 take a third of the field's
/// time with any of these.
const LARGE_PAGES_FROM: usize = 24;
/// Of a page's slots this part, as a shift, may be free before slots are taken from it again.
/// So a page that is taken up has several, which cost one look; and about a 32nd more memory.
const RIPE_SHIFT: u32 = 6;
/// After a page of a size was dissolved, so many times the blocks of the page are made without
/// pages.
const WAIT: u32 = 8;
/// Bits of a fixed-point inverse. Exact for places below 65,536 (a page has less than 256
/// units of 256 grains) and slots of up to 8,192: their product is below that.
const INVERSE_SHIFT: u32 = 30;
/// Bytes that an extent has for each of its units: with grains of 8 bytes a 64th. The head
/// of a page and its bits are in those of its units.
pub const UNIT_BYTES: Size = 32;

/// The head of a page. A bit for each slot follows, and for slots above `EXACT` a number
/// for each: how many grains of it the block leaves.
#[repr(C)]
pub struct Page {
    next: *mut Page,
    prev: *mut Page,
    /// The place of its size.
    class: u8,
    /// How many units it has.
    units: u8,
    /// The first of them.
    unit: u16,
    slots: u16,
    /// Bits that are set.
    free: u16,
}

/// A place in a page: the slot, and the bit for it.
struct Slot {
    page: *mut Page,
    word: *mut u64,
    bit: u64,
}

impl Page {
    /// The word of bits for slot `i`.
    ///
    /// # Safety
    /// `p` is a page, and `i` below the number of its slots.
    #[inline(always)]
    unsafe fn word(p: *mut Page, i: usize) -> *mut u64 {
        // SAFETY: the bits follow the head.
        unsafe { p.add(1).cast::<u64>().add(i / 64) }
    }

    /// What says how much the block in slot `i` leaves.
    ///
    /// # Safety
    /// As for `word`; the slots are larger than [`EXACT`].
    #[inline(always)]
    unsafe fn slack(p: *mut Page, i: usize) -> *mut u16 {
        // SAFETY: the numbers follow the bits.
        unsafe {
            let words = usize::from((*p).slots).div_ceil(64);
            p.add(1).cast::<u64>().add(words).cast::<u16>().add(i)
        }
    }

    /// With so many free slots, it becomes ripe with one more.
    #[inline(always)]
    fn unripe(&self) -> u16 {
        self.slots >> RIPE_SHIFT
    }

    fn is_ripe(&self) -> bool {
        self.free > self.unripe()
    }

    /// As many slots as a page of `units` units has bits for, of `slot` grains each.
    fn slots(units: usize, slot: usize) -> usize {
        let bits = (units * UNIT_BYTES - size_of::<Page>()) / size_of::<u64>() * 64;
        // Of larger slots there are so few that bits and numbers have room.
        let whole = (units * CELL).checked_div(slot).unwrap_or(0);
        whole.min(if slot > EXACT { usize::MAX } else { bits })
    }
}

/// What there is of one size.
#[repr(C)]
struct Head {
    /// Slots at hand: a bit each.
    bits: u64,
    /// The slot of the first of these bits.
    at: Addr,
    /// Bytes of a slot.
    step: Size,
    /// The current page, or null.
    page: *mut Page,
    /// The slot in it that the first bit stands for.
    index: u32,
    /// The inverse of `slot`.
    inverse: u32,
    /// Grains of a slot.
    slot: u32,
    /// Units of its smallest pages.
    least: u32,
    /// Ripe pages: those that have been for the longest last, so that what has few blocks comes
    /// to have none.
    first: *mut Page,
    /// Grains of this size in the field, by what was taken and freed.
    field: usize,
    /// Grains in its pages.
    held: usize,
    /// So many blocks are to be made without pages.
    wait: u32,
}

/// The place of the size of slot for blocks of `n` grains, at least one and at most
/// [`LARGEST`]. From others comes a number that is no place.
#[inline(always)]
fn class_of(n: usize) -> usize {
    let k = n.wrapping_sub(1);
    if k < EXACT {
        return k;
    }
    if k >= LARGEST {
        return SIZES;
    }
    let above = k.ilog2() - EXACT_SHIFT;
    let step = above + EXACT_SHIFT - STEPS_SHIFT;
    EXACT + ((above << STEPS_SHIFT) as usize) + (k >> step) - (1 << STEPS_SHIFT)
}

/// Grains of the slots of place `c`.
fn slot_of(c: usize) -> usize {
    let Some(k) = c.checked_sub(EXACT) else { return c + 1 };
    let (above, step) = (k >> STEPS_SHIFT, k % (1 << STEPS_SHIFT));
    ((1 << STEPS_SHIFT) + step + 1) << (above as u32 + EXACT_SHIFT - STEPS_SHIFT)
}

/// Units of the smallest pages for slots of so many grains: of those that have enough
/// slots, up to twice as many, what wastes the least at the end.
fn least_units(slot: usize) -> usize {
    let slots = if slot > SMALL { LARGE_SLOTS_LEAST } else { SLOTS_LEAST };
    let least = (slots * slot).div_ceil(CELL);
    // The head takes room that bits of small slots would need.
    let least = match slot {
        1 => 4,
        2..=3 => 2,
        _ => least,
    };
    let waste = |k: usize| k * CELL - Page::slots(k, slot) * slot;
    // By the ratio of waste to units.
    (least..=least + least / 2)
        .min_by_key(|k| (waste(*k) * UNITS_MOST * 16).checked_div(*k))
        .unwrap_or(least)
}

/// What became of a block that was to be freed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Put {
    /// It is free.
    Done,
    /// It is free, and with it a whole page: so many grains from this address on, which
    /// the field is to have.
    Emptied(Addr, usize),
    /// It is not in a page.
    Outside,
    /// It is not a whole block in a page, as far as that is known.
    Part,
    /// It is free already.
    NotInUse,
}

/// All pages of a pool. Used under its lock.
pub struct Pages {
    heads: *mut Head,
    /// How many heads there are: none, or [`SIZES`].
    count: usize,
    /// Grains in pages.
    pub held: usize,
}

impl Default for Pages {
    fn default() -> Pages {
        Pages::new()
    }
}

impl Pages {
    /// No pages, nor a place for heads.
    pub const fn new() -> Pages {
        Pages { heads: null_mut(), count: 0, held: 0 }
    }

    /// Bytes for the heads.
    pub const FOOTPRINT: Size = SIZES * size_of::<Head>();

    /// Is there a place for heads?
    pub fn is_on(&self) -> bool {
        self.count != 0
    }

    /// Has heads from now on, at `at`, for grains of `1 << shift` bytes.
    ///
    /// # Safety
    /// `at` is aligned to 8 and has room for [`Pages::FOOTPRINT`] bytes, nobody else's. There
    /// were none.
    pub unsafe fn build(&mut self, at: Addr, shift: u32) {
        self.heads = at.ptr();
        self.count = SIZES;
        for c in 0..SIZES {
            let slot = slot_of(c);
            let head = Head {
                bits: 0,
                at: Addr::NULL,
                step: slot << shift,
                page: null_mut(),
                index: 0,
                inverse: (1usize << INVERSE_SHIFT).checked_div(slot).unwrap_or(0) as u32 + 1,
                slot: slot as u32,
                least: least_units(slot) as u32,
                first: null_mut(),
                field: 0,
                held: 0,
                wait: 0,
            };
            // SAFETY: the caller's promise.
            unsafe { self.heads.add(c).write(head) };
        }
    }

    /// Takes the heads away: where they were. There are no pages.
    pub fn take_heads(&mut self) -> Addr {
        self.count = 0;
        Addr::of(core::mem::replace(&mut self.heads, null_mut()).cast_const())
    }

    #[inline(always)]
    fn head(&mut self, c: usize) -> Option<&mut Head> {
        // SAFETY: `build` made so many, which are ours.
        if c < self.count { Some(unsafe { &mut *self.heads.add(c) }) } else { None }
    }

    /// A block of `n` grains from the slots at hand, or null.
    #[inline(always)]
    pub fn take(&mut self, n: usize) -> Addr {
        let Some(h) = self.head(class_of(n)) else { return Addr::NULL };
        let bits = h.bits;
        if bits == 0 {
            return Addr::NULL;
        }
        let k = bits.trailing_zeros() as usize;
        let a = h.at.add(k * h.step);
        h.bits = bits & (bits - 1);
        if n > EXACT {
            // SAFETY: the bit is for a slot of the current page.
            unsafe {
                Page::slack(h.page, h.index as usize + k).write((h.slot as usize - n) as u16);
            }
        }
        if h.bits == 0 {
            // So that there is one the next time, and it is in the cache by then.
            self.turn(n);
        } else {
            h.foresee();
        }
        a
    }

    /// The same for several, each to its place in `out`, as far as there are slots in pages.
    /// How many.
    pub fn take_into(&mut self, n: usize, out: &[Cell<Addr>]) -> usize {
        let mut count = 0;
        for o in out {
            let mut a = self.take(n);
            if a.is_null() {
                if !self.turn(n) {
                    break;
                }
                a = self.take(n);
            }
            o.set(a);
            count += 1;
        }
        count
    }

    /// There is no slot at hand for `n` grains: has some at hand from pages. False: there are
    /// none, or pages are not to be used.
    #[inline(never)]
    pub fn turn(&mut self, n: usize) -> bool {
        let Some(h) = self.head(class_of(n)) else { return false };
        if h.wait != 0 {
            h.wait -= 1;
            return false;
        }
        if h.page.is_null() || !h.next_word() {
            let page = h.first;
            if page.is_null() {
                h.page = page;
                return false;
            }
            // SAFETY: those in the list are pages of this size.
            unsafe { h.unlink(page) };
            h.page = page;
            h.next_word();
        }
        h.foresee();
        true
    }

    /// How many grains side by side are enough for a page for blocks of `n` grains, if it is
    /// time for one.
    pub fn page_needs(&mut self, n: usize) -> Option<usize> {
        let (_, least) = self.wish(n)?;
        Some(least * CELL + CELL - 1)
    }

    /// How many units a new page for blocks of `n` grains should have, and how many at least.
    /// `None`: the field is good enough.
    pub fn wish(&mut self, n: usize) -> Option<(usize, usize)> {
        let h = self.head(class_of(n))?;
        let least = h.least as usize;
        let from = if n > SMALL { LARGE_PAGES_FROM } else { PAGES_FROM };
        // There is a current page, if pages were not to be used when it was asked for slots.
        if h.wait != 0 || !h.page.is_null() || h.held == 0 && h.field < least * CELL * from {
            return None;
        }
        let part = (h.field + h.held).checked_div(PAGE_PART * CELL * least)?;
        let most = UNITS_MOST.checked_div(least)?.max(1);
        Some((part.clamp(1, most) * least, least))
    }

    /// Makes a page for blocks of `n` grains of units that are a block in the field. It is the
    /// current one; there are no other free slots of its size.
    pub fn add(&mut self, n: usize, at: &Spot, units: usize) {
        let Some(h) = self.head(class_of(n)) else { return };
        let slots = Page::slots(units, h.slot as usize);
        let page: *mut Page = at.page();
        let head = Page {
            next: null_mut(),
            prev: null_mut(),
            class: class_of(n) as u8,
            units: units as u8,
            unit: at.unit() as u16,
            slots: slots as u16,
            free: slots as u16,
        };
        // SAFETY: the extent has that much for these units, and nobody uses it.
        unsafe {
            page.write(head);
            for i in (0..slots).step_by(64) {
                let left = slots - i;
                Page::word(page, i).write(if left < 64 { (1 << left) - 1 } else { u64::MAX });
            }
        }
        at.claim(units);
        h.page = page;
        h.held += units * CELL;
        h.next_word();
        self.held += units * CELL;
    }

    /// A block of `n` grains was taken from the field, or `n` grains in blocks of about that size.
    #[inline]
    pub fn in_field(&mut self, like: usize, n: usize) {
        if let Some(h) = self.head(class_of(like)) {
            h.field += n;
        }
    }

    /// A block of `n` grains went back to the field.
    #[inline]
    pub fn left_field(&mut self, n: usize) {
        if let Some(h) = self.head(class_of(n)) {
            h.field = h.field.saturating_sub(n);
        }
    }

    /// The slot of the block of `n` grains at `at`; or what else is there.
    #[inline(always)]
    fn find(&mut self, at: &Spot, n: usize) -> Result<Slot, Put> {
        if !at.is_in_page() {
            return Err(Put::Outside);
        }
        let (page, place) = (at.page(), at.place());
        let c = class_of(n);
        let Some(h) = self.head(c) else { return Err(Put::Part) };
        let i = ((place as u64 * u64::from(h.inverse)) >> INVERSE_SHIFT) as usize;
        // SAFETY: a page, says the extent.
        unsafe {
            if usize::from((*page).class) != c
                || i * h.slot as usize != place
                || i >= usize::from((*page).slots)
                || n > EXACT && usize::from(*Page::slack(page, i)) != h.slot as usize - n
            {
                return Err(Put::Part);
            }
            Ok(Slot { page, word: Page::word(page, i), bit: 1 << (i % 64) })
        }
    }

    /// Frees the block of `n` grains at `at`, if it is in a page that stays. False: nothing was
    /// done.
    #[inline(always)]
    pub fn put_quick(&mut self, at: &Spot, n: usize) -> bool {
        let Ok(s) = self.find(at, n) else { return false };
        // SAFETY: found in a page.
        unsafe {
            let free = (*s.page).free;
            if *s.word & s.bit != 0 || free + 1 == (*s.page).slots {
                return false;
            }
            *s.word |= s.bit;
            (*s.page).free = free + 1;
            if free == (*s.page).unripe() {
                self.ripen(n, s.page);
            }
        }
        true
    }

    /// A page with blocks of `n` grains is ripe. It goes into the list, if it is not the
    /// current one.
    #[inline(never)]
    fn ripen(&mut self, n: usize, page: *mut Page) {
        if let Some(h) = self.head(class_of(n)).filter(|h| h.page != page) {
            // SAFETY: a page of that size, in no list before it is ripe.
            unsafe { h.link(page) };
        }
    }

    /// Frees the block of `n` grains at `at`.
    #[inline(never)]
    pub fn put(&mut self, at: &Spot, n: usize) -> Put {
        let s = match self.find(at, n) {
            Ok(s) => s,
            Err(why) => return why,
        };
        // SAFETY: found in a page, which is of that size.
        unsafe {
            if *s.word & s.bit != 0 {
                return Put::NotInUse;
            }
            if self.put_quick(at, n) {
                return Put::Done;
            }
            let Some(h) = self.head(class_of(n)) else { return Put::Part };
            let was_ripe = (*s.page).is_ripe();
            *s.word |= s.bit;
            (*s.page).free += 1;
            if h.page == s.page {
                return Put::Done;
            }
            if was_ripe {
                h.unlink(s.page);
            }
            let grains = self.forget(at.extent(), s.page);
            Put::Emptied(at.page_base(), grains)
        }
    }

    /// A page is none any more. How many grains it had.
    ///
    /// # Safety
    /// It is one, in that extent; in no list, and not current.
    unsafe fn forget(&mut self, e: *mut Extent, page: *mut Page) -> usize {
        // SAFETY: the caller's promise.
        let (class, unit, units) = unsafe { ((*page).class, (*page).unit, (*page).units) };
        let grains = usize::from(units) * CELL;
        // SAFETY: as above.
        unsafe { (*e).disclaim(usize::from(unit), usize::from(units)) };
        self.held -= grains;
        if let Some(h) = self.head(usize::from(class)) {
            h.held -= grains;
        }
        grains
    }

    /// Gives the current pages that are all free back to the field.
    pub fn flush(&mut self, field: &mut Field) {
        for c in 0..self.count {
            let Some(h) = self.head(c) else { continue };
            h.put_back();
            let page = h.page;
            // SAFETY: current, if it is not null.
            unsafe {
                if page.is_null() {
                    continue;
                }
                h.page = null_mut();
                if (*page).free < (*page).slots {
                    if (*page).is_ripe() {
                        h.link(page);
                    }
                    continue;
                }
                let unit = usize::from((*page).unit);
                let e = Extent::of_page(page, unit);
                let grains = self.forget(e, page);
                field.free_own(e, unit * CELL, grains);
            }
        }
    }

    /// Dissolves the pages of an extent that lie in `n` grains from grain `from` on.
    /// True: there were some.
    ///
    /// # Safety
    /// The extent is in the field.
    pub unsafe fn dissolve(
        &mut self,
        field: &mut Field,
        e: *mut Extent,
        from: usize,
        n: usize,
    ) -> bool {
        let mut any = false;
        let mut at = from;
        // SAFETY: the caller's promise.
        while let Some((page, next)) = unsafe { (*e).page_from(at, from.saturating_add(n)) } {
            // SAFETY: a page of that extent.
            unsafe { self.dissolve_page(field, e, page, true) };
            at = next;
            any = true;
        }
        any
    }

    /// Dissolves all pages: then the field has all that is free. O(all that there is).
    pub fn dissolve_all(&mut self, field: &mut Field) {
        for k in 0..field.len() {
            let Some(e) = field.get(k) else { break };
            let mut at = 0;
            // SAFETY: in the field.
            while let Some((page, next)) = unsafe { (*e).page_from(at, usize::MAX) } {
                // SAFETY: a page of that extent, in the field.
                unsafe { self.dissolve_page(field, e, page, false) };
                at = next;
            }
        }
    }

    /// Gives what is free in a page to the field, and leaves what is in use there, too.
    ///
    /// # Safety
    /// It is a page of that extent, which is in the field. With `wait` its size goes without
    /// pages for a while.
    #[cold]
    #[inline(never)]
    unsafe fn dissolve_page(
        &mut self,
        field: &mut Field,
        e: *mut Extent,
        page: *mut Page,
        wait: bool,
    ) {
        // SAFETY: the caller's promise.
        let (class, slots, base) = unsafe {
            let p = &*page;
            (usize::from(p.class), usize::from(p.slots), usize::from(p.unit) * CELL)
        };
        let Some(h) = self.head(class) else { return };
        if h.page == page {
            h.put_back();
            h.page = null_mut();
        // SAFETY: as above.
        } else if unsafe { (*page).is_ripe() } {
            // SAFETY: it is ripe and not current, so it is in the list.
            unsafe { h.unlink(page) };
        }
        if wait {
            h.wait = slots as u32 * WAIT;
        }
        let slot = h.slot as usize;
        // SAFETY: as above; in no list now.
        let grains = unsafe { self.forget(e, page) };
        let mut used = 0;
        let mut run = 0..0usize;
        for i in 0..slots {
            // SAFETY: below `slots`; the memory is still as it was.
            let (free, slack) = unsafe {
                let free = *Page::word(page, i) >> (i % 64) & 1 != 0;
                (free, if slot > EXACT && !free { *Page::slack(page, i) } else { 0 })
            };
            if !free {
                field.free_own(e, base + run.start, run.len());
                let n = slot - usize::from(slack);
                used += n;
                run = i * slot + n..i * slot + n;
            }
            run.end = (i + 1) * slot;
        }
        run.end = grains;
        field.free_own(e, base + run.start, run.len());
        if let Some(h) = self.head(class) {
            h.field += used;
        }
    }
}

impl Head {
    /// The next slot, at hand, will have an owner soon who writes to it, first at its ends
    /// as a rule, and it has not been looked at since it was freed. So it is fetched while
    /// the program does something else: what is being written would keep the next atomic
    /// operation waiting.
    #[inline(always)]
    fn foresee(&self) {
        let next = self.at.add((self.bits.trailing_zeros() as usize % 64) * self.step);
        arch::expect_write(next);
        arch::expect_write(next.add(self.step - 1));
    }

    /// Has a word of free slots of the current page at hand; there is none at hand. False: the
    /// page has none.
    #[inline(always)]
    fn next_word(&mut self) -> bool {
        let page = self.page;
        // SAFETY: the current page is one.
        unsafe {
            if (*page).free == 0 {
                return false;
            }
            let slots = usize::from((*page).slots);
            let mut i = 0;
            while i < slots {
                let word = Page::word(page, i);
                let bits = *word;
                if bits != 0 {
                    *word = 0;
                    (*page).free -= bits.count_ones() as u16;
                    let e = Extent::of_page(page, usize::from((*page).unit));
                    self.bits = bits;
                    self.index = i as u32;
                    self.at = (*e).unit_base(usize::from((*page).unit)).add(i * self.step);
                    return true;
                }
                i += 64;
            }
        }
        crate::aver_critical!(false, "a page has as many free slots as it says");
        false
    }

    /// Puts the slots at hand back into the current page.
    fn put_back(&mut self) {
        if self.bits != 0 {
            // SAFETY: they are of the current page.
            unsafe {
                *Page::word(self.page, self.index as usize) |= self.bits;
                (*self.page).free += self.bits.count_ones() as u16;
            }
            self.bits = 0;
        }
    }

    /// Puts a page first into the list.
    ///
    /// # Safety
    /// It is a page of this size, in no list.
    unsafe fn link(&mut self, page: *mut Page) {
        // SAFETY: the caller's promise; those in the list are pages.
        unsafe {
            (*page).prev = null_mut();
            (*page).next = self.first;
            if let Some(f) = self.first.as_mut() {
                f.prev = page;
            }
        }
        self.first = page;
    }

    /// Takes a page out of the list.
    ///
    /// # Safety
    /// It is in there.
    unsafe fn unlink(&mut self, page: *mut Page) {
        // SAFETY: the caller's promise; those in the list are pages.
        unsafe {
            let (next, prev) = ((*page).next, (*page).prev);
            match prev.as_mut() {
                Some(p) => p.next = next,
                None => self.first = next,
            }
            if let Some(n) = next.as_mut() {
                n.prev = prev;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each size has a place, whose slots are the smallest that are large enough.
    #[test]
    fn places() {
        for n in 1..=LARGEST {
            let c = class_of(n);
            assert!(c < SIZES && slot_of(c) >= n && (c == 0 || slot_of(c - 1) < n), "{n}");
        }
        assert!(class_of(0) >= SIZES && class_of(LARGEST + 1) >= SIZES);
        assert_eq!(slot_of(SIZES - 1), LARGEST);
    }

    /// What belongs to a page fits into what the extent has for its units, and places are
    /// found exactly.
    #[test]
    fn pages_have_room() {
        for c in 0..SIZES {
            let (slot, mut units) = (slot_of(c), least_units(slot_of(c)));
            let inverse = (1usize << INVERSE_SHIFT) / slot + 1;
            let (least, most) = (units, units * (UNITS_MOST / units).max(1));
            assert!(most <= usize::from(u8::MAX));
            while units <= most {
                let slots = Page::slots(units, slot);
                let slack = if slot > EXACT { slots * size_of::<u16>() } else { 0 };
                let bytes = size_of::<Page>() + slots.div_ceil(64) * size_of::<u64>() + slack;
                assert!(bytes <= units * UNIT_BYTES, "{slots} slots of {slot}: {bytes} bytes");
                for place in 0..units * CELL {
                    let i = (place as u64 * inverse as u64) >> INVERSE_SHIFT;
                    assert_eq!(i as usize, place / slot);
                }
                units += least;
            }
        }
    }
}
