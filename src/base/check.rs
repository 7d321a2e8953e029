//! Checks: what to do when something that must hold does not.
//!
//! - [`aver!`](crate::aver): must hold, in every variety. A failure is reported
//!   through the plinth and does not come back: the heap can't be trusted.
//! - [`aver_critical!`](crate::aver_critical): the same in the cool variety only,
//!   for code that runs once per reference or per object.
//! - [`aver_client!`](crate::aver_client): a client's argument. Reported through
//!   the plinth; if the client's handler returns, nothing has been done yet and
//!   the call gives up with the value stated.
//!
//! Failing is cold and small: no formatting, no unwinding, nothing allocated.

#[cfg(not(test))]
use core::ffi::{c_char, c_uint};

#[cfg(not(test))]
unsafe extern "C" {
    /// The plinth's. May return, if its user says so.
    fn mps_lib_assert_fail(file: *const c_char, line: c_uint, condition: *const c_char);
}

/// Reports a failed check. `file` and `text` end in a NUL.
#[cold]
#[inline(never)]
pub fn report(file: &'static str, line: u32, text: &'static str) {
    #[cfg(test)]
    testing::report(file, line, text);
    #[cfg(not(test))]
    // SAFETY: both strings are static and end in a NUL.
    unsafe {
        mps_lib_assert_fail(file.as_ptr().cast(), line, text.as_ptr().cast())
    }
}

/// In place of the plinth, which unit tests do without: what is reported fails
/// the test, unless the test waits for it.
#[cfg(test)]
pub mod testing {
    use std::cell::RefCell;
    use std::io::Write;
    use std::string::String;
    use std::vec::Vec;

    std::thread_local!(static CAUGHT: RefCell<Option<Vec<String>>> = const { RefCell::new(None) });

    pub(super) fn report(file: &str, line: u32, text: &str) {
        let text = text.trim_end_matches('\0');
        let caught = CAUGHT.with_borrow_mut(|c| c.as_mut().map(|v| v.push(text.into())));
        if caught.is_none() {
            // Written past the test runner, which would keep it to itself and
            // lose it in the abort.
            let file = file.trim_end_matches('\0');
            let _ = std::writeln!(std::io::stderr(), "{file}:{line}: {text}");
            std::process::abort();
        }
    }

    /// Runs `f`, whose client does something wrong, and returns what was
    /// reported on this thread meanwhile. Only for what is reported before
    /// anything is done: [`fail`](super::fail) stops the process all the same.
    pub fn caught<R>(f: impl FnOnce() -> R) -> (R, Vec<String>) {
        CAUGHT.set(Some(Vec::new()));
        let r = f();
        (r, CAUGHT.take().unwrap_or_default())
    }
}

/// Reports, and stops for good.
#[cold]
#[inline(never)]
pub fn fail(file: &'static str, line: u32, text: &'static str) -> ! {
    report(file, line, text);
    stop()
}

/// Stops this processor where a debugger can see it.
#[cold]
pub fn stop() -> ! {
    cfg_if::cfg_if! {
        if #[cfg(any(target_arch = "x86_64", target_arch = "x86"))] {
            // SAFETY: an undefined instruction; does not come back.
            unsafe { core::arch::asm!("ud2", options(noreturn)) }
        } else if #[cfg(target_arch = "aarch64")] {
            // SAFETY: a breakpoint nobody resumes.
            unsafe { core::arch::asm!("brk #1", options(noreturn)) }
        } else {
            loop {
                core::hint::spin_loop();
            }
        }
    }
}

/// A condition that must hold in every variety.
#[macro_export]
macro_rules! aver {
    ($cond:expr) => {
        $crate::aver!($cond, stringify!($cond))
    };
    ($cond:expr, $text:expr) => {
        if !$cond {
            $crate::base::check::fail(concat!(file!(), "\0"), line!(), concat!($text, "\0"));
        }
    };
}

/// As [`aver!`], on the critical path: only in the cool variety.
#[macro_export]
macro_rules! aver_critical {
    ($($t:tt)*) => {
        if cfg!(any(feature = "variety-cool", test)) {
            $crate::aver!($($t)*);
        }
    };
}

/// A condition on what a client handed in, tested before anything is done.
#[macro_export]
macro_rules! aver_client {
    ($cond:expr, $text:expr, $otherwise:expr) => {
        if !$cond {
            $crate::base::check::report(concat!(file!(), "\0"), line!(), concat!($text, "\0"));
            return $otherwise;
        }
    };
}

/// What the first word of every structure handed to clients says it is, so
/// that a stray pointer is named at the door. Written last when a structure
/// is made, wiped first when it is finished.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(transparent)]
pub struct Sig(pub u32);

impl Sig {
    /// No longer (or not yet) valid.
    pub const DEAD: Sig = Sig(0xDEAD_516E);
    /// An instance.
    pub const ARENA: Sig = Sig(0x5_1A_AE_4A);
    /// A pool.
    pub const POOL: Sig = Sig(0x5_1A_90_01);
    /// A pool class.
    pub const CLASS: Sig = Sig(0x5_1A_C1_A5);
    /// A format.
    pub const FORMAT: Sig = Sig(0x5_1A_F0_43);
    /// An allocation point.
    pub const BUFFER: Sig = Sig(0x5_1A_BF_F4);
    /// A root.
    pub const ROOT: Sig = Sig(0x5_1A_40_07);
    /// A registered thread.
    pub const THREAD: Sig = Sig(0x5_1A_74_4D);
    /// An allocation cache.
    pub const SAC: Sig = Sig(0x5_1A_5A_C0);
    /// A chain of generations.
    pub const CHAIN: Sig = Sig(0x5_1A_C4_A1);
    /// A message.
    pub const MESSAGE: Sig = Sig(0x5_1A_3E_55);
    /// A transform.
    pub const TRANSFORM: Sig = Sig(0x5_1A_74_A5);
}
