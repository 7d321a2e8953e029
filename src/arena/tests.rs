//! The memory half of an instance against a naive model, over a mock machine
//! that knows the state of every page.

use super::chunk::{EMPTY_TRACTS, Tract};
use super::*;
use crate::base::bits;
use crate::base::res::Res;
use crate::base::sets::AccessSet;
use crate::ports::testing::faulty::Faulty;
use crate::ports::testing::mock::{Mock, PAGE};
use std::boxed::Box;
use std::collections::BTreeMap;
use std::io::Write;
use std::vec::Vec;

/// xorshift64*, seeded as all our tests are.
pub(crate) struct Rng(pub(crate) u64);

impl Rng {
    /// From `MPS_TEST_SEED`, or the clock; printed past the test harness, which
    /// loses what it holds when a check of the library ends the process.
    pub(crate) fn new(name: &str) -> Rng {
        let given = std::env::var("MPS_TEST_SEED").ok().and_then(|s| s.parse().ok());
        let seed = given.unwrap_or_else(|| {
            let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
            now.map_or(1, |d| d.as_micros() as u64)
        });
        let _ = std::writeln!(std::io::stderr(), "{name}: MPS_TEST_SEED={seed}");
        Rng::from(seed)
    }
    pub(crate) fn from(seed: u64) -> Rng {
        Rng(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }
    pub(crate) fn word(&mut self) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 32) as usize
    }
    pub(crate) fn below(&mut self, n: usize) -> usize {
        self.word() % n.max(1)
    }
    pub(crate) fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }
}

/// For tests that need an arena to work in.
pub(crate) fn some_arena() -> (&'static Mock, Box<Arena>) {
    let mock = Mock::leaked();
    let p = Params { grain: PAGE, size: 1 << 20, base: None, limit: usize::MAX, extra: 0 };
    (mock, make(mock, &p).unwrap())
}

fn make(port: &'static dyn Port, p: &Params) -> Result<Box<Arena>> {
    let boot = Boot::new(port, p)?;
    let a = Box::new(Arena::new(port, p, &boot));
    a.start(&boot);
    Ok(a)
}

/// What is allocated, by base: size and tract.
type Blocks = BTreeMap<usize, (Size, usize)>;

struct Model {
    mock: &'static Mock,
    arena: Box<Arena>,
    homes: Vec<P<Home>>,
    blocks: Blocks,
    next: usize,
    rng: Rng,
    /// Memory that a client arena was given.
    given: Vec<Range>,
}

impl Model {
    fn new(mock: &'static Mock, port: &'static dyn Port, p: &Params, rng: Rng) -> Result<Model> {
        let arena = make(port, p)?;
        let home = |i: usize| {
            let h: &'static Home = Box::leak(Box::default());
            h.plain.set(i == 0);
            // SAFETY: leaked.
            unsafe { P::new(core::ptr::NonNull::from(h)) }
        };
        let homes = (0..4).map(home).collect();
        Ok(Model { mock, arena, homes, blocks: Blocks::new(), next: 1, rng, given: Vec::new() })
    }

    fn alloc(&mut self, size: Size) -> Result<Addr> {
        // Some are like control memory: nobody's.
        let tract = if self.rng.one_in(5) { 0 } else { self.next * 64 };
        self.next += 1;
        let home = self.homes[self.rng.below(self.homes.len())];
        let a = self.arena.alloc(home, size, Addr(tract).ptr())?;
        let size = crate::base::addr::size_up(size, self.arena.grain());
        assert!(a.is_aligned(self.arena.grain()));
        let before = self.blocks.range(..a.0 + size).next_back();
        assert!(before.is_none_or(|(b, (s, _))| b + s <= a.0), "blocks overlap");
        let mut at = a;
        while at < a.add(size) {
            if !self.arena.is_client() || self.arena.can_protect() {
                for off in (0..self.arena.grain()).step_by(PAGE) {
                    assert!(!self.mock.would_fault(at.add(off), true), "{at:?} can't be written");
                }
            }
            stamp(at, tract);
            at = at.add(self.arena.grain());
        }
        self.blocks.insert(a.0, (size, tract));
        Ok(a)
    }

    /// Gives back a block, or part of one.
    fn free(&mut self, base: usize) {
        let (size, tract) = self.blocks.remove(&base).unwrap();
        let grains = size / self.arena.grain();
        self.check_block(base, size, tract);
        let (mut lo, mut hi) = (0, grains);
        if grains > 1 && self.rng.one_in(4) {
            lo = self.rng.below(grains);
            hi = lo + 1 + self.rng.below(grains - lo);
        }
        let g = self.arena.grain();
        if lo > 0 {
            self.blocks.insert(base, (lo * g, tract));
        }
        if hi < grains {
            self.blocks.insert(base + hi * g, ((grains - hi) * g, tract));
        }
        let r = Range::sized(Addr(base + lo * g), (hi - lo) * g);
        let protect = self.arena.can_protect() && self.rng.one_in(3);
        if protect {
            self.mock.protect(r.base, r.size(), AccessSet::WRITE).unwrap();
        }
        self.arena.free_protected(r.base, r.size(), protect);
        if !self.arena.is_client() {
            let (spare, all) = (self.arena.spare.get(), self.arena.committed.get());
            assert!(
                spare as f64 <= self.arena.spare_fraction.get() * all as f64 + 1.0,
                "{spare} of {all} is spare"
            );
        }
    }

    fn free_some(&mut self) {
        if let Some(&base) = self.blocks.keys().nth(self.rng.below(self.blocks.len())) {
            self.free(base);
        }
    }

    fn check_block(&self, base: usize, size: Size, tract: usize) {
        let g = self.arena.grain();
        for a in (base..base + size).step_by(g) {
            assert_eq!(stamped(Addr(a)), (a, tract), "contents of {a:x}");
            for a in [a, a + 1, a + g / 2, a + g - 1] {
                assert_eq!(Addr::of(self.arena.tract_of(Addr(a))).0, tract, "tract of {a:x}");
                assert!(self.arena.has_addr(Addr(a)), "{a:x}");
            }
        }
    }

    /// Everything there is to check at every step.
    fn check(&mut self) {
        let a = &self.arena;
        let g = a.grain();
        let (mut committed, mut spare, mut reserved, mut used) = (a.directory.bytes(), 0, 0, 0);
        for c in a.chunks() {
            let header = c.table_mapped.get().min(c.range.base).since(c.reserved.base);
            committed += if a.is_client() {
                c.range.base.since(c.reserved.base.up(g.max(64)))
            } else {
                header
            };
            reserved += c.reserved.size();
            let mut in_use = 0;
            for i in 0..c.ninit.get() {
                let r = c.region(i);
                let (free, mapped) = (r.free.get(), r.mapped.get());
                assert!(bits::is_empty(&bits::minus(&free, &r.valid)));
                assert!(bits::is_empty(&bits::minus(&mapped, &r.valid)));
                let taken = bits::minus(&r.valid, &free);
                assert!(bits::is_empty(&bits::minus(&taken, &mapped)), "in use, and no memory");
                if a.is_client() {
                    assert_eq!(taken, mapped);
                }
                assert!(bits::is_empty(&bits::minus(&r.stale_prot.get(), &free)));
                assert_eq!(r.home.get().is_none(), r.is_free(), "whose is region {i}?");
                // Listed with its home while there is room in it.
                let room = !bits::is_empty(&free);
                let listed = r.home.get().is_some_and(|h| h.regions.iter().any(|x| x == r));
                assert_eq!(
                    (r.get().is_listed(), listed),
                    (listed, room && !r.is_free()),
                    "region {i}"
                );
                in_use += !r.is_free() as usize;
                committed += bits::count(&mapped) * g;
                spare += bits::count(&bits::and(&mapped, &free)) * g;
                used += bits::count(&taken) * g;
            }
            assert_eq!(c.in_use.get(), in_use);
        }
        assert_eq!(
            (a.committed.get(), a.spare.get(), a.reserved.get()),
            (committed, spare, reserved)
        );
        assert!(committed <= a.limit.get(), "over the limit");
        if !a.is_client() {
            assert_eq!(self.mock.mapped().0, committed, "memory that is mapped");
        }
        let mine: Size = self.blocks.values().map(|b| b.0).sum();
        let control: Size = used - mine;
        // Its structures are few: tract tables, in slabs that are kept.
        assert!(control <= used / 4 + 64 * g.max(4096), "{control} bytes of control memory");
        // Addresses anywhere.
        let (low, high) = (
            a.lowest.load(core::sync::atomic::Ordering::Relaxed),
            a.highest.load(core::sync::atomic::Ordering::Relaxed),
        );
        for _ in 0..8 {
            let at = low - 4 * g + self.rng.word() * 4099 % (high - low + 8 * g);
            let b = self.blocks.range(..=at).next_back();
            let want = b.filter(|(b, (s, _))| at - **b < *s).map(|(_, (_, t))| *t);
            assert_eq!(
                Addr::of(self.arena.tract_of(Addr(at))).0,
                want.unwrap_or(0),
                "tract of {at:x}"
            );
            assert!(want.is_none() || self.arena.has_addr(Addr(at)));
            // (Of memory that was given some may be left over at both ends.)
            let inside = self.arena.chunks().find(|c| c.range.contains(Addr(at)));
            let outside = self.arena.chunks().all(|c| !c.reserved.contains(Addr(at)));
            let found = self.arena.chunk_of(Addr(at));
            assert!(inside.is_none() || found == inside, "chunk of {at:x}");
            assert!(!outside || found.is_none(), "chunk of {at:x}");
        }
    }

    /// All tracts, by the walk, are the model's.
    fn check_walk(&self) {
        let mut seen: Vec<(usize, usize)> = Vec::new();
        let mut walk = Walk::Start;
        while let Some((a, t)) = self.arena.next_tract(walk) {
            seen.push((a.0, Addr::of(t).0));
            walk = Walk::At(self.arena.chunk_of(a).unwrap(), a.add(self.arena.grain()));
        }
        seen.sort_unstable();
        let g = self.arena.grain();
        let all = self.blocks.iter().filter(|(_, (_, t))| *t != 0);
        let all: Vec<_> =
            all.flat_map(|(b, (s, t))| (0..s / g).map(move |i| (b + i * g, *t))).collect();
        assert_eq!(seen, all);
    }

    fn size(&mut self) -> Size {
        let g = self.arena.grain();
        let region = 1usize << self.arena.zone_shift();
        match self.rng.below(20) {
            0 => 1 + self.rng.below(4 * region),
            1..4 => 1 + self.rng.below(region),
            4..10 => 1 + self.rng.below(16 * g),
            _ => 1 + self.rng.below(2 * g),
        }
    }

    /// One thing or another; at most about `most` bytes in blocks.
    fn act(&mut self, most: Size) {
        let used: Size = self.blocks.values().map(|b| b.0).sum();
        match self.rng.below(100) {
            0..50 if used < most => {
                let size = self.size();
                let before = self.arena.committed.get() - self.arena.spare.get();
                if self.alloc(size).is_err() {
                    // Nothing is in use that was not, but for slabs.
                    let now = self.arena.committed.get() - self.arena.spare.get();
                    assert!(
                        now >= before
                            && now - before <= 2 * self.arena.grain().max(4096) + (1 << 16)
                    );
                }
            }
            0..94 => self.free_some(),
            94 => self.arena.trim(),
            95 => {
                self.arena.shrink();
            }
            96 => {
                let (spare, want) = (self.arena.spare.get(), self.rng.below(1 << 20));
                self.arena.purge(want, None);
                let gone = spare - self.arena.spare.get();
                assert!(
                    self.arena.is_client() || gone >= want.min(spare),
                    "{gone} purged, not {want}"
                );
            }
            97 => {
                let f = self.rng.below(11) as f64 / 10.0;
                self.arena.spare_fraction.set(f);
                self.arena.trim();
            }
            _ => {
                let (c, s) = (self.arena.committed.get(), self.arena.spare.get());
                let limit = match self.rng.below(3) {
                    0 => usize::MAX,
                    1 => c + self.rng.below(1 << 20),
                    _ => (c - s.min(c) / 2).saturating_sub(self.rng.below(1 << 18)),
                };
                let old = self.arena.limit.get();
                match self.arena.set_limit(limit) {
                    Ok(()) => assert!(self.arena.committed.get() <= limit),
                    Err(e) => {
                        assert_eq!(e, Res::Fail);
                        assert!(c - s > limit, "refused, and {} would do", c - s);
                        assert_eq!(
                            (c, s, old),
                            (
                                self.arena.committed.get(),
                                self.arena.spare.get(),
                                self.arena.limit.get()
                            )
                        );
                    }
                }
            }
        }
    }

    fn finish(mut self) {
        self.arena.set_limit(usize::MAX).unwrap();
        while let Some(&base) = self.blocks.keys().next() {
            self.free(base);
        }
        self.check();
        self.arena.shrink();
        self.check();
        for c in self.arena.chunks().skip(1) {
            assert!(self.arena.is_client() || c.in_use.get() != 0, "a chunk is kept for nothing");
        }
        self.arena.finish();
        for r in &self.given {
            for at in (r.base.0..r.limit.0).step_by(PAGE) {
                assert!(!self.mock.would_fault(Addr(at), true), "given memory was left protected");
            }
            self.mock.release(r.base, r.size());
        }
        assert_eq!((self.mock.reservations(), self.mock.mapped().0), (0, 0), "not all came back");
    }
}

fn stamp(a: Addr, tract: usize) {
    // SAFETY: a grain just allocated.
    unsafe { a.ptr::<(usize, usize)>().write((a.0, tract)) }
}

fn stamped(a: Addr) -> (usize, usize) {
    // SAFETY: as above, not yet given back.
    unsafe { a.ptr::<(usize, usize)>().read() }
}

impl Arena {
    /// One more allocation of whatever kind: is it the one to fail?
    pub(super) fn trial(&self) -> Result {
        let (n, fatal) = self.control.trial.get();
        self.control.trial.set((n + 1, fatal));
        if fatal == Some(n) { Err(Res::Memory) } else { Ok(()) }
    }

    /// Counts allocations from 0 again; the one after `n` others fails, and
    /// only that.
    pub(crate) fn fail_after(&self, n: Option<usize>) {
        self.control.trial.set((0, n));
    }

    /// Allocations since counting began.
    pub(crate) fn allocations(&self) -> usize {
        self.control.trial.get().0
    }

    /// Bytes of the library's own structures, but for what the arena itself
    /// has there: it comes and goes with chunks and regions.
    pub(crate) fn control_in_use(&self) -> Size {
        let mut own = 0;
        if self.table_in.get().is_none() && self.table_len.get() != 0 {
            own += self.control_size(self.table_len.get() * size_of::<TableEntry>());
        }
        for c in self.chunks.iter() {
            let tables =
                (0..c.ninit.get()).filter(|i| !core::ptr::eq(c.tracts(*i), EMPTY_TRACTS.table()));
            own += tables.count() * self.control_size(c.grains() * size_of::<Tract>());
        }
        self.control.in_use.get() - own
    }
}

fn vm(grain: Size) -> Params {
    Params { grain, size: 1 << 20, base: None, limit: usize::MAX, extra: 0 }
}

fn run(m: &mut Model, acts: usize, most: Size) {
    for i in 0..acts {
        m.act(most);
        m.check();
        if i % 100 == 0 {
            m.check_walk();
        }
    }
}

#[test]
fn vm_against_the_model() {
    for grain in [4 << 10, 8 << 10, 64 << 10, 1 << 20] {
        let mock = Mock::leaked();
        let rng = Rng::new("vm_against_the_model");
        let mut m = Model::new(mock, mock, &vm(grain), rng).unwrap();
        run(&mut m, 2_000, (12 << 20).max(20 * grain));
        assert!(mock.calls().reserve > 1 && mock.calls().unmap > 0);
        m.finish();
    }
}

#[test]
fn vm_without_zones() {
    let mock = Mock::leaked();
    let mut m = Model::new(mock, mock, &vm(4096), Rng::new("vm_without_zones")).unwrap();
    m.arena.zoned.set(false);
    run(&mut m, 1_500, 12 << 20);
    m.finish();
}

/// Memory that runs out under the port, rather than at the commit limit.
#[test]
fn vm_short_of_memory() {
    let mock = Mock::leaked();
    let mut m = Model::new(mock, mock, &vm(4096), Rng::new("vm_short_of_memory")).unwrap();
    mock.limit_memory(Some(3 << 20));
    let mut refused = 0;
    for _ in 0..1_500 {
        let size = m.size();
        match m.alloc(size) {
            Ok(_) => {}
            Err(e) => {
                assert!(matches!(e, Res::Memory | Res::Resource), "{e:?}");
                refused += 1;
                // Only where it does not fit beside what is in use: what is spare
                // goes back first. (Some goes for tables.)
                let used = m.arena.committed.get() - m.arena.spare.get();
                assert!(used + size + (64 << 10) > 3 << 20, "{size} refused, {used} in use");
                for _ in 0..1 + m.rng.below(m.blocks.len()) {
                    m.free_some();
                }
            }
        }
        m.check();
    }
    assert!(refused > 10, "{refused}");
    mock.limit_memory(None);
    run(&mut m, 200, 12 << 20);
    m.finish();
}

/// Free memory that is still protected, in more pieces than the system tells apart:
/// taking protection off is refused until memory has gone back.
#[test]
fn stale_protection_cannot_be_taken_off() {
    let mock = Mock::leaked();
    let mut m = Model::new(mock, mock, &vm(4096), Rng::new("stale_protection")).unwrap();
    m.arena.spare_fraction.set(1.0);
    let home = m.homes[1];
    const N: usize = 20;
    for _ in 0..4 {
        let take = |n| m.arena.alloc(home, n * PAGE, core::ptr::null_mut()).unwrap();
        let many: Vec<Addr> = (0..N).map(|_| take(4)).collect();
        // All of each is protected, and its middle is freed: to take protection off
        // there makes pieces.
        for a in &many {
            mock.protect(*a, 4 * PAGE, AccessSet::WRITE).unwrap();
            m.arena.free_protected(a.add(PAGE), 2 * PAGE, true);
        }
        // What could go back: a region's worth of free memory in as many pieces.
        let other = m.homes[2];
        let idle: Vec<Addr> = (0..8 * N)
            .map(|_| m.arena.alloc(other, PAGE, core::ptr::null_mut()).unwrap())
            .collect();
        for a in idle.iter().step_by(2) {
            mock.protect(*a, PAGE, AccessSet::WRITE).unwrap();
        }
        for (i, a) in idle.iter().enumerate() {
            m.arena.free_protected(*a, PAGE, i % 2 == 0);
        }
        mock.limit_pieces(Some(mock.pieces()));
        let mut mine: Vec<Addr> = (0..2 * N).map(|_| take(1)).collect();
        for a in &mine {
            assert!(!mock.would_fault(*a, true), "{a:?} is protected");
        }
        mock.limit_pieces(None);
        for a in &many {
            mock.protect(*a, PAGE, AccessSet::EMPTY).unwrap();
            mock.protect(a.add(3 * PAGE), PAGE, AccessSet::EMPTY).unwrap();
        }
        mine.extend(many.iter().flat_map(|a| [*a, a.add(3 * PAGE)]));
        m.blocks = mine.iter().map(|a| (a.0, (PAGE, 0))).collect();
        mine.iter().for_each(|a| stamp(*a, 0));
        m.check();
        while !m.blocks.is_empty() {
            m.free_some();
        }
        m.check();
    }
    m.finish();
}

/// Address space that is all taken: a chunk that nothing is in goes back, even where
/// there is no room for a smaller table of chunks.
#[test]
fn unused_chunks_go_back() {
    let mock = Mock::leaked();
    let mut m = Model::new(mock, mock, &vm(4096), Rng::new("unused_chunks_go_back")).unwrap();
    m.arena.growth.set(1 << 20);
    for _ in 0..6 {
        m.alloc(3 << 20).unwrap();
    }
    mock.limit_space(Some(mock.reserved()));
    assert_eq!(m.alloc(9 << 20), Err(Res::Resource));
    while let Some(&base) = m.blocks.keys().next() {
        let (size, tract) = m.blocks.remove(&base).unwrap();
        m.check_block(base, size, tract);
        m.arena.free(Addr(base), size);
    }
    // The first does so without.
    assert!(m.arena.chunks().count() > 3);
    m.arena.fail_after(Some(0));
    assert!(m.arena.shrink() && m.arena.allocations() > 1);
    m.arena.fail_after(None);
    m.check();
    assert!(m.arena.chunks().count() <= 2, "{} chunks", m.arena.chunks().count());
    m.alloc(9 << 20).unwrap();
    mock.limit_space(None);
    m.check();
    m.finish();
}

fn client(size: Size, off: Size, grain: Size) -> Model {
    let mock = Mock::leaked();
    let all = size + 2 * PAGE;
    let base = mock.reserve(all, PAGE).unwrap();
    mock.map(base, all).unwrap();
    // SAFETY: just mapped; a client's memory need not be zero.
    unsafe { base.ptr::<u8>().write_bytes(0xE5, all) };
    let p = Params { grain, size, base: Some(base.add(off)), limit: usize::MAX, extra: 0 };
    let mut m = Model::new(mock, mock, &p, Rng::new("client")).unwrap();
    m.given.push(Range::sized(base, all));
    m
}

#[test]
fn client_against_the_model() {
    for (size, off, grain) in [
        (4 << 20, 0, 8192),
        (4 << 20, 4089, 4096),
        (1 << 20, 100, 1024),
        (64 << 10, 1, 256),
        (20 << 20, 4096, 64 << 10),
    ] {
        let mut m = client(size, off, grain);
        run(&mut m, 1_000, size);
        // More of it, not next to it.
        let mock = m.mock;
        let all = size.div_ceil(PAGE) * PAGE;
        let more = mock.reserve(all, PAGE).unwrap();
        mock.map(more, all).unwrap();
        m.given.push(Range::sized(more, all));
        m.arena.set_limit(usize::MAX).unwrap();
        let before = m.arena.reserved.get();
        m.arena.extend_client(more.add(24), all - 24).unwrap();
        assert_eq!(m.arena.reserved.get(), before + all - 24);
        run(&mut m, 1_000, 2 * size);
        m.finish();
    }
}

#[test]
fn client_memory_can_be_used_up() {
    let mut m = client(1 << 20, 0, 4096);
    let mut n = 0;
    while m.alloc(4096).is_ok() {
        n += 1;
    }
    // Header and control memory take little.
    assert!(n * 4096 > (1 << 20) * 9 / 10, "{n} grains");
    m.check();
    let header = m.arena.committed.get() - n * 4096;
    while let Some(&b) = m.blocks.keys().next() {
        m.free(b);
    }
    // And again, in one piece.
    let most = (1 << 20) - header - (header & (1 << 19));
    let got = (0..64).find_map(|i| m.alloc(most - i * 8192).ok());
    assert!(got.is_some(), "freed memory does not join up");
    m.check();
    m.finish();
}

#[test]
fn too_little_memory_is_refused() {
    let mock = Mock::leaked();
    let base = mock.reserve(1 << 20, PAGE).unwrap();
    mock.map(base, 1 << 20).unwrap();
    let mut small = 0;
    for size in (0..64 << 10).step_by(1111) {
        let p = Params { grain: 4096, size, base: Some(base.add(8)), limit: usize::MAX, extra: 64 };
        match Boot::new(mock, &p) {
            Ok(_) => assert!(size > 4096, "{size} bytes are enough"),
            Err(e) => {
                assert_eq!(e, Res::Memory);
                small = size;
            }
        }
    }
    assert!((4096..40 << 10).contains(&small), "{small} bytes are too little");
    mock.release(base, 1 << 20);
    for limit in [0, 1, 4095] {
        let got = Boot::new(mock, &Params { limit, ..vm(4096) });
        assert_eq!(got.err(), Some(Res::CommitLimit));
        assert_eq!((mock.reservations(), mock.mapped().0), (0, 0));
    }
    for size in [usize::MAX, usize::MAX / 2 + 1, usize::MAX - (1 << 20)] {
        let got = Boot::new(mock, &Params { size, ..vm(4096) });
        assert_eq!(got.err(), Some(Res::Resource));
        assert_eq!(mock.reservations(), 0);
    }
}

/// The limit is a promise to the byte.
#[test]
fn commit_limit() {
    for grain in [4096, 64 << 10] {
        let mock = Mock::leaked();
        let mut m = Model::new(mock, mock, &vm(grain), Rng::new("commit_limit")).unwrap();
        m.alloc(grain).unwrap();
        for room in 0..40 {
            m.arena.purge(usize::MAX, None);
            assert_eq!(m.arena.spare.get(), 0);
            m.arena.set_limit(m.arena.committed.get() + room * grain).unwrap();
            let mut n = 0;
            let why = loop {
                match m.alloc(grain) {
                    Ok(_) => n += 1,
                    Err(e) => break e,
                }
                m.check();
            };
            // Some may have gone to the library's own structures: a table for
            // the region of each of the four homes, more of that of regions, and of the directory.
            assert!(why == Res::CommitLimit && n <= room && n + 6 >= room, "{why:?} {n} {room}");
            m.arena.set_limit(usize::MAX).unwrap();
            while m.blocks.len() > 1 {
                m.free_some();
            }
        }
        m.finish();
    }
}

/// What the arena keeps about regions goes back with them.
#[test]
fn tables_go_back() {
    let mock = Mock::leaked();
    let p = Params { size: 200 << 20, ..vm(4096) };
    let m = Model::new(mock, mock, &p, Rng::new("tables_go_back")).unwrap();
    m.arena.spare_fraction.set(1.0);
    let before = m.arena.committed.get();
    // More regions than one word of a map has bits, wherever the chunk begins.
    let count = 70;
    for high in [true, false] {
        m.homes[0].high.set(high);
        let home = m.homes[0];
        let blocks: Vec<_> = (0..count)
            .map(|_| m.arena.alloc(home, 1 << 20, core::ptr::null_mut()).unwrap())
            .collect();
        // Entries of 200 regions are more than a few grains.
        let entries = m.arena.committed.get() - before - (count << 20);
        assert!(entries >= if high { 9 * 4096 } else { 2 * 4096 }, "{entries}");
        for a in blocks {
            m.arena.free(a, 1 << 20);
        }
        m.arena.purge(usize::MAX, None);
        assert_eq!(m.arena.committed.get(), before);
        assert_eq!(mock.mapped().0, before);
    }
    m.finish();
}

/// Many chunks come and go, and addresses are found in all of them.
#[test]
fn chunks_come_and_go() {
    let mock = Mock::leaked();
    let mut m = Model::new(mock, mock, &vm(4096), Rng::new("chunks_come_and_go")).unwrap();
    m.arena.growth.set(1 << 20);
    for _ in 0..3 {
        let mut most = 0;
        for i in 0..40 {
            m.alloc((1 << 20) + i * 4096).unwrap();
            m.check();
            most = most.max(m.arena.chunks().count());
        }
        assert!(most > 5, "{most} chunks");
        assert!(m.arena.directory.bytes() != 0, "there is a directory for all chunks");
        m.check_walk();
        while m.blocks.len() > 2 {
            m.free_some();
            if m.rng.one_in(4) {
                m.arena.shrink();
            }
            m.check();
        }
        m.arena.shrink();
        m.check();
        assert!(m.arena.chunks().count() <= 6, "{} of {most}", m.arena.chunks().count());
    }
    m.finish();
}

static SEEN: std::sync::Mutex<Vec<(bool, usize, usize)>> = std::sync::Mutex::new(Vec::new());

#[test]
fn callbacks() {
    unsafe extern "C" fn extended(h: *mut c_void, base: Addr, size: usize) {
        assert_eq!(h as usize, 77);
        SEEN.lock().unwrap().push((true, base.0, size));
    }
    unsafe extern "C" fn contracted(h: *mut c_void, base: Addr, size: usize) {
        assert_eq!(h as usize, 77);
        SEEN.lock().unwrap().push((false, base.0, size));
    }
    let mock = Mock::leaked();
    let mut m = Model::new(mock, mock, &vm(4096), Rng::new("callbacks")).unwrap();
    m.arena.handle.set(Addr(77).ptr());
    m.arena.extended.set(Some(extended));
    m.arena.contracted.set(Some(contracted));
    let first = m.arena.chunks().next().unwrap().reserved;
    SEEN.lock().unwrap().push((true, first.base.0, first.size()));
    for _ in 0..8 {
        for _ in 0..4 {
            m.alloc(1 << 20).unwrap();
        }
        while m.blocks.len() > 1 {
            m.free_some();
        }
        m.arena.shrink();
    }
    m.finish();
    let seen = SEEN.lock().unwrap();
    let mut there: Vec<(usize, usize)> = Vec::new();
    for &(came, base, size) in seen.iter() {
        if came {
            assert!(!there.contains(&(base, size)));
            there.push((base, size));
        } else {
            let i = there.iter().position(|c| *c == (base, size)).unwrap();
            there.swap_remove(i);
        }
    }
    assert!(there.is_empty() && seen.len() > 4, "{seen:?}");
}

/// Every fallible call of the port in turn fails; what was there stays as it
/// was, and the arena goes on.
#[test]
fn the_nth_port_call_fails() {
    let seed = Rng::new("the_nth_port_call_fails").0;
    for (grain, acts) in [(4096, 40), (64 << 10, 24)] {
        for for_good in [false, true] {
            let mut refused = 0;
            for n in 0.. {
                let mock = Mock::leaked();
                let port: &'static Faulty<'static> = Box::leak(Box::new(Faulty::new(mock)));
                if for_good {
                    port.fail_from(n);
                } else {
                    port.fail_after(n);
                }
                let Ok(mut m) = Model::new(mock, port, &vm(grain), Rng::from(seed)) else {
                    assert!(port.has_failed());
                    assert_eq!((mock.reservations(), mock.mapped().0), (0, 0));
                    continue;
                };
                for i in 0..acts {
                    let size = if i % 9 == 8 { 2 << 20 } else { m.size() };
                    let before = (m.blocks.clone(), m.arena.reserved.get());
                    if m.alloc(size).is_err() {
                        refused += 1;
                        assert!(port.has_failed());
                        assert!(before.0 == m.blocks);
                    }
                    m.check();
                    if i % 4 == 3 {
                        m.free_some();
                        m.check();
                    }
                    if i % 16 == 15 {
                        m.arena.purge(usize::MAX, None);
                        m.check();
                    }
                }
                for (&b, &(s, t)) in &m.blocks {
                    m.check_block(b, s, t);
                }
                let failed = port.has_failed();
                port.fail_nothing();
                m.check_walk();
                for _ in 0..20 {
                    let size = m.size();
                    m.alloc(size).unwrap();
                    m.check();
                }
                m.finish();
                if !failed {
                    assert!(n > 10 && refused > 0, "{n} calls, {refused} refused");
                    break;
                }
            }
        }
    }
}

/// Control blocks: distinct, aligned, and used again.
#[test]
fn control_memory() {
    let (mock, arena) = some_arena();
    let mut rng = Rng::new("control_memory");
    let mut live: Vec<(Addr, Size, u8)> = Vec::new();
    let mut most = 0;
    let before = arena.committed.get() - arena.spare.get();
    for i in 0..20_000 {
        if live.len() < 300 && !rng.one_in(3) {
            let top = if rng.one_in(30) { 20_000 } else { 2_500 };
            let size = 1 + rng.below(top);
            let a = arena.control_alloc(size).unwrap();
            assert!(a.is_aligned(32));
            let clash = live.iter().find(|(b, s, _)| a.0 < b.0 + s && b.0 < a.0 + size);
            assert!(clash.is_none(), "{clash:?}");
            // SAFETY: just allocated.
            unsafe { a.ptr::<u8>().write_bytes(i as u8, size) };
            live.push((a, size, i as u8));
        } else if !live.is_empty() {
            let (a, size, fill) = live.swap_remove(rng.below(live.len()));
            // SAFETY: allocated, and not yet freed.
            let bytes = unsafe { core::slice::from_raw_parts(a.ptr::<u8>(), size) };
            assert!(bytes.iter().all(|b| *b == fill), "a control block was overwritten");
            // SAFETY: not used any more.
            unsafe { arena.control_free(a, size) };
        }
        most = most.max(live.iter().map(|b| b.1).sum());
    }
    let used = arena.committed.get() - arena.spare.get();
    assert!(used < 3 * most + (1 << 19), "{used} bytes for {most}");
    for (a, size, _) in live {
        // SAFETY: not used any more.
        unsafe { arena.control_free(a, size) };
    }
    assert_eq!(arena.control.in_use.get(), 0);
    // A client's options may ask for any size.
    for shift in [48, 60, 61, 62, 63].map(|s| s * usize::BITS / 64) {
        assert!(arena.control_alloc(1 << shift).is_err());
    }
    assert!(arena.control_alloc(usize::MAX).is_err());
    // The region table's entries stay.
    let more = arena.committed.get() - arena.spare.get() - before;
    assert!(more <= arena.grain(), "{more} bytes stayed in use");
    arena.finish();
    assert_eq!(mock.reservations(), 0);
}

/// A null reference selects zone 0, so nothing that may be condemned is put there as
/// long as there is room elsewhere: neither small memory nor what takes several
/// regions.
#[test]
fn collected_memory_keeps_off_zone_0() {
    let mock = Mock::leaked();
    let p = Params { grain: PAGE, size: 200 << 20, base: None, limit: usize::MAX, extra: 0 };
    let a = make(mock, &p).unwrap();
    let home = Box::leak(Box::new(Home::default()));
    // SAFETY: leaked.
    let home = unsafe { P::new(core::ptr::NonNull::from(&*home)) };
    let shift = a.zone_shift();
    let mut got = 0;
    // Three chunks' worth would do it; in one there are three regions of zone 0.
    for i in 0..40usize {
        let size = [PAGE, 3 << 20, 1 << 20, (2 << 20) + PAGE][i % 4];
        let Ok(base) = a.alloc(home, size, core::ptr::without_provenance_mut(8)) else { break };
        let zones = ZoneSet::of_range(base, base.add(size), shift);
        assert!(!zones.meets(ZoneSet(1)), "{size} bytes at {base:?}");
        got += size;
    }
    assert!(got > 60 << 20, "{got} bytes");
    a.finish();
}

/// A home of control memory that asks for whole regions gets them, one after the other, and
/// each one's table of tracts stands elsewhere.
#[test]
fn whole_regions_for_control_memory() {
    let (_, arena) = some_arena();
    let region = 1usize << arena.region_shift;
    let mut tract = 0usize;
    let before = arena.reserved.get();
    for _ in 0..40 {
        tract += 8;
        let a = arena.alloc(arena.control_home(), region, tract as Tract).unwrap();
        assert_eq!(a.0 % region, 0);
    }
    // Chunks grow with the arena; address space is not eaten up.
    assert!(arena.reserved.get() - before < 80 * region, "{} bytes", arena.reserved.get());
}
