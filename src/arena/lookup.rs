//! Look-up: from an address to its chunk, region and tract, and walks over all
//! tracts.
//!
//! Tracts are found in the directory (`directory.rs`), in three loads. The first chunk is
//! found by one subtraction and one comparison, the others by a hash table of
//! granules. A granule is a stretch of addresses with as many regions as a word has bits.
//! Tracts are found through it, too, where the directory does not reach.
//!
//! # Invariants
//! - The table has an entry for each granule that a chunk but the first reaches
//!   into, and at most half of its places are taken: every search ends.
//! - The table stands in control memory, or in the header of the newest chunk
//!   (`table_in`), which may have been added because there was no other room.
//! - Nothing here changes memory, and nothing but [`Arena::table_fill`] changes
//!   the table.

use super::Arena;
use super::chunk::{Chunk, EMPTY_TRACTS, Region, Tract};
use crate::base::addr::{Addr, Range, Size, WORD_BITS};
use crate::base::bits;
use crate::base::ptr::P;

/// How far a walk over all tracts has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Walk {
    /// Nowhere yet.
    #[default]
    Start,
    /// To this address in this chunk. Chunks are returned only between traces.
    At(P<Chunk>, Addr),
    /// To the end.
    End,
}

/// An entry of the chunk table: a granule of address space (as many regions as
/// a word has bits), and a chunk that reaches into it.
pub(super) type TableEntry = (usize, Option<P<Chunk>>);

impl Arena {
    /// The chunk that `a` lies in.
    #[inline]
    pub fn chunk_of(&self, a: Addr) -> Option<P<Chunk>> {
        if a.since(self.primary_origin.get()) < self.primary_span.get() {
            let c = self.primary.get()?;
            if self.is_client() && !c.reserved.contains(a) {
                return self.chunk_elsewhere(a);
            }
            return Some(c);
        }
        self.chunk_elsewhere(a)
    }

    fn granule(&self, a: Addr) -> usize {
        (a.0 >> self.region_shift) / WORD_BITS as usize
    }

    fn chunk_elsewhere(&self, a: Addr) -> Option<P<Chunk>> {
        let len = self.table_len.get();
        if len == 0 {
            return None;
        }
        let key = self.granule(a);
        let mut i = hash(key) & (len - 1);
        loop {
            // SAFETY: the table has `len` entries; `i` is masked.
            let (k, c) = unsafe { *self.table.get().add(i) };
            let c = c?;
            // Given memory may begin before the first region, and end after
            // the last.
            if k == key && c.range.contains(a) {
                return Some(c);
            }
            i = (i + 1) & (len - 1);
        }
    }

    /// The keys of the table's entries for a chunk over `r`.
    pub(super) fn keys(&self, r: Range) -> core::ops::RangeInclusive<usize> {
        self.granule(r.base)..=self.granule(r.limit.sub(1))
    }

    /// The table's length if `more` entries are added to those of all chunks
    /// but `without`.
    pub(super) fn table_need(&self, more: usize, without: Option<P<Chunk>>) -> usize {
        let primary = self.primary.get();
        let have: usize = self
            .chunks
            .iter()
            .filter(|&c| Some(c) != primary && Some(c) != without)
            .map(|c| self.keys(c.reserved).count())
            .sum();
        ((have + more) * 2).max(16).next_power_of_two()
    }

    /// Bytes to ask for in the header of a new chunk of about `size` bytes, so
    /// that the table for all chunks finds room there: an arena may be extended
    /// just because it has no room left.
    pub(super) fn table_extra(&self, size: Size) -> Size {
        let granules = (size >> self.region_shift) / WORD_BITS as usize + 3;
        self.table_need(granules, None) * size_of::<TableEntry>()
    }

    /// Writes the table for all chunks, with `extra` and without `without`, to `table`, which
    /// may be the place where it is.
    pub(super) fn table_fill(
        &self,
        table: *mut TableEntry,
        len: usize,
        extra: Option<P<Chunk>>,
        without: Option<P<Chunk>>,
    ) {
        let primary = self.primary.get();
        for i in 0..len {
            // SAFETY: the table has `len` entries.
            unsafe { table.add(i).write((0, None)) };
        }
        let every =
            self.chunks.iter().filter(|&c| Some(c) != primary && Some(c) != without).chain(extra);
        for c in every {
            for key in self.keys(c.reserved) {
                let mut i = hash(key) & (len - 1);
                // SAFETY: masked; and at most half of the entries are taken.
                while unsafe { (*table.add(i)).1.is_some() } {
                    i = (i + 1) & (len - 1);
                }
                // SAFETY: as above.
                unsafe { table.add(i).write((key, Some(c))) };
            }
        }
        if core::ptr::eq(table, self.table.get()) {
            return;
        }
        // Freeing the old one looks chunks up: in the new one.
        let old = self.table.replace(table);
        let bytes = self.table_len.replace(len) * size_of::<TableEntry>();
        if self.table_in.replace(extra).is_none() && bytes != 0 {
            // SAFETY: nobody uses it any more.
            unsafe { self.control_free(Addr::of(old), bytes) };
        }
    }

    /// Who has the grain of `a`; null if nobody, or if it is not ours.
    #[inline(always)]
    pub fn tract_of(&self, a: Addr) -> Tract {
        match self.tract_in_directory(a) {
            // Given memory need not begin or end with a region. So what is not here may be in
            // another chunk that has a part of the same region.
            Some(t) if !self.is_client() || !t.is_null() => t,
            _ => self.tract_elsewhere(a),
        }
    }

    #[cold]
    #[inline(never)]
    fn tract_elsewhere(&self, a: Addr) -> Tract {
        match self.chunk_elsewhere(a) {
            Some(c) => c.tract_at(a),
            None => core::ptr::null_mut(),
        }
    }

    /// The region of `a`, if it has been in use.
    pub fn region_of(&self, a: Addr) -> Option<P<Region>> {
        let c = self.chunk_of(a)?;
        let i = c.index_of(a);
        if i < c.ninit.get() { Some(c.region(i)) } else { None }
    }

    /// Is `a` in memory that the arena is using?
    pub fn has_addr(&self, a: Addr) -> bool {
        self.region_of(a).is_some_and(|r| {
            let i = a.since(r.base) >> self.grain_shift;
            bits::get(&r.valid, i) && !bits::get(&r.free.get(), i)
        })
    }

    /// Is `a` in memory of the arena's that is not in use?
    pub fn is_free(&self, a: Addr) -> bool {
        self.region_of(a).is_some_and(|r| {
            let i = a.since(r.base) >> self.grain_shift;
            bits::get(&r.valid, i) && bits::get(&r.free.get(), i)
        })
    }

    /// The chunks.
    pub fn chunks(&self) -> impl Iterator<Item = P<Chunk>> {
        self.chunks.iter()
    }

    /// The first grain from the cursor on that has a tract: its address, and the tract. A
    /// walk goes through all segments in this way, chunk by chunk, a few at a time. It
    /// does not see what comes in behind the cursor meanwhile.
    pub fn next_tract(&self, from: Walk) -> Option<(Addr, Tract)> {
        let (mut at, mut start) = match from {
            Walk::Start => (self.chunks.first(), Addr::NULL),
            Walk::At(c, a) => (Some(c), a),
            Walk::End => return None,
        };
        while let Some(c) = at {
            let mut a = start.max(c.range.base);
            let end = c.range.limit;
            while a < end {
                let i = c.index_of(a);
                let region_end = c.origin.add((i + 1) << self.region_shift).min(end);
                if core::ptr::eq(c.tracts(i), EMPTY_TRACTS.table()) {
                    a = region_end;
                    continue;
                }
                while a < region_end {
                    let t = c.tract_at(a);
                    if !t.is_null() {
                        return Some((a, t));
                    }
                    a = a.add(self.grain());
                }
            }
            at = self.chunks.after(c);
            start = Addr::NULL;
        }
        None
    }
}

fn hash(key: usize) -> usize {
    let h = key.wrapping_mul(0x9E37_79B9_7F4A_7C15u64 as usize);
    h ^ (h >> (usize::BITS / 2))
}
