//! What the default plinth needs of the system beside the C standard's library.

use super::sys;
use core::ffi::{CStr, c_uint};
use core::num::NonZeroU64;
use core::ptr::{null, null_mut};
use core::sync::atomic::{AtomicI64, Ordering};

/// `FILE`.
#[repr(C)]
pub struct File {
    _private: [u8; 0],
}

unsafe extern "C" {
    /// `stdin`, `stdout` and `stderr` are macros that call this (MinGW-w64's and Microsoft's
    /// stdio.h).
    fn __acrt_iob_func(number: c_uint) -> *mut File;
}

/// The C library's standard error.
pub fn stderr() -> *mut File {
    // SAFETY: there are three, from 0.
    unsafe { __acrt_iob_func(2) }
}

/// Its standard output.
pub fn stdout() -> *mut File {
    // SAFETY: there are three, from 0.
    unsafe { __acrt_iob_func(1) }
}

/// Time, and not processor time: the system counts that in units of 15 ms, so that a step of
/// collection would never know when it is over. (What counts a thread's cycles does not say how
/// many make a second.)
pub fn microseconds() -> u64 {
    /// Ticks in a second; 0 until it is known.
    static RATE: AtomicI64 = AtomicI64::new(0);
    let mut rate = RATE.load(Ordering::Relaxed);
    if rate == 0 {
        // SAFETY: room for a number; this never fails since Windows XP.
        unsafe { sys::QueryPerformanceFrequency(&mut rate) };
        RATE.store(rate, Ordering::Relaxed);
    }
    let mut now = 0;
    // SAFETY: as above.
    unsafe { sys::QueryPerformanceCounter(&mut now) };
    let now = now.unsigned_abs();
    let rate = NonZeroU64::new(rate.unsigned_abs()).unwrap_or(NonZeroU64::MIN);
    (now / rate).wrapping_mul(1_000_000).wrapping_add(now % rate * 1_000_000 / rate)
}

/// The number of the process, not 0.
pub fn number() -> u32 {
    // SAFETY: no preconditions.
    unsafe { sys::GetCurrentProcessId() }
}

/// Makes a file of this name anew. `None`: the system refuses.
pub fn create_file(name: &CStr) -> Option<usize> {
    // SAFETY: a string; neither security nor a template.
    let file = unsafe {
        sys::CreateFileA(
            name.as_ptr(),
            sys::GENERIC_WRITE,
            sys::FILE_SHARE_READ,
            null(),
            sys::CREATE_ALWAYS,
            sys::FILE_ATTRIBUTE_NORMAL,
            0,
        )
    };
    (file != sys::INVALID_HANDLE_VALUE).then_some(file)
}

/// Closes it.
pub fn close_file(file: usize) {
    // SAFETY: a handle of ours.
    unsafe { sys::CloseHandle(file) };
}

/// Writes up to `n` bytes and returns how many. `None`: the system refuses.
///
/// # Safety
/// `n` bytes are there.
pub unsafe fn write_file(file: usize, bytes: *const u8, n: usize) -> Option<usize> {
    let n = u32::try_from(n).unwrap_or(u32::MAX);
    let mut wrote = 0;
    let ok = sys::keeping_last_error(|| {
        // SAFETY: a handle of ours; as the caller says.
        unsafe { sys::WriteFile(file, bytes, n, &mut wrote, null_mut()) }
    });
    (ok != 0 && wrote != 0).then_some(wrote as usize)
}
