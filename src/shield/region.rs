//! Blocking regions: a thread says that it will touch no managed memory for a while, and is
//! not stopped until it says that this is over.
//!
//! What it holds meanwhile is what it held at the beginning: its stack from there up to the
//! cold end, which its callers have and nobody changes, and the callee-saved registers.
//! Those are copied here, because what the stack had of them is gone when `begin` returns.
//!
//! There is no protocol. A region begins and ends inside the instance, and threads are stopped
//! there only. So whoever wants to end one waits for the instance as for anything else.

use crate::base::addr::{Addr, WORD};
use crate::seam::arch;
use crate::seam::port::Context;
use core::cell::Cell;

/// What a thread held when its region began.
#[derive(Clone, Copy)]
struct Begun {
    /// The caller's stack pointer.
    hot: Addr,
    regs: [usize; arch::SPILLED],
}

/// The blocking region of a thread.
pub struct Region {
    /// How many beginnings have had no end yet.
    depth: Cell<usize>,
    /// The first of them.
    begun: Cell<Begun>,
}

impl Default for Region {
    fn default() -> Self {
        let begun = Begun { hot: Addr::NULL, regs: [0; arch::SPILLED] };
        Region { depth: Cell::new(0), begun: Cell::new(begun) }
    }
}

impl Region {
    /// Is the thread in one?
    #[inline]
    pub fn is_open(&self) -> bool {
        self.depth.get() != 0
    }

    /// Begins. A region in a region is a part of it: the outer one's references are those that
    /// count.
    ///
    /// # Safety
    /// `hot` is what `arch::with_registers_of_caller` says.
    pub unsafe fn begin(&self, hot: *const usize) {
        if !self.is_open() {
            // SAFETY: the shim has written as many words.
            let regs = unsafe { hot.cast::<[usize; arch::SPILLED]>().read() };
            self.begun.set(Begun { hot: Addr::of(hot).add(arch::SPILLED * WORD), regs });
        }
        self.depth.set(self.depth.get().saturating_add(1));
    }

    /// Ends. False: there is no region.
    pub fn end(&self) -> bool {
        let depth = self.depth.get();
        self.depth.set(depth.saturating_sub(1));
        depth != 0
    }

    /// Goes on from where another registration of the same thread was.
    pub fn follow(&self, other: &Region) {
        self.depth.set(other.depth.get());
        self.begun.set(other.begun.get());
    }

    /// Where the thread was when it began, if it is in one.
    pub fn context(&self) -> Option<Context> {
        (self.is_open() && !crate::seam::fault("blocking_scan")).then(|| Context {
            hot: self.begun.get().hot,
            // SAFETY: a field of a cell of ours; its address alone is taken.
            regs: Addr::of(unsafe { &raw const (*self.begun.as_ptr()).regs }),
            reg_count: arch::SPILLED,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nested_and_followed() {
        let words: [usize; arch::SPILLED] = core::array::from_fn(|i| i + 1);
        let other = [0usize; arch::SPILLED];
        let (a, b) = (Region::default(), Region::default());
        assert!(!a.is_open() && a.context().is_none() && !a.end());
        // SAFETY: as many words.
        unsafe { a.begin(words.as_ptr()) };
        // SAFETY: as many words.
        unsafe { a.begin(other.as_ptr()) };
        assert!(a.end() && a.is_open());
        b.follow(&a);
        assert!(a.end() && !a.is_open() && !a.end());
        let c = b.context().unwrap_or_default();
        assert_eq!(c.hot, Addr::of(words.as_ptr()).add(arch::SPILLED * WORD));
        assert_eq!(c.reg_count, arch::SPILLED);
        assert_eq!(b.begun.get().regs, words);
    }
}
