//! What the default plinth needs of the system beside the C standard's library.

use super::sys;
pub use super::sys::File;
use core::ffi::{CStr, c_int, c_uint};

/// The C library's standard error.
pub fn stderr() -> *mut File {
    // SAFETY: libc's variable, set before any code of ours runs.
    unsafe { sys::stderr }
}

/// Its standard output.
pub fn stdout() -> *mut File {
    // SAFETY: libc's variable, set before any code of ours runs.
    unsafe { sys::stdout }
}

/// Processor time of the process, as `clock` has it.
pub fn microseconds() -> u64 {
    let mut t = sys::Timespec { sec: 0, nsec: 0 };
    // SAFETY: room for a time.
    unsafe { sys::clock_gettime(sys::CLOCK_PROCESS_CPUTIME_ID, &mut t) };
    (t.sec as u64).wrapping_mul(1_000_000).wrapping_add(t.nsec as u64 / 1000)
}

/// The number of the process, not 0.
pub fn number() -> u32 {
    // SAFETY: no preconditions.
    unsafe { sys::getpid() }.unsigned_abs()
}

/// Makes a file of this name anew. `None`: the system refuses.
pub fn create_file(name: &CStr) -> Option<usize> {
    let mode: c_uint = 0o666;
    // SAFETY: a string, and the mode that O_CREAT asks for.
    let fd = unsafe { sys::open(name.as_ptr(), sys::OPEN_WRITE_NEW, mode) };
    usize::try_from(fd).ok()
}

/// Closes it.
pub fn close_file(file: usize) {
    // SAFETY: a descriptor of ours.
    unsafe { sys::close(file as c_int) };
}

/// Writes up to `n` bytes and returns how many. `None`: the system refuses.
///
/// # Safety
/// `n` bytes are there.
pub unsafe fn write_file(file: usize, bytes: *const u8, n: usize) -> Option<usize> {
    // SAFETY: a descriptor of ours; as the caller says.
    match unsafe { sys::write(file as c_int, bytes.cast(), n) } {
        0 => None,
        wrote if wrote < 0 => (sys::errno() == sys::EINTR).then_some(0),
        wrote => Some(wrote.unsigned_abs()),
    }
}
