//! A few free blocks of every small size, for one user who needs no lock to
//! get at them. To the field behind they look as if in use. Others may only ask
//! how much there is.

use crate::base::addr::{Addr, Size};
use core::cell::Cell;
use core::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// Blocks of up to this many grains.
const CLASSES: usize = 32;
/// How many of each.
const DEPTH: usize = 31;

/// Blocks of one size.
#[repr(C)]
struct Class {
    /// How many there are. Written by the user only, read by anyone.
    n: AtomicU32,
    /// The shift of a grain.
    shift: u32,
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
                c.shift = shift;
            }
        }
        s
    }

    #[inline(always)]
    fn shift(&self) -> u32 {
        let [first, ..] = &self.classes;
        first.shift
    }

    /// Forgets what is there.
    pub fn forget(&self) {
        self.classes.iter().for_each(|c| c.set_len(0));
    }

    /// Bytes there are.
    pub fn bytes(&self) -> Size {
        let grains = self.classes.iter().zip(1usize..).map(|(c, n)| c.len().wrapping_mul(n));
        grains.fold(0, Size::wrapping_add) << self.shift()
    }

    /// For whole grains, and not too many of them.
    #[inline(always)]
    fn class(&self, size: Size) -> Option<&Class> {
        // A size that is no multiple turns into a large number.
        self.classes.get(size.rotate_right(self.shift()).wrapping_sub(1))
    }

    /// Puts in a block. False: there is no place for it.
    #[inline(always)]
    pub fn put(&self, size: Size, a: Addr) -> bool {
        let Some(c) = self.class(size) else { return false };
        let Some(slot) = c.slots.get(c.len()) else { return false };
        slot.set(a);
        c.set_len(c.len().wrapping_add(1));
        true
    }

    /// Lets `f` fill the places that are left for blocks of `size` bytes, from
    /// the first on, and say how many it did. As many.
    #[inline(always)]
    pub fn fill(&self, size: Size, f: impl FnOnce(&[Cell<Addr>]) -> usize) -> usize {
        let Some(c) = self.class(size) else { return 0 };
        let Some(places) = c.slots.get(c.len()..) else { return 0 };
        let count = f(places).min(places.len());
        c.set_len(c.len().wrapping_add(count));
        count
    }

    /// Takes a block of `size` bytes, or gives null.
    #[inline(always)]
    pub fn take(&self, size: Size) -> Addr {
        self.class(size).map_or(Addr::NULL, |c| c.take())
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
