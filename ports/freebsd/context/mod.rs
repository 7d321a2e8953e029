//! FreeBSD's signal frames. Every handler gets a ucontext, whether it asked for it or not. The
//! processor's file says where things lie in it.
//!
//! The C library's own handler runs first and hands the kernel's ucontext on. If the thread was
//! inside the C library, it hands on one that it has made itself, later; that one names no
//! alternate stack.

use crate::base::addr::{Addr, WORD};
use crate::ports::unix::context::{Frame, read};
use crate::ports::unix::sys::SigStack;

cfg_if::cfg_if! {
    if #[cfg(target_arch = "x86_64")] {
        mod x86_64;
        use x86_64 as arch;
    } else if #[cfg(target_arch = "x86")] {
        mod ia32;
        use ia32 as arch;
    } else {
        compile_error!("FreeBSD on this processor: write ports/freebsd/context/<processor>.rs");
    }
}

/// The bit of a page fault's error code for a write (the processors' manuals).
const WRITE: usize = 2;
/// The kernel puts the vector registers right above its frame, aligned to 64; what is further
/// away is not of this frame.
const NEAR: usize = 4096;
/// No processor's vector state is longer: AMX has some 11 KB.
const VECTOR_MOST: usize = 16 * 1024;

/// The frames of the processor.
pub struct System;

impl Frame for System {
    const SIZE: usize = arch::SIZE;
    const RED_ZONE: usize = arch::RED_ZONE;

    unsafe fn regs(uc: Addr) -> Addr {
        uc.add(arch::REGS)
    }

    unsafe fn sp(uc: Addr) -> Addr {
        // SAFETY: as the caller says.
        Addr(unsafe { read(uc.add(arch::SP)) })
    }

    unsafe fn stack(uc: Addr) -> SigStack {
        let at = uc.add(arch::STACK);
        // The flags are what `sigaltstack` takes: its other one is not for callers.
        // SAFETY: as the caller says.
        unsafe { SigStack { sp: read(at), size: read(at.add(WORD)), flags: 0 } }
    }

    unsafe fn is_write(uc: Addr) -> bool {
        // SAFETY: as the caller says.
        unsafe { read::<usize>(uc.add(arch::ERR)) & WRITE != 0 }
    }

    unsafe fn put_on(uc: Addr, stack: &SigStack) -> bool {
        // SAFETY: as the caller says.
        let copy = unsafe { Self::stack(uc) };
        copy.sp == stack.sp && copy.size == stack.size
    }

    unsafe fn limit(uc: Addr) -> Addr {
        let at = uc.add(arch::VECTOR);
        // SAFETY: as the caller says.
        let (vector, size) = unsafe { (Addr(read(at)), read::<usize>(at.add(WORD))) };
        let end = uc.add(arch::SIZE);
        if vector >= end && vector.since(uc) <= NEAR && size <= VECTOR_MOST {
            return vector.add(size);
        }
        end
    }
}

#[cfg(test)]
mod tests;
