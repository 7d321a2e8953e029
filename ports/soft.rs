//! A software barrier: protection by a table, over any port.
//!
//! A machine without an MMU can't deny accesses, and a program may want no signals. So here
//! `protect` writes a table, with a byte of denied accesses for each unit of memory. The
//! program looks there before it reads or writes an object (`MPS_X_READ` and
//! `MPS_X_WRITE` in `mpsx.h`; `Mpm::will_access`), and calls the library
//! if the access is denied. Nothing above the port knows but for one rule: a denial must
//! not appear between a thread's look and its access ([`Caps::SOFT`]).
//!
//! Each arena has a port of its own of this kind. The table covers one stretch of addresses,
//! from the lowest to the highest that the arena has; where that would be too sparse, what
//! is far away is left out. Protection is refused there, which the library can live with:
//! what it would have protected is scanned each time.
//!
//! # Invariants
//! - All fields change under the lock of the one arena that uses the port.
//! - A description and its table stay as they are told until the port is retired, for some
//!   thread may be looking at an old one. Each has at least twice the units of the one
//!   before, so that all old ones together are no larger than the newest.
//! - Bytes of memory that is not mapped are 0.

use crate::base::addr::{Addr, Range, Size};
use crate::base::res::{Res, Result};
use crate::base::sets::AccessSet;
use crate::seam::port::{Caps, Context, FaultHandler, ForkHooks, Port, SoftTable, ThreadSlot};
use core::cell::Cell;
use core::ptr::null_mut;
use core::sync::atomic::{AtomicPtr, AtomicU8, Ordering};

/// A table may have this many units for each one of the memory it is for, and then some: a
/// 64th of all memory, if a unit is 4 KB. An estimate of what is still cheap.
const SPARSE: usize = 64;
/// Units that a table may have in any case: 1 MB of it, which covers 4 GB in pages of 4 KB.
/// Systems give out addresses that lie nearer than that.
const SPARSE_LEAST: usize = 1 << 20;

/// A table, and what is known of it. The units' bytes follow.
#[repr(C)]
struct Table {
    head: SoftTable,
    /// The one that it took the place of.
    previous: *mut Table,
    /// Bytes taken for it from the port below; 0 if it is in the client's memory.
    bytes: Size,
    /// Bytes of memory that it is there for.
    covers: Size,
}

/// A port that protects by a table.
pub struct Soft {
    inner: &'static dyn Port,
    shift: u32,
    table: Cell<*mut Table>,
    shown: Cell<Option<&'static AtomicPtr<SoftTable>>>,
    /// Bytes taken for this structure from the port below, or 0.
    bytes: Size,
}

// SAFETY: the cells change under the arena's lock only; what is called without it (such
// as `thread_id`) does not look at them.
unsafe impl Sync for Soft {}

impl Soft {
    fn new(inner: &'static dyn Port, unit: Size, bytes: Size) -> Soft {
        let shift = unit.trailing_zeros();
        Soft { inner, shift, table: Cell::new(null_mut()), shown: Cell::new(None), bytes }
    }

    /// A port over one that can reserve and map ([`Caps::VM`]), from which it takes what
    /// it needs. `unit`, a power of two and at least a page, is the unit of protection.
    ///
    /// # Errors
    /// Those of the port below.
    pub fn over(inner: &'static dyn Port, unit: Size) -> Result<&'static Soft> {
        let page = inner.page_size();
        let bytes = Addr(size_of::<Soft>()).up(page).0;
        let at = take(inner, bytes)?;
        // SAFETY: mapped, of that size, and ours.
        unsafe { at.ptr::<Soft>().write(Soft::new(inner, unit, bytes)) };
        // SAFETY: just written; stays until `retire`.
        Ok(unsafe { &*at.ptr::<Soft>() })
    }

    /// A port in memory that a client gives to an arena, and what is left of that memory.
    ///
    /// # Errors
    /// `Memory`: there is too little.
    ///
    /// # Safety
    /// The memory is writable and nobody else's for as long as the port is used.
    pub unsafe fn within(
        inner: &'static dyn Port,
        unit: Size,
        given: Range,
    ) -> Result<(&'static Soft, Range)> {
        let base = given.base.up(align_of::<Soft>());
        let rest = Range::new(base.add(size_of::<Soft>()), given.limit);
        if base < given.base || rest.base < base || rest.base > rest.limit {
            return Err(Res::Memory);
        }
        // SAFETY: aligned, in the memory given.
        unsafe { base.ptr::<Soft>().write(Soft::new(inner, unit, 0)) };
        // SAFETY: just written; stays as long as the memory.
        let soft = unsafe { &*base.ptr::<Soft>() };
        // SAFETY: as the caller says.
        let left = unsafe { soft.carve(rest) };
        if left.base == rest.base { Err(Res::Memory) } else { Ok((soft, left)) }
    }

    /// How to make an arena with a soft barrier over `port`: the port for it, and its memory,
    /// of which a part may have been taken.
    ///
    /// # Errors
    /// Those of [`Soft::over`] and [`Soft::within`].
    ///
    /// # Safety
    /// As for [`Soft::within`], if memory is given.
    pub unsafe fn beneath(
        port: &'static dyn Port,
        unit: Size,
        given: Option<Range>,
    ) -> Result<(&'static dyn Port, Option<Range>)> {
        let Some(given) = given else { return Ok((Soft::over(port, unit)?, None)) };
        // SAFETY: as the caller says.
        let (soft, rest) = unsafe { Soft::within(port, unit, given)? };
        Ok((soft, Some(rest)))
    }

    fn now(&self) -> Option<&Table> {
        // SAFETY: null or a table, which stays.
        unsafe { self.table.get().as_ref() }
    }

    /// The table's bytes for that part of `r` which is covered.
    fn units(&self, r: Range) -> &[AtomicU8] {
        let Some(t) = self.now() else { return &[] };
        let window = Range::sized(Addr(t.head.base), t.head.units << self.shift);
        let (base, limit) = (r.base.max(window.base), r.limit.min(window.limit));
        if base >= limit {
            return &[];
        }
        let from = base.since(window.base) >> self.shift;
        let count = ((limit.since(base) - 1) >> self.shift) + 1;
        // SAFETY: within the table, which stays.
        unsafe { core::slice::from_raw_parts(t.head.denied.add(from), count) }
    }

    fn covers(&self, r: Range) -> bool {
        self.units(r).len() << self.shift >= r.size()
    }

    fn set(&self, r: Range, denied: AccessSet) {
        self.units(r).iter().for_each(|u| u.store(denied.0, Ordering::Relaxed));
    }

    /// The stretch that a table for `r`, besides what is covered now, has to cover, and how
    /// many units that are. `None`: it would be too sparse.
    fn window(&self, r: Range) -> Option<(Range, usize)> {
        let unit = 1usize << self.shift;
        let (mut base, mut limit) = (r.base.down(unit), r.limit.up(unit));
        let (mut covers, mut least, mut below) = (r.size(), 0, true);
        if let Some(t) = self.now() {
            below = r.base < Addr(t.head.base);
            base = base.min(Addr(t.head.base));
            limit = limit.max(Addr(t.head.base).add(t.head.units << self.shift));
            covers = covers.checked_add(t.covers)?;
            least = t.head.units.checked_mul(2)?;
        }
        let units = limit.since(base) >> self.shift;
        let bound = (covers >> self.shift).saturating_mul(SPARSE).max(SPARSE_LEAST);
        if units > bound {
            return None;
        }
        // More on the side on which this was, for what comes later.
        let more = least.saturating_sub(units) << self.shift;
        if below && base.0 > more {
            base = base.sub(more);
        } else if let Some(l) = limit.0.checked_add(more) {
            limit = Addr(l);
        }
        Some((Range::new(base, limit), limit.since(base) >> self.shift))
    }

    fn footprint(units: usize) -> Size {
        Addr(size_of::<Table>() + units).up(align_of::<Table>()).0
    }

    /// Puts a table for `window` at `at`, with what the one before says, and shows it.
    ///
    /// # Safety
    /// There are [`Soft::footprint`] bytes, aligned for a table, all 0 and ours.
    unsafe fn install(&self, at: Addr, bytes: Size, covers: Size, window: Range) {
        let t: *mut Table = at.ptr();
        let denied: *mut AtomicU8 = at.add(size_of::<Table>()).ptr();
        let units = window.size() >> self.shift;
        let head = SoftTable { base: window.base.0, units, denied, shift: self.shift };
        let previous = self.table.get();
        let old = self.now().map_or(0, |t| t.covers);
        // SAFETY: as the caller says.
        unsafe { t.write(Table { head, previous, bytes, covers: old + covers }) };
        if let Some(p) = self.now() {
            let skip = Addr(p.head.base).since(window.base) >> self.shift;
            for i in 0..p.head.units {
                // SAFETY: both within their tables; the new one covers the old one.
                unsafe {
                    let byte = (*p.head.denied.add(i)).load(Ordering::Relaxed);
                    (*denied.add(skip + i)).store(byte, Ordering::Relaxed);
                }
            }
        }
        self.table.set(t);
        self.show();
    }

    fn show(&self) {
        if let Some(shown) = self.shown.get() {
            let t = self.table.get();
            if !t.is_null() {
                shown.store(t.cast(), Ordering::Release);
            }
        }
    }

    /// Covers memory that the port below has reserved, if that is not too sparse and there
    /// is memory for it.
    fn cover(&self, r: Range) {
        if self.covers(r) {
            return;
        }
        let Some((window, units)) = self.window(r) else { return };
        let bytes = Addr(Soft::footprint(units)).up(self.inner.page_size()).0;
        if let Ok(at) = take(self.inner, bytes) {
            // SAFETY: just mapped, so all 0.
            unsafe { self.install(at, bytes, r.size(), window) };
        }
    }

    /// Covers memory that a client gives, with a table at its beginning if a new one is
    /// needed. Returns what is left: all, if it can't be covered.
    ///
    /// # Safety
    /// As for [`Soft::within`].
    unsafe fn carve(&self, given: Range) -> Range {
        if self.covers(given) {
            return given;
        }
        let Some((window, units)) = self.window(given) else { return given };
        let at = given.base.up(align_of::<Table>());
        let bytes = Soft::footprint(units);
        // Not more than an eighth of it: then a barrier would cost more than it is worth.
        if at < given.base || bytes > given.size() / 8 || at.add(bytes) > given.limit {
            return given;
        }
        // Whole units: an arena has no use for less.
        let limit = given.limit.down(1 << self.shift);
        let rest = Range::new(at.add(bytes).up(1 << self.shift).min(limit), limit);
        // SAFETY: within the memory given.
        unsafe { at.ptr::<u8>().write_bytes(0, bytes) };
        // SAFETY: just cleared.
        unsafe { self.install(at, 0, given.size(), window) };
        rest
    }
}

/// Takes `bytes`, whole pages, from a port.
fn take(port: &dyn Port, bytes: Size) -> Result<Addr> {
    let at = port.reserve(bytes, port.page_size())?;
    port.map(at, bytes).inspect_err(|_| port.release(at, bytes))?;
    Ok(at)
}

// SAFETY: what the port below promises, and protection that is never taken for more than
// what a program looks up in the table.
unsafe impl Port for Soft {
    fn capabilities(&self) -> Caps {
        self.inner.capabilities().with(Caps::PROTECT).with(Caps::SOFT)
    }

    fn under(&self) -> Option<&'static dyn Port> {
        Some(self.inner)
    }

    fn page_size(&self) -> Size {
        1 << self.shift
    }

    fn reserve(&self, size: Size, align: Size) -> Result<Addr> {
        let base = self.inner.reserve(size, align)?;
        self.cover(Range::sized(base, size));
        Ok(base)
    }

    fn release(&self, base: Addr, size: Size) {
        self.set(Range::sized(base, size), AccessSet::EMPTY);
        self.inner.release(base, size);
    }

    fn map(&self, base: Addr, size: Size) -> Result {
        self.inner.map(base, size)
    }

    fn unmap(&self, base: Addr, size: Size) {
        self.set(Range::sized(base, size), AccessSet::EMPTY);
        self.inner.unmap(base, size);
    }

    unsafe fn adopt(&self, given: Range) -> Range {
        // SAFETY: as the caller says.
        unsafe { self.carve(given) }
    }

    fn disown(&self, given: Range) {
        if let Some(t) = self.now().filter(|t| given.contains(Addr::of(*t))) {
            self.table.set(t.previous);
            self.show();
        }
    }

    unsafe fn retire(&self) {
        let (inner, bytes) = (self.inner, self.bytes);
        let mut t = self.table.get();
        // SAFETY: tables stay until here; each is read before it goes.
        while let Some(table) = unsafe { t.as_ref() } {
            let (at, bytes) = (Addr::of(t), table.bytes);
            t = table.previous;
            if bytes != 0 {
                inner.release(at, bytes);
            }
        }
        if bytes != 0 {
            // The last use of it.
            inner.release(Addr::of(self), bytes);
        }
    }

    fn protect(&self, base: Addr, size: Size, denied: AccessSet) -> Result {
        let r = Range::sized(base, size);
        if !denied.is_empty() && !self.covers(r) {
            return Err(Res::Resource);
        }
        self.set(r, denied);
        Ok(())
    }

    /// Nothing: the program calls.
    fn install_faults(&self, _handler: FaultHandler) -> Result {
        Ok(())
    }

    fn install_fork(&self, hooks: &'static ForkHooks) -> Result {
        self.inner.install_fork(hooks)
    }

    fn show_table(&self, at: &'static AtomicPtr<SoftTable>) {
        self.shown.set(Some(at));
        self.show();
    }

    fn thread_id(&self) -> usize {
        self.inner.thread_id()
    }

    fn thread_stack(&self) -> Option<Range> {
        self.inner.thread_stack()
    }

    unsafe fn thread_register(&self, slot: &ThreadSlot) -> Result {
        // SAFETY: as the caller says; so below.
        unsafe { self.inner.thread_register(slot) }
    }

    unsafe fn thread_deregister(&self, slot: &ThreadSlot) {
        // SAFETY: as above.
        unsafe { self.inner.thread_deregister(slot) }
    }

    fn quietly(&self, f: &mut dyn FnMut()) {
        self.inner.quietly(f);
    }

    fn stop_begin(&self) {
        self.inner.stop_begin();
    }

    unsafe fn thread_stop(&self, slot: &ThreadSlot) -> Result {
        // SAFETY: as above.
        unsafe { self.inner.thread_stop(slot) }
    }

    unsafe fn thread_wait(&self, slot: &ThreadSlot) -> Result {
        // SAFETY: as above.
        unsafe { self.inner.thread_wait(slot) }
    }

    unsafe fn thread_context(&self, slot: &ThreadSlot) -> Context {
        // SAFETY: as above.
        unsafe { self.inner.thread_context(slot) }
    }

    unsafe fn thread_resume(&self, slot: &ThreadSlot) {
        // SAFETY: as above.
        unsafe { self.inner.thread_resume(slot) }
    }

    fn stop_end(&self) {
        self.inner.stop_end();
    }

    fn relax(&self, round: u32) {
        self.inner.relax(round);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::bare::Bare;
    use crate::ports::testing::mock::{Mock, PAGE};

    const W: AccessSet = AccessSet::WRITE;
    const RW: AccessSet = AccessSet::READ_WRITE;

    /// What is denied at an address, by the table that is shown.
    fn denied(shown: &AtomicPtr<SoftTable>, a: Addr) -> u8 {
        // SAFETY: `NONE`, or what a port that is in use has shown.
        let t = unsafe { &*shown.load(Ordering::Relaxed) };
        let bit = |m: AccessSet| if t.denies(a, m) { m.0 } else { 0 };
        bit(AccessSet::READ) | bit(W)
    }

    fn shown() -> &'static AtomicPtr<SoftTable> {
        static NONE: SoftTable = SoftTable::NONE;
        let none = core::ptr::from_ref(&NONE).cast_mut();
        std::boxed::Box::leak(std::boxed::Box::new(AtomicPtr::new(none)))
    }

    #[test]
    fn over_a_port() {
        // Ranges that lie near each other.
        let all = room(4 << 20);
        let bare: &'static Bare = std::boxed::Box::leak(std::boxed::Box::new(Bare::new(PAGE)));
        // SAFETY: leaked, and used for nothing else.
        unsafe { bare.give(all.base.ptr(), all.size()) };
        let soft = Soft::over(bare, PAGE).unwrap();
        let shown = shown();
        soft.show_table(shown);
        assert_eq!(denied(shown, Addr(64)), 0);
        // Many ranges: new tables say what the ones before said.
        let ranges: std::vec::Vec<Addr> = (0..20)
            .map(|i| {
                let a = soft.reserve((i + 1) * 4 * PAGE, PAGE).unwrap();
                soft.map(a, 4 * PAGE).unwrap();
                soft.protect(a, PAGE, W).unwrap();
                soft.protect(a.add(2 * PAGE), PAGE, RW).unwrap();
                a
            })
            .collect();
        for &a in &ranges {
            let states = [0, 1, 2, 3, 4].map(|i| denied(shown, a.add(i * PAGE + 77)));
            assert_eq!(states, [2, 0, 3, 0, 0]);
        }
        // Memory that goes is open when it comes back.
        soft.unmap(ranges[7], 4 * PAGE);
        assert_eq!((denied(shown, ranges[7]), denied(shown, ranges[8])), (0, 2));
        soft.release(ranges[8], 9 * 4 * PAGE);
        assert_eq!((denied(shown, ranges[8]), denied(shown, ranges[9])), (0, 2));
        soft.protect(ranges[9], PAGE, AccessSet::EMPTY).unwrap();
        assert_eq!(denied(shown, ranges[9]), 0);
        for (i, a) in ranges.iter().enumerate().filter(|(i, _)| *i != 8) {
            soft.release(*a, (i + 1) * 4 * PAGE);
        }
        // SAFETY: not used afterwards.
        unsafe { soft.retire() };
        // All has come back.
        bare.reserve(all.limit.down(PAGE).since(all.base.up(PAGE)), PAGE).unwrap();
    }

    #[test]
    fn no_memory_for_the_table() {
        let mock = Mock::leaked();
        mock.limit_memory(Some(0));
        assert!(Soft::over(mock, PAGE).is_err());
        assert_eq!(mock.reservations(), 0);
        mock.limit_memory(Some(PAGE));
        let soft = Soft::over(mock, PAGE).unwrap();
        // Nothing is covered: nothing can be denied, and all can be allowed.
        let a = soft.reserve(4 * PAGE, PAGE).unwrap();
        assert_eq!(soft.protect(a, PAGE, W), Err(Res::Resource));
        soft.protect(a, PAGE, AccessSet::EMPTY).unwrap();
        soft.release(a, 4 * PAGE);
        // SAFETY: not used afterwards.
        unsafe { soft.retire() };
        assert_eq!(mock.reservations(), 0);
    }

    /// Room for what a client gives; the port is made in it, so nothing is read that
    /// was there before.
    fn room(size: Size) -> Range {
        let v = std::vec![0xA7u8; size].leak();
        Range::sized(Addr::of(v.as_ptr()), size)
    }

    #[test]
    fn in_given_memory() {
        const UNIT: Size = 256;
        let mock = Mock::leaked();
        let all = room(1 << 20);
        let part = |from, size| Range::sized(all.base.add(from), size);
        let few = part(0, 64);
        // SAFETY: leaked, and used for nothing else; so below.
        assert!(unsafe { Soft::within(mock, UNIT, few) }.is_err());
        // SAFETY: as above.
        let (soft, rest) = unsafe { Soft::within(mock, UNIT, part(0, 64 << 10)) }.unwrap();
        assert!(rest.base.is_aligned(UNIT) && rest.size() > 62 << 10);
        let shown = shown();
        soft.show_table(shown);
        soft.protect(rest.base, UNIT, W).unwrap();
        let last = rest.limit.sub(UNIT);
        soft.protect(last, UNIT, RW).unwrap();
        assert_eq!([denied(shown, rest.base), denied(shown, last.add(255))], [2, 3]);
        // More, with a hole: a new table. Undone, the old one is back.
        let more = part(512 << 10, 256 << 10);
        // SAFETY: as above.
        let left = unsafe { soft.adopt(more) };
        assert!(left.base > more.base && left.size() > 240 << 10);
        soft.disown(more);
        assert_eq!(soft.protect(left.base, UNIT, W), Err(Res::Resource));
        // SAFETY: as above.
        let left = unsafe { soft.adopt(more) };
        soft.protect(left.base, UNIT, W).unwrap();
        let all = [left.base, left.limit.sub(1), rest.base, last];
        assert_eq!(all.map(|a| denied(shown, a)), [2, 0, 2, 3]);
        // A little that would take a large table: it is left as it is.
        let far = room(64 << 20);
        let far = Range::sized(far.limit.sub(8 << 10), 8 << 10);
        // SAFETY: as above.
        assert_eq!(unsafe { soft.adopt(far) }, far);
        assert_eq!(soft.protect(far.base.up(UNIT), UNIT, W), Err(Res::Resource));
        assert_eq!(all.map(|a| denied(shown, a)), [2, 0, 2, 3]);
        // SAFETY: not used afterwards.
        unsafe { soft.retire() };
        assert_eq!(mock.reservations(), 0);
    }
}
