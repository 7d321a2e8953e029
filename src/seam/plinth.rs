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
        let now = START.get_or_init(std::time::Instant::now).elapsed().as_micros() as usize;
        now.wrapping_add(tests::SHIFT.get())
    }
    #[cfg(not(test))]
    // SAFETY: a plinth function; takes nothing, callable anywhere.
    unsafe {
        mps_clock()
    }
}

/// How many clock ticks have passed from one reading to another. A clock may wrap around
/// from the largest reading to 0. It may stand in for the clocks of several processors, so
/// may go back a little as well: then nothing has passed.
pub fn passed(from: usize, to: usize) -> usize {
    let ticks = to.wrapping_sub(from);
    if ticks > usize::MAX / 2 { 0 } else { ticks }
}

/// When a step of work has to end.
#[derive(Clone, Copy, Debug)]
pub struct Deadline {
    began: usize,
    ticks: usize,
}

impl Deadline {
    /// The work began when the clock read `began`, and is to take `ticks`. `None`: as long as
    /// it likes, which the largest number says.
    pub fn new(began: usize, ticks: usize) -> Option<Deadline> {
        (ticks != usize::MAX).then_some(Deadline { began, ticks })
    }

    /// Is time up?
    #[inline]
    pub fn is_past(self) -> bool {
        self.is_past_at(clock())
    }

    /// Is time up when the clock reads `now`? If the clock has gone back it is. Else a clock
    /// that is narrower than a word would, when it wraps around, give the step another round.
    /// A step that ends early does no harm, for each does some work.
    #[inline]
    fn is_past_at(self, now: usize) -> bool {
        now.wrapping_sub(self.began) >= self.ticks
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

#[cfg(test)]
mod tests {
    use super::*;
    use core::cell::Cell;

    std::thread_local! {
        /// This is added to the clock's readings, for this thread.
        pub(super) static SHIFT: Cell<usize> = const { Cell::new(0) };
    }

    /// Sets the clock so that it wraps around after so many ticks.
    fn wrap_after(ticks: usize) {
        let now = clock().wrapping_sub(SHIFT.get());
        SHIFT.set(0usize.wrapping_sub(now).wrapping_sub(ticks));
    }

    #[test]
    fn deadline_over_the_wrap() {
        let d = Deadline::new(usize::MAX - 5, 10).unwrap();
        assert!(!d.is_past_at(usize::MAX - 5));
        assert!(!d.is_past_at(usize::MAX));
        assert!(!d.is_past_at(3));
        assert!(d.is_past_at(4));
        assert!(d.is_past_at(1000));
    }

    #[test]
    fn deadline_of_a_narrow_clock() {
        // 16 bits, just before the wrap and just after.
        let d = Deadline::new(0xFFFB, 10).unwrap();
        assert!(!d.is_past_at(0xFFFF));
        assert!(d.is_past_at(1));
    }

    #[test]
    fn deadline_of_a_clock_that_stands_still() {
        let d = Deadline::new(7, 1).unwrap();
        assert!(!d.is_past_at(7));
        let d = Deadline::new(7, 0).unwrap();
        assert!(d.is_past_at(7), "a budget of no time is used up at once");
        assert!(Deadline::new(7, usize::MAX).is_none());
        assert!(Deadline::new(7, ticks(f64::INFINITY)).is_none());
    }

    #[test]
    fn a_step_ends_when_the_clock_wraps_around_meanwhile() {
        use crate::object::trace::Budget;
        let start = std::time::Instant::now();
        wrap_after(500);
        let budget = Budget::default();
        budget.begin(Deadline::new(clock(), 2000), 1, usize::MAX);
        while !budget.spend(1) {
            assert!(start.elapsed().as_secs() < 10, "it would take a whole round");
        }
        assert!(start.elapsed().as_micros() >= 1999);
        assert!(clock() < usize::MAX / 2, "it has wrapped around");
    }

    #[test]
    fn passed_over_the_wrap_and_backwards() {
        assert_eq!(passed(10, 25), 15);
        assert_eq!(passed(usize::MAX - 5, 4), 10);
        assert_eq!(passed(25, 10), 0);
        assert_eq!(passed(2, usize::MAX - 1), 0);
    }
}
