//! Registrations for finalization: the blocks they stand in, and what it costs
//! to take one back.

use super::*;
use crate::object::message::MessageType;
use std::collections::BTreeSet;

/// Objects of one AMC pool, all of them in a table of exact roots.
struct Registry {
    w: World,
    pool: P<Pool>,
    ap: P<Buffer>,
    table: Vec<usize>,
    root: P<Root>,
}

impl Registry {
    fn new(name: &str, n: usize) -> Registry {
        let w = World::new(Ground::Mock, Rng::new(name));
        Mpm::enter(w.m, |m| m.message_enable(MessageType::Finalization));
        let pool = w.pool(&TABLE[0]);
        let ap = w.ap(pool);
        let table = std::vec![0; n];
        let base = Addr::of(table.as_ptr());
        let kind = RootKind::Area {
            base,
            limit: base.add(n * WORD),
            scan: scan_exact,
            closure: core::ptr::null_mut(),
            splits: true,
        };
        let root = Mpm::enter(w.m, |m| m.new_root(Rank::Exact, kind, false)).unwrap();
        let mut r = Registry { w: World { next: 0, ..w }, pool, ap, table, root };
        for i in 0..n {
            r.make(i);
        }
        r
    }

    fn make(&mut self, i: usize) {
        self.table[i] = self.w.vector(self.ap, 1).unwrap().0;
    }

    fn at(&self, i: usize) -> *const Addr {
        self.table.as_ptr().wrapping_add(i).cast()
    }

    fn register(&self, i: usize) {
        // SAFETY: the test's own, and read only.
        Mpm::enter(self.w.m, |m| unsafe { m.finalize(self.at(i)) }).unwrap();
    }

    fn undo(&self, i: usize) -> Result {
        // SAFETY: the test's own, and read only.
        Mpm::enter(self.w.m, |m| unsafe { m.definalize(self.at(i)) })
    }

    fn guardians(&self) -> &'static crate::trace::guardian::Guardians {
        &self.w.m.get().tracer.guardians
    }

    /// Takes all messages; their objects, by number.
    fn messages(&self) -> Vec<usize> {
        let mut all = Vec::new();
        while let Some(message) =
            Mpm::enter(self.w.m, |m| m.messages.take(MessageType::Finalization))
        {
            let mut object = Addr::NULL;
            // SAFETY: the test's own.
            Mpm::enter(self.w.m, |m| unsafe { m.message_ref(message, &raw mut object) });
            all.push(self.w.load(object.add(WORD)));
            // SAFETY: not used any more.
            Mpm::enter(self.w.m, |m| unsafe { m.message_discard(message) });
        }
        all.sort_unstable();
        all
    }

    fn finish(self) {
        Mpm::enter(self.w.m, |m| {
            m.park();
            // SAFETY: not used any more.
            unsafe { m.ap_destroy(self.ap) };
            // SAFETY: not used any more.
            unsafe { m.pool_destroy(self.pool) };
            // SAFETY: not used any more.
            unsafe { m.root_destroy(self.root) };
        });
        // Of the blocks the one that is being filled may be there.
        let (count, blocks) = (self.guardians().count.get(), self.guardians().footprint().0);
        assert!(count == 0 && blocks <= 1, "{count} {blocks}");
        Mpm::enter(self.w.m, |m| {
            // SAFETY: not used any more.
            unsafe { m.root_destroy(self.w.table) };
            m.formats.remove(self.w.format);
            // SAFETY: not used any more.
            unsafe { m.cx.arena.control_drop(self.w.format) };
            // SAFETY: not used any more.
            unsafe { m.chain_destroy(self.w.chain) };
        });
        // SAFETY: not used any more.
        unsafe { Mpm::destroy(self.w.m) };
    }
}

#[test]
fn registrations_in_blocks() {
    const N: usize = 12_000;
    let mut r = Registry::new("registrations_in_blocks", N);
    let g = r.guardians();
    let control = r.w.cx().arena.control_in_use();
    for i in 0..N {
        r.register(i);
        assert_eq!(g.count.get(), i + 1);
    }
    let (blocks, bytes) = g.footprint();
    assert!(blocks > 10 && bytes < N * 100, "{blocks} blocks, {bytes} bytes");
    // Every third dies, some of them registered twice: the first message kept
    // those for a second.
    (0..50).for_each(|i| r.register(i * 3));
    let dead: Vec<usize> = (0..N).step_by(3).collect();
    dead.iter().for_each(|i| r.table[*i] = 0);
    let numbers = |of: &[usize]| of.iter().map(|i| i + 1).collect::<Vec<_>>();
    for wanted in [&dead[..], &dead[..50], &[]] {
        r.w.collect();
        assert!(r.messages() == numbers(wanted), "not the {} that died", wanted.len());
    }
    assert_eq!(g.count.get(), N - dead.len());
    // Their places are used again, before there are new blocks.
    let before = g.footprint();
    for i in dead {
        r.make(i);
        r.register(i);
    }
    assert_eq!(g.footprint(), before);
    // All go: so do the blocks, but for the one that is being filled.
    r.table.fill(0);
    r.w.collect();
    assert_eq!(r.messages().len(), N);
    r.w.collect();
    assert!(g.footprint().0 <= 1, "{:?}", g.footprint());
    let left = r.w.cx().arena.control_in_use();
    assert!(left <= control + (80 << 10), "{left} {control}");
    r.finish();
}

/// To take a registration back costs the same, however many there are; after
/// the objects have moved, too.
#[test]
fn taking_one_back() {
    let mut cost = [0; 2];
    for (n, cost) in [2_000, 40_000].into_iter().zip(&mut cost) {
        let mut r = Registry::new("taking_one_back", n);
        (0..n).for_each(|i| r.register(i));
        let g = r.guardians();
        let looks = || g.looks.0.get();
        let start = looks();
        // A third, in a random order, twice; in between all of them move.
        let mut order: Vec<usize> = (0..n).collect();
        for i in (1..n).rev() {
            order.swap(i, r.w.rng.below(i + 1));
        }
        let old: Vec<usize> = r.table.clone();
        order[..n / 3].iter().for_each(|i| r.undo(*i).unwrap());
        order[..n / 3].iter().for_each(|i| assert_eq!(r.undo(*i), Err(Res::Fail)));
        r.w.collect();
        assert!(r.table.iter().zip(&old).all(|(a, b)| a != b), "they have not moved");
        // By their new addresses only; an old one may be the new one of another.
        let now: BTreeSet<usize> = r.table.iter().copied().collect();
        let here =
            order[n / 3..].iter().map(|i| Addr(old[*i])).find(|a| !now.contains(&a.0)).unwrap();
        // SAFETY: the test's own, and read only.
        assert_eq!(Mpm::enter(r.w.m, |m| unsafe { m.definalize(&raw const here) }), Err(Res::Fail));
        order[n / 3..2 * n / 3].iter().for_each(|i| r.undo(*i).unwrap());
        assert_eq!(g.count.get(), n - 2 * n / 3);
        *cost = (looks() - start) / n;
        // Of the rest, and of them only, we are told.
        r.table.fill(0);
        r.w.collect();
        let mut rest: Vec<usize> = order[2 * n / 3..].iter().map(|i| i + 1).collect();
        rest.sort_unstable();
        assert!(r.messages() == rest, "not those that are left");
        r.finish();
    }
    assert!(cost[1] <= cost[0] + 2 && cost[1] < 12, "{cost:?} looks each");
}

/// While a collection is under way, between any of its steps.
#[test]
fn taking_back_in_the_middle() {
    const N: usize = 3000;
    let mut r = Registry::new("taking_back_in_the_middle", N);
    (0..N).for_each(|i| r.register(i));
    let mut undone = [false; N];
    let mut flipped = 0;
    for _ in 0..4 {
        Mpm::enter(r.w.m, |m| m.start_collect()).unwrap();
        while !r.w.cx().busy.get().is_empty() {
            flipped += usize::from(!r.w.cx().flipped.get().is_empty());
            for _ in 0..10 {
                let i = r.w.rng.below(N);
                if r.table[i] != 0 {
                    assert_eq!(r.undo(i).is_ok(), !undone[i], "object {i}");
                    undone[i] = true;
                }
            }
            Mpm::enter(r.w.m, |m| m.step(0.0, 0.0));
        }
        // Some die: told of if they were registered still.
        let mut wanted = Vec::new();
        for i in (0..N).filter(|_| r.w.rng.one_in(8)).collect::<Vec<_>>() {
            if r.table[i] != 0 && !undone[i] {
                wanted.push(i + 1);
            }
            r.table[i] = 0;
        }
        r.w.collect();
        assert!(r.messages() == wanted, "not the {} that died", wanted.len());
    }
    assert!(flipped > 10, "{flipped} steps after a flip");
    r.finish();
}

/// Old registrations cost a collection of the young nothing: their blocks are not
/// looked into.
#[test]
fn old_blocks_are_left_alone() {
    const N: usize = 20_000;
    let mut r = Registry::new("old_blocks_are_left_alone", N);
    (0..N).for_each(|i| r.register(i));
    // Old enough to be in no generation of the chain.
    for _ in 0..4 {
        r.w.collect();
    }
    let g = r.guardians();
    let (start, flips) = (g.looks.1.get(), r.w.cx().stats.flips.get());
    let blocks = g.footprint().0;
    // Garbage, some of it registered.
    let mut told = 0;
    for i in 0..30_000 {
        let k = r.w.vector(r.ap, 6).unwrap();
        if i % 1000 == 0 {
            // SAFETY: the test's own, and read only.
            Mpm::enter(r.w.m, |m| unsafe { m.finalize(&raw const k) }).unwrap();
        }
        if i % 100 == 0 {
            Mpm::enter(r.w.m, |m| m.step(0.0, 0.0));
        }
        told += r.messages().len();
    }
    let (looks, flips) = (g.looks.1.get() - start, r.w.cx().stats.flips.get() - flips);
    assert!(flips >= 4 && told >= 10, "{flips} flips, {told} messages");
    assert!(
        looks <= flips * 4 && blocks > 20,
        "{looks} blocks of {blocks} looked into in {flips} flips"
    );
    assert_eq!(g.count.get() - N, 30 - told);
    r.finish();
}
