//! A port round a port that fails one call: count the fallible calls of a run,
//! then fail the nth for each n.

use crate::base::addr::{Addr, Range, Size};
use crate::base::res::{Res, Result};
use crate::base::sets::AccessSet;
use crate::seam::port::{Caps, Context, FaultHandler, ForkHooks, Port, ThreadSlot};
use core::sync::atomic::{AtomicU64, Ordering};

/// Passes everything on; the call after [`Faulty::fail_after`] others fails
/// instead.
pub struct Faulty<'a> {
    inner: &'a dyn Port,
    calls: AtomicU64,
    fatal: AtomicU64,
    last: AtomicU64,
}

impl<'a> Faulty<'a> {
    /// Fails nothing yet.
    pub fn new(inner: &'a dyn Port) -> Self {
        let never = || AtomicU64::new(u64::MAX);
        Faulty { inner, calls: AtomicU64::new(0), fatal: never(), last: never() }
    }

    /// Counts from 0 again; fails the call that comes after `n` good ones, and
    /// only that.
    pub fn fail_after(&self, n: u64) {
        self.fail_range(n, n);
    }

    /// As [`Faulty::fail_after`], and every call after that one, too.
    pub fn fail_from(&self, n: u64) {
        self.fail_range(n, u64::MAX - 1);
    }

    /// Fails nothing any more, and counts from 0 again.
    pub fn fail_nothing(&self) {
        self.fail_range(u64::MAX, u64::MAX);
    }

    fn fail_range(&self, first: u64, last: u64) {
        self.calls.store(0, Ordering::Relaxed);
        self.fatal.store(first, Ordering::Relaxed);
        self.last.store(last, Ordering::Relaxed);
    }

    /// Fallible calls since counting began, the failed one included.
    pub fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }

    /// Has the failure come about?
    pub fn has_failed(&self) -> bool {
        self.calls() > self.fatal.load(Ordering::Relaxed)
    }

    fn may<R>(&self, res: Res, f: impl FnOnce(&dyn Port) -> Result<R>) -> Result<R> {
        let n = self.calls.fetch_add(1, Ordering::Relaxed);
        if n >= self.fatal.load(Ordering::Relaxed) && n <= self.last.load(Ordering::Relaxed) {
            return Err(res);
        }
        f(self.inner)
    }
}

// SAFETY: a call either does what the inner port does, or nothing.
unsafe impl Port for Faulty<'_> {
    fn capabilities(&self) -> Caps {
        self.inner.capabilities()
    }
    fn page_size(&self) -> Size {
        self.inner.page_size()
    }
    fn reserve(&self, size: Size, align: Size) -> Result<Addr> {
        self.may(Res::Resource, |p| p.reserve(size, align))
    }
    fn release(&self, base: Addr, size: Size) {
        self.inner.release(base, size);
    }
    fn map(&self, base: Addr, size: Size) -> Result {
        self.may(Res::Memory, |p| p.map(base, size))
    }
    fn unmap(&self, base: Addr, size: Size) {
        self.inner.unmap(base, size);
    }
    fn protect(&self, base: Addr, size: Size, denied: AccessSet) -> Result {
        // Not counted: to allow accesses must always work, and the core may
        // take a refusal to deny them as fatal.
        self.inner.protect(base, size, denied)
    }
    fn install_faults(&self, handler: FaultHandler) -> Result {
        self.inner.install_faults(handler)
    }
    fn install_fork(&self, hooks: &'static ForkHooks) -> Result {
        self.inner.install_fork(hooks)
    }
    fn thread_id(&self) -> usize {
        self.inner.thread_id()
    }
    fn thread_stack(&self) -> Option<Range> {
        self.inner.thread_stack()
    }
    unsafe fn thread_register(&self, slot: &ThreadSlot) -> Result {
        // SAFETY: as the caller says.
        self.may(Res::Fail, |p| unsafe { p.thread_register(slot) })
    }
    unsafe fn thread_deregister(&self, slot: &ThreadSlot) {
        // SAFETY: as the caller says.
        unsafe { self.inner.thread_deregister(slot) };
    }
    fn quietly(&self, f: &mut dyn FnMut()) {
        self.inner.quietly(f);
    }
    fn stop_begin(&self) {
        self.inner.stop_begin();
    }
    unsafe fn thread_stop(&self, slot: &ThreadSlot) -> Result {
        // SAFETY: as the caller says.
        unsafe { self.inner.thread_stop(slot) }
    }
    unsafe fn thread_wait(&self, slot: &ThreadSlot) -> Result {
        // SAFETY: as the caller says.
        unsafe { self.inner.thread_wait(slot) }
    }
    unsafe fn thread_context(&self, slot: &ThreadSlot) -> Context {
        // SAFETY: as the caller says.
        unsafe { self.inner.thread_context(slot) }
    }
    unsafe fn thread_resume(&self, slot: &ThreadSlot) {
        // SAFETY: as the caller says.
        unsafe { self.inner.thread_resume(slot) };
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
    use super::super::mock::{Mock, PAGE};
    use super::*;

    #[test]
    fn the_nth_call_fails() {
        let mock = Mock::new();
        let port = Faulty::new(&mock);
        let run = || -> Result {
            let a = port.reserve(2 * PAGE, PAGE)?;
            let r = port.map(a, PAGE).and_then(|()| port.map(a.add(PAGE), PAGE));
            port.release(a, 2 * PAGE);
            r
        };
        run().unwrap();
        let calls = port.calls();
        assert_eq!(calls, 3);
        for n in 0..calls {
            port.fail_after(n);
            assert!(run().is_err() && port.has_failed());
            run().unwrap();
            assert_eq!(mock.reservations(), 0);
        }
        port.fail_from(1);
        assert_eq!((run(), run()), (Err(Res::Memory), Err(Res::Resource)));
        port.fail_nothing();
        run().unwrap();
    }
}
