//! Fibers: stacks of the client's own, on which its threads run in turn.
//!
//! A stack at rest, a fiber's or a thread's own, is scanned from where it was left. Everything
//! that its frames hold lies from there on, because [`Strand::leave`] is called with the
//! callee-saved registers spilled in a frame that stays until the stack is gone back to.
//! The stack that a thread is on is scanned from the thread's stack pointer on.
//!
//! A thread may be stopped anywhere in a switch. So its stack pointer decides: between the note
//! that it leaves one stack for another and the moment when it does, it is still on the first,
//! and both are scanned from where they were left. Only the thread itself writes what
//! is noted, and others read it while it is held: there is no lock.

use crate::base::addr::{Addr, Range};
use core::ptr::null_mut;
use core::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

/// A stack of the client's.
pub struct Fiber {
    /// Where it is.
    pub stack: Range,
    /// Where it was left; its cold end if nothing is on it or a thread has come back to it.
    hot: AtomicUsize,
}

impl Fiber {
    /// One that nothing is on.
    pub fn new(stack: Range) -> Fiber {
        Fiber { stack, hot: AtomicUsize::new(stack.limit.0) }
    }

    /// From where on it is scanned, whatever threads are on it.
    pub fn rests_at(&self) -> Addr {
        Addr(self.hot.load(Ordering::Acquire))
    }

    /// The thread that has gone back to it is on it now.
    pub fn arrive(&self) {
        self.hot.store(self.stack.limit.0, Ordering::Release);
    }
}

/// On which stack a thread is.
#[derive(Default)]
pub struct Strand {
    /// The fiber that it is on, or about to be on. Null: its own stack.
    on: AtomicPtr<Fiber>,
    /// The one that it was on before, and may not have left yet.
    left: AtomicPtr<Fiber>,
    /// Where it left its own stack.
    hot: AtomicUsize,
}

impl Strand {
    /// The thread is about to leave the stack that it is on for `to`, its own if that is null.
    /// `hot` is the hot end of what stays. Returns what it leaves.
    pub fn leave(&self, to: *mut Fiber, hot: Addr) -> *mut Fiber {
        let from = self.on.load(Ordering::Relaxed);
        // First where it was left, for from the last line on others rely on that. Release keeps
        // this order, for the thread may be stopped between two lines.
        //
        // SAFETY: it is registered as long as a thread is on it.
        match unsafe { from.as_ref() } {
            Some(f) => f.hot.store(hot.0, Ordering::Release),
            None => self.hot.store(hot.0, Ordering::Release),
        }
        self.left.store(from, Ordering::Release);
        self.on.store(to, Ordering::Release);
        from
    }

    /// Is the thread on `f`, or about to be?
    pub fn is_on(&self, f: &Fiber) -> bool {
        core::ptr::eq(self.on.load(Ordering::Acquire), f)
    }

    /// `f` is about to go. False: the thread is on it.
    pub fn forget(&self, f: &Fiber) -> bool {
        if core::ptr::eq(self.left.load(Ordering::Acquire), f) {
            self.left.store(null_mut(), Ordering::Release);
        }
        !self.is_on(f)
    }

    /// Where the thread has left its own stack, if the stack pointer `sp` is on a fiber that it
    /// is on or about to leave.
    #[inline(never)]
    pub fn own_rests_at(&self, sp: Addr) -> Option<Addr> {
        let there = [&self.on, &self.left].iter().any(|f| {
            // SAFETY: registered as long as a thread is on it, and forgotten before it goes.
            unsafe { f.load(Ordering::Acquire).as_ref() }.is_some_and(|f| f.stack.contains(sp))
        });
        there.then(|| Addr(self.hot.load(Ordering::Acquire)))
    }

    /// Goes on from what another registration of the same thread knows.
    pub fn follow(&self, other: &Strand) {
        self.on.store(other.on.load(Ordering::Acquire), Ordering::Release);
        self.left.store(other.left.load(Ordering::Acquire), Ordering::Release);
        self.hot.store(other.hot.load(Ordering::Acquire), Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_rest_and_between() {
        let stack = |n: usize| Range::new(Addr(n * 0x1000), Addr((n + 1) * 0x1000));
        let (a, b) = (Fiber::new(stack(1)), Fiber::new(stack(2)));
        let (pa, pb) = ((&raw const a).cast_mut(), (&raw const b).cast_mut());
        let t = Strand::default();
        let own = |sp| t.own_rests_at(Addr(sp)).map(|a| a.0);
        assert_eq!(own(0x1800), None);
        assert!(t.leave(pa, Addr(0x9000)).is_null());
        // Still on its own stack, then on the first fiber, which nothing was on.
        assert_eq!((own(0x8ff0), own(0x1f00)), (None, Some(0x9000)));
        assert_eq!((a.rests_at().0, t.is_on(&a)), (0x2000, true));
        assert!(t.leave(pb, Addr(0x1e00)) == pa);
        // On either of them.
        assert_eq!((own(0x1d00), own(0x2f00)), (Some(0x9000), Some(0x9000)));
        assert_eq!((a.rests_at().0, b.rests_at().0), (0x1e00, 0x3000));
        assert!(t.leave(null_mut(), Addr(0x2e00)) == pb);
        assert_eq!((own(0x2d00), own(0x9000)), (Some(0x9000), None));
        assert!(t.forget(&b));
        assert_eq!(own(0x2d00), None);
        // The same thread's other registration goes on.
        t.leave(pa, Addr(0x9010));
        assert!(!t.forget(&a));
        let u = Strand::default();
        u.follow(&t);
        a.arrive();
        assert_eq!((u.own_rests_at(Addr(0x1d00)), u.is_on(&a)), (Some(Addr(0x9010)), true));
        assert_eq!(a.rests_at().0, 0x2000);
    }
}
