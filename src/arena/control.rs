//! Control memory: where the library keeps its own structures.
//!
//! Small blocks come from free lists by size class, each class refilled a
//! grain at a time; larger ones are whole grains. Blocks are never looked at
//! again once freed, and slabs are kept until the arena goes: an arena's
//! structures come and go by the thousand, not by the million.

use super::Arena;
use crate::base::addr::{Addr, Size, size_up};
use crate::base::ptr::P;
use crate::base::res::Result;
use core::cell::Cell;
use core::ptr::NonNull;

const CLASSES: [Size; 14] =
    [32, 64, 96, 128, 160, 192, 256, 320, 384, 512, 768, 1024, 1536, 2048];

/// Free blocks by class, chained through their first word.
#[derive(Default)]
pub struct Control {
    heads: [Cell<Addr>; CLASSES.len()],
    /// Bytes handed out, for `describe` and tests.
    pub in_use: Cell<Size>,
    /// Unit tests: how many allocations there have been, of any memory, and
    /// which of them is to fail.
    #[cfg(test)]
    pub trial: Cell<(usize, Option<usize>)>,
}

fn class_of(size: Size) -> Option<usize> {
    CLASSES.iter().position(|&c| size <= c)
}

impl Arena {
    /// A block of at least `size` bytes, aligned to 32 (or a grain if larger
    /// than the classes), contents arbitrary.
    ///
    /// # Errors
    /// As [`Arena::alloc`].
    pub fn control_alloc(&self, size: Size) -> Result<Addr> {
        #[cfg(test)]
        self.trial()?;
        let control = &self.control;
        let Some((c, head, class)) = class_of(size).and_then(|c| {
            Some((c, control.heads.get(c)?, *CLASSES.get(c)?))
        }) else {
            let a = self.alloc(self.control_home(), size, core::ptr::null_mut())?;
            control.in_use.set(control.in_use.get().wrapping_add(size_up(size, self.grain())));
            return Ok(a);
        };
        if head.get().is_null() {
            self.control_refill(c, class)?;
        }
        let a = head.get();
        // SAFETY: a block on a free list: ours, and its first word the link.
        head.set(Addr(unsafe { a.ptr::<usize>().read() }));
        control.in_use.set(control.in_use.get().wrapping_add(class));
        Ok(a)
    }

    fn control_refill(&self, c: usize, class: Size) -> Result {
        let slab = self.grain().max(4096);
        let base = self.alloc(self.control_home(), slab, core::ptr::null_mut())?;
        let Some(head) = self.control.heads.get(c) else { return Ok(()) };
        let mut at = (slab / class).wrapping_mul(class);
        while at >= class {
            at = at.wrapping_sub(class);
            let a = base.add(at);
            // SAFETY: inside the slab just allocated.
            unsafe { a.ptr::<usize>().write(head.get().0) };
            head.set(a);
        }
        Ok(())
    }

    /// Gives back what `control_alloc(size)` gave.
    pub fn control_free(&self, a: Addr, size: Size) {
        let control = &self.control;
        let Some((head, class)) =
            class_of(size).and_then(|c| Some((control.heads.get(c)?, *CLASSES.get(c)?)))
        else {
            let whole = size_up(size, self.grain());
            control.in_use.set(control.in_use.get().wrapping_sub(whole));
            self.free(a, whole);
            return;
        };
        // SAFETY: the caller is done with the block.
        unsafe { a.ptr::<usize>().write(head.get().0) };
        head.set(a);
        control.in_use.set(control.in_use.get().wrapping_sub(class));
    }

    /// What a block of `size` bytes takes.
    #[cfg(test)]
    pub(super) fn control_size(&self, size: Size) -> Size {
        class_of(size).map_or(size_up(size, self.grain()), |c| CLASSES[c])
    }

    /// A structure in control memory.
    ///
    /// # Errors
    /// As [`Arena::alloc`]; the value is dropped.
    pub fn control_new<T>(&self, value: T) -> Result<P<T>> {
        let a = self.control_alloc(size_of::<T>())?;
        let p: *mut T = a.ptr();
        // SAFETY: fresh memory, large enough; classes are multiples of 32 and
        // slabs grain aligned, so it is aligned to 32 at least.
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
