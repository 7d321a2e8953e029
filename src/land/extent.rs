//! One stretch of memory: which of its grains are free.
//!
//! A grain is the pool's alignment. Bits are grouped in cells of 256; over the
//! cells stands a complete binary tree whose nodes know the longest run of free
//! grains below them, and how much is free at either end. Finding the lowest
//! (highest, longest) run of n is one way down; taking and freeing change a few
//! words of bits and one way up.
//!
//! # Invariants
//! - Bits past the last grain are clear (not free), as are missing cells.
//! - Node `i` (from 1) has children `2i` and `2i+1`; cell `c` is node `leaves+c`.

use crate::base::addr::{Addr, Size, size_up};
use crate::base::bits;

/// Grains in a cell.
pub const CELL: usize = bits::BITS;
const WORDS: usize = bits::WORDS;
/// The most grains in an extent.
pub const MOST: usize = 1 << 30;

/// What a node knows, in grains.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
struct Node {
    /// Free at the low end.
    pre: u32,
    /// Free at the high end.
    suf: u32,
    /// Longest run.
    max: u32,
}

const FULL_CELL: Node = Node { pre: CELL as u32, suf: CELL as u32, max: CELL as u32 };

/// See the module.
pub struct Extent {
    /// Where it begins.
    pub base: Addr,
    /// Bytes of memory it stands for (the last, less than a grain, unused).
    pub size: Size,
    /// The caller's own.
    pub owner: *mut (),
    /// Grains.
    pub grains: usize,
    /// Of them, free.
    pub free: usize,
    /// Neighbours in the list of extents that are entirely free.
    pub(super) next: *mut Extent,
    /// See `next`.
    pub(super) prev: *mut Extent,
    shift: u32,
    leaves: usize,
    bits: *mut u64,
    nodes: *mut Node,
}

/// Why a range can't be freed: not all of it was in use.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NotInUse;

fn leaves_for(grains: usize) -> usize {
    grains.div_ceil(CELL).max(1).next_power_of_two()
}

impl Extent {
    /// Bytes that the tables of an extent need, itself included. `None`: it
    /// would be too large.
    pub fn footprint(size: Size, shift: u32) -> Option<Size> {
        let grains = size >> shift;
        if grains > MOST {
            return None;
        }
        let cells = grains.div_ceil(CELL).max(1);
        let bits = cells.wrapping_mul(WORDS * size_of::<u64>());
        let nodes = leaves_for(grains).wrapping_mul(2 * size_of::<Node>());
        Some(size_up(size_of::<Extent>(), 8).wrapping_add(bits).wrapping_add(nodes))
    }

    /// Makes an extent, all free, with its tables, at `at`.
    ///
    /// # Safety
    /// `at` has `footprint(size, shift)` bytes, aligned to 8, the extent's own.
    pub unsafe fn build(at: Addr, base: Addr, size: Size, shift: u32, owner: *mut ()) -> *mut Extent {
        let grains = size >> shift;
        let cells = grains.div_ceil(CELL).max(1);
        let bits: *mut u64 = at.add(size_up(size_of::<Extent>(), 8)).ptr();
        let words = cells.wrapping_mul(WORDS);
        let p: *mut Extent = at.ptr();
        let null = core::ptr::null_mut();
        // SAFETY: room for all three (the caller's promise), in this order.
        unsafe {
            let nodes: *mut Node = bits.add(words).cast();
            let leaves = leaves_for(grains);
            for i in 0..words {
                bits.add(i).write(0);
            }
            for i in 0..leaves.wrapping_mul(2) {
                nodes.add(i).write(Node::default());
            }
            p.write(Extent {
                base,
                size,
                owner,
                grains,
                free: 0,
                next: null,
                prev: null,
                shift,
                leaves,
                bits,
                nodes,
            });
            // Nothing was free before, so this can't fail.
            let _ = (*p).set_free(0, grains);
        }
        p
    }

    /// The longest run of free grains.
    #[inline]
    pub fn longest(&self) -> usize {
        self.node(1).max as usize
    }

    /// Is all of it free?
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.free == self.grains
    }

    #[inline]
    fn node(&self, i: usize) -> Node {
        // SAFETY: there are `2 * leaves` nodes, and callers stay in the tree.
        unsafe { *self.nodes.add(i) }
    }

    #[inline]
    fn word(&self, w: usize) -> u64 {
        // SAFETY: callers stay within the cells.
        unsafe { *self.bits.add(w) }
    }

    #[inline]
    fn cell_bits(&self, c: usize) -> bits::Bits {
        let w = c.wrapping_mul(WORDS);
        // SAFETY: a cell has four words.
        unsafe { self.bits.add(w).cast::<bits::Bits>().read() }
    }

    fn len_at(&self, node: usize) -> u32 {
        // A node at depth d stands for leaves >> d cells.
        let depth = usize::BITS - 1 - node.leading_zeros();
        ((self.leaves >> depth).wrapping_mul(CELL)) as u32
    }

    /// Are all the grains of this range in the state `free`?
    fn all(&self, start: usize, n: usize, free: bool) -> bool {
        let want = if free { 0 } else { u64::MAX };
        words(start, n).all(|(w, mask)| (self.word(w) ^ !want) & mask == 0)
    }

    /// Are all these grains in use?
    pub fn in_use(&self, start: usize, n: usize) -> bool {
        n <= self.grains && start <= self.grains.wrapping_sub(n) && self.all(start, n, false)
    }

    /// Takes free grains.
    fn take(&mut self, start: usize, n: usize) {
        crate::aver_critical!(self.all(start, n, true), "grains taken were free");
        for (w, mask) in words(start, n) {
            // SAFETY: inside the bits.
            unsafe { *self.bits.add(w) &= !mask };
        }
        self.free = self.free.wrapping_sub(n);
        self.update(start, n, false);
    }

    /// Frees grains.
    ///
    /// # Errors
    /// `NotInUse`: some were free already, or outside; nothing has changed.
    pub fn set_free(&mut self, start: usize, n: usize) -> Result<(), NotInUse> {
        if n == 0 || !self.in_use(start, n) {
            return Err(NotInUse);
        }
        for (w, mask) in words(start, n) {
            // SAFETY: inside the bits.
            unsafe { *self.bits.add(w) |= mask };
        }
        self.free = self.free.wrapping_add(n);
        self.update(start, n, true);
        Ok(())
    }

    /// Brings the tree into line after `n` grains from `start` changed.
    fn update(&mut self, start: usize, n: usize, free: bool) {
        let end = start.wrapping_add(n);
        let first = start / CELL;
        let last = end.wrapping_sub(1) / CELL;
        let mut changed = first != last;
        for c in [first, last] {
            let whole = start <= c.wrapping_mul(CELL) && c.wrapping_add(1).wrapping_mul(CELL) <= end;
            let new = match (whole, free) {
                (true, true) => FULL_CELL,
                (true, false) => Node::default(),
                _ => leaf(&self.cell_bits(c)),
            };
            changed |= self.put(self.leaves.wrapping_add(c), new);
            if first == last {
                break;
            }
        }
        let mut lo = self.leaves.wrapping_add(first);
        let mut hi = self.leaves.wrapping_add(last);
        let mut half = CELL as u32;
        self.put_between(lo, hi, half, free);
        lo /= 2;
        hi /= 2;
        while changed && lo != 0 {
            changed = self.pull(lo, half);
            if lo != hi {
                self.pull(hi, half);
                changed = true;
            }
            half = half.wrapping_mul(2);
            self.put_between(lo, hi, half, free);
            lo /= 2;
            hi /= 2;
        }
    }

    /// Computes an inner node from its children. True if it changed.
    #[inline]
    fn pull(&mut self, i: usize, half: u32) -> bool {
        let l = self.node(i.wrapping_mul(2));
        let r = self.node(i.wrapping_mul(2).wrapping_add(1));
        self.put(i, merge(l, r, half))
    }

    /// The nodes between two of the same depth, of `len` grains each: all free,
    /// or all in use.
    #[inline]
    fn put_between(&mut self, lo: usize, hi: usize, len: u32, free: bool) {
        let new = if free { Node { pre: len, suf: len, max: len } } else { Node::default() };
        for i in lo.wrapping_add(1)..hi {
            // SAFETY: inside the tree.
            unsafe { self.nodes.add(i).write(new) };
        }
    }

    fn put(&mut self, i: usize, new: Node) -> bool {
        // SAFETY: inside the tree.
        let at = unsafe { &mut *self.nodes.add(i) };
        let changed = *at != new;
        *at = new;
        changed
    }

    /// Takes `n` grains: from the lowest run that has as many (or the highest),
    /// at its bottom or top.
    pub fn alloc(&mut self, n: usize, fit: Fit) -> Option<Addr> {
        let start = self.find(n, fit)?;
        self.take(start, n);
        Some(self.base.add(start << self.shift))
    }

    /// Takes the lowest run of at least `n` grains, or the first `most` (not
    /// less than `n`) of it.
    pub fn alloc_run(&mut self, n: usize, most: usize) -> Option<(Addr, usize)> {
        let start = self.find(n, Fit { high: false, top: false })?;
        let n = self.run_end(start.wrapping_add(n)).wrapping_sub(start).min(most);
        self.take(start, n);
        Some((self.base.add(start << self.shift), n))
    }

    fn find(&self, n: usize, fit: Fit) -> Option<usize> {
        if n == 0 || self.longest() < n {
            return None;
        }
        let need = n as u32;
        let mut i = 1usize;
        let start = loop {
            if i >= self.leaves {
                let c = i.wrapping_sub(self.leaves);
                let b = self.cell_bits(c);
                let at = if fit.high { last_run(&b, n) } else { bits::find_run(&b, n) };
                // The node said so.
                break c.wrapping_mul(CELL).wrapping_add(at?);
            }
            let l = self.node(i.wrapping_mul(2));
            let r = self.node(i.wrapping_mul(2).wrapping_add(1));
            let across = l.suf.wrapping_add(r.pre) >= need;
            let (near, far) = if fit.high { (r.max, l.max) } else { (l.max, r.max) };
            let go_near = near >= need;
            if !go_near && across {
                let half = self.len_at(i) / 2;
                // Grains up to the middle of this node.
                let depth = usize::BITS - 1 - i.leading_zeros();
                let index = i ^ (1usize << depth);
                let mid = index
                    .wrapping_mul(half as usize)
                    .wrapping_mul(2)
                    .wrapping_add(half as usize);
                break if fit.high {
                    mid.wrapping_add(r.pre as usize).wrapping_sub(n)
                } else {
                    mid.wrapping_sub(l.suf as usize)
                };
            }
            if !go_near && far < need {
                return None;
            }
            i = i.wrapping_mul(2).wrapping_add((go_near == fit.high) as usize);
        };
        // At which end of the area? Low searches have found its bottom, high
        // ones its top.
        Some(match (fit.high, fit.top) {
            (false, true) => self.run_end(start.wrapping_add(n)).wrapping_sub(n),
            (true, false) => self.run_start(start),
            _ => start,
        })
    }

    /// The end of the run of free grains that goes on, or ends, at `at`.
    fn run_end(&self, at: usize) -> usize {
        let mut at = at;
        while at < self.grains {
            let ones = (self.word(at / 64) >> (at % 64)).trailing_ones() as usize;
            at = at.wrapping_add(ones);
            if ones == 0 || !at.is_multiple_of(64) {
                break;
            }
        }
        at
    }

    /// The start of the run of free grains that ends, or goes on, at `at`.
    fn run_start(&self, at: usize) -> usize {
        let mut at = at;
        while at != 0 {
            let last = at.wrapping_sub(1);
            let ones = (self.word(last / 64) << (63 - last % 64)).leading_ones() as usize;
            let n = ones.min((last % 64).wrapping_add(1));
            at = at.wrapping_sub(n);
            if n == 0 || !at.is_multiple_of(64) {
                break;
            }
        }
        at
    }

    /// The run of free grains that starts at the lowest free grain not below
    /// `from`: for walking.
    pub fn next_free(&self, from: usize) -> Option<(usize, usize)> {
        let mut at = from;
        while at < self.grains {
            let w = self.word(at / 64) >> (at % 64);
            if w != 0 {
                let start = at.wrapping_add(w.trailing_zeros() as usize);
                return Some((start, self.run_end(start).wrapping_sub(start)));
            }
            at = (at / 64).wrapping_add(1).wrapping_mul(64);
        }
        None
    }

    /// The grain that an address inside lies in, and whether it is its first
    /// byte.
    #[inline]
    pub fn grain_of(&self, a: Addr) -> (usize, bool) {
        let off = a.since(self.base);
        (off >> self.shift, off & (1usize << self.shift).wrapping_sub(1) == 0)
    }

    /// The address of grain `i`.
    #[inline]
    pub fn addr_of(&self, i: usize) -> Addr {
        self.base.add(i << self.shift)
    }
}

/// Where to take memory from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fit {
    /// The highest run that is long enough, rather than the lowest.
    pub high: bool,
    /// From its top, rather than its bottom.
    pub top: bool,
}

/// The words that `n` bits from `start` lie in, and which bits of each.
fn words(start: usize, n: usize) -> impl Iterator<Item = (usize, u64)> {
    let end = start.wrapping_add(n);
    let lo = start / 64;
    let hi = end.div_ceil(64);
    (lo..hi).map(move |w| {
        let mut mask = u64::MAX;
        if w == lo {
            mask &= u64::MAX << (start % 64);
        }
        if w.wrapping_add(1) == hi && !end.is_multiple_of(64) {
            mask &= u64::MAX >> (64 - end % 64);
        }
        (w, mask)
    })
}

#[inline]
fn merge(l: Node, r: Node, half: u32) -> Node {
    Node {
        pre: if l.pre == half { half.wrapping_add(r.pre) } else { l.pre },
        suf: if r.suf == half { half.wrapping_add(l.suf) } else { r.suf },
        max: l.max.max(r.max).max(l.suf.wrapping_add(r.pre)),
    }
}

/// The longest run of ones inside a word.
#[inline]
fn longest_in(word: u64, more_than: u32) -> u32 {
    // Anything longer than what is known already?
    let mut x = word;
    let mut have = 1u32;
    let want = more_than.wrapping_add(1);
    if want > 64 {
        return more_than;
    }
    while have < want {
        let step = have.min(want.wrapping_sub(have));
        x &= x >> step;
        have = have.wrapping_add(step);
    }
    let mut best = more_than;
    while x != 0 {
        best = best.wrapping_add(1);
        x &= x >> 1;
    }
    best
}

fn leaf(b: &bits::Bits) -> Node {
    let mut run = 0u32;
    let mut max = 0u32;
    let mut pre = 0u32;
    let mut solid = true;
    for &w in b {
        if w == u64::MAX {
            run = run.wrapping_add(64);
            continue;
        }
        run = run.wrapping_add(w.trailing_ones());
        if solid {
            pre = run;
            solid = false;
        }
        max = max.max(run);
        max = longest_in(w, max);
        run = w.leading_ones();
    }
    if solid {
        pre = run;
    }
    Node { pre, suf: run, max: max.max(run) }
}

/// The highest run of `n` set bits.
fn last_run(a: &bits::Bits, n: usize) -> Option<usize> {
    let mut turned = bits::NONE;
    for (t, w) in turned.iter_mut().zip(a.iter().rev()) {
        *t = w.reverse_bits();
    }
    bits::find_run(&turned, n).map(|i| CELL.wrapping_sub(i).wrapping_sub(n))
}
