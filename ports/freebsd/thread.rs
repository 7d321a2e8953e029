//! Threads by the kernel's numbers.

use super::sys::SigSet;
use core::ffi::{c_int, c_long};
use core::ptr::null;

unsafe extern "C" {
    fn thr_self(id: *mut c_long) -> c_int;
    fn thr_kill(id: c_long, sig: c_int) -> c_int;
    fn syscall(number: c_int, ...) -> c_int;
}

/// The number of the system call (sys/syscall.h).
const SYS_SIGTIMEDWAIT: c_int = 345;

/// The calling thread's number.
pub fn tid() -> usize {
    let mut id = 0;
    // SAFETY: room for a number.
    unsafe { thr_self(&mut id) };
    id as usize
}

/// Sends a signal to a thread of this process; 0 only asks whether it is there.
/// False: `errno` says why not.
pub fn kill(tid: usize, sig: c_int) -> bool {
    // SAFETY: numbers only.
    unsafe { thr_kill(tid as c_long, sig) == 0 }
}

/// Waits for one of these signals, which are blocked, or for nothing. Runs no
/// handler. The C library's function of that name is a point at which a thread can be cancelled;
/// the system call is none.
pub fn wait_for(signals: &SigSet) {
    let set = core::ptr::from_ref(signals);
    // SAFETY: a signal set; nowhere to put the signal, and no end to the wait.
    unsafe { syscall(SYS_SIGTIMEDWAIT, set, null::<u8>(), null::<u8>()) };
}
