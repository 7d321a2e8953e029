//! Every allocation fails once: of memory for objects, of the library's own,
//! and the port's.

use super::*;

/// What is made to fail.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Failing {
    /// One allocation of memory, for objects or the library's own.
    One,
    /// One call of the port.
    Call,
    /// All calls of the port, until something was refused.
    Calls,
}

/// Counts what was refused, and looks whether all is sound then.
struct Refusals(usize);

impl Refusals {
    fn one(&mut self, w: &World, e: Res, p: Option<P<Pool>>) {
        assert!(matches!(e, Res::Memory | Res::Resource), "{e:?}");
        self.0 += 1;
        w.machine.as_ref().unwrap().faulty.fail_nothing();
        if let Some(p) = p {
            w.check(p);
            let (total, free) = w.sizes(p);
            assert!(free <= total);
        }
        Mpm::enter(w.m, |m| sanity::check(&m.tracer, m.inside()));
    }
}

/// The life of a pool: everything that may have to allocate. What is refused
/// is asked for again, and granted.
fn life(w: &mut World, c: &Class, refused: &mut Refusals) {
    const N: usize = 36;
    let p = match w.try_pool_with(c, Vec::new()) {
        Ok(p) => p,
        Err(e) => {
            refused.one(w, e, None);
            assert_eq!(
                w.cx().arena.control_in_use(),
                w.control,
                "no pool, but some of it is there"
            );
            w.pool(c)
        }
    };
    let mut aps = Vec::new();
    for rank in c.ranks.iter().copied().map(Some).chain([None]).filter(|_| c.aps) {
        aps.push(match w.try_ap(p, rank) {
            Ok(b) => b,
            Err(e) => {
                refused.one(w, e, Some(p));
                w.try_ap(p, rank).unwrap()
            }
        });
    }
    let mut all: Vec<Block> = Vec::new();
    let verify = |w: &World, all: &[Block]| {
        let mut taken = Taken::default();
        for (r, k) in all.iter().enumerate() {
            let k = if c.format { w.now(r, k) } else { *k };
            w.verify(&k, c.format);
            taken.add(&k);
        }
    };
    for r in 0..N + N / 2 {
        // Small, as large as a grain, large, very large; then again what went.
        let size = match r % N {
            30 => 200 << 10,
            7 | 19 => 20 << 10,
            3 | 15 | 27 => 4096,
            i => 48 + i * WORD,
        };
        let (i, ap) =
            if r < N { (r, aps.last().copied()) } else { ((r - N) * 2, aps.first().copied()) };
        if r == N {
            for i in (0..N).step_by(2) {
                if c.free {
                    w.release(p, &all[i]);
                }
                w.roots[i] = 0;
            }
            w.collect();
        }
        let k = match w.block(c, p, ap, size) {
            Ok(k) => k,
            Err(e) => {
                refused.one(w, e, Some(p));
                if r < N {
                    verify(w, &all);
                }
                w.block(c, p, ap, size).unwrap()
            }
        };
        w.roots[i] = if c.format { k.at.0 } else { 0 };
        if r < N {
            all.push(k)
        } else {
            all[i] = k
        }
        if r == N / 2 {
            w.collect();
        }
    }
    w.collect();
    w.check(p);
    verify(w, &all);
    if c.free {
        all.iter().for_each(|k| w.release(p, k));
        let (total, free) = w.sizes(p);
        assert!(total - free <= aps.len() * (64 << 10), "{total} - {free}");
        w.check(p);
    }
    w.roots.fill(0);
    aps.into_iter().for_each(|b| w.drop_ap(b));
    w.drop_pool(p);
}

/// Runs `life` with something failing after `n` times that it did not, for
/// every `n` until one goes through. Then nothing has been lost.
fn each_fails(name: &str, what: Failing) {
    for c in &TABLE {
        let mut w = World::new(Ground::Mock, Rng::new(name));
        let mut refused = Refusals(0);
        let mut committed = None;
        for n in 0.. {
            // From nothing spare, so that the port is asked.
            let arena = &w.cx().arena;
            arena.purge(usize::MAX, None);
            arena.shrink();
            let now = arena.committed.get();
            // The library's own slabs stay; there are no more of them each time.
            assert!(
                n < 3 || committed.is_none_or(|c| now <= c + (16 << 10)),
                "{now} committed, {committed:?} before"
            );
            committed = committed.max(Some(now));
            let port = w.machine.as_ref().unwrap().faulty;
            match what {
                Failing::One => arena.fail_after(Some(n)),
                Failing::Call => port.fail_after(n as u64),
                Failing::Calls => port.fail_from(n as u64),
            }
            let before = refused.0;
            life(&mut w, c, &mut refused);
            let through = match what {
                Failing::One => arena.allocations() <= n,
                _ => refused.0 == before && !port.has_failed(),
            };
            port.fail_nothing();
            arena.fail_after(None);
            w.clean();
            if through {
                let name = c.handle.class.name();
                assert!(n > 0, "{name} asks for nothing");
                assert!(
                    refused.0 > 0 || what == Failing::Call,
                    "{name}: {n} failed, {} refused",
                    refused.0
                );
                let _ = std::io::Write::write_fmt(
                    &mut std::io::stderr(),
                    core::format_args!("{name}: {n} failed, {} refused\n", refused.0),
                );
                break;
            }
        }
        w.finish();
    }
}

#[test]
fn each_allocation_fails() {
    each_fails("each_allocation_fails", Failing::One);
}

#[test]
fn each_port_call_fails() {
    each_fails("each_port_call_fails", Failing::Call);
}

#[test]
fn port_calls_fail_until_it_shows() {
    each_fails("port_calls_fail_until_it_shows", Failing::Calls);
}

// ------------------------------------------------------------ frames run out

/// What keeps memory from growing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Bound {
    /// The arena's commit limit.
    Limit,
    /// The machine has no more frames.
    Frames,
}

const BOTH: [Bound; 2] = [Bound::Limit, Bound::Frames];

impl Bound {
    /// Bytes that count towards it.
    fn used(self, mock: &Mock, m: P<Mpm>) -> Size {
        match self {
            Bound::Limit => m.get().cx.arena.committed.get(),
            Bound::Frames => mock.mapped().0,
        }
    }

    /// From now on at most `room` bytes more than now; `None`: as much as there is. In bytes
    /// in all.
    fn set(self, mock: &Mock, m: P<Mpm>, room: Option<Size>) -> Size {
        let most = room.map(|r| self.used(mock, m) + r);
        match self {
            Bound::Limit => m.get().cx.arena.set_limit(most.unwrap_or(usize::MAX)).unwrap(),
            Bound::Frames => mock.limit_memory(most),
        }
        most.unwrap_or(usize::MAX)
    }

    /// Is this how it refuses?
    fn refuses(self, e: Res) -> bool {
        match self {
            Bound::Limit => e == Res::CommitLimit,
            Bound::Frames => e == Res::Memory,
        }
    }
}

/// A class that gives blocks of any size.
fn blocks_of_any_size() -> &'static Class {
    TABLE.iter().find(|c| c.alloc && c.free && c.unit.is_none() && !c.fences).unwrap()
}

/// Fills a pool as far as it goes, with objects that roots from `root` on hold; in
/// bytes.
fn fill_up(
    w: &mut World,
    c: &Class,
    bound: Bound,
    p: P<Pool>,
    ap: Option<P<Buffer>>,
    all: &mut Vec<(usize, Block)>,
) -> Size {
    let mut size = 2048;
    let mut bytes = 0;
    for r in 0..ROOTS {
        if w.roots[r] != 0 {
            continue;
        }
        match w.block(c, p, ap, size) {
            Ok(k) => {
                // Those without a format have no use for it, but are counted by it.
                w.roots[r] = if c.format { k.at.0 } else { 1 };
                bytes += k.size;
                all.push((r, k));
            }
            Err(e) => {
                assert!(bound.refuses(e), "{e:?}");
                if size == 64 {
                    break;
                }
                size /= 2;
            }
        }
    }
    bytes
}

/// A pool is filled, half of it let go, and filled again, under a commit limit and with
/// as many frames: with and without spare memory to begin with, which another pool left.
fn filled_twice(bound: Bound, seed: u64, c: &Class, idle: bool) -> [Size; 2] {
    let mut w = World::new(Ground::Mock, Rng(seed));
    let arena = &w.cx().arena;
    let mock = w.machine.as_ref().unwrap().mock;
    arena.spare_fraction.set(1.0);
    let p = w.pool(c);
    let ap = c.aps.then(|| w.ap(p));
    if idle {
        let other = blocks_of_any_size();
        let q = w.pool(other);
        let blocks: Vec<Block> =
            (0..8).map(|_| w.block(other, q, None, 64 << 10).unwrap()).collect();
        blocks.iter().for_each(|k| w.release(q, k));
        w.drop_pool(q);
        assert!(arena.spare.get() > 400 << 10, "{} spare", arena.spare.get());
        bound.set(mock, w.m, Some(0));
    } else {
        arena.purge(usize::MAX, None);
        bound.set(mock, w.m, Some(400 << 10));
    }
    if bound == Bound::Frames {
        // Policy goes by the limit: so that it is the same, one that is not come near to.
        let room = if idle { 0 } else { 400 << 10 };
        arena.set_limit(arena.committed.get() + room + 2 * PAGE).unwrap();
    }
    let mut all = Vec::new();
    let first = fill_up(&mut w, c, bound, p, ap, &mut all);
    for i in (0..all.len()).rev().step_by(2) {
        let (r, k) = all.swap_remove(i);
        if c.free {
            w.release(p, &k);
        }
        w.roots[r] = 0;
    }
    let second = fill_up(&mut w, c, bound, p, ap, &mut all);
    w.check(p);
    for (r, k) in &all {
        let k = if c.format { w.now(*r, k) } else { *k };
        w.verify(&k, c.format);
    }
    bound.set(mock, w.m, None);
    arena.set_limit(usize::MAX).unwrap();
    if c.free {
        all.iter().for_each(|(_, k)| w.release(p, k));
    }
    w.roots.fill(0);
    ap.into_iter().for_each(|b| w.drop_ap(b));
    w.drop_pool(p);
    w.finish();
    [first, second]
}

#[test]
fn frames_serve_what_the_limit_serves() {
    let seed = Rng::new("frames_serve_what_the_limit_serves").0;
    // (As many blocks of one small size would not use memory up.)
    for c in TABLE.iter().filter(|c| c.unit.is_none()) {
        for idle in [false, true] {
            let [limit, frames] = BOTH.map(|b| filled_twice(b, seed, c, idle));
            let name = c.handle.class.name();
            assert!(limit[0] > 100 << 10, "{name}: {limit:?}");
            for i in 0..2 {
                // (But for how the last segments come out: collections are not at the
                // same times, as policy knows of the limit.)
                assert!(
                    frames[i] + (16 << 10) >= limit[i],
                    "{name}, idle: {idle}: {frames:?} with frames, {limit:?} with the limit"
                );
            }
        }
    }
}

/// A request is collected for however lately everything was: what it needs may have
/// been let go since.
#[test]
fn just_collected_and_still_served() {
    for bound in BOTH {
        for c in TABLE.iter().filter(|c| c.auto) {
            let mut w = World::new(Ground::Mock, Rng::new("just_collected_and_still_served"));
            let mock = w.machine.as_ref().unwrap().mock;
            let p = w.pool(c);
            let b = w.ap(p);
            // Enough to be a 16th of it many times over.
            for r in 0..20 {
                w.object(b, r, 100 << 10).unwrap();
            }
            w.object(b, 20, 600 << 10).unwrap();
            w.collect();
            w.cx().arena.purge(usize::MAX, None);
            bound.set(mock, w.m, Some(64 << 10));
            for _ in 0..5 {
                w.collect();
                assert!(bound.refuses(w.on(b, 600 << 10).unwrap_err()));
                w.collect();
                w.roots[20] = 0;
                w.object(b, 20, 600 << 10).unwrap();
            }
            bound.set(mock, w.m, None);
            w.roots.fill(0);
            w.drop_ap(b);
            w.drop_pool(p);
            w.finish();
        }
    }
}

/// Address space runs out: chunks that nothing is in make room for a larger one.
#[test]
fn unused_chunks_make_room() {
    let mut w = World::new(Ground::Mock, Rng::new("unused_chunks_make_room"));
    let c = blocks_of_any_size();
    let mock = w.machine.as_ref().unwrap().mock;
    let p = w.try_pool_with(c, std::vec![(&key::_mps_key_SPARE, real(0.0))]).unwrap();
    for clamped in [false, true] {
        if clamped {
            // No collection, but this is none.
            Mpm::enter(w.m, |m| m.clamp());
        }
        let all: Vec<Block> = (0..3).map(|_| w.block(c, p, None, 6 << 20).unwrap()).collect();
        mock.limit_space(Some(mock.reserved()));
        assert!(w.block(c, p, None, 14 << 20).is_err());
        all.iter().for_each(|k| w.release(p, k));
        let large = w.block(c, p, None, 14 << 20).unwrap();
        mock.limit_space(None);
        w.release(p, &large);
        Mpm::enter(w.m, |m| m.release());
        w.collect();
    }
    w.drop_pool(p);
    w.finish();
}

/// With no memory to copy to, every object stays where it is.
#[test]
fn emergency() {
    for bound in BOTH {
        let machine = Machine::new(Mock::new());
        for (header, interior) in [(0, true), (16, true), (16, false)] {
            let s = Setup { header, interior, roots: 800, ..PLAIN };
            let mut c = Client::made(&machine, s, Rng::new("emergency"));
            c.acts(3_000);
            Mpm::enter(c.m(), |m| m.park());
            let before = c.places();
            assert!(before.len() > 500);
            let arena = &c.cx().arena;
            arena.purge(usize::MAX, None);
            assert_eq!(arena.spare.get(), 0);
            bound.set(c.mock, c.m(), Some(0));
            let copied = c.cx().stats.copied.get();
            c.collect();
            assert!(c.cx().traces[0].emergency.get() && c.cx().stats.copied.get() == copied);
            assert_eq!(c.places(), before, "something moved");
            assert_eq!(c.verify(), before.len());
            // Some garbage came back, so work goes on.
            c.acts(500);
            assert!(c.n.refused.iter().all(|e| bound.refuses(*e)), "{:?}", c.n.refused);
            bound.set(c.mock, c.m(), None);
            c.n.refused.clear();
            c.acts(500);
            assert_eq!(c.n.refused, []);
            c.let_go();
            c.finish();
        }
    }
}

/// Emergencies that begin in the middle of a trace. A collection needs no more frames
/// than it would be let have by a limit: as many requests are served.
#[test]
fn emergencies_while_working() {
    for bound in BOTH {
        let machine = Machine::new(Mock::new());
        let s = Setup { roots: 500, ..PLAIN };
        let mut c = Client::made(&machine, s, Rng::new("emergencies_while_working"));
        let mut emergencies = 0;
        for round in 0.. {
            if round > 20 && emergencies > 0 && !c.n.refused.is_empty() {
                break;
            }
            assert!(round < 200, "{emergencies} emergencies, {} refusals", c.n.refused.len());
            c.acts(300);
            c.cx().arena.purge(usize::MAX, None);
            let room = c.rng.below(16) * PAGE;
            let most = bound.set(c.mock, c.m(), Some(room));
            for _ in 0..4 {
                c.acts(100);
                emergencies += c.cx().traces[0].emergency.get() as usize;
                assert!(bound.used(c.mock, c.m()) <= most);
            }
            assert!(c.n.refused.iter().all(|e| bound.refuses(*e)), "{:?}", c.n.refused);
            bound.set(c.mock, c.m(), None);
        }
        c.let_go();
        c.finish();
    }
}
