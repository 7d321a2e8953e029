//! Control memory: where the library keeps its own structures.
//!
//! Small blocks come from slabs, a grain each, of blocks of one size; a slab
//! that has no block in use any more goes back to the arena, whose business it
//! is to keep memory at hand. Larger ones are whole grains. Blocks are never
//! looked at again once freed.

use super::Arena;
use crate::base::addr::{Addr, Size, size_up};
use crate::base::list::{Link, Linked, List};
use crate::base::ptr::P;
use crate::base::res::Result;
use core::cell::Cell;
use core::ptr::NonNull;

/// Multiples of the alignment; the larger ones such that a slab of 4 KB has
/// little left over.
const CLASSES: [Size; 17] =
    [32, 64, 96, 128, 160, 192, 224, 256, 320, 384, 448, 576, 672, 800, 992, 1344, 2016];
/// What blocks are aligned to.
const ALIGN: Size = 32;

/// The start of a slab.
struct Slab {
    link: Link<Slab>,
    /// Its free blocks, chained through their first word.
    free: Cell<Addr>,
    /// How many are in use.
    used: Cell<usize>,
}

const HEAD: Size = size_up(size_of::<Slab>(), ALIGN);

impl Linked<0> for Slab {
    fn link(&self) -> &Link<Slab> {
        &self.link
    }
}

/// Slabs with free blocks, by class.
#[derive(Default)]
pub struct Control {
    slabs: [List<Slab, 0>; CLASSES.len()],
    /// Bytes handed out, for `describe` and tests.
    pub in_use: Cell<Size>,
}

impl Arena {
    /// The slabs for blocks of `size` bytes, and how large those are. `None`:
    /// a grain is too small for two of them.
    fn control_class(&self, size: Size) -> Option<(&List<Slab, 0>, Size)> {
        let i = CLASSES.iter().position(|&c| size <= c)?;
        let class = *CLASSES.get(i)?;
        let room = self.grain().saturating_sub(HEAD);
        (class <= room / 2).then_some((self.control.slabs.get(i)?, class))
    }

    /// A block of at least `size` bytes, aligned to 32, contents arbitrary.
    ///
    /// # Errors
    /// As [`Arena::alloc`].
    pub fn control_alloc(&self, size: Size) -> Result<Addr> {
        let in_use = &self.control.in_use;
        let Some((slabs, class)) = self.control_class(size) else {
            let a = self.alloc(self.control_home(), size, core::ptr::null_mut())?;
            in_use.set(in_use.get().wrapping_add(size_up(size, self.grain())));
            return Ok(a);
        };
        let slab = match slabs.first() {
            Some(s) => s,
            None => self.control_slab(slabs, class)?,
        };
        let a = slab.free.get();
        // SAFETY: a block on a slab's free list: ours, and its first word the
        // link.
        slab.free.set(Addr(unsafe { a.ptr::<usize>().read() }));
        slab.used.set(slab.used.get().wrapping_add(1));
        if slab.free.get().is_null() {
            slabs.remove(slab);
        }
        in_use.set(in_use.get().wrapping_add(class));
        Ok(a)
    }

    /// A new slab.
    fn control_slab(&self, slabs: &List<Slab, 0>, class: Size) -> Result<P<Slab>> {
        let grain = self.grain();
        let base = self.alloc(self.control_home(), grain, core::ptr::null_mut())?;
        let mut free = Addr::NULL;
        let mut at = grain.wrapping_sub(HEAD).checked_div(class).unwrap_or(0).wrapping_mul(class);
        while at >= class {
            at = at.wrapping_sub(class);
            let a = base.add(HEAD).add(at);
            // SAFETY: inside the grain just allocated.
            unsafe { a.ptr::<usize>().write(free.0) };
            free = a;
        }
        let head: *mut Slab = base.ptr();
        // SAFETY: as above; grains are aligned to 1 KB at least.
        let slab = unsafe {
            head.write(Slab { link: Link::default(), free: Cell::new(free), used: Cell::new(0) });
            P::new(NonNull::new_unchecked(head))
        };
        slabs.push_front(slab);
        Ok(slab)
    }

    /// Gives back what `control_alloc(size)` gave.
    pub fn control_free(&self, a: Addr, size: Size) {
        let in_use = &self.control.in_use;
        let Some((slabs, class)) = self.control_class(size) else {
            let whole = size_up(size, self.grain());
            in_use.set(in_use.get().wrapping_sub(whole));
            self.free(a, whole);
            return;
        };
        in_use.set(in_use.get().wrapping_sub(class));
        let base = a.down(self.grain());
        // SAFETY: slabs are grains, and begin with their head.
        let Some(slab) = (unsafe { P::from_raw(base.ptr::<Slab>()) }) else { return };
        let old = slab.free.get();
        // SAFETY: the caller is done with the block.
        unsafe { a.ptr::<usize>().write(old.0) };
        slab.free.set(a);
        slab.used.set(slab.used.get().wrapping_sub(1));
        if old.is_null() {
            slabs.push_front(slab);
        }
        if slab.used.get() == 0 {
            slabs.remove(slab);
            self.free(base, self.grain());
        }
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

    /// Finishes a structure that `control_new` made. No `P` to it may be used
    /// afterwards.
    pub fn control_drop<T>(&self, p: P<T>) {
        self.control_free(p.addr(), size_of::<T>());
    }
}
