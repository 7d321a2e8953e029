//! Against naive models. Addresses are made up: nothing here touches them.

use super::bounds::Bounds;
use super::extent::{CELL, Extent, Fit};
use super::field::Field;
use super::free_stack::{Damaged, FreeStack};
use super::marks::{Marks, Set};
use super::pages::{LARGEST, Pages, Put};
use crate::base::addr::Addr;
use std::boxed::Box;
use std::cell::Cell;
use std::collections::BTreeMap;
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
    // Every other one has pages: the rest is the same.
    let paged = base >> shift & 1 == 0;
    let at = memory(Extent::footprint(size, shift, paged).unwrap());
    // SAFETY: that much memory, leaked.
    unsafe { Extent::build(at, Addr(base), size, shift, paged, core::ptr::null_mut()) }
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
                    let want = want.map(|(s, l)| (s, if l >= ample { l.min(most) } else { n }));
                    let got = f.alloc_run(n, ample, most).map(|(a, n)| ((a.0 - base) >> SHIFT, n));
                    assert_eq!(got, want);
                    if let Some((s, n)) = got {
                        map[s..s + n].fill(Some(false));
                    }
                } else {
                    let want = naive(&free, n, fit);
                    let got = f.alloc(n, fit).map(|a| (a.0 - base) >> SHIFT);
                    assert_eq!(got, want);
                    if let Some(s) = want {
                        map[s..s + n].fill(Some(false));
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

/// Pages over a field, used as a pool does, and what is in use by grains and blocks.
struct Paged {
    field: Field,
    pages: Pages,
    base: usize,
    extent: usize,
    used: Vec<bool>,
    blocks: BTreeMap<usize, usize>,
}

impl Paged {
    const SHIFT: u32 = 3;

    /// Three extents of so many grains, one after the other, so that blocks of different ones
    /// are neighbours.
    fn new(grains: usize) -> Paged {
        let base = 0x4000_0000usize;
        let mut field = Field::new(0);
        // SAFETY: that much, leaked; extents that overlap none, leaked.
        unsafe {
            field.rehouse(memory(Field::footprint(4).unwrap()), 4);
            for k in 0..3 {
                assert!(field.insert(extent(base + k * grains * 8, grains, Self::SHIFT)));
            }
        }
        let mut pages = Pages::new();
        assert!(!pages.is_on() && pages.take(1).is_null() && !pages.turn(1));
        // SAFETY: that much, leaked.
        unsafe { pages.build(memory(Pages::FOOTPRINT), Self::SHIFT) };
        let used = vec![false; 3 * grains];
        Paged { field, pages, base, extent: grains, used, blocks: BTreeMap::new() }
    }

    fn address(&self, at: usize) -> Addr {
        Addr(self.base + (at << Self::SHIFT))
    }

    /// A block is in use from now on: nobody's before.
    fn mark(&mut self, a: Addr, n: usize) {
        let at = (a.0 - self.base) >> Self::SHIFT;
        assert!(self.used[at..at + n].iter().all(|u| !u), "{n} at {at} are another's");
        self.used[at..at + n].fill(true);
        self.blocks.insert(at, n);
    }

    fn alloc(&mut self, n: usize) -> bool {
        let fit = Fit { high: false, top: false };
        let mut a = self.pages.take(n);
        if a.is_null() && n <= LARGEST {
            if !self.pages.turn(n)
                && let Some((units, least)) = self.pages.wish(n)
                && let Some((at, units)) = self
                    .field
                    .alloc_units(units, fit)
                    .map(|at| (at, units))
                    .or_else(|| self.field.alloc_units(least, fit).map(|at| (at, least)))
            {
                assert_eq!(at.place(), 0);
                self.pages.add(n, &at, units);
            }
            a = self.pages.take(n);
        }
        if a.is_null() {
            let Some(b) = self.field.alloc(n, fit) else { return false };
            self.pages.in_field(n, n);
            a = b;
        }
        self.mark(a, n);
        true
    }

    /// Frees `n` grains from `at` on, which are in use, whatever blocks they are of.
    fn free(&mut self, at: usize, n: usize, quick: bool) {
        let a = self.address(at);
        let spot = self.field.spot(a).expect("in an extent");
        if !(quick && self.pages.put_quick(&spot, n)) {
            match self.pages.put(&spot, n) {
                Put::Done => {}
                Put::Emptied(page, grains) => {
                    self.field.free(page, grains).expect("a page is in use in the field");
                }
                Put::NotInUse => panic!("{n} at {at} are in use"),
                Put::Outside | Put::Part => {
                    let from = spot.unit() * CELL + spot.place();
                    // SAFETY: in the field.
                    unsafe { self.pages.dissolve(&mut self.field, spot.extent(), from, n) };
                    self.field.free(a, n).expect("in use");
                }
            }
        }
        self.used[at..at + n].fill(false);
        // It may have been in the middle of a block, or of several.
        let first = self.blocks.range(..=at).next_back().map(|(b, _)| *b).expect("a block");
        let of: Vec<(usize, usize)> =
            self.blocks.range(first..at + n).map(|(b, l)| (*b, *l)).collect();
        for (b, l) in of {
            self.blocks.remove(&b);
            if b < at {
                self.blocks.insert(b, at - b);
            }
            if b + l > at + n {
                self.blocks.insert(at + n, b + l - at - n);
            }
        }
    }
}

#[test]
fn pages_against_naive() {
    let (parts, paged) = against_naive(20_000, 150_000, 10_000, |r, phase| match phase % 4 {
        0 => 1 + r.below(32),
        1 => 1 + r.below(700),
        2 => [1, 2, 3, 33, 36, 64, 65, 500, 512, 513][r.below(10)],
        _ => 1 + r.below(100),
    });
    assert!(parts > 200 && paged > 5_000, "{parts} parts, {paged} in pages");
}

/// The same with pages of slots that are not small.
#[test]
fn large_pages_against_naive() {
    let sizes = [513, 576, 577, 1000, 1024, 1025, 3000, 7169, LARGEST, LARGEST + 1];
    let (parts, paged) = against_naive(1_500_000, 40_000, 8_000, |r, phase| match phase % 3 {
        0 => 513 + r.below(200),
        1 => sizes[r.below(10)],
        _ => LARGEST - r.below(1100),
    });
    assert!(parts > 50 && paged > 1_000, "{parts} parts, {paged} in pages");
}

/// Blocks come and go for so many steps, and after each of `rounds` steps all are freed. `size`
/// says how large, given a random number and the round. Returns how many parts of blocks were
/// freed, and how many blocks in pages.
fn against_naive(
    grains: usize,
    steps: usize,
    rounds: usize,
    size: impl Fn(&mut Rng, usize) -> usize,
) -> (usize, usize) {
    let seed = 0xABCD_5678_9ABC_DEF1u64;
    std::println!("seed {seed:#x}");
    let mut r = Rng(seed);
    let mut p = Paged::new(grains);
    let (mut parts, mut paged) = (0, 0);
    for step in 0..steps {
        let n = size(&mut r, step / rounds);
        // Now it grows, now it shrinks, and sometimes to nothing.
        let grows = step % rounds < rounds / 2;
        if r.below(16) < if grows { 12 } else { 4 } {
            if !p.alloc(n) {
                p.pages.dissolve_all(&mut p.field);
                assert_eq!(p.pages.held, 0);
                let free = p.used.iter().filter(|u| !**u).count();
                assert_eq!(p.field.free, free, "all that is free is in the field");
            }
        } else if !p.blocks.is_empty() {
            let from = r.below(p.used.len());
            let next = p.blocks.range(from..).next().or_else(|| p.blocks.iter().next());
            let (at, n) = next.map(|(a, n)| (*a, *n)).unwrap();
            match r.below(60) {
                // A part; with what is after it; all.
                0 if n > 1 => {
                    parts += 1;
                    let from = r.below(n);
                    p.free(at + from, 1 + r.below(n - from), false);
                }
                1 => {
                    let mut end = at + n;
                    while let Some(l) = p.blocks.get(&end)
                        && end % p.extent != 0
                        && r.below(3) != 0
                    {
                        end += l;
                    }
                    p.free(at, end - at, true);
                }
                k => {
                    p.free(at, n, k & 1 == 0);
                    // Free already: that is seen, as long as the slot is not at hand again.
                    let spot = p.field.spot(p.address(at)).unwrap();
                    if spot.is_in_page() {
                        paged += 1;
                        assert_eq!(p.pages.put(&spot, n), Put::NotInUse);
                        assert!(!p.pages.put_quick(&spot, n));
                    }
                }
            }
        }
        if step % (rounds / 20) == 0 {
            // The field has what is in use, and pages.
            for (at, n) in p.blocks.iter().map(|(a, n)| (*a, *n)) {
                assert!(p.field.in_use(p.address(at), n));
            }
            let used = p.used.iter().filter(|u| **u).count();
            assert!(p.field.grains - p.field.free <= used + p.pages.held);
        }
        if step % rounds == rounds - 1 {
            while let Some((at, n)) = p.blocks.iter().next().map(|(a, n)| (*a, *n)) {
                p.free(at, n, false);
            }
            p.pages.flush(&mut p.field);
            assert_eq!((p.pages.held, p.field.free), (0, p.field.grains));
        }
    }
    assert!(!p.pages.take_heads().is_null() && !p.pages.is_on());
    (parts, paged)
}

/// Several at a time, and in no other way: each is another's.
#[test]
fn pages_give_several() {
    let mut p = Paged::new(20_000);
    while p.pages.held == 0 {
        assert!(p.alloc(20));
    }
    let out = vec![Cell::new(Addr::NULL); 1000];
    let count = p.pages.take_into(20, &out);
    assert!((1..1000).contains(&count));
    for a in &out[..count] {
        p.mark(a.get(), 20);
    }
    assert!(out[count..].iter().all(|a| a.get().is_null()));
    assert_eq!(p.pages.take_into(20, &out[count..]), 0);
    assert_eq!(p.pages.take_into(LARGEST + 1, &out), 0);
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
