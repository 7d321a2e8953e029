//! In place of `src/base/check.rs`: what is reported there is a panic here.

use std::cell::Cell as Plain;

std::thread_local!(static COOL: Plain<bool> = const { Plain::new(true) });

/// Runs the rest of the model as the hot archive: without the checks that are made in
/// the debug archive only.
pub fn hot() {
    COOL.set(false);
}

/// Are those checks made?
pub fn is_cool() -> bool {
    COOL.get()
}

/// In place of stopping the processor.
pub fn stop() -> ! {
    panic!("stopped");
}

#[macro_export]
macro_rules! aver {
    ($cond:expr) => {
        assert!($cond)
    };
    ($cond:expr, $text:expr) => {
        assert!($cond, $text)
    };
}

#[macro_export]
macro_rules! aver_critical {
    ($($t:tt)*) => {
        if $crate::base::check::is_cool() {
            $crate::aver!($($t)*);
        }
    };
}

#[macro_export]
macro_rules! aver_client {
    ($cond:expr, $text:expr, $otherwise:expr) => {
        assert!($cond, $text)
    };
}

/// As the library's; the names that the files here use.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(transparent)]
pub struct Sig(pub u32);

impl Sig {
    pub const DEAD: Sig = Sig(0);
    pub const BUFFER: Sig = Sig(1);
    pub const THREAD: Sig = Sig(2);
}
