//! What the C libraries of FreeBSD and macOS have alike, as children of BSD: numbers and layouts.
//! tests/systems compares them with either system's headers.

use crate::ports::unix::sys::{File, MAP_PRIVATE, PROT_READ, PROT_WRITE, mprotect};
use core::ffi::c_int;

/// For a mapping of memory without a file.
pub const MAP_MEMORY: c_int = MAP_PRIVATE | MAP_ANON;
const MAP_ANON: c_int = 0x1000;

/// Gives the memory back; the addresses then read as zero.
///
/// # Safety
/// Mapped memory, of which the contents may go.
pub unsafe fn clear(base: usize, size: usize) {
    /// The pages may be taken, and are then zero; until then they are as they were.
    const MADV_FREE: c_int = 5;
    // SAFETY: as the caller says.
    if unsafe { mprotect(base, size, PROT_READ | PROT_WRITE) } == 0 {
        // SAFETY: as the caller says, and it may be written to.
        unsafe { crate::base::addr::Addr(base).ptr::<u8>().write_bytes(0, size) };
        // SAFETY: as above.
        unsafe { madvise(base, size, MADV_FREE) };
    }
}

/// Would set pages aside at once; this system has no call for that.
///
/// # Safety
/// Memory that may be read and written to.
pub unsafe fn set_aside(_base: usize, _size: usize) {}

// Signals: sys/signal.h.
/// A bus error.
pub const SIGBUS: c_int = 10;
/// Stops a process; cannot be handled.
pub const SIGSTOP: c_int = 17;
/// The handler wants three arguments.
pub const SA_SIGINFO: c_int = 0x40;
/// It runs on the alternate stack.
pub const SA_ONSTACK: c_int = 1;
/// System calls go on after it.
pub const SA_RESTART: c_int = 2;
/// Its own signal is not blocked meanwhile.
pub const SA_NODEFER: c_int = 0x10;
/// It is good for one signal.
pub const SA_RESETHAND: c_int = 4;
/// For `pthread_sigmask`: block more, block fewer, block just these.
pub const SIG_BLOCK: c_int = 1;
/// See [`SIG_BLOCK`].
pub const SIG_UNBLOCK: c_int = 2;
/// See [`SIG_BLOCK`].
pub const SIG_SETMASK: c_int = 3;
/// A thread without an alternate stack.
pub const SS_DISABLE: c_int = 4;

/// Too much of it just now (errno.h).
pub const EAGAIN: c_int = 35;

/// `stack_t`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct SigStack {
    /// Its lowest address.
    pub sp: usize,
    /// Bytes.
    pub size: usize,
    /// `SS_*`.
    pub flags: c_int,
}

/// An offset in a file, as `mmap` takes it.
pub type Offset = i64;

unsafe extern "C" {
    fn madvise(addr: usize, len: usize, advice: c_int) -> c_int;
    /// Where the calling thread's `errno` is.
    #[link_name = "__error"]
    pub fn errno_location() -> *mut c_int;
    /// Standard output.
    #[link_name = "__stdoutp"]
    pub static mut stdout: *mut File;
    /// Standard error.
    #[link_name = "__stderrp"]
    pub static mut stderr: *mut File;
}
