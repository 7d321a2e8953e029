//! Which blocks of a pool are in use, exactly: where each begins and ends. The debug
//! archive keeps one for every manual pool, debugging pools keep one everywhere. So
//! whatever can't be freed is told of when it is freed, and not when its memory
//! comes to have two owners.
//!
//! Half a byte for each unit of memory (a pool's grain, or a block of MFS). The
//! pages of these stand in a table sorted by address. All of it is under the pool's
//! lock.
//!
//! What clients may do, and what is wrong, differs:
//! - Part of a block may be freed, and the rest later. But not more than a block.
//! - Where blocks from allocation points begin is not known: their room is.
//!   So several of them that lie side by side may be freed together.
//! - A cache takes in whole blocks only.

use crate::arena::Arena;
use crate::base::addr::{Addr, Size};
use crate::base::ptr::P;
use crate::base::res::{Res, Result};
use crate::object::pool::{Caching, Pool, tell_of_block};
use ::core::num::NonZero;
use ::core::ptr::null_mut;

/// Is there a class of pools that keeps one?
const KEPT: bool = cfg!(any(feature = "debug-classes", feature = "variety-cool", test));

/// The state of a unit: it is free, has room of an allocation point or what was
/// allocated there, or is part of a block from a call.
const FREE: u8 = 0;
const ROOM: u8 = 1;
const MIDDLE: u8 = 2;
const FIRST: u8 = 3;
const LAST: u8 = 4;
/// The first and the last.
const WHOLE: u8 = 5;
/// And it is in a client's cache: a bit.
const CACHED: u8 = 8;

fn begins(state: u8) -> bool {
    matches!(state & !CACHED, FIRST | WHOLE)
}

fn ends(state: u8) -> bool {
    matches!(state & !CACHED, LAST | WHOLE)
}

/// What is wrong with an address and a size that are to be freed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Wrong {
    /// Not all of it is memory of the pool.
    Elsewhere,
    /// No block of the pool can begin there.
    Misaligned,
    /// Some of it is free.
    Free,
    /// It goes on into another block.
    Across,
    /// It is not a whole block.
    Inside,
    /// It is in a client's cache.
    Cached,
    /// Not known exactly: without a ledger.
    NotInUse,
}

impl Wrong {
    fn text(self) -> &'static str {
        match self {
            Wrong::Elsewhere => "block being freed is memory of the pool",
            Wrong::Misaligned => "block being freed is aligned as blocks of the pool are",
            Wrong::Free => "block being freed is in use in the pool, and not free already",
            Wrong::Across => "size being freed is not larger than the block",
            Wrong::Inside => "address and size being freed are those of a block",
            Wrong::Cached => "block being freed is not in a cache already",
            Wrong::NotInUse => "block being freed is in use in the pool",
        }
    }

    /// Tells the client. Without any lock: its handler may leave for good.
    #[cold]
    #[inline(never)]
    pub(super) fn report(self, pool: P<Pool>, a: Addr, size: Size) {
        tell_of_block(self.text(), pool, a, size);
    }
}

/// What may be freed at a time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Rule {
    /// A block, or part of one.
    Part,
    /// A block, all of it; or what came from allocation points.
    Whole,
    /// Only what came from allocation points.
    Room,
}

/// The states of the units of one piece of memory follow.
struct Page {
    base: Addr,
    size: Size,
    /// Bytes of a unit.
    unit: NonZero<Size>,
}

impl Page {
    fn footprint(size: Size, unit: NonZero<Size>) -> Size {
        size_of::<Page>() + (size / unit).div_ceil(2)
    }

    fn units(&self) -> usize {
        self.size / self.unit
    }
}

/// Units of a page, side by side, all of them in it.
#[derive(Clone, Copy)]
struct Units {
    page: *mut Page,
    start: usize,
    count: usize,
}

impl Units {
    fn cell(self, k: usize) -> (*mut u8, u32) {
        let at = Addr::of(self.page).add(size_of::<Page>()).add(k / 2);
        (at.ptr(), (k % 2 * 4) as u32)
    }

    /// The state of the unit that has number `k` in the page.
    fn state(self, k: usize) -> u8 {
        let (at, shift) = self.cell(k);
        // SAFETY: `k` is below the page's units, which have a place each.
        unsafe { (*at >> shift) & 15 }
    }

    fn set(self, k: usize, state: u8) {
        let (at, shift) = self.cell(k);
        // SAFETY: as for `state`; under the pool's lock.
        unsafe { *at = (*at & !(15 << shift)) | state << shift };
    }

    fn last(self) -> usize {
        self.start + self.count - 1
    }

    fn states(self) -> impl Iterator<Item = u8> {
        (self.start..self.start + self.count).map(move |k| self.state(k))
    }

    fn all_cached(self) -> bool {
        self.states().all(|s| s & CACHED != 0)
    }

    fn set_all(self, f: impl Fn(u8) -> u8) {
        for k in self.start..self.start + self.count {
            self.set(k, f(self.state(k)));
        }
    }
}

/// What exactly is in use in a pool, where one is kept. Used under the pool's lock.
pub(super) struct Ledger {
    /// Is it kept?
    wanted: bool,
    pages: *mut *mut Page,
    len: usize,
    capacity: usize,
}

impl Ledger {
    /// Is it kept? Where no pool has one, the compiler knows that.
    #[inline(always)]
    pub(super) fn is_on(&self) -> bool {
        KEPT && self.wanted
    }

    /// Empty; not even that, unless it is `wanted`.
    pub(super) const fn new(wanted: bool) -> Ledger {
        Ledger { wanted, pages: null_mut(), len: 0, capacity: 0 }
    }

    fn page(&self, i: usize) -> Option<*mut Page> {
        // SAFETY: places below `len` are filled in.
        (i < self.len).then(|| unsafe { *self.pages.add(i) })
    }

    /// The first place whose page begins above `a`.
    fn place(&self, a: Addr) -> usize {
        let (mut lo, mut hi) = (0, self.len);
        while lo < hi {
            let mid = lo + (hi - lo) / 2;
            // SAFETY: pages in the table are alive.
            if self.page(mid).is_some_and(|p| unsafe { (*p).base } <= a) {
                lo = mid + 1;
            } else {
                hi = mid;
            }
        }
        lo
    }

    /// The units that `size` bytes from `a` on are, or are part of.
    fn units(&self, a: Addr, size: Size) -> ::core::result::Result<Units, Wrong> {
        let page = self.place(a).checked_sub(1).and_then(|i| self.page(i));
        let page = page.ok_or(Wrong::Elsewhere)?;
        // SAFETY: alive.
        let p = unsafe { &*page };
        let from = a.since(p.base);
        let count = size / p.unit + usize::from(size % p.unit != 0);
        let start = from / p.unit;
        if count == 0 || start >= p.units() || count > p.units() - start {
            return Err(Wrong::Elsewhere);
        }
        if from % p.unit != 0 {
            return Err(Wrong::Misaligned);
        }
        Ok(Units { page, start, count })
    }

    /// Inside the instance: the pool has got memory, all free.
    ///
    /// # Errors
    /// The arena's.
    #[inline(never)]
    pub(super) fn add(&mut self, arena: &Arena, base: Addr, size: Size, unit: Size) -> Result {
        if !self.is_on() {
            return Ok(());
        }
        if self.len == self.capacity {
            // Twice as many every time, from 8 on.
            let new = (self.capacity * 2).max(8);
            let at = arena.control_alloc(new * size_of::<*mut Page>())?;
            // SAFETY: room for more than there are.
            unsafe { at.ptr::<*mut Page>().copy_from_nonoverlapping(self.table(), self.len) };
            self.drop_table(arena);
            (self.pages, self.capacity) = (at.ptr(), new);
        }
        let unit = NonZero::new(unit).ok_or(Res::Param)?;
        let bytes = Page::footprint(size, unit);
        let at = arena.control_alloc(bytes)?;
        let i = self.place(base);
        // SAFETY: control memory of that size, ours; there is room for one more.
        unsafe {
            at.ptr::<u8>().write_bytes(0, bytes);
            at.ptr::<Page>().write(Page { base, size, unit });
            let p = self.pages.add(i);
            ::core::ptr::copy(p, p.add(1), self.len - i);
            p.write(at.ptr());
        }
        self.len += 1;
        Ok(())
    }

    /// Inside the instance: the memory that begins at `base` goes back.
    pub(super) fn remove(&mut self, arena: &Arena, base: Addr) {
        let i = self.place(base).wrapping_sub(1);
        let Some(page) = self.page(i) else { return };
        // SAFETY: `i` is below `len`; the page is in no table then.
        unsafe {
            let p = self.pages.add(i);
            ::core::ptr::copy(p.add(1), p, self.len - i - 1);
            self.len -= 1;
            let bytes = Page::footprint((*page).size, (*page).unit);
            arena.control_free(Addr::of(page), bytes);
        }
    }

    /// Inside the instance: gives back all its memory.
    pub(super) fn finish(&mut self, arena: &Arena) {
        // From the end, so that no place moves.
        while let Some(page) = self.len.checked_sub(1).and_then(|i| self.page(i)) {
            // SAFETY: alive.
            self.remove(arena, unsafe { (*page).base });
        }
        self.drop_table(arena);
        (self.pages, self.capacity) = (null_mut(), 0);
    }

    /// The table, which has no place as long as there are none.
    fn table(&self) -> *const *mut Page {
        if self.pages.is_null() { ::core::ptr::dangling() } else { self.pages }
    }

    fn drop_table(&self, arena: &Arena) {
        if self.capacity != 0 {
            // SAFETY: nobody uses it any more.
            unsafe {
                arena.control_free(Addr::of(self.pages), self.capacity * size_of::<*mut Page>())
            };
        }
    }

    /// A client gets `size` bytes from `a` on: a block, or room for its allocation
    /// point.
    ///
    /// # Errors
    /// They were not free; nothing has changed.
    #[cold]
    #[inline(never)]
    pub(super) fn grant(
        &mut self,
        a: Addr,
        size: Size,
        is_room: bool,
    ) -> ::core::result::Result<(), Wrong> {
        if !self.is_on() {
            return Ok(());
        }
        let u = self.units(a, size)?;
        if u.states().any(|s| s != FREE) {
            return Err(Wrong::Free);
        }
        if is_room {
            u.set_all(|_| ROOM);
        } else {
            u.set_all(|_| MIDDLE);
            u.set(u.start, FIRST);
            u.set(u.last(), if u.count == 1 { WHOLE } else { LAST });
        }
        Ok(())
    }

    /// May `size` bytes from `a` on be freed?
    fn judge(&self, a: Addr, size: Size, rule: Rule) -> ::core::result::Result<Units, Wrong> {
        let u = self.units(a, size)?;
        let is_room = u.state(u.start) == ROOM;
        for (k, s) in (u.start..).zip(u.states()) {
            if s == FREE {
                return Err(Wrong::Free);
            }
            if s & CACHED != 0 {
                return Err(Wrong::Cached);
            }
            let from_other = begins(s) && k != u.start || ends(s) && k != u.last();
            if from_other || (s == ROOM) != is_room {
                return Err(Wrong::Across);
            }
        }
        let whole = begins(u.state(u.start)) && ends(u.state(u.last()));
        let good = match rule {
            Rule::Part => true,
            Rule::Whole => is_room || whole,
            Rule::Room => is_room,
        };
        if good { Ok(u) } else { Err(Wrong::Inside) }
    }

    /// A client frees `size` bytes (not 0) from `a` on.
    ///
    /// # Errors
    /// It may not; nothing has changed.
    #[cold]
    #[inline(never)]
    pub(super) fn release(
        &mut self,
        a: Addr,
        size: Size,
        rule: Rule,
    ) -> ::core::result::Result<(), Wrong> {
        if self.is_on() {
            self.judge(a, size, rule)?.set_all(|_| FREE);
        }
        Ok(())
    }

    /// A block goes into a client's cache.
    ///
    /// # Errors
    /// It may not be freed that way; nothing has changed.
    pub(super) fn cache(&mut self, a: Addr, size: Size) -> ::core::result::Result<(), Wrong> {
        if self.is_on() {
            self.judge(a, size, Rule::Whole)?.set_all(|s| s | CACHED);
        }
        Ok(())
    }

    /// Is this, exactly, what was put into a cache?
    pub(super) fn is_cached(&self, a: Addr, size: Size) -> bool {
        !self.is_on() || self.units(a, size).is_ok_and(Units::all_cached)
    }

    /// A block that is in a cache goes out of it. False: it is not.
    pub(super) fn uncache(&mut self, a: Addr, size: Size) -> bool {
        if !self.is_on() {
            return true;
        }
        let Ok(u) = self.units(a, size) else { return false };
        let good = u.all_cached();
        if good {
            u.set_all(|s| s & !CACHED);
        }
        good
    }

    /// See [`PoolClass::caches`](crate::object::pool::PoolClass::caches).
    ///
    /// # Errors
    /// The block may not be taken in: not reported yet.
    pub(super) fn caches(
        &mut self,
        a: Addr,
        size: Size,
        what: Caching,
    ) -> ::core::result::Result<bool, Wrong> {
        match what {
            Caching::TakesIn => self.cache(a, size).map(|()| true),
            Caching::Has => Ok(self.is_cached(a, size)),
            Caching::GivesOut => Ok(self.uncache(a, size)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arena::{Boot, Params};
    use crate::ports::testing::mock::Mock;
    use Rule::*;

    /// A ledger with three pages, added out of order, and an arena.
    fn with(f: impl FnOnce(&mut Ledger, Addr)) {
        let mock: &'static Mock = std::boxed::Box::leak(std::boxed::Box::new(Mock::new()));
        let params = Params { grain: 4096, size: 1 << 20, base: None, limit: usize::MAX, extra: 0 };
        let boot = Boot::new(mock, &params).unwrap();
        let arena = Arena::new(mock, &params, &boot);
        arena.start(&boot);
        let before = arena.control_in_use();
        let mut l = Ledger::new(true);
        for base in [0x20000, 0x10000, 0x30000] {
            l.add(&arena, Addr(base), 4096, 16).unwrap();
        }
        f(&mut l, Addr(0x20000));
        l.remove(&arena, Addr(0x20000));
        assert_eq!(l.release(Addr(0x20000), 16, Part), Err(Wrong::Elsewhere));
        assert_eq!(l.release(Addr(0x30000), 16, Part), Err(Wrong::Free));
        l.finish(&arena);
        assert_eq!(arena.control_in_use(), before);
        arena.finish();
    }

    #[test]
    fn blocks_from_calls() {
        with(|l, a| {
            l.grant(a, 64, false).unwrap();
            l.grant(a.add(64), 10, false).unwrap();
            assert_eq!(l.grant(a.add(48), 32, false), Err(Wrong::Free));
            // Outside, misaligned, too large, not there.
            assert_eq!(l.release(a.sub(16), 16, Part), Err(Wrong::Elsewhere));
            assert_eq!(l.release(a.add(4096), 16, Part), Err(Wrong::Elsewhere));
            assert_eq!(l.release(a.add(4080), 32, Part), Err(Wrong::Elsewhere));
            assert_eq!(l.release(a.add(8), 16, Part), Err(Wrong::Misaligned));
            assert_eq!(l.release(a, 65, Part), Err(Wrong::Across));
            assert_eq!(l.release(a.add(16), 64, Part), Err(Wrong::Across));
            assert_eq!(l.release(a.add(64), 32, Part), Err(Wrong::Across));
            assert_eq!(l.release(a.add(80), 16, Part), Err(Wrong::Free));
            // Whole blocks only.
            for (at, size) in [(a, 48), (a.add(16), 48), (a.add(16), 16)] {
                assert_eq!(l.release(at, size, Whole), Err(Wrong::Inside));
            }
            assert_eq!(l.release(a, 64, Room), Err(Wrong::Inside));
            // In parts: middle, end, beginning. Then nothing is left.
            for (at, size) in [(a.add(16), 16), (a.add(32), 32), (a, 16)] {
                l.release(at, size, Part).unwrap();
                assert_eq!(l.release(at, size, Part), Err(Wrong::Free));
            }
            l.release(a.add(64), 10, Whole).unwrap();
            l.grant(a, 4096, false).unwrap();
            l.release(a, 4096, Whole).unwrap();
        });
    }

    #[test]
    fn room_of_allocation_points() {
        with(|l, a| {
            l.grant(a, 64, true).unwrap();
            l.grant(a.add(64), 64, true).unwrap();
            l.grant(a.add(128), 64, false).unwrap();
            assert_eq!(l.release(a.add(112), 32, Part), Err(Wrong::Across));
            // Blocks that lie side by side, in two rooms.
            l.release(a.add(48), 32, Room).unwrap();
            assert_eq!(l.release(a.add(32), 32, Room), Err(Wrong::Free));
            l.release(a.add(32), 16, Whole).unwrap();
            // What is left of a block, and a room behind it.
            l.release(a.add(176), 16, Part).unwrap();
            l.grant(a.add(176), 16, true).unwrap();
            assert_eq!(l.release(a.add(160), 32, Part), Err(Wrong::Across));
        });
    }

    #[test]
    fn cached_blocks() {
        with(|l, a| {
            l.grant(a, 64, false).unwrap();
            assert!(!l.is_cached(a, 64));
            assert_eq!(l.cache(a.add(16), 48), Err(Wrong::Inside));
            l.cache(a, 64).unwrap();
            assert!(l.is_cached(a, 64) && !l.is_cached(a, 80));
            assert_eq!(l.cache(a, 64), Err(Wrong::Cached));
            assert_eq!(l.release(a, 64, Part), Err(Wrong::Cached));
            assert!(l.uncache(a, 64) && !l.uncache(a, 64));
            l.release(a, 64, Whole).unwrap();
        });
    }

    /// One that is not kept says yes to everything.
    #[test]
    fn off() {
        let mut l = Ledger::new(false);
        l.grant(Addr(16), 16, false).unwrap();
        l.release(Addr(32), 1000, Whole).unwrap();
        l.cache(Addr(32), 1000).unwrap();
        assert!(l.uncache(Addr(48), 16));
    }
}
