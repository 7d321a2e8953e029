//! The ports: one folder an operating system, one file where there is none.
//!
//! Which system there is, `system`, and what the C shell runs on, `DEFAULT`, are
//! chosen here and nowhere else. A Rust program may name any port, or bring its
//! own. `plinth` is what hosted archives have by default; it takes from `process` what the C
//! standard's library lacks. `faults` has the library's handler for whichever system hears of faults.
//!
//! `unix` is what POSIX systems share. It takes from `system` what they do
//! not share: `sys` (numbers and layouts of the C library), `thread` (threads by
//! the system's numbers) and `context` (signal frames). So another
//! POSIX system is another folder with these, and one more arm below. `bsd` is what FreeBSD's and macOS's
//! `sys` share.

pub mod bare;
pub mod soft;

cfg_if::cfg_if! {
    if #[cfg(all(target_os = "linux", any(test, feature = "port-host")))] {
        mod faults;
        pub(crate) mod plinth;
        pub(crate) mod unix;
        pub mod linux;
        pub(crate) use linux as system;
        pub(crate) use unix::process;
    } else if #[cfg(all(target_os = "freebsd", any(test, feature = "port-host")))] {
        mod faults;
        pub(crate) mod plinth;
        pub(crate) mod unix;
        mod bsd;
        pub mod freebsd;
        pub(crate) use freebsd as system;
        pub(crate) use unix::process;
    } else if #[cfg(all(target_os = "macos", any(test, feature = "port-host")))] {
        mod faults;
        pub(crate) mod plinth;
        pub(crate) mod unix;
        mod bsd;
        pub mod macos;
        pub(crate) use macos as system;
        pub(crate) use unix::process;
    } else if #[cfg(all(target_os = "windows", feature = "port-host"))] {
        mod faults;
        pub(crate) mod plinth;
        pub mod windows;
        pub(crate) use windows as system;
        pub(crate) use windows::process;
    }
}

/// Contexts of another system, read on this one: they are data.
#[cfg(all(test, target_os = "linux", any(target_arch = "x86_64", target_arch = "x86")))]
mod freebsd {
    pub(crate) mod context;
}

/// The same: both processors' lie in words of 64 bits.
#[cfg(all(test, target_os = "linux", target_pointer_width = "64"))]
mod macos {
    pub(crate) mod context;
}

#[cfg(any(test, feature = "port-hooks"))]
pub mod hooks;

#[cfg(test)]
pub(crate) mod testing;

cfg_if::cfg_if! {
    if #[cfg(all(any(target_os = "linux", target_os = "freebsd", target_os = "macos"), feature = "port-host"))] {
        /// The port of the C shell: the system's own.
        pub static DEFAULT: &dyn crate::seam::port::Port = &system::PORT;
        pub use unix::signals::set_thread_signals;
    } else if #[cfg(all(target_os = "windows", feature = "port-host"))] {
        /// The port of the C shell: the system's own.
        pub static DEFAULT: &dyn crate::seam::port::Port = &system::PORT;
        pub use windows::threads::set_thread_signals;
    } else if #[cfg(feature = "port-hooks")] {
        /// The port of the C shell: what the client links in.
        pub static DEFAULT: &dyn crate::seam::port::Port = &hooks::HOOKS;
        pub use hooks::set_thread_signals;
    } else if #[cfg(feature = "port-host")] {
        compile_error!("feature port-host: this system has no port yet; use port-hooks");
    } else if #[cfg(feature = "capi")] {
        compile_error!("feature capi needs a port: turn on port-host or port-hooks");
    }
}
