//! The directory: from an address to the tract table of its region, for all chunks at once.
//!
//! It is one array over the stretch of addresses from the lowest chunk to the highest, so
//! that a look-up costs the same however many chunks there are: it is what each reference
//! that the collector follows pays. An arena of one chunk has none of its own, but uses the
//! array in that chunk's header. With a second chunk it gets one, in memory of its own. If
//! there is no memory for it, or the chunks are too far apart, look-up goes through the
//! chunks (`lookup.rs`).
//!
//! # Invariants
//! - Each chunk's `dir` is its part of the array, or the array in its header if it was not
//!   in reach. There is one place for each entry, and `Chunk::set_tracts` writes it.
//! - All other entries are the empty tract table.
//! - Client arenas have none. Two chunks of theirs may share a region.

use super::Arena;
use super::chunk::{Chunk, EMPTY_TRACTS, Tract};
use crate::base::addr::{Addr, Range, Size, size_up_checked};
use crate::base::ptr::P;
use core::cell::Cell;

/// The array may take a 1024th of the address space that the chunks take, or a grain. An
/// entry is eight bytes for a region of 1 MB. So there may be 128 times as much between
/// chunks as in them. A guess: systems place them side by side, with a few libraries between.
const PART_OF_RESERVED: Size = 1024;

/// Where it is, and what it covers.
#[derive(Default)]
pub(super) struct Directory {
    /// Where its first region begins.
    origin: Cell<Addr>,
    /// How many bytes its regions have.
    span: Cell<Size>,
    /// The entry of the first region.
    entries: Cell<Entries>,
    /// Does it cover all chunks? Then nothing is to be found elsewhere.
    is_whole: Cell<bool>,
    /// Its own memory; empty while it is that of the first chunk.
    memory: Cell<Range>,
}

impl Directory {
    /// Bytes of its own memory.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> Size {
        self.memory.get().size()
    }
}

/// An array of tract tables.
#[derive(Clone, Copy)]
struct Entries(*mut *mut Tract);

impl Default for Entries {
    fn default() -> Entries {
        Entries(core::ptr::null_mut())
    }
}

impl Arena {
    /// The tract of the grain of `a`, null if nobody has it; `None`: the directory does not
    /// reach as far.
    #[inline(always)]
    pub(super) fn tract_in_directory(&self, a: Addr) -> Option<Tract> {
        let off = a.since(self.directory.origin.get());
        if off >= self.directory.span.get() {
            return self.directory.is_whole.get().then_some(core::ptr::null_mut());
        }
        let at = off >> self.region_shift;
        let mask = (1usize << (self.region_shift - self.grain_shift)) - 1;
        // SAFETY: there is an entry for each region in the span, and a tract table has one
        // for each grain of a region.
        unsafe {
            let table = *self.directory.entries.get().0.add(at);
            Some(*table.add((off >> self.grain_shift) & mask))
        }
    }

    /// The directory is that of the first chunk.
    pub(super) fn directory_of_first(&self, c: P<Chunk>) {
        let d = &self.directory;
        d.origin.set(c.origin);
        d.span.set(c.span);
        d.entries.set(Entries(c.own_dir));
        d.is_whole.set(!self.is_client() && self.chunks.len() <= 1);
    }

    /// Makes the directory cover all chunks, of which there are others than before. If that
    /// can't be, it covers what it did. Nothing fails.
    pub(super) fn directory_fit(&self) {
        if self.is_client() {
            return;
        }
        if self.chunks.len() == 1 || !self.directory_over_all() {
            self.directory_keep();
        }
    }

    /// The stretch of the regions of a chunk.
    fn stretch(c: P<Chunk>) -> Range {
        Range::sized(c.origin, c.span)
    }

    /// Makes a new array for all chunks. False: there is no memory for it.
    fn directory_over_all(&self) -> bool {
        let mut hull = Range::new(Addr(usize::MAX), Addr::NULL);
        for r in self.chunks.iter().map(Arena::stretch) {
            hull = Range::new(hull.base.min(r.base), hull.limit.max(r.limit));
        }
        let entries = hull.size() >> self.region_shift;
        let grain = self.grain();
        let bytes = entries.saturating_mul(size_of::<*mut Tract>());
        let most = grain.max(self.reserved.get() / PART_OF_RESERVED).min(self.room());
        let Some(bytes) = size_up_checked(bytes, grain).filter(|b| *b <= most) else {
            return false;
        };
        let Ok(base) = self.port.reserve(bytes, grain) else { return false };
        if self.port.map(base, bytes).is_err() {
            self.port.release(base, bytes);
            return false;
        }
        self.committed.set(self.committed.get() + bytes);
        let first: *mut *mut Tract = base.ptr();
        for i in 0..entries {
            // SAFETY: there is room for so many, and it is ours alone.
            unsafe { first.add(i).write(EMPTY_TRACTS.table()) };
        }
        let d = &self.directory;
        d.origin.set(hull.base);
        d.span.set(hull.size());
        d.entries.set(Entries(first));
        d.is_whole.set(true);
        self.move_in();
        self.give_back(d.memory.replace(Range::sized(base, bytes)));
        true
    }

    /// The array stays, and chunks inside it have their entries there. If one reaches
    /// beyond it, or there is only the first, it goes.
    fn directory_keep(&self) {
        let d = &self.directory;
        d.is_whole.set(false);
        let covered = Range::sized(d.origin.get(), d.span.get());
        let half_in = |r: Range| {
            r.base < covered.limit
                && covered.base < r.limit
                && !(covered.base <= r.base && r.limit <= covered.limit)
        };
        if self.chunks.len() == 1 || self.chunks.iter().map(Arena::stretch).any(half_in) {
            self.directory_finish();
        } else if !d.memory.get().is_empty() {
            self.move_in();
        }
    }

    /// Moves the entries of all chunks inside the directory there.
    fn move_in(&self) {
        let d = &self.directory;
        for c in self.chunks.iter() {
            let off = c.origin.since(d.origin.get());
            if off < d.span.get() {
                // SAFETY: the chunk is in the span.
                let to = unsafe { d.entries.get().0.add(off >> self.region_shift) };
                self.move_entries(c, to);
            }
        }
    }

    /// Gives the directory's own memory back. Each chunk has its entries in its header again.
    pub(super) fn directory_finish(&self) {
        let Some(first) = self.primary.get() else { return };
        self.chunks.iter().for_each(|c| self.move_entries(c, c.own_dir));
        self.directory_of_first(first);
        self.give_back(self.directory.memory.take());
    }

    fn give_back(&self, memory: Range) {
        if !memory.is_empty() {
            self.committed.set(self.committed.get() - memory.size());
            self.port.release(memory.base, memory.size());
        }
    }

    /// Moves a chunk's entries to another place.
    fn move_entries(&self, c: P<Chunk>, to: *mut *mut Tract) {
        let from = c.dir.replace(to);
        if !core::ptr::eq(from, to) {
            // SAFETY: both have an entry for each region of the chunk, and are different
            // arrays.
            unsafe { core::ptr::copy_nonoverlapping(from, to, c.nregions) };
        }
    }
}
