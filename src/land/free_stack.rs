//! A stack of free blocks of one size, last in first out. The newest stand in a
//! small array, so that as a rule nothing is read from or written to the blocks (the
//! next atomic operation would wait for that memory). The older ones are in a
//! chain, moved there and back half an array at a time: in groups of as many as
//! the first block of a group, its holder, has words. The words are a link to the next
//! group and the addresses of the group's others. So mostly one block of several is
//! touched, and nobody waits for one to find the next.
//!
//! A client may write to a block after it has freed it. So words in the blocks are
//! encoded with a key and the place where they stand, such that a change of any
//! bit changes all higher bits; and what is read is looked at before it is
//! used ([`Bounds`]). A chain that was written to is dropped: its blocks are lost,
//! and nothing else is.

use super::bounds::Bounds;
use crate::base::addr::{Addr, WORD};

/// An odd number with bits all over: the golden ratio, as Knuth has it for hashing
/// (vol. 3, 6.4).
const SPREAD: usize = 0x9E37_79B9_7F4A_7C15_u64 as usize | 1;
/// The number that undoes a multiplication by `SPREAD`.
const UNSPREAD: usize = inverse(SPREAD);

/// Of an odd number, modulo the size of a word: each of Newton's steps makes twice as
/// many bits right, of which three are at the start.
const fn inverse(odd: usize) -> usize {
    let mut x = odd;
    let mut step = 0;
    while step < 5 {
        x = x.wrapping_mul(2usize.wrapping_sub(odd.wrapping_mul(x)));
        step += 1;
    }
    x
}

/// This free block was written to, or one that it leads to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Damaged(pub Addr);

/// Free blocks of one size, last in first out; `N` of them, an even number, in an array.
#[repr(C)]
pub struct FreeStack<const N: usize> {
    n: usize,
    chain: Addr,
    key: usize,
    slots: [Addr; N],
}

impl<const N: usize> FreeStack<N> {
    /// Empty. `key` is any number, better not one that other stacks have.
    pub const fn new(key: usize) -> Self {
        FreeStack { n: 0, chain: Addr::NULL, key, slots: [Addr::NULL; N] }
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
    /// As for [`FreeStack::push`].
    #[inline(always)]
    pub unsafe fn push_newest(&mut self, a: Addr) -> bool {
        let Some(s) = self.slots.get_mut(self.n) else { return false };
        *s = a;
        self.n += 1;
        true
    }

    /// The mask for a word that stands at `place`.
    #[inline(always)]
    fn mask(&self, place: Addr) -> usize {
        self.key ^ place.0
    }

    /// Writes a word of a group.
    ///
    /// # Safety
    /// `place` is a word of a block that `push` was given.
    #[inline(always)]
    unsafe fn put_word(&self, place: Addr, word: Addr) {
        let code = (word.0 ^ self.mask(place)).wrapping_mul(SPREAD);
        // SAFETY: the caller's promise.
        unsafe { place.ptr::<usize>().write(code) };
    }

    /// Reads a word of a group.
    ///
    /// # Safety
    /// As for `put_word`.
    #[inline(always)]
    unsafe fn word(&self, place: Addr) -> Addr {
        // SAFETY: the caller's promise.
        let code = unsafe { place.ptr::<usize>().read() };
        Addr(code.wrapping_mul(UNSPREAD) ^ self.mask(place))
    }

    /// Takes the first group, of as many as `out` has room for, off the chain.
    ///
    /// # Errors
    /// Something in it can't be; then there is no chain any more.
    ///
    /// # Safety
    /// There is a chain, and its groups are of that many.
    #[inline(always)]
    unsafe fn take_group(&mut self, out: &mut [Addr], bounds: &Bounds) -> Result<(), Damaged> {
        let holder = self.chain;
        let mut good = true;
        for (k, o) in out.iter_mut().enumerate() {
            // SAFETY: `spill` wrote that many words there; ours.
            let word = unsafe { self.word(holder.add(k * WORD)) };
            if k == 0 {
                self.chain = word;
                *o = holder;
                good &= word.is_null() || bounds.allow(word);
            } else {
                *o = word;
                good &= bounds.allow(word);
            }
        }
        if good {
            return Ok(());
        }
        self.chain = Addr::NULL;
        Err(Damaged(holder))
    }

    /// Takes the newest out. `None`: there is none.
    ///
    /// # Errors
    /// A client wrote to a free block: those in the chain are lost. The others stay.
    ///
    /// # Safety
    /// Blocks have `words` words: always as many. `bounds` allow all that were
    /// pushed.
    #[inline(always)]
    pub unsafe fn pop(&mut self, words: usize, bounds: &Bounds) -> Result<Option<Addr>, Damaged> {
        if self.n == 0 {
            // SAFETY: the caller's promise.
            unsafe { self.refill(words, bounds)? };
        }
        let a = self.pop_newest();
        Ok((!a.is_null()).then_some(a))
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

    /// The block that holds the first group of the chain.
    #[cfg(test)]
    pub fn chain(&self) -> Addr {
        self.chain
    }

    /// How many blocks of `words` words are moved together.
    #[inline(always)]
    fn group(words: usize) -> usize {
        words.clamp(1, N / 2)
    }

    /// Moves groups into the array, which is empty.
    ///
    /// # Errors
    /// As for `pop`.
    ///
    /// # Safety
    /// As for `pop`.
    #[inline(never)]
    unsafe fn refill(&mut self, words: usize, bounds: &Bounds) -> Result<(), Damaged> {
        let group = Self::group(words);
        // Newer groups come first and go on top: from the middle down.
        let mut slots = self.slots;
        let mut from = N / 2;
        let mut done = Ok(());
        while done.is_ok() && from >= group && !self.chain.is_null() {
            let Some(out) = slots.get_mut(from - group..from) else { break };
            // SAFETY: there is a chain, of such groups.
            done = unsafe { self.take_group(out, bounds) };
            if done.is_ok() {
                from -= group;
            }
        }
        self.n = N / 2 - from;
        // SAFETY: `from` started at half of `N`.
        unsafe { shift(&mut slots, from, N / 2) };
        self.slots = slots;
        done
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
                self.put_word(*holder, self.chain);
                for (k, a) in others.iter().enumerate() {
                    self.put_word(holder.add((k + 1) * WORD), *a);
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
