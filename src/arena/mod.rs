//! The memory half of an instance: address space, committed memory, and who
//! has which grain.
//!
//! Requests come down with a [`Home`] (what the memory is for: one generation,
//! manual pools, or the library itself) and go: the home's own regions, a region
//! nobody has in the home's zones, another zone, a new chunk, and last anything
//! that fits anywhere. Every step is a few words of bits.
//!
//! # Invariants
//! - `committed` is what is mapped (headers included) and never above `limit`.
//! - `spare` is what is mapped, free, and could be unmapped.
//! - A grain is in use exactly if it is valid and not in its region's `free`.

pub mod chunk;
pub mod control;

use crate::base::addr::{Addr, Range, Size, WORD_BITS, size_up_checked};
use crate::base::bits::{self, Bits};
use crate::base::list::List;
use crate::base::ptr::{P, Slot};
use crate::base::res::{Res, Result};
use crate::base::sets::{AccessSet, ZoneSet};
use crate::seam::client::ArenaCallback;
use crate::seam::port::{Caps, Port};
use chunk::{Chunk, EMPTY_TRACTS, Layout, Region, Tract};
use core::cell::Cell;
use core::ffi::c_void;

/// The least that is mapped at a time, where the grain allows.
const MAP_STEP: Size = 64 * 1024;

/// What some memory is for. Memory of one home shares regions, and so zones.
#[derive(Default)]
pub struct Home {
    /// Zones it has had regions in.
    pub zones: Cell<ZoneSet>,
    /// Is it for objects that are never condemned? Then zone 0, whose bit a
    /// null reference selects, will do; others keep away from it.
    pub plain: Cell<bool>,
    /// Is its memory to come from high addresses?
    pub high: Cell<bool>,
    regions: List<Region, 0>,
}

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

/// What system calls were made, for those who count them.
#[derive(Default)]
pub struct Calls {
    /// Maps.
    pub map: Cell<usize>,
    /// Unmaps.
    pub unmap: Cell<usize>,
    /// Protection changes.
    pub protect: Cell<usize>,
}

/// An entry of the chunk table: a granule of address space (as many regions as
/// a word has bits), and a chunk that reaches into it.
type TableEntry = (usize, Option<P<Chunk>>);

/// The memory half of an instance.
pub struct Arena {
    /// The port under it.
    pub port: &'static dyn Port,
    /// Client arena: memory given once, never mapped nor unmapped.
    pub is_client: bool,
    grain_shift: u32,
    region_shift: u32,
    /// Can protection be used on its grains?
    pub can_protect: bool,
    chunks: List<Chunk, 0>,
    primary: Slot<Chunk>,
    primary_origin: Cell<Addr>,
    primary_span: Cell<Size>,
    table: Cell<*mut TableEntry>,
    table_len: Cell<usize>,
    /// The chunk whose header the table stands in, if it is not in control
    /// memory.
    table_in: Slot<Chunk>,
    control: control::Control,
    control_home: Home,
    /// Zones that some home has regions in.
    used_zones: Cell<ZoneSet>,
    /// Address space taken.
    pub reserved: Cell<Size>,
    /// Memory mapped.
    pub committed: Cell<Size>,
    /// Of it, free.
    pub spare: Cell<Size>,
    /// The most that may be committed.
    pub limit: Cell<Size>,
    /// How much of what is committed may be spare.
    pub spare_fraction: Cell<f64>,
    /// How much address space to take when more is needed.
    pub growth: Cell<Size>,
    /// Called after a chunk is acquired, with the handle below.
    pub extended: Cell<Option<ArenaCallback>>,
    /// Called before a chunk is returned.
    pub contracted: Cell<Option<ArenaCallback>>,
    /// What the callbacks are told the arena is.
    pub handle: Cell<*mut c_void>,
    /// Lowest and highest addresses ever managed, read without the lock.
    pub lowest: core::sync::atomic::AtomicUsize,
    /// See `lowest`.
    pub highest: core::sync::atomic::AtomicUsize,
    /// System calls made.
    pub calls: Calls,
    /// Use zones to place memory?
    pub zoned: Cell<bool>,
}

/// How a new arena is to be.
#[derive(Clone, Copy)]
pub struct Params {
    /// Bytes in a grain: a power of two.
    pub grain: Size,
    /// Address space to begin with (VM), or the client's size.
    pub size: Size,
    /// The client's memory; `None` for a VM arena.
    pub base: Option<Addr>,
    /// The most that may be committed.
    pub limit: Size,
    /// Room wanted in the first chunk for the caller's own structure.
    pub extra: Size,
}

/// A first chunk, made before there is an arena to own it.
pub struct Boot {
    chunk: P<Chunk>,
    /// Where the caller's own structure goes.
    pub extra: Addr,
    grain_shift: u32,
    region_shift: u32,
    header: Size,
}

fn shifts(p: &Params) -> (u32, u32) {
    let grain_shift = p.grain.trailing_zeros();
    let most = grain_shift + 8;
    let region_shift = if p.base.is_some() {
        // Small given memories get small stripes, so that generations can
        // still be told apart.
        let size_shift = usize::BITS - p.size.max(1).leading_zeros();
        size_shift.saturating_sub(5).max(grain_shift + 3).min(20.max(grain_shift))
    } else {
        20.max(grain_shift)
    };
    (grain_shift, region_shift.min(most))
}

impl Boot {
    /// Takes the first chunk.
    ///
    /// # Errors
    /// `Resource`: no address space. `Memory`: too small for the library's own
    /// structures, or the system has no memory. `CommitLimit`: the limit is
    /// below what those structures need.
    pub fn new(port: &'static dyn Port, p: &Params) -> Result<Boot> {
        let (grain_shift, region_shift) = shifts(p);
        let (chunk, extra, header) = match p.base {
            Some(base) => client_chunk(
                Range::sized(base, p.size),
                p.extra,
                p.limit,
                region_shift,
                grain_shift,
            )?,
            None => vm_chunk(port, p.size, p.extra, p.limit, region_shift, grain_shift)?,
        };
        Ok(Boot { chunk, extra, grain_shift, region_shift, header })
    }
}

/// The chunk, where the caller's room in it is, and the bytes its header maps.
type NewChunk = (P<Chunk>, Addr, Size);

fn client_chunk(
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

fn vm_chunk(
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
    // region is left for use.
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

impl Arena {
    /// An arena round its first chunk. Call [`Arena::start`] once it has come
    /// to stay where it is.
    pub fn new(port: &'static dyn Port, p: &Params, boot: &Boot) -> Arena {
        let caps = port.capabilities();
        let grain = 1usize << boot.grain_shift;
        Arena {
            port,
            is_client: p.base.is_some(),
            grain_shift: boot.grain_shift,
            region_shift: boot.region_shift,
            can_protect: caps.has(Caps::PROTECT) && grain.is_multiple_of(port.page_size().max(1)),
            chunks: List::default(),
            primary: Cell::new(None),
            primary_origin: Cell::new(Addr::NULL),
            primary_span: Cell::new(0),
            table: Cell::new(core::ptr::null_mut()),
            table_len: Cell::new(0),
            table_in: Cell::new(None),
            control: control::Control::default(),
            control_home: Home::default(),
            used_zones: Cell::new(ZoneSet::EMPTY),
            reserved: Cell::new(0),
            committed: Cell::new(boot.header),
            spare: Cell::new(0),
            limit: Cell::new(p.limit),
            spare_fraction: Cell::new(0.75),
            growth: Cell::new(p.size),
            extended: Cell::new(None),
            contracted: Cell::new(None),
            handle: Cell::new(core::ptr::null_mut()),
            lowest: core::sync::atomic::AtomicUsize::new(usize::MAX),
            highest: core::sync::atomic::AtomicUsize::new(0),
            calls: Calls::default(),
            zoned: Cell::new(true),
        }
    }

    /// Takes the first chunk in.
    pub fn start(&self, boot: &Boot) {
        self.control_home.plain.set(true);
        let c = boot.chunk;
        self.primary.set(Some(c));
        self.primary_origin.set(c.origin);
        self.primary_span.set(c.span);
        self.adopt(c);
    }

    fn adopt(&self, c: P<Chunk>) {
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

    /// Gives everything back, the memory this very structure may stand in
    /// included: nothing may be used afterwards.
    pub fn finish(&self) {
        let port = self.port;
        let is_client = self.is_client;
        let primary = self.primary.get();
        let told = |c: P<Chunk>| {
            if let Some(f) = self.contracted.get() {
                // SAFETY: the client's callback, called as its type says.
                unsafe { f(self.handle.get(), c.reserved.base, c.reserved.size()) };
            }
        };
        while let Some(c) = self.chunks.pop_front() {
            if Some(c) == primary {
                continue;
            }
            told(c);
            self.surrender(c);
        }
        if let Some(c) = primary {
            told(c);
            if is_client {
                self.surrender(c);
            } else {
                // The last use of anything in the arena.
                let r = c.reserved;
                port.release(r.base, r.size());
            }
        }
    }

    /// Leaves a chunk's memory as its owner expects it.
    fn surrender(&self, c: P<Chunk>) {
        let r = c.reserved;
        if !self.is_client {
            self.port.release(r.base, r.size());
            return;
        }
        if !self.can_protect {
            return;
        }
        for i in 0..c.ninit.get() {
            let region = c.region(i);
            let stale = region.stale_prot.get();
            let done = self.unprotect(&region, &stale);
            crate::aver!(done.is_ok(), "the port can take protection off again");
        }
    }

    /// Bytes in a grain.
    #[inline]
    pub fn grain(&self) -> Size {
        1 << self.grain_shift
    }

    /// The shift that turns addresses into zones.
    #[inline]
    pub fn zone_shift(&self) -> u32 {
        self.region_shift
    }

    /// The home of the library's own structures.
    pub fn control_home(&self) -> P<Home> {
        // SAFETY: the arena stays where it is after `start`, and outlives
        // every use of its memory.
        unsafe { P::new(core::ptr::NonNull::from(&self.control_home)) }
    }

    // ---------------------------------------------------------------- lookup

    /// The chunk that `a` lies in.
    #[inline]
    pub fn chunk_of(&self, a: Addr) -> Option<P<Chunk>> {
        if a.since(self.primary_origin.get()) < self.primary_span.get() {
            let c = self.primary.get()?;
            if self.is_client && !c.reserved.contains(a) {
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

    /// Table entries that a chunk over `r` needs.
    fn keys(&self, r: Range) -> core::ops::RangeInclusive<usize> {
        self.granule(r.base)..=self.granule(r.limit.sub(1))
    }

    /// The table's length if `more` entries are added to those of all chunks
    /// but `without`.
    fn table_need(&self, more: usize, without: Option<P<Chunk>>) -> usize {
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
    fn table_extra(&self, size: Size) -> Size {
        let granules = (size >> self.region_shift) / WORD_BITS as usize + 3;
        self.table_need(granules, None) * size_of::<TableEntry>()
    }

    /// Puts the table for all chunks, `extra` too, at `table`.
    fn table_fill(
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
        // Freeing the old one looks chunks up: in the new one.
        let old = self.table.replace(table);
        let bytes = self.table_len.replace(len) * size_of::<TableEntry>();
        if self.table_in.replace(extra).is_none() && bytes != 0 {
            self.control_free(Addr::of(old), bytes);
        }
    }

    /// Who has the grain of `a`; null if nobody, or if it is not ours.
    #[inline(always)]
    pub fn tract_of(&self, a: Addr) -> Tract {
        let off = a.since(self.primary_origin.get());
        if off < self.primary_span.get() {
            if let Some(c) = self.primary.get() {
                let t = c.get().tract_at(a);
                if !self.is_client || !t.is_null() {
                    return t;
                }
            }
        }
        self.tract_elsewhere(a)
    }

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

    // ------------------------------------------------------------ allocation

    /// `size` bytes (rounded up to grains), readable, writable, contents
    /// arbitrary, with `tract` hung on every grain.
    ///
    /// # Errors
    /// `CommitLimit`, `Memory` or `Resource`; nothing has changed but, perhaps,
    /// how much is spare.
    pub fn alloc(&self, home: P<Home>, size: Size, tract: Tract) -> Result<Addr> {
        #[cfg(test)]
        self.trial()?;
        let size = size_up_checked(size.max(1), self.grain()).ok_or(Res::Resource)?;
        let in_use = self.committed.get().saturating_sub(self.spare.get());
        let over = size > self.limit.get().saturating_sub(in_use);
        if over && !self.is_client && !crate::seam::fault("commit_limit") {
            // Whatever is given back: so no address space, and no tables for it.
            return Err(Res::CommitLimit);
        }
        let n = size >> self.grain_shift;
        let per = 1usize << (self.region_shift - self.grain_shift);
        if n <= per {
            let mut tries = 8;
            let mut at = home.regions.first();
            while let Some(r) = at {
                at = home.regions.after(r);
                if r.longest.get() >= n {
                    match self.take_in(&r, n, tract) {
                        Ok(a) => return Ok(a),
                        Err(Res::Limit) => {}
                        Err(e) => return Err(e),
                    }
                }
                // Out of the way: it has nothing of this size. (The room for a
                // tract table may have been its last.)
                if at.is_some() && r.home.get() == Some(home) && r.get().is_listed() {
                    home.regions.remove(r);
                    home.regions.push_back(r);
                }
                tries -= 1;
                if tries == 0 {
                    break;
                }
            }
        }
        let mut why = Res::Resource;
        for round in 0..2 {
            let got = if n <= per {
                self.take_region(home, n, tract)
            } else {
                self.take_regions(home, n, tract)
            };
            match got {
                Err(Res::Limit) => {}
                other => return other,
            }
            if round == 0 {
                if let Err(e) = self.extend(size) {
                    why = e;
                    break;
                }
            }
        }
        match self.take_anywhere(n, tract) {
            Err(Res::Limit) => Err(why),
            other => other,
        }
    }

    /// Room in region `r`, if it has any. `Limit`: it has not.
    fn take_in(&self, r: &P<Region>, n: usize, tract: Tract) -> Result<Addr> {
        let free = r.free.get();
        let warm = bits::and(&free, &r.mapped.get());
        let high = r.home.get().is_some_and(|h| h.high.get());
        let find =
            |set: &Bits| if high { bits::find_last_run(set, n) } else { bits::find_run(set, n) };
        let at = match find(&warm) {
            Some(i) => i,
            None => match find(&free) {
                Some(i) => i,
                None => {
                    r.longest.set(n - 1);
                    return Err(Res::Limit);
                }
            },
        };
        self.take(r, at, n, tract)
    }

    /// Takes the `n` free grains from `at` on in region `r`.
    fn take(&self, r: &P<Region>, at: usize, n: usize, tract: Tract) -> Result<Addr> {
        let c = r.chunk;
        let i = c.index_of(r.base);
        let want = bits::run(at, n);
        if !tract.is_null() && core::ptr::eq(c.tracts(i), EMPTY_TRACTS.table()) {
            let bytes = c.grains() * size_of::<Tract>();
            let home = r.home.get();
            let table: *mut Tract = self.control_alloc(bytes)?.ptr();
            if let (Some(h), None) = (home, r.home.get()) {
                // Room for the table was looked for here, and given up.
                self.claim(h, *r, i);
            }
            for k in 0..c.grains() {
                // SAFETY: the table has an entry a grain.
                unsafe { table.add(k).write(core::ptr::null_mut()) };
            }
            c.set_tracts(i, table);
            // Getting the table may have taken the grains we had in mind.
            if bits::and(&r.free.get(), &want) != want {
                return self.take_in(r, n, tract);
            }
        }
        self.map_grains(r, &want)?;
        let stale = bits::and(&r.stale_prot.get(), &want);
        if !bits::is_empty(&stale) {
            self.unprotect(r, &stale)?;
        }
        r.free.set(bits::minus(&r.free.get(), &want));
        if !self.is_client {
            self.spare.set(self.spare.get() - (n << self.grain_shift));
        }
        if !tract.is_null() {
            let table = c.tracts(i);
            for k in at..at + n {
                // SAFETY: the table has an entry a grain.
                unsafe { table.add(k).write(tract) };
            }
        }
        if bits::is_empty(&r.free.get()) {
            if let Some(h) = r.home.get() {
                if r.get().is_listed() {
                    h.regions.remove(*r);
                }
            }
        }
        Ok(r.base.add(at << self.grain_shift))
    }

    /// Puts memory under the free grains `want` of `r`. All of them are spare
    /// afterwards (in a client arena: committed).
    fn map_grains(&self, r: &P<Region>, want: &Bits) -> Result {
        let cold = bits::minus(want, &r.mapped.get());
        if bits::is_empty(&cold) {
            return Ok(());
        }
        let need = bits::count(&cold) << self.grain_shift;
        if self.is_client {
            if self.limit.get().saturating_sub(self.committed.get()) < need
                && !crate::seam::fault("commit_limit")
            {
                return Err(Res::CommitLimit);
            }
            self.committed.set(self.committed.get() + need);
            r.mapped.set(bits::or(&r.mapped.get(), want));
            return Ok(());
        }
        // What else to map along with it: up to MAP_STEP, while it is ours to take.
        // More in a large arena, where it will be used soon.
        let wish = (self.committed.get() / 64).max(MAP_STEP);
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
        let room = self.limit.get().saturating_sub(self.committed.get());
        // What is mapped ahead is spare until it is used.
        let ahead = self.spare.get() + (extra - need);
        let set = if room >= extra && ahead <= self.spare_max() {
            more
        } else {
            if room < need && !crate::seam::fault("commit_limit") {
                self.purge(need - room, Some(*r));
                let room = self.limit.get().saturating_sub(self.committed.get());
                if room < need {
                    // What is spare right here.
                    let idle = bits::and(&r.free.get(), &r.mapped.get());
                    self.unmap_set(r, &bits::minus(&idle, want), need - room);
                }
                if self.limit.get().saturating_sub(self.committed.get()) < need {
                    return Err(Res::CommitLimit);
                }
            }
            cold
        };
        if self.map_set(r, &set).is_err() {
            // Perhaps there is memory for just what is needed.
            let cold = bits::minus(want, &r.mapped.get());
            self.map_set(r, &cold)?;
        }
        Ok(())
    }

    fn map_set(&self, r: &P<Region>, set: &Bits) -> Result {
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

    /// Takes protection off free grains, a run at a time.
    ///
    /// # Errors
    /// The port's, which may be short of what it takes to tell pieces apart.
    fn unprotect(&self, r: &P<Region>, set: &Bits) -> Result {
        // While at it, the whole of each run of stale grains.
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

    /// A region nobody has, for `home`. `Limit`: none.
    fn take_region(&self, home: P<Home>, n: usize, tract: Tract) -> Result<Addr> {
        let own = home.zones.get();
        let used = self.used_zones.get();
        let zone0 = ZoneSet(1);
        let high = home.high.get();
        let choices = if !self.zoned.get() || high {
            [ZoneSet::ALL; 4]
        } else if home.plain.get() {
            [zone0, own, used, ZoneSet::ALL]
        } else {
            [
                own.minus(zone0),
                ZoneSet::ALL.minus(used).minus(zone0),
                ZoneSet::ALL.minus(zone0),
                ZoneSet::ALL,
            ]
        };
        if home.plain.get()
            && !high
            && let Some(got) = self.take_near(home, n, tract)
        {
            return Ok(got);
        }
        for zones in choices {
            for warm in [true, false] {
                if warm && high {
                    // The address matters more.
                    continue;
                }
                let mut next = self.next_chunk(None, high);
                while let Some(c) = next {
                    next = self.next_chunk(Some(c), high);
                    let map = if warm { c.warm_map } else { c.free_map };
                    // A partial region at an end may be too small: try the next.
                    let mut skip = 0usize;
                    while let Some(i) = c.find(map, zones.0 & !skip, high) {
                        let r = self.region_ready(c, i)?;
                        if bits::find_run(&r.free.get(), n).is_some() {
                            return self.claim_and_take(home, r, i, n, tract);
                        }
                        skip |= self.zone_of(r.base).0;
                    }
                }
            }
        }
        Err(Res::Limit)
    }

    /// A region near the start of the first chunk, for what is never condemned: for
    /// the first control memory; and where no zone has two regions (one may: the
    /// header comes on top of the size asked for), so that this takes a zone from
    /// others whichever it is. A small arena then has no
    /// pages of table entries for regions that it may never use.
    fn take_near(&self, home: P<Home>, n: usize, tract: Tract) -> Option<Addr> {
        let c = self.chunks.first()?;
        let first = home == self.control_home() && home.zones.get().0.count_ones() < 2;
        let i = c.find_free_run(1)?;
        let mapped = c.entry_limit(i) <= c.table_mapped.get();
        if !(first && mapped || c.nregions <= WORD_BITS as usize + 1) {
            return None;
        }
        let r = self.region_ready(c, i).ok()?;
        bits::find_run(&r.free.get(), n)?;
        self.claim_and_take(home, r, i, n, tract).ok()
    }

    /// The first memory from a region that nobody had, with room for it.
    fn claim_and_take(
        &self,
        home: P<Home>,
        r: P<Region>,
        i: usize,
        n: usize,
        tract: Tract,
    ) -> Result<Addr> {
        self.claim(home, r, i);
        let got = self.take_in(&r, n, tract);
        if got.is_err() && r.is_free() {
            self.disown(&r);
        }
        got
    }

    /// The chunk to look at after `last` (or first): in the order in which they
    /// came, or from the highest address down.
    fn next_chunk(&self, last: Option<P<Chunk>>, high: bool) -> Option<P<Chunk>> {
        if !high {
            return last.map_or(self.chunks.first(), |c| self.chunks.after(c));
        }
        let below = last.map_or(Addr(usize::MAX), |c| c.range.base);
        self.chunks.iter().filter(|c| c.range.base < below).max_by_key(|c| c.range.base)
    }

    fn zone_of(&self, a: Addr) -> ZoneSet {
        ZoneSet::of(a, self.region_shift)
    }

    /// The region, its table entry filled in.
    fn region_ready(&self, c: P<Chunk>, i: usize) -> Result<P<Region>> {
        if i >= c.ninit.get() {
            let upto = c.entry_limit(i).up(self.grain()).min(c.range.base);
            let lacks = || upto.0.saturating_sub(c.table_mapped.get().0);
            let fits = |bytes| self.limit.get().saturating_sub(self.committed.get()) >= bytes;
            if !fits(lacks()) {
                // The table may get shorter.
                self.purge(lacks(), None);
                if !fits(lacks()) {
                    return Err(Res::CommitLimit);
                }
            }
            let (have, bytes) = (c.table_mapped.get(), lacks());
            if bytes != 0 {
                self.port.map(have, bytes)?;
                self.calls.map.set(self.calls.map.get() + 1);
                self.committed.set(self.committed.get() + bytes);
                c.table_mapped.set(upto);
            }
            Chunk::init_regions(c, i);
        }
        Ok(c.region(i))
    }

    fn claim(&self, home: P<Home>, r: P<Region>, i: usize) {
        let c = r.chunk;
        c.map_bit(c.free_map, i, false);
        c.map_bit(c.warm_map, i, false);
        c.in_use.set(c.in_use.get() + 1);
        r.home.set(Some(home));
        r.longest.set(bits::BITS);
        home.regions.push_front(r);
        let z = self.zone_of(r.base);
        home.zones.set(home.zones.get().or(z));
        self.used_zones.set(self.used_zones.get().or(z));
    }

    /// Makes an entirely free region nobody's, if it is not already.
    fn disown(&self, r: &P<Region>) {
        let c = r.chunk;
        let i = c.index_of(r.base);
        let Some(h) = r.home.get() else { return };
        if r.get().is_listed() {
            h.regions.remove(*r);
        }
        let table = c.tracts(i);
        if !core::ptr::eq(table, EMPTY_TRACTS.table()) {
            c.set_tracts(i, EMPTY_TRACTS.table());
            let bytes = c.grains() * size_of::<Tract>();
            // Which may give memory back, but no entry of a region with a home.
            self.control_free(Addr::of(table), bytes);
        }
        r.home.set(None);
        c.map_bit(c.free_map, i, true);
        c.map_bit(c.warm_map, i, !bits::is_empty(&r.mapped.get()));
        c.in_use.set(c.in_use.get() - 1);
    }

    /// More than a region: whole regions side by side, the last perhaps in
    /// part. `Limit`: none.
    fn take_regions(&self, home: P<Home>, n: usize, tract: Tract) -> Result<Addr> {
        let per = 1usize << (self.region_shift - self.grain_shift);
        let k = n.div_ceil(per);
        let high = home.high.get();
        let mut next = self.next_chunk(None, high);
        while let Some(c) = next {
            next = self.next_chunk(Some(c), high);
            let found = |k| if high { c.find_last_free_run(k) } else { c.find_free_run(k) };
            let Some(first) = found(k).or_else(|| found(k + 1)) else {
                continue;
            };
            // The first region of a chunk may lack its first grains.
            let mut first = first;
            let mut have = self.region_ready(c, first)?;
            if bits::count(&have.valid) != per {
                first += 1;
                let last = first + k - 1;
                if last >= c.nregions || !self.run_is_free(&c, first, k)? {
                    continue;
                }
                have = self.region_ready(c, first)?;
            } else if !self.run_is_free(&c, first, k)? {
                continue;
            }
            let base = have.base;
            self.region_ready(c, first + k - 1)?;
            // All of them at once: tract tables are to go elsewhere.
            let run = first..first + k;
            run.clone().for_each(|i| self.claim(home, c.region(i), i));
            let mut left = n;
            for i in run.clone() {
                let r = c.region(i);
                if r.home.get().is_none() {
                    self.claim(home, r, i);
                }
                let m = left.min(per);
                let wrong = match self.take(&r, 0, m, tract) {
                    Ok(a) if a == r.base => None,
                    // But one had nowhere else to go.
                    Ok(a) => {
                        self.free(a, m << self.grain_shift);
                        Some(Res::Limit)
                    }
                    Err(e) => Some(e),
                };
                if let Some(e) = wrong {
                    let done = (n - left) << self.grain_shift;
                    if done != 0 {
                        self.free(base, done);
                    }
                    for i in run {
                        let r = c.region(i);
                        if r.is_free() {
                            self.disown(&r);
                        }
                    }
                    return Err(e);
                }
                left -= m;
            }
            return Ok(base);
        }
        Err(Res::Limit)
    }

    fn run_is_free(&self, c: &P<Chunk>, first: usize, k: usize) -> Result<bool> {
        let per = 1usize << (self.region_shift - self.grain_shift);
        for i in first..first + k {
            let r = self.region_ready(*c, i)?;
            if r.home.get().is_some() || !r.is_free() || bits::count(&r.valid) != per {
                // The last may be short if what goes there fits; keep it simple
                // and leave that to `take_anywhere`.
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The last resort: any run of free grains, whoever has the regions, across
    /// their borders too. Cost: linear in the address space. `Limit`: none.
    fn take_anywhere(&self, n: usize, tract: Tract) -> Result<Addr> {
        for c in self.chunks.iter() {
            let per = c.grains();
            let mut have = 0usize;
            let mut start = (0usize, 0usize);
            for i in 0..c.nregions {
                let r = match self.region_ready(c, i) {
                    Ok(r) => r,
                    Err(_) => break,
                };
                let free = r.free.get();
                let mut from = 0;
                if !bits::get(&free, 0) {
                    have = 0;
                }
                while let Some((s, l)) = bits::next_run(&free, from) {
                    if s != 0 || have == 0 {
                        have = 0;
                        start = (i, s);
                    }
                    have += l;
                    if have >= n {
                        match self.take_across(&c, start, n, tract) {
                            Err(Res::Limit) => {}
                            other => return other,
                        }
                    }
                    from = s + l;
                    if from < per {
                        have = 0;
                    }
                }
            }
        }
        Err(Res::Limit)
    }

    fn take_across(
        &self,
        c: &P<Chunk>,
        start: (usize, usize),
        n: usize,
        tract: Tract,
    ) -> Result<Addr> {
        let per = c.grains();
        let (mut i, mut s) = start;
        let base = c.region(i).base.add(s << self.grain_shift);
        let mut left = n;
        while left != 0 {
            let r = c.region(i);
            let m = left.min(per - s);
            let want = bits::run(s, m);
            let home = self.control_home();
            if r.home.get().is_none() {
                self.claim(home, r, i);
            }
            let got = if bits::and(&r.free.get(), &want) == want {
                self.take(&r, s, m, tract)
            } else {
                Err(Res::Limit)
            };
            let wrong = match got {
                Ok(a) if a == r.base.add(s << self.grain_shift) => None,
                // A tract table was put where we meant to go.
                Ok(a) => {
                    self.free(a, m << self.grain_shift);
                    Some(Res::Limit)
                }
                Err(e) => Some(e),
            };
            if let Some(e) = wrong {
                if r.is_free() && r.home.get().is_some() {
                    self.disown(&r);
                }
                let done = (n - left) << self.grain_shift;
                if done != 0 {
                    self.free(base, done);
                }
                return Err(e);
            }
            left -= m;
            i += 1;
            s = 0;
        }
        Ok(base)
    }

    /// Gives back grains: whole ones, allocated together or not.
    pub fn free(&self, base: Addr, size: Size) {
        self.free_protected(base, size, false);
    }

    /// As [`Arena::free`]; says whether the memory may still be protected. That
    /// is then taken off when, and if, it is used again.
    pub fn free_protected(&self, base: Addr, size: Size, protected: bool) {
        let Some(c) = self.chunk_of(base) else {
            crate::aver!(false, "memory given back to an arena came from it");
            return;
        };
        let limit = base.add(size);
        let mut at = base;
        while at < limit {
            let i = c.index_of(at);
            let r = c.region(i);
            let end = r.base.add(1 << self.region_shift).min(limit);
            let s = at.since(r.base) >> self.grain_shift;
            let m = end.since(at) >> self.grain_shift;
            let set = bits::run(s, m);
            crate::aver!(
                bits::is_empty(&bits::and(&r.free.get(), &set)),
                "memory given back to an arena was in use"
            );
            let table = c.tracts(i);
            if !core::ptr::eq(table, EMPTY_TRACTS.table()) {
                for k in s..s + m {
                    // SAFETY: the table has an entry a grain.
                    unsafe { table.add(k).write(core::ptr::null_mut()) };
                }
            }
            let was_full = bits::is_empty(&r.free.get());
            r.free.set(bits::or(&r.free.get(), &set));
            r.longest.set(bits::BITS);
            if protected {
                r.stale_prot.set(bits::or(&r.stale_prot.get(), &set));
            }
            if self.is_client {
                r.mapped.set(bits::minus(&r.mapped.get(), &set));
                self.committed.set(self.committed.get().wrapping_sub(end.since(at)));
            } else {
                self.spare.set(self.spare.get().wrapping_add(end.since(at)));
            }
            if r.is_free() {
                self.disown(&r);
            } else if was_full {
                if let Some(h) = r.home.get() {
                    h.regions.push_front(r);
                }
            }
            at = end;
        }
        self.trim();
    }

    // ----------------------------------------------------- spare and address space

    fn spare_max(&self) -> Size {
        // A float to integer cast saturates.
        (self.spare_fraction.get() * self.committed.get() as f64) as Size
    }

    /// Unmaps spare memory if there is too much of it.
    pub fn trim(&self) {
        if self.is_client {
            return;
        }
        let max = self.spare_max();
        let spare = self.spare.get();
        if spare > max {
            // Unmapping x takes x off both sides: x * (1 - f) = spare - max.
            // Somewhat more, so as not to be back at once.
            let f = self.spare_fraction.get();
            let over = (spare - max) as f64;
            let x = if f >= 1.0 { 0.0 } else { over / (1.0 - f) };
            let x = (x as Size + MAP_STEP).min(spare);
            self.purge(x, None);
        }
    }

    /// Unmaps at least `want` bytes of spare memory, if there are as many;
    /// not in region `but`. In runs, entirely free regions first.
    pub fn purge(&self, want: Size, but: Option<P<Region>>) {
        if self.is_client {
            return;
        }
        let mut left = want;
        for free_ones in [true, false] {
            let mut at = self.chunks.last();
            while let Some(c) = at {
                at = c.link_prev();
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

    /// Gives back what the last entries of a region table stand on, as far as
    /// they are of regions that nobody has, without memory. Takes a step for
    /// each, and as many steps filled them in.
    fn trim_table(&self, c: P<Chunk>, but: Option<P<Region>>) {
        let mut n = c.ninit.get();
        while let Some(last) = n.checked_sub(1) {
            let r = c.region(last);
            if Some(r) == but || r.home.get().is_some() || !bits::is_empty(&r.mapped.get()) {
                break;
            }
            // Segments whose protection was to be looked at are gone.
            c.map_bit(c.dirty_map, last, false);
            n = last;
            c.ninit.set(n);
        }
        // As much as there was to begin with stays.
        let upto = c.entry_limit(n.saturating_sub(1)).up(self.grain()).min(c.range.base);
        let have = c.table_mapped.get();
        if upto < have {
            self.port.unmap(upto, have.since(upto));
            self.calls.unmap.set(self.calls.unmap.get() + 1);
            self.committed.set(self.committed.get().wrapping_sub(have.since(upto)));
            c.table_mapped.set(upto);
        }
    }

    fn unmap_set(&self, r: &P<Region>, set: &Bits, most: Size) -> Size {
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

    /// Takes more address space, enough for `size` bytes in one piece.
    ///
    /// # Errors
    /// `Resource`: there is none, or it is a client arena.
    pub fn extend(&self, size: Size) -> Result {
        if self.is_client {
            return Err(Res::Resource);
        }
        let region = 1usize << self.region_shift;
        let need = size.checked_add(region).ok_or(Res::Resource)?;
        // Geometric growth keeps the number of chunks small.
        let wish = need.max(self.growth.get()).max(self.reserved.get() / 4);
        let mut try_size = wish;
        loop {
            let room = self.limit.get().saturating_sub(self.committed.get());
            let extra = self.table_extra(try_size);
            match vm_chunk(self.port, try_size, extra, room, self.region_shift, self.grain_shift) {
                Ok(new) => return self.take_in_chunk(new),
                Err(Res::CommitLimit) => {
                    let spare = self.spare.get();
                    self.purge(MAP_STEP, None);
                    if self.spare.get() == spare {
                        return Err(Res::CommitLimit);
                    }
                }
                Err(e) if try_size > need => {
                    let _ = e;
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
        Ok(())
    }

    /// Adds memory to a client arena.
    ///
    /// # Errors
    /// `Memory`: too small. `CommitLimit`: its header would be over the limit.
    pub fn extend_client(&self, base: Addr, size: Size) -> Result {
        let room = self.limit.get().saturating_sub(self.committed.get());
        let given = Range::sized(base, size);
        let extra = self.table_extra(size);
        let new = client_chunk(given, extra, room, self.region_shift, self.grain_shift)?;
        self.take_in_chunk(new)
    }

    /// Returns chunks that nothing is in, but for the first.
    pub fn shrink(&self) {
        if self.is_client {
            return;
        }
        for c in self.chunks.iter() {
            if Some(c) == self.primary.get() || c.in_use.get() != 0 {
                continue;
            }
            let len = self.table_need(0, Some(c));
            let bytes = len * size_of::<TableEntry>();
            let Ok(table) = self.control_alloc(bytes) else { return };
            if c.in_use.get() != 0 {
                // That very memory came from it.
                self.control_free(table, bytes);
                continue;
            }
            self.table_fill(table.ptr(), len, None, Some(c));
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
        self.trim();
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

    /// The chunks.
    pub fn chunks(&self) -> impl Iterator<Item = P<Chunk>> {
        self.chunks.iter()
    }

    /// The grain shift.
    #[inline]
    pub fn grain_shift(&self) -> u32 {
        self.grain_shift
    }

    /// Where the first chunk's regions begin, how far they reach, and their
    /// directory: what a scan state keeps at hand.
    #[inline]
    pub fn primary_table(&self) -> Option<P<Chunk>> {
        self.primary.get()
    }

    /// The next tract from the cursor on: its address and what hangs there. For
    /// going through all segments a few at a time, chunk by chunk; what comes
    /// in behind the cursor meanwhile is not seen.
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

    /// Before a home goes: what others have put in its regions is nobody's in
    /// particular from now on.
    pub fn retire(&self, home: P<Home>) {
        for c in self.chunks.iter() {
            for i in 0..c.ninit.get() {
                let r = c.region(i);
                if r.home.get() == Some(home) {
                    if r.get().is_listed() {
                        home.regions.remove(r);
                        self.control_home.regions.push_back(r);
                    }
                    r.home.set(Some(self.control_home()));
                }
            }
        }
    }

    /// Notes that the segment at `base` needs its protection looked at.
    pub fn mark_unsynced(&self, base: Addr) {
        if let Some(c) = self.chunk_of(base) {
            let i = c.index_of(base);
            let r = c.region(i);
            let k = base.since(r.base) >> self.grain_shift;
            r.unsynced.set(bits::or(&r.unsynced.get(), &bits::run(k, 1)));
            c.map_bit(c.dirty_map, i, true);
        }
    }

    /// Forgets that.
    pub fn clear_unsynced(&self, base: Addr) {
        if let Some(r) = self.region_of(base) {
            let k = base.since(r.base) >> self.grain_shift;
            r.unsynced.set(bits::minus(&r.unsynced.get(), &bits::run(k, 1)));
        }
    }

    /// Calls `f` with the tract of every unsynced segment, in address order,
    /// and forgets them.
    pub fn drain_unsynced(&self, mut f: impl FnMut(Tract)) {
        for c in self.chunks.iter() {
            for w in 0..c.map_words {
                let mut word = c.word(c.dirty_map, w).replace(0);
                while word != 0 {
                    let i = c.region_at(w, word.trailing_zeros());
                    word &= word - 1;
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

impl Chunk {
    fn link_prev(&self) -> Option<P<Chunk>> {
        use crate::base::list::Linked;
        self.link().prev_of()
    }
}

impl Region {
    fn is_listed(&self) -> bool {
        use crate::base::list::Linked;
        self.link().is_linked()
    }
}

fn hash(key: usize) -> usize {
    let h = key.wrapping_mul(0x9E37_79B9_7F4A_7C15u64 as usize);
    h ^ (h >> (usize::BITS / 2))
}

#[cfg(test)]
pub(crate) mod tests;
