//! Free blocks set aside by exact size, last in first out, in front of a
//! [`Field`](super::field::Field), to which they still look as if in use.
//!
//! A size's newest blocks stand in an array, the others in boxes of seven, moved
//! between the two half an array at a time. Arrays and boxes are in memory that
//! the caller provides, and the same few boxes are used over and over: no block
//! is read or written, which would be far from any cache (the next atomic
//! operation would wait for it), and no client that writes to a block it has
//! freed can harm the lists.
//!
//! What costs time here is branches that go another way than the time before:
//! the processor has then looked ahead in vain, also at what the program does
//! next. So arrays are as long as a pool's size warrants.

use super::free_stack::shift;
use crate::base::addr::{Addr, Size};
use core::cell::Cell;
use core::ptr::null_mut;

/// Blocks of up to this many grains are kept, a list for each size: as many as there
/// are bits in a word that says which have boxes. With 8-byte grains 512 bytes.
pub const SIZES: usize = 64;
/// Blocks in a box: with its link a line of memory.
pub const BOX_BLOCKS: usize = 7;

/// Blocks that do not stand in an array: a line of memory.
#[repr(C)]
struct Case {
    next: *mut Case,
    blocks: [Addr; BOX_BLOCKS],
}

/// What there is of one size. The array follows.
#[repr(C)]
struct Head {
    n: usize,
    full: *mut Case,
}

/// Words in front of an array.
const HEAD: usize = size_of::<Head>() / size_of::<Addr>();
/// The shift of a word.
const ADDR_SHIFT: u32 = size_of::<Addr>().trailing_zeros();

/// Memory that boxes were made from.
#[repr(C)]
struct Chunk {
    next: *mut Chunk,
    bytes: Size,
}

/// How long arrays are.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Depth {
    /// There are none.
    None = 0,
    /// 14 blocks.
    Short = 4,
    /// 62 blocks.
    Long = 6,
}

impl Depth {
    /// Bytes of memory for the arrays.
    pub fn footprint(self) -> Size {
        if self == Depth::None { 0 } else { (SIZES * size_of::<Addr>()) << self as u32 }
    }

    /// Places in an array: whole boxes, twice.
    fn places(self) -> usize {
        (1usize << self as u32) - HEAD
    }
}

/// The lists of all sizes.
struct Lists {
    at: Addr,
    /// How many there are.
    count: usize,
    /// From one to the next, as a shift.
    stride: u32,
    /// Places of an array.
    places: usize,
    depth: Depth,
}

impl Lists {
    /// None.
    const fn new() -> Lists {
        Lists { at: Addr::NULL, count: 0, stride: 0, places: 0, depth: Depth::None }
    }

    /// Where the list for blocks of `n` grains is.
    #[inline(always)]
    fn head(&self, n: usize) -> Option<*mut Head> {
        let k = n.wrapping_sub(1);
        (k < self.count).then(|| self.at.add(k << self.stride).ptr())
    }

    /// The list for blocks of `n` grains.
    #[inline(always)]
    fn list(&mut self, n: usize) -> Option<At<'_>> {
        let head = self.head(n)?;
        // SAFETY: `deepen` was given memory for so many, each a head and its array,
        // filled it in, and has it for itself; borrowed from all of them.
        unsafe {
            let slots = core::slice::from_raw_parts_mut(head.add(1).cast(), self.places);
            Some(At { head: &mut *head, slots })
        }
    }
}

/// Free blocks set aside by exact size. Used under the pool's lock.
pub struct Quick {
    lists: Lists,
    /// The sizes that have boxes: a bit each.
    boxed: u64,
    cursor: usize,
    /// Boxes not in use.
    spare: *mut Case,
    chunks: *mut Chunk,
    /// Bytes of memory that boxes were made from.
    pub boxes: Size,
    /// Grains set aside.
    pub grains: Size,
}

impl Default for Quick {
    fn default() -> Quick {
        Quick::new()
    }
}

/// A size's head and array.
struct At<'a> {
    head: &'a mut Head,
    slots: &'a mut [Addr],
}

impl At<'_> {
    #[inline(always)]
    fn newest(&self) -> Addr {
        self.slots.get(self.head.n.wrapping_sub(1)).copied().unwrap_or(Addr::NULL)
    }

    #[inline(always)]
    fn pop_newest(&mut self) -> Addr {
        let a = self.newest();
        self.head.n -= !a.is_null() as usize;
        a
    }

    #[inline(always)]
    fn push_newest(&mut self, a: Addr) -> bool {
        let Some(s) = self.slots.get_mut(self.head.n) else { return false };
        *s = a;
        self.head.n += 1;
        true
    }

    /// Empties boxes into the array, which is empty, up to half of it.
    #[cold]
    #[inline(never)]
    fn refill(&mut self, spare: &mut *mut Case) {
        let half = self.slots.len() / 2;
        let mut from = half;
        while from >= BOX_BLOCKS
            && let Some(blocks) = take_box(&mut self.head.full, spare)
        {
            from -= BOX_BLOCKS;
            // The newest first, to the top.
            let out = self.slots.iter_mut().skip(from);
            out.zip(blocks).for_each(|(s, a)| *s = a);
        }
        // SAFETY: `from` started at half of the array's length.
        unsafe { shift(self.slots, from, half) };
        self.head.n = half - from;
    }

    /// Puts the older half of the array, which is full, in boxes, as far as there
    /// are any. False: there is none.
    #[cold]
    #[inline(never)]
    fn spill(&mut self, spare: &mut *mut Case) -> bool {
        let mut n = 0usize;
        while n + BOX_BLOCKS <= self.slots.len() / 2 {
            // SAFETY: those in the list are boxes, and nobody else's.
            let Some(b) = (unsafe { spare.as_mut() }) else { break };
            *spare = b.next;
            b.next = self.head.full;
            b.blocks.iter_mut().zip(self.slots.iter().skip(n)).for_each(|(o, a)| *o = *a);
            self.head.full = b;
            n += BOX_BLOCKS;
        }
        let len = self.slots.len();
        // SAFETY: `n` is half of that at most.
        unsafe { shift(self.slots, n, len) };
        self.head.n -= n;
        n != 0
    }
}

/// Empties the first box of a list.
fn take_box(full: &mut *mut Case, spare: &mut *mut Case) -> Option<[Addr; BOX_BLOCKS]> {
    // SAFETY: those in the list are boxes, and nobody else's.
    let b = unsafe { full.as_mut() }?;
    *full = b.next;
    b.next = *spare;
    *spare = b;
    Some(b.blocks)
}

impl Quick {
    /// Nothing set aside, nor a place to.
    pub const fn new() -> Quick {
        Quick {
            lists: Lists::new(),
            boxed: 0,
            cursor: 0,
            spare: null_mut(),
            chunks: null_mut(),
            boxes: 0,
            grains: 0,
        }
    }

    /// How long arrays are.
    pub fn depth(&self) -> Depth {
        self.lists.depth
    }

    /// Has longer arrays from now on, at `at`. Where the old ones were.
    ///
    /// # Safety
    /// `at` is aligned to a word and has room for them, nobody else's.
    pub unsafe fn deepen(&mut self, at: Addr, depth: Depth) -> Addr {
        // SAFETY: the caller's promise. All zeros is an empty array.
        unsafe { at.ptr::<u8>().write_bytes(0, depth.footprint()) };
        let stride = depth as u32 + ADDR_SHIFT;
        let mut new = Lists { at, count: SIZES, stride, places: depth.places(), depth };
        for n in 1..=SIZES {
            if let (Some(old), Some(new)) = (self.lists.list(n), new.list(n)) {
                (new.head.n, new.head.full) = (old.head.n, old.head.full);
                new.slots.iter_mut().zip(old.slots).for_each(|(o, a)| *o = *a);
            }
        }
        core::mem::replace(&mut self.lists, new).at
    }

    /// Where the arrays are.
    pub fn arrays(&self) -> Addr {
        self.lists.at
    }

    /// Makes boxes of `bytes` bytes at `at`.
    ///
    /// # Safety
    /// They are aligned to a word, and nobody else's until `take_memory` gives
    /// them back.
    pub unsafe fn add_memory(&mut self, at: Addr, bytes: Size) {
        let chunk: *mut Chunk = at.ptr();
        let count = (bytes - size_of::<Chunk>()) / size_of::<Case>();
        // SAFETY: the caller's promise; inside.
        unsafe {
            chunk.write(Chunk { next: self.chunks, bytes });
            let first: *mut Case = chunk.add(1).cast();
            for k in 0..count {
                let b = first.add(k);
                b.write(Case { next: self.spare, blocks: [Addr::NULL; BOX_BLOCKS] });
                self.spare = b;
            }
        }
        self.chunks = chunk;
        self.boxes += bytes;
    }

    /// One piece of the memory that was added, if there is any left. The lists
    /// are not used any more.
    pub fn take_memory(&mut self) -> Option<(Addr, Size)> {
        // SAFETY: written by `add_memory`; ours.
        let (next, bytes) = unsafe { self.chunks.as_ref() }.map(|c| (c.next, c.bytes))?;
        let at = Addr::of(self.chunks);
        self.chunks = next;
        self.spare = null_mut();
        Some((at, bytes))
    }

    /// A block of `n` grains, if one is at hand; else null.
    #[inline(always)]
    pub fn pop_newest(&mut self, n: usize) -> Addr {
        let Some(mut c) = self.lists.list(n) else { return Addr::NULL };
        let a = c.pop_newest();
        if !a.is_null() {
            self.grains -= n;
        }
        a
    }

    /// Sets a block of `n` grains aside, if there is a place at hand and the
    /// block set aside before is another.
    #[inline(always)]
    pub fn push_newest(&mut self, n: usize, a: Addr) -> bool {
        let Some(mut c) = self.lists.list(n) else { return false };
        let done = c.newest() != a && c.push_newest(a);
        if done {
            self.grains += n;
        }
        done
    }

    /// A block of `n` grains.
    #[inline(always)]
    pub fn pop(&mut self, n: usize) -> Option<Addr> {
        let mut c = self.lists.list(n)?;
        if c.head.n == 0 {
            c.refill(&mut self.spare);
        }
        let a = c.pop_newest();
        if a.is_null() {
            return None;
        }
        self.grains -= n;
        Some(a)
    }

    /// Takes out up to `out.len()` blocks of `n` grains, of those at hand or else
    /// out of boxes, the newest last. How many.
    #[inline(always)]
    pub fn pop_into(&mut self, n: usize, out: &[Cell<Addr>]) -> usize {
        let Some(mut c) = self.lists.list(n) else { return 0 };
        if c.head.n == 0 {
            c.refill(&mut self.spare);
        }
        let left = c.head.n.saturating_sub(out.len());
        let blocks = c.slots.get(left..c.head.n).unwrap_or(&[]);
        out.iter().zip(blocks).for_each(|(o, a)| o.set(*a));
        let count = c.head.n - left;
        c.head.n = left;
        self.grains -= n * count;
        count
    }

    /// Sets a block of `n` grains aside. False: too large, or there is no place.
    #[inline(always)]
    pub fn push(&mut self, n: usize, a: Addr) -> bool {
        let Some(mut c) = self.lists.list(n) else { return false };
        if !c.push_newest(a) {
            if !(c.spill(&mut self.spare) && c.push_newest(a)) {
                return false;
            }
            self.boxed |= bit(n - 1);
        }
        self.grains += n;
        true
    }

    /// The block of `n` grains set aside last, if it is at hand.
    #[inline(always)]
    pub fn newest(&self, n: usize) -> Addr {
        let Some(head) = self.lists.head(n) else { return Addr::NULL };
        // SAFETY: as in `Lists::list`; only read, and nobody changes it meanwhile.
        unsafe {
            let at = (*head).n.wrapping_sub(1);
            if at < self.lists.places {
                head.add(1).cast::<Addr>().add(at).read()
            } else {
                Addr::NULL
            }
        }
    }

    /// Takes out a few blocks of one size, to the front of `out`: their size in
    /// grains, and how many; none if there are none. From each size in turn: a
    /// box while there are any.
    pub fn take_some(&mut self, out: &mut [Addr; BOX_BLOCKS]) -> (usize, usize) {
        if self.grains == 0 {
            return (0, 0);
        }
        // Boxes may have been emptied since.
        while self.boxed != 0 {
            let k = self.next_boxed();
            let n = k + 1;
            if let Some(c) = self.lists.list(n)
                && let Some(blocks) = take_box(&mut c.head.full, &mut self.spare)
            {
                *out = blocks;
                self.cursor = n;
                self.grains -= n * BOX_BLOCKS;
                return (n, BOX_BLOCKS);
            }
            self.boxed &= !bit(k);
        }
        for _ in 0..SIZES {
            self.cursor = (self.cursor + 1) % SIZES;
            let n = self.cursor + 1;
            let a = self.pop_newest(n);
            if let (false, Some(o)) = (a.is_null(), out.first_mut()) {
                *o = a;
                return (n, 1);
            }
        }
        (0, 0)
    }

    /// The next class from the cursor on, round, that may have boxes; there is one.
    fn next_boxed(&self) -> usize {
        let from = self.cursor % SIZES;
        let k = self.boxed.rotate_right(from as u32).trailing_zeros() as usize;
        (k + from) % SIZES
    }
}

fn bit(k: usize) -> u64 {
    1u64 << (k % SIZES)
}
