//! A few free blocks of every small size, for one user at a time, who needs no
//! lock of the field's to get at them. To the field behind they look as if in use.
//! Others may only ask how much there is.

use crate::base::addr::{Addr, Size};
use core::cell::Cell;
use core::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// Blocks of up to this many grains.
pub const CLASSES: usize = 32;
/// How many of each.
const DEPTH: usize = 31;
/// Grains that a stock can hold.
pub const MOST: usize = DEPTH * CLASSES * (CLASSES + 1) / 2;

/// Blocks of one size.
#[repr(C)]
struct Class {
    /// How many there are. Written by the user only, read by anyone.
    n: AtomicU32,
    /// The shift of a grain.
    shift: u16,
    /// How many there may be, of those put in.
    most: Cell<u16>,
    slots: [Cell<Addr>; DEPTH],
}

/// See the module.
#[repr(C)]
pub struct Stock {
    classes: [Class; CLASSES],
}

impl Class {
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

    /// Takes a block, or gives null.
    #[inline(always)]
    fn take(&self) -> Addr {
        let left = self.len().wrapping_sub(1);
        let Some(a) = self.slots.get(left) else { return Addr::NULL };
        self.set_len(left);
        a.get()
    }
}

impl Stock {
    /// Nothing, at `at`, of grains of that shift.
    ///
    /// # Safety
    /// `at` is aligned to a word and has room for one, nobody else's.
    pub unsafe fn build(at: Addr, shift: u32) -> *mut Stock {
        let s: *mut Stock = at.ptr();
        // SAFETY: the caller's promise; all zeros is good. Not made elsewhere
        // and moved here: it is larger than what some stacks have left.
        unsafe {
            s.write_bytes(0, 1);
            for c in &mut (*s).classes {
                c.shift = shift as u16;
                c.most.set(DEPTH as u16);
            }
        }
        s
    }

    #[inline(always)]
    fn shift(&self) -> u32 {
        let [first, ..] = &self.classes;
        u32::from(first.shift)
    }

    /// Forgets what is there.
    pub fn forget(&self) {
        self.classes.iter().for_each(|c| c.set_len(0));
    }

    /// Bytes there are.
    pub fn bytes(&self) -> Size {
        let grains = self.classes.iter().zip(1usize..).map(|(c, n)| c.len() * n);
        grains.fold(0, Size::wrapping_add) << self.shift()
    }

    /// For whole grains, and not too many of them.
    #[inline(always)]
    fn class(&self, size: Size) -> Option<&Class> {
        // A size that is no multiple turns into a large number.
        self.classes.get(size.rotate_right(self.shift()).wrapping_sub(1))
    }

    /// Puts in a block. False: there is no place for it, or it is the block put in
    /// last.
    #[inline(always)]
    pub fn put(&self, size: Size, a: Addr) -> bool {
        let Some(c) = self.class(size) else { return false };
        let n = c.len();
        let newest = c.newest();
        let Some(slot) = c.slots.get(n) else { return false };
        if n >= usize::from(c.most.get()) || newest == a {
            return false;
        }
        slot.set(a);
        c.set_len(n + 1);
        true
    }

    /// Lets no more than `most` blocks of `size` bytes be put in from now on.
    pub fn limit(&self, size: Size, most: usize) {
        if let Some(c) = self.class(size) {
            c.most.set(most.min(DEPTH) as u16);
        }
    }

    /// Lets `f` fill the places that are left for blocks of `size` bytes, from
    /// the first on, up to `most` in all, and say how many it did. As many.
    #[inline(always)]
    pub fn fill(&self, size: Size, most: usize, f: impl FnOnce(&[Cell<Addr>]) -> usize) -> usize {
        let Some(c) = self.class(size) else { return 0 };
        let Some(places) = c.slots.get(c.len()..most.min(DEPTH)) else { return 0 };
        let count = f(places).min(places.len());
        c.set_len(c.len() + count);
        count
    }

    /// Takes out all blocks of `size` bytes but the newest `keep`, each to `f`.
    pub fn spill(&self, size: Size, keep: usize, mut f: impl FnMut(Addr)) {
        let Some(c) = self.class(size) else { return };
        let count = c.len().saturating_sub(keep);
        c.slots.iter().take(count).for_each(|a| f(a.get()));
        c.slots.iter().zip(c.slots.iter().skip(count)).for_each(|(to, from)| to.set(from.get()));
        c.set_len(c.len() - count);
    }

    /// Takes a block of `size` bytes, or gives null.
    #[inline(always)]
    pub fn take(&self, size: Size) -> Addr {
        self.class(size).map_or(Addr::NULL, |c| c.take())
    }

    /// Takes out the newest blocks of `size` bytes, as many as there are and as
    /// `out` has room for. How many.
    pub fn take_into(&self, size: Size, out: &[Cell<Addr>]) -> usize {
        let Some(c) = self.class(size) else { return 0 };
        let left = c.len().saturating_sub(out.len());
        let blocks = c.slots.get(left..c.len()).unwrap_or(&[]);
        out.iter().zip(blocks).for_each(|(o, a)| o.set(a.get()));
        c.set_len(left);
        blocks.len()
    }

    /// The block of `size` bytes put in last, or null.
    pub fn newest(&self, size: Size) -> Addr {
        self.class(size).map_or(Addr::NULL, Class::newest)
    }

    /// Is there a block of `size` bytes?
    #[inline(always)]
    pub fn has(&self, size: Size) -> bool {
        self.class(size).is_some_and(|c| c.len() != 0)
    }

    /// Takes any block: where and how large.
    pub fn take_any(&self) -> Option<(Addr, Size)> {
        let (c, n) = self.classes.iter().zip(1usize..).find(|(c, _)| c.len() != 0)?;
        Some((c.take(), n << self.shift()))
    }
}
