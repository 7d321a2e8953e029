//! Threads by the names of their Mach ports, which the C library has anyway. (Its `pthread_kill`
//! wants a thread that is there; a name may be asked for one that has ended.)

use super::sys::SigSet;
use crate::ports::unix::sys::pthread_self;
use core::ffi::{c_int, c_uint};

unsafe extern "C" {
    fn pthread_mach_thread_np(thread: usize) -> c_uint;
    fn __pthread_kill(port: c_uint, sig: c_int) -> c_int;
    /// The form that is no point at which a thread can be cancelled.
    #[link_name = "sigsuspend$NOCANCEL"]
    fn sigsuspend(mask: *const SigSet) -> c_int;
}

/// The calling thread's name.
pub fn tid() -> usize {
    // SAFETY: the calling thread.
    (unsafe { pthread_mach_thread_np(pthread_self()) }) as usize
}

/// Sends a signal to a thread of this process; 0 only asks whether it is there and takes
/// signals (libdispatch's own threads take none). False: `errno` says why not.
pub fn kill(tid: usize, sig: c_int) -> bool {
    // SAFETY: numbers only.
    unsafe { __pthread_kill(tid as c_uint, sig) == 0 }
}

/// Waits for one of these signals, which are blocked, or for nothing.
///
/// Its handler runs, which takes another signal frame. But `sigwait` might take a signal that is
/// on its way to another thread, and there is no `sigtimedwait`.
pub fn wait_for(signals: &SigSet) {
    // SAFETY: a signal set.
    unsafe { sigsuspend(&signals.all_others()) };
}
