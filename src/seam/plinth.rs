//! The plinth: what the client's environment gives us (`include/mpslib.h`).

use crate::base::res::{Res, Result, of_code};
#[cfg(not(test))]
use core::ffi::c_ulong;
use core::ffi::c_void;
use core::sync::atomic::{AtomicUsize, Ordering};

#[cfg(not(test))]
unsafe extern "C" {
    fn mps_clock() -> usize;
    fn mps_clocks_per_sec() -> usize;
    fn mps_lib_telemetry_control() -> c_ulong;
    fn mps_io_create(io_o: *mut *mut c_void) -> i32;
    fn mps_io_write(io: *mut c_void, buf: *mut c_void, size: usize) -> i32;
    fn mps_io_flush(io: *mut c_void) -> i32;
}

/// The plinth's clock now, in its own units.
#[inline]
pub fn clock() -> usize {
    #[cfg(test)]
    {
        // It must not go back: tests rely on a budget of no time being used up at once.
        static START: std::sync::OnceLock<std::time::Instant> = std::sync::OnceLock::new();
        START.get_or_init(std::time::Instant::now).elapsed().as_micros() as usize
    }
    #[cfg(not(test))]
    // SAFETY: a plinth function; takes nothing, callable anywhere.
    unsafe {
        mps_clock()
    }
}

/// How many units of [`clock`] make a second. The plinth is asked once.
pub fn clocks_per_sec() -> usize {
    static RATE: AtomicUsize = AtomicUsize::new(0);
    let known = RATE.load(Ordering::Relaxed);
    if known != 0 {
        return known;
    }
    #[cfg(test)]
    let rate = 1_000_000;
    #[cfg(not(test))]
    // SAFETY: a plinth function; takes nothing, callable anywhere.
    let rate = unsafe { mps_clocks_per_sec() }.max(1);
    RATE.store(rate, Ordering::Relaxed);
    rate
}

/// Seconds as clock ticks. What does not fit, infinity too, gives `usize::MAX`.
pub fn ticks(seconds: f64) -> usize {
    // A float to integer cast saturates in Rust.
    (seconds * clocks_per_sec() as f64) as usize
}

/// The categories of events that the plinth wants switched on at first, as bits.
pub fn telemetry_control() -> usize {
    #[cfg(test)]
    {
        0
    }
    #[cfg(not(test))]
    // SAFETY: a plinth function; takes nothing.
    unsafe {
        mps_lib_telemetry_control() as usize
    }
}

/// Opens the event stream.
///
/// # Errors
/// The plinth's.
pub fn io_create() -> Result<*mut c_void> {
    #[cfg_attr(test, allow(unused_mut))]
    let mut io: *mut c_void = core::ptr::null_mut();
    #[cfg(test)]
    let code = Res::Io.code();
    #[cfg(not(test))]
    // SAFETY: a plinth function, with room for a handle.
    let code = unsafe { mps_io_create(&raw mut io) };
    match Res::from_code(code) {
        None => Ok(io),
        Some(e) => Err(e),
    }
}

/// Writes to the event stream.
///
/// # Errors
/// The plinth's.
pub fn io_write(io: *mut c_void, bytes: *mut c_void, size: usize) -> Result {
    #[cfg(test)]
    let code = io as usize as i32 | bytes as usize as i32 | size as i32;
    #[cfg(not(test))]
    // SAFETY: a plinth function, with its own handle and `size` bytes.
    let code = unsafe { mps_io_write(io, bytes, size) };
    of_code(code)
}

/// Has the plinth write out what it has buffered of the event stream.
///
/// # Errors
/// The plinth's.
pub fn io_flush(io: *mut c_void) -> Result {
    #[cfg(test)]
    let code = io as usize as i32;
    #[cfg(not(test))]
    // SAFETY: a plinth function, with its own handle.
    let code = unsafe { mps_io_flush(io) };
    of_code(code)
}
