//! Signal frames: where an interrupted thread stands.
//!
//! The system says where things lie in its `ucontext_t` ([`Frame`]); here is
//! what follows from it. A frame is one stretch of memory from the ucontext or from its registers up
//! to the end of the floating point and vector state, so that a reference
//! caught in a vector register in the middle of a `memmove` is seen too.
//!
//! On an alternate stack the frame tells the interrupted stack pointer; when
//! the thread was on the alternate stack already (in a fault handler, ours or
//! the client's), the frame to look at is the one that brought it there. It
//! is found by what the kernel left of that stack in it, mostly a copy of the `stack_t`.
//! (Flags do not say on all systems whether the thread was on the stack; its registers do.)
//! Where a handler that takes no ucontext gets a frame without that copy, the
//! system knows it by its registers.
//!
//! All of this runs on the thread itself, since not every system tells another thread
//! where the alternate stack is.

use super::call::call_on;
use super::sys::SigStack;
use crate::base::addr::{Addr, WORD};
use crate::seam::port::Context;
use core::ffi::c_void;

/// How a system lays its signal frames out on a processor.
pub trait Frame {
    /// No ucontext is shorter.
    const SIZE: usize;
    /// What a function may use below its stack pointer.
    const RED_ZONE: usize;

    /// Where the first saved register is.
    ///
    /// # Safety
    /// A ucontext.
    unsafe fn regs(uc: Addr) -> Addr;

    /// The interrupted stack pointer.
    ///
    /// # Safety
    /// A ucontext; or [`Frame::put_on`] has said that it looks like one.
    unsafe fn sp(uc: Addr) -> Addr;

    /// The alternate stack that the calling thread has, which is in the handler that got `uc`.
    ///
    /// # Safety
    /// A ucontext.
    unsafe fn stack(uc: Addr) -> SigStack;

    /// Does this look like what a handler got that the system put on `stack`, or
    /// like the registers in such a frame that has no ucontext?
    ///
    /// # Safety
    /// `SIZE` bytes at `uc` can be read.
    unsafe fn put_on(uc: Addr, stack: &SigStack) -> bool;

    /// Was the access that faulted a write?
    ///
    /// # Safety
    /// A ucontext.
    unsafe fn is_write(uc: Addr) -> bool;

    /// Where the frame ends.
    ///
    /// # Safety
    /// A ucontext in its frame.
    unsafe fn limit(uc: Addr) -> Addr;
}

/// Reads a value of the frame.
///
/// # Safety
/// There is a `T` at `at`.
pub unsafe fn read<T: Copy>(at: Addr) -> T {
    // SAFETY: as the caller says.
    unsafe { at.ptr::<T>().read_unaligned() }
}

/// Does `a` lie on this stack?
pub fn on(stack: &SigStack, a: Addr) -> bool {
    a.since(Addr(stack.sp)) < stack.size
}

/// The alternate stack there is, and the interrupted stack pointer.
///
/// # Safety
/// A ucontext, as a handler gets it, on the thread that got it.
unsafe fn stacks<F: Frame>(here: Addr) -> (SigStack, Addr) {
    // SAFETY: as the caller says.
    unsafe { (F::stack(here), F::sp(here)) }
}

/// Was the access that faulted a write? When in doubt, yes: what allows a
/// write allows a read too.
///
/// # Safety
/// A ucontext, as a handler gets it.
pub unsafe fn is_write<F: Frame>(ucontext: *mut c_void) -> bool {
    // SAFETY: as the caller says.
    unsafe { F::is_write(Addr::of(ucontext)) }
}

/// The alternate stack that a handler was put on when it got this ucontext;
/// `None` if it runs where the thread was.
///
/// # Safety
/// A ucontext, as a handler gets it.
pub unsafe fn alternate_stack<F: Frame>(ucontext: *mut c_void) -> Option<SigStack> {
    let here = Addr::of(ucontext);
    // SAFETY: as the caller says.
    let (stack, sp) = unsafe { stacks::<F>(here) };
    (on(&stack, here) && !on(&stack, sp)).then_some(stack)
}

/// Calls `f(arg)` on the stack that the handler with this ucontext interrupted,
/// under a copy of the registers it interrupted: whoever stops the thread in
/// there sees a stack that holds everything.
///
/// # Safety
///
/// 1. A ucontext, as a handler gets it, on another stack than the interrupted
///    one, which has room for what `f` does.
/// 2. `f` may be called with `arg`, and returns.
pub unsafe fn on_interrupted_stack<F: Frame>(
    ucontext: *mut c_void,
    f: unsafe extern "C" fn(*mut c_void),
    arg: *mut c_void,
) {
    let here = Addr::of(ucontext);
    // SAFETY: 1.
    let (regs, sp, limit) = unsafe { (F::regs(here), F::sp(here), F::limit(here)) };
    let size = limit.since(regs);
    let copy = sp.sub(F::RED_ZONE).sub(size).down(64);
    // SAFETY: below the stack pointer and its red zone, so nobody's.
    unsafe { copy.ptr::<u8>().copy_from_nonoverlapping(regs.ptr::<u8>(), size) };
    // SAFETY: 1 and 2; `copy` is aligned as stacks are.
    unsafe { call_on(copy, f, arg) };
}

/// Where the calling thread stands, which is in the handler that got this ucontext.
///
/// # Safety
/// A ucontext, as a handler gets it, that stays put.
pub unsafe fn of_stopped<F: Frame>(ucontext: *mut c_void) -> Context {
    let here = Addr::of(ucontext);
    // SAFETY: as the caller says.
    let (stack, sp) = unsafe { stacks::<F>(here) };
    let outer = if on(&stack, here) && on(&stack, sp) {
        // SAFETY: the thread is on that stack, so from `here` up it is there.
        unsafe { entered_from::<F>(here, stack) }.unwrap_or(here)
    } else {
        here
    };
    // SAFETY: both are ucontexts.
    let (regs, sp, limit) = unsafe { (F::regs(here), F::sp(outer), F::limit(outer)) };
    Context { hot: sp.sub(F::RED_ZONE).down(WORD), regs, reg_count: limit.since(regs) / WORD }
}

/// The ucontext of the signal that made its thread change to the alternate
/// stack `stack`, on which `here` is another one: it lies near the cold end,
/// so the search begins there.
///
/// # Safety
/// `stack` is in use from `here` up to its cold end.
unsafe fn entered_from<F: Frame>(here: Addr, stack: SigStack) -> Option<Addr> {
    let cold = Addr(stack.sp).add(stack.size).down(WORD);
    // No ucontext is shorter than what the processor's file reads of it.
    let mut outer = cold.sub(F::SIZE);
    while outer > here {
        // SAFETY: between `here` and the cold end; `put_on` is asked first.
        if unsafe { F::put_on(outer, &stack) && !on(&stack, F::sp(outer)) } {
            return Some(outer);
        }
        outer = outer.sub(WORD);
    }
    None
}
