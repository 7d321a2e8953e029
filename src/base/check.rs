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

use super::addr::Addr;
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
    say(file, line, text.as_bytes());
}

/// The same with a text that was put together ([`Text`]).
#[cold]
#[inline(never)]
pub fn report_text(file: &'static str, line: u32, text: &Text) {
    say(file, line, &text.bytes);
}

/// Both strings have a NUL; what comes after it is not looked at.
fn say(file: &'static str, line: u32, text: &[u8]) {
    #[cfg(test)]
    testing::report(file, line, text);
    #[cfg(not(test))]
    // SAFETY: both strings live for the call, and each has a NUL.
    unsafe {
        mps_lib_assert_fail(file.as_ptr().cast(), line, text.as_ptr().cast())
    }
}

/// Room for a text: the longest sentence there is, a class's name and three numbers.
const TEXT_MAX: usize = 192;

/// A text for [`report_text`] that names things by their addresses. What does not fit
/// is cut off. (`core::fmt` would bring many kilobytes of code into every program.)
pub struct Text {
    bytes: [u8; TEXT_MAX],
    len: usize,
}

impl Text {
    /// Begins with a sentence.
    pub fn new(sentence: &str) -> Text {
        let mut t = Text { bytes: [0; TEXT_MAX], len: 0 };
        t.word(sentence);
        t
    }

    /// Adds a string.
    #[inline(never)]
    pub fn word(&mut self, s: &str) -> &mut Text {
        s.bytes().for_each(|b| self.put(b));
        self
    }

    /// Adds an address, in hexadecimal.
    pub fn address(&mut self, a: Addr) -> &mut Text {
        self.word("0x");
        let digits = (usize::BITS - a.0.leading_zeros()).div_ceil(4).max(1);
        (0..digits).rev().for_each(|k| self.digit(a.0 >> (k * 4) & 15));
        self
    }

    /// Adds a number.
    pub fn number(&mut self, n: usize) -> &mut Text {
        if n >= 10 {
            self.number(n / 10);
        }
        self.digit(n % 10);
        self
    }

    fn digit(&mut self, d: usize) {
        self.put(if d < 10 { b'0' + d as u8 } else { b'a' - 10 + d as u8 });
    }

    fn put(&mut self, b: u8) {
        // The last byte stays a NUL.
        if self.len < TEXT_MAX - 1
            && let Some(to) = self.bytes.get_mut(self.len)
        {
            *to = b;
            self.len += 1;
        }
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

    pub(super) fn report(file: &str, line: u32, text: &[u8]) {
        let text = std::ffi::CStr::from_bytes_until_nul(text).unwrap().to_str().unwrap();
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
        } else if #[cfg(target_arch = "arm")] {
            // SAFETY: an undefined instruction; does not come back.
            unsafe { core::arch::asm!("udf #0", options(noreturn)) }
        } else if #[cfg(target_arch = "riscv64")] {
            // SAFETY: an instruction that is illegal for ever; does not come back.
            unsafe { core::arch::asm!("unimp", options(noreturn)) }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn said(t: &Text) -> std::string::String {
        testing::caught(|| report_text("here\0", 1, t)).1.concat()
    }

    #[test]
    fn texts() {
        let mut t = Text::new("block ");
        t.address(Addr(0x7f00_1234)).word(" of ").number(0);
        assert_eq!(said(&t), "block 0x7f001234 of 0");
        let mut t = Text::new("");
        t.number(usize::MAX).word(", ").address(Addr(usize::MAX)).word(" ").address(Addr(0));
        assert_eq!(said(&t), std::format!("{}, {:#x} 0x0", usize::MAX, usize::MAX));
    }

    #[test]
    fn texts_are_cut_off() {
        let mut t = Text::new("");
        for _ in 0..100 {
            t.word("1234567");
        }
        let all = "1234567".repeat(100);
        assert_eq!(said(&t), all[..TEXT_MAX - 1]);
    }
}
