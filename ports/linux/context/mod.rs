//! Linux's signal frames. The processor's file says where things lie in its `ucontext_t`.

use super::sys::SigStack;
use crate::base::addr::{Addr, WORD};
use crate::ports::unix::context::{Frame, read};

cfg_if::cfg_if! {
    if #[cfg(target_arch = "x86_64")] {
        mod x86_64;
        use x86_64 as arch;
    } else if #[cfg(target_arch = "x86")] {
        mod ia32;
        use ia32 as arch;
    } else if #[cfg(target_arch = "aarch64")] {
        mod aarch64;
        use aarch64 as arch;
    } else if #[cfg(target_arch = "riscv64")] {
        mod riscv64;
        use riscv64 as arch;
    } else {
        compile_error!("Linux on this processor: write ports/linux/context/<processor>.rs");
    }
}

#[cfg(any(target_arch = "riscv64", test))]
mod riscv_access;

#[cfg(target_arch = "riscv64")]
pub use arch::SYS_RT_SIGPROCMASK;
pub use arch::{SYS_GETTID, SYS_RT_SIGTIMEDWAIT, SYS_TGKILL};

/// The mark after which the size of the vector state follows (the kernel's sigcontext.h for
/// x86 calls it magic 1).
#[cfg(any(target_arch = "x86_64", target_arch = "x86"))]
const XSTATE_MAGIC: u32 = 0x4650_5853;

/// The offset of `uc_stack`, which comes after `uc_flags` and `uc_link` on all processors.
const STACK: usize = 2 * WORD;

/// The frames of the processor.
pub struct System;

impl Frame for System {
    const SIZE: usize = arch::SIZE;
    const RED_ZONE: usize = arch::RED_ZONE;

    #[inline]
    unsafe fn regs(uc: Addr) -> Addr {
        uc.add(arch::REGS)
    }

    #[inline]
    unsafe fn sp(uc: Addr) -> Addr {
        // SAFETY: as the caller says.
        Addr(unsafe { read(uc.add(arch::SP)) })
    }

    #[inline]
    unsafe fn stack(uc: Addr) -> SigStack {
        // SAFETY: as the caller says.
        unsafe { read(uc.add(STACK)) }
    }

    #[inline]
    unsafe fn is_write(uc: Addr) -> bool {
        // SAFETY: as the caller says.
        unsafe { arch::is_write(uc) }
    }

    #[inline]
    unsafe fn put_on(uc: Addr, stack: &SigStack) -> bool {
        // SAFETY: as the caller says.
        let (copy, short) = unsafe { (Self::stack(uc), arch::is_short_frame(uc)) };
        copy.sp == stack.sp && copy.size == stack.size || short
    }

    #[inline]
    unsafe fn limit(uc: Addr) -> Addr {
        // SAFETY: as the caller says.
        unsafe { arch::limit(uc) }
    }
}
