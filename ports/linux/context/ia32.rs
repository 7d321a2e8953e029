//! IA-32: `ucontext_t` is flags, link, stack, 19 general registers, a pointer
//! to the floating point state: 112 bytes of FSAVE, then as on x86-64.
//! The offsets are from the kernel's headers ucontext.h and sigcontext.h for x86, the
//! numbers of system calls from its `syscall_32.tbl`.

use super::read;
use crate::base::addr::Addr;
use core::ffi::c_long;

pub const SYS_GETTID: c_long = 224;
pub const SYS_RT_SIGTIMEDWAIT: c_long = 177;
pub const SYS_TGKILL: c_long = 270;

/// The first saved register.
pub const REGS: usize = 20;
/// The stack pointer, the eighth of them.
pub const SP: usize = REGS + 7 * 4;
/// The page fault's error code.
const ERR: usize = REGS + 13 * 4;
/// The pointer to the floating point state.
const FP: usize = REGS + 19 * 4;
/// All of it that is read here.
pub const SIZE: usize = FP + 4;

/// What a function may use below its stack pointer.
pub const RED_ZONE: usize = 0;

/// # Safety
/// A ucontext.
pub unsafe fn is_write(uc: Addr) -> bool {
    // SAFETY: as the caller says.
    unsafe { read::<usize>(uc.add(ERR)) & 2 != 0 }
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
    // SAFETY: FXSAVE's 512 bytes follow; the last 48 say how long it all is.
    let (magic, size) = unsafe { (read::<u32>(fp.add(112 + 464)), read::<u32>(fp.add(112 + 468))) };
    if magic == super::XSTATE_MAGIC { fp.add(size as usize) } else { fp.add(112 + 512) }
}

/// Are these the registers that the kernel leaves for a handler without `SA_SIGINFO`? It
/// gets a frame with no ucontext and no `stack_t`: registers, then the floating point state,
/// laid out as in a ucontext from `REGS` on. Both segments are those that we run with,
/// and the stack pointer is there twice.
///
/// # Safety
/// `SIZE` bytes at `uc` can be read.
pub unsafe fn is_short_frame(uc: Addr) -> bool {
    let (cs, ss): (usize, usize);
    // SAFETY: reads two segment registers.
    unsafe {
        core::arch::asm!("mov {:e}, cs", "mov {:e}, ss", out(reg) cs, out(reg) ss,
            options(nomem, nostack, preserves_flags));
    }
    // SAFETY: below `SIZE`. The upper halves of the segments' places may hold anything.
    let at = |i: usize| unsafe { read::<usize>(uc.add(REGS + i * 4)) };
    let same = |a: usize, b: usize| a & 0xffff == b & 0xffff;
    same(at(15), cs) && same(at(18), ss) && at(7) == at(17) && Addr(at(19)).since(uc) <= 4096
}
