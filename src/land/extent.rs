//! One stretch of memory: which of its grains are free.
//!
//! A grain is the pool's alignment. Where free runs start and end is marked by
//! bits ([`Marks`]), so whatever the size of a block, taking and freeing it
//! changes two of them. Grains are grouped in cells of 256; a complete binary
//! tree over the cells knows the longest run that starts below each node.
//! Finding the lowest (highest) run of n is one way down, the rest one way up as
//! far as anything changes.
//!
//! # Invariants
//! - Runs are maximal: no run starts where another ends.
//! - Node `i` (from 1) has children `2i` and `2i+1`; cell `c` is node `leaves+c`.
//!
//! A cell is also a unit, of which [pages](super::pages) are made. To the marks a page
//! is in use. The extent has memory for the heads of pages, and knows which units they have.

use super::marks::{Marks, Set};
use super::pages::{Page, UNIT_BYTES};
use crate::base::addr::{Addr, Size, size_up};
use crate::seam::arch;

/// Grains in a cell: four words of marks, which are looked through one after the other.
pub const CELL: usize = 256;
/// The most grains in an extent: a run's length fits into 32 bits.
pub const MAX_GRAINS: usize = 1 << 30;

/// One stretch of a pool's memory, which knows which of its grains are free. Used under
/// the pool's lock. What is needed to free a block in a page stands first: in one line of
/// memory.
#[repr(C)]
pub struct Extent {
    /// Where it begins.
    pub base: Addr,
    /// Bytes of memory it stands for (the last, less than a grain, unused).
    pub size: Size,
    shift: u32,
    /// Units that pages may have: whole cells.
    units: u32,
    /// A byte for each of them: 0, or how many units of its page there are up to it.
    owners: *mut u8,
    /// How many pages there are.
    pages: usize,
    /// The caller's own.
    pub owner: *mut (),
    /// Grains.
    pub grains: usize,
    /// Of them, free.
    pub free: usize,
    /// Neighbours in the list of extents that are entirely free.
    pub(super) next: *mut Extent,
    /// See `next`.
    pub(super) prev: *mut Extent,
    leaves: usize,
    tops: *mut u32,
    marks: Marks,
}

/// More units than this no extent has: the number of a page's first unit fits into 16 bits.
const MAX_UNITS: usize = 1 << 16;
/// An extent's own structure. What it has for its units follows.
const HEADER: Size = size_up(size_of::<Extent>(), 8);

/// A place in an extent, seen as pages see it.
#[derive(Clone, Copy)]
pub struct Spot {
    extent: *mut Extent,
    /// The page's first unit; outside of pages the unit it is in.
    unit: usize,
    /// Grains from there.
    place: usize,
    in_page: bool,
}

impl Spot {
    /// The extent it is in.
    #[inline(always)]
    pub fn extent(&self) -> *mut Extent {
        self.extent
    }

    /// The unit that `place` counts from.
    #[inline(always)]
    pub fn unit(&self) -> usize {
        self.unit
    }

    /// Grains from the start of the page (outside of pages: of the unit).
    #[inline(always)]
    pub fn place(&self) -> usize {
        self.place
    }

    /// Does a page have it?
    #[inline(always)]
    pub fn is_in_page(&self) -> bool {
        self.in_page
    }

    /// The page that has it, or could begin here.
    #[inline(always)]
    pub fn page(&self) -> *mut Page {
        page_at(self.extent, self.unit)
    }

    /// Where that begins.
    pub fn page_base(&self) -> Addr {
        // SAFETY: made from an extent, under the lock that the caller still has.
        unsafe { (*self.extent).unit_base(self.unit) }
    }

    /// A page has `units` units from here on, which are in use and were in none.
    pub fn claim(&self, units: usize) {
        // SAFETY: as above.
        let e = unsafe { &mut *self.extent };
        for k in 0..units {
            e.set_owner(self.unit + k, k as u8 + 1);
        }
        e.pages += 1;
    }
}

/// What an extent has for a unit.
#[inline(always)]
fn page_at(e: *mut Extent, unit: usize) -> *mut Page {
    // The tables have exposed provenance, all of them one.
    Addr::of(e).add(HEADER + unit * UNIT_BYTES).ptr()
}

/// Why a range can't be freed: not all of it was in use.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NotInUse;

/// A free run: its first grain, and the first after it.
#[derive(Clone, Copy)]
struct Run {
    start: usize,
    end: usize,
}

impl Run {
    #[inline(always)]
    fn len(self) -> usize {
        self.end - self.start
    }
}

fn leaves_for(grains: usize) -> usize {
    grains.div_ceil(CELL).max(1).next_power_of_two()
}

impl Extent {
    /// Bytes that the tables of an extent need, itself included; with pages or not. `None`: it
    /// would be too large.
    pub fn footprint(size: Size, shift: u32, paged: bool) -> Option<Size> {
        let grains = size >> shift;
        if grains > MAX_GRAINS {
            return None;
        }
        let tops = leaves_for(grains) * (2 * size_of::<u32>());
        let marks = Marks::footprint(grains + 1);
        let units = Extent::units_for(grains, paged) * (UNIT_BYTES + 1);
        Some(HEADER + marks + tops + units)
    }

    fn units_for(grains: usize, paged: bool) -> usize {
        if paged { (grains / CELL).min(MAX_UNITS) } else { 0 }
    }

    /// Makes an extent, all free, with its tables, at `at`.
    ///
    /// # Safety
    /// `at` has `footprint(size, shift, paged)` bytes, aligned to 8, the extent's own.
    pub unsafe fn build(
        at: Addr,
        base: Addr,
        size: Size,
        shift: u32,
        paged: bool,
        owner: *mut (),
    ) -> *mut Extent {
        let grains = size >> shift;
        let leaves = leaves_for(grains);
        let units = Extent::units_for(grains, paged);
        let bits = at.add(HEADER + units * UNIT_BYTES);
        let tops: *mut u32 = bits.add(Marks::footprint(grains + 1)).ptr();
        let p: *mut Extent = at.ptr();
        let null = core::ptr::null_mut();
        // SAFETY: room for all of it (the caller's promise), in this order.
        unsafe {
            let owners: *mut u8 = tops.add(leaves * 2).cast();
            owners.write_bytes(0, units);
            let marks = Marks::build(bits, grains + 1);
            tops.write_bytes(0, leaves * 2);
            p.write(Extent {
                base,
                size,
                owner,
                grains,
                free: 0,
                next: null,
                prev: null,
                shift,
                leaves,
                tops,
                marks,
                units: units as u32,
                owners,
                pages: 0,
            });
            // Nothing was free before, so this can't fail.
            let _ = (*p).set_free(0, grains);
        }
        p
    }

    /// The longest run of free grains.
    #[inline]
    pub fn longest(&self) -> usize {
        self.top(1)
    }

    /// Is all of it free?
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.free == self.grains
    }

    #[inline(always)]
    fn top(&self, i: usize) -> usize {
        // SAFETY: there are `2 * leaves` nodes, and callers stay in the tree.
        unsafe { *self.tops.add(i) as usize }
    }

    /// The run that starts at `start`.
    #[inline(always)]
    fn run(&self, start: usize) -> Run {
        let end = self.marks.next(Set::Ends, start + 1);
        crate::aver_critical!(end.is_some(), "every free run ends");
        Run { start, end: end.unwrap_or(start) }
    }

    /// If all these grains are in use: where the next free run above begins and
    /// ends, if there is one.
    #[inline(always)]
    fn above(&self, start: usize, n: usize) -> Result<Option<Run>, NotInUse> {
        if n > self.grains || start > self.grains - n {
            return Err(NotInUse);
        }
        let next = self.marks.next(Set::Starts, start);
        let end = self.marks.next(Set::Ends, start + 1);
        match (next, end) {
            (None, None) => Ok(None),
            // One that ends before the next starts has `start` in it.
            (Some(s), Some(e)) if s - start >= n && s < e => Ok(Some(Run { start: s, end: e })),
            _ => Err(NotInUse),
        }
    }

    /// Are all these grains in use?
    pub fn in_use(&self, start: usize, n: usize) -> bool {
        self.above(start, n).is_ok()
    }

    /// Frees grains, which join what is free on either side.
    ///
    /// # Errors
    /// `NotInUse`: some were free already, or outside; nothing has changed.
    pub fn set_free(&mut self, start: usize, n: usize) -> Result<(), NotInUse> {
        if n == 0 {
            return Err(NotInUse);
        }
        let end = start + n;
        let above = self.above(start, n)?.filter(|r| r.start == end);
        let mut new = Run { start, end };
        if self.marks.has(Set::Ends, start) {
            // `start` is not 0 then, and a run before it there is.
            let below = self.marks.prev(Set::Starts, start - 1);
            new.start = below.unwrap_or(start);
            self.marks.take(Set::Ends, start);
        } else {
            self.marks.put(Set::Starts, start);
        }
        if let Some(r) = above {
            new.end = r.end;
            self.marks.take(Set::Starts, end);
        } else {
            self.marks.put(Set::Ends, end);
        }
        self.free += n;
        // First what grows: of what goes from the same cell nothing is to be
        // said then.
        self.changed(new.start, start - new.start, new.len());
        if let Some(r) = above {
            self.changed(end, r.len(), 0);
        }
        Ok(())
    }

    /// Takes `n` grains of a run, from its bottom or its top.
    fn take(&mut self, run: Run, n: usize, from_top: bool) -> usize {
        let left = run.len() - n;
        self.free -= n;
        if from_top && left != 0 {
            let start = run.end - n;
            self.marks.take(Set::Ends, run.end);
            self.marks.put(Set::Ends, start);
            self.changed(run.start, run.len(), left);
            return start;
        }
        self.marks.take(Set::Starts, run.start);
        if left == 0 {
            self.marks.take(Set::Ends, run.end);
        } else {
            let rest = run.start + n;
            self.marks.put(Set::Starts, rest);
            self.changed(rest, 0, left);
        }
        self.changed(run.start, run.len(), 0);
        run.start
    }

    /// Brings the tree into line: the run at `start` was `was` grains long
    /// and is now `now` (0: there is, or was, none). The marks are up to date.
    fn changed(&mut self, start: usize, was: usize, now: usize) {
        let c = start / CELL;
        let mut i = self.leaves + c;
        let old = self.top(i);
        let mut new = if now >= old {
            now
        } else if was < old {
            return;
        } else {
            self.longest_in(c)
        };
        loop {
            if self.top(i) == new {
                return;
            }
            // SAFETY: in the tree.
            unsafe { self.tops.add(i).write(new as u32) };
            if i == 1 {
                return;
            }
            new = new.max(self.top(i ^ 1));
            i /= 2;
        }
    }

    /// The longest run that starts in a cell.
    fn longest_in(&self, c: usize) -> usize {
        let limit = (c + 1) * CELL;
        let mut at = c * CELL;
        let mut longest = 0;
        while let Some(start) = self.start_from(at).filter(|s| *s < limit) {
            let run = self.run(start);
            longest = longest.max(run.len());
            at = run.end;
        }
        longest
    }

    #[inline(always)]
    fn start_from(&self, at: usize) -> Option<usize> {
        if at >= self.grains { None } else { self.marks.next(Set::Starts, at) }
    }

    /// Takes `n` grains: from the lowest run that has as many (or the highest),
    /// at its bottom or top.
    pub fn alloc(&mut self, n: usize, fit: Fit) -> Option<Addr> {
        let run = self.find(n, fit.high)?;
        let start = if fit.top { run.end - n } else { run.start };
        let base = self.addr_of(start);
        // Its owner will write there, as a rule first at its ends: fetched
        // while the tables change. A tenth of the time with sizes to 64 KB.
        arch::expect_write(base);
        arch::expect_write(base.add(n << self.shift).sub(1));
        self.take(run, n, fit.top);
        Some(base)
    }

    /// Takes from the lowest run of at least `n` grains: if it is `ample` then
    /// up to `most` (not less than `n`) of it, else `n`.
    pub fn alloc_run(&mut self, n: usize, ample: usize, most: usize) -> Option<(Addr, usize)> {
        let run = self.find(n, false)?;
        let n = if run.len() >= ample { run.len().min(most) } else { n };
        let start = self.take(run, n, false);
        Some((self.addr_of(start), n))
    }

    /// The lowest (highest) run of at least `n` grains.
    fn find(&self, n: usize, high: bool) -> Option<Run> {
        if n == 0 || self.longest() < n {
            return None;
        }
        let mut i = 1usize;
        while i < self.leaves {
            i = i * 2 + high as usize;
            // If it is not in the one then it is in the other.
            i ^= (self.top(i) < n) as usize;
        }
        let base = (i - self.leaves) * CELL;
        if high {
            let mut at = (base + CELL).min(self.grains).checked_sub(1)?;
            loop {
                let run = self.run(self.marks.prev(Set::Starts, at)?);
                if run.len() >= n {
                    return Some(run);
                }
                at = run.start.checked_sub(1)?;
            }
        }
        let mut at = base;
        loop {
            let run = self.run(self.start_from(at)?);
            if run.len() >= n {
                return Some(run);
            }
            at = run.end;
        }
    }

    /// The first run of free grains that starts not below `from`: for walking.
    pub fn next_free(&self, from: usize) -> Option<(usize, usize)> {
        let run = self.run(self.start_from(from)?);
        Some((run.start, run.len()))
    }

    /// The grain that an address inside lies in, and whether it is its first
    /// byte.
    #[inline]
    pub fn grain_of(&self, a: Addr) -> (usize, bool) {
        let off = a.since(self.base);
        (off >> self.shift, off & ((1usize << self.shift) - 1) == 0)
    }

    /// The place of `a`, which lies inside; none if it is in the middle of a grain.
    #[inline(always)]
    pub fn spot(&self, a: Addr) -> Option<Spot> {
        let (g, exact) = self.grain_of(a);
        let at = g / CELL;
        let owner = if at < self.units as usize { self.owner(at) } else { 0 };
        let unit = at - usize::from(owner.max(1) - 1);
        let extent = Addr::of(self).ptr();
        exact.then_some(Spot { extent, unit, place: g - unit * CELL, in_page: owner != 0 })
    }

    /// The address of a unit.
    #[inline(always)]
    pub fn unit_base(&self, unit: usize) -> Addr {
        self.addr_of(unit * CELL)
    }

    /// The extent of a page, whose first unit is `unit`.
    #[inline(always)]
    pub fn of_page(page: *mut Page, unit: usize) -> *mut Extent {
        Addr::of(page).sub(HEADER + unit * UNIT_BYTES).ptr()
    }

    #[inline(always)]
    fn owner(&self, unit: usize) -> u8 {
        // SAFETY: callers stay below `units`.
        unsafe { *self.owners.add(unit) }
    }

    fn set_owner(&mut self, unit: usize, owner: u8) {
        if unit < self.units as usize {
            // SAFETY: just looked at.
            unsafe { self.owners.add(unit).write(owner) };
        }
    }

    /// Could a page have these units?
    pub(super) fn has_units(&self, unit: usize, n: usize) -> bool {
        unit + n <= self.units as usize
    }

    /// The page that had these units is none any more.
    pub(super) fn disclaim(&mut self, unit: usize, n: usize) {
        for k in 0..n {
            self.set_owner(unit + k, 0);
        }
        self.pages -= 1;
    }

    /// The first page of which some is between grains `from` and `to`, and where to
    /// look for the next.
    pub(super) fn page_from(&self, from: usize, to: usize) -> Option<(*mut Page, usize)> {
        if self.pages == 0 {
            return None;
        }
        let units = from / CELL..to.div_ceil(CELL).min(self.units as usize);
        let at = units.into_iter().find(|u| self.owner(*u) != 0)?;
        let unit = at + 1 - usize::from(self.owner(at));
        Some((page_at(Addr::of(self).ptr(), unit), (at + 1) * CELL))
    }

    /// The address of grain `i`.
    #[inline]
    pub fn addr_of(&self, i: usize) -> Addr {
        self.base.add(i << self.shift)
    }
}

/// Where to take memory from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fit {
    /// The highest run that is long enough, rather than the lowest.
    pub high: bool,
    /// From its top, rather than its bottom.
    pub top: bool,
}
