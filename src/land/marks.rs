//! Two sets of numbers below a bound, side by side: where free runs start, and
//! where they end.
//!
//! A bit a number, and over 64 words of bits a word that says which of them are
//! not zero, and so on up to a single word. So the next member above or below
//! any number is found in a few steps, however far away it is. The words of the
//! two sets alternate: what is asked about one place stands in one line.

use crate::base::addr::{Addr, Size};

/// Levels that the largest extent needs.
const LEVELS: usize = 6;

/// Which of the two.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Set {
    /// The first grains of free runs.
    Starts = 0,
    /// The first grains after free runs.
    Ends = 1,
}

/// Two sets of numbers in memory that the caller provides. The next member above or
/// below a number costs a few loads, however far away it is.
pub struct Marks {
    levels: [*mut u64; LEVELS],
    top: usize,
}

/// Words of one set at the level over `n` bits.
fn words(n: usize) -> usize {
    n.div_ceil(64).max(1)
}

impl Marks {
    /// Bytes for numbers below `n`.
    pub fn footprint(n: usize) -> Size {
        let mut n = n;
        let mut bytes = 0usize;
        loop {
            n = words(n);
            bytes += n * (2 * size_of::<u64>());
            if n == 1 {
                return bytes;
            }
        }
    }

    /// Two empty sets at `at`.
    ///
    /// # Safety
    /// `at` has `footprint(n)` bytes, aligned to 8, that are nobody else's.
    pub unsafe fn build(at: Addr, n: usize) -> Marks {
        let mut next: *mut u64 = at.ptr();
        // SAFETY: the caller's promise.
        unsafe { next.write_bytes(0, Marks::footprint(n) / size_of::<u64>()) };
        let mut m = Marks { levels: [next; LEVELS], top: 0 };
        let mut n = n;
        for (i, l) in m.levels.iter_mut().enumerate() {
            n = words(n);
            *l = next;
            m.top = i;
            if n == 1 {
                break;
            }
            // SAFETY: `footprint` counted this level.
            next = unsafe { next.add(n * 2) };
        }
        m
    }

    #[inline(always)]
    fn word(&self, level: usize, w: usize, s: Set) -> *mut u64 {
        let l = self.levels.get(level).copied().unwrap_or(core::ptr::null_mut());
        // SAFETY: levels up to `top` are there, and callers stay in them.
        unsafe { l.add(w * 2 + s as usize) }
    }

    #[inline(always)]
    fn load(&self, level: usize, w: usize, s: Set) -> u64 {
        // SAFETY: as for `word`.
        unsafe { *self.word(level, w, s) }
    }

    /// Where the bits for `i` stand.
    #[inline(always)]
    pub fn place(&self, i: usize) -> Addr {
        Addr::of(self.word(0, i / 64, Set::Starts))
    }

    /// Is `i` in the set?
    #[inline(always)]
    pub fn has(&self, s: Set, i: usize) -> bool {
        self.load(0, i / 64, s) >> (i % 64) & 1 != 0
    }

    /// Puts `i` in.
    #[inline]
    pub fn put(&mut self, s: Set, i: usize) {
        let mut i = i;
        for level in 0..=self.top {
            let w = self.word(level, i / 64, s);
            // SAFETY: in its level; ours alone.
            let old = unsafe { w.replace(*w | 1 << (i % 64)) };
            if old != 0 {
                return;
            }
            i /= 64;
        }
    }

    /// Takes `i` out.
    #[inline]
    pub fn take(&mut self, s: Set, i: usize) {
        let mut i = i;
        for level in 0..=self.top {
            let w = self.word(level, i / 64, s);
            // SAFETY: in its level; ours alone.
            let left = unsafe {
                *w &= !(1 << (i % 64));
                *w
            };
            if left != 0 {
                return;
            }
            i /= 64;
        }
    }

    /// The lowest member from `i` on, which is below the bound.
    #[inline(always)]
    pub fn next(&self, s: Set, i: usize) -> Option<usize> {
        let here = self.load(0, i / 64, s) >> (i % 64);
        if here != 0 {
            return Some(i + here.trailing_zeros() as usize);
        }
        self.next_above(s, i / 64)
    }

    /// The lowest member in the words of level 0 above word `w`.
    fn next_above(&self, s: Set, w: usize) -> Option<usize> {
        let mut w = w;
        for level in 1..=self.top {
            // Above bit `w % 64` of the word over it.
            let here = self.load(level, w / 64, s) & (u64::MAX << (w % 64)) << 1;
            if here != 0 {
                let mut i = w / 64 * 64 + here.trailing_zeros() as usize;
                for below in (0..level).rev() {
                    let here = self.load(below, i, s);
                    i = i * 64 + here.trailing_zeros() as usize;
                }
                return Some(i);
            }
            w /= 64;
        }
        None
    }

    /// The highest member up to `i`, which is below the bound.
    #[inline(always)]
    pub fn prev(&self, s: Set, i: usize) -> Option<usize> {
        let here = self.load(0, i / 64, s) << (63 - i % 64);
        if here != 0 {
            return Some(i - here.leading_zeros() as usize);
        }
        self.prev_below(s, i / 64)
    }

    /// The highest member in the words of level 0 below word `w`.
    fn prev_below(&self, s: Set, w: usize) -> Option<usize> {
        let mut w = w;
        for level in 1..=self.top {
            let here = self.load(level, w / 64, s) & !(u64::MAX << (w % 64));
            if here != 0 {
                let mut i = w / 64 * 64 + (63 - here.leading_zeros() as usize);
                for below in (0..level).rev() {
                    let here = self.load(below, i, s);
                    i = i * 64 + (63 - here.leading_zeros() as usize);
                }
                return Some(i);
            }
            w /= 64;
        }
        None
    }
}
