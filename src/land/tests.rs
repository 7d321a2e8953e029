//! Against naive models. Addresses are made up: nothing here touches them.

use super::bounds::Bounds;
use super::extent::{CELL, Extent, Fit};
use super::field::Field;
use super::free_stack::{Damaged, FreeStack};
use super::marks::{Marks, Set};
use super::quick::{BOX_BLOCKS, Depth, Quick};
use crate::base::addr::Addr;
use std::boxed::Box;
use std::cell::Cell;
use std::collections::BTreeSet;
use std::vec;
use std::vec::Vec;

struct Rng(u64);
impl Rng {
    fn next(&mut self) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) as usize
    }
    fn below(&mut self, n: usize) -> usize {
        self.next() % n
    }
}

fn memory(bytes: usize) -> Addr {
    Addr::of(Box::leak(vec![0u64; bytes.div_ceil(8)].into_boxed_slice()).as_ptr())
}

fn extent(base: usize, grains: usize, shift: u32) -> *mut Extent {
    let size = grains << shift;
    let at = memory(Extent::footprint(size, shift).unwrap());
    // SAFETY: that much memory, leaked.
    unsafe { Extent::build(at, Addr(base), size, shift, core::ptr::null_mut()) }
}

/// The areas of a naive table of free grains.
fn areas(free: &[bool]) -> Vec<(usize, usize)> {
    let mut out = Vec::new();
    let mut i = 0;
    while i < free.len() {
        if free[i] {
            let s = i;
            while i < free.len() && free[i] {
                i += 1;
            }
            out.push((s, i - s));
        } else {
            i += 1;
        }
    }
    out
}

fn naive(free: &[bool], n: usize, fit: Fit) -> Option<usize> {
    let a = areas(free);
    let mut it: Box<dyn Iterator<Item = &(usize, usize)>> =
        if fit.high { Box::new(a.iter().rev()) } else { Box::new(a.iter()) };
    it.find(|(_, l)| *l >= n).map(|(s, l)| if fit.top { s + l - n } else { *s })
}

#[test]
fn extent_against_naive() {
    let seed = 0x1234_5678_9ABC_DEF1u64;
    std::println!("seed {seed:#x}");
    let mut r = Rng(seed);
    for (grains, shift) in
        [(1, 3), (5, 4), (255, 3), (256, 4), (257, 3), (1500, 4), (4096, 4), (70, 12), (40_000, 3)]
    {
        let base = 0x100_0000usize;
        // SAFETY: alive, and only ours.
        let e = unsafe { &mut *extent(base, grains, shift) };
        let mut free = vec![true; grains];
        let steps = if grains > 10_000 { 3_000 } else { 12_000 };
        for step in 0..steps {
            let fit = Fit { high: r.next() & 1 != 0, top: r.next() & 2 != 0 };
            if r.next() & 1 != 0 {
                let most = if r.below(20) == 0 { grains } else { 1 + r.below(24.min(grains)) };
                let n = 1 + r.below(most);
                let want = naive(&free, n, fit);
                let got = e.alloc(n, fit);
                assert_eq!(got.map(|a| (a.0 - base) >> shift), want, "{n} of {grains}, {fit:?}");
                if let Some(s) = want {
                    free[s..s + n].fill(false);
                }
            } else {
                let s = r.below(grains);
                let most = if r.below(10) == 0 { grains } else { 40 };
                let n = 1 + r.below(most.min(grains - s));
                let ok = free[s..s + n].iter().all(|f| !f);
                assert_eq!(e.in_use(s, n), ok);
                assert_eq!(e.set_free(s, n).is_ok(), ok);
                if ok {
                    free[s..s + n].fill(true);
                }
            }
            if step % 16 == 0 {
                let a = areas(&free);
                assert_eq!(e.longest(), a.iter().map(|x| x.1).max().unwrap_or(0));
                assert_eq!(e.free, free.iter().filter(|f| **f).count());
                let mut walked = Vec::new();
                let mut at = 0;
                while let Some((s, l)) = e.next_free(at) {
                    walked.push((s, l));
                    at = s + l;
                }
                assert_eq!(walked, a);
            }
            // Let it fill and drain.
            if step % 3000 == 2999 {
                for (s, f) in free.iter_mut().enumerate() {
                    if !*f {
                        assert!(e.set_free(s, 1).is_ok());
                        *f = true;
                    }
                }
                assert!(e.is_empty());
            }
        }
    }
    assert_eq!(CELL, 256);
}

#[test]
fn marks_against_naive() {
    let seed = 0x0BAD_5EED_9ABC_DEF1u64;
    std::println!("seed {seed:#x}");
    let mut r = Rng(seed);
    for n in [1usize, 64, 65, 4096, 4097, 300_000] {
        let at = memory(Marks::footprint(n));
        // SAFETY: that much memory, leaked.
        let mut m = unsafe { Marks::build(at, n) };
        let mut model = [BTreeSet::new(), BTreeSet::new()];
        for step in 0..20_000 {
            let (k, s) = if r.next() & 1 == 0 { (0, Set::Starts) } else { (1, Set::Ends) };
            let i = r.below(n);
            // Now few, now many.
            if r.below(8) < if step / 2000 % 2 == 0 { 1 } else { 5 } {
                m.put(s, i);
                model[k].insert(i);
            } else {
                let i = model[k].range(i..).next().copied().unwrap_or(i);
                m.take(s, i);
                model[k].remove(&i);
            }
            let j = r.below(n);
            assert_eq!(m.has(s, j), model[k].contains(&j));
            assert_eq!(m.next(s, j), model[k].range(j..).next().copied());
            assert_eq!(m.prev(s, j), model[k].range(..=j).next_back().copied());
        }
    }
}

#[test]
fn field_against_naive() {
    let seed = 0xFEED_5678_9ABC_DEF1u64;
    std::println!("seed {seed:#x}");
    let mut r = Rng(seed);
    const SHIFT: u32 = 4;
    const SPAN: usize = 8192; // grains of made-up address space
    let base = 0x4000_0000usize;
    const RESERVE: usize = 100;
    let mut f = Field::new(RESERVE);
    // None: not in any extent.
    let mut map: Vec<Option<bool>> = vec![None; SPAN];
    let mut exts: Vec<(usize, usize, *mut Extent)> = Vec::new();
    for step in 0..40_000 {
        match r.below(400) {
            0 => {
                let most = if r.below(3) == 0 { 900 } else { 90 };
                let n = 1 + r.below(most);
                let s = r.below(SPAN - n);
                // A grain between extents, so that areas never touch.
                let lo = s.saturating_sub(1);
                let hi = (s + n + 1).min(SPAN);
                if map[lo..hi].iter().all(|m| m.is_none()) {
                    if f.len() == f.capacity() {
                        let cap = (f.capacity() * 2).max(2);
                        let mem = memory(Field::footprint(cap).unwrap());
                        // SAFETY: that much, leaked.
                        unsafe { f.rehouse(mem, cap) };
                    }
                    let e = extent(base + (s << SHIFT), n, SHIFT);
                    // SAFETY: leaked, and overlaps none.
                    assert!(unsafe { f.insert(e) });
                    exts.push((s, n, e));
                    map[s..s + n].fill(Some(true));
                }
            }
            1 => {
                let all: Vec<usize> = exts
                    .iter()
                    .filter(|(s, n, _)| map[*s..s + n].iter().all(|m| *m == Some(true)))
                    .map(|x| x.1)
                    .collect();
                let idle: usize = all.iter().filter(|n| **n <= RESERVE).sum();
                match f.empty() {
                    // SAFETY: it is in there.
                    Some(e) => unsafe {
                        assert!((*e).grains > RESERVE || idle - (*e).grains >= RESERVE);
                        assert!((*e).grains > RESERVE || all.iter().all(|n| *n <= RESERVE));
                    },
                    None => {
                        assert!(idle < 2 * RESERVE);
                        assert!(all.iter().all(|n| *n <= RESERVE));
                    }
                }
                if let Some(e) = f.empty() {
                    let k = exts.iter().position(|x| x.2 == e).unwrap();
                    let (s, n, e) = exts.swap_remove(k);
                    assert!(map[s..s + n].iter().all(|m| *m == Some(true)));
                    // SAFETY: it is in there.
                    unsafe { f.remove(e) };
                    map[s..s + n].fill(None);
                }
            }
            2..200 => {
                let fit = Fit { high: r.next() & 1 != 0, top: r.next() & 2 != 0 };
                let most = if r.below(50) == 0 { 1000 } else { 20 };
                let n = 1 + r.below(most);
                let free: Vec<bool> = map.iter().map(|m| *m == Some(true)).collect();
                if r.below(20) == 0 {
                    let most = n + r.below(300);
                    let ample = r.below(40);
                    let want = areas(&free).into_iter().find(|a| a.1 >= n);
                    let times = 1 + r.below(5);
                    let short = |l: usize| n * (l / n).min(times);
                    let want =
                        want.map(|(s, l)| (s, if l >= ample { l.min(most) } else { short(l) }));
                    let got =
                        f.alloc_run(n, times, ample, most).map(|(a, n)| ((a.0 - base) >> SHIFT, n));
                    assert_eq!(got, want);
                    if let Some((s, n)) = got {
                        map[s..s + n].fill(Some(false));
                    }
                } else {
                    let most = [1, 1 + r.below(8)][r.below(2)];
                    let a = areas(&free);
                    let run = if fit.high {
                        a.iter().rev().find(|a| a.1 >= n)
                    } else {
                        a.iter().find(|a| a.1 >= n)
                    };
                    let want = run.map(|(s, l)| {
                        let k = (l / n).min(most);
                        (if fit.top { s + l - k * n } else { *s }, k)
                    });
                    let got = f.alloc_several(n, most, fit);
                    let got = got.map(|(a, k)| ((a.0 - base) >> SHIFT, k));
                    assert_eq!(got, want);
                    if let Some((s, k)) = want {
                        map[s..s + k * n].fill(Some(false));
                    }
                }
            }
            _ => {
                let s = r.below(SPAN - 64);
                let n = 1 + r.below(24);
                let here = map[s..s + n].iter().all(|m| *m == Some(false));
                assert_eq!(f.in_use(Addr(base + (s << SHIFT)), n), here);
                let got = f.free(Addr(base + (s << SHIFT)), n);
                assert_eq!(got.is_ok(), here);
                if here {
                    map[s..s + n].fill(Some(true));
                    let own = exts.iter().find(|(b, l, _)| (*b..b + l).contains(&s)).unwrap();
                    let all = map[own.0..own.0 + own.1].iter().all(|m| *m == Some(true));
                    assert_eq!(got, Ok(all));
                }
                assert!(f.free(Addr(base + (s << SHIFT) + 8), 1).is_err());
            }
        }
        if step % 64 == 0 {
            assert_eq!(f.free, map.iter().filter(|m| **m == Some(true)).count());
            assert_eq!(f.grains, map.iter().filter(|m| m.is_some()).count());
        }
    }
}

/// Takes `a` out of a model of a size.
fn strike(model: &mut Vec<Addr>, a: Addr) {
    let k = model.iter().position(|x| *x == a);
    model.remove(k.expect("it was set aside, and not given out before"));
}

#[test]
fn quick_lists() {
    let seed = 0xABCD_5678_9ABC_DEF1u64;
    std::println!("seed {seed:#x}");
    let mut r = Rng(seed);
    let mut q = Quick::new();
    assert!(!q.push(1, Addr(8)) && !q.push_newest(1, Addr(8)), "no arrays yet");
    assert_eq!((q.pop(1), q.pop_newest(1), q.newest(1)), (None, Addr::NULL, Addr::NULL));
    let mut given = BTreeSet::new();
    let mut model: Vec<Vec<Addr>> = vec![Vec::new(); 65];
    let mut next = 0usize;
    for step in 0..120_000 {
        match step {
            0 | 40_000 => {
                let depth = if step == 0 { Depth::Short } else { Depth::Long };
                // SAFETY: that much memory, leaked.
                let old = unsafe { q.deepen(memory(depth.footprint()), depth) };
                assert_eq!(old.is_null(), step == 0);
                assert_eq!(q.depth(), depth);
            }
            2_000 | 20_000 | 60_000 => {
                let (at, bytes) = (memory(step / 2), step / 2);
                // SAFETY: that much memory, leaked.
                unsafe { q.add_memory(at, bytes) };
                given.insert((at, bytes));
            }
            _ => {}
        }
        let most = if step / 4000 % 2 == 0 { 64 } else { 3 };
        let n = 1 + r.below(most);
        next += 8;
        match r.below(if step / 1000 % 2 == 0 { 7 } else { 9 }) {
            0..=2 => {
                // Without a box there may be no place.
                if q.push(n, Addr(next)) {
                    model[n].push(Addr(next));
                } else {
                    assert!(model[n].len() >= if step < 40_000 { 14 } else { 62 });
                }
            }
            3 => match q.pop(n) {
                Some(a) => strike(&mut model[n], a),
                None => assert!(model[n].is_empty()),
            },
            4 => {
                // The array may be empty, or full, with more in boxes.
                let a = q.pop_newest(n);
                if !a.is_null() {
                    strike(&mut model[n], a);
                    assert!(q.push_newest(n, a));
                    assert!(!q.push_newest(n, a), "twice");
                    assert_eq!(q.pop_newest(n), a);
                }
            }
            5 => {
                let out = vec![Cell::new(Addr::NULL); r.below(20)];
                let count = q.pop_into(n, &out);
                assert!(count <= out.len());
                assert_eq!(count == 0, out.is_empty() || model[n].is_empty());
                out[..count].iter().for_each(|a| strike(&mut model[n], a.get()));
            }
            _ => {
                let mut out = [Addr::NULL; BOX_BLOCKS];
                let (n, count) = q.take_some(&mut out);
                assert_eq!(count == 0, model.iter().all(|m| m.is_empty()));
                out[..count].iter().for_each(|a| strike(&mut model[n], *a));
            }
        }
        assert_eq!(q.grains, model.iter().enumerate().map(|(n, m)| n * m.len()).sum());
        let newest = q.newest(n);
        assert!(newest.is_null() || model[n].contains(&newest));
    }
    assert_eq!(q.pop(65), None);
    let mut memory = BTreeSet::new();
    while let Some(m) = q.take_memory() {
        memory.insert(m);
    }
    assert_eq!(memory, given);
    assert_eq!(q.boxes, given.iter().map(|g| g.1).sum());
}

#[test]
fn stacks_of_free_blocks_in_order() {
    let seed = 0xDADA_5678_9ABC_DEF1u64;
    std::println!("seed {seed:#x}");
    let mut r = Rng(seed);
    for words in [1usize, 2, 3, 5, 7, 8, 40] {
        let mut anywhere = Bounds::new(3);
        anywhere.widen(Addr(8), Addr(usize::MAX).down(8));
        let mut m = FreeStack::<14>::new(r.below(usize::MAX));
        let mut model = Vec::new();
        let mut spare: Vec<Addr> = (0..200).map(|_| memory(words * 8)).collect();
        for step in 0..20_000 {
            let grow = step / 500 % 2 == 0;
            match r.below(4) {
                0..=1 if grow => {
                    if let Some(a) = spare.pop() {
                        // SAFETY: so many words of ours.
                        unsafe { m.push(a, words) };
                        model.push(a);
                    }
                }
                2 => {
                    let a = m.pop_newest();
                    if !a.is_null() {
                        assert_eq!(model.pop(), Some(a));
                        // SAFETY: as above.
                        assert!(unsafe { m.push_newest(a) });
                        model.push(a);
                    }
                }
                _ => {
                    // SAFETY: all were pushed with so many words.
                    let a = unsafe { m.pop(words, &anywhere) }.unwrap();
                    assert_eq!(a, model.pop());
                    spare.extend(a);
                }
            }
            assert_eq!(m.is_empty(), model.is_empty());
            assert!(m.newest().is_null() || Some(&m.newest()) == model.last());
        }
    }
}

/// Whatever single bit of a free block is changed, and whatever is written over one of
/// its words: no other address comes out, and what was not in the chain is kept.
#[test]
fn stacks_notice_what_was_written_to_free_blocks() {
    const WORDS: usize = 3;
    let seed = 0x1DEA_5678_9ABC_DEF1u64;
    std::println!("seed {seed:#x}");
    let mut r = Rng(seed);
    let all: Vec<Addr> = (0..40).map(|_| memory(WORDS * 8)).collect();
    let (low, high) = (*all.iter().min().unwrap(), *all.iter().max().unwrap());
    let mut bounds = Bounds::new(3);
    bounds.widen(low, low.add(8));
    bounds.widen(high, high.add(WORDS * 8));
    assert!(all.iter().all(|a| bounds.allow(*a) && !bounds.allow(a.add(4))));
    assert!(!bounds.allow(low.sub(8)) && !bounds.allow(high.add(WORDS * 8)));
    for kind in 0..64 + 4 {
        let mut m = FreeStack::<14>::new(r.below(usize::MAX));
        // SAFETY: so many words of ours.
        all.iter().for_each(|a| unsafe { m.push(*a, WORDS) });
        // In the first group of the chain, which is the newest.
        let mut out = Vec::new();
        let place = m.chain().add(r.below(WORDS) * 8);
        // SAFETY: ours.
        unsafe {
            let p = place.ptr::<u64>();
            let other = r.below(all.len());
            *p = match kind {
                64 => 0,
                65 => all[other].0 as u64,
                66 => *all[other].ptr::<u64>() ^ 1 << 63,
                67 => u64::MAX,
                bit => *p ^ 1 << bit,
            };
        }
        let mut damage = 0;
        loop {
            // SAFETY: all were pushed with so many words, and are inside.
            match unsafe { m.pop(WORDS, &bounds) } {
                Ok(Some(a)) => out.push(a),
                Ok(None) => break,
                Err(Damaged(a)) => {
                    damage += 1;
                    assert!(all.contains(&a));
                }
            }
        }
        assert_eq!(damage, 1, "what kind {kind} did at {place:?} was not noticed");
        out.sort();
        out.dedup();
        assert!(out.len() >= 10 && out.iter().all(|a| all.contains(a)));
    }
}
