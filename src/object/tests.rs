//! Structures of the object layer against naive ones.

use super::nailboard::Nailboard;
use crate::arena::tests::{Rng, some_arena};
use crate::base::addr::Addr;
use std::collections::BTreeSet;
use std::vec::Vec;

/// Objects fill a segment, nails go anywhere; what a board says of an object
/// is what the set of nails says.
#[test]
fn nailboard_against_a_set() {
    let (_, arena) = some_arena();
    let mut rng = Rng::new("nailboard_against_a_set");
    let mut used = 0;
    for round in 0..1_000 {
        let align = 8usize << rng.below(5);
        let places = 1 + rng.below([40, 64, 65, 700, 4000][round % 5]);
        let base = Addr(0x7_0000_0000 + rng.below(1000) * align);
        let size = places * align;
        let n = Nailboard::new(&arena, base, size, align).unwrap();
        let mut nails: BTreeSet<usize> = BTreeSet::new();
        for _ in 0..rng.below(places / 2 + 4) {
            let a = rng.below(places);
            // A nail need not be aligned.
            let new = n.set(base.add(a * align + rng.below(align)));
            assert_eq!(new, nails.insert(a));
            assert!(n.fresh.get());
        }
        for _ in 0..rng.below(8) {
            let a = rng.below(places);
            n.clear(base.add(a * align));
            nails.remove(&a);
        }
        for i in 0..places {
            assert_eq!(n.get().get(base.add(i * align)), nails.contains(&i));
        }
        // Objects, in order; some count one place only, some none.
        let mut held: Vec<usize> = Vec::new();
        let mut at = 0;
        while at < places {
            let top = [3, 70, 200][rng.below(3)];
            let len = 1 + rng.below(top).min(places - at - 1);
            let only = match rng.below(3) {
                0 => Some(at + len),
                1 => Some(at + rng.below(len)),
                _ => None,
            };
            let hit = match only {
                Some(i) => i < at + len && nails.contains(&i),
                None => nails.range(at..at + len).next().is_some(),
            };
            if hit {
                held.push(at);
            }
            let only = only.map(|i| base.add(i * align));
            n.resolve(base.add(at * align), base.add((at + len) * align), only);
            at += len;
        }
        let marks: Vec<usize> = (0..places).filter(|i| n.get().get(base.add(i * align))).collect();
        assert_eq!(marks, held);
        // Scanning each once: some by themselves, the rest in order.
        let (alone, rest): (Vec<usize>, Vec<usize>) = held.iter().partition(|_| rng.one_in(3));
        for i in alone {
            let a = base.add(i * align);
            assert!(!n.is_started(a) && n.start_scan(a) && n.is_started(a) && !n.start_scan(a));
        }
        let mut word = 0;
        for i in rest {
            assert_eq!(n.start_next(&mut word), Some(base.add(i * align)));
        }
        assert_eq!(n.start_next(&mut word), None);
        for &i in &held {
            let a = base.add(i * align);
            assert!(n.is_started(a) && !n.start_scan(a));
            n.fresh.set(false);
            assert!(!n.set(a) && !n.fresh.get(), "an old mark is not fresh");
        }
        // SAFETY: nobody uses it any more.
        unsafe { Nailboard::finish(n, &arena) };
        // Boards are given back; control memory keeps what it needed once.
        let now = arena.committed.get() - arena.spare.get();
        if round == 200 {
            used = now;
        }
        assert!(round < 200 || now <= used + (32 << 10), "{now} bytes, it was {used}");
    }
    arena.finish();
}

/// A map of addresses against a naive one, many of one hash and many words of one address.
#[cfg(feature = "ephemerons")]
#[test]
fn map_of_addresses_against_another() {
    use super::addrmap::AddrMap;
    use std::collections::BTreeMap;
    let (_, arena) = some_arena();
    let mut rng = Rng::new("map_of_addresses_against_another");
    for round in 0..200 {
        let map = AddrMap::default();
        let mut naive: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        let keys = 1 + rng.below([3, 50, 5000][round % 3]);
        for i in 0..rng.below(6000) {
            let key = (1 + rng.below(keys)) << [4, 40][round % 2];
            if rng.below(3) != 0 {
                map.add(&arena, Addr(key), Addr(i)).unwrap();
                naive.entry(key).or_default().push(i);
                continue;
            }
            assert_eq!(map.find(Addr(key)).is_some(), naive.contains_key(&key));
            let mut words = Vec::new();
            let mut at = map.take(Addr(key)).unwrap_or(0);
            while at != 0 {
                let (word, more) = map.pop(at);
                words.push(word.0);
                at = more;
            }
            words.sort_unstable();
            assert_eq!(words, naive.remove(&key).unwrap_or_default());
        }
        let mut all = BTreeSet::new();
        map.each(|key, word| {
            assert!(all.insert(key.0));
            assert_eq!(naive.get(&key.0).and_then(|w| w.first()), Some(&word.0));
            Ok(())
        })
        .unwrap();
        assert_eq!(all.len(), naive.len());
        map.finish(&arena);
        assert!(map.find(Addr(16)).is_none());
    }
}
