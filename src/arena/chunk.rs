//! Chunks: stretches of address space that an arena manages. A chunk is cut into regions, and
//! a region into grains.
//!
//! A region is one zone stripe: `1 << region_shift` bytes, at a multiple of that. It belongs
//! to at most one [`Home`] at a time, so that memory of one home is in few zones. Which
//! grains of a region are free, mapped or stale is a few words of bits each. To find a run
//! of grains takes a few shifts.
//!
//! The header of a chunk (this structure, the directory, the region table)
//! stands in its own first grains. The region table of a VM chunk is mapped and
//! filled in from the front as regions come into use (`ninit`).

use super::Home;
use crate::base::addr::{Addr, Range, Size, WORD_BITS};
use crate::base::bits::{self, Bits};
use crate::base::list::{Link, Linked};
use crate::base::ptr::{P, Slot};
use core::cell::Cell;

/// Who has a grain: the word that the object layer hangs on it, null if nobody.
pub type Tract = *mut ();

/// The tract table of every region that has none of its own. Never written.
pub struct EmptyTracts([Tract; bits::BITS]);
// SAFETY: only ever read.
unsafe impl Sync for EmptyTracts {}
/// The one tract table of that kind.
pub static EMPTY_TRACTS: EmptyTracts = EmptyTracts([core::ptr::null_mut(); bits::BITS]);

impl EmptyTracts {
    /// As a table.
    #[inline]
    pub fn table(&'static self) -> *mut Tract {
        self.0.as_ptr().cast_mut()
    }
}

/// One zone stripe of a chunk.
pub struct Region {
    link: Link<Region>,
    /// The chunk it is part of.
    pub chunk: P<Chunk>,
    /// Its first address; a multiple of its size, perhaps below the chunk.
    pub base: Addr,
    /// The grains that the chunk has here: it may begin or end inside the region.
    pub valid: Bits,
    /// The grains not in use.
    pub free: Cell<Bits>,
    /// The grains with memory under them.
    pub mapped: Cell<Bits>,
    /// The free grains whose protection was never taken off.
    pub stale_prot: Cell<Bits>,
    /// The first grains of segments whose protection is to be looked at.
    pub unsynced: Cell<Bits>,
    /// No run of free grains is longer than this. The longest may be shorter.
    pub longest: Cell<usize>,
    /// The home that it belongs to; `None` if all of it is free.
    pub home: Slot<Home>,
}

impl Linked<0> for Region {
    fn link(&self) -> &Link<Region> {
        &self.link
    }
}

impl Region {
    /// Is all of it free?
    #[inline]
    pub fn is_free(&self) -> bool {
        self.free.get() == self.valid
    }

    /// Is it in its home's list?
    pub(super) fn is_listed(&self) -> bool {
        self.link.is_linked()
    }
}

/// A stretch of address space.
pub struct Chunk {
    link: Link<Chunk>,
    /// What was reserved, or handed over by the client.
    pub reserved: Range,
    /// The grains that can be given out.
    pub range: Range,
    /// Where region 0 begins.
    pub origin: Addr,
    /// How many bytes all regions have.
    pub span: Size,
    /// Tract tables by region: `own_dir`, or this chunk's part of the arena's directory
    /// ([`super::directory`]).
    pub(super) dir: Cell<*mut *mut Tract>,
    /// The place for them in the header.
    pub(super) own_dir: *mut *mut Tract,
    /// The region table.
    regions: *mut Region,
    /// How many there are.
    pub nregions: usize,
    /// How many of them have been filled in.
    pub ninit: Cell<usize>,
    /// Up to where the region table is mapped.
    pub table_mapped: Cell<Addr>,
    /// The regions that nobody has. Region `i` is bit `n % WORD_BITS` of word `n / WORD_BITS`,
    /// where `n` is `i` plus the number of stripes from the multiple of `WORD_BITS` stripes
    /// at or below `origin` up to that. So a bit's place in its word is its zone.
    pub free_map: *mut Cell<usize>,
    /// Those of them that have memory under some of their grains.
    pub warm_map: *mut Cell<usize>,
    /// Words in each map.
    pub map_words: usize,
    /// Regions in use.
    pub in_use: Cell<usize>,
    /// The regions with unsynced segments; same places.
    pub dirty_map: *mut Cell<usize>,
    /// The shift of a region.
    pub region_shift: u32,
    /// The shift of a grain.
    pub grain_shift: u32,
}

impl Linked<0> for Chunk {
    fn link(&self) -> &Link<Chunk> {
        &self.link
    }
}

/// Where the parts of a chunk's header go.
#[derive(Clone, Copy)]
pub struct Layout {
    /// The grains of the chunk, header included.
    pub all: Range,
    /// Room for the caller's own, after the chunk structure.
    pub extra: Addr,
    dir: Addr,
    maps: Addr,
    /// Start of the region table.
    pub table: Addr,
    /// End of the header: grain aligned.
    pub limit: Addr,
    origin: Addr,
    nregions: usize,
    map_words: usize,
}

impl Layout {
    /// Works out the header of a chunk over `all` (grain aligned), or `None`
    /// if there would be less than a grain left for use.
    pub fn new(all: Range, extra: Size, region_shift: u32, grain_shift: u32) -> Option<Layout> {
        let grain = 1usize << grain_shift;
        let region = 1usize << region_shift;
        let origin = all.base.down(region);
        let nregions = all.limit.since(origin).checked_add(region - 1)? >> region_shift;
        let first = (origin.0 >> region_shift) & (WORD_BITS as usize - 1);
        let map_words = (first + nregions).div_ceil(WORD_BITS as usize);
        let room = all.size();
        let mut at = 0usize;
        let mut place = |size: usize, align: usize| -> Option<Addr> {
            let here = crate::base::addr::size_up_checked(at, align)?;
            at = here.checked_add(size)?;
            if at > room { None } else { Some(all.base.add(here)) }
        };
        place(size_of::<Chunk>(), 64)?;
        let extra = place(extra, 64)?;
        let dir = place(nregions.checked_mul(size_of::<usize>())?, 64)?;
        let maps = place(map_words.checked_mul(3 * size_of::<usize>())?, 64)?;
        let table = place(0, grain.min(4096).max(64))?;
        place(nregions.checked_mul(size_of::<Region>())?, 64)?;
        let limit = place(0, grain)?;
        if limit >= all.limit {
            return None;
        }
        Some(Layout { all, extra, dir, maps, table, limit, origin, nregions, map_words })
    }

    /// Makes the chunk. The header up to `mapped` is readable and writable;
    /// nothing else in it is touched.
    ///
    /// # Safety
    /// The range is the caller's to give, `mapped` is past the region table's
    /// start, and nothing else uses the header.
    pub unsafe fn build(
        &self,
        reserved: Range,
        mapped: Addr,
        region_shift: u32,
        grain_shift: u32,
    ) -> P<Chunk> {
        let maps: *mut Cell<usize> = self.maps.ptr();
        let chunk = Chunk {
            link: Link::default(),
            reserved,
            range: Range::new(self.limit, self.all.limit),
            origin: self.origin,
            span: self.nregions << region_shift,
            dir: Cell::new(self.dir.ptr()),
            own_dir: self.dir.ptr(),
            regions: self.table.ptr(),
            nregions: self.nregions,
            ninit: Cell::new(0),
            table_mapped: Cell::new(mapped),
            free_map: maps,
            // SAFETY: the header has three maps of this many words.
            warm_map: unsafe { maps.add(self.map_words) },
            // SAFETY: as above.
            dirty_map: unsafe { maps.add(self.map_words * 2) },
            map_words: self.map_words,
            in_use: Cell::new(0),
            region_shift,
            grain_shift,
        };
        let p: *mut Chunk = self.all.base.ptr();
        // SAFETY: mapped, aligned (grains are, or the client arena aligned it
        // to 64), and ours.
        unsafe { p.write(chunk) };
        // SAFETY: just written; it stays until the arena gives the chunk back.
        let Some(c) = (unsafe { P::from_raw(p) }) else { crate::base::check::stop() };
        for w in 0..self.map_words * 3 {
            // SAFETY: as above. A client's memory need not be zero.
            unsafe { maps.add(w).write(Cell::new(0)) };
        }
        for i in 0..self.nregions {
            // SAFETY: the directory has `nregions` entries, in mapped memory.
            unsafe { c.own_dir.add(i).write(EMPTY_TRACTS.table()) };
            c.map_bit(c.free_map, i, true);
            c.map_bit(c.warm_map, i, false);
            c.map_bit(c.dirty_map, i, false);
        }
        c
    }
}

impl Chunk {
    /// The chunk that came before this one.
    pub(super) fn previous(&self) -> Option<P<Chunk>> {
        self.link.prev_of()
    }

    /// Grains in a whole region.
    #[inline]
    pub fn grains(&self) -> usize {
        1 << (self.region_shift - self.grain_shift)
    }

    /// The region table's entry `i`; filled in.
    #[inline]
    pub fn region(&self, i: usize) -> P<Region> {
        crate::aver_critical!(i < self.ninit.get());
        // SAFETY: entries below `ninit` are mapped and filled in, and live as
        // long as the chunk.
        unsafe { P::new(core::ptr::NonNull::new_unchecked(self.regions.add(i))) }
    }

    /// The index of the region that `a`, in the chunk's span, lies in.
    #[inline]
    pub fn index_of(&self, a: Addr) -> usize {
        a.since(self.origin) >> self.region_shift
    }

    /// The end of the region table's entry `i`.
    pub fn entry_limit(&self, i: usize) -> Addr {
        Addr::of(self.regions).add((i + 1) * size_of::<Region>())
    }

    /// Fills in entries up to and including `i`, whose memory is mapped.
    pub(crate) fn init_regions(self_: P<Chunk>, i: usize) {
        let c = self_.get();
        while c.ninit.get() <= i {
            let n = c.ninit.get();
            let base = c.origin.add(n << c.region_shift);
            let limit = base.add(1 << c.region_shift);
            let lo = base.max(c.range.base).since(base) >> c.grain_shift;
            let hi = limit.min(c.range.limit);
            let hi = if hi <= base { 0 } else { hi.since(base) >> c.grain_shift };
            let valid = if lo < hi { bits::run(lo, hi - lo) } else { bits::NONE };
            let r = Region {
                link: Link::default(),
                chunk: self_,
                base,
                valid,
                free: Cell::new(valid),
                mapped: Cell::new(bits::NONE),
                stale_prot: Cell::new(bits::NONE),
                unsynced: Cell::new(bits::NONE),
                longest: Cell::new(bits::BITS),
                home: Cell::new(None),
            };
            // SAFETY: the entry's memory is mapped (the caller's promise) and
            // not yet in use.
            unsafe { c.regions.add(n).write(r) };
            c.ninit.set(n + 1);
        }
    }

    /// The tract table of region `i`.
    #[inline(always)]
    pub fn tracts(&self, i: usize) -> *mut Tract {
        // SAFETY: the directory has an entry for every region in the span.
        unsafe { *self.dir.get().add(i) }
    }

    /// Sets the tract table of region `i`.
    pub(crate) fn set_tracts(&self, i: usize, table: *mut Tract) {
        // SAFETY: as above; the directory is ours.
        unsafe { *self.dir.get().add(i) = table }
    }

    /// Who has the grain of `a`, which is in the span.
    #[inline(always)]
    pub fn tract_at(&self, a: Addr) -> Tract {
        let off = a.since(self.origin);
        let table = self.tracts(off >> self.region_shift);
        let mask = (1usize << (self.region_shift - self.grain_shift)) - 1;
        // SAFETY: a tract table has an entry for every grain of a region.
        unsafe { *table.add((off >> self.grain_shift) & mask) }
    }

    fn place(&self, i: usize) -> (usize, usize) {
        let first = (self.origin.0 >> self.region_shift) & (WORD_BITS as usize - 1);
        let n = first + i;
        (n / WORD_BITS as usize, 1usize << (n % WORD_BITS as usize))
    }

    /// Word `w` of a map.
    #[inline]
    pub fn word(&self, map: *mut Cell<usize>, w: usize) -> &Cell<usize> {
        crate::aver_critical!(w < self.map_words);
        // SAFETY: maps have `map_words` words and live as long as the chunk.
        unsafe { &*map.add(w) }
    }

    /// Sets or clears the bit of region `i` in a map.
    pub(crate) fn map_bit(&self, map: *mut Cell<usize>, i: usize, on: bool) {
        let (w, bit) = self.place(i);
        let word = self.word(map, w);
        word.set(if on { word.get() | bit } else { word.get() & !bit });
    }

    /// The region whose bit is bit `b` of word `w`.
    #[inline]
    pub fn region_at(&self, w: usize, b: u32) -> usize {
        let first = (self.origin.0 >> self.region_shift) & (WORD_BITS as usize - 1);
        w * WORD_BITS as usize + b as usize - first
    }

    /// The lowest (highest) region of a map whose zone is in `zones` (a word of
    /// bits).
    pub fn find(&self, map: *mut Cell<usize>, zones: usize, high: bool) -> Option<usize> {
        if high {
            return (0..self.map_words).rev().find_map(|w| {
                let hit = self.word(map, w).get() & zones;
                hit.checked_ilog2().map(|top| self.region_at(w, top))
            });
        }
        for w in 0..self.map_words {
            let hit = self.word(map, w).get() & zones;
            if hit != 0 {
                return Some(self.region_at(w, hit.trailing_zeros()));
            }
        }
        None
    }

    fn nobody_has(&self, i: usize) -> bool {
        let (w, bit) = self.place(i);
        self.word(self.free_map, w).get() & bit != 0
    }

    /// The highest run of `n` regions that nobody has, but for the last region,
    /// which may be short.
    pub fn find_last_free_run(&self, n: usize) -> Option<usize> {
        let mut have = 0usize;
        for i in (0..self.nregions - 1).rev() {
            have = if self.nobody_has(i) { have + 1 } else { 0 };
            if have == n {
                return Some(i);
            }
        }
        None
    }

    /// The lowest run of `n` regions that nobody has; without zone 0, if so asked.
    pub fn find_free_run(&self, n: usize, without_zone0: bool) -> Option<usize> {
        let mut have = 0usize;
        for i in 0..self.nregions {
            if self.nobody_has(i) && !(without_zone0 && self.place(i).1 == 1) {
                have += 1;
                if have == n {
                    return Some(i + 1 - n);
                }
            } else {
                have = 0;
            }
        }
        None
    }
}
