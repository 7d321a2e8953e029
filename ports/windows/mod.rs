//! Windows: address space and memory ([`vm`]), protection and faults ([`prot`]), threads
//! ([`threads`]) and their stacks ([`stack`]), what the default plinth needs ([`process`]). Only
//! [`sys`] declares functions of the system.
//!
//! tests/systems/windows.c compares each number and layout with the headers of MinGW-w64.

pub(crate) mod process;
pub(crate) mod prot;
pub(crate) mod stack;
pub(crate) mod sys;
pub(crate) mod threads;
pub(crate) mod vm;

use crate::base::addr::{Addr, Range, Size};
use crate::base::res::Result;
use crate::base::sets::AccessSet;
use crate::seam::port::{Caps, Context, FaultHandler, Port, ThreadSlot};

/// The port of the system this was built for. It holds nothing itself: what
/// there is to know is per process.
#[derive(Clone, Copy, Debug)]
pub struct Windows;

/// The one there is.
pub static WINDOWS: Windows = Windows;

/// What `ports` calls the port of whatever system it was built for.
pub(crate) use self::WINDOWS as PORT;

// There are no signals, so nothing to keep off, and no forks.
//
// SAFETY: `vm` hands out reservations of its own, whose memory the system clears;
// `threads` reports a thread as stopped when the system has shown its registers, which it
// does only once the thread stands still.
unsafe impl Port for Windows {
    fn capabilities(&self) -> Caps {
        Caps::VM.with(Caps::PROTECT).with(Caps::THREADS)
    }

    fn page_size(&self) -> Size {
        vm::page_size()
    }

    fn reserve(&self, size: Size, align: Size) -> Result<Addr> {
        vm::reserve(size, align)
    }

    fn release(&self, base: Addr, _size: Size) {
        vm::release(base);
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

    fn thread_id(&self) -> usize {
        threads::id()
    }

    fn thread_stack(&self) -> Option<Range> {
        stack::own()
    }

    unsafe fn thread_register(&self, slot: &ThreadSlot) -> Result {
        threads::register(slot)
    }

    unsafe fn thread_deregister(&self, slot: &ThreadSlot) {
        threads::deregister(slot);
    }

    fn stop_begin(&self) {
        threads::stop_begin();
    }

    unsafe fn thread_stop(&self, slot: &ThreadSlot) -> Result {
        threads::stop(slot)
    }

    unsafe fn thread_wait(&self, slot: &ThreadSlot) -> Result {
        threads::wait(slot)
    }

    unsafe fn thread_context(&self, slot: &ThreadSlot) -> Context {
        threads::context(slot)
    }

    unsafe fn thread_resume(&self, slot: &ThreadSlot) {
        threads::resume(slot);
    }

    fn stop_end(&self) {
        threads::stop_end();
    }

    fn relax(&self, round: u32) {
        threads::relax(round);
    }
}
