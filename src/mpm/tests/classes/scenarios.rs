//! The scenarios: what every class that they apply to must do.

use super::*;

#[test]
fn made_and_unmade() {
    each(
        "made_and_unmade",
        |_| true,
        |w, c| {
            let class = c.handle.class;
            assert_eq!(
                (class.needs_format(), class.is_automatic(), class.moves()),
                (c.format, c.auto, c.moves)
            );
            for _ in 0..20 {
                let p = w.pool(c);
                let (total, free) = w.sizes(p);
                assert!(free == total && total <= 64 << 10, "{free} of {total} free in a new pool");
                w.check(p);
                if c.aps {
                    let b = [w.ap(p), w.ap(p)];
                    b.iter().for_each(|b| w.drop_ap(*b));
                }
                w.drop_pool(p);
                w.clean();
            }
        },
    );
}

#[test]
fn keywords() {
    each(
        "keywords",
        |_| true,
        |w, c| {
            for list in (c.good)() {
                let p = w.try_pool_with(c, list).unwrap();
                let ap = c.aps.then(|| w.ap(p));
                w.block(c, p, ap, p.align.get().max(48)).unwrap();
                ap.into_iter().for_each(|b| w.drop_ap(b));
                w.drop_pool(p);
            }
            for (list, name) in (c.bad)() {
                let (made, said) = caught(|| w.try_pool_with(c, list));
                assert_eq!(made, Err(Res::Param), "{name}");
                assert!(said.len() == 1 && said[0].contains(name), "{said:?} names {name}");
                w.clean();
            }
            let p = w.pool(c);
            for r in c.ranks.iter().chain(&[Rank::Exact]).filter(|_| c.aps) {
                w.drop_ap(w.try_ap(p, Some(*r)).unwrap());
            }
            for r in c.no_ranks {
                let (made, said) = caught(|| w.try_ap(p, Some(*r)));
                assert_eq!(made, Err(Res::Param), "{r:?}");
                assert!(said.len() == 1 && said[0].contains("MPS_KEY_RANK"), "{said:?}");
            }
            w.drop_pool(p);
        },
    );
}

/// What a class does not support is refused, with nothing changed.
#[test]
fn unsupported() {
    each(
        "unsupported",
        |_| true,
        |w, c| {
            let p = w.pool(c);
            if !c.alloc {
                assert_eq!(Mpm::alloc(w.m, p, 64), Err(Res::Unimpl));
            }
            if !c.free {
                assert_eq!(Mpm::free(w.m, p, Addr::of(&raw const *w), 64), Err(Res::Unimpl));
            }
            if !c.aps {
                assert_eq!(w.try_ap(p, None).err(), Some(Res::Unimpl));
            }
            w.drop_pool(p);
        },
    );
}

#[test]
fn blocks_in_any_order() {
    each(
        "blocks_in_any_order",
        |c| c.alloc,
        |w, c| {
            let p = w.pool(c);
            let mut taken = Taken::default();
            let mut live: Vec<Block> = Vec::new();
            for round in 0..1200 {
                let up = round % 400 < 240;
                if live.is_empty() || w.rng.below(10) < if up { 7 } else { 2 } {
                    let size = w.random_size() - w.rng.below(WORD);
                    let k = w.block(c, p, None, size).unwrap();
                    taken.add(&k);
                    live.push(k);
                } else {
                    let k = live.swap_remove(w.rng.below(live.len()));
                    w.release(p, &k);
                    taken.remove(&k);
                }
                if round % 50 == 0 {
                    let (total, free) = w.sizes(p);
                    assert!(
                        total - free >= taken.bytes(),
                        "{total} - {free} hold {}",
                        taken.bytes()
                    );
                    let room = live.len() * if c.fences { 100 } else { WORD };
                    assert!(
                        total - free <= taken.bytes() + room,
                        "{total} - {free} hold {}",
                        taken.bytes()
                    );
                    w.check(p);
                }
            }
            while let Some(k) = live.pop() {
                w.release(p, &k);
            }
            let (total, free) = w.sizes(p);
            assert_eq!(total, free);
            w.check(p);
            w.drop_pool(p);
        },
    );
}

/// A block freed twice, one that never was, one of the wrong size: reported,
/// and the pool goes on.
#[test]
fn wrong_frees() {
    each(
        "wrong_frees",
        |c| c.free && c.alloc,
        |w, c| {
            let p = w.pool(c);
            let k: Vec<Block> = (0..8).map(|_| w.block(c, p, None, 48).unwrap()).collect();
            let refused = |at: Addr, size: Size| {
                let (done, said) = caught(|| Mpm::free(w.m, p, at, size));
                assert!(done == Err(Res::Param) && said.len() == 1, "{done:?} {said:?}");
            };
            refused(k[3].at.add(4), k[3].size);
            if c.unit.is_some() || c.fences {
                refused(k[3].at, k[3].size + 4096);
            }
            if c.unit.is_none() {
                refused(Addr::of(&raw const k).down(64), 48);
            }
            Mpm::free(w.m, p, k[3].at, k[3].size).unwrap();
            let (done, said) = caught(|| Mpm::free(w.m, p, k[3].at, k[3].size));
            assert!(done == Err(Res::Param) && said.len() == 1, "{done:?} {said:?}");
            for k in k.iter().filter(|x| x.at != k[3].at) {
                w.release(p, k);
            }
            let (total, free) = w.sizes(p);
            assert_eq!(total, free);
            w.drop_pool(p);
        },
    );
}

/// Three allocation points take turns, one of them comes and goes.
#[test]
fn allocation_points() {
    each(
        "allocation_points",
        |c| c.aps,
        |w, c| {
            let p = w.pool(c);
            let mut aps = [w.ap(p), w.ap(p), w.ap(p)];
            let mut all = Vec::new();
            for i in 0..ROOTS {
                let size = w.random_size();
                let k = w.object(aps[i % 3], i, size).unwrap();
                all.push(k);
                if i % 50 == 49 {
                    let mut taken = Taken::default();
                    for (r, k) in all.iter().enumerate() {
                        let k = w.now(r, k);
                        w.verify(&k, c.format);
                        taken.add(&k);
                    }
                    let (total, free) = w.sizes(p);
                    assert!(
                        total - free >= taken.bytes(),
                        "{total} - {free} hold {}",
                        taken.bytes()
                    );
                    // What goes by frames would go with it.
                    if !c.frames {
                        w.drop_ap(aps[2]);
                        aps[2] = w.ap(p);
                    }
                    w.check(p);
                }
            }
            if c.free {
                for k in &all {
                    w.release(p, k);
                }
            }
            aps.iter().for_each(|b| w.drop_ap(*b));
            if c.free {
                let (total, free) = w.sizes(p);
                assert_eq!(total, free);
            }
            w.drop_pool(p);
        },
    );
}

/// A collection between reserve and commit: a block that may hold references
/// from before must not be committed; any other must.
#[test]
fn two_phases() {
    each(
        "two_phases",
        |c| c.aps,
        |w, c| {
            let other = w.pool(&TABLE[0]);
            let other_ap = w.ap(other);
            let p = w.pool(c);
            let b = w.ap(p);
            w.object(other_ap, 0, 64).unwrap();
            for before in [false, true] {
                for flips in 0..3 {
                    w.object(b, 1, 128).unwrap();
                    let k = Block { at: w.reserve(b, 64).unwrap(), size: 64, id: w.id() };
                    w.fill(&k, c.format);
                    let seen = w.cx().stats.flips.get();
                    if before {
                        // The first half of commit comes first: that is the commit.
                        b.init.set(b.alloc.get());
                    }
                    (0..flips).for_each(|_| w.collect());
                    assert_eq!(w.cx().stats.flips.get(), seen + flips);
                    let good = if before {
                        !b.limit.get().is_null() || Mpm::enter(w.m, |_| buffer::trip(b))
                    } else {
                        w.commit(b)
                    };
                    assert_eq!(good, before || flips == 0 || !c.format, "{flips} flips");
                    assert!(!b.get().is_reserved());
                    let k = w.on(b, 64).unwrap();
                    w.verify(&k, c.format);
                }
            }
            w.drop_ap(b);
            w.drop_ap(other_ap);
            w.drop_pool(other);
            w.drop_pool(p);
        },
    );
}

/// From the least to more than a region and than the arena had; and such as
/// there can't be.
#[test]
fn sizes_and_alignment() {
    each(
        "sizes_and_alignment",
        |c| c.unit.is_none(),
        |w, c| {
            let p = w.pool(c);
            let ap = if c.alloc { None } else { Some(w.ap(p)) };
            let least = if c.format { SLOTS } else { p.align.get() };
            let mut sizes: Vec<Size> = std::vec![least, least + WORD, 64, 128, 504, 512, 520];
            for around in [4096, 8192, 16 << 10, 32 << 10, 64 << 10, 1 << 20] {
                sizes.extend([around - WORD, around, around + WORD]);
            }
            sizes.push(3 << 20);
            let mut taken = Taken::default();
            let mut all = Vec::new();
            for (r, size) in sizes.iter().enumerate() {
                let k = w.block(c, p, ap, *size).unwrap();
                w.roots[r] = if c.format { k.at.0 } else { 0 };
                all.push(k);
            }
            for (r, k) in all.iter_mut().enumerate() {
                if c.format {
                    *k = w.now(r, k);
                }
                w.verify(k, c.format);
                taken.add(k);
            }
            let before = w.sizes(p);
            assert!(before.0 - before.1 >= taken.bytes());
            for size in [1 << 62, isize::MAX as usize & !0xFFFF, (usize::MAX / 4) & !15] {
                for _ in 0..2 {
                    let got = match ap {
                        Some(b) => w.reserve(b, size),
                        None => Mpm::alloc(w.m, p, size),
                    };
                    assert!(
                        matches!(got, Err(Res::Resource | Res::Memory | Res::CommitLimit)),
                        "{got:?} for {size:x}"
                    );
                }
            }
            w.check(p);
            for (r, k) in all.iter_mut().enumerate() {
                if c.format {
                    *k = w.now(r, k);
                }
                w.verify(k, c.format);
                if c.free {
                    w.release(p, k);
                }
            }
            // And it goes on.
            w.block(c, p, ap, 64).unwrap();
            ap.into_iter().for_each(|b| w.drop_ap(b));
            w.drop_pool(p);
        },
    );
}

#[test]
fn whose_is_it() {
    each(
        "whose_is_it",
        |_| true,
        |w, c| {
            let (p, q) = (w.pool(c), w.pool(c));
            let aps = if c.aps { [Some(w.ap(p)), Some(w.ap(q))] } else { [None, None] };
            let mut all = Vec::new();
            for r in 0..60 {
                let i = r % 2;
                let size = w.random_size();
                let k = w.block(c, [p, q][i], aps[i], size).unwrap();
                w.roots[r] = if c.format { k.at.0 } else { 0 };
                all.push(k);
            }
            for collected in [false, true] {
                for (r, k) in all.iter_mut().enumerate() {
                    if c.format {
                        *k = w.now(r, k);
                    }
                    for a in [k.at, k.at.add(k.size / 2), k.at.add(k.size - 1)] {
                        let whose = Mpm::enter(w.m, |m| m.pool_of(a));
                        assert!(whose == Some([p, q][r % 2]));
                        assert_eq!(whose.unwrap().format.get(), c.format.then_some(w.format));
                        let object = Mpm::enter(w.m, |m| m.object_of(a));
                        assert_eq!(object, if c.lookup { Ok(k.at) } else { Err(Res::Unimpl) });
                    }
                }
                if !collected {
                    w.collect();
                }
            }
            let local = 0usize;
            assert!(Mpm::enter(w.m, |m| m.pool_of(Addr::of(&raw const local))).is_none());
            assert_eq!(
                Mpm::enter(w.m, |m| m.object_of(Addr::of(&raw const local))),
                Err(Res::Fail)
            );
            aps.into_iter().flatten().for_each(|b| w.drop_ap(b));
            w.drop_pool(p);
            assert!(Mpm::enter(w.m, |m| m.pool_of(all[0].at)).is_none());
            assert!(Mpm::enter(w.m, |m| m.pool_of(all[1].at)) == Some(q));
            w.drop_pool(q);
        },
    );
}

/// What is reachable stays as it is; all else goes.
#[test]
fn survival_and_death() {
    each(
        "survival_and_death",
        |c| c.auto,
        |w, c| {
            let p = w.pool(c);
            let b = w.ap(p);
            let mut all: Vec<Block> = Vec::new();
            for r in 0..ROOTS {
                let size = w.random_size();
                all.push(w.object(b, r, size).unwrap());
                for _ in 0..3 {
                    let size = w.random_size();
                    w.on(b, size).unwrap();
                }
            }
            let in_use = |w: &World| {
                let (total, free) = w.sizes(p);
                total - free
            };
            w.collect();
            let full = in_use(w);
            for kept in [ROOTS, ROOTS / 2, ROOTS / 8] {
                w.roots[kept..].fill(0);
                for _ in 0..3 {
                    w.collect();
                }
                let live: Size = all[..kept].iter().map(|k| k.size).sum();
                all[..kept].iter().enumerate().for_each(|(r, k)| w.verify(&w.now(r, k), true));
                let used = in_use(w);
                // In use may be the room of the allocation point, and padding.
                assert!(
                    used >= live && used <= live + live / 2 + (80 << 10),
                    "{used} for {live} of {full}"
                );
            }
            w.roots.fill(0);
            w.drop_ap(b);
            for _ in 0..3 {
                w.collect();
            }
            assert_eq!(w.sizes(p).0, 0, "garbage is left");
            w.drop_pool(p);
        },
    );
}

/// References between objects of a pool, and to and from another pool, with
/// steps of a collection between any two accesses.
#[test]
fn references_are_followed() {
    each(
        "references_are_followed",
        |c| c.refs,
        |w, c| {
            let p = w.pool(c);
            let q = w.pool(&TABLE[0]);
            let (b, other) = (w.ap(p), w.ap(q));
            const SLOTS_EACH: usize = 6;
            // Chains from root to root, by way of both pools in turn.
            let depth = 60;
            for r in 0..20 {
                for d in 0..depth {
                    let k = w.vector(if d % 2 == 0 { b } else { other }, SLOTS_EACH).unwrap();
                    w.store(k.add(WORD), r * 1000 + d);
                    w.store(k.add(SLOTS + d % SLOTS_EACH * WORD), w.roots[r]);
                    w.roots[r] = k.0;
                    if w.rng.one_in(3) {
                        Mpm::enter(w.m, |m| m.step(0.0, 0.0));
                    }
                    if w.rng.one_in(40) {
                        let _ = Mpm::enter(w.m, |m| m.start_collect());
                    }
                    // Garbage.
                    w.vector(if d % 3 == 0 { b } else { other }, 40).unwrap();
                }
            }
            for round in 0..4 {
                for r in 0..20 {
                    let mut at = Addr(w.roots[r]);
                    for d in (0..depth).rev() {
                        assert_eq!(w.load(at.add(WORD)), r * 1000 + d, "chain {r}");
                        at = Addr(w.load(at.add(SLOTS + d % SLOTS_EACH * WORD)));
                    }
                    Mpm::enter(w.m, |m| m.step(0.0, 0.0));
                }
                if round < 3 {
                    w.collect();
                }
            }
            w.drop_ap(b);
            w.drop_ap(other);
            w.drop_pool(p);
            w.drop_pool(q);
        },
    );
}

/// All weak references to an object go together, and only when it dies; in
/// whatever pool it is.
#[test]
fn weak_references() {
    each(
        "weak_references",
        |c| c.auto,
        |w, to| {
            let Some(c) = TABLE.iter().find(|c| c.ranks.contains(&Rank::Weak)) else { return };
            let p = w.pool(c);
            let targets = w.pool(to);
            let (weak, strong) = (w.try_ap(p, Some(Rank::Weak)).unwrap(), w.ap(targets));
            // Two weak vectors with the same references.
            w.roots[0] = w.vector(weak, 50).unwrap().0;
            w.roots[1] = w.vector(weak, 50).unwrap().0;
            for i in 0..50 {
                let k = w.object(strong, 2 + i, 64).unwrap();
                for r in [0, 1] {
                    w.store(Addr(w.roots[r]).add(SLOTS + i * WORD), k.at.0);
                }
            }
            let mut held = [true; 50];
            for round in 0..5 {
                for (i, held) in held.iter().enumerate() {
                    let slots = [0, 1].map(|r| w.load(Addr(w.roots[r]).add(SLOTS + i * WORD)));
                    assert_eq!(
                        slots,
                        if *held { [w.roots[2 + i]; 2] } else { [0; 2] },
                        "slot {i}, round {round}"
                    );
                }
                for (i, held) in held.iter_mut().enumerate() {
                    if *held && w.rng.one_in(3) {
                        *held = false;
                        w.roots[2 + i] = 0;
                    }
                }
                w.collect();
            }
            w.drop_ap(weak);
            w.drop_ap(strong);
            w.drop_pool(p);
            w.drop_pool(targets);
        },
    );
}

/// A walk meets every object once, and after a collection nothing else.
#[test]
fn walks() {
    each(
        "walks",
        |c| c.format,
        |w, c| {
            let p = w.pool(c);
            let b = w.ap(p);
            let mut all = Vec::new();
            for r in 0..ROOTS / 2 {
                let size = w.random_size();
                all.push(w.object(b, r, size).unwrap());
                if c.auto {
                    w.on(b, 96).unwrap();
                }
            }
            for collections in [0, 2] {
                (0..collections).for_each(|_| w.collect());
                Mpm::enter(w.m, |m| m.park());
                let mut met = BTreeMap::new();
                let done = Mpm::enter(w.m, |m| {
                    m.cx.hold();
                    p.class.areas(m.inside(), p, &mut |s, base, limit| {
                        s.expose(m.inside());
                        let mut at = base;
                        while at < limit {
                            let (kind, size) = look::<0>(at);
                            assert_ne!(kind, FWD, "an old copy at {at:?}");
                            if kind != PAD {
                                assert!(
                                    met.insert(get(at.add(WORD)), at).is_none(),
                                    "{at:?} met twice"
                                );
                            }
                            at = at.add(size);
                        }
                        assert_eq!(at, limit);
                        Ok(())
                    })
                });
                done.unwrap();
                for (r, k) in all.iter().enumerate() {
                    assert_eq!(met.remove(&k.id), Some(w.now(r, k).at));
                }
                assert!(
                    !c.auto || collections == 0 || met.is_empty(),
                    "{} dead objects met",
                    met.len()
                );
                // An area's function that refuses ends the walk.
                let mut calls = 0;
                let done = Mpm::enter(w.m, |m| {
                    p.class.areas(m.inside(), p, &mut |_, _, _| {
                        calls += 1;
                        Err(Res::Fail)
                    })
                });
                assert_eq!((done, calls), (Err(Res::Fail), 1));
                Mpm::enter(w.m, |m| m.release());
            }
            w.drop_ap(b);
            w.drop_pool(p);
        },
    );
}

/// Up to the commit limit, refused there, and on again with more.
#[test]
fn commit_limit() {
    each(
        "commit_limit",
        |_| true,
        |w, c| {
            let p = w.pool(c);
            let ap = c.aps.then(|| w.ap(p));
            let arena = &w.cx().arena;
            // Nothing that is spare: what is asked for must be mapped.
            arena.purge(usize::MAX, None);
            arena.set_limit(arena.committed.get() + (256 << 10)).unwrap();
            let mut all = Vec::new();
            let mut size = 2048;
            let refused = loop {
                assert!(all.len() < 20_000);
                match w.block(c, p, ap, size) {
                    Ok(k) => {
                        let r = all.len();
                        if c.format && r < ROOTS {
                            w.roots[r] = k.at.0;
                        }
                        all.push(k);
                    }
                    Err(_) if size > 64 => size /= 2,
                    Err(e) => break e,
                }
                assert!(arena.committed.get() <= arena.limit.get());
                // Garbage is not what is to fill it.
                assert!(!c.auto || all.len() < ROOTS || size < 2048 || all.len() < 2000);
            };
            assert_eq!(refused, Res::CommitLimit);
            assert!(all.iter().map(|k| k.size).sum::<Size>() > 128 << 10);
            // Again and again: nothing has changed.
            for _ in 0..3 {
                assert_eq!(w.block(c, p, ap, 64).err(), Some(Res::CommitLimit));
            }
            w.check(p);
            let seen = all.len().min(ROOTS);
            for (r, k) in all.iter_mut().enumerate() {
                if c.format {
                    if r >= seen {
                        break;
                    }
                    *k = w.now(r, k);
                }
                w.verify(k, c.format);
            }
            arena.set_limit(usize::MAX).unwrap();
            for _ in 0..100 {
                let k = w.block(c, p, ap, 512).unwrap();
                w.verify(&k, c.format);
            }
            if c.free {
                all.iter().for_each(|k| w.release(p, k));
            }
            ap.into_iter().for_each(|b| w.drop_ap(b));
            w.drop_pool(p);
        },
    );
}

/// What a pool keeps though free, in pieces, is given up for a block that needs it.
#[test]
fn kept_in_pieces() {
    each(
        "kept_in_pieces",
        |c| c.alloc && c.free && c.unit.is_none(),
        |w, c| {
            let p = w.try_pool_with(c, std::vec![(&key::_mps_key_SPARE, real(1.0))]).unwrap();
            let all: Vec<Block> = (0..8).map(|_| w.block(c, p, None, 512 << 10).unwrap()).collect();
            all[..7].iter().for_each(|k| w.release(p, k));
            let arena = &w.cx().arena;
            arena.purge(usize::MAX, None);
            arena.set_limit(arena.committed.get() + (128 << 10)).unwrap();
            assert!(w.sizes(p).1 >= 7 * (512 << 10), "nothing was kept");
            let large = w.block(c, p, None, 3 << 20).unwrap();
            assert_eq!(w.block(c, p, None, 3 << 20).err(), Some(Res::CommitLimit));
            w.release(p, &large);
            w.release(p, &all[7]);
            arena.set_limit(usize::MAX).unwrap();
            w.drop_pool(p);
        },
    );
}

/// Thirty pools side by side, which go in any order.
#[test]
fn many_pools() {
    each(
        "many_pools",
        |_| true,
        |w, c| {
            type Held = Vec<(usize, Block)>;
            let mut pools: Vec<(P<Pool>, Option<P<Buffer>>, Held)> = (0..30)
                .map(|_| {
                    let p = w.pool(c);
                    (p, c.aps.then(|| w.ap(p)), Vec::new())
                })
                .collect();
            for r in 0..ROOTS {
                let (p, ap) = (pools[r % 30].0, pools[r % 30].1);
                let size = w.random_size();
                let k = w.block(c, p, ap, size).unwrap();
                w.roots[r] = if c.format { k.at.0 } else { 0 };
                pools[r % 30].2.push((r, k));
            }
            while !pools.is_empty() {
                let gone = w.rng.below(pools.len());
                let (p, ap, held) = pools.swap_remove(gone);
                held.iter().for_each(|(r, _)| w.roots[*r] = 0);
                ap.into_iter().for_each(|b| w.drop_ap(b));
                w.drop_pool(p);
                if w.rng.one_in(4) {
                    w.collect();
                }
                let mut taken = Taken::default();
                for (p, _, held) in &pools {
                    for (r, k) in held {
                        let k = if c.format { w.now(*r, k) } else { *k };
                        w.verify(&k, c.format);
                        taken.add(&k);
                        assert!(Mpm::enter(w.m, |m| m.pool_of(k.at)) == Some(*p));
                    }
                }
            }
        },
    );
}

/// A pool goes with all that is in it, in the middle of a collection too, and
/// what it had is there for others.
#[test]
fn destroyed_while_full() {
    each(
        "destroyed_while_full",
        |_| true,
        |w, c| {
            let arena = &w.cx().arena;
            let mut before = 0;
            for round in 0..6 {
                let p = w.pool(c);
                let ap = c.aps.then(|| w.ap(p));
                for r in 0..ROOTS {
                    let size = w.random_size();
                    let k = w.block(c, p, ap, size).unwrap();
                    w.roots[r] = if c.format && r % 2 == 0 { k.at.0 } else { 0 };
                }
                if round % 2 == 1 {
                    let _ = Mpm::enter(w.m, |m| m.start_collect());
                    for _ in 0..round {
                        Mpm::enter(w.m, |m| m.step(0.0, 0.0));
                    }
                }
                ap.into_iter().for_each(|b| w.drop_ap(b));
                w.roots.fill(0);
                w.drop_pool(p);
                arena.purge(usize::MAX, None);
                let now = arena.committed.get();
                if round > 1 {
                    assert!(now <= before + (64 << 10), "{now} committed, {before} before");
                }
                before = before.max(now);
                Mpm::enter(w.m, |m| m.park());
                assert_eq!(arena.control_in_use(), w.control);
                Mpm::enter(w.m, |m| m.release());
            }
        },
    );
}

fn flip_byte(w: &World, a: Addr) {
    w.touch(a, true);
    // SAFETY: memory of a pool, which the test damages and mends again.
    unsafe { *a.ptr::<u8>() ^= 0x40 };
}

#[test]
fn damage_is_found() {
    each(
        "damage_is_found",
        |c| c.fences || c.paint,
        |w, c| {
            let p = w.pool(c);
            let ap = if c.alloc { None } else { Some(w.ap(p)) };
            let mut all = Vec::new();
            for r in 0..40 {
                let k = w.block(c, p, ap, 80).unwrap();
                w.roots[r] = if c.format { k.at.0 } else { 0 };
                all.push(k);
            }
            let check =
                |fences: bool| caught(|| Mpm::enter_for(w.m, p, |_| p.class.check(p, fences))).1;
            if c.fences {
                for (at, n) in
                    [(all[7].at.sub(1), 1), (all[7].at.add(80), 1), (all[9].at.sub(2), 1)]
                {
                    flip_byte(w, at);
                    let said = check(true);
                    assert!(said.len() == n && said[0].contains("fenceposts"), "{said:?}");
                    flip_byte(w, at);
                    assert!(check(true).is_empty());
                }
                flip_byte(w, all[31].at.add(80));
                let (done, said) = caught(|| Mpm::free(w.m, p, all[31].at, 80));
                assert!(
                    done == Ok(()) && said.len() == 1 && said[0].contains("fenceposts"),
                    "{said:?}"
                );
            }
            if c.paint {
                // Some go, in stretches that are worth handing out again.
                for (r, k) in all.iter().enumerate().filter(|(r, _)| r % 8 < 7) {
                    if c.free {
                        w.release(p, k);
                    }
                    w.roots[r] = 0;
                }
                ap.into_iter().for_each(|b| w.drop_ap(b));
                w.collect();
                let (k, j) = (all[4], all[20]);
                assert!(check(false).is_empty());
                flip_byte(w, k.at.add(40));
                flip_byte(w, j.at.add(8));
                let said = check(false);
                assert!(!said.is_empty() && said[0].contains("free memory"), "{said:?}");
                flip_byte(w, j.at.add(8));
                assert!(!check(false).is_empty());
                flip_byte(w, k.at.add(40));
                assert!(check(false).is_empty());
                // Damage that is met when the memory is handed out again.
                flip_byte(w, k.at.add(40));
                let ap = if c.alloc { None } else { Some(w.ap(p)) };
                let world = &mut *w;
                let (_, said) = caught(|| {
                    for _ in 0..40 {
                        world.block(c, p, ap, 80).unwrap();
                    }
                });
                assert!(!said.is_empty() && said[0].contains("free memory"), "{said:?}");
                ap.into_iter().for_each(|b| w.drop_ap(b));
            }
            // Its last blocks are checked as it goes.
            if c.fences {
                flip_byte(w, all[15].at.sub(1));
                let (_, said) = caught(|| w.drop_pool(p));
                assert!(said.len() == 1 && said[0].contains("fenceposts"), "{said:?}");
            } else {
                w.drop_pool(p);
            }
        },
    );
}

/// Frames: what was allocated since goes when one is popped. To others they
/// mean nothing.
#[test]
fn frames() {
    each(
        "frames",
        |c| c.aps,
        |w, c| {
            let p = w.pool(c);
            let b = w.ap(p);
            let class = c.handle.class;
            let m = w.m;
            let push = || Mpm::enter(m, |_| class.frame_push(b)).unwrap();
            let pop = |f| Mpm::enter(m, |_| class.frame_pop(b, f)).unwrap();
            let outer = push();
            if !c.frames {
                assert_eq!(outer, Addr::NULL);
                pop(outer);
                w.drop_ap(b);
                w.drop_pool(p);
                return;
            }
            let mut stack = Vec::new();
            let mut made: Vec<Block> = Vec::new();
            let mut rng = Rng::from(w.rng.word() as u64);
            for _ in 0..300 {
                if stack.is_empty() || rng.below(5) < 3 {
                    stack.push((push(), made.len()));
                    for _ in 0..rng.below(30) {
                        let k = w.on(b, (3 + rng.below(300)) * WORD).unwrap();
                        made.push(k);
                    }
                } else {
                    let keep = rng.below(stack.len());
                    let (f, n) = stack[keep];
                    stack.truncate(keep);
                    made.truncate(n);
                    pop(f);
                }
                let mut taken = Taken::default();
                for k in &made {
                    w.verify(k, true);
                    taken.add(k);
                }
                if rng.one_in(20) {
                    w.collect();
                }
            }
            pop(outer);
            // Only the allocation point's room is in use.
            let (total, free) = w.sizes(p);
            assert!(total - free <= 32 << 10, "{free} of {total} free");
            w.drop_ap(b);
            let (total, free) = w.sizes(p);
            assert_eq!(total, free);
            w.drop_pool(p);
        },
    );
}

/// Memory that was popped is used again, for objects that refer to others than
/// those before.
#[test]
fn references_in_frames() {
    each(
        "references_in_frames",
        |c| c.frames,
        |w, c| {
            const N: usize = 1500;
            let (p, q) = (w.pool(c), w.pool(&TABLE[0]));
            let (b, other) = (w.ap(p), w.ap(q));
            let m = w.m;
            for round in 0..4 {
                let frame = Mpm::enter(m, |_| c.handle.class.frame_push(b)).unwrap();
                let mut made = Vec::new();
                for i in 0..N {
                    let k = w.vector(b, 3).unwrap();
                    w.roots[0] = w.vector(other, 2).unwrap().0;
                    w.store(Addr(w.roots[0]).add(WORD), round * N + i);
                    w.store(k.add(SLOTS + i % 3 * WORD), w.roots[0]);
                    made.push(k);
                }
                w.roots[0] = 0;
                for _ in 0..5 {
                    w.collect();
                    w.vector(other, 9).unwrap();
                }
                for (i, k) in made.iter().enumerate() {
                    let to = Addr(w.load(k.add(SLOTS + i % 3 * WORD)));
                    assert_eq!(w.load(to.add(WORD)), round * N + i, "object {i}, round {round}");
                }
                Mpm::enter(m, |_| c.handle.class.frame_pop(b, frame)).unwrap();
                // What nothing is in refers to nothing; and nothing is held by it.
                (0..5).for_each(|_| w.collect());
                let left = w.sizes(q).0;
                assert!(left <= 64 << 10, "{left} bytes for nothing");
            }
            w.drop_ap(b);
            w.drop_ap(other);
            w.drop_pool(p);
            w.drop_pool(q);
        },
    );
}

#[test]
fn ramps() {
    each(
        "ramps",
        |c| c.aps,
        |w, c| {
            let p = w.pool(c);
            let b = w.ap(p);
            let class = c.handle.class;
            for _ in 0..5 {
                Mpm::enter(w.m, |_| class.ramp_begin(b));
                bump(&b.ramps, 1);
                for r in 0..50 {
                    w.object(b, r, 512).unwrap();
                }
                w.collect();
                Mpm::enter(w.m, |m| m.ramp_reset(b));
                assert_eq!((b.ramps.get(), w.chain.ramps.get()), (0, 0));
            }
            w.drop_ap(b);
            w.drop_pool(p);
        },
    );
}

/// Instances on two ports at once, whichever was there first: each port reports
/// its faults to us.
#[test]
fn two_ports() {
    for first in [Ground::Mock, Ground::Host] {
        let a = World::new(first, Rng::new("two_ports"));
        let rng = Rng(a.rng.0 ^ 0x5555_0000);
        let machine = (first == Ground::Host).then(|| Machine::another(Mock::new()));
        if let Some(m) = &machine {
            MACHINE.store(core::ptr::from_ref(m.mock).cast_mut(), Ordering::Relaxed);
        }
        let mut worlds = [a, World::with(machine, None, rng)];
        for w in &mut worlds {
            let p = w.pool(&TABLE[0]);
            let b = w.ap(p);
            for r in 0..100 {
                w.roots[r] = w.vector(b, 40).unwrap().0;
            }
            for round in 0..4 {
                w.collect();
                for r in 0..100 {
                    let k = w.vector(b, 4).unwrap();
                    w.store(k.add(WORD), r);
                    w.store(Addr(w.roots[r]).add(SLOTS + round * WORD), k.0);
                }
                let _ = Mpm::enter(w.m, |m| m.start_collect());
                for r in 0..100 {
                    Mpm::enter(w.m, |m| m.step(0.0, 0.0));
                    let k = Addr(w.load(Addr(w.roots[r]).add(SLOTS + round * WORD)));
                    assert_eq!(w.load(k.add(WORD)), r);
                }
            }
            let stats = &w.cx().stats;
            assert!(stats.write_hits.get() > 0 && stats.read_hits.get() > 0);
            w.drop_ap(b);
            w.drop_pool(p);
        }
        let [a, b] = worlds;
        // The lock goes last.
        b.finish();
        a.finish();
        MACHINE.store(core::ptr::null_mut(), Ordering::Relaxed);
    }
}
