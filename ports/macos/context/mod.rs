//! macOS's signal frames. The kernel puts the ucontext, the `siginfo_t` and the machine context
//! side by side, in another order on each processor; the ucontext has a pointer to the machine
//! context and its length. The offsets are from the system's headers sys/_types/_ucontext.h,
//! mach/i386/_structs.h and mach/arm/_structs.h; tests/systems/macos.c compares them.
//!
//! `uc_stack` is no copy of what `sigaltstack` was given. Its size is that of the alternate
//! stack if the kernel has put the handler on that, else 0; so `sigaltstack` is asked where the stack is.
//! Whether a thread is on it the kernel goes by what it has put there, not by the stack pointer.

use crate::base::addr::{Addr, WORD};
use crate::ports::unix::context::{Frame, on, read};
use crate::ports::unix::sys::{SS_DISABLE, SigStack, sigaltstack};
use core::marker::PhantomData;

// The ucontext.
/// `uc_onstack`: was the thread on its alternate stack already?
const ON_STACK: usize = 0;
/// The size in `uc_stack`.
const STACK_SIZE: usize = 16;
/// `uc_mcsize`: how long the machine context is.
const MACHINE_SIZE: usize = 40;
/// `uc_mcontext`: where it is.
const MACHINE: usize = 48;
/// All of it.
const SIZE: usize = 56;

/// The kernel puts the machine context within this of the ucontext; there are at most 128 bytes
/// of `siginfo_t` between.
const NEAR: usize = 16 * 1024;

/// How a processor's machine context is laid out.
pub trait Machine {
    /// The first saved register.
    const REGS: usize;
    /// The stack pointer.
    const SP: usize;
    /// The word of 32 bits that tells a write from a read, and its bit.
    const CAUSE: (usize, u32);
    /// No machine context is shorter.
    const SIZE: usize;
}

/// x86-64: `__es` (exception), `__ss` (registers), `__fs` (vector registers; with AVX more of them).
#[cfg(any(target_arch = "x86_64", test))]
pub struct X86_64;

#[cfg(any(target_arch = "x86_64", test))]
impl Machine for X86_64 {
    /// `__ss.__rax`.
    const REGS: usize = 16;
    /// `__ss.__rsp`.
    const SP: usize = 72;
    /// `__es.__err`, the page fault's error code; its bit for a write (the processors' manuals).
    const CAUSE: (usize, u32) = (4, 2);
    const SIZE: usize = 712;
}

/// ARM64: `__es` (exception), `__ss` (registers), `__ns` (vector registers).
#[cfg(any(target_arch = "aarch64", test))]
pub struct Arm64;

#[cfg(any(target_arch = "aarch64", test))]
impl Machine for Arm64 {
    /// `__ss.__x`.
    const REGS: usize = 16;
    /// `__ss.__sp`.
    const SP: usize = 264;
    /// `__es.__esr`, the fault's syndrome; its bit WNR (ARM's manual).
    const CAUSE: (usize, u32) = (8, 1 << 6);
    const SIZE: usize = 816;
}

/// The frames of the processor.
#[cfg(all(target_os = "macos", target_arch = "x86_64"))]
pub type System = Frames<X86_64>;
/// The frames of the processor.
#[cfg(all(target_os = "macos", target_arch = "aarch64"))]
pub type System = Frames<Arm64>;

/// The frames of a processor.
pub struct Frames<M>(PhantomData<M>);

/// Where the machine context is, and how long.
///
/// # Safety
/// [`SIZE`] bytes at `uc` can be read.
unsafe fn machine(uc: Addr) -> (Addr, usize) {
    // SAFETY: as the caller says.
    unsafe { (Addr(read(uc.add(MACHINE))), read(uc.add(MACHINE_SIZE))) }
}

impl<M: Machine> Frame for Frames<M> {
    const SIZE: usize = SIZE;
    /// On both processors (the system's ABI for ARM64 has one, too).
    const RED_ZONE: usize = 128;

    unsafe fn regs(uc: Addr) -> Addr {
        // SAFETY: as the caller says.
        unsafe { machine(uc) }.0.add(M::REGS)
    }

    unsafe fn sp(uc: Addr) -> Addr {
        // SAFETY: as the caller says; a ucontext leads to a machine context.
        unsafe { Addr(read(machine(uc).0.add(M::SP))) }
    }

    unsafe fn stack(_: Addr) -> SigStack {
        let none = SigStack { sp: 0, size: 0, flags: 0 };
        let mut stack = none;
        // SAFETY: asks only.
        let done = unsafe { sigaltstack(core::ptr::null(), &mut stack) } == 0;
        if !done || stack.flags & SS_DISABLE != 0 {
            return none;
        }
        // `sigaltstack` takes it as it is without what it says of now.
        SigStack { flags: 0, ..stack }
    }

    unsafe fn put_on(uc: Addr, stack: &SigStack) -> bool {
        // SAFETY: as the caller says.
        let (on_stack, size) =
            unsafe { (read::<i32>(uc.add(ON_STACK)), read::<usize>(uc.add(STACK_SIZE))) };
        // SAFETY: as the caller says.
        let (machine, length) = unsafe { machine(uc) };
        let limit = Addr(stack.sp).add(stack.size);
        let whole = on(stack, machine) && (M::SIZE..=limit.since(machine)).contains(&length);
        let distance = machine.0.abs_diff(uc.0);
        on_stack == 0 && size == stack.size && whole && machine.is_aligned(WORD) && distance <= NEAR
    }

    unsafe fn is_write(uc: Addr) -> bool {
        let (at, bit) = M::CAUSE;
        // SAFETY: as the caller says.
        unsafe { read::<u32>(machine(uc).0.add(at)) & bit != 0 }
    }

    unsafe fn limit(uc: Addr) -> Addr {
        // SAFETY: as the caller says.
        let (machine, length) = unsafe { machine(uc) };
        machine.add(length)
    }
}

#[cfg(test)]
mod tests;
