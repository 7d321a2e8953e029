//! The extents of a pool, in order of address.
//!
//! Tables in memory that the caller provides: the extents sorted by base, their
//! bases again (a search by address reads nothing else), and a tree of the
//! longest free run below each place, so that both an address and a fit are
//! found in O(log n). Adding and removing an extent
//! moves the tables' tails: a few bytes for every extent there is, against the
//! tens of kilobytes that an extent brings with it.

use super::extent::{CELL, Extent, Fit, NotInUse, Spot};
use crate::base::addr::{Addr, Size};
use core::ptr::NonNull;

/// All extents of a pool, in order of address. Used under the pool's lock.
pub struct Field {
    at: *mut *mut Extent,
    bases: *mut Addr,
    tops: *mut u32,
    cap: usize,
    len: usize,
    /// Grains that are to stay, in extents no larger than this.
    reserve: usize,
    /// Extents that are entirely free: those that may be part of the reserve,
    /// and the others.
    empty: [*mut Extent; 2],
    /// Grains of the first kind.
    idle: usize,
    /// Grains in all extents.
    pub grains: usize,
    /// Of them, free.
    pub free: usize,
}

impl Default for Field {
    fn default() -> Field {
        Field::new(0)
    }
}

impl Field {
    /// No extents, and no room for any. So many grains in extents that are
    /// entirely free are not told of.
    pub const fn new(reserve: usize) -> Field {
        Field {
            reserve,
            idle: 0,
            at: core::ptr::null_mut(),
            bases: core::ptr::null_mut(),
            tops: core::ptr::null_mut(),
            cap: 0,
            len: 0,
            empty: [core::ptr::null_mut(); 2],
            grains: 0,
            free: 0,
        }
    }

    /// How many extents there are.
    #[inline]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Are there none?
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// How many there is room for.
    #[inline]
    pub fn capacity(&self) -> usize {
        self.cap
    }

    /// Bytes that the tables for `cap` extents (a power of two) take.
    pub fn footprint(cap: usize) -> Option<Size> {
        cap.checked_mul(size_of::<*mut Extent>() + size_of::<Addr>() + 2 * size_of::<u32>())
    }

    /// Where the tables are.
    pub fn tables(&self) -> Addr {
        Addr(self.at as usize)
    }

    /// Moves the tables to `mem`, with room for `cap`; gives the old ones back.
    ///
    /// # Safety
    /// `mem` has `footprint(cap)` bytes, aligned to a word, ours; `cap` is a
    /// power of two, at least 2, and not less than `len`.
    pub unsafe fn rehouse(&mut self, mem: Addr, cap: usize) -> (Addr, usize) {
        let old = (Addr::of(self.at), self.cap);
        let at: *mut *mut Extent = mem.ptr();
        // SAFETY: each table follows the one before.
        let bases: *mut Addr = unsafe { at.add(cap) }.cast();
        for i in 0..self.len {
            // SAFETY: all four tables have `len` entries at least.
            unsafe {
                at.add(i).write(*self.at.add(i));
                bases.add(i).write(*self.bases.add(i));
            }
        }
        self.at = at;
        self.bases = bases;
        // SAFETY: as above.
        self.tops = unsafe { bases.add(cap) }.cast();
        self.cap = cap;
        for i in 0..cap * 2 {
            // SAFETY: inside the third table.
            unsafe { self.tops.add(i).write(0) };
        }
        self.retop(0);
        old
    }

    /// The extent at place `i`.
    pub fn get(&self, i: usize) -> Option<*mut Extent> {
        // SAFETY: places below `len` are filled in.
        if i < self.len { Some(unsafe { *self.at.add(i) }) } else { None }
    }

    /// An extent that is entirely free, and not of the reserve.
    pub fn empty(&self) -> Option<*mut Extent> {
        let [small, other] = self.empty;
        if !other.is_null() {
            return Some(other);
        }
        // SAFETY: those in the lists are alive.
        let small = NonNull::new(small)
            .filter(|e| unsafe { self.idle - (*e.as_ptr()).grains >= self.reserve });
        small.map(|e| e.as_ptr())
    }

    /// An extent that is entirely free.
    pub fn any_empty(&self) -> Option<*mut Extent> {
        self.empty.iter().rev().copied().find(|e| !e.is_null())
    }

    /// The list for an extent that is entirely free, the reserve's or not.
    fn list_for(&mut self, grains: usize) -> (&mut *mut Extent, bool) {
        let [small, other] = &mut self.empty;
        if grains <= self.reserve { (small, true) } else { (other, false) }
    }

    /// Computes the tree again for all places from `from` on.
    fn retop(&mut self, from: usize) {
        if self.cap == 0 {
            return;
        }
        for i in from..self.cap {
            let top = match self.get(i) {
                // SAFETY: extents in the table are alive.
                Some(e) => unsafe { (*e).longest() as u32 },
                None => 0,
            };
            // SAFETY: the tree has `2 * cap` entries.
            unsafe { self.tops.add(self.cap + i).write(top) };
        }
        let mut lo = (self.cap + from) / 2;
        let mut hi = self.cap;
        while lo != 0 {
            for i in lo..hi {
                self.pull(i);
            }
            lo /= 2;
            hi /= 2;
        }
    }

    /// Computes an inner entry of the tree. True if it changed.
    fn pull(&mut self, i: usize) -> bool {
        // SAFETY: `i` and its children are in the tree.
        unsafe {
            let l = *self.tops.add(i * 2);
            let r = *self.tops.add(i * 2 + 1);
            let t = self.tops.add(i);
            let changed = *t != l.max(r);
            *t = l.max(r);
            changed
        }
    }

    fn top(&self, i: usize) -> usize {
        // SAFETY: callers stay in the tree.
        unsafe { *self.tops.add(i) as usize }
    }

    /// The longest run of free grains anywhere.
    #[inline]
    pub fn longest(&self) -> usize {
        if self.cap == 0 { 0 } else { self.top(1) }
    }

    /// An extent has changed.
    fn changed(&mut self, i: usize, e: &Extent) {
        let mut k = self.cap + i;
        let new = e.longest();
        if self.top(k) == new {
            return;
        }
        // SAFETY: in the tree.
        unsafe { self.tops.add(k).write(new as u32) };
        k /= 2;
        while k != 0 && self.pull(k) {
            k /= 2;
        }
    }

    /// The first place whose extent begins above `a`.
    #[inline(always)]
    fn place(&self, a: Addr) -> usize {
        // No branch depends on what is found: which way it goes can't be
        // foretold, and would cost more than the search.
        let mut at = self.bases.cast_const();
        let mut n = self.len;
        while n > 1 {
            let half = n / 2;
            // SAFETY: below `len`.
            unsafe {
                let next = at.add(half);
                at = core::hint::select_unpredictable(*next <= a, next, at);
            }
            n -= half;
        }
        // SAFETY: as above, if there is any; both in the table.
        unsafe { at.offset_from_unsigned(self.bases) + (n != 0 && *at <= a) as usize }
    }

    /// The place of `a`, if it is in an extent, at a multiple of a grain.
    #[inline(always)]
    pub fn spot(&self, a: Addr) -> Option<Spot> {
        let (_, e) = self.find(a)?;
        // SAFETY: alive.
        unsafe { (*e).spot(a) }
    }

    /// The place of the extent that `a` lies in.
    #[inline(always)]
    fn find(&self, a: Addr) -> Option<(usize, *mut Extent)> {
        let i = self.place(a).checked_sub(1)?;
        let e = self.get(i)?;
        // SAFETY: alive.
        let inside = unsafe { a.since((*e).base) < (*e).size };
        inside.then_some((i, e))
    }

    /// Adds an extent, all free. False: the tables are full.
    ///
    /// # Safety
    /// `e` is alive until it is removed, uses the same grain as the others, and
    /// overlaps none.
    pub unsafe fn insert(&mut self, e: *mut Extent) -> bool {
        if self.len == self.cap {
            return false;
        }
        // SAFETY: alive.
        let (base, grains) = unsafe { ((*e).base, (*e).grains) };
        let i = self.place(base);
        // SAFETY: there is room for one more.
        unsafe {
            let p = self.at.add(i);
            core::ptr::copy(p, p.add(1), self.len - i);
            p.write(e);
            let p = self.bases.add(i);
            core::ptr::copy(p, p.add(1), self.len - i);
            p.write(base);
        }
        self.len += 1;
        self.grains += grains;
        self.free += grains;
        self.list(e);
        self.retop(i);
        true
    }

    /// Takes an extent out, in whatever state it is.
    ///
    /// # Safety
    /// It is in here.
    pub unsafe fn remove(&mut self, e: *mut Extent) {
        // SAFETY: alive, says the caller.
        let (base, grains, free, all) =
            unsafe { ((*e).base, (*e).grains, (*e).free, (*e).is_empty()) };
        let Some((i, _)) = self.find(base) else { return };
        if all {
            self.unlist(e);
        }
        // SAFETY: below `len`.
        unsafe {
            let p = self.at.add(i);
            core::ptr::copy(p.add(1), p, self.len - i - 1);
            let p = self.bases.add(i);
            core::ptr::copy(p.add(1), p, self.len - i - 1);
        }
        self.len -= 1;
        self.grains -= grains;
        self.free -= free;
        self.retop(i);
    }

    fn list(&mut self, e: *mut Extent) {
        // SAFETY: alive, as are those in the list.
        unsafe {
            let grains = (*e).grains;
            let (head, idle) = self.list_for(grains);
            (*e).prev = core::ptr::null_mut();
            (*e).next = *head;
            if !head.is_null() {
                (**head).prev = e;
            }
            *head = e;
            self.idle += if idle { grains } else { 0 };
        }
    }

    fn unlist(&mut self, e: *mut Extent) {
        // SAFETY: alive, as are those in the list.
        unsafe {
            let grains = (*e).grains;
            let (head, idle) = self.list_for(grains);
            if (*e).prev.is_null() {
                *head = (*e).next;
            } else {
                (*(*e).prev).next = (*e).next;
            }
            if !(*e).next.is_null() {
                (*(*e).next).prev = (*e).prev;
            }
            (*e).next = core::ptr::null_mut();
            (*e).prev = core::ptr::null_mut();
            self.idle -= if idle { grains } else { 0 };
        }
    }

    /// The extent to take `n` grains from.
    fn choose(&self, n: usize, high: bool) -> Option<usize> {
        if n == 0 || self.longest() < n {
            return None;
        }
        let mut i = 1usize;
        while i < self.cap {
            let l = i * 2;
            let r = l + 1;
            let (near, far) = if high { (r, l) } else { (l, r) };
            i = if self.top(near) >= n { near } else { far };
        }
        Some(i - self.cap)
    }

    fn settle(&mut self, i: usize, e: *mut Extent, was_empty: bool, taken: usize) {
        self.free -= taken;
        if was_empty {
            self.unlist(e);
        }
        // SAFETY: alive; nobody else has a reference to it.
        self.changed(i, unsafe { &*e });
    }

    /// Takes `n` grains.
    pub fn alloc(&mut self, n: usize, fit: Fit) -> Option<Addr> {
        let i = self.choose(n, fit.high)?;
        let e = self.get(i)?;
        // SAFETY: alive; nobody else has a reference to it.
        let ext = unsafe { &mut *e };
        let was_empty = ext.is_empty();
        let a = ext.alloc(n, fit)?;
        self.settle(i, e, was_empty, n);
        Some(a)
    }

    /// Takes from the lowest run of at least `n` grains, as
    /// [`Extent::alloc_run`].
    pub fn alloc_run(&mut self, n: usize, ample: usize, most: usize) -> Option<(Addr, usize)> {
        let i = self.choose(n, false)?;
        let e = self.get(i)?;
        // SAFETY: alive; nobody else has a reference to it.
        let ext = unsafe { &mut *e };
        let was_empty = ext.is_empty();
        let (a, n) = ext.alloc_run(n, ample, most)?;
        self.settle(i, e, was_empty, n);
        Some((a, n))
    }

    /// Takes so many units for a page: whole ones, side by side.
    pub fn alloc_units(&mut self, units: usize, fit: Fit) -> Option<Spot> {
        let n = units * CELL;
        // As a rule what is free begins with a unit, because pages were there.
        let a = self.alloc(n, fit)?;
        let at = self.spot(a)?;
        // SAFETY: in the field.
        let has = |at: &Spot, unit: usize| unsafe { (*at.extent()).has_units(unit, units) };
        if at.place() == 0 && has(&at, at.unit()) {
            return Some(at);
        }
        self.free_own(at.extent(), at.unit() * CELL + at.place(), n);
        let a = self.alloc(n + CELL - 1, fit)?;
        let at = self.spot(a)?;
        let (start, unit) = (at.unit() * CELL + at.place(), at.unit() + (at.place() != 0) as usize);
        let (first, end) = (unit * CELL, start + n + CELL - 1);
        if !has(&at, unit) {
            self.free_own(at.extent(), start, end - start);
            return None;
        }
        self.free_own(at.extent(), start, first - start);
        self.free_own(at.extent(), first + n, end - first - n);
        // SAFETY: in the field.
        unsafe { (*at.extent()).spot((*at.extent()).unit_base(unit)) }
    }

    /// Frees `n` grains from `a` on. True: the extent is now entirely free.
    ///
    /// # Errors
    /// `NotInUse`: not all of that was in use; nothing has changed.
    pub fn free(&mut self, a: Addr, n: usize) -> Result<bool, NotInUse> {
        let (i, e) = self.find(a).ok_or(NotInUse)?;
        self.free_in(i, e, a, n)
    }

    /// Frees `n` grains of an extent, which are in use, from grain `start` on; if there are any.
    pub(super) fn free_own(&mut self, e: *mut Extent, start: usize, n: usize) {
        if n == 0 {
            return;
        }
        // SAFETY: in the field, say callers.
        let (base, a) = unsafe { ((*e).base, (*e).addr_of(start)) };
        let done = self.find(base).is_some_and(|(i, e)| self.free_in(i, e, a, n).is_ok());
        crate::aver_critical!(done, "what the field gave is in use in it");
        let _ = done;
    }

    fn free_in(&mut self, i: usize, e: *mut Extent, a: Addr, n: usize) -> Result<bool, NotInUse> {
        // SAFETY: alive; nobody else has a reference to it.
        let ext = unsafe { &mut *e };
        let (start, exact) = ext.grain_of(a);
        if !exact {
            return Err(NotInUse);
        }
        ext.set_free(start, n)?;
        self.free += n;
        let all = ext.is_empty();
        // SAFETY: as above; the reference before is no longer used.
        self.changed(i, unsafe { &*e });
        if all {
            self.list(e);
        }
        Ok(all)
    }

    /// Are the `n` grains from `a` on in use?
    pub fn in_use(&self, a: Addr, n: usize) -> bool {
        self.find(a).is_some_and(|(_, e)| {
            // SAFETY: alive.
            let ext = unsafe { &*e };
            let (start, exact) = ext.grain_of(a);
            exact && ext.in_use(start, n)
        })
    }
}
