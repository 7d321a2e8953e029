//! Spare memory: what is mapped and free, how much of it is kept, and giving it
//! back.
//!
//! # Invariants
//! - After each call of the arena that frees memory, at most the fraction
//!   `spare_fraction` of what is committed is spare.
//! - A client arena has no spare memory.

use super::Arena;
use super::chunk::Region;
use super::mapping::LEAST_MAPPED;
use crate::base::addr::Size;
use crate::base::bits;
use crate::base::ptr::P;
use crate::base::res::{Res, Result};

impl Arena {
    pub(super) fn spare_max(&self) -> Size {
        // A float to integer cast saturates.
        (self.spare_fraction.get() * self.committed.get() as f64) as Size
    }

    /// Unmaps spare memory if there is too much of it.
    pub(crate) fn trim(&self) {
        if self.is_client() {
            return;
        }
        let max = self.spare_max();
        let spare = self.spare.get();
        if spare > max {
            // Unmapping x takes x off both sides: x * (1 - f) = spare - max.
            // Somewhat more is unmapped, so that this is not due again at once.
            let f = self.spare_fraction.get();
            let over = (spare - max) as f64;
            let x = if f >= 1.0 { 0.0 } else { over / (1.0 - f) };
            let x = (x as Size + LEAST_MAPPED).min(spare);
            self.purge(x, None);
        }
    }

    /// Unmaps at least `want` bytes of spare memory, or all if there is less, but none in
    /// region `but`. Entirely free regions come first.
    pub(crate) fn purge(&self, want: Size, but: Option<P<Region>>) {
        if self.is_client() {
            return;
        }
        let mut left = want;
        for free_ones in [true, false] {
            let mut at = self.chunks.last();
            while let Some(c) = at {
                at = c.previous();
                for i in (0..c.ninit.get()).rev() {
                    if left == 0 {
                        break;
                    }
                    let r = c.region(i);
                    if Some(r) == but || r.is_free() != free_ones {
                        continue;
                    }
                    let set = bits::and(&r.free.get(), &r.mapped.get());
                    let done = self.unmap_set(&r, &set, left);
                    left = left.saturating_sub(done);
                    if r.home.get().is_none() {
                        c.map_bit(c.warm_map, i, !bits::is_empty(&r.mapped.get()));
                    }
                }
                if free_ones {
                    self.trim_table(c, but);
                }
            }
        }
    }

    /// Sets the commit limit, giving spare memory back if that helps.
    ///
    /// # Errors
    /// `Fail`: more than that is in use; nothing changed.
    pub fn set_limit(&self, limit: Size) -> Result {
        let committed = self.committed.get();
        if committed > limit {
            let over = committed - limit;
            if self.spare.get() < over {
                return Err(Res::Fail);
            }
            self.purge(over, None);
        }
        self.limit.set(limit);
        Ok(())
    }
}
