//! One list of scenarios for every pool class it applies to, on the mock
//! machine and on the real one; and the same life of a pool with each of its
//! allocations failing in turn.
//!
//! A class says in [`TABLE`] what it supports; a scenario says what it needs.
//! To add a class is to add a row.

mod crowds;
mod failing;
mod guardians;
mod lockorder;
mod scenarios;

use super::*;
use crate::base::check::testing::caught;
use crate::object::cx::bump;
use crate::pools::{manual, marksweep, snc};
use crate::seam::args::{self as key, Val as V};
use std::collections::BTreeMap;
use std::string::String;

// ---------------------------------------------------------------- the table

type List = Vec<(&'static Key, V)>;

struct Class {
    handle: ClassHandle,
    /// The only size of its blocks.
    unit: Option<Size>,
    /// `mps_alloc`; `mps_free`; allocation points.
    alloc: bool,
    free: bool,
    aps: bool,
    /// Its objects: have a format, are collected, move, have references.
    format: bool,
    auto: bool,
    moves: bool,
    refs: bool,
    /// Ranks of allocation points besides exact, and those refused.
    ranks: &'static [Rank],
    no_ranks: &'static [Rank],
    /// Can say which object an address lies in.
    lookup: bool,
    frames: bool,
    /// Checks fenceposts; free memory.
    fences: bool,
    paint: bool,
    /// Lists of keywords for creation that are good, and that are refused with
    /// an assertion that names the key.
    good: fn() -> Vec<List>,
    bad: fn() -> Vec<(List, &'static str)>,
}

const fn size(n: Size) -> V {
    V { size: n }
}
const fn real(d: f64) -> V {
    V { d }
}
const fn yes(b: bool) -> V {
    V { b: b as i32 }
}

const UNIT: Size = 40;

fn amc_good() -> Vec<List> {
    std::vec![
        std::vec![(&key::_mps_key_INTERIOR, yes(false))],
        std::vec![(&key::_mps_key_EXTEND_BY, size(4096)), (&key::_mps_key_LARGE_SIZE, size(8192))],
    ]
}
fn amc_bad() -> Vec<(List, &'static str)> {
    std::vec![
        (std::vec![(&key::_mps_key_EXTEND_BY, size(0))], "MPS_KEY_EXTEND_BY"),
        (std::vec![(&key::_mps_key_LARGE_SIZE, size(1))], "MPS_KEY_LARGE_SIZE"),
    ]
}
fn ms_good() -> Vec<List> {
    std::vec![
        std::vec![(&key::_mps_key_GEN, V { u: 0 })],
        std::vec![(&key::_mps_key_GEN, V { u: 2 })]
    ]
}
fn ms_bad() -> Vec<(List, &'static str)> {
    std::vec![(std::vec![(&key::_mps_key_GEN, V { u: 3 })], "MPS_KEY_GEN")]
}
fn ams_good() -> Vec<List> {
    let mut l = ms_good();
    l.push(std::vec![(&key::_mps_key_AMS_SUPPORT_AMBIGUOUS, yes(false))]);
    l
}
fn awl_good() -> Vec<List> {
    let mut l = ms_good();
    l.push(std::vec![(
        &key::_mps_key_AWL_FIND_DEPENDENT,
        V { find_dependent: Some(no_dependent) }
    )]);
    l
}
unsafe extern "C" fn no_dependent(_: Addr) -> Addr {
    Addr::NULL
}
fn none_good() -> Vec<List> {
    Vec::new()
}
fn none_bad() -> Vec<(List, &'static str)> {
    Vec::new()
}
fn mfs_good() -> Vec<List> {
    std::vec![
        std::vec![(&key::_mps_key_EXTEND_BY, size(1))],
        std::vec![(&key::_mps_key_EXTEND_BY, size(100_000))],
    ]
}
fn mfs_bad() -> Vec<(List, &'static str)> {
    let unit = &key::_mps_key_MFS_UNIT_SIZE;
    std::vec![
        (std::vec![(&key::_mps_key_EXTEND_BY, size(0))], "MPS_KEY_EXTEND_BY"),
        (std::vec![(unit, size(0))], "MPS_KEY_MFS_UNIT_SIZE"),
        (std::vec![(unit, size(usize::MAX))], "MPS_KEY_MFS_UNIT_SIZE"),
    ]
}
fn mvff_good() -> Vec<List> {
    std::vec![
        std::vec![(&key::_mps_key_EXTEND_BY, size(1)), (&key::_mps_key_MEAN_SIZE, size(1))],
        std::vec![(&key::_mps_key_ALIGN, size(64)), (&key::_mps_key_SPARE, real(0.0))],
        std::vec![(&key::_mps_key_ALIGN, size(4096)), (&key::_mps_key_SPARE, real(1.0))],
        std::vec![
            (&key::_mps_key_MVFF_ARENA_HIGH, yes(true)),
            (&key::_mps_key_MVFF_SLOT_HIGH, yes(true)),
            (&key::_mps_key_MVFF_FIRST_FIT, yes(false)),
        ],
    ]
}
fn mvff_bad() -> Vec<(List, &'static str)> {
    let align = &key::_mps_key_ALIGN;
    std::vec![
        (std::vec![(&key::_mps_key_EXTEND_BY, size(0))], "MPS_KEY_EXTEND_BY"),
        (std::vec![(&key::_mps_key_MEAN_SIZE, size(0))], "MPS_KEY_MEAN_SIZE"),
        (std::vec![(align, size(24))], "MPS_KEY_ALIGN"),
        (std::vec![(align, size(4))], "MPS_KEY_ALIGN"),
        (std::vec![(align, size(1 << 20))], "MPS_KEY_ALIGN"),
        (std::vec![(&key::_mps_key_SPARE, real(1.5))], "MPS_KEY_SPARE"),
        (std::vec![(&key::_mps_key_SPARE, real(-0.1))], "MPS_KEY_SPARE"),
    ]
}
fn mvt_good() -> Vec<List> {
    std::vec![
        std::vec![
            (&key::_mps_key_MIN_SIZE, size(8)),
            (&key::_mps_key_MEAN_SIZE, size(8)),
            (&key::_mps_key_MAX_SIZE, size(8)),
        ],
        std::vec![(&key::_mps_key_ALIGN, size(128)), (&key::_mps_key_MVT_FRAG_LIMIT, real(0.0))],
        std::vec![
            (&key::_mps_key_MVT_RESERVE_DEPTH, size(10)),
            (&key::_mps_key_MVT_FRAG_LIMIT, real(1.0))
        ],
    ]
}
fn mvt_bad() -> Vec<(List, &'static str)> {
    std::vec![
        (std::vec![(&key::_mps_key_ALIGN, size(12))], "MPS_KEY_ALIGN"),
        (std::vec![(&key::_mps_key_MIN_SIZE, size(0))], "MPS_KEY_MIN_SIZE"),
        (std::vec![(&key::_mps_key_MAX_SIZE, size(16))], "MAX_SIZE"),
        (std::vec![(&key::_mps_key_MVT_FRAG_LIMIT, real(2.0))], "MPS_KEY_MVT_FRAG_LIMIT"),
    ]
}

/// A class that supports nothing: the rows below say what theirs do.
const fn row(class: &'static dyn crate::object::pool::PoolClass) -> Class {
    Class {
        handle: ClassHandle::new(class),
        unit: None,
        alloc: false,
        free: false,
        aps: true,
        format: false,
        auto: false,
        moves: false,
        refs: false,
        ranks: &[],
        no_ranks: &[],
        lookup: false,
        frames: false,
        fences: false,
        paint: false,
        good: none_good,
        bad: none_bad,
    }
}

const fn automatic(class: &'static dyn crate::object::pool::PoolClass) -> Class {
    Class { format: true, auto: true, good: ms_good, bad: ms_bad, ..row(class) }
}

static TABLE: [Class; 11] = [
    Class {
        moves: true,
        refs: true,
        lookup: true,
        good: amc_good,
        bad: amc_bad,
        ..automatic(&amc::AMC)
    },
    Class { moves: true, lookup: true, good: amc_good, bad: amc_bad, ..automatic(&amc::AMCZ) },
    Class {
        refs: true,
        ranks: &[Rank::Ambig],
        no_ranks: &[Rank::Weak],
        good: ams_good,
        ..automatic(&marksweep::AMS)
    },
    Class {
        refs: true,
        ranks: &[Rank::Ambig],
        no_ranks: &[Rank::Weak],
        paint: true,
        good: ams_good,
        ..automatic(&marksweep::AMS_DEBUG)
    },
    Class {
        refs: true,
        ranks: &[Rank::Weak],
        no_ranks: &[Rank::Ambig],
        good: awl_good,
        ..automatic(&marksweep::AWL)
    },
    automatic(&marksweep::LO),
    Class {
        format: true,
        refs: true,
        no_ranks: &[Rank::Ambig, Rank::Weak],
        frames: true,
        ..row(&snc::SNC)
    },
    Class {
        unit: Some(UNIT),
        alloc: true,
        free: true,
        aps: false,
        good: mfs_good,
        bad: mfs_bad,
        ..row(&manual::mfs::MFS)
    },
    Class { alloc: true, free: true, good: mvff_good, bad: mvff_bad, ..row(&manual::mvff::MVFF) },
    Class {
        alloc: true,
        free: true,
        fences: true,
        paint: true,
        good: mvff_good,
        bad: mvff_bad,
        ..row(&manual::debug::MVFF_DEBUG)
    },
    Class { free: true, good: mvt_good, bad: mvt_bad, ..row(&manual::mvt::MVT) },
];

// ---------------------------------------------------------------- the world

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Ground {
    Mock,
    Host,
}

const ROOTS: usize = 400;

/// An instance on one of the grounds, with a format and a table of exact roots.
struct World {
    machine: Option<Machine>,
    _one: Option<MutexGuard<'static, ()>>,
    m: P<Mpm>,
    format: P<Format>,
    chain: P<Chain>,
    table: P<Root>,
    roots: Vec<usize>,
    rng: Rng,
    next: usize,
    /// Control memory in use, with no pool there.
    control: Size,
}

/// What was allocated: where, how large, and what it is filled with.
#[derive(Clone, Copy, Debug)]
struct Block {
    at: Addr,
    size: Size,
    id: usize,
}

impl World {
    fn new(ground: Ground, rng: Rng) -> World {
        let (machine, one) = match ground {
            Ground::Mock => (Some(Machine::new(Mock::new())), None),
            Ground::Host => (None, Some(Machine::none())),
        };
        World::with(machine, one, rng)
    }

    /// On the system's port, if there is no machine, and beside another world, if
    /// that has the right to be the only one.
    fn with(machine: Option<Machine>, one: Option<MutexGuard<'static, ()>>, rng: Rng) -> World {
        let port: &'static dyn Port = match &machine {
            Some(m) => m.port,
            None => &crate::ports::linux::LINUX,
        };
        let config = Config {
            spare: 0.5,
            pause_time: 0.0,
            // Steps must not depend on the time, or runs would differ.
            utilisation: Some(0),
            ..Config::new(Params {
                grain: 4096,
                size: 1 << 20,
                base: None,
                limit: usize::MAX,
                extra: 0,
            })
        };
        let m = Mpm::create(port, &config).unwrap();
        let chain = Mpm::enter(m, |e| e.new_chain(2, |i| (64 << 10) << i)).unwrap();
        let format = Mpm::enter(m, |e| {
            let f = e.cx.arena.control_new(Format::new(m.addr().0, methods(0))).unwrap();
            e.formats.push_back(f);
            f
        });
        let roots = std::vec![0; ROOTS];
        let base = Addr::of(roots.as_ptr());
        let area = RootKind::Area {
            base,
            limit: base.add(ROOTS * WORD),
            scan: scan_exact,
            closure: core::ptr::null_mut(),
            splits: true,
        };
        let table = Mpm::enter(m, |e| e.new_root(Rank::Exact, area, false)).unwrap();
        let control = m.get().cx.arena.control_in_use();
        World { machine, _one: one, m, format, chain, table, roots, rng, next: 1, control }
    }

    fn cx(&self) -> &'static Cx {
        &self.m.get().cx
    }

    /// Nothing of a scenario is left, nor of its pools.
    fn clean(&mut self) {
        self.roots.fill(0);
        let m = self.m;
        Mpm::enter(m, |e| e.park());
        assert!(self.cx().pools.is_empty() && self.format.users.get() == 0);
        assert_eq!(self.chain.users.get(), 0);
        assert_eq!(self.cx().arena.control_in_use(), self.control, "control memory is lost");
        Mpm::enter(m, |e| e.release());
    }

    fn finish(mut self) {
        self.clean();
        let m = self.m;
        Mpm::enter(m, |e| {
            e.park();
            // SAFETY: not used any more.
            unsafe { e.root_destroy(self.table) };
            e.formats.remove(self.format);
            // SAFETY: not used any more.
            unsafe { e.cx.arena.control_drop(self.format) };
            // SAFETY: not used any more.
            unsafe { e.chain_destroy(self.chain) };
        });
        assert_eq!(m.get().leftover(), None);
        // SAFETY: not used any more.
        unsafe { Mpm::destroy(m) };
        if let Some(m) = &self.machine {
            assert_eq!((m.mock.reservations(), m.mock.mapped().0), (0, 0));
        }
    }

    // ------------------------------------------------------ pools and points

    fn try_pool_with(&self, c: &Class, mut list: List) -> Result<P<Pool>> {
        if c.unit.is_some()
            && !list.iter().any(|(k, _)| core::ptr::eq(*k, &key::_mps_key_MFS_UNIT_SIZE))
        {
            list.push((&key::_mps_key_MFS_UNIT_SIZE, size(UNIT)));
        }
        if c.auto {
            list.push((&key::_mps_key_CHAIN, V { p: self.chain.as_ptr().cast() }));
        }
        let format = c.format.then_some(self.format);
        args::with(&list, |a| Mpm::enter(self.m, |e| e.new_pool(&c.handle, format, a)))
    }

    fn pool(&self, c: &Class) -> P<Pool> {
        self.try_pool_with(c, Vec::new()).unwrap()
    }

    fn drop_pool(&self, p: P<Pool>) {
        // SAFETY: not used any more.
        Mpm::enter(self.m, |e| unsafe { e.pool_destroy(p) });
    }

    fn try_ap(&self, p: P<Pool>, rank: Option<Rank>) -> Result<P<Buffer>> {
        let list: List =
            rank.map(|r| (&key::_mps_key_RANK, V { u: r as u32 })).into_iter().collect();
        args::with(&list, |a| Mpm::enter_for(self.m, p, |e| e.new_ap(p, a)))
    }

    fn ap(&self, p: P<Pool>) -> P<Buffer> {
        self.try_ap(p, None).unwrap()
    }

    fn drop_ap(&self, b: P<Buffer>) {
        // SAFETY: not used any more.
        unsafe { Mpm::finish_ap(self.m, b) };
    }

    fn sizes(&self, p: P<Pool>) -> (Size, Size) {
        Mpm::enter_for(self.m, p, |_| (p.class.total_size(p), p.class.free_size(p)))
    }

    fn collect(&self) {
        let done = Mpm::enter(self.m, |e| {
            let done = e.collect();
            e.release();
            done
        });
        assert!(matches!(done, Ok(()) | Err(Res::Fail)));
        Mpm::enter(self.m, |e| sanity::check(&e.tracer, e.inside()));
    }

    /// Both checks of a pool that nothing is wrong with.
    fn check(&self, p: P<Pool>) {
        let said = caught(|| {
            Mpm::enter_for(self.m, p, |_| p.class.check(p, true));
            Mpm::enter_for(self.m, p, |_| p.class.check(p, false));
        });
        assert_eq!(said.1, Vec::<String>::new());
    }

    // ------------------------------------------------- the mutator's accesses

    fn touch(&self, a: Addr, write: bool) {
        if let Some(m) = &self.machine {
            assert!(m.mock.access(a, write), "{a:?} faults");
        }
    }
    fn load(&self, a: Addr) -> usize {
        self.touch(a, false);
        get(a)
    }
    fn store(&self, a: Addr, w: usize) {
        self.touch(a, true);
        put(a, w);
    }

    // ---------------------------------------------------------------- blocks

    fn id(&mut self) -> usize {
        self.next += 1;
        self.next
    }

    fn reserve(&self, b: P<Buffer>, size: Size) -> Result<Addr> {
        let end = b.alloc.get().add(size);
        if end > b.alloc.get() && end <= b.limit.get() {
            b.alloc.set(end);
            return Ok(b.init.get());
        }
        if b.pool.own_lock {
            return Mpm::fill_outside(self.m, b, size);
        }
        Mpm::enter(self.m, |m| m.fill(b, size))
    }

    fn commit(&self, b: P<Buffer>) -> bool {
        b.init.set(b.alloc.get());
        !b.limit.get().is_null() || Mpm::enter(self.m, |_| buffer::trip(b))
    }

    /// Fills a block: as an object without references, if it has a format; as
    /// bytes, else.
    fn fill(&self, k: &Block, format: bool) {
        if format {
            self.init(k, LEAF);
            return;
        }
        for i in 0..k.size {
            if i % 256 == 0 {
                self.touch(k.at.add(i), true);
            }
            // SAFETY: the block's own memory.
            unsafe { k.at.add(i).ptr::<u8>().write(leaf_word(k.id, i) as u8) };
        }
    }

    fn init(&self, k: &Block, kind: usize) {
        self.store(k.at, (k.size / WORD) << 3 | kind);
        self.store(k.at.add(WORD), k.id);
        for i in 0..(k.size - SLOTS) / WORD {
            self.store(
                k.at.add(SLOTS + i * WORD),
                if kind == LEAF { leaf_word(k.id, i) } else { 0 },
            );
        }
    }

    /// Is it as it was filled?
    fn verify(&self, k: &Block, format: bool) {
        if !format {
            for i in 0..k.size {
                // SAFETY: as above.
                let is = unsafe { k.at.add(i).ptr::<u8>().read() };
                assert_eq!(is, leaf_word(k.id, i) as u8, "byte {i} of {k:?}");
            }
            return;
        }
        assert_eq!(self.load(k.at), (k.size / WORD) << 3 | LEAF, "{k:?}");
        assert_eq!(self.load(k.at.add(WORD)), k.id);
        for i in 0..(k.size - SLOTS) / WORD {
            assert_eq!(
                self.load(k.at.add(SLOTS + i * WORD)),
                leaf_word(k.id, i),
                "word {i} of {k:?}"
            );
        }
    }

    /// A block from an allocation point.
    fn on(&mut self, b: P<Buffer>, size: Size) -> Result<Block> {
        let id = self.id();
        loop {
            let k = Block { at: self.reserve(b, size)?, size, id };
            assert!(k.at.is_aligned(b.pool.align.get()), "{k:?}");
            self.fill(&k, b.pool.format.get().is_some());
            if self.commit(b) {
                return Ok(k);
            }
        }
    }

    /// A vector of null references from an allocation point.
    fn vector(&mut self, b: P<Buffer>, slots: usize) -> Result<Addr> {
        let id = self.id();
        let size = SLOTS + slots * WORD;
        loop {
            let k = Block { at: self.reserve(b, size)?, size, id };
            self.init(&k, VECTOR);
            if self.commit(b) {
                return Ok(k.at);
            }
        }
    }

    /// A block in whatever way the class gives them.
    fn block(&mut self, c: &Class, p: P<Pool>, ap: Option<P<Buffer>>, size: Size) -> Result<Block> {
        let size = c.unit.unwrap_or(size);
        match ap {
            Some(b) => self.on(b, size),
            None => {
                let k = Block { at: Mpm::alloc(self.m, p, size)?, size, id: self.id() };
                assert!(k.at.is_aligned(p.align.get()), "{k:?}");
                self.fill(&k, false);
                Ok(k)
            }
        }
    }

    fn release(&self, p: P<Pool>, k: &Block) {
        self.verify(k, false);
        Mpm::free(self.m, p, k.at, k.size).unwrap();
    }

    /// An object whose address is kept in root `r` only.
    fn object(&mut self, b: P<Buffer>, r: usize, size: Size) -> Result<Block> {
        let k = self.on(b, size)?;
        self.roots[r] = k.at.0;
        Ok(k)
    }

    /// Where that is now.
    fn now(&self, r: usize, k: &Block) -> Block {
        Block { at: Addr(self.roots[r]), ..*k }
    }

    /// Random size of an object or block, a multiple of the word.
    fn random_size(&mut self) -> Size {
        let words = match self.rng.below(40) {
            0 => 3 + self.rng.below(3000),
            1..6 => 3 + self.rng.below(200),
            _ => 3 + self.rng.below(12),
        };
        words * WORD
    }
}

/// Blocks that must not overlap.
#[derive(Default)]
struct Taken(BTreeMap<usize, Size>);

impl Taken {
    fn add(&mut self, k: &Block) {
        let before = self.0.range(..=k.at.0).next_back();
        assert!(before.is_none_or(|(b, s)| b + s <= k.at.0), "{k:?} overlaps {before:x?}");
        let after = self.0.range(k.at.0..).next();
        assert!(after.is_none_or(|(b, _)| k.at.0 + k.size <= *b), "{k:?} overlaps {after:x?}");
        self.0.insert(k.at.0, k.size);
    }
    fn remove(&mut self, k: &Block) {
        assert_eq!(self.0.remove(&k.at.0), Some(k.size));
    }
    fn bytes(&self) -> Size {
        self.0.values().sum()
    }
}

/// Runs a scenario for every class that it is for, on both grounds.
fn each(name: &str, applies: fn(&Class) -> bool, scenario: fn(&mut World, &Class)) {
    let mut runs = 0;
    for ground in [Ground::Mock, Ground::Host] {
        let mut w = World::new(ground, Rng::new(name));
        for c in TABLE.iter().filter(|c| applies(c)) {
            let _ = std::io::Write::write_fmt(
                &mut std::io::stderr(),
                core::format_args!("{name}: {} on {ground:?}\n", c.handle.class.name()),
            );
            scenario(&mut w, c);
            w.clean();
            runs += 1;
        }
        w.finish();
    }
    assert!(runs > 0, "no class to run on");
}
