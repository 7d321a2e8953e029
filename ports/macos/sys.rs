//! macOS's part of the C library: numbers and layouts.
//!
//! `ports/unix` uses these names as part of its own `sys`. The numbers are from the system's
//! headers, those named at each; tests/systems/macos.c compares them all.

pub use crate::ports::bsd::*;

use crate::ports::unix::sys::SIG_DFL;
use core::ffi::{c_int, c_uint};

const MAP_NORESERVE: c_int = 0x40;
/// For a mapping of addresses that have no memory yet.
pub const MAP_ADDRESSES: c_int = MAP_MEMORY | MAP_NORESERVE;

/// For `sysconf`: the size of a page (unistd.h).
pub const SC_PAGESIZE: c_int = 29;

// Signals: sys/signal.h.
/// The highest number (`NSIG` less one).
pub const SIGNAL_MAX: c_int = 31;
/// Signals that the C library keeps for itself: none.
pub const SIGNALS_KEPT: [c_int; 0] = [];
/// The signal for an access that a protection denies. The kernel makes it of a bad
/// access whatever its code, unless nothing is mapped there.
pub const SIG_DENIED: c_int = SIGBUS;

/// Opens a file to be written anew: `O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC`
/// (sys/fcntl.h).
pub const OPEN_WRITE_NEW: c_int = 0x0100_0601;
/// The processor time of the process (time.h).
pub const CLOCK_PROCESS_CPUTIME_ID: c_int = 12;

/// `sigset_t`: a bit for each signal.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct SigSet(u32);

impl SigSet {
    /// No signals.
    pub const EMPTY: SigSet = SigSet(0);

    /// All signals that are not in it.
    pub const fn all_others(&self) -> SigSet {
        SigSet(!self.0)
    }

    /// As a number.
    pub const fn bits(&self) -> usize {
        self.0 as usize
    }

    /// Those signals.
    pub const fn of_bits(bits: usize) -> SigSet {
        SigSet(bits as u32)
    }
}

/// `struct sigaction` of the C library, its handler as a number: a function of
/// either form, or `SIG_DFL` or `SIG_IGN`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct SigAction {
    /// The function.
    pub handler: usize,
    /// What is blocked while it runs.
    pub mask: SigSet,
    /// `SA_*`.
    pub flags: c_int,
}

impl SigAction {
    /// What the system does by itself.
    pub const DEFAULT: SigAction = SigAction::new(SIG_DFL, SigSet::EMPTY, 0);

    /// With these.
    pub const fn new(handler: usize, mask: SigSet, flags: c_int) -> SigAction {
        SigAction { handler, mask, flags }
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
    /// Of a signal that was sent: by which process.
    pub pid: c_int,
    _user: c_uint,
    _status: c_int,
    /// Of a fault: where.
    pub addr: usize,
}

/// The code of a signal that was sent, but for those whose fault it may be (signal.h has
/// `SI_USER`; the kernel says 0).
const CODE_SENT: c_int = 0;

impl SigInfo {
    /// Of [`SIG_DENIED`]: is the memory there, and the access denied? The codes don't tell,
    /// not even a fault from a signal that a process has sent; so the address must.
    pub fn is_denied(&self) -> bool {
        true
    }

    /// Did [`super::thread::kill`] send it? The system can't tell that from what
    /// the process sends to itself in other ways. If several such signals are under way at a time,
    /// it has the sender for the first of them only.
    pub fn is_to_thread(&self) -> bool {
        // SAFETY: no preconditions.
        let me = unsafe { crate::ports::unix::sys::getpid() };
        self.code == CODE_SENT && (self.pid == me || self.pid == 0)
    }

    /// Did a process send it? Otherwise it is of a fault, and comes again when the
    /// handler returns. Of [`SIG_DENIED`] nobody can tell, and the system's code is that of
    /// a fault.
    pub fn is_sent(&self) -> bool {
        self.code == CODE_SENT
    }
}
