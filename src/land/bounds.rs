//! The range of addresses that a pool's blocks are in: what is outside is not the
//! pool's, which costs a handful of instructions to find out.

use crate::base::addr::Addr;

/// Where blocks can be: at multiples of a power of two, in one range.
#[derive(Clone, Copy, Default, Debug)]
pub struct Bounds {
    base: Addr,
    /// Multiples in the range.
    count: usize,
    /// Of those multiples.
    pub shift: u32,
}

impl Bounds {
    /// Nowhere. Later: at multiples of `1 << shift`.
    pub const fn new(shift: u32) -> Bounds {
        Bounds { base: Addr::NULL, count: 0, shift }
    }

    /// From now on also from `base` to `limit`, both such multiples, and in between.
    pub fn widen(&mut self, base: Addr, limit: Addr) {
        let (mut low, mut high) = (base, limit);
        if self.count != 0 {
            low = low.min(self.base);
            high = high.max(self.base.add(self.count << self.shift));
        }
        self.base = low;
        self.count = high.since(low) >> self.shift;
    }

    /// May there be a block?
    #[inline(always)]
    pub fn allow(&self, a: Addr) -> bool {
        // What is no multiple turns into a large number.
        a.since(self.base).rotate_right(self.shift) < self.count
    }

    /// Where the range begins, and how many multiples it has.
    pub fn range(&self) -> (Addr, usize) {
        (self.base, self.count)
    }

    /// Is it a multiple, wherever it is?
    pub fn is_aligned(&self, a: Addr) -> bool {
        a.is_aligned(1usize << self.shift)
    }
}
