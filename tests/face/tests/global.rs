//! Everything here is allocated by the library.

use std::alloc::{GlobalAlloc, Layout};
use std::collections::{BTreeMap, HashMap};

#[global_allocator]
static ALLOCATOR: mps::Global = mps::Global::new();

#[test]
fn a_program_with_work_to_do() {
    // Words, counted and sorted in threads, as a compiler's front end would.
    let text = (0..200_000u64)
        .map(|i| format!("w{}", i.wrapping_mul(6_364_136_223_846_793_005) >> 50))
        .collect::<Vec<_>>()
        .join(" ");
    let counts: Vec<_> = std::thread::scope(|s| {
        let t: Vec<_> = (0..4)
            .map(|_| {
                s.spawn(|| {
                    let mut counts: HashMap<String, usize> = HashMap::new();
                    for w in text.split(' ') {
                        *counts.entry(w.to_string()).or_default() += 1;
                    }
                    counts.into_iter().collect::<BTreeMap<_, _>>()
                })
            })
            .collect();
        t.into_iter().map(|t| t.join().unwrap()).collect()
    });
    assert!(counts.iter().all(|c| *c == counts[0]));
    assert_eq!(counts[0].values().sum::<usize>(), 200_000);
    assert!(ALLOCATOR.committed() > text.len());
}

#[test]
fn every_alignment() {
    for shift in 0..=16 {
        let align = 1usize << shift;
        let mut all = Vec::new();
        for size in [0, 1, 7, 8, 100, 5000, 70_000] {
            let l = Layout::from_size_align(size, align).unwrap();
            // SAFETY: freed below, with the same layout.
            let p = unsafe { ALLOCATOR.alloc(l) };
            assert!(!p.is_null() && p.addr() % align == 0, "{l:?}");
            // SAFETY: that large.
            unsafe { p.write_bytes(shift, size) };
            all.push((p, l));
        }
        for (p, l) in all {
            // SAFETY: as above.
            let s = unsafe { std::slice::from_raw_parts(p, l.size()) };
            assert!(s.iter().all(|b| *b == shift));
            // SAFETY: as above.
            unsafe { ALLOCATOR.dealloc(p, l) };
        }
    }
}

#[test]
fn chains_of_realloc() {
    for align in [1, 16, 64, 4096] {
        let mut l = Layout::from_size_align(1, align).unwrap();
        // SAFETY: here and below, each block is used by its last layout.
        let mut p = unsafe { ALLOCATOR.alloc(l) };
        unsafe { p.write(1) };
        for size in (1..5000).chain((1..5000).rev()) {
            let old = l.size();
            // SAFETY: as above.
            p = unsafe { ALLOCATOR.realloc(p, l, size) };
            l = Layout::from_size_align(size, align).unwrap();
            assert!(!p.is_null() && p.addr() % align == 0);
            // SAFETY: as above.
            let s = unsafe { std::slice::from_raw_parts_mut(p, size) };
            if size > old {
                s[old] = size as u8;
            }
            assert!(s.iter().enumerate().all(|(i, b)| *b == (i + 1) as u8));
        }
        // SAFETY: as above.
        unsafe { ALLOCATOR.dealloc(p, l) };
    }
}

#[test]
fn zeroed_and_too_much() {
    for size in [1, 100, 10_000, 1 << 20] {
        let mut v: Vec<u8> = vec![0xFF; size];
        v.fill(0xFF);
        drop(v);
        assert!(vec![0u8; size].iter().all(|b| *b == 0));
    }
    let l = Layout::from_size_align(isize::MAX as usize - 10_000, 4096).unwrap();
    // SAFETY: it is refused.
    assert!(unsafe { ALLOCATOR.alloc(l) }.is_null());
}
