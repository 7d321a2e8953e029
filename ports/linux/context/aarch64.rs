//! ARM64: `ucontext_t` is flags, link, stack, signal mask, then (at a multiple
//! of 16) the fault address, x0-x30, sp, pc, pstate and 4096 bytes of records,
//! the vector registers and the fault's syndrome among them. The offsets are from the
//! kernel's headers ucontext.h and sigcontext.h for ARM64, the numbers of system calls
//! from its generic unistd.h.

use super::read;
use crate::base::addr::Addr;
use core::ffi::c_long;

pub const SYS_GETTID: c_long = 178;
pub const SYS_RT_SIGTIMEDWAIT: c_long = 137;
pub const SYS_TGKILL: c_long = 131;

/// The first saved register.
pub const REGS: usize = 184;
/// The stack pointer, after thirty-one of them.
pub const SP: usize = REGS + 31 * 8;
/// The records.
const RECORDS: usize = 464;
const RECORDS_SIZE: usize = 4096;
/// All of it that is read here.
pub const SIZE: usize = RECORDS + RECORDS_SIZE;

/// What a function may use below its stack pointer.
pub const RED_ZONE: usize = 0;

/// The mark of the record with the fault's syndrome (sigcontext.h).
const ESR_MAGIC: u32 = 0x4553_5201;
/// The bit of the syndrome that says "write" (WNR, in ARM's manual).
const ESR_WRITE: u64 = 1 << 6;

/// # Safety
/// A ucontext.
pub unsafe fn is_write(uc: Addr) -> bool {
    let mut at = uc.add(RECORDS);
    let limit = at.add(RECORDS_SIZE - 16);
    while at <= limit {
        // SAFETY: inside the records.
        let (magic, size) = unsafe { (read::<u32>(at), read::<u32>(at.add(4))) };
        if magic == ESR_MAGIC {
            // SAFETY: as above.
            return unsafe { read::<u64>(at.add(8)) & ESR_WRITE != 0 };
        }
        if magic == 0 || size < 8 {
            break;
        }
        at = at.add(size as usize);
    }
    true
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
    uc.add(SIZE)
}
