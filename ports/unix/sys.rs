//! Our few declarations of the C library: no more than the port calls.
//!
//! Functions and what they do are POSIX's. Numbers and layouts that differ from
//! system to system are in the system's own `sys`, which is part of this one.

pub use crate::ports::system::sys::*;

use core::ffi::{c_char, c_int, c_long, c_void};

// What is alike on all of our systems; sys/mman.h:
/// `PROT_NONE`, for `mmap` and `mprotect`.
pub const PROT_NONE: c_int = 0;
/// `PROT_READ`.
pub const PROT_READ: c_int = 1;
/// `PROT_WRITE`.
pub const PROT_WRITE: c_int = 2;
/// What `mmap` gives when it fails.
pub const MAP_FAILED: usize = usize::MAX;
/// `MAP_FIXED`.
pub const MAP_FIXED: c_int = 0x10;
/// `MAP_PRIVATE`.
pub const MAP_PRIVATE: c_int = 2;
// signal.h:
/// An illegal instruction.
pub const SIGILL: c_int = 4;
/// What a debugger uses.
pub const SIGTRAP: c_int = 5;
/// An arithmetic error.
pub const SIGFPE: c_int = 8;
/// Ends a process; cannot be handled.
pub const SIGKILL: c_int = 9;
/// An access to memory that is not there or denies it.
pub const SIGSEGV: c_int = 11;
/// Processor time has run out.
pub const SIGXCPU: c_int = 24;
/// A file has grown too large.
pub const SIGXFSZ: c_int = 25;
/// No handler: the default action, or none.
pub const SIG_DFL: usize = 0;
/// See [`SIG_DFL`].
pub const SIG_IGN: usize = 1;
// errno.h:
/// The call was interrupted.
pub const EINTR: c_int = 4;

/// `struct timespec`.
#[repr(C)]
pub struct Timespec {
    /// Seconds.
    pub sec: c_long,
    /// Billionths of a second.
    pub nsec: c_long,
}

/// `FILE`.
#[repr(C)]
pub struct File {
    _private: [u8; 0],
}

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
