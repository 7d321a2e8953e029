//! Runs of bits in small fixed bit tables.

/// Words of a table; a table has `64 * WORDS` bits.
pub const WORDS: usize = 4;
/// Bits of a table.
pub const BITS: usize = WORDS * 64;
/// A table of [`BITS`] bits, bit 0 lowest in word 0.
pub type Bits = [u64; WORDS];

/// No bit set.
pub const NONE: Bits = [0; WORDS];

/// The bits `start .. start + len`; `start + len <= BITS`.
#[inline]
pub fn run(start: usize, len: usize) -> Bits {
    let mut out = NONE;
    let end = start + len;
    for (w, word) in out.iter_mut().enumerate() {
        let lo = w * 64;
        let hi = lo + 64;
        let a = start.max(lo);
        let b = end.min(hi);
        if a < b {
            let n = b - a;
            let ones = if n >= 64 { u64::MAX } else { (1u64 << n) - 1 };
            *word = ones << (a - lo);
        }
    }
    out
}

/// Bit by bit `f`.
#[inline]
fn zip(a: &Bits, b: &Bits, f: impl Fn(u64, u64) -> u64) -> Bits {
    let mut out = NONE;
    for ((o, x), y) in out.iter_mut().zip(a).zip(b) {
        *o = f(*x, *y);
    }
    out
}

/// In both.
#[inline]
pub fn and(a: &Bits, b: &Bits) -> Bits {
    zip(a, b, |x, y| x & y)
}

/// In either.
#[inline]
pub fn or(a: &Bits, b: &Bits) -> Bits {
    zip(a, b, |x, y| x | y)
}

/// In `a` but not in `b`.
#[inline]
pub fn minus(a: &Bits, b: &Bits) -> Bits {
    zip(a, b, |x, y| x & !y)
}

/// How many are set.
#[inline]
pub fn count(a: &Bits) -> usize {
    a.iter().map(|w| w.count_ones() as usize).sum()
}

/// Is none set?
#[inline]
pub fn is_empty(a: &Bits) -> bool {
    a.iter().all(|&w| w == 0)
}

/// Is bit `i` set?
#[inline]
pub fn get(a: &Bits, i: usize) -> bool {
    a.get(i / 64).is_some_and(|w| w >> (i % 64) & 1 != 0)
}

/// The lowest bit set.
#[inline]
pub fn first(a: &Bits) -> Option<usize> {
    for (w, word) in a.iter().enumerate() {
        if *word != 0 {
            return Some(w * 64 + word.trailing_zeros() as usize);
        }
    }
    None
}

/// The whole table shifted down by `n` bits.
fn shifted_down(a: &Bits, n: usize) -> Bits {
    let words = n / 64;
    let bits = (n % 64) as u32;
    let mut out = NONE;
    for (i, o) in out.iter_mut().enumerate() {
        let lo = a.get(i + words).copied().unwrap_or(0);
        let hi = a.get(i + words + 1).copied().unwrap_or(0);
        *o = if bits == 0 { lo } else { lo >> bits | hi << (64 - bits) };
    }
    out
}

/// The lowest run of `n` set bits. Cost: O(log n) passes over the table.
pub fn find_run(a: &Bits, n: usize) -> Option<usize> {
    if n == 0 || n > BITS {
        return None;
    }
    // After each round bit i of `x` says: `have` bits from i on are set.
    let mut x = *a;
    let mut have = 1usize;
    while have < n {
        let step = have.min(n - have);
        x = and(&x, &shifted_down(&x, step));
        have += step;
        if is_empty(&x) {
            return None;
        }
    }
    first(&x)
}

/// The highest run of `n` set bits.
pub fn find_last_run(a: &Bits, n: usize) -> Option<usize> {
    let mut turned = NONE;
    for (t, w) in turned.iter_mut().zip(a.iter().rev()) {
        *t = w.reverse_bits();
    }
    find_run(&turned, n).map(|i| BITS - i - n)
}

/// The run of set bits that starts at the lowest set bit not below `from`.
pub fn next_run(a: &Bits, from: usize) -> Option<(usize, usize)> {
    if from >= BITS {
        return None;
    }
    let start = first(&minus(a, &run(0, from)))?;
    let clear = minus(&run(start, BITS - start), a);
    let end = first(&clear).unwrap_or(BITS);
    Some((start, end - start))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    fn naive(a: &Bits, n: usize) -> Option<usize> {
        (0..=BITS - n).find(|&s| (s..s + n).all(|i| get(a, i)))
    }

    #[test]
    fn runs_against_naive() {
        let seed = 0x9E37_79B9_7F4A_7C15u64;
        std::println!("seed {seed:#x}");
        let mut x = seed;
        let mut rnd = || {
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
            x
        };
        for _ in 0..2_000 {
            let mut a = NONE;
            for _ in 0..rnd() % 12 {
                let s = (rnd() % 256) as usize;
                let l = (rnd() % 80) as usize;
                let r = run(s, l.min(BITS - s));
                a = if rnd() & 3 == 0 { minus(&a, &r) } else { or(&a, &r) };
            }
            for n in [1usize, 2, 3, 16, 17, 63, 64, 65, 100, 256] {
                assert_eq!(find_run(&a, n), naive(&a, n), "{n} in {a:x?}");
            }
            let mut from = 0;
            let mut seen: Vec<usize> = Vec::new();
            while let Some((s, l)) = next_run(&a, from) {
                seen.extend(s..s + l);
                from = s + l;
            }
            assert!(seen.iter().copied().eq((0..BITS).filter(|&i| get(&a, i))));
            assert_eq!(count(&a), seen.len());
        }
    }
}
