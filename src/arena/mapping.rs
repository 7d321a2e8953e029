//! Mapping: memory under grains and under the region table, within the commit
//! limit.
//!
//! # Invariants
//! - `committed` is the sum of what is mapped, after each call of the port.
//! - It is never above the limit: before a call that maps, room is made.
//! - What is mapped under grains counts as spare until it is used. (In a client
//!   arena nothing is spare: what is mapped is in use.)

use super::Arena;
use super::chunk::{Chunk, Region};
use crate::base::addr::Size;
use crate::base::bits::{self, Bits};
use crate::base::ptr::P;
use crate::base::res::{Res, Result};

/// At least this much is mapped at a time, if there is memory: 16 pages of 4 KB. An
/// estimate: to clear as many takes several times as long as the system call itself.
pub(super) const LEAST_MAPPED: Size = 64 * 1024;

/// In a large arena a 64th of what is committed is mapped at a time: one system call for
/// each 1.6 % of growth, and at most that much mapped ahead. A guess.
const PART_MAPPED: Size = 64;
/// But no more than this. A port may have to clear what it maps, which a step of a collection
/// then waits for: in the example kernel for ARM64, 1 MB took a million instructions. By so
/// many, a gigabyte takes 4096 system calls, some milliseconds.
const MOST_MAPPED: Size = 256 * 1024;

impl Arena {
    /// How much may be mapped without being over the limit.
    pub(super) fn room(&self) -> Size {
        self.limit.get().saturating_sub(self.committed.get())
    }

    /// Puts memory under the free grains `want` of `r`. All of them are spare
    /// afterwards (in a client arena: committed).
    pub(super) fn map_grains(&self, r: &P<Region>, want: &Bits) -> Result {
        let cold = bits::minus(want, &r.mapped.get());
        if bits::is_empty(&cold) {
            return Ok(());
        }
        let need = bits::count(&cold) << self.grain_shift;
        if self.is_client() {
            if self.room() < need && !crate::seam::fault("commit_limit") {
                return Err(Res::CommitLimit);
            }
            self.committed.set(self.committed.get() + need);
            r.mapped.set(bits::or(&r.mapped.get(), want));
            return Ok(());
        }
        self.map_cold(r, want)
    }

    /// As [`Arena::map_grains`], in a VM arena, if some of `want` is not mapped. By itself,
    /// because it needs much of the stack, which client arenas can do without.
    #[inline(never)]
    fn map_cold(&self, r: &P<Region>, want: &Bits) -> Result {
        let cold = bits::minus(want, &r.mapped.get());
        let need = bits::count(&cold) << self.grain_shift;
        // Free grains round these are mapped with them, so that fewer calls are needed.
        // In a large arena there are more of them, since they will be used soon.
        let wish = (self.committed.get() / PART_MAPPED).clamp(LEAST_MAPPED, MOST_MAPPED);
        let wish = 1usize << (usize::BITS - 1 - wish.leading_zeros());
        let step = (wish >> self.grain_shift).clamp(1, bits::BITS);
        let lo = bits::first(&cold).unwrap_or(0) / step * step;
        let mut hi = lo;
        let mut from = 0;
        while let Some((s, l)) = bits::next_run(&cold, from) {
            hi = s + l;
            from = hi;
        }
        let hi = (hi.div_ceil(step) * step).min(bits::BITS);
        let around = bits::and(&bits::run(lo, hi - lo), &r.free.get());
        let more = bits::minus(&around, &r.mapped.get());
        let extra = bits::count(&more) << self.grain_shift;
        let room = self.room();
        // What is mapped ahead is spare until it is used.
        let ahead = self.spare.get() + (extra - need);
        let set = if room >= extra && ahead <= self.spare_max() {
            more
        } else {
            if room < need && !crate::seam::fault("commit_limit") {
                self.purge(need - room, Some(*r));
                let room = self.room();
                if room < need {
                    // What is spare right here.
                    let idle = bits::and(&r.free.get(), &r.mapped.get());
                    self.unmap_set(r, &bits::minus(&idle, want), need - room);
                }
                if self.room() < need {
                    return Err(Res::CommitLimit);
                }
            }
            cold
        };
        self.map_set(r, &set).or_else(|_| self.map_refused(r, want))
    }

    /// Called when the port has refused to map `want` and the grains round it. Maps just
    /// what is needed; if that is refused too, after spare memory has been given back.
    #[cold]
    #[inline(never)]
    fn map_refused(&self, r: &P<Region>, want: &Bits) -> Result {
        let lacks = || bits::minus(want, &r.mapped.get());
        let need = bits::count(&lacks()) << self.grain_shift;
        self.insist(need, Some(*r), &mut || self.map_set(r, &lacks())).or_else(|e| {
            // What is spare right here.
            let idle = bits::minus(&bits::and(&r.free.get(), &r.mapped.get()), want);
            if self.unmap_set(r, &idle, usize::MAX) == 0 {
                return Err(e);
            }
            self.map_set(r, &lacks())
        })
    }

    /// Calls `request`, which asks something of the port. Whenever that is refused,
    /// spare memory goes back and it is called again: first `bytes`, then all there is,
    /// for what the system is short of may be something else (Linux counts mappings).
    /// Spare memory in region `but` stays. What remains to be done about a refusal is
    /// to collect, which is for the caller of the arena.
    ///
    /// # Errors
    /// The last of `request`'s.
    pub(super) fn insist(
        &self,
        bytes: Size,
        but: Option<P<Region>>,
        request: &mut dyn FnMut() -> Result,
    ) -> Result {
        let mut got = request();
        for want in [bytes, usize::MAX] {
            if got.is_ok() || crate::seam::fault("purge_on_refusal") {
                break;
            }
            let before = self.committed.get();
            self.purge(want, but);
            if self.committed.get() == before {
                break;
            }
            got = request();
        }
        got
    }

    pub(super) fn map_set(&self, r: &P<Region>, set: &Bits) -> Result {
        let mut from = 0;
        while let Some((s, l)) = bits::next_run(set, from) {
            from = s + l;
            let bytes = l << self.grain_shift;
            self.port.map(r.base.add(s << self.grain_shift), bytes)?;
            self.calls.map.set(self.calls.map.get() + 1);
            r.mapped.set(bits::or(&r.mapped.get(), &bits::run(s, l)));
            self.committed.set(self.committed.get() + bytes);
            self.spare.set(self.spare.get() + bytes);
        }
        Ok(())
    }

    pub(super) fn unmap_set(&self, r: &P<Region>, set: &Bits, most: Size) -> Size {
        let mut done = 0usize;
        let mut from = 0;
        while let Some((s, l)) = bits::next_run(set, from) {
            if done >= most {
                break;
            }
            from = s + l;
            let bytes = l << self.grain_shift;
            self.port.unmap(r.base.add(s << self.grain_shift), bytes);
            self.calls.unmap.set(self.calls.unmap.get() + 1);
            let gone = bits::run(s, l);
            r.mapped.set(bits::minus(&r.mapped.get(), &gone));
            r.stale_prot.set(bits::minus(&r.stale_prot.get(), &gone));
            self.committed.set(self.committed.get() - bytes);
            self.spare.set(self.spare.get() - bytes);
            done += bytes;
        }
        done
    }

    /// Region `i`, after its table entry has been filled in.
    pub(super) fn region_ready(&self, c: P<Chunk>, i: usize) -> Result<P<Region>> {
        if i >= c.ninit.get() {
            let upto = c.entry_limit(i).up(self.grain()).min(c.range.base);
            let lacks = || upto.0.saturating_sub(c.table_mapped.get().0);
            let fits = |bytes| self.room() >= bytes;
            if !fits(lacks()) {
                // To give memory back may make the table shorter.
                self.purge(lacks(), None);
                if !fits(lacks()) {
                    return Err(Res::CommitLimit);
                }
            }
            // Asked for again, it may lack more: giving back makes the table shorter.
            self.insist(lacks(), None, &mut || {
                let (have, bytes) = (c.table_mapped.get(), lacks());
                if bytes != 0 {
                    self.port.map(have, bytes)?;
                    self.calls.map.set(self.calls.map.get() + 1);
                    self.committed.set(self.committed.get() + bytes);
                    c.table_mapped.set(upto);
                }
                Ok(())
            })?;
            Chunk::init_regions(c, i);
        }
        Ok(c.region(i))
    }

    /// Gives back the memory of the last entries of a region table, as far as these are
    /// regions that nobody has and that have no memory. Cost: a step for each entry that
    /// goes, so no more than filling them in.
    pub(super) fn trim_table(&self, c: P<Chunk>, but: Option<P<Region>>) {
        let mut n = c.ninit.get();
        while let Some(last) = n.checked_sub(1) {
            let r = c.region(last);
            if Some(r) == but || r.home.get().is_some() || !bits::is_empty(&r.mapped.get()) {
                break;
            }
            // Segments in this region that were unsynced have been destroyed.
            c.map_bit(c.dirty_map, last, false);
            n = last;
            c.ninit.set(n);
        }
        // The memory that the table had at first stays.
        let upto = c.entry_limit(n.saturating_sub(1)).up(self.grain()).min(c.range.base);
        let have = c.table_mapped.get();
        if upto < have {
            self.port.unmap(upto, have.since(upto));
            self.calls.unmap.set(self.calls.unmap.get() + 1);
            self.committed.set(self.committed.get().wrapping_sub(have.since(upto)));
            c.table_mapped.set(upto);
        }
    }
}
