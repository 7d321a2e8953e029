//! Threads by the kernel's numbers. The C library has no calls for these, or
//! none that are fit for signal handlers.

use super::context::{SYS_GETTID, SYS_RT_SIGTIMEDWAIT, SYS_TGKILL};
use super::sys::SigSet;
use crate::ports::unix::sys::getpid;
use core::ffi::{c_int, c_long};

unsafe extern "C" {
    fn syscall(number: c_long, ...) -> c_long;
}

/// Bytes of a signal set that the kernel reads: 64 signals.
const KERNEL_SET: c_long = 8;

/// The calling thread's number.
pub fn tid() -> usize {
    // SAFETY: this call takes no arguments.
    (unsafe { syscall(SYS_GETTID) }) as usize
}

/// Sends a signal to a thread of this process; 0 only asks whether it is there.
/// False: `errno` says why not.
pub fn kill(tid: usize, sig: c_int) -> bool {
    // SAFETY: no preconditions.
    let pid = unsafe { getpid() };
    // SAFETY: numbers only.
    unsafe { syscall(SYS_TGKILL, pid as c_long, tid as c_long, sig as c_long) == 0 }
}

/// Waits for one of these signals, which are blocked, or for nothing. Runs no
/// handler, and is no point at which a thread can be cancelled.
///
/// It waits for [`AT_MOST`]. A signal that came just before is the kernel's to keep; but QEMU
/// keeps it to itself, in a list that this call does not look at, and the thread would sleep for
/// ever. Who waits looks again.
pub fn wait_for(signals: &SigSet) {
    let set = core::ptr::from_ref(signals);
    let time = core::ptr::from_ref(&AT_MOST);
    // SAFETY: a signal set, longer than what the kernel reads of it, and a time; nowhere to
    // put the signal.
    unsafe { syscall(SYS_RT_SIGTIMEDWAIT, set, 0 as c_long, time, KERNEL_SET) };
}

/// Seconds and nanoseconds: 20 ms. Far longer than threads are stopped for, so that this costs
/// nothing as a rule; far shorter than what a user notices.
static AT_MOST: [c_long; 2] = [0, 20_000_000];

/// Can the eight bytes at `a` be read? Asked of a system call that would read a signal set
/// there, and that fails for another reason if it can.
#[cfg(target_arch = "riscv64")]
pub fn can_read(a: crate::base::addr::Addr) -> bool {
    use crate::ports::unix::sys;
    /// Neither of `SIG_BLOCK`, `SIG_UNBLOCK` and `SIG_SETMASK`.
    const NO_WAY: c_long = -1;
    sys::keeping_errno(|| {
        // SAFETY: changes nothing: there is no such way to change a mask.
        unsafe {
            syscall(
                super::context::SYS_RT_SIGPROCMASK,
                NO_WAY,
                a.ptr::<u8>().cast_const(),
                0 as c_long,
                KERNEL_SET,
            )
        };
        sys::errno() != super::sys::EFAULT
    })
}
