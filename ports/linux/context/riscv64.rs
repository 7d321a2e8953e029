//! RISC-V 64: `ucontext_t` is flags, link, stack, room for 1024 signals, then (at a multiple
//! of 16) pc and x1-x31, room for the floating point state of the widest kind, and records,
//! of which the first begins where that room ends but for eight bytes. The vector registers are
//! in one. The offsets are from the kernel's headers ucontext.h, sigcontext.h and ptrace.h
//! for RISC-V, the numbers of system calls from its generic unistd.h.

use super::read;
use super::riscv_access::{is_short, may_write};
use crate::base::addr::Addr;
use crate::ports::linux::thread::can_read;
use core::ffi::c_long;

pub const SYS_GETTID: c_long = 178;
pub const SYS_RT_SIGPROCMASK: c_long = 135;
pub const SYS_RT_SIGTIMEDWAIT: c_long = 137;
pub const SYS_TGKILL: c_long = 131;

/// The first saved register, which is pc.
pub const REGS: usize = 176;
/// The stack pointer: x2, in the place that x0 leaves to pc and on.
pub const SP: usize = REGS + 2 * 8;
/// The floating point state: 32 registers of 16 bytes, then fcsr and three words.
const FP: usize = REGS + 32 * 8;
/// The records: the last two of those words, and what follows.
const RECORDS: usize = FP + 32 * 16 + 8;
/// The least that there is of it: an emulator leaves room for registers of 8 bytes only,
/// and has no records.
pub const SIZE: usize = FP + 32 * 8;

/// What a function may use below its stack pointer.
pub const RED_ZONE: usize = 0;

/// The mark of the record with the vector registers (sigcontext.h).
const VECTOR_MAGIC: u32 = 0x5346_5457;
/// No such record is longer: 32 registers of 8 KB, and what is said about them.
const VECTOR_MAX: usize = 33 * 8192;

/// The kernel does not say; the instruction does, where it can be read. (Code need not be
/// readable, and a jump into memory that is protected faults as well.)
///
/// # Safety
/// A ucontext.
pub unsafe fn is_write(uc: Addr) -> bool {
    // SAFETY: as the caller says.
    let pc = Addr(unsafe { read::<usize>(uc.add(REGS)) });
    // Instructions are aligned to 2, so these eight bytes are in one page.
    let readable = |at: Addr| can_read(at.down(8));
    if !readable(pc) {
        return true;
    }
    // SAFETY: it can be read.
    let first = unsafe { read::<u16>(pc) };
    if is_short(first) {
        return may_write(first, 0);
    }
    let next = pc.add(2);
    if next.is_aligned(8) && !readable(next) {
        return true;
    }
    // SAFETY: it can be read.
    may_write(first, unsafe { read::<u16>(next) })
}

/// All frames have a ucontext.
///
/// # Safety
/// As on IA-32, where it reads.
pub unsafe fn is_short_frame(_: Addr) -> bool {
    false
}

/// Where the frame ends.
///
/// # Safety
/// A ucontext in its frame.
pub unsafe fn limit(uc: Addr) -> Addr {
    let at = uc.add(RECORDS);
    // The kernel's frames have room for the first record's mark. An emulator's have
    // not, and that near to the cold end of a stack there may be nothing above them.
    if !can_read(at) {
        return uc.add(SIZE);
    }
    // SAFETY: it can be read.
    let (magic, size) = unsafe { (read::<u32>(at), read::<u32>(at.add(4))) };
    let size = size as usize;
    if magic == VECTOR_MAGIC && size <= VECTOR_MAX { at.add(size) } else { at }
}
