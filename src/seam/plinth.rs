//! The plinth: what the client's environment gives us (`include/mpslib.h`).

use core::sync::atomic::{AtomicUsize, Ordering};

#[cfg(not(test))]
unsafe extern "C" {
    fn mps_clock() -> usize;
    fn mps_clocks_per_sec() -> usize;
}

/// The plinth's clock now, in its own units.
#[inline]
pub fn clock() -> usize {
    #[cfg(test)]
    {
        std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .map_or(0, |d| d.as_micros() as usize)
    }
    #[cfg(not(test))]
    // SAFETY: a plinth function; takes nothing, callable anywhere.
    unsafe {
        mps_clock()
    }
}

/// How many of those make a second (asked once).
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

/// Seconds as clock ticks, saturating; infinity and beyond is `usize::MAX`.
pub fn ticks(seconds: f64) -> usize {
    // A float to integer cast saturates in Rust.
    (seconds * clocks_per_sec() as f64) as usize
}
