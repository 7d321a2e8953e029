//! Our few declarations of the C library: no more than the port calls.
//!
//! Functions and what they do are POSIX's. Numbers and layouts differ from
//! system to system: the system's own `sys` has them, and is part of this one.

pub use crate::ports::system::sys::*;

use core::ffi::{c_char, c_int, c_long, c_void};

/// Faults other than an access that is denied, and what a debugger uses.
pub const FAULTS: [c_int; 5] = [SIGSEGV, SIGILL, SIGTRAP, SIGBUS, SIGFPE];

impl SigSet {
    /// Every signal, but for those the C library keeps for itself.
    pub fn full() -> SigSet {
        let mut s = SigSet::EMPTY;
        // SAFETY: `s` is a signal set.
        unsafe { sigfillset(&mut s) };
        s
    }

    /// Puts a signal in.
    pub fn add(&mut self, sig: c_int) {
        // SAFETY: `self` is a signal set.
        unsafe { sigaddset(self, sig) };
    }

    /// Takes one out.
    pub fn remove(&mut self, sig: c_int) {
        // SAFETY: `self` is a signal set.
        unsafe { sigdelset(self, sig) };
    }
}

/// A handler as `SA_SIGINFO` wants it.
pub type Handler = unsafe extern "C" fn(sig: c_int, info: *mut SigInfo, ucontext: *mut c_void);

unsafe extern "C" {
    pub fn mmap(
        addr: usize,
        len: usize,
        prot: c_int,
        flags: c_int,
        fd: c_int,
        off: Offset,
    ) -> *mut c_void;
    pub fn munmap(addr: usize, len: usize) -> c_int;
    pub fn mprotect(addr: usize, len: usize, prot: c_int) -> c_int;
    pub fn sysconf(name: c_int) -> c_long;

    pub fn sigaction(sig: c_int, new: *const SigAction, old: *mut SigAction) -> c_int;
    pub fn sigfillset(set: *mut SigSet) -> c_int;
    pub fn sigaddset(set: *mut SigSet, sig: c_int) -> c_int;
    pub fn sigdelset(set: *mut SigSet, sig: c_int) -> c_int;
    pub fn sigaltstack(new: *const SigStack, old: *mut SigStack) -> c_int;
    pub fn pthread_sigmask(how: c_int, set: *const SigSet, old: *mut SigSet) -> c_int;
    pub fn pthread_self() -> usize;
    pub fn pthread_atfork(
        prepare: Option<unsafe extern "C" fn()>,
        parent: Option<unsafe extern "C" fn()>,
        child: Option<unsafe extern "C" fn()>,
    ) -> c_int;
    pub fn sched_yield() -> c_int;
    pub fn nanosleep(wanted: *const Timespec, left: *mut Timespec) -> c_int;
    pub fn getpid() -> c_int;

    pub fn clock_gettime(clock: c_int, now: *mut Timespec) -> c_int;
    pub fn open(name: *const c_char, flags: c_int, ...) -> c_int;
    pub fn close(fd: c_int) -> c_int;
    pub fn write(fd: c_int, buf: *const c_void, n: usize) -> isize;
}

/// Runs `f` and leaves the calling thread's `errno` as it was.
#[inline]
pub fn keeping_errno<R>(f: impl FnOnce() -> R) -> R {
    // SAFETY: the C library gives every thread an `errno`, there from start to end.
    let errno = unsafe { errno_location() };
    // SAFETY: as above.
    let old = unsafe { *errno };
    let r = f();
    // SAFETY: as above.
    unsafe { *errno = old };
    r
}

/// The calling thread's `errno`.
pub fn errno() -> c_int {
    // SAFETY: the C library gives every thread an `errno`.
    unsafe { *errno_location() }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Gives the calling thread an alternate stack with room for several
    /// signal frames, for good.
    pub fn big_alternate_stack() {
        let memory = std::vec![0u64; 8192].leak();
        let stack = SigStack { sp: memory.as_ptr().addr(), flags: 0, size: size_of_val(memory) };
        // SAFETY: memory that nobody else uses, for ever.
        unsafe { assert_eq!(sigaltstack(&stack, core::ptr::null_mut()), 0) };
    }
}
