//! A few free blocks of every small size, for one user who needs no lock to
//! get at them. To the field behind they look as if in use. Others may only ask
//! how much there is.

use crate::base::addr::{Addr, Size};
use core::cell::Cell;
use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Blocks of up to this many grains.
const CLASSES: usize = 32;
/// How many of each.
const DEPTH: usize = 7;

/// See the module.
pub struct Stock {
    /// The shift of a grain.
    shift: u32,
    /// Bytes there are. Written by the user only, read by anyone.
    bytes: AtomicUsize,
    counts: [Cell<u8>; CLASSES],
    slots: [[Cell<Addr>; DEPTH]; CLASSES],
}

impl Stock {
    /// Nothing.
    pub const fn new(shift: u32) -> Stock {
        Stock {
            shift,
            bytes: AtomicUsize::new(0),
            counts: [const { Cell::new(0) }; CLASSES],
            slots: [const { [const { Cell::new(Addr::NULL) }; DEPTH] }; CLASSES],
        }
    }

    /// Forgets what is there.
    pub fn forget(&self) {
        self.counts.iter().for_each(|n| n.set(0));
        self.bytes.store(0, Relaxed);
    }

    /// Bytes there are.
    pub fn bytes(&self) -> Size {
        self.bytes.load(Relaxed)
    }

    /// Which count and slots: for whole grains, and not too many of them.
    #[inline(always)]
    fn class(&self, size: Size) -> usize {
        // A size that is no multiple turns into a large number.
        size.rotate_right(self.shift).wrapping_sub(1)
    }

    /// Takes a block of `size` bytes, or gives null. The block of `rest` bytes
    /// at `other`, if it is any, is put in first; if there is no place for it
    /// then neither happens.
    #[inline(always)]
    pub fn exchange(&self, size: Size, other: Addr, rest: Size) -> Addr {
        let none = self.counts.get(self.class(size)).is_none_or(|n| n.get() == 0);
        if none || (rest != 0 && !self.put(rest, other)) {
            return Addr::NULL;
        }
        self.take(size).unwrap_or(Addr::NULL)
    }

    /// Puts in a block. False: there is no place for it.
    #[inline(always)]
    pub fn put(&self, size: Size, a: Addr) -> bool {
        let k = self.class(size);
        let (Some(n), Some(slots)) = (self.counts.get(k), self.slots.get(k)) else {
            return false;
        };
        let Some(slot) = slots.get(n.get() as usize) else { return false };
        slot.set(a);
        n.set(n.get().wrapping_add(1));
        self.bytes.store(self.bytes.load(Relaxed).wrapping_add(size), Relaxed);
        true
    }

    /// Is there a place for one more?
    pub fn has_place(&self, size: Size) -> bool {
        self.counts.get(self.class(size)).is_some_and(|n| (n.get() as usize) < DEPTH)
    }

    /// Takes a block of `size` bytes.
    #[inline(always)]
    pub fn take(&self, size: Size) -> Option<Addr> {
        let k = self.class(size);
        let n = self.counts.get(k)?;
        let left = n.get().wrapping_sub(1);
        let a = self.slots.get(k)?.get(left as usize)?.get();
        n.set(left);
        self.bytes.store(self.bytes.load(Relaxed).wrapping_sub(size), Relaxed);
        Some(a)
    }

    /// Takes any block: where and how large.
    pub fn take_any(&self) -> Option<(Addr, Size)> {
        (1..=CLASSES).find_map(|n| {
            let size = n << self.shift;
            self.take(size).map(|a| (a, size))
        })
    }
}
