//! A stack of free blocks, last in first out. The newest stand in a small
//! array, so that as a rule nothing is read from or written to the blocks (the
//! next atomic operation would wait for that memory); the older ones are
//! chained through their first word, moved there and back half an array at a
//! time.

use crate::base::addr::Addr;

/// See the module. `N` is even.
#[repr(C)]
pub struct Mag<const N: usize> {
    n: usize,
    chain: Addr,
    slots: [Addr; N],
}

impl<const N: usize> Default for Mag<N> {
    fn default() -> Self {
        Mag::new()
    }
}

impl<const N: usize> Mag<N> {
    /// Empty.
    pub const fn new() -> Self {
        Mag { n: 0, chain: Addr::NULL, slots: [Addr::NULL; N] }
    }

    /// Is there nothing?
    #[inline(always)]
    pub fn is_empty(&self) -> bool {
        self.n == 0 && self.chain.is_null()
    }

    /// The block that would be popped next, if it stands in the array.
    #[inline(always)]
    pub fn newest(&self) -> Addr {
        self.slots.get(self.n.wrapping_sub(1)).copied().unwrap_or(Addr::NULL)
    }

    /// Takes the newest out, if it stands in the array; else null.
    #[inline(always)]
    pub fn pop_newest(&mut self) -> Addr {
        let k = self.n.wrapping_sub(1);
        let Some(a) = self.slots.get(k) else { return Addr::NULL };
        self.n = k;
        *a
    }

    /// Puts a block in, if the array has room. The promise is that of `push`.
    ///
    /// # Safety
    /// As for [`Mag::push`].
    #[inline(always)]
    pub unsafe fn push_newest(&mut self, a: Addr) -> bool {
        let Some(s) = self.slots.get_mut(self.n) else { return false };
        *s = a;
        self.n = self.n.wrapping_add(1);
        true
    }

    /// Is there more than the array holds?
    #[inline]
    pub fn is_deep(&self) -> bool {
        !self.chain.is_null()
    }

    /// Takes the newest out.
    #[inline(always)]
    pub fn pop(&mut self) -> Option<Addr> {
        if self.n == 0 {
            self.refill();
        }
        let k = self.n.wrapping_sub(1);
        let a = *self.slots.get(k)?;
        self.n = k;
        Some(a)
    }

    /// Puts a block in.
    ///
    /// # Safety
    /// It is readable, writable, aligned to a word, at least a word long, and
    /// nobody else's until it is popped.
    #[inline(always)]
    pub unsafe fn push(&mut self, a: Addr) {
        if self.n >= N {
            self.spill();
        }
        if let Some(s) = self.slots.get_mut(self.n) {
            *s = a;
            self.n = self.n.wrapping_add(1);
        }
    }

    #[inline(never)]
    fn refill(&mut self) {
        let half = N / 2;
        let mut n = 0usize;
        while n < half && !self.chain.is_null() {
            let a = self.chain;
            // SAFETY: `spill` chained it; ours.
            self.chain = unsafe { a.ptr::<Addr>().read() };
            if let Some(s) = self.slots.get_mut(half.wrapping_sub(n).wrapping_sub(1)) {
                *s = a;
            }
            n = n.wrapping_add(1);
        }
        if n < half {
            self.slots.copy_within(half.wrapping_sub(n)..half, 0);
        }
        self.n = n;
    }

    #[inline(never)]
    fn spill(&mut self) {
        let half = N / 2;
        for a in self.slots.iter().take(half) {
            // SAFETY: pushed with that promise.
            unsafe { a.ptr::<Addr>().write(self.chain) };
            self.chain = *a;
        }
        self.slots.copy_within(half..N, 0);
        self.n = N.wrapping_sub(half);
    }
}
