//! Free blocks set aside by exact size, last in first out, in front of a
//! [`Field`](super::field::Field), to which they still look as if in use.

use super::mag::Mag;
use crate::base::addr::{Addr, Size};

/// Blocks of up to this many grains are kept.
pub const CLASSES: usize = 64;

/// See the module.
pub struct Quick {
    mags: [Mag<14>; CLASSES],
    cursor: usize,
    /// Grains set aside.
    pub grains: Size,
}

impl Quick {
    /// Nothing set aside.
    pub const fn new() -> Quick {
        Quick { mags: [const { Mag::new() }; CLASSES], cursor: 0, grains: 0 }
    }

    /// A block of `n` grains, if one is at hand; else null.
    #[inline(always)]
    pub fn pop_newest(&mut self, n: usize) -> Addr {
        let Some(m) = self.mags.get_mut(n.wrapping_sub(1)) else { return Addr::NULL };
        let a = m.pop_newest();
        if !a.is_null() {
            self.grains = self.grains.wrapping_sub(n);
        }
        a
    }

    /// Sets a block of `n` grains aside, if there is a place at hand that does
    /// not hold it already.
    ///
    /// # Safety
    /// As for [`Mag::push`].
    #[inline(always)]
    pub unsafe fn push_newest(&mut self, n: usize, a: Addr) -> bool {
        let Some(m) = self.mags.get_mut(n.wrapping_sub(1)) else { return false };
        // SAFETY: the caller's promise.
        if m.newest() == a || !unsafe { m.push_newest(a) } {
            return false;
        }
        self.grains = self.grains.wrapping_add(n);
        true
    }

    /// A block of `n` grains.
    #[inline(always)]
    pub fn pop(&mut self, n: usize) -> Option<Addr> {
        let a = self.mags.get_mut(n.wrapping_sub(1))?.pop()?;
        self.grains = self.grains.wrapping_sub(n);
        Some(a)
    }

    /// Sets a block of `n` grains aside. False: too large.
    ///
    /// # Safety
    /// As for [`Mag::push`].
    #[inline(always)]
    pub unsafe fn push(&mut self, n: usize, a: Addr) -> bool {
        let Some(m) = self.mags.get_mut(n.wrapping_sub(1)) else { return false };
        // SAFETY: the caller's promise.
        unsafe { m.push(a) };
        self.grains = self.grains.wrapping_add(n);
        true
    }

    /// The block of `n` grains set aside last, if it is at hand.
    #[inline(always)]
    pub fn newest(&self, n: usize) -> Addr {
        self.mags.get(n.wrapping_sub(1)).map_or(Addr::NULL, |m| m.newest())
    }

    /// Any block, from each size in turn, while there are sizes with many.
    pub fn pop_any(&mut self) -> Option<(Addr, usize)> {
        if self.grains == 0 {
            return None;
        }
        for any in [false, true] {
            for _ in 0..CLASSES {
                self.cursor = self.cursor.wrapping_add(1) % CLASSES;
                let n = self.cursor.wrapping_add(1);
                let m = self.mags.get(self.cursor);
                if m.is_some_and(|m| m.is_deep() || any && !m.is_empty()) {
                    return self.pop(n).map(|a| (a, n));
                }
            }
        }
        None
    }
}

impl Default for Quick {
    fn default() -> Quick {
        Quick::new()
    }
}
