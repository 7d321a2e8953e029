//! Linux's part of the C library: numbers and layouts.
//!
//! `ports/unix` uses these names as part of its own `sys`. Another system's folder defines
//! the same names.
//!
//! The numbers are from the kernel's generic user headers (uapi, asm-generic), which
//! x86-64, IA-32, ARM64 and RISC-V share. Where C libraries could differ, the numbers are those of
//! both glibc and musl.

use crate::ports::unix::sys::{File, MAP_PRIVATE, SIG_DFL, SIGSEGV};
use core::ffi::{c_int, c_void};

const MAP_ANONYMOUS: c_int = 0x20;
const MAP_NORESERVE: c_int = 0x4000;
/// For a mapping of addresses that have no memory yet and count for none.
pub const MAP_ADDRESSES: c_int = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
/// Gives the memory back; the addresses then read as zero.
///
/// # Safety
/// Mapped memory, of which the contents may go.
pub unsafe fn clear(base: usize, size: usize) {
    const MADV_DONTNEED: c_int = 4;
    // SAFETY: as the caller says.
    unsafe { madvise(base, size, MADV_DONTNEED) };
}

/// Sets pages aside at once. Since Linux 5.14; older ones refuse, which is no harm.
///
/// # Safety
/// Memory that may be read and written to.
pub unsafe fn set_aside(base: usize, size: usize) {
    const MADV_POPULATE_WRITE: c_int = 23;
    // SAFETY: as the caller says; the contents stay.
    unsafe { madvise(base, size, MADV_POPULATE_WRITE) };
}

/// For `sysconf`: the size of a page (bits/confname.h).
pub const SC_PAGESIZE: c_int = 30;

// Signals: asm-generic/signal.h.
/// A bus error.
pub const SIGBUS: c_int = 7;
/// Stops a process; cannot be handled.
pub const SIGSTOP: c_int = 19;
/// The highest number, real-time signals included.
pub const SIGNAL_MAX: c_int = 64;
/// Signals that the C library keeps for its threads.
pub const SIGNALS_KEPT: [c_int; 2] = [32, 33];
/// The signal for an access that a protection denies.
pub const SIG_DENIED: c_int = SIGSEGV;
/// The `si_code` of [`SIG_DENIED`] if the memory is there and the access is denied
/// (asm-generic/siginfo.h: ACCERR).
const CODE_DENIED: c_int = 2;
/// The `si_code` of a signal that [`super::thread::kill`] has sent (siginfo.h: TKILL).
const CODE_TO_THREAD: c_int = -6;

/// The handler wants three arguments.
pub const SA_SIGINFO: c_int = 4;
/// It runs on the alternate stack.
pub const SA_ONSTACK: c_int = 0x0800_0000;
/// System calls go on after it.
pub const SA_RESTART: c_int = 0x1000_0000;
/// Its own signal is not blocked meanwhile.
pub const SA_NODEFER: c_int = 0x4000_0000;
/// It is good for one signal.
pub const SA_RESETHAND: c_int = 0x8000_0000u32 as c_int;
/// For `pthread_sigmask`: block more, block fewer, block just these.
pub const SIG_BLOCK: c_int = 0;
/// See [`SIG_BLOCK`].
pub const SIG_UNBLOCK: c_int = 1;
/// See [`SIG_BLOCK`].
pub const SIG_SETMASK: c_int = 2;
/// A thread without an alternate stack.
pub const SS_DISABLE: c_int = 2;

/// An address that the call can't use.
#[cfg(target_arch = "riscv64")]
pub const EFAULT: c_int = 14;
/// Too much of it just now.
pub const EAGAIN: c_int = 11;

/// Opens a file to be written anew: `O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC`,
/// which are alike on our processors (asm-generic/fcntl.h).
pub const OPEN_WRITE_NEW: c_int = 0o2_001_101;
/// Opens a file to be read: `O_RDONLY | O_CLOEXEC`.
pub const OPEN_READ: c_int = 0o2_000_000;

/// The processor time of the process (linux/time.h).
pub const CLOCK_PROCESS_CPUTIME_ID: c_int = 2;

/// `sigset_t`: the C library's has room for 1024 signals.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct SigSet([usize; 128 / size_of::<usize>()]);

impl SigSet {
    /// No signals.
    pub const EMPTY: SigSet = SigSet([0; 128 / size_of::<usize>()]);

    /// All signals that the system has, as one number.
    #[cfg(target_pointer_width = "64")]
    pub const fn bits(&self) -> usize {
        let [first, ..] = self.0;
        first
    }

    /// Those signals.
    #[cfg(target_pointer_width = "64")]
    pub const fn of_bits(bits: usize) -> SigSet {
        let mut set = SigSet::EMPTY;
        let [first, ..] = &mut set.0;
        *first = bits;
        set
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
    restorer: usize,
}

impl SigAction {
    /// What the system does by itself.
    pub const DEFAULT: SigAction = SigAction::new(SIG_DFL, SigSet::EMPTY, 0);

    /// With these.
    pub const fn new(handler: usize, mask: SigSet, flags: c_int) -> SigAction {
        SigAction { handler, mask, flags, restorer: 0 }
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
    /// Of a fault: where. (Alignment puts it where C has it.)
    pub addr: usize,
}

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
        self.code <= 0
    }
}

/// `stack_t`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct SigStack {
    /// Its lowest address.
    pub sp: usize,
    /// `SS_*`.
    pub flags: c_int,
    /// Bytes.
    pub size: usize,
}

/// An offset in a file, as `mmap` takes it.
pub type Offset = isize;

unsafe extern "C" {
    /// Reads from a file.
    pub fn read(fd: c_int, buf: *mut c_void, n: usize) -> isize;
    fn madvise(addr: usize, len: usize, advice: c_int) -> c_int;
    /// Where the calling thread's `errno` is.
    #[link_name = "__errno_location"]
    pub fn errno_location() -> *mut c_int;
    /// Standard output.
    pub static mut stdout: *mut File;
    /// Standard error.
    pub static mut stderr: *mut File;
}
