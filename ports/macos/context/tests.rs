//! Contexts made as the kernel makes them for each processor, on memory that stands for stacks.

use super::*;
use crate::ports::testing::stack::Stack;
use crate::ports::unix::context::{alternate_stack, is_write, of_stopped};
use core::ffi::c_void;

/// How the kernel lays a frame out: offsets from its lowest address.
trait Layout: Machine {
    const MACHINE_AT: usize;
    const UC_AT: usize;
    const FRAME: usize;
}

/// `siginfo_t`.
const INFO: usize = 104;

/// Machine context, `siginfo_t`, ucontext.
impl Layout for X86_64 {
    const MACHINE_AT: usize = 0;
    const UC_AT: usize = <X86_64 as Machine>::SIZE + INFO;
    const FRAME: usize = Self::UC_AT + SIZE;
}

/// `siginfo_t`, ucontext, machine context.
impl Layout for Arm64 {
    const MACHINE_AT: usize = INFO + SIZE;
    const UC_AT: usize = INFO;
    const FRAME: usize = Self::MACHINE_AT + <Arm64 as Machine>::SIZE;
}

/// What the kernel puts on it.
trait Framed {
    fn frame<M: Layout>(&mut self, from: Addr, sp: Addr, on: bool, alternate: usize) -> Addr;
}

impl Framed for Stack {
    /// A frame below `from`, of a thread that was at `sp`; `alternate` is the size of the stack
    /// that the kernel changed to for it, or 0. Returns the ucontext.
    fn frame<M: Layout>(&mut self, from: Addr, sp: Addr, on: bool, alternate: usize) -> Addr {
        let base = from.sub(128 + M::FRAME).down(16);
        (0..M::FRAME / WORD).for_each(|i| self.put(base.add(i * WORD), 0usize));
        let (uc, machine) = (base.add(M::UC_AT), base.add(M::MACHINE_AT));
        self.put(uc.add(ON_STACK), i32::from(on));
        self.put(uc.add(8), base.0); // where the handler's own frame begins
        self.put(uc.add(STACK_SIZE), alternate);
        self.put(uc.add(MACHINE_SIZE), M::SIZE);
        self.put(uc.add(MACHINE), machine.0);
        self.put(machine.add(M::SP), sp.0);
        uc
    }
}

fn handed(uc: Addr) -> *mut c_void {
    uc.ptr::<c_void>()
}

fn reads_and_writes<M: Layout>(causes: [(u32, bool); 4]) {
    let mut s = Stack::new();
    let uc = s.frame::<M>(s.cold(), Addr(0x1000), false, 0);
    // SAFETY: a ucontext.
    let at = unsafe { machine(uc) }.0.add(M::CAUSE.0);
    for (cause, write) in causes {
        s.put(at, cause);
        // SAFETY: a ucontext.
        assert_eq!(unsafe { is_write::<Frames<M>>(handed(uc)) }, write);
    }
}

/// The codes of reads and writes by a program; of data aborts, by what the manual says.
#[test]
fn reads_and_writes_of_both() {
    reads_and_writes::<X86_64>([(4, false), (5, false), (6, true), (7, true)]);
    reads_and_writes::<Arm64>([
        (0x9200_0007, false),
        (0x9200_000f, false),
        (0x9200_0047, true),
        (0x9200_004f, true),
    ]);
}

fn stopped_on_its_own_stack<M: Layout>() {
    let mut s = Stack::new();
    let sp = s.cold().sub(512);
    let uc = s.frame::<M>(sp, sp, false, 0);
    // SAFETY: a ucontext that stays put.
    let c = unsafe { of_stopped::<Frames<M>>(handed(uc)) };
    // SAFETY: a ucontext.
    let machine = unsafe { machine(uc) }.0;
    assert_eq!(c.hot, sp.sub(128));
    assert_eq!(c.regs, machine.add(M::REGS));
    assert_eq!(c.regs.add(c.reg_count * WORD), machine.add(M::SIZE).down(WORD));
    // SAFETY: as above.
    assert!(unsafe { alternate_stack::<Frames<M>>(handed(uc)) }.is_none());
}

#[test]
fn stopped_on_its_own_stack_of_both() {
    stopped_on_its_own_stack::<X86_64>();
    stopped_on_its_own_stack::<Arm64>();
}

/// Has the system take `s` for the calling thread's alternate stack while `f` runs.
fn with_alternate<R>(s: &Stack, f: impl FnOnce() -> R) -> R {
    let new = SigStack { sp: s.base().0, size: s.size(), flags: 0 };
    let mut old = new;
    // SAFETY: nobody handles a signal on it.
    assert_eq!(unsafe { sigaltstack(&new, &mut old) }, 0);
    let r = f();
    // SAFETY: what was there.
    assert_eq!(unsafe { sigaltstack(&old, core::ptr::null_mut()) }, 0);
    r
}

fn a_handler_on_the_alternate_stack<M: Layout>() {
    let own = Stack::new();
    let mut alternate = Stack::new();
    let sp = own.cold().sub(512);
    let (cold, size) = (alternate.cold(), alternate.size());
    let outer = alternate.frame::<M>(cold, sp, false, size);
    let inner_sp = outer.sub(4096);
    let inner = alternate.frame::<M>(inner_sp, inner_sp, true, 0);
    with_alternate(&alternate, || {
        // SAFETY: a ucontext.
        let stack = unsafe { alternate_stack::<Frames<M>>(handed(outer)) }.unwrap();
        assert_eq!((Addr(stack.sp), stack.size, stack.flags), (alternate.base(), size, 0));

        // Stopped while in that handler: what counts is the frame that brought it there.
        // SAFETY: a ucontext; the stack above it is there.
        let c = unsafe { of_stopped::<Frames<M>>(handed(inner)) };
        assert_eq!(c.hot, sp.sub(128));
        // Its registers, and all that the handler has on that stack.
        // SAFETY: ucontexts.
        let (first, last) = unsafe { (machine(inner).0, machine(outer).0) };
        assert_eq!(c.regs, first.add(M::REGS));
        assert_eq!(c.regs.add(c.reg_count * WORD), last.add(M::SIZE).down(WORD));
        // SAFETY: a ucontext.
        assert!(unsafe { alternate_stack::<Frames<M>>(handed(inner)) }.is_none());
    });
    // Without that stack the inner frame is all there is.
    // SAFETY: a ucontext.
    let c = unsafe { of_stopped::<Frames<M>>(handed(inner)) };
    assert_eq!(c.hot, inner_sp.sub(128));
}

#[test]
fn a_handler_on_the_alternate_stack_of_both() {
    a_handler_on_the_alternate_stack::<X86_64>();
    a_handler_on_the_alternate_stack::<Arm64>();
}

/// What a handler got that was put on the alternate stack, and what only looks like it.
fn frames_are_told_apart<M: Layout>() {
    let mut s = Stack::new();
    let (cold, size) = (s.cold(), s.size());
    let stack = SigStack { sp: s.base().0, size, flags: 0 };
    let uc = s.frame::<M>(cold, Addr(0x1000), false, size);
    // SAFETY: that much is there.
    let seems = |uc| unsafe { <Frames<M> as Frame>::put_on(uc, &stack) };
    assert!(seems(uc));
    for (at, bad, good) in [
        (ON_STACK, 1, 0),
        (STACK_SIZE, size - 16, size),
        (MACHINE_SIZE, M::SIZE - 4, M::SIZE),
        (MACHINE_SIZE, size, M::SIZE),
        (MACHINE, 0x1000, 0),
        (MACHINE, s.base().0, 0), // too far away
        (MACHINE, cold.0 - 8, 0), // no room for it
    ] {
        // SAFETY: a ucontext.
        let before = unsafe { machine(uc) }.0.0;
        s.put(uc.add(at), bad);
        assert!(!seems(uc), "{at} {bad:x}");
        s.put(uc.add(at), if at == MACHINE { before } else { good });
        assert!(seems(uc));
    }
}

#[test]
fn frames_are_told_apart_of_both() {
    frames_are_told_apart::<X86_64>();
    frames_are_told_apart::<Arm64>();
}
