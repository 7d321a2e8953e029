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
