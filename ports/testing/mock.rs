//! A port over the test program's own heap. It knows the state of every page,
//! asserts the state table of `seam::port`, and keeps protections in a book
//! instead of a page table: a test asks what an access would do, or makes one
//! through [`Mock::access`], which faults as hardware would.

use crate::base::addr::{Addr, Size};
use crate::base::res::{Res, Result};
use crate::base::sets::AccessSet;
use crate::seam::port::{Caps, FaultHandler, Port};
use std::alloc::{Layout, alloc, dealloc};
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::vec::Vec;

/// The mock's page size: small, so that tests of page tables stay small.
pub const PAGE: Size = 4096;

/// What a reserved page is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Page {
    /// Address space only.
    Reserved,
    /// Memory, with these accesses denied.
    Mapped(AccessSet),
}

/// How often each service was called.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Calls {
    pub reserve: u32,
    pub release: u32,
    pub map: u32,
    pub unmap: u32,
    pub protect: u32,
    pub faults: u32,
}

struct Reserved {
    pages: Vec<Page>,
    layout: Layout,
}

#[derive(Default)]
struct State {
    /// By base address.
    reserved: BTreeMap<usize, Reserved>,
    mapped: Size,
    most: Size,
    frames: Option<Size>,
    space: Option<Size>,
    pieces: Option<usize>,
    calls: Calls,
    protections: Vec<(Addr, Size, AccessSet)>,
    handler: Option<FaultHandler>,
}

impl State {
    /// Bytes of address space reserved.
    fn taken(&self) -> Size {
        self.reserved.values().map(|r| r.layout.size()).sum()
    }

    /// How many pieces the system has to tell apart: runs of pages alike.
    fn pieces(&self) -> usize {
        let of = |r: &Reserved| r.pages.chunk_by(|a, b| a == b).count();
        self.reserved.values().map(of).sum()
    }

    /// Would there be too many pieces if these pages were `like`?
    fn too_many(&mut self, base: Addr, size: Size, like: Page) -> bool {
        let Some(most) = self.pieces else { return false };
        let mut old = Vec::new();
        let before = self.pieces();
        self.each("pieces", base, size, |_, p| old.push(core::mem::replace(p, like)));
        let after = self.pieces();
        let mut old = old.into_iter();
        self.each("pieces", base, size, |_, p| *p = old.next().unwrap_or(like));
        after > before && after > most
    }

    /// Runs `f` on each page of a range that must lie in one reservation.
    fn each(&mut self, what: &str, base: Addr, size: Size, mut f: impl FnMut(usize, &mut Page)) {
        assert!(size > 0 && size.is_multiple_of(PAGE), "{what}: size {size}");
        assert!(base.is_aligned(PAGE), "{what}: base {base:?}");
        let found = self.reserved.range_mut(..=base.0).next_back();
        let (start, r) = found.unwrap_or_else(|| panic!("{what}: {base:?} is not reserved"));
        let first = (base.0 - start) / PAGE;
        let pages = r.pages.get_mut(first..first + size / PAGE);
        let pages = pages.unwrap_or_else(|| panic!("{what}: {base:?}+{size:x} is not reserved"));
        for (i, p) in pages.iter_mut().enumerate() {
            f(base.0 + i * PAGE, p);
        }
    }
}

/// The port. Every instance is a machine of its own.
pub struct Mock {
    state: Mutex<State>,
    caps: Caps,
}

impl Default for Mock {
    fn default() -> Self {
        Mock::new()
    }
}

impl Mock {
    /// A machine with memory and protection, and one thread.
    pub fn new() -> Mock {
        Mock::with(Caps::VM.with(Caps::PROTECT))
    }

    /// One that claims only these.
    pub fn with(caps: Caps) -> Mock {
        Mock { state: Mutex::default(), caps }
    }

    /// One that lives as long as the program, as an instance wants it.
    pub fn leaked() -> &'static Mock {
        std::boxed::Box::leak(std::boxed::Box::new(Mock::new()))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on mapping fails where more than `limit` bytes would be mapped: a
    /// machine with so many frames. What is unmapped or released gives them back.
    pub fn limit_memory(&self, limit: Option<Size>) {
        self.state().frames = limit;
    }

    /// From now on reserving fails where more than `limit` bytes would be reserved.
    pub fn limit_space(&self, limit: Option<Size>) {
        self.state().space = limit;
    }

    /// From now on mapping and changing protection fail where that would make more
    /// than `limit` pieces: runs of pages in the same state, which is what Linux
    /// calls mappings and has a bound for. Without a limit, counting is not done.
    pub fn limit_pieces(&self, limit: Option<usize>) {
        self.state().pieces = limit;
    }

    /// Runs of pages in the same state now.
    pub fn pieces(&self) -> usize {
        self.state().pieces()
    }

    /// Bytes reserved now.
    pub fn reserved(&self) -> Size {
        self.state().taken()
    }

    /// Bytes mapped now, and at most so far.
    pub fn mapped(&self) -> (Size, Size) {
        let s = self.state();
        (s.mapped, s.most)
    }

    /// Ranges reserved now.
    pub fn reservations(&self) -> usize {
        self.state().reserved.len()
    }

    /// The calls so far.
    pub fn calls(&self) -> Calls {
        self.state().calls
    }

    /// The protections asked for since this was last called, in order.
    pub fn take_protections(&self) -> Vec<(Addr, Size, AccessSet)> {
        core::mem::take(&mut self.state().protections)
    }

    /// What the page of this address is, `None` outside what is reserved.
    pub fn page(&self, a: Addr) -> Option<Page> {
        let s = self.state();
        let (start, r) = s.reserved.range(..=a.0).next_back()?;
        r.pages.get((a.0 - start) / PAGE).copied()
    }

    /// Would this access fault? (Where nothing is mapped, too.)
    pub fn would_fault(&self, a: Addr, write: bool) -> bool {
        let kind = if write { AccessSet::WRITE } else { AccessSet::READ };
        match self.page(a) {
            Some(Page::Mapped(denied)) => denied.meets(kind),
            Some(Page::Reserved) | None => true,
        }
    }

    /// Makes an access: while it would fault, the installed handler is called,
    /// as hardware would. False if the handler disowns it; it must not go on
    /// for ever. How many faults it took: see [`Mock::calls`].
    pub fn access(&self, a: Addr, write: bool) -> bool {
        for _ in 0..8 {
            if !self.would_fault(a, write) {
                return true;
            }
            let handler = {
                let mut s = self.state();
                s.calls.faults += 1;
                s.handler
            };
            let Some(handler) = handler else { return false };
            // SAFETY: a fault on memory of ours, on the thread that accesses it.
            if unsafe { handler(a.0, i32::from(write)) } == 0 {
                return false;
            }
        }
        panic!("the handler says it is done, and the access still faults: {a:?}");
    }
}

impl Drop for Mock {
    fn drop(&mut self) {
        for (base, r) in &self.state().reserved {
            // SAFETY: from `reserve`, and given back once.
            unsafe { dealloc(Addr(*base).ptr(), r.layout) };
        }
    }
}

// SAFETY: reservations are the heap's own blocks; it claims to stop no threads.
unsafe impl Port for Mock {
    fn capabilities(&self) -> Caps {
        self.caps
    }

    fn page_size(&self) -> Size {
        PAGE
    }

    fn reserve(&self, size: Size, align: Size) -> Result<Addr> {
        assert!(size > 0 && size.is_multiple_of(PAGE), "reserve: size {size}");
        assert!(align.is_power_of_two() && align >= PAGE, "reserve: align {align}");
        let mut s = self.state();
        s.calls.reserve += 1;
        if s.space.is_some_and(|l| s.taken() + size > l) {
            return Err(Res::Resource);
        }
        let layout = Layout::from_size_align(size, align).map_err(|_| Res::Resource)?;
        // SAFETY: not of size zero.
        let p = unsafe { alloc(layout) };
        if p.is_null() {
            return Err(Res::Resource);
        }
        let base = Addr::of(p);
        let pages = std::vec![Page::Reserved; size / PAGE];
        s.reserved.insert(base.0, Reserved { pages, layout });
        Ok(base)
    }

    fn release(&self, base: Addr, size: Size) {
        let mut s = self.state();
        s.calls.release += 1;
        let r = s.reserved.remove(&base.0);
        let r = r.unwrap_or_else(|| panic!("release: {base:?} is not the base of a reservation"));
        assert_eq!(r.layout.size(), size, "release: not the whole of it");
        let mapped = r.pages.iter().filter(|p| matches!(p, Page::Mapped(_))).count();
        s.mapped -= mapped * PAGE;
        // SAFETY: from `reserve`, and given back once.
        unsafe { dealloc(base.ptr(), r.layout) };
    }

    fn map(&self, base: Addr, size: Size) -> Result {
        let mut s = self.state();
        s.calls.map += 1;
        if s.frames.is_some_and(|l| s.mapped + size > l)
            || s.too_many(base, size, Page::Mapped(AccessSet::EMPTY))
        {
            return Err(Res::Memory);
        }
        s.each("map", base, size, |a, p| {
            assert_eq!(*p, Page::Reserved, "map: {a:x}");
            *p = Page::Mapped(AccessSet::EMPTY);
        });
        s.mapped += size;
        s.most = s.most.max(s.mapped);
        // SAFETY: in a block of ours.
        unsafe { base.ptr::<u8>().write_bytes(0, size) };
        Ok(())
    }

    fn unmap(&self, base: Addr, size: Size) {
        let mut s = self.state();
        s.calls.unmap += 1;
        s.each("unmap", base, size, |a, p| {
            assert!(matches!(p, Page::Mapped(_)), "unmap: {a:x} is not mapped");
            *p = Page::Reserved;
        });
        s.mapped -= size;
        // Whoever still reads it shall notice.
        // SAFETY: in a block of ours.
        unsafe { base.ptr::<u8>().write_bytes(0xD5, size) };
    }

    fn protect(&self, base: Addr, size: Size, denied: AccessSet) -> Result {
        assert!(self.caps.has(Caps::PROTECT), "protect: not claimed");
        let mut s = self.state();
        s.calls.protect += 1;
        if s.too_many(base, size, Page::Mapped(denied)) {
            return Err(Res::Memory);
        }
        s.each("protect", base, size, |a, p| {
            assert!(matches!(p, Page::Mapped(_)), "protect: {a:x} is not mapped");
            *p = Page::Mapped(denied);
        });
        s.protections.push((base, size, denied));
        Ok(())
    }

    fn install_faults(&self, handler: FaultHandler) -> Result {
        self.state().handler = Some(handler);
        Ok(())
    }

    fn thread_id(&self) -> usize {
        std::thread_local!(static HERE: u8 = const { 0 });
        HERE.with(|h| Addr::of(h).0)
    }

    fn relax(&self, _round: u32) {
        std::thread::yield_now();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::sync::atomic::{AtomicPtr, Ordering};

    #[test]
    fn states_are_kept() {
        let m = Mock::new();
        let a = m.reserve(8 * PAGE, 4 * PAGE).unwrap();
        assert!(m.would_fault(a, false));
        m.map(a.add(PAGE), 2 * PAGE).unwrap();
        assert_eq!(m.mapped(), (2 * PAGE, 2 * PAGE));
        m.protect(a.add(PAGE), PAGE, AccessSet::WRITE).unwrap();
        assert!(!m.would_fault(a.add(PAGE), false) && m.would_fault(a.add(PAGE), true));
        assert_eq!(m.take_protections(), [(a.add(PAGE), PAGE, AccessSet::WRITE)]);
        m.unmap(a.add(PAGE), PAGE);
        assert_eq!(m.page(a.add(PAGE)), Some(Page::Reserved));
        m.limit_memory(Some(2 * PAGE));
        assert_eq!(m.map(a.add(4 * PAGE), 2 * PAGE), Err(Res::Memory));
        assert_eq!(m.page(a.add(4 * PAGE)), Some(Page::Reserved));
        m.release(a, 8 * PAGE);
        assert_eq!((m.mapped().0, m.reservations(), m.page(a)), (0, 0, None));
    }

    #[test]
    fn what_is_short_is_refused() {
        let m = Mock::new();
        m.limit_space(Some(8 * PAGE));
        let a = m.reserve(8 * PAGE, PAGE).unwrap();
        assert_eq!(m.reserve(PAGE, PAGE), Err(Res::Resource));
        assert_eq!((m.reserved(), m.pieces()), (8 * PAGE, 1));
        m.limit_pieces(Some(3));
        m.map(a.add(PAGE), 4 * PAGE).unwrap();
        // One in the middle makes two more, one at the end joins.
        assert_eq!(m.protect(a.add(2 * PAGE), PAGE, AccessSet::WRITE), Err(Res::Memory));
        assert_eq!(m.map(a.add(6 * PAGE), PAGE), Err(Res::Memory));
        assert_eq!((m.page(a.add(6 * PAGE)), m.pieces()), (Some(Page::Reserved), 3));
        m.map(a.add(5 * PAGE), 3 * PAGE).unwrap();
        assert_eq!(m.pieces(), 2);
        m.protect(a.add(PAGE), PAGE, AccessSet::WRITE).unwrap();
        m.release(a, 8 * PAGE);
        m.reserve(8 * PAGE, PAGE).unwrap();
    }

    #[test]
    #[should_panic(expected = "map:")]
    fn mapping_twice() {
        let m = Mock::new();
        let a = m.reserve(PAGE, PAGE).unwrap();
        m.map(a, PAGE).unwrap();
        let _ = m.map(a, PAGE);
    }

    #[test]
    #[should_panic(expected = "not mapped")]
    fn protecting_nothing() {
        let m = Mock::new();
        let a = m.reserve(PAGE, PAGE).unwrap();
        let _ = m.protect(a, PAGE, AccessSet::WRITE);
    }

    #[test]
    fn accesses_fault() {
        static MACHINE: AtomicPtr<Mock> = AtomicPtr::new(core::ptr::null_mut());
        unsafe extern "C" fn lower(addr: usize, write: i32) -> i32 {
            // SAFETY: set below, for ever.
            let m = unsafe { &*MACHINE.load(Ordering::Relaxed) };
            let left = if write != 0 { AccessSet::EMPTY } else { AccessSet::WRITE };
            i32::from(m.protect(Addr(addr).down(PAGE), PAGE, left).is_ok())
        }
        let m = Mock::leaked();
        MACHINE.store(core::ptr::from_ref(m).cast_mut(), Ordering::Relaxed);
        let a = m.reserve(PAGE, PAGE).unwrap();
        m.map(a, PAGE).unwrap();
        m.protect(a, PAGE, AccessSet::READ_WRITE).unwrap();
        assert!(!m.access(a, false));
        m.install_faults(lower).unwrap();
        assert!(m.access(a, false) && m.access(a, true) && m.access(a, true));
        assert_eq!(m.calls().faults, 3);
    }
}
