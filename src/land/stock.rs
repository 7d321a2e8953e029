//! A few free blocks of every small size, for one user who needs no lock to
//! get at them. To the field behind they look as if in use.

use crate::base::addr::{Addr, Size};
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
    counts: [u8; CLASSES],
    slots: [[Addr; DEPTH]; CLASSES],
}

impl Stock {
    /// Nothing.
    pub const fn new(shift: u32) -> Stock {
        Stock { shift, bytes: AtomicUsize::new(0), counts: [0; CLASSES], slots: [[Addr::NULL; DEPTH]; CLASSES] }
    }

    /// Forgets what is there.
    pub fn forget(&mut self) {
        self.counts = [0; CLASSES];
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
    pub fn exchange(&mut self, size: Size, other: Addr, rest: Size) -> Addr {
        let none = self.counts.get(self.class(size)).is_none_or(|n| *n == 0);
        if none || (rest != 0 && !self.put(rest, other)) {
            return Addr::NULL;
        }
        self.take(size).unwrap_or(Addr::NULL)
    }

    /// Puts in a block. False: there is no place for it.
    #[inline(always)]
    pub fn put(&mut self, size: Size, a: Addr) -> bool {
        let k = self.class(size);
        let (Some(n), Some(slots)) = (self.counts.get_mut(k), self.slots.get_mut(k)) else {
            return false;
        };
        let Some(slot) = slots.get_mut(*n as usize) else { return false };
        *slot = a;
        *n = n.wrapping_add(1);
        self.bytes.store(self.bytes.load(Relaxed).wrapping_add(size), Relaxed);
        true
    }

    /// Is there a place for one more?
    pub fn has_place(&self, size: Size) -> bool {
        self.counts.get(self.class(size)).is_some_and(|n| (*n as usize) < DEPTH)
    }

    /// Takes a block of `size` bytes.
    #[inline(always)]
    pub fn take(&mut self, size: Size) -> Option<Addr> {
        let k = self.class(size);
        let n = self.counts.get_mut(k)?;
        let left = n.wrapping_sub(1);
        let a = *self.slots.get(k)?.get(left as usize)?;
        *n = left;
        self.bytes.store(self.bytes.load(Relaxed).wrapping_sub(size), Relaxed);
        Some(a)
    }

    /// Takes any block: where and how large.
    pub fn take_any(&mut self) -> Option<(Addr, Size)> {
        (1..=CLASSES).find_map(|n| {
            let size = n << self.shift;
            self.take(size).map(|a| (a, size))
        })
    }
}
