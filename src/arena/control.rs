//! Control memory: where the library keeps its own structures.
//!
//! Small blocks come from slabs. A slab is a grain, cut into blocks of one size. A slab
//! without a block in use goes back to the arena, which keeps spare memory. Rather
//! than make a new slab, a request takes a block that is somewhat larger than it
//! needs. A block of which a grain does not hold two is made of whole grains.

use super::Arena;
use crate::base::addr::{Addr, Size, size_up};
use crate::base::list::{Link, Linked, List};
use crate::base::ptr::P;
use crate::base::res::Result;
use core::cell::Cell;
use core::ptr::NonNull;

/// The sizes of blocks: multiples of the alignment. Up to 2016 they are what a slab
/// of 4 KB divides into with little left over; from there on a half and a third of
/// each larger slab.
const BLOCK_SIZES: [Size; 33] = [
    32, 64, 96, 128, 160, 192, 224, 256, 320, 384, 448, 576, 672, 800, 992, 1344, 2016, 2720, 4064,
    5440, 8160, 10912, 16352, 21824, 32736, 43680, 65504, 87360, 131040, 174752, 262112, 349504,
    524256,
];
/// Blocks are aligned to this many bytes, four words of 64 bits, so that each begins at the
/// start or in the middle of a cache line.
const BLOCK_ALIGN: Size = 32;

/// The start of a slab.
struct Slab {
    link: Link<Slab>,
    /// Its free blocks, chained through their first word.
    free: Cell<Addr>,
    /// How many are in use.
    used: Cell<u32>,
    /// The index of its block size.
    class: u32,
}

/// What a slab has in front of its blocks.
const SLAB_HEADER: Size = size_up(size_of::<Slab>(), BLOCK_ALIGN);

/// How large a block may be that is taken rather than a new slab, for a request of `size`
/// bytes: up to three quarters larger, in arenas of less than 1 MB up to four times as
/// large. A small arena has only a few structures of each size, and slabs for each size
/// would be most of its memory. A larger bound would waste more in large arenas than
/// it saves in small ones.
const fn size_taken_instead(size: Size, capacity: Size) -> Size {
    // Any size may come: one that is too large is refused only later.
    if capacity < 1 << 20 { size.saturating_mul(4) } else { size.saturating_mul(7) / 4 }
}

/// A block of up to a 64th of a grain may be taken rather than a new slab, however little is
/// needed. A guess: so little does not count.
const GRAIN_PART_TAKEN_INSTEAD: Size = 64;

impl Linked<0> for Slab {
    fn link(&self) -> &Link<Slab> {
        &self.link
    }
}

/// The slabs that have free blocks, by block size.
pub struct Control {
    slabs: [List<Slab, 0>; BLOCK_SIZES.len()],
    /// Bytes in use, for tests.
    pub in_use: Cell<Size>,
    /// Unit tests: how many allocations there have been, of any memory, and
    /// which of them is to fail.
    #[cfg(test)]
    pub trial: Cell<(usize, Option<usize>)>,
}

impl Default for Control {
    fn default() -> Control {
        Control {
            slabs: core::array::from_fn(|_| List::default()),
            in_use: Cell::new(0),
            #[cfg(test)]
            trial: Cell::default(),
        }
    }
}

impl Arena {
    /// The index in [`BLOCK_SIZES`] for blocks of `size` bytes, and how large these are.
    /// `None`: a grain is too small for two of them.
    fn control_block_size(&self, size: Size) -> Option<(usize, Size)> {
        let i = BLOCK_SIZES.iter().position(|&c| size <= c)?;
        let class = *BLOCK_SIZES.get(i)?;
        let room = self.grain().saturating_sub(SLAB_HEADER);
        (class <= room / 2).then_some((i, class))
    }

    /// A slab with a free block of size `i`, or else with one of up to `most` bytes.
    fn control_slab_with_room(&self, i: usize, most: Size) -> Option<P<Slab>> {
        let mut classes = BLOCK_SIZES.iter().zip(&self.control.slabs).skip(i);
        let own = classes.next()?.1.first();
        own.or_else(|| classes.take_while(|(c, _)| **c <= most).find_map(|(_, l)| l.first()))
    }

    /// The list of a slab that has free blocks.
    fn control_slabs_of(&self, slab: P<Slab>) -> Option<&List<Slab, 0>> {
        self.control.slabs.get(slab.class as usize)
    }

    /// A block of at least `size` bytes, aligned to 32, contents arbitrary.
    ///
    /// # Errors
    /// As [`Arena::alloc`].
    pub fn control_alloc(&self, size: Size) -> Result<Addr> {
        self.control_alloc_upto(
            size,
            size_taken_instead(size, self.capacity()).max(self.grain() / GRAIN_PART_TAKEN_INSTEAD),
        )
    }

    /// As [`Arena::control_alloc`], for structures of which there are many. These come only
    /// from slabs of their own size. So they leave free blocks of other sizes alone, which
    /// can then be had when there is no memory for another slab.
    ///
    /// # Errors
    /// As [`Arena::alloc`].
    pub(crate) fn control_alloc_many(&self, size: Size) -> Result<Addr> {
        self.control_alloc_upto(size, size)
    }

    /// A block of `size` bytes; but one of up to `most` bytes rather than a new slab.
    fn control_alloc_upto(&self, size: Size, most: Size) -> Result<Addr> {
        #[cfg(test)]
        self.trial()?;
        let in_use = &self.control.in_use;
        let Some((i, class)) = self.control_block_size(size) else {
            let a = self.alloc(self.control_home(), size, core::ptr::null_mut())?;
            in_use.set(in_use.get() + size_up(size, self.grain()));
            return Ok(a);
        };
        let slab = match self.control_slab_with_room(i, most) {
            Some(s) => s,
            None => self.control_new_slab(i, class)?,
        };
        let a = slab.free.get();
        // SAFETY: a block on a slab's free list: ours, and its first word the
        // link.
        slab.free.set(Addr(unsafe { a.ptr::<usize>().read() }));
        slab.used.set(slab.used.get() + 1);
        if slab.free.get().is_null()
            && let Some(slabs) = self.control_slabs_of(slab)
        {
            slabs.remove(slab);
        }
        in_use.set(in_use.get() + class);
        Ok(a)
    }

    /// A new slab.
    fn control_new_slab(&self, i: usize, class: Size) -> Result<P<Slab>> {
        let grain = self.grain();
        let base = self.alloc(self.control_home(), grain, core::ptr::null_mut())?;
        let mut free = Addr::NULL;
        let fit = (grain - SLAB_HEADER).checked_div(class).unwrap_or(0);
        let mut at = fit * class;
        while at >= class {
            at -= class;
            let a = base.add(SLAB_HEADER).add(at);
            // SAFETY: inside the grain just allocated.
            unsafe { a.ptr::<usize>().write(free.0) };
            free = a;
        }
        let head: *mut Slab = base.ptr();
        // SAFETY: as above; grains are aligned to 1 KB at least.
        let slab = unsafe {
            head.write(Slab {
                link: Link::default(),
                free: Cell::new(free),
                used: Cell::new(0),
                class: i as u32,
            });
            P::new(NonNull::new_unchecked(head))
        };
        if let Some(slabs) = self.control_slabs_of(slab) {
            slabs.push_front(slab);
        }
        Ok(slab)
    }

    /// Gives back what `control_alloc(size)` gave.
    ///
    /// # Safety
    /// It was that, of this arena and of that size, and nobody uses it any more.
    pub unsafe fn control_free(&self, a: Addr, size: Size) {
        let in_use = &self.control.in_use;
        let Some((_, class)) = self.control_block_size(size) else {
            let whole = size_up(size, self.grain());
            in_use.set(in_use.get() - whole);
            self.free(a, whole);
            return;
        };
        in_use.set(in_use.get() - class);
        let base = a.down(self.grain());
        // SAFETY: slabs are grains, and begin with their head.
        let Some(slab) = (unsafe { P::from_raw(base.ptr::<Slab>()) }) else { return };
        let Some(slabs) = self.control_slabs_of(slab) else { return };
        let old = slab.free.get();
        // SAFETY: the caller is done with the block.
        unsafe { a.ptr::<usize>().write(old.0) };
        slab.free.set(a);
        slab.used.set(slab.used.get() - 1);
        if old.is_null() {
            slabs.push_front(slab);
        }
        if slab.used.get() == 0 {
            slabs.remove(slab);
            self.free(base, self.grain());
        }
    }

    /// What a block of `size` bytes takes.
    #[cfg(test)]
    pub(super) fn control_size(&self, size: Size) -> Size {
        self.control_block_size(size).map_or(size_up(size, self.grain()), |(_, class)| class)
    }

    /// A structure in control memory.
    ///
    /// # Errors
    /// As [`Arena::alloc`]; the value is dropped.
    pub fn control_new<T>(&self, value: T) -> Result<P<T>> {
        let a = self.control_alloc(size_of::<T>())?;
        let p: *mut T = a.ptr();
        // SAFETY: fresh memory, large enough, aligned to 32 at least.
        unsafe { p.write(value) };
        // SAFETY: just written; stays until `control_drop`.
        Ok(unsafe { P::new(NonNull::new_unchecked(p)) })
    }

    /// Gives back the memory of a structure that `control_new` made.
    ///
    /// # Safety
    /// It was that, of this arena. No `P` to it, nor a list that it is in, is used
    /// any more.
    pub unsafe fn control_drop<T>(&self, p: P<T>) {
        // SAFETY: nobody uses it any more.
        unsafe { self.control_free(p.addr(), size_of::<T>()) };
    }
}
