//! Managed objects beside a shadow of them that is not managed.

use mps::{Array, Field, Finalize, Gc, Heap, Leaf, Options, Res, Root, Threads, Trace};
use proptest::prelude::*;
use std::cell::Cell;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst};

fn short() -> Options {
    Options { pause_time: 0.0, ..Options::default() }
}

#[derive(Trace)]
struct Node<'id> {
    number: u64,
    note: Cell<u32>,
    left: Field<'id, Node<'id>>,
    rest: Rest<'id>,
}

/// An enumeration, with an array and a nested structure in it.
#[derive(Trace)]
enum Rest<'id> {
    None,
    Pair([Field<'id, Node<'id>>; 2], u8),
    Named { right: Inner<'id, u16> },
    Text(Field<'id, Array<u8>>),
}

/// With a parameter.
#[derive(Trace)]
struct Inner<'id, T>(T, Field<'id, Node<'id>>);

#[derive(Trace)]
struct Unit;

/// What a node should be.
#[derive(Clone, Default)]
struct Shadow {
    note: u32,
    left: Option<u64>,
    more: Vec<Option<u64>>,
    text: Option<Vec<u8>>,
}

fn node<'m, 'id>(heap: &'m Heap<'id>, number: u64, kind: u8) -> Gc<'m, 'id, Node<'id>> {
    let rest = match kind % 4 {
        0 => Rest::None,
        1 => Rest::Pair([Field::null(), Field::null()], kind),
        2 => Rest::Named { right: Inner(7, Field::null()) },
        _ => Rest::Text(Field::null()),
    };
    heap.alloc(Node { number, note: Cell::new(0), left: Field::null(), rest }).unwrap()
}

#[derive(Clone, Debug)]
enum Step {
    Make(u8, usize),
    Link(usize, usize, usize),
    Unlink(usize),
    Note(usize, u32),
    Drop(usize),
    Safepoint,
    Collect,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let s = prop_oneof![
        6 => (any::<u8>(), any::<usize>()).prop_map(|(k, i)| Step::Make(k, i)),
        6 => any::<(usize, usize, usize)>().prop_map(|(a, b, c)| Step::Link(a, b, c)),
        2 => any::<usize>().prop_map(Step::Unlink),
        2 => any::<(usize, u32)>().prop_map(|(a, n)| Step::Note(a, n)),
        1 => any::<usize>().prop_map(Step::Drop),
        8 => Just(Step::Safepoint),
        1 => Just(Step::Collect),
    ];
    prop::collection::vec(s, 0..400)
}

/// Compares all that can be reached from the roots.
fn compare<'id>(
    heap: &Heap<'id>,
    roots: &[Root<'id, Node<'id>>],
    ids: &[u64],
    all: &HashMap<u64, Shadow>,
) {
    let mut seen = HashMap::new();
    let mut todo: Vec<_> = roots.iter().zip(ids).map(|(r, id)| (r.get(heap), *id)).collect();
    while let Some((n, id)) = todo.pop() {
        assert_eq!(n.number, id);
        // The same number is the same object.
        if let Some(before) = seen.insert(id, n) {
            assert!(before.is(n));
            continue;
        }
        let s = &all[&id];
        assert_eq!(n.note.get(), s.note);
        let mut go = |f: &Field<'id, Node<'id>>, to: Option<u64>| match (f.get(heap), to) {
            (None, None) => {}
            (Some(m), Some(to)) => todo.push((m, to)),
            _ => panic!("{id} has lost or gained a reference"),
        };
        go(&n.left, s.left);
        match &n.to_ref().rest {
            Rest::None => {}
            Rest::Pair(two, _) => {
                go(&two[0], s.more[0]);
                go(&two[1], s.more[1]);
            }
            Rest::Named { right: Inner(seven, f) } => {
                assert_eq!(*seven, 7);
                go(f, s.more[0]);
            }
            Rest::Text(t) => {
                assert_eq!(t.get(heap).map(|t| t.elements().to_vec()), s.text);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn as_its_shadow(steps in steps()) {
        Heap::with(&short(), |heap| {
            let mut roots: Vec<Root<'_, Node<'_>>> = Vec::new();
            let mut ids: Vec<u64> = Vec::new();
            let mut all: HashMap<u64, Shadow> = HashMap::new();
            let mut next = 0;
            for s in &steps {
                let n = ids.len().max(1);
                match *s {
                    Step::Make(kind, at) => {
                        next += 1;
                        let mut shadow = Shadow { more: vec![None; 2], ..Shadow::default() };
                        let o = node(heap, next, kind);
                        if let Rest::Text(_) = o.rest {
                            let text = vec![kind; at % 3000];
                            let copy = heap.alloc_copy(&text).unwrap();
                            o.set(|o| match &o.rest { Rest::Text(t) => t, _ => unreachable!() }, Some(copy));
                            shadow.text = Some(text);
                        }
                        all.insert(next, shadow);
                        if ids.len() < 50 {
                            roots.push(heap.root(o).unwrap());
                            ids.push(next);
                        } else {
                            roots[at % n].set(o);
                            ids[at % n] = next;
                        }
                    }
                    _ if ids.is_empty() => {}
                    Step::Link(a, b, which) => {
                        let (o, to) = (roots[a % n].get(heap), roots[b % n].get(heap));
                        let s = all.get_mut(&ids[a % n]).unwrap();
                        let id = Some(ids[b % n]);
                        match (&o.to_ref().rest, which % 3) {
                            (Rest::Pair(..), i @ 1..) => {
                                o.set(|o| match &o.rest { Rest::Pair(p, _) => &p[i - 1], _ => unreachable!() }, Some(to));
                                s.more[i - 1] = id;
                            }
                            (Rest::Named { .. }, 1..) => {
                                o.set(|o| match &o.rest { Rest::Named { right } => &right.1, _ => unreachable!() }, Some(to));
                                s.more[0] = id;
                            }
                            _ => {
                                o.set(|o| &o.left, Some(to));
                                s.left = id;
                            }
                        }
                    }
                    Step::Unlink(a) => {
                        roots[a % n].get(heap).set(|o| &o.left, None);
                        all.get_mut(&ids[a % n]).unwrap().left = None;
                    }
                    Step::Note(a, note) => {
                        roots[a % n].get(heap).note.set(note);
                        all.get_mut(&ids[a % n]).unwrap().note = note;
                    }
                    Step::Drop(a) => {
                        roots.swap_remove(a % n);
                        ids.swap_remove(a % n);
                    }
                    Step::Safepoint => heap.safepoint(),
                    Step::Collect => {
                        heap.collect();
                        compare(heap, &roots, &ids, &all);
                    }
                }
            }
            compare(heap, &roots, &ids, &all);
        }).unwrap();
    }
}

#[test]
fn a_long_life() {
    // A million lists of ten, of which some stay, with a step at each chance.
    let (collections, committed) = Heap::with(&short(), |heap| {
        let table = heap.alloc_array::<Node<'_>>(1000).unwrap();
        let table = heap.root(table).unwrap();
        let mut firsts = vec![0; 1000];
        for round in 0..100_000u64 {
            let first = heap.root(node(heap, round * 10, 0)).unwrap();
            for i in 1..10 {
                let n = node(heap, round * 10 + i, 0);
                n.set(|n| &n.left, Some(first.get(heap)));
                first.set(n);
                heap.safepoint();
            }
            if round % 10 == 0 {
                let i = (round * 7919 % 1000) as usize;
                assert!(table.get(heap).put(i, Some(first.get(heap))));
                firsts[i] = round * 10 + 9;
            }
        }
        for (i, first) in firsts.into_iter().enumerate() {
            let mut at = table.get(heap).get(heap, i);
            assert_eq!(at.is_some(), first != 0);
            let mut expected = first;
            let mut len = 0;
            while let Some(n) = at {
                assert_eq!(n.number, expected);
                expected = expected.wrapping_sub(1);
                len += 1;
                at = n.left.get(heap);
            }
            assert!(len == 10 || first == 0);
        }
        (heap.collections(), heap.committed())
    })
    .unwrap();
    assert!(collections > 3, "{collections}");
    assert!(committed < 64 << 20, "{committed}");
}

#[test]
fn weak_roots() {
    Heap::with(&short(), |heap| {
        let kept = heap.root(node(heap, 1, 0)).unwrap();
        let first = heap.weak(kept.get(heap)).unwrap();
        let mut weak = Vec::new();
        for i in 0..200 {
            weak.push(heap.weak(node(heap, i, 0)).unwrap());
        }
        assert!(weak.iter().all(|w| w.get(heap).is_some()), "nothing has been collected");
        heap.collect();
        assert!(weak.iter().all(|w| w.get(heap).is_none()));
        assert!(first.get(heap).unwrap().is(kept.get(heap)));
        // One that has lost its object can have another.
        weak[5].set(kept.get(heap));
        drop(kept);
        assert_eq!(weak[5].get(heap).unwrap().number, 1);
        heap.collect();
        assert!(weak[5].get(heap).is_none() && first.get(heap).is_none());
    })
    .unwrap();
}

#[test]
fn many_roots() {
    Heap::with(&short(), |heap| {
        let mut roots = Vec::new();
        for round in 0..5 {
            for i in 0..1000 {
                roots.push((i, heap.root(node(heap, i, 0)).unwrap()));
            }
            heap.collect();
            assert!(roots.iter().all(|(i, r)| r.get(heap).number == *i));
            // Dropped in another order than they were made.
            let mut n = 0;
            roots.retain(|_| {
                n += 1;
                (n + round) % 3 == 0
            });
        }
    })
    .unwrap();
}

#[test]
fn sizes() {
    #[derive(Trace, Clone, Copy)]
    struct Odd(u8, u16, [u8; 5]);
    // SAFETY: no field is in it.
    unsafe impl Leaf for Odd {}
    Heap::with(&short(), |heap| {
        let unit = heap.root(heap.alloc(Unit).unwrap()).unwrap();
        let nothing = heap.root(heap.alloc_array::<Unit>(0).unwrap()).unwrap();
        let large = heap.root(heap.alloc_array::<Unit>(200_000).unwrap()).unwrap();
        let odd: Vec<_> = (0..77).map(|i| Odd(i, i.into(), [i; 5])).collect();
        let odd = heap.root(heap.alloc_copy(&odd).unwrap()).unwrap();
        let words = heap.root(heap.alloc_copy(&[1.5f64; 9]).unwrap()).unwrap();
        for _ in 0..5 {
            large.get(heap).put(199_999, Some(unit.get(heap)));
            heap.collect();
            assert!(large.get(heap).get(heap, 199_999).unwrap().is(unit.get(heap)));
            assert!(large.get(heap).get(heap, 200_000).is_none());
            assert!(!large.get(heap).put(200_000, None));
            assert_eq!(nothing.get(heap).elements().len(), 0);
            let o = odd.get(heap).elements();
            assert!(o.iter().enumerate().all(|(i, o)| o.2 == [i as u8; 5] && o.1 == i as u16));
            assert_eq!(words.get(heap).elements(), [1.5; 9]);
        }
        assert_eq!(heap.alloc_array::<Unit>(usize::MAX / 8).err(), Some(Res::Memory));
        assert_eq!(heap.alloc_array::<Unit>(usize::MAX).err(), Some(Res::Memory));
    })
    .unwrap();
}

#[test]
fn out_of_memory() {
    let options = Options { limit: 16 << 20, ..short() };
    Heap::with(&options, |heap| {
        let kept = heap.root(node(heap, 1, 0)).unwrap();
        let mut refused = 0;
        for _ in 0..3 {
            // Without a safepoint nothing is collected.
            let code = loop {
                if let Err(e) = heap.alloc_copy(&[0u8; 1000]) {
                    break e;
                }
            };
            assert!(matches!(code, Res::CommitLimit | Res::Memory | Res::Resource));
            refused += 1;
            heap.collect();
            assert!(heap.alloc_copy(&[0u8; 1000]).is_ok());
            assert_eq!(kept.get(heap).number, 1);
        }
        assert_eq!(refused, 3);
    })
    .unwrap();
    assert!(Heap::with(&Options { limit: 4096, ..short() }, |_| ()).is_err());
}

#[test]
fn a_panic_inside() {
    for _ in 0..20 {
        let r = std::panic::catch_unwind(|| {
            Heap::with(&short(), |heap| {
                let r = heap.root(node(heap, 1, 0)).unwrap();
                assert_eq!(r.get(heap).number, 2, "this is to fail");
            })
        });
        assert!(r.is_err());
    }
}

#[test]
fn heaps_in_threads_and_in_each_other() {
    let one = |seed: u64| {
        Heap::with(&short(), |a| {
            Heap::with(&short(), |b| {
                let (x, y) = (a.root(node(a, 0, 0)).unwrap(), b.root(node(b, 0, 0)).unwrap());
                for i in 1..20_000 {
                    let n = node(a, i + seed, 0);
                    n.set(|n| &n.left, (i % 100 != 0).then(|| x.get(a)));
                    x.set(n);
                    let n = node(b, i * 2 + seed, 0);
                    n.set(|n| &n.left, (i % 77 != 0).then(|| y.get(b)));
                    y.set(n);
                    a.safepoint();
                    b.safepoint();
                }
                a.collect();
                assert_eq!(x.get(a).left.get(a).unwrap().number, 19_998 + seed);
                assert_eq!(y.get(b).left.get(b).unwrap().number, 39_996 + seed);
            })
        })
        .unwrap()
        .unwrap()
    };
    std::thread::scope(|s| {
        for seed in 0..4 {
            s.spawn(move || one(seed));
        }
    });
}

/// One that is put into a list of the dead.
#[derive(Trace)]
struct Mortal<'id> {
    number: u64,
    list: Field<'id, Mourners<'id>>,
    next: Field<'id, Mortal<'id>>,
}

#[derive(Trace)]
struct Mourners<'id> {
    first: Field<'id, Mortal<'id>>,
    how_many: Cell<usize>,
}

impl<'id> Finalize<'id> for Mortal<'id> {
    fn finalize<'m>(m: Gc<'m, 'id, Self>, heap: &'m Heap<'id>) {
        let list = m.list.get(heap).expect("what it refers to is there");
        m.set(|m| &m.next, list.first.get(heap));
        list.set(|l| &l.first, Some(m));
        list.how_many.set(list.how_many.get() + 1);
    }
}

#[test]
fn finalizers() {
    Heap::with(&short(), |heap| {
        let list = heap.alloc(Mourners { first: Field::null(), how_many: Cell::new(0) }).unwrap();
        let list = heap.root(list).unwrap();
        let mut kept = Vec::new();
        for number in 0..10_000 {
            let value = Mortal { number, list: Field::null(), next: Field::null() };
            let m = heap.alloc_final(value).unwrap();
            m.set(|m| &m.list, Some(list.get(heap)));
            if number % 10 == 0 {
                kept.push((number, heap.root(m).unwrap()));
            }
            heap.safepoint();
        }
        let weak = heap.weak(kept[7].1.get(heap)).unwrap();
        heap.collect();
        let ran = heap.run_finalizers();
        assert_eq!((ran, list.get(heap).how_many.get()), (9_000, 9_000));
        assert_eq!(heap.run_finalizers(), 0);
        // They live on in the list, each once, and are not finalized again.
        heap.collect();
        let mut numbers = Vec::new();
        let mut at = list.get(heap).first.get(heap);
        while let Some(m) = at {
            numbers.push(m.number);
            at = m.next.get(heap);
        }
        numbers.sort();
        assert_eq!(numbers, (0..10_000).filter(|n| n % 10 != 0).collect::<Vec<_>>());
        list.get(heap).set(|l| &l.first, None);
        heap.collect();
        assert_eq!(heap.run_finalizers(), 0);
        assert!(kept.iter().all(|(n, r)| r.get(heap).number == *n));
        assert_eq!(weak.get(heap).map(|w| w.number), Some(70));
        kept.clear();
        heap.collect();
        // What waits for its finalizer is alive, so weak roots have it.
        assert_eq!(weak.get(heap).map(|w| w.number), Some(70));
        assert_eq!(heap.run_finalizers(), 1000);
        list.get(heap).set(|l| &l.first, None);
        heap.collect();
        assert!(weak.get(heap).is_none());
    })
    .unwrap();
}

#[test]
fn finalizers_without_memory() {
    let options = Options { limit: 4 << 20, ..short() };
    Heap::with(&options, |heap| {
        let list = heap.alloc(Mourners { first: Field::null(), how_many: Cell::new(0) }).unwrap();
        let list = heap.root(list).unwrap();
        let mut made = 0;
        let mut refused = 0;
        while refused < 3 {
            let value = Mortal { number: 1, list: Field::null(), next: Field::null() };
            match heap.alloc_final(value).map(|m| m.set(|m| &m.list, Some(list.get(heap)))) {
                Ok(()) => made += 1,
                Err(_) => {
                    refused += 1;
                    heap.collect();
                    heap.run_finalizers();
                    list.get(heap).set(|l| &l.first, None);
                    heap.collect();
                }
            }
        }
        // Without memory to copy to, some stay for another collection.
        for _ in 0..5 {
            heap.collect();
            heap.run_finalizers();
            list.get(heap).set(|l| &l.first, None);
        }
        assert_eq!(list.get(heap).how_many.get(), made);
    })
    .unwrap();
}

/// A node that threads share.
#[derive(Trace)]
struct Link<'id> {
    number: u64,
    next: Field<'id, Link<'id>>,
}

fn link<'m, 'id>(heap: &'m Heap<'id, Threads>, number: u64) -> Gc<'m, 'id, Link<'id>> {
    heap.alloc(Link { number, next: Field::null() }).unwrap()
}

#[test]
fn threads_on_one_heap() {
    const EACH: u64 = 30_000;
    Heap::shared(&short(), |shared| {
        let table = shared.enter(|h| h.root(h.alloc_array::<Link<'_>>(64).unwrap()).unwrap());
        let table = &table.unwrap();
        let lost = AtomicU64::new(0);
        std::thread::scope(|s| {
            for t in 0..4u64 {
                let lost = &lost;
                s.spawn(move || {
                    shared
                        .enter(|heap| {
                            // Each has a list of its own, and one place of the table that it shares
                            // with all: whatever another has put there is whole.
                            let mine = heap.root(link(heap, 0)).unwrap();
                            let weak = heap.weak(link(heap, 7)).unwrap();
                            for i in 1..EACH {
                                let l = link(heap, i);
                                l.set(|l| &l.next, Some(mine.get(heap)).filter(|_| i % 100 != 0));
                                mine.set(l);
                                let place = ((i + t) % 64) as usize;
                                let all = table.get(heap);
                                if let Some(other) = all.get(heap, place) {
                                    let next = other.next.get(heap).map_or(0, |n| n.number);
                                    if other.number >= EACH
                                        || (next != 0 && next + 1 != other.number)
                                    {
                                        lost.fetch_add(1, SeqCst);
                                    }
                                }
                                all.put(place, Some(l));
                                weak.set(l);
                                // Garbage, for collections to happen.
                                heap.alloc_array::<Link<'_>>(64).unwrap();
                                heap.safepoint();
                            }
                            let mut at = Some(mine.get(heap));
                            let mut expected = EACH - 1;
                            while let Some(l) = at {
                                assert_eq!(l.number, expected);
                                expected -= 1;
                                at = l.next.get(heap);
                            }
                            assert_eq!(expected, EACH - 101);
                        })
                        .unwrap();
                });
            }
        });
        assert_eq!(lost.load(SeqCst), 0);
        shared
            .enter(|heap| {
                heap.collect();
                assert!((0..64).all(|i| table.get(heap).get(heap, i).is_some()));
                assert!(heap.collections() > 1, "{}", heap.collections());
            })
            .unwrap();
    })
    .unwrap();
}

#[test]
fn roots_cross_threads() {
    let collected = AtomicUsize::new(0);
    Heap::shared(&short(), |shared| {
        let (send, receive) = std::sync::mpsc::channel();
        std::thread::scope(|s| {
            s.spawn(|| {
                shared
                    .enter(move |heap| {
                        for i in 0..2000 {
                            send.send((i, heap.root(link(heap, i)).unwrap())).unwrap();
                            heap.safepoint();
                        }
                    })
                    .unwrap();
            });
            let collected = &collected;
            s.spawn(move || {
                shared
                    .enter(|heap| {
                        // Waits for the other, which waits for this one to let objects move.
                        while let Ok((i, root)) = heap.blocking(|| receive.recv()) {
                            if i % 50 == 0 {
                                heap.collect();
                            }
                            assert_eq!(root.get(heap).number, i);
                        }
                        collected.store(heap.collections(), SeqCst);
                    })
                    .unwrap();
            });
        });
        // One is dropped where there is no heap.
        let root = shared.enter(|heap| heap.root(link(heap, 1)).unwrap()).unwrap();
        drop(root);
        // Who is in it can't enter it.
        let again = shared.enter(|_| shared.enter(|_| ()).err()).unwrap();
        assert_eq!(again, Some(Res::Fail));
    })
    .unwrap();
    assert!(collected.load(SeqCst) >= 40);
}

#[test]
fn threads_that_panic_let_go() {
    Heap::shared(&short(), |shared| {
        std::thread::scope(|s| {
            for _ in 0..3 {
                let t = s.spawn(|| {
                    shared.enter(|heap| {
                        let _kept = heap.root(link(heap, 1)).unwrap();
                        heap.blocking(|| panic!("this is to fail"));
                    })
                });
                assert!(t.join().is_err());
            }
        });
        shared.enter(|heap| heap.collect()).unwrap();
    })
    .unwrap();
}
