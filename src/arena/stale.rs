//! Stale protection: marks for memory whose protection is not what it should be.
//!
//! There are two kinds of mark. `unsynced` marks a segment, in use, whose protection is to
//! be looked at when the library is left. `stale_prot` marks free grains whose protection
//! was not taken off when they were freed. It is taken off when they are used again.
//!
//! # Invariants
//! - A mark in `unsynced` is at the first grain of a segment, and a region with
//!   such a mark has its bit in its chunk's `dirty_map`.
//! - A mark in `stale_prot` is at a grain that is free and mapped.

use super::Arena;
use super::chunk::{Region, Tract};
use crate::base::addr::{Addr, Range};
use crate::base::bits::{self, Bits};
use crate::base::ptr::P;
use crate::base::res::Result;
use crate::base::sets::AccessSet;
use crate::seam::parts;

impl Arena {
    /// Takes protection off free grains, a run at a time.
    ///
    /// # Errors
    /// The port's, which may be short of what it takes to tell pieces apart.
    pub(super) fn unprotect(&self, r: &P<Region>, set: &Bits) -> Result {
        // Protection is taken off the whole of each run of stale grains, by one call.
        let stale = r.stale_prot.get();
        let mut from = 0;
        while let Some((s, l)) = bits::next_run(&stale, from) {
            from = s + l;
            let whole = bits::run(s, l);
            if bits::is_empty(&bits::and(&whole, set)) {
                continue;
            }
            let base = r.base.add(s << self.grain_shift);
            self.port.protect(base, l << self.grain_shift, AccessSet::EMPTY)?;
            self.calls.protect.set(self.calls.protect.get() + 1);
            r.stale_prot.set(bits::minus(&r.stale_prot.get(), &whole));
        }
        Ok(())
    }

    /// Makes the stale grains `set`, which are free, readable and writable.
    ///
    /// # Errors
    /// The port's, and nothing that was done about it has helped: the grains are
    /// stale, or have no memory any more.
    pub(super) fn open(&self, r: &P<Region>, set: &Bits) -> Result {
        if !parts::BARRIERS {
            return Ok(());
        }
        let off = self.insist(usize::MAX, Some(*r), &mut || self.unprotect(r, set));
        if off.is_ok() || self.is_client() || crate::seam::fault("purge_on_refusal") {
            return off;
        }
        // To unmap memory takes its protection away, too, and joins it to its neighbours.
        self.unmap_set(r, &bits::and(set, &r.stale_prot.get()), usize::MAX);
        self.map_set(r, &bits::minus(set, &r.mapped.get()))
    }

    /// Takes protection off memory that is in use. If the port refuses, spare memory
    /// goes back and it is asked again.
    ///
    /// # Errors
    /// The port's.
    pub(crate) fn expose(&self, range: Range) -> Result {
        self.insist(usize::MAX, None, &mut || {
            self.calls.protect.set(self.calls.protect.get() + 1);
            self.port.protect(range.base, range.size(), AccessSet::EMPTY)
        })
    }

    /// Notes that the segment at `base` needs its protection looked at.
    pub(crate) fn mark_unsynced(&self, base: Addr) {
        if !parts::BARRIERS {
            return;
        }
        if let Some(c) = self.chunk_of(base) {
            let i = c.index_of(base);
            let r = c.region(i);
            let k = base.since(r.base) >> self.grain_shift;
            r.unsynced.set(bits::or(&r.unsynced.get(), &bits::run(k, 1)));
            c.map_bit(c.dirty_map, i, true);
        }
    }

    /// Takes that mark away.
    pub(crate) fn clear_unsynced(&self, base: Addr) {
        if !parts::BARRIERS {
            return;
        }
        if let Some(r) = self.region_of(base) {
            let k = base.since(r.base) >> self.grain_shift;
            r.unsynced.set(bits::minus(&r.unsynced.get(), &bits::run(k, 1)));
        }
    }

    /// Calls `f` with the tract of every unsynced segment, in address order,
    /// and forgets them.
    pub(crate) fn drain_unsynced(&self, mut f: impl FnMut(Tract)) {
        for c in self.chunks.iter() {
            for w in 0..c.map_words {
                let mut word = c.word(c.dirty_map, w).replace(0);
                while word != 0 {
                    let i = c.region_at(w, word.trailing_zeros());
                    word &= word - 1;
                    if i >= c.ninit.get() {
                        // `f` has made the arena give memory back, and with it entries
                        // of regions that nothing is in.
                        continue;
                    }
                    let set = c.region(i).unsynced.replace(bits::NONE);
                    for (wi, word) in set.iter().enumerate() {
                        let mut word = *word;
                        while word != 0 {
                            let k = wi * 64 + word.trailing_zeros() as usize;
                            word &= word - 1;
                            // SAFETY: a tract table has an entry a grain.
                            f(unsafe { *c.tracts(i).add(k) });
                        }
                    }
                }
            }
        }
    }
}
