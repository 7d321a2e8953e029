//! Linux: POSIX, and what a signal frame looks like ([`context`]).

pub(crate) mod context;

use super::unix::{fork, prot, signals, threads, vm};
use crate::base::addr::{Addr, Size};
use crate::base::res::Result;
use crate::base::sets::AccessSet;
use crate::seam::port::{Caps, Context, FaultHandler, ForkHooks, Port, Quiet, ThreadSlot};

/// The port of the system this was built for. It holds nothing itself: what
/// there is to know is per process, and in `ports/unix`.
#[derive(Clone, Copy, Debug)]
pub struct Linux;

/// The one there is.
pub static LINUX: Linux = Linux;

// SAFETY: `vm` hands out mappings of its own, whose memory the kernel clears;
// `threads` reports a thread as stopped only from inside its handler, which
// leaves when resumed.
unsafe impl Port for Linux {
    fn capabilities(&self) -> Caps {
        Caps::VM.with(Caps::PROTECT).with(Caps::THREADS)
    }

    fn page_size(&self) -> Size {
        vm::page_size()
    }

    fn reserve(&self, size: Size, align: Size) -> Result<Addr> {
        vm::reserve(size, align)
    }

    fn release(&self, base: Addr, size: Size) {
        vm::release(base, size);
    }

    fn map(&self, base: Addr, size: Size) -> Result {
        vm::map(base, size)
    }

    fn unmap(&self, base: Addr, size: Size) {
        vm::unmap(base, size);
    }

    fn protect(&self, base: Addr, size: Size, denied: AccessSet) -> Result {
        prot::protect(base, size, denied)
    }

    fn install_faults(&self, handler: FaultHandler) -> Result {
        prot::install(handler)
    }

    fn install_fork(&self, hooks: &'static ForkHooks) -> Result {
        fork::install(hooks)
    }

    fn thread_id(&self) -> usize {
        signals::id()
    }

    fn thread_register(&self, slot: &ThreadSlot) -> Result {
        threads::register(slot)
    }

    fn thread_deregister(&self, slot: &ThreadSlot) {
        threads::deregister(slot);
    }

    fn quiet_begin(&self) -> Quiet {
        signals::quiet_begin()
    }

    fn quiet_end(&self, before: Quiet) {
        signals::quiet_end(before);
    }

    fn stop_begin(&self) {
        threads::stop_begin();
    }

    fn thread_stop(&self, slot: &ThreadSlot) -> Result {
        threads::stop(slot)
    }

    fn thread_wait(&self, slot: &ThreadSlot) -> Result {
        threads::wait(slot)
    }

    fn thread_context(&self, slot: &ThreadSlot) -> Context {
        threads::context(slot)
    }

    fn thread_resume(&self, slot: &ThreadSlot) {
        threads::resume(slot);
    }

    fn stop_end(&self) {
        threads::stop_end();
    }

    fn relax(&self, round: u32) {
        signals::relax(round);
    }
}
