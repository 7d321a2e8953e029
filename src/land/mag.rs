//! A stack of free blocks, last in first out. The newest stand in a small
//! array, so that as a rule nothing is read from or written to the blocks (the
//! next atomic operation would wait for that memory). The older ones are in a
//! chain, moved there and back half an array at a time: in groups of as many as
//! the first block of a group has words, which are a link to the next group and
//! the addresses of the group's others. So mostly one block of several is
//! touched, and nobody waits for one to find the next.

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
        self.n += 1;
        true
    }

    /// Takes the first group, of as many as `out` has room for, off the chain.
    ///
    /// # Safety
    /// There is a chain, and its groups are of that many.
    #[inline(always)]
    unsafe fn take_group(&mut self, out: &mut [Addr]) {
        let holder = self.chain;
        for (k, o) in out.iter_mut().enumerate() {
            // SAFETY: `spill` wrote that many words there; ours.
            let word = unsafe { holder.ptr::<Addr>().add(k).read() };
            *o = if k == 0 { holder } else { word };
            if k == 0 {
                self.chain = word;
            }
        }
    }

    /// Takes the newest out. Its blocks have `words` words: always as many.
    #[inline(always)]
    pub fn pop(&mut self, words: usize) -> Option<Addr> {
        if self.n == 0 {
            self.refill(words);
        }
        let k = self.n.wrapping_sub(1);
        let a = *self.slots.get(k)?;
        self.n = k;
        Some(a)
    }

    /// Puts a block of `words` words in: always as many.
    ///
    /// # Safety
    /// It is readable, writable, aligned to a word, `words` words long, at least
    /// one, and nobody else's until it is popped.
    #[inline(always)]
    pub unsafe fn push(&mut self, a: Addr, words: usize) {
        if self.n >= N {
            self.spill(words);
        }
        if let Some(s) = self.slots.get_mut(self.n) {
            *s = a;
            self.n += 1;
        }
    }

    /// How many blocks of `words` words are moved together.
    #[inline(always)]
    fn group(words: usize) -> usize {
        words.clamp(1, N / 2)
    }

    #[inline(never)]
    fn refill(&mut self, words: usize) {
        let group = Self::group(words);
        // The array is empty. Newer groups come first and go on top: from the
        // middle down.
        let mut slots = self.slots;
        let mut from = N / 2;
        while from >= group && !self.chain.is_null() {
            let Some(out) = slots.get_mut(from - group..from) else { break };
            // SAFETY: there is a chain, of such groups.
            unsafe { self.take_group(out) };
            from -= group;
        }
        self.n = N / 2 - from;
        // SAFETY: `from` started at half of `N`.
        unsafe { shift(&mut slots, from, N / 2) };
        self.slots = slots;
    }

    #[inline(never)]
    fn spill(&mut self, words: usize) {
        let group = Self::group(words);
        let mut n = 0usize;
        while n + group <= N / 2 {
            let Some(blocks) = self.slots.get(n..n + group) else { break };
            let Some((holder, others)) = blocks.split_first() else { break };
            // SAFETY: pushed with that promise: it has `group` words.
            unsafe {
                holder.ptr::<Addr>().write(self.chain);
                for (k, a) in others.iter().enumerate() {
                    holder.ptr::<Addr>().add(k).add(1).write(*a);
                }
            }
            self.chain = *holder;
            n += group;
        }
        // SAFETY: `n` is half of `N` at most.
        unsafe { shift(&mut self.slots, n, N) };
        self.n = N - n;
    }
}

/// Moves what stands from `from` up to `to` to the front.
///
/// # Safety
/// `from` is not above `to`, nor that above the length.
pub(super) unsafe fn shift(slots: &mut [Addr], from: usize, to: usize) {
    let at = slots.as_mut_ptr();
    // SAFETY: both inside.
    unsafe { core::ptr::copy(at.add(from), at, to - from) };
}
