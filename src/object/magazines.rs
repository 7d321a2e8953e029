//! A few free blocks of every small size, for one user at a time: a magazine for each
//! size. The user needs no lock of the pool's to take one or to put one in; the pool
//! fills and empties them. To the pool the blocks are in use. Others may only ask how
//! much there is. (Magazines are Bonwick and Adams', USENIX 2001.)

use crate::base::addr::{Addr, Size};
use core::cell::Cell;
use core::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// There is a magazine for each size up to this many grains, which is 256 bytes for
/// grains of 8 bytes. That is the range that benches/alloc measures. Larger blocks cost more
/// to use than to find, so it matters less how they are found.
pub const MAGAZINES: usize = 32;
/// How many blocks a magazine has places for. With its head it is then 256 bytes long, four
/// cache lines. The length was chosen for the lines; others were not measured.
const ROUNDS: usize = 31;
/// How many to move at a time.
pub const HALF: usize = ROUNDS / 2;
/// Grains that all of them can hold.
pub const CAPACITY_GRAINS: usize = ROUNDS * MAGAZINES * (MAGAZINES + 1) / 2;

/// Blocks of one size.
#[repr(C)]
struct Magazine {
    /// How many there are. Written by the user only, read by anyone.
    n: AtomicU32,
    /// The shift of a grain.
    shift: u16,
    /// How many there may be, of those put in.
    most: Cell<u16>,
    slots: [Cell<Addr>; ROUNDS],
}

/// A magazine for each small size, for one user at a time, who needs no lock.
#[repr(C)]
pub struct Magazines {
    all: [Magazine; MAGAZINES],
}

impl Magazine {
    #[inline(always)]
    fn len(&self) -> usize {
        self.n.load(Relaxed) as usize
    }

    #[inline(always)]
    fn set_len(&self, n: usize) {
        self.n.store(n as u32, Relaxed);
    }

    #[inline(always)]
    fn newest(&self) -> Addr {
        self.slots.get(self.len().wrapping_sub(1)).map_or(Addr::NULL, Cell::get)
    }

    /// Puts in a block. False: there is no place for it, or it is the block put in
    /// last.
    #[inline(always)]
    fn put(&self, a: Addr) -> bool {
        let n = self.len();
        let Some(slot) = self.slots.get(n) else { return false };
        let again = n != 0 && self.slots.get(n - 1).is_some_and(|s| s.get() == a);
        if n >= usize::from(self.most.get()) || again {
            return false;
        }
        slot.set(a);
        self.set_len(n + 1);
        true
    }

    /// Takes a block, or gives null.
    #[inline(always)]
    fn take(&self) -> Addr {
        let left = self.len().wrapping_sub(1);
        let Some(a) = self.slots.get(left) else { return Addr::NULL };
        self.set_len(left);
        a.get()
    }
}

impl Magazines {
    /// Makes empty magazines at `at`, for grains of `1 << shift` bytes.
    ///
    /// # Safety
    /// `at` is aligned to a word and has room for one, nobody else's.
    pub unsafe fn build(at: Addr, shift: u32) -> *mut Magazines {
        let s: *mut Magazines = at.ptr();
        // SAFETY: the caller's promise; all zeros is good. Not made elsewhere
        // and moved here: it is larger than what some stacks have left.
        unsafe {
            s.write_bytes(0, 1);
            for c in &mut (*s).all {
                c.shift = shift as u16;
                c.most.set(ROUNDS as u16);
            }
        }
        s
    }

    #[inline(always)]
    fn shift(&self) -> u32 {
        let [first, ..] = &self.all;
        u32::from(first.shift)
    }

    /// Forgets what is there.
    pub fn forget(&self) {
        self.all.iter().for_each(|c| c.set_len(0));
    }

    /// Bytes there are.
    pub fn bytes(&self) -> Size {
        let grains = self.all.iter().zip(1usize..).map(|(c, n)| c.len() * n);
        grains.fold(0, Size::wrapping_add) << self.shift()
    }

    /// The magazine for blocks of `size` bytes, if that is a multiple of the grain and
    /// not too large.
    #[inline(always)]
    fn magazine(&self, size: Size) -> Option<&Magazine> {
        // A size that is no multiple turns into a large number.
        self.all.get(size.rotate_right(self.shift()).wrapping_sub(1))
    }

    /// Puts in a block. False: there is no place for it, or it is the block put in
    /// last.
    #[inline(always)]
    pub fn put(&self, size: Size, a: Addr) -> bool {
        self.magazine(size).is_some_and(|c| c.put(a))
    }

    /// The same, with the size in grains: from 1 to [`MAGAZINES`].
    #[inline(always)]
    pub fn put_grains(&self, n: usize, a: Addr) -> bool {
        self.all.get(n.wrapping_sub(1)).is_some_and(|c| c.put(a))
    }

    /// Takes a block of `n` grains, or gives null.
    #[inline(always)]
    pub fn take_grains(&self, n: usize) -> Addr {
        self.all.get(n.wrapping_sub(1)).map_or(Addr::NULL, |c| c.take())
    }

    /// Lets no more than `most` blocks of `size` bytes be put in from now on.
    pub fn limit(&self, size: Size, most: usize) {
        if let Some(c) = self.magazine(size) {
            c.most.set(most.min(ROUNDS) as u16);
        }
    }

    /// Lets `f` fill the places that are left for blocks of `size` bytes, from
    /// the first on, up to `most` in all, and say how many it did. As many.
    #[inline(always)]
    pub fn fill(&self, size: Size, most: usize, f: impl FnOnce(&[Cell<Addr>]) -> usize) -> usize {
        let Some(c) = self.magazine(size) else { return 0 };
        let Some(places) = c.slots.get(c.len()..most.min(ROUNDS)) else { return 0 };
        let count = f(places).min(places.len());
        c.set_len(c.len() + count);
        count
    }

    /// Takes out all blocks of `size` bytes but the newest `keep`, each to `f`.
    pub fn spill(&self, size: Size, keep: usize, mut f: impl FnMut(Addr)) {
        let Some(c) = self.magazine(size) else { return };
        let count = c.len().saturating_sub(keep);
        c.slots.iter().take(count).for_each(|a| f(a.get()));
        c.slots.iter().zip(c.slots.iter().skip(count)).for_each(|(to, from)| to.set(from.get()));
        c.set_len(c.len() - count);
    }

    /// Takes a block of `size` bytes, or gives null.
    #[inline(always)]
    pub fn take(&self, size: Size) -> Addr {
        self.magazine(size).map_or(Addr::NULL, |c| c.take())
    }

    /// Takes out the newest blocks of `size` bytes, as many as there are and as
    /// `out` has room for. How many.
    pub fn take_into(&self, size: Size, out: &[Cell<Addr>]) -> usize {
        let Some(c) = self.magazine(size) else { return 0 };
        let left = c.len().saturating_sub(out.len());
        let blocks = c.slots.get(left..c.len()).unwrap_or(&[]);
        out.iter().zip(blocks).for_each(|(o, a)| o.set(a.get()));
        c.set_len(left);
        blocks.len()
    }

    /// The block of `size` bytes put in last, or null.
    pub fn newest(&self, size: Size) -> Addr {
        self.magazine(size).map_or(Addr::NULL, Magazine::newest)
    }

    /// Is there a block of `size` bytes?
    #[inline(always)]
    pub fn has(&self, size: Size) -> bool {
        self.magazine(size).is_some_and(|c| c.len() != 0)
    }

    /// Takes any block: where and how large.
    pub fn take_any(&self) -> Option<(Addr, Size)> {
        let (c, n) = self.all.iter().zip(1usize..).find(|(c, _)| c.len() != 0)?;
        Some((c.take(), n << self.shift()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arena::tests::Rng;
    use std::vec::Vec;

    #[test]
    fn magazines_of_every_size() {
        let mut r = Rng::new("magazines_of_every_size");
        let words = size_of::<Magazines>().div_ceil(size_of::<u64>());
        let at = Addr::of(std::vec![0u64; words].leak().as_mut_ptr());
        // SAFETY: that much memory, leaked.
        let s = unsafe { &*Magazines::build(at, 4) };
        let mut model: Vec<Vec<Addr>> = std::vec![Vec::new(); 40];
        let mut most = [ROUNDS; 40];
        let mut next = 0x1000usize;
        for step in 0..80_000 {
            let n = 1 + r.below(if step / 4000 % 2 == 0 { 39 } else { 4 });
            let size = n << 4;
            match r.below(if step / 1000 % 2 == 0 { 8 } else { 11 }) {
                0..=2 => {
                    next += 0x1000;
                    let fits = n <= 32 && model[n].len() < most[n];
                    assert_eq!(s.put(size, Addr(next)), fits);
                    assert!(!s.put(size + 8, Addr(next)), "not whole grains");
                    if fits {
                        model[n].push(Addr(next));
                        assert!(!s.put(size, Addr(next)), "the same twice");
                    }
                }
                3 => assert_eq!(s.take(size), model[n].pop().unwrap_or(Addr::NULL)),
                7 => {
                    let out: Vec<Cell<Addr>> =
                        (0..r.below(ROUNDS)).map(|_| Cell::default()).collect();
                    let count = s.take_into(size, &out);
                    let left = model[n].len().saturating_sub(out.len());
                    let newest: Vec<Addr> = model[n].drain(left..).collect();
                    assert!(
                        newest.iter().eq(out[..count]
                            .iter()
                            .map(|c| c.get())
                            .collect::<Vec<_>>()
                            .iter())
                    );
                }
                5 => {
                    most[n] = r.below(ROUNDS + 1);
                    s.limit(size, most[n]);
                }
                6 => {
                    let keep = r.below(ROUNDS + 3);
                    let gone = model[n].len().saturating_sub(keep);
                    let mut oldest = model[n].drain(..gone);
                    s.spill(size, keep, |a| assert_eq!(Some(a), oldest.next()));
                    assert_eq!(oldest.next(), None);
                }
                4 => {
                    let want = r.below(40);
                    let mut given = 0;
                    let upto = r.below(ROUNDS + 3);
                    let count = s.fill(size, upto, |places: &[Cell<Addr>]| {
                        assert_eq!(places.len(), upto.min(ROUNDS) - model[n].len());
                        given = want.min(places.len());
                        for p in &places[..given] {
                            next += 0x1000;
                            p.set(Addr(next));
                            model[n].push(Addr(next));
                        }
                        given
                    });
                    assert_eq!(count, given);
                }
                _ => match s.take_any() {
                    Some((a, size)) => assert_eq!(model[size >> 4].pop(), Some(a)),
                    None => assert!(model.iter().all(|m| m.is_empty())),
                },
            }
            assert_eq!(s.has(size), !model[n].is_empty());
            assert_eq!(s.newest(size), model[n].last().copied().unwrap_or(Addr::NULL));
            assert_eq!(s.take(size + 8), Addr::NULL);
            assert_eq!(s.take(0), Addr::NULL);
        }
        let bytes: usize = model.iter().enumerate().map(|(n, m)| (n << 4) * m.len()).sum();
        assert_eq!(s.bytes(), bytes);
        s.forget();
        assert_eq!((s.bytes(), s.take_any()), (0, None));
    }
}
