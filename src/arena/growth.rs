//! Growth: taking address space in, chunk by chunk, and returning it.
//!
//! # Invariants
//! - `reserved` is the sum of what the chunks take.
//! - A chunk is in the list exactly while look-up finds it.
//! - The first chunk stays until the arena is finished: the arena's own
//!   structure stands in it.

use super::chunk::{Chunk, Layout, Region};
use super::lookup::TableEntry;
use super::mapping::LEAST_MAPPED;
use super::{Arena, Params};
use crate::base::addr::{Addr, Range, Size, size_up_checked};
use crate::base::bits;
use crate::base::ptr::P;
use crate::base::res::{Res, Result};
use crate::seam::port::Port;

/// The chunk, where the caller's room in it is, and the bytes its header maps.
pub(super) type NewChunk = (P<Chunk>, Addr, Size);

pub(super) fn client_chunk(
    given: Range,
    extra: Size,
    room: Size,
    region_shift: u32,
    grain_shift: u32,
) -> Result<NewChunk> {
    let grain = (1usize << grain_shift).max(64);
    if given.limit < given.base {
        return Err(Res::Memory);
    }
    let all = Range::new(given.base.up(grain), given.limit.down(1 << grain_shift));
    if all.base < given.base || all.is_empty() {
        return Err(Res::Memory);
    }
    let l = Layout::new(all, extra, region_shift, grain_shift).ok_or(Res::Memory)?;
    let header = l.limit.since(all.base);
    if header > room {
        return Err(Res::CommitLimit);
    }
    // SAFETY: the client gave us this memory; all of it is accessible.
    let c = unsafe { l.build(given, l.limit, region_shift, grain_shift) };
    Chunk::init_regions(c, c.nregions - 1);
    Ok((c, l.extra, header))
}

pub(super) fn vm_chunk(
    port: &'static dyn Port,
    size: Size,
    extra: Size,
    room: Size,
    region_shift: u32,
    grain_shift: u32,
) -> Result<NewChunk> {
    let region = 1usize << region_shift;
    let grain = 1usize << grain_shift;
    // Room for the header comes on top of what is asked, and at least one
    // region is left for use. For each region there are: its entry, its place in
    // the directory, its bits in three maps.
    let per_region = size_of::<Region>() + 4 * size_of::<usize>();
    let header = ((size >> region_shift) + 3)
        .checked_mul(per_region)
        .and_then(|n| n.checked_add(extra + size_of::<Chunk>() + 8192))
        .ok_or(Res::Resource)?;
    let size = size.max(region).checked_add(header).ok_or(Res::Resource)?;
    let size = size_up_checked(size, region).ok_or(Res::Resource)?;
    let base = port.reserve(size, region)?;
    let all = Range::sized(base, size);
    let refuse = |e: Res| -> Res {
        port.release(base, size);
        e
    };
    let Some(l) = Layout::new(all, extra, region_shift, grain_shift) else {
        return Err(refuse(Res::Memory));
    };
    // The region table is mapped as it fills; one grain of it to begin with.
    let first = l.table.add(size_of::<Region>()).up(grain).min(l.limit);
    let mapped = first.since(base);
    if mapped > room {
        return Err(refuse(Res::CommitLimit));
    }
    if let Err(e) = port.map(base, mapped) {
        return Err(refuse(e));
    }
    // SAFETY: reserved for us, and mapped past the region table's start.
    let c = unsafe { l.build(all, first, region_shift, grain_shift) };
    Ok((c, l.extra, mapped))
}

/// The shift of a zone stripe, and so of a region, if there is room enough: 1 MB. With
/// grains of 4 KB its bits fill four words and its table of tracts is 2 KB. Larger regions
/// would be too coarse for generations of a few megabytes. Not compared with others.
const STRIPE_SHIFT: u32 = 20;
/// A region in given memory is at most a 16th of that (as a shift). With 8 to 16 regions
/// generations can be told apart by their zones. Each region costs 240 bytes. A guess.
const GIVEN_PARTS_SHIFT: u32 = 4;
/// A region in given memory has at least this many grains (as a shift), so that what is kept
/// about it is a small part of it. A guess.
const LEAST_GRAINS_SHIFT: u32 = 3;

/// The shifts of a grain and of a region.
pub(super) fn shifts(p: &Params) -> (u32, u32) {
    let grain_shift = p.grain.trailing_zeros();
    // A region's grains have a bit each.
    let most = grain_shift + bits::BITS.trailing_zeros();
    let usual = STRIPE_SHIFT.max(grain_shift);
    let region_shift = if p.base.is_some() {
        let size_shift = usize::BITS - p.size.max(1).leading_zeros();
        let parts = size_shift.saturating_sub(GIVEN_PARTS_SHIFT);
        parts.max(grain_shift + LEAST_GRAINS_SHIFT).min(usual)
    } else {
        usual
    };
    (grain_shift, region_shift.min(most))
}

impl Arena {
    pub(super) fn adopt(&self, c: P<Chunk>) {
        use core::sync::atomic::Ordering::Relaxed;
        self.chunks.push_back(c);
        self.reserved.set(self.reserved.get() + c.reserved.size());
        self.lowest.fetch_min(c.reserved.base.0, Relaxed);
        self.highest.fetch_max(c.reserved.limit.0, Relaxed);
        if let Some(f) = self.extended.get() {
            // SAFETY: the client's callback, called as its type says.
            unsafe { f(self.handle.get(), c.reserved.base, c.reserved.size()) };
        }
    }

    /// Gives a chunk's memory back. Of a client arena, that is to take protection off.
    pub(super) fn surrender(&self, c: P<Chunk>) {
        let r = c.reserved;
        if !self.is_client() {
            self.port.release(r.base, r.size());
            return;
        }
        if !self.can_protect() {
            return;
        }
        for i in 0..c.ninit.get() {
            let region = c.region(i);
            let stale = region.stale_prot.get();
            let done = self.unprotect(&region, &stale);
            crate::aver!(done.is_ok(), "the port can take protection off again");
        }
    }

    /// Takes more address space, enough for `size` bytes in one piece.
    ///
    /// # Errors
    /// `Resource`: there is none, or it is a client arena.
    pub(crate) fn extend(&self, size: Size) -> Result {
        if self.is_client() {
            return Err(Res::Resource);
        }
        let region = 1usize << self.region_shift;
        let need = size.checked_add(region).ok_or(Res::Resource)?;
        // A chunk is at least a quarter of all others together, so that there are few.
        let wish = need.max(self.growth.get()).max(self.reserved.get() / 4);
        let mut try_size = wish;
        loop {
            let room = self.room();
            let extra = self.table_extra(try_size);
            match vm_chunk(self.port, try_size, extra, room, self.region_shift, self.grain_shift) {
                Ok(new) => return self.take_in_chunk(new),
                Err(Res::CommitLimit) => {
                    let spare = self.spare.get();
                    self.purge(LEAST_MAPPED, None);
                    if self.spare.get() == spare {
                        return Err(Res::CommitLimit);
                    }
                }
                // No memory for the header: less of the spare, and again.
                Err(Res::Memory) if self.spare.get() != 0 => self.purge(usize::MAX, None),
                Err(_) if try_size > need => {
                    try_size = (try_size / 2).max(need);
                }
                Err(e) => return Err(e),
            }
        }
    }

    fn take_in_chunk(&self, (c, table, header): NewChunk) -> Result {
        self.committed.set(self.committed.get() + header);
        let len = self.table_need(self.keys(c.reserved).count(), None);
        self.table_fill(table.ptr(), len, Some(c), None);
        self.adopt(c);
        self.directory_fit();
        Ok(())
    }

    /// Adds memory to a client arena.
    ///
    /// # Errors
    /// `Memory`: too small. `CommitLimit`: its header would be over the limit.
    pub fn extend_client(&self, base: Addr, size: Size) -> Result {
        let room = self.room();
        let given = Range::sized(base, size);
        let extra = self.table_extra(size);
        // SAFETY: the client gives this memory to the arena.
        let rest = unsafe { self.port.adopt(given) };
        let new = client_chunk(rest, extra, room, self.region_shift, self.grain_shift)
            .inspect_err(|_| self.port.disown(given))?;
        self.take_in_chunk(new)
    }

    /// Returns chunks that nothing is in, but for the first. Not while a walk over
    /// tracts goes on. True: there were some.
    pub(crate) fn shrink(&self) -> bool {
        if self.is_client() {
            return false;
        }
        let before = self.chunks.len();
        for c in self.chunks.iter() {
            if Some(c) == self.primary.get() || c.in_use.get() != 0 {
                continue;
            }
            let len = self.table_need(0, Some(c));
            let bytes = len * size_of::<TableEntry>();
            match self.control_alloc(bytes) {
                Ok(table) if c.in_use.get() != 0 => {
                    // That very memory came from it.
                    // SAFETY: nobody uses it any more.
                    unsafe { self.control_free(table, bytes) };
                    continue;
                }
                Ok(table) => self.table_fill(table.ptr(), len, None, Some(c)),
                // Where it is, unless it goes with the chunk.
                Err(_) if self.table_in.get() == Some(c) => continue,
                Err(_) => {
                    self.table_fill(self.table.get(), self.table_len.get(), None, Some(c));
                }
            }
            let mut mapped = 0usize;
            for i in 0..c.ninit.get() {
                mapped += bits::count(&c.region(i).mapped.get());
            }
            let bytes = mapped << self.grain_shift;
            let header = c.table_mapped.get().since(c.reserved.base);
            self.spare.set(self.spare.get() - bytes);
            self.committed.set(self.committed.get() - (bytes + header));
            self.reserved.set(self.reserved.get() - c.reserved.size());
            if let Some(f) = self.contracted.get() {
                // SAFETY: the client's callback, called as its type says.
                unsafe { f(self.handle.get(), c.reserved.base, c.reserved.size()) };
            }
            self.chunks.remove(c);
            self.port.release(c.reserved.base, c.reserved.size());
        }
        let gone = self.chunks.len() < before;
        if gone {
            self.directory_fit();
        }
        self.trim();
        gone
    }
}
