//! x86-64: `ucontext_t` is flags, link, stack, 23 general registers, a
//! pointer to the vector state. The offsets are from the kernel's headers ucontext.h and
//! sigcontext.h for x86, the numbers of system calls from its `syscall_64.tbl`.

use super::read;
use crate::base::addr::Addr;
use core::ffi::c_long;

pub const SYS_GETTID: c_long = 186;
pub const SYS_RT_SIGTIMEDWAIT: c_long = 128;
pub const SYS_TGKILL: c_long = 234;

/// The first saved register.
pub const REGS: usize = 40;
/// The stack pointer, the sixteenth of them.
pub const SP: usize = REGS + 15 * 8;
/// The page fault's error code.
const ERR: usize = REGS + 19 * 8;
/// The pointer to the vector state.
const FP: usize = REGS + 23 * 8;
/// All of it that is read here.
pub const SIZE: usize = FP + 8;

/// What a function may use below its stack pointer.
pub const RED_ZONE: usize = 128;

/// # Safety
/// A ucontext.
pub unsafe fn is_write(uc: Addr) -> bool {
    // SAFETY: as the caller says.
    unsafe { read::<usize>(uc.add(ERR)) & 2 != 0 }
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
    // SAFETY: as the caller says.
    let fp = Addr(unsafe { read::<usize>(uc.add(FP)) });
    // The kernel puts it above; if not, do without.
    if fp.since(uc) > 4096 {
        return uc.add(FP);
    }
    // SAFETY: the vector state is at least the 512 bytes of FXSAVE, the last
    // 48 of which say how long it is.
    let (magic, size) = unsafe { (read::<u32>(fp.add(464)), read::<u32>(fp.add(468))) };
    if magic == super::XSTATE_MAGIC { fp.add(size as usize) } else { fp.add(512) }
}
