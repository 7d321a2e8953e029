//! What a pool does when it is found locked too often, by a thread that finds it so
//! on purpose. (With threads: tests/client/manual.c.)

use super::*;

/// The pool is found crowded, and what follows from that is done.
fn crowd(w: &World, p: P<Pool>) {
    let a = Mpm::alloc(w.m, p, 64).unwrap();
    assert!(p.class.fork_lock(p));
    for _ in 0..100 {
        assert!(p.class.quick_alloc(p, 64).is_null());
    }
    // SAFETY: taken above.
    unsafe { p.class.fork_unlock(p) };
    let before = w.sizes(p).0;
    Mpm::free(w.m, p, a, 64).unwrap();
    assert!(w.sizes(p).0 <= before, "the pool has grown");
}

/// As the C interface does it.
fn get(w: &World, p: P<Pool>, size: Size) -> Result<Addr> {
    let a = p.class.quick_alloc(p, size);
    if a.is_null() { Mpm::alloc(w.m, p, size) } else { Ok(a) }
}

fn put_back(w: &World, p: P<Pool>, a: Addr, size: Size) {
    if !p.class.quick_free(p, a, size) {
        Mpm::free(w.m, p, a, size).unwrap();
    }
}

fn mvff() -> &'static Class {
    TABLE.iter().find(|c| c.handle.class.name() == "MVFF").unwrap()
}

/// In use, so that a pool is large enough: for eight shards.
const HUGE: Size = 6 << 20;

fn is_in_use(w: &World, p: P<Pool>, bytes: Size) {
    let (total, free) = w.sizes(p);
    assert_eq!(total - free, bytes);
}

/// Random blocks, all gone again.
fn blocks(w: &mut World, p: P<Pool>, huge: Size) {
    let mut taken = Taken::default();
    let mut all: Vec<Block> = Vec::new();
    for step in 0..20_000 {
        let grows = step / 4000 % 2 == 0;
        if !all.is_empty() && w.rng.below(if grows { 3 } else { 2 }) == 0 {
            let k = all.swap_remove(w.rng.below(all.len()));
            taken.remove(&k);
            w.verify(&k, false);
            put_back(w, p, k.at, k.size);
        } else {
            let size = 8 * (1 + w.rng.below(if step % 50 == 0 { 400 } else { 40 }));
            let k = Block { at: get(w, p, size).unwrap(), size, id: w.id() };
            taken.add(&k);
            w.fill(&k, false);
            all.push(k);
        }
        if step % 500 == 0 {
            is_in_use(w, p, huge + taken.bytes());
        }
    }
    for k in all {
        w.verify(&k, false);
        put_back(w, p, k.at, k.size);
    }
    is_in_use(w, p, huge);
}

#[test]
fn shards_come_and_go() {
    // For two, eight and sixteen.
    for (huge_size, count) in [(1200 << 10, 2), (HUGE, 8), (20 << 20, 16)] {
        come_and_go(Ground::Mock, huge_size, count);
        come_and_go(Ground::Host, huge_size, count);
    }
}

fn come_and_go(ground: Ground, huge_size: Size, count: usize) {
    let mut w = World::new(ground, Rng::new("shards_come_and_go"));
    // More than all else that a pool needs, less than shards.
    let shards = count * (8 << 10);
    let p = w.try_pool_with(mvff(), std::vec![(&key::_mps_key_SPARE, real(0.01))]).unwrap();
    let control = |w: &World| w.cx().arena.control_in_use();
    // A small pool does without.
    crowd(&w, p);
    blocks(&mut w, p, 0);
    assert!(control(&w) < w.control + shards);
    let mut huge = get(&w, p, huge_size).unwrap();
    let before = control(&w);
    crowd(&w, p);
    blocks(&mut w, p, huge_size);
    let with = if cfg!(feature = "variety-cool") { 0 } else { shards };
    assert!(control(&w) >= before + with, "{} to {}", before, control(&w));
    for _ in 0..2 {
        // Much is freed: they are not used any more, nor is anything in them.
        let left = get(&w, p, 64).unwrap();
        put_back(&w, p, huge, huge_size);
        is_in_use(&w, p, 64);
        put_back(&w, p, left, 64);
        let (total, free) = w.sizes(p);
        assert!(total == free && total <= 64 << 10, "{total} bytes stay");
        blocks(&mut w, p, 0);
        // They are again. Where the block is then depends on the arena.
        huge = get(&w, p, huge_size).unwrap();
        blocks(&mut w, p, huge_size);
    }
    put_back(&w, p, huge, huge_size);
    w.drop_pool(p);
    w.finish();
}

/// A pool with shards, and the block that makes it large.
fn crowded(name: &str) -> (World, P<Pool>, Addr) {
    let w = World::new(Ground::Mock, Rng::new(name));
    let p = w.pool(mvff());
    let huge = get(&w, p, HUGE).unwrap();
    crowd(&w, p);
    (w, p, huge)
}

/// When there is no more memory, what is in shards joins what lies next to it.
#[test]
fn shards_are_no_hoard() {
    let (w, p, huge) = crowded("shards_are_no_hoard");
    let arena = &w.cx().arena;
    arena.set_limit(arena.committed.get()).unwrap();
    let mut all = Vec::new();
    while let Ok(a) = get(&w, p, 64) {
        all.push(a);
    }
    all.sort();
    // Neighbours, as many as find a place in a shard.
    let at = all.windows(8).position(|n| n[7].since(n[0]) == 7 * 64).unwrap();
    for a in all.drain(at..at + 8) {
        put_back(&w, p, a, 64);
    }
    is_in_use(&w, p, HUGE + all.len() * 64);
    let joined = get(&w, p, 8 * 64).unwrap();
    assert_eq!(get(&w, p, 64), Err(Res::CommitLimit));
    put_back(&w, p, joined, 8 * 64);
    all.into_iter().for_each(|a| put_back(&w, p, a, 64));
    put_back(&w, p, huge, HUGE);
    w.drop_pool(p);
    w.finish();
}

/// A block that is freed twice in a row is noticed in a shard, too.
#[test]
fn twice_into_a_shard() {
    let (w, p, huge) = crowded("twice_into_a_shard");
    let a = get(&w, p, 64).unwrap();
    put_back(&w, p, a, 64);
    let (done, said) = caught(|| (p.class.quick_free(p, a, 64), Mpm::free(w.m, p, a, 64)));
    assert_eq!(done, (false, Err(Res::Param)));
    assert_eq!(said.len(), 1);
    let (block, pool) = (std::format!("block {a:?}"), std::format!("pool {:?}", p.addr()));
    for part in ["block being freed is in use in the pool", "64 bytes", "MVFF"] {
        assert!(said[0].contains(part), "{said:?} says {part}");
    }
    for part in [block, pool] {
        assert!(said[0].replace("0x", "").contains(&part), "{said:?} says {part}");
    }
    is_in_use(&w, p, HUGE);
    put_back(&w, p, huge, HUGE);
    w.drop_pool(p);
    w.finish();
}
