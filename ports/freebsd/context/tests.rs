//! Contexts made as the kernel makes them, on memory that stands for stacks.

use super::*;
use crate::ports::testing::stack::Stack;
use crate::ports::unix::context::{alternate_stack, is_write, of_stopped};
use core::ffi::c_void;

/// What the kernel puts on it.
trait Framed {
    fn frame(&mut self, below: usize, sp: Addr, alternate: (Addr, usize)) -> Addr;
}

impl Framed for Stack {
    /// A ucontext, `below` bytes below the cold end.
    fn frame(&mut self, below: usize, sp: Addr, alternate: (Addr, usize)) -> Addr {
        let uc = self.cold().sub(below).down(16);
        for i in 0..arch::SIZE / WORD {
            self.put::<usize>(uc.add(i * WORD), 0);
        }
        self.put::<usize>(uc.add(arch::SP), sp.0);
        self.put::<usize>(uc.add(arch::STACK), alternate.0.0);
        self.put::<usize>(uc.add(arch::STACK + WORD), alternate.1);
        uc
    }
}

fn handed(uc: Addr) -> *mut c_void {
    uc.ptr::<c_void>()
}

#[test]
fn reads_and_writes() {
    let mut s = Stack::new();
    let uc = s.frame(2048, Addr(0x1000), (Addr::NULL, 0));
    // The codes of a read and of a write by a program, of memory that is there.
    for (code, write) in [(4, false), (5, false), (6, true), (7, true)] {
        s.put::<usize>(uc.add(arch::ERR), code);
        // SAFETY: a ucontext.
        assert_eq!(unsafe { is_write::<System>(handed(uc)) }, write);
    }
}

#[test]
fn stopped_on_its_own_stack() {
    let mut s = Stack::new();
    let sp = s.base().add(s.size() - 512);
    let uc = s.frame(4096, sp, (Addr::NULL, 0));
    // SAFETY: a ucontext that stays put.
    let c = unsafe { of_stopped::<System>(handed(uc)) };
    assert_eq!(c.hot, sp.sub(arch::RED_ZONE).down(WORD));
    assert_eq!(c.regs, uc.add(arch::REGS));
    assert_eq!(c.regs.add(c.reg_count * WORD), uc.add(arch::SIZE).down(WORD));
    // SAFETY: as above.
    assert!(unsafe { alternate_stack::<System>(handed(uc)) }.is_none());
}

#[test]
fn vector_registers_above_the_frame_belong_to_it() {
    let mut s = Stack::new();
    let uc = s.frame(8192, s.base(), (Addr::NULL, 0));
    let above = uc.add(arch::SIZE + 64);
    for (at, size, end) in [
        (above, 832, above.add(832)),
        (Addr::NULL, 0, uc.add(arch::SIZE)),
        // Neither what lies elsewhere nor what is too long to be.
        (uc.sub(64), 64, uc.add(arch::SIZE)),
        (uc.add(NEAR + 64), 832, uc.add(arch::SIZE)),
        (above, VECTOR_MOST + 1, uc.add(arch::SIZE)),
    ] {
        s.put::<usize>(uc.add(arch::VECTOR), at.0);
        s.put::<usize>(uc.add(arch::VECTOR + WORD), size);
        // SAFETY: a ucontext in its frame.
        assert_eq!(unsafe { System::limit(uc) }, end);
    }
}

#[test]
fn a_handler_on_the_alternate_stack() {
    let own = Stack::new();
    let mut alternate = Stack::new();
    let which = (alternate.base(), alternate.size());
    let sp = own.base().add(own.size() - 512);
    let outer = alternate.frame(2048, sp, which);
    // SAFETY: a ucontext.
    let stack = unsafe { alternate_stack::<System>(handed(outer)) }.unwrap();
    assert_eq!((Addr(stack.sp), stack.size, stack.flags), (which.0, which.1, 0));

    // Stopped while in that handler: what counts is the frame that brought it there.
    let inner = alternate.frame(8192, alternate.base().add(which.1 - 4096), which);
    // SAFETY: a ucontext; the stack above it is there.
    let c = unsafe { of_stopped::<System>(handed(inner)) };
    assert_eq!(c.hot, sp.sub(arch::RED_ZONE).down(WORD));
    // Its registers, and all that the handler has on that stack.
    assert_eq!(c.regs, inner.add(arch::REGS));
    assert_eq!(c.regs.add(c.reg_count * WORD), outer.add(arch::SIZE).down(WORD));
    // SAFETY: a ucontext.
    assert!(unsafe { alternate_stack::<System>(handed(inner)) }.is_none());
}
