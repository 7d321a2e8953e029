//! FreeBSD's part of the C library: numbers and layouts.
//!
//! `ports/unix` uses these names as part of its own `sys`. The numbers are from the system's
//! headers, those named at each; tests/systems/freebsd.c compares them all.

use core::ffi::{c_int, c_long};

/// `PROT_NONE`, for `mmap` and `mprotect` (sys/mman.h).
pub const PROT_NONE: c_int = 0;
/// `PROT_READ`.
pub const PROT_READ: c_int = 1;
/// `PROT_WRITE`.
pub const PROT_WRITE: c_int = 2;
/// What `mmap` gives when it fails.
pub const MAP_FAILED: usize = usize::MAX;
/// `MAP_FIXED`.
pub const MAP_FIXED: c_int = 0x10;
const MAP_PRIVATE: c_int = 0x02;
const MAP_ANON: c_int = 0x1000;
/// For a mapping of addresses that have no memory yet. Such a mapping counts when it may be
/// written to, not before.
pub const MAP_ADDRESSES: c_int = MAP_PRIVATE | MAP_ANON;

/// Gives the memory back; the addresses then read as zero.
///
/// # Safety
/// Mapped memory, of which the contents may go.
pub unsafe fn clear(base: usize, size: usize) {
    /// The pages may be taken, and are then zero; until then they are as they were.
    const MADV_FREE: c_int = 5;
    // SAFETY: as the caller says.
    if unsafe { crate::ports::unix::sys::mprotect(base, size, PROT_READ | PROT_WRITE) } == 0 {
        // SAFETY: as the caller says, and it may be written to.
        unsafe { crate::base::addr::Addr(base).ptr::<u8>().write_bytes(0, size) };
        // SAFETY: as above.
        unsafe { madvise(base, size, MADV_FREE) };
    }
}

/// Would set pages aside at once; this system has no call for that.
///
/// # Safety
/// Memory that may be read and written to.
pub unsafe fn set_aside(_base: usize, _size: usize) {}

/// For `sysconf`: the size of a page (unistd.h).
pub const SC_PAGESIZE: c_int = 47;

// Signals: sys/signal.h.
/// An illegal instruction.
pub const SIGILL: c_int = 4;
/// What a debugger uses.
pub const SIGTRAP: c_int = 5;
/// An arithmetic error.
pub const SIGFPE: c_int = 8;
/// Ends a process; cannot be handled.
pub const SIGKILL: c_int = 9;
/// A bus error.
pub const SIGBUS: c_int = 10;
/// An access to memory that is not there or denies it.
pub const SIGSEGV: c_int = 11;
/// Stops a process; cannot be handled.
pub const SIGSTOP: c_int = 17;
/// Processor time has run out.
pub const SIGXCPU: c_int = 24;
/// A file has grown too large.
pub const SIGXFSZ: c_int = 25;
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

/// No handler: the default action, or none.
pub const SIG_DFL: usize = 0;
/// See [`SIG_DFL`].
pub const SIG_IGN: usize = 1;
/// The handler wants three arguments.
pub const SA_SIGINFO: c_int = 0x40;
/// It runs on the alternate stack.
pub const SA_ONSTACK: c_int = 1;
/// System calls go on after it.
pub const SA_RESTART: c_int = 2;
/// Its own signal is not blocked meanwhile.
pub const SA_NODEFER: c_int = 0x10;
/// It is good for one signal.
pub const SA_RESETHAND: c_int = 4;
/// For `pthread_sigmask`: block more, block fewer, block just these.
pub const SIG_BLOCK: c_int = 1;
/// See [`SIG_BLOCK`].
pub const SIG_UNBLOCK: c_int = 2;
/// See [`SIG_BLOCK`].
pub const SIG_SETMASK: c_int = 3;
/// A thread without an alternate stack.
pub const SS_DISABLE: c_int = 4;

/// The call was interrupted (errno.h).
pub const EINTR: c_int = 4;
/// Too much of it just now.
pub const EAGAIN: c_int = 35;

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

/// `stack_t`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct SigStack {
    /// Its lowest address.
    pub sp: usize,
    /// Bytes.
    pub size: usize,
    /// `SS_*`.
    pub flags: c_int,
}

/// `struct timespec`.
#[repr(C)]
pub struct Timespec {
    /// Seconds.
    pub sec: c_long,
    /// Billionths of a second.
    pub nsec: c_long,
}

/// An offset in a file, as `mmap` takes it.
pub type Offset = i64;

/// `FILE`.
#[repr(C)]
pub struct File {
    _private: [u8; 0],
}

unsafe extern "C" {
    fn madvise(addr: usize, len: usize, advice: c_int) -> c_int;
    /// Where the calling thread's `errno` is.
    #[link_name = "__error"]
    pub fn errno_location() -> *mut c_int;
    /// Standard output.
    #[link_name = "__stdoutp"]
    pub static mut stdout: *mut File;
    /// Standard error.
    #[link_name = "__stderrp"]
    pub static mut stderr: *mut File;
}
