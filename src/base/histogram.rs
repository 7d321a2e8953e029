//! A histogram of fixed size, for percentiles of what happens too often to be
//! noted one by one.
//!
//! Up to 32 every number has a bucket of its own; above, each power of two is
//! cut into 16 equal parts. A percentile is given as the largest number of its
//! bucket, or the largest number seen if that is less: never too small, and too
//! large by less than a 16th. Adding a number is a shift and an increment.

use core::cell::Cell;

/// Parts of a power of two, as a power of two.
const PART_BITS: u32 = 4;
const PARTS: usize = 1 << PART_BITS;
/// Powers of two beyond the first numbers. What is larger still (an hour and a
/// half of microseconds) shares the last bucket.
const OCTAVES: usize = 28;
const BUCKETS: usize = (OCTAVES + 2) * PARTS;

/// How often numbers about this large were added.
pub struct Histogram {
    /// Stuck at the top rather than starting again from 0.
    buckets: [Cell<u32>; BUCKETS],
    count: Cell<usize>,
    sum: Cell<usize>,
    max: Cell<usize>,
}

impl Default for Histogram {
    fn default() -> Self {
        Histogram {
            buckets: [const { Cell::new(0) }; BUCKETS],
            count: Cell::new(0),
            sum: Cell::new(0),
            max: Cell::new(0),
        }
    }
}

/// Which bucket `n` goes to.
fn bucket(n: usize) -> usize {
    // Of `n`, so many low bits don't matter.
    let drop = (usize::BITS - n.leading_zeros()).saturating_sub(PART_BITS + 1);
    let index = ((drop as usize) << PART_BITS) + (n >> drop);
    index.min(BUCKETS - 1)
}

/// The largest number in a bucket.
fn top(index: usize) -> usize {
    let drop = (index >> PART_BITS).saturating_sub(1);
    let low = (index - (drop << PART_BITS)) << drop;
    low + ((1 << drop) - 1)
}

impl Histogram {
    /// Adds a number.
    pub fn add(&self, n: usize) {
        if let Some(c) = self.buckets.get(bucket(n)) {
            c.set(c.get().saturating_add(1));
        }
        self.count.set(self.count.get() + 1);
        self.sum.set(self.sum.get().saturating_add(n));
        self.max.set(self.max.get().max(n));
    }

    /// Numbers added.
    pub fn count(&self) -> usize {
        self.count.get()
    }

    /// All of them together.
    pub fn sum(&self) -> usize {
        self.sum.get()
    }

    /// The largest; 0 if there is none.
    pub fn max(&self) -> usize {
        self.max.get()
    }

    /// The number that `per_mille` thousandths of them do not exceed, about (see
    /// the top of the file); 0 if there are none.
    pub fn percentile(&self, per_mille: u32) -> usize {
        let want = (self.count.get() as u64).saturating_mul(u64::from(per_mille)).div_ceil(1000);
        let mut seen = 0u64;
        for (i, c) in self.buckets.iter().enumerate() {
            seen = seen.saturating_add(u64::from(c.get()));
            if seen >= want.max(1) && i < BUCKETS - 1 {
                return top(i).min(self.max.get());
            }
        }
        self.max.get()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    fn seed() -> u64 {
        let seed = std::env::var("MPS_TEST_SEED").ok().and_then(|s| s.parse().ok());
        let seed = seed.unwrap_or_else(|| u64::from(std::process::id()) * 2654435761 + 1);
        std::println!("MPS_TEST_SEED={seed}");
        seed
    }

    #[test]
    fn buckets_follow_one_another() {
        let mut next = 0;
        for i in 0..BUCKETS - 1 {
            assert_eq!(bucket(next), i);
            assert_eq!(bucket(top(i)), i);
            assert!(top(i) - next <= next / PARTS);
            next = top(i) + 1;
        }
        assert_eq!(bucket(usize::MAX), BUCKETS - 1);
    }

    #[test]
    fn percentiles_of_a_sorted_array() {
        let mut x = seed();
        let mut next = || {
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
            x
        };
        for round in 0..200 {
            let h = Histogram::default();
            let mut all = Vec::new();
            let n = 1 + next() % if round % 2 == 0 { 10 } else { 5000 };
            for _ in 0..n {
                // All magnitudes alike.
                let v = (next() >> (32 + next() % 32)) as usize;
                h.add(v);
                all.push(v);
            }
            all.sort_unstable();
            for q in [0, 1, 500, 900, 990, 999, 1000] {
                let rank = (all.len() * q as usize).div_ceil(1000).max(1);
                let exact = all[rank - 1];
                let got = h.percentile(q);
                assert!(got >= exact && got - exact <= exact / 16, "{q}: {got} for {exact}");
                assert!(got <= h.max());
            }
            assert_eq!(h.max(), all[all.len() - 1]);
            assert_eq!(h.count(), all.len());
            assert_eq!(h.sum(), all.iter().sum::<usize>());
        }
    }

    #[test]
    fn nothing_and_too_much() {
        let h = Histogram::default();
        assert_eq!((h.percentile(500), h.max(), h.count()), (0, 0, 0));
        h.add(usize::MAX);
        h.add(usize::MAX);
        assert_eq!((h.percentile(1), h.sum()), (usize::MAX, usize::MAX));
        h.add(3);
        h.add(3);
        assert_eq!((h.percentile(500), h.percentile(501)), (3, usize::MAX));
    }
}
