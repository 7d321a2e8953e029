//! Free blocks set aside by exact size, last in first out, in front of a
//! [`Field`](super::field::Field), to which they still look as if in use. Blocks
//! are chained through their first word.

use crate::base::addr::{Addr, Size};

/// Blocks of up to this many grains are kept.
pub const CLASSES: usize = 64;

/// See the module.
pub struct Quick {
    heads: [Addr; CLASSES],
    /// Bit `n-1`: there are blocks of `n` grains.
    some: u64,
    cursor: u32,
    /// Grains set aside.
    pub grains: Size,
}

impl Quick {
    /// Nothing set aside.
    pub const fn new() -> Quick {
        Quick { heads: [Addr::NULL; CLASSES], some: 0, cursor: 0, grains: 0 }
    }

    /// A block of `n` grains.
    #[inline(always)]
    pub fn pop(&mut self, n: usize) -> Option<Addr> {
        let head = self.heads.get_mut(n.wrapping_sub(1))?;
        let a = *head;
        if a.is_null() {
            return None;
        }
        // SAFETY: `push` put it there and said that it was ours.
        *head = unsafe { a.ptr::<Addr>().read() };
        if head.is_null() {
            self.some &= !(1u64 << n.wrapping_sub(1));
        }
        self.grains = self.grains.wrapping_sub(n);
        Some(a)
    }

    /// Sets a block of `n` grains aside. False: too large.
    ///
    /// # Safety
    /// The block is readable, writable, aligned to a word, at least a word
    /// long, and nobody else's until it is popped.
    #[inline(always)]
    pub unsafe fn push(&mut self, n: usize, a: Addr) -> bool {
        let Some(head) = self.heads.get_mut(n.wrapping_sub(1)) else { return false };
        // SAFETY: the caller's promise.
        unsafe { a.ptr::<Addr>().write(*head) };
        *head = a;
        self.some |= 1u64 << n.wrapping_sub(1);
        self.grains = self.grains.wrapping_add(n);
        true
    }

    /// The block of `n` grains set aside last.
    #[inline(always)]
    pub fn head(&self, n: usize) -> Addr {
        self.heads.get(n.wrapping_sub(1)).copied().unwrap_or(Addr::NULL)
    }

    /// Any block, from each size in turn.
    pub fn pop_any(&mut self) -> Option<(Addr, usize)> {
        if self.some == 0 {
            return None;
        }
        let turned = self.some.rotate_right(self.cursor);
        let bit = self.cursor.wrapping_add(turned.trailing_zeros()) % 64;
        self.cursor = bit.wrapping_add(1) % 64;
        let n = (bit as usize).wrapping_add(1);
        self.pop(n).map(|a| (a, n))
    }
}

impl Default for Quick {
    fn default() -> Quick {
        Quick::new()
    }
}
