//! FreeBSD's part of the C library: numbers and layouts.
//!
//! `ports/unix` uses these names as part of its own `sys`. The numbers are from the system's
//! headers, those named at each; tests/systems/freebsd.c compares them all.

pub use crate::ports::bsd::*;

use crate::ports::unix::sys::{SIG_DFL, SIGSEGV};
use core::ffi::c_int;

/// For a mapping of addresses that have no memory yet. Such a mapping counts when it may be
/// written to, not before.
pub const MAP_ADDRESSES: c_int = MAP_MEMORY;

/// For `sysconf`: the size of a page (unistd.h).
pub const SC_PAGESIZE: c_int = 47;

// Signals: sys/signal.h.
/// The highest number, real-time signals included (`SIGRTMAX`).
pub const SIGNAL_MAX: c_int = 126;
/// Signals that the C library keeps for itself: `SIGTHR` and `SIGLIBRT`.
pub const SIGNALS_KEPT: [c_int; 2] = [32, 33];
/// The signal for an access that a protection denies. (It is `SIGBUS` for programs that were
/// built for FreeBSD before 7.)
pub const SIG_DENIED: c_int = SIGSEGV;
/// The `si_code` of [`SIG_DENIED`] if the memory is there and the access is denied
/// (`SEGV_ACCERR`).
const CODE_DENIED: c_int = 2;
/// The `si_code` of a signal that [`super::thread::kill`] has sent (`SI_LWP`).
const CODE_TO_THREAD: c_int = 0x10007;

/// Opens a file to be written anew: `O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC`
/// (fcntl.h).
pub const OPEN_WRITE_NEW: c_int = 0x10_0601;
/// The processor time of the process (sys/_clock_id.h).
pub const CLOCK_PROCESS_CPUTIME_ID: c_int = 15;

/// `sigset_t`: a bit for each of 128 signals.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct SigSet([u32; 4]);

impl SigSet {
    /// No signals.
    pub const EMPTY: SigSet = SigSet([0; 4]);
}

/// `struct sigaction` of the C library, its handler as a number: a function of
/// either form, or `SIG_DFL` or `SIG_IGN`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct SigAction {
    /// The function.
    pub handler: usize,
    /// `SA_*`.
    pub flags: c_int,
    /// What is blocked while it runs.
    pub mask: SigSet,
}

impl SigAction {
    /// What the system does by itself.
    pub const DEFAULT: SigAction = SigAction::new(SIG_DFL, SigSet::EMPTY, 0);

    /// With these.
    pub const fn new(handler: usize, mask: SigSet, flags: c_int) -> SigAction {
        SigAction { handler, flags, mask }
    }
}

/// The head of `siginfo_t`, as a fault or a sender fills it.
#[repr(C)]
pub struct SigInfo {
    /// The signal.
    pub signo: c_int,
    /// An error's number, if any.
    pub errno: c_int,
    /// Where it comes from.
    pub code: c_int,
    _process: [c_int; 3],
    /// Of a fault: where.
    pub addr: usize,
}

/// From here on codes are of signals that were sent (sys/signal.h).
const SI_USER: c_int = 0x10001;

impl SigInfo {
    /// Of [`SIG_DENIED`]: is the memory there, and the access denied?
    pub fn is_denied(&self) -> bool {
        self.code == CODE_DENIED
    }

    /// Did [`super::thread::kill`] send it?
    pub fn is_to_thread(&self) -> bool {
        self.code == CODE_TO_THREAD
    }

    /// Did a process send it? Otherwise it is of a fault, and comes again when the
    /// handler returns.
    pub fn is_sent(&self) -> bool {
        self.code <= 0 || self.code >= SI_USER
    }
}
