//! In place of `ports/unix/sys.rs` and the C library: what the included files name.

use std::ffi::{c_int, c_void};

pub struct SigInfo {
    pub code: c_int,
}
pub const CODE_TO_THREAD: c_int = -6;

impl SigInfo {
    pub fn is_to_thread(&self) -> bool {
        self.code == CODE_TO_THREAD
    }
}

pub type Handler = unsafe extern "C" fn(sig: c_int, info: *mut SigInfo, ucontext: *mut c_void);

pub const SIGKILL: c_int = 9;
pub const SIGSTOP: c_int = 19;
pub const SIGXCPU: c_int = 24;
pub const SIGXFSZ: c_int = 25;
pub const SIGNAL_MAX: c_int = 64;
pub const SIG_DENIED: c_int = 11;
pub const SIGNALS_KEPT: [c_int; 2] = [32, 33];
pub const FAULTS: [c_int; 1] = [11];
pub const EAGAIN: c_int = 11;
pub const SIG_BLOCK: c_int = 0;
pub const SIG_UNBLOCK: c_int = 1;
pub const SIG_SETMASK: c_int = 2;

#[derive(Clone, Copy)]
pub struct SigSet;
impl SigSet {
    pub const EMPTY: SigSet = SigSet;
    pub fn full() -> SigSet {
        SigSet
    }
    pub fn add(&mut self, _sig: c_int) {}
    pub fn remove(&mut self, _sig: c_int) {}
}

pub struct Timespec {
    pub sec: i64,
    pub nsec: i64,
}

pub fn keeping_errno<R>(f: impl FnOnce() -> R) -> R {
    f()
}

pub fn errno() -> c_int {
    0
}

/// # Safety
/// None is needed.
pub unsafe fn pthread_self() -> usize {
    crate::me()
}

/// # Safety
/// None is needed.
pub unsafe fn pthread_sigmask(_how: c_int, _set: *const SigSet, _old: *mut SigSet) -> c_int {
    0
}

/// # Safety
/// None is needed.
pub unsafe fn sched_yield() -> c_int {
    loom::thread::yield_now();
    0
}

/// # Safety
/// None is needed.
pub unsafe fn nanosleep(_wanted: *const Timespec, _left: *mut Timespec) -> c_int {
    loom::thread::yield_now();
    0
}
