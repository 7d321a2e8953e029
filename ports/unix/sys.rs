//! Our few declarations of libc: no more than the port calls.

use core::ffi::{c_char, c_int, c_long, c_void};

/// `mmap` and `mprotect`.
pub const PROT_NONE: c_int = 0;
pub const PROT_READ: c_int = 1;
pub const PROT_WRITE: c_int = 2;
pub const MAP_PRIVATE: c_int = 0x02;
pub const MAP_FIXED: c_int = 0x10;
pub const MAP_ANON: c_int = 0x20;
pub const MAP_NORESERVE: c_int = 0x4000;
pub const MADV_DONTNEED: c_int = 4;
pub const MAP_FAILED: usize = usize::MAX;

/// `sysconf`.
pub const SC_PAGESIZE: c_int = 30;

/// Signals and the flags of `sigaction`.
pub const SIGKILL: c_int = 9;
pub const SIGSEGV: c_int = 11;
/// Faults other than that, and what a debugger uses.
pub const FAULTS: [c_int; 4] = [4, 5, 7, 8]; // SIGILL, SIGTRAP, SIGBUS, SIGFPE
pub const SIGSTOP: c_int = 19;
pub const SIGXCPU: c_int = 24;
pub const SIGXFSZ: c_int = 25;
pub const SIGNAL_MAX: c_int = 64;
pub const SIG_DFL: usize = 0;
pub const SIG_IGN: usize = 1;
pub const SA_SIGINFO: c_int = 4;
pub const SA_ONSTACK: c_int = 0x0800_0000;
pub const SA_RESTART: c_int = 0x1000_0000;
pub const SA_NODEFER: c_int = 0x4000_0000;
pub const SA_RESETHAND: c_int = 0x8000_0000u32 as c_int;
pub const SIG_BLOCK: c_int = 0;
pub const SIG_UNBLOCK: c_int = 1;
pub const SIG_SETMASK: c_int = 2;
pub const SEGV_ACCERR: c_int = 2;
pub const SI_TKILL: c_int = -6;
pub const SS_DISABLE: c_int = 2;

/// Errors.
pub const EINTR: c_int = 4;
pub const EAGAIN: c_int = 11;

/// `O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC`: alike on all processors of ours.
pub const WRITE_NEW: c_int = 0o2_001_101;

/// `clock_gettime`.
pub const CLOCK_PROCESS_CPUTIME_ID: c_int = 2;

/// `sigset_t`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct SigSet([usize; 128 / size_of::<usize>()]);

impl SigSet {
    pub const EMPTY: SigSet = SigSet([0; 128 / size_of::<usize>()]);

    /// Every signal, but for those the C library keeps for itself.
    pub fn full() -> SigSet {
        let mut s = SigSet::EMPTY;
        // SAFETY: `s` is a signal set.
        unsafe { sigfillset(&mut s) };
        s
    }

    /// As plain words, and back.
    pub fn words(self) -> [usize; 128 / size_of::<usize>()] {
        self.0
    }

    /// See `words`.
    pub fn of_words(words: [usize; 128 / size_of::<usize>()]) -> SigSet {
        SigSet(words)
    }

    pub fn add(&mut self, sig: c_int) {
        // SAFETY: `self` is a signal set.
        unsafe { sigaddset(self, sig) };
    }

    pub fn remove(&mut self, sig: c_int) {
        // SAFETY: `self` is a signal set.
        unsafe { sigdelset(self, sig) };
    }
}

/// `struct sigaction`, its handler as a number: a function of either form, or
/// `SIG_DFL` or `SIG_IGN`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct SigAction {
    pub handler: usize,
    pub mask: SigSet,
    pub flags: c_int,
    pub restorer: usize,
}

impl SigAction {
    pub const DEFAULT: SigAction =
        SigAction { handler: SIG_DFL, mask: SigSet::EMPTY, flags: 0, restorer: 0 };
}

/// A handler as `SA_SIGINFO` wants it.
pub type Handler = unsafe extern "C" fn(sig: c_int, info: *mut SigInfo, ucontext: *mut c_void);

/// The head of `siginfo_t`, as a fault or a sender fills it.
#[repr(C)]
pub struct SigInfo {
    pub signo: c_int,
    pub errno: c_int,
    pub code: c_int,
    /// Of a fault: where. (Alignment puts it where C has it.)
    pub addr: usize,
}

/// `stack_t`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct SigStack {
    pub sp: usize,
    pub flags: c_int,
    pub size: usize,
}

/// `struct timespec`.
#[repr(C)]
pub struct Timespec {
    pub sec: c_long,
    pub nsec: c_long,
}

/// `FILE`.
#[repr(C)]
pub struct File {
    _private: [u8; 0],
}

unsafe extern "C" {
    pub fn mmap(
        addr: usize,
        len: usize,
        prot: c_int,
        flags: c_int,
        fd: c_int,
        off: isize,
    ) -> *mut c_void;
    pub fn munmap(addr: usize, len: usize) -> c_int;
    pub fn mprotect(addr: usize, len: usize, prot: c_int) -> c_int;
    pub fn madvise(addr: usize, len: usize, advice: c_int) -> c_int;
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
    pub fn syscall(number: c_long, ...) -> c_long;
    pub fn __errno_location() -> *mut c_int;

    pub fn clock_gettime(clock: c_int, now: *mut Timespec) -> c_int;
    pub fn abort() -> !;
    pub fn getenv(name: *const c_char) -> *const c_char;
    pub fn fputc(c: c_int, stream: *mut File) -> c_int;
    pub fn fputs(s: *const c_char, stream: *mut File) -> c_int;
    pub fn fflush(stream: *mut File) -> c_int;
    pub fn open(name: *const c_char, flags: c_int, ...) -> c_int;
    pub fn close(fd: c_int) -> c_int;
    pub fn write(fd: c_int, buf: *const c_void, n: usize) -> isize;
    pub static mut stdout: *mut File;
    pub static mut stderr: *mut File;
}

/// Runs `f` and leaves the calling thread's `errno` as it was.
#[inline]
pub fn keeping_errno<R>(f: impl FnOnce() -> R) -> R {
    // SAFETY: libc gives every thread an `errno`, there from start to end.
    let errno = unsafe { __errno_location() };
    // SAFETY: as above.
    let old = unsafe { *errno };
    let r = f();
    // SAFETY: as above.
    unsafe { *errno = old };
    r
}

/// The calling thread's `errno`.
pub fn errno() -> c_int {
    // SAFETY: libc gives every thread an `errno`.
    unsafe { *__errno_location() }
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
