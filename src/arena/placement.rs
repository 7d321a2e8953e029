//! Placement: which grains a request gets, and giving them back.
//!
//! A request is tried, in this order, in the home's own regions, in a region
//! that nobody has (in a zone that suits the home, then in any), in a new chunk,
//! and at last anywhere it fits.
//!
//! # Invariants
//! - A region has a home exactly if some grain of it is in use.
//! - It is listed with its home exactly if, besides, some grain of it is free.
//! - A request that fails leaves nothing taken: no grain, no region.

use super::chunk::{Chunk, EMPTY_TRACTS, Region, Tract};
use super::{Arena, Home};
use crate::base::addr::{Addr, Size, WORD_BITS, size_up_checked};
use crate::base::bits::{self, Bits};
use crate::base::ptr::P;
use crate::base::res::{Res, Result};
use crate::base::sets::ZoneSet;
use crate::seam::parts;

/// How many of a home's own regions are looked at before it gets another. A region that
/// the request does not fit into goes to the end of the list, so the next request begins
/// with others. A guess: enough to find room in what was freed lately, few enough to be
/// cheap.
const REGIONS_TRIED: usize = 8;

impl Arena {
    /// Allocates `size` bytes, rounded up to grains, for a home. They are readable and writable,
    /// their contents arbitrary. `tract` is hung on every grain. Cost: a few words of bits for
    /// each region that is looked at, and system calls if memory is to be mapped.
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
        if over && !self.is_client() && !crate::seam::fault("commit_limit") {
            // No memory that could be given back would be enough. So no address space is
            // taken, and no tables for it.
            return Err(Res::CommitLimit);
        }
        let n = size >> self.grain_shift;
        let per = 1usize << (self.region_shift - self.grain_shift);
        if n <= per {
            let mut tries = REGIONS_TRIED;
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
                // It has no run of this size, so it goes to the end of the list. (If its last
                // room went to a tract table, it is in no list.)
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

    /// Takes `n` grains in region `r`. `Limit`: it has no run of so many.
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
    pub(super) fn take(&self, r: &P<Region>, at: usize, n: usize, tract: Tract) -> Result<Addr> {
        let i = r.chunk.index_of(r.base);
        if !tract.is_null() && core::ptr::eq(r.chunk.tracts(i), EMPTY_TRACTS.table()) {
            self.make_tracts(r, i, n)?;
            // The table may have been put into the grains that were to be taken.
            let want = bits::run(at, n);
            if bits::and(&r.free.get(), &want) != want {
                return self.take_in(r, n, tract);
            }
        }
        self.take_with_tracts(r, at, n, tract)
    }

    /// Makes a tract table for region `i`, of which `n` grains are about to be taken. This
    /// comes back to [`Arena::take`] for the table's own memory, so neither has much on the
    /// stack meanwhile.
    #[inline(never)]
    fn make_tracts(&self, r: &P<Region>, i: usize, n: usize) -> Result {
        let c = r.chunk;
        let bytes = c.grains() * size_of::<Tract>();
        let home = r.home.get();
        // The table comes from the home of control memory, and this region may be that
        // home's newest. If all of it is wanted, the table must not be put into it.
        let hidden = n == c.grains() && r.get().is_listed();
        if let (Some(h), true) = (home, hidden) {
            h.regions.remove(*r);
        }
        let got = self.control_alloc(bytes);
        if let (Some(h), true) = (home, hidden)
            && r.home.get() == home
            && !r.get().is_listed()
            && !bits::is_empty(&r.free.get())
        {
            h.regions.push_front(*r);
        }
        let table: *mut Tract = got?.ptr();
        if let (Some(h), None) = (home, r.home.get()) {
            // While room for the table was looked for, this region was given up.
            self.claim(h, *r, i);
        }
        for k in 0..c.grains() {
            // SAFETY: the table has an entry a grain.
            unsafe { table.add(k).write(core::ptr::null_mut()) };
        }
        c.set_tracts(i, table);
        Ok(())
    }

    /// As [`Arena::take`], in a region that has a table if one is needed.
    #[inline(never)]
    fn take_with_tracts(&self, r: &P<Region>, at: usize, n: usize, tract: Tract) -> Result<Addr> {
        let c = r.chunk;
        let i = c.index_of(r.base);
        let want = bits::run(at, n);
        self.map_grains(r, &want)?;
        let stale = bits::and(&r.stale_prot.get(), &want);
        if !bits::is_empty(&stale) {
            self.open(r, &stale)?;
        }
        r.free.set(bits::minus(&r.free.get(), &want));
        if !self.is_client() {
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

    /// Takes `n` grains in a region that nobody has, which is `home`'s from then on.
    /// `Limit`: there is none.
    fn take_region(&self, home: P<Home>, n: usize, tract: Tract) -> Result<Addr> {
        let own = home.zones.get();
        let used = self.used_zones.get();
        let zone0 = ZoneSet(1);
        let high = home.high.get();
        let choices = if !self.zoned.get() || high {
            [ZoneSet::ALL; 4]
        } else if self.is_one_piece() && !home.plain.get() {
            // Each region is a zone of its own, whichever is taken. The lowest is taken, so
            // that what is free stays in one piece.
            let but0 = ZoneSet::ALL.minus(zone0);
            [but0, but0, but0, ZoneSet::ALL]
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
                    // A high address matters more than mapped memory.
                    continue;
                }
                let mut next = self.next_chunk(None, high);
                while let Some(c) = next {
                    next = self.next_chunk(Some(c), high);
                    let map = if warm { c.warm_map } else { c.free_map };
                    // The region at an end of a chunk may be too small. Then the next is
                    // tried.
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

    /// Is it a client arena of one chunk with so few regions that each is a zone of its own?
    fn is_one_piece(&self) -> bool {
        let only = if self.chunks.len() == 1 { self.chunks.first() } else { None };
        self.is_client() && only.is_some_and(|c| c.nregions < WORD_BITS as usize)
    }

    /// Takes `n` grains in a region near the start of the first chunk, for memory that is
    /// never condemned. It does so for the first control memory. It also does so where each
    /// region is a zone of its own, so that it takes a zone from others whichever region it
    /// takes. (One zone may have two regions: the header comes on top of the size asked
    /// for.) A small arena then needs no pages for table entries of regions that it
    /// may never use.
    fn take_near(&self, home: P<Home>, n: usize, tract: Tract) -> Option<Addr> {
        let c = self.chunks.first()?;
        let first = home == self.control_home() && home.zones.get().0.count_ones() < 2;
        let i = c.find_free_run(1, false)?;
        let mapped = c.entry_limit(i) <= c.table_mapped.get();
        if !(first && mapped || c.nregions <= WORD_BITS as usize + 1) {
            return None;
        }
        let r = self.region_ready(c, i).ok()?;
        bits::find_run(&r.free.get(), n)?;
        self.claim_and_take(home, r, i, n, tract).ok()
    }

    /// Gives `home` a region that nobody has, and takes `n` grains in it. The region has
    /// room for them.
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

    /// The chunk to look at after `last`, or the first one: in the order in which they were
    /// taken, or, if `high`, from the highest address down.
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

    /// Takes an entirely free region out of its home, if it has one.
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
            // This may give back memory, but no table entry of a region with a home.
            // SAFETY: nobody uses it any more.
            unsafe { self.control_free(Addr::of(table), bytes) };
        }
        r.home.set(None);
        c.map_bit(c.free_map, i, true);
        c.map_bit(c.warm_map, i, !bits::is_empty(&r.mapped.get()));
        c.in_use.set(c.in_use.get() - 1);
    }

    /// Takes more grains than a region has: whole regions side by side, and perhaps a part
    /// of the last. `Limit`: there are none.
    fn take_regions(&self, home: P<Home>, n: usize, tract: Tract) -> Result<Addr> {
        let per = 1usize << (self.region_shift - self.grain_shift);
        let k = n.div_ceil(per);
        let high = home.high.get();
        let mut next = self.next_chunk(None, high);
        while let Some(c) = next {
            next = self.next_chunk(Some(c), high);
            let found = if high {
                c.find_last_free_run(k)
            } else {
                // A null reference selects zone 0: what is collected keeps away from it, or
                // scanners are offered null (`Home::plain`).
                let collected = self.zoned.get() && !home.plain.get();
                let apart = if collected { c.find_free_run(k, true) } else { None };
                apart.or_else(|| c.find_free_run(k, false))
            };
            let Some(first) = found else { continue };
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
            // All regions are claimed first, so that no tract table is put into one of them.
            let run = first..first + k;
            run.clone().for_each(|i| self.claim(home, c.region(i), i));
            let mut got = Partial::new(self, c, home, base, run.clone());
            for i in run {
                let m = (n - got.grains).min(per);
                got.take(i, 0, m, tract)?;
            }
            return Ok(got.keep());
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

    /// Takes any run of `n` free grains, whoever has the regions, across their borders too.
    /// This is the last resort. `Limit`: there is none. Cost: O(regions).
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
        let mut got = Partial::new(self, *c, self.control_home(), base, i..i);
        while got.grains < n {
            let m = (n - got.grains).min(per - s);
            got.take(i, s, m, tract)?;
            i += 1;
            s = 0;
        }
        Ok(got.keep())
    }

    /// Takes back `size` bytes, whole grains, whether they were allocated together or not.
    pub(crate) fn free(&self, base: Addr, size: Size) {
        self.free_protected(base, size, false);
    }

    /// As [`Arena::free`]. `protected`: the memory may still be protected. Its protection is
    /// taken off when it is used again.
    pub(crate) fn free_protected(&self, base: Addr, size: Size, protected: bool) {
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
            if parts::BARRIERS && protected {
                r.stale_prot.set(bits::or(&r.stale_prot.get(), &set));
            }
            if self.is_client() {
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

    /// Called before a home is destroyed. Its regions, in which other homes may have memory,
    /// go to the home of control memory.
    ///
    /// # Safety
    /// Nobody asks for memory for that home any more.
    pub unsafe fn retire(&self, home: P<Home>) {
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
}

/// What a request across regions has taken so far. Unless it is kept, dropping
/// it gives all of that back, and the regions that were claimed for it.
struct Partial<'a> {
    arena: &'a Arena,
    chunk: P<Chunk>,
    /// The home that regions go to which nobody has.
    home: P<Home>,
    base: Addr,
    /// How many grains have been taken, from `base` on.
    grains: usize,
    /// The regions claimed for it, or that it reaches into.
    regions: core::ops::Range<usize>,
}

impl<'a> Partial<'a> {
    fn new(
        arena: &'a Arena,
        chunk: P<Chunk>,
        home: P<Home>,
        base: Addr,
        regions: core::ops::Range<usize>,
    ) -> Partial<'a> {
        Partial { arena, chunk, home, base, grains: 0, regions }
    }

    /// Takes the next `n` grains: those from `at` on in region `i`. `Limit`: they
    /// are not free.
    fn take(&mut self, i: usize, at: usize, n: usize, tract: Tract) -> Result {
        let (arena, c) = (self.arena, self.chunk);
        let r = c.region(i);
        let want = bits::run(at, n);
        self.regions.end = self.regions.end.max(i + 1);
        if r.home.get().is_none() {
            arena.claim(self.home, r, i);
        }
        if bits::and(&r.free.get(), &want) != want {
            return Err(Res::Limit);
        }
        let a = arena.take(&r, at, n, tract)?;
        if a != r.base.add(at << arena.grain_shift) {
            // A tract table was put into the grains that were to be taken.
            arena.free(a, n << arena.grain_shift);
            return Err(Res::Limit);
        }
        self.grains += n;
        Ok(())
    }

    /// Keeps what was taken, because it is complete.
    fn keep(self) -> Addr {
        let base = self.base;
        core::mem::forget(self);
        base
    }
}

impl Drop for Partial<'_> {
    fn drop(&mut self) {
        let (arena, c) = (self.arena, self.chunk);
        if self.grains != 0 {
            arena.free(self.base, self.grains << arena.grain_shift);
        }
        for i in self.regions.clone() {
            // Giving back may have cut the region table short, to where no region
            // was claimed.
            if i < c.ninit.get() && c.region(i).is_free() {
                arena.disown(&c.region(i));
            }
        }
    }
}
