//! Containers in an arena of their own.

use allocator_api2::alloc::Allocator;
use allocator_api2::vec::Vec as In;
use hashbrown::HashMap;
use mps::{Blocks, Res, Sizes};
use proptest::prelude::*;
use std::alloc::Layout;

#[test]
fn containers() {
    let blocks = Blocks::new(usize::MAX).unwrap();
    {
        let mut v = In::new_in(&blocks);
        let mut m = HashMap::new_in(&blocks);
        for i in 0..100_000u64 {
            v.push(i);
            m.insert(i, i * i);
        }
        assert_eq!(v.iter().sum::<u64>(), 4_999_950_000);
        assert!(m.iter().all(|(k, v)| k * k == *v) && m.len() == 100_000);
        assert!(blocks.committed() > 2_000_000);
    }
    // It may be used up.
    let few = Blocks::new(4 << 20).unwrap();
    let mut v = In::new_in(&few);
    let mut n = 0u64;
    while v.try_reserve(1).is_ok() {
        v.push(n);
        n += 1;
    }
    assert!(n > 100_000 && v.iter().enumerate().all(|(i, x)| i as u64 == *x));
}

const SIZES: Sizes = Sizes { min: 16, mean: 64, max: 8192 };

#[test]
fn units() {
    let unit = Layout::from_size_align(40, 64).unwrap();
    let blocks = Blocks::mfs(usize::MAX, unit).unwrap();
    let mut all: Vec<_> =
        (0..10_000).map(|_| (&blocks).allocate(unit).unwrap().cast::<u8>()).collect();
    all.sort();
    assert!(all.windows(2).all(|w| w[1].addr().get() - w[0].addr().get() >= 64));
    assert!(all.iter().all(|p| p.addr().get() % 64 == 0));
    // What is smaller has room, and grows where it is.
    let small = Layout::from_size_align(3, 1).unwrap();
    let p = (&blocks).allocate(small).unwrap().cast::<u8>();
    // SAFETY: allocated so, here and below.
    let q = unsafe { (&blocks).grow(p, small, unit) }.unwrap().cast::<u8>();
    assert_eq!(p, q);
    // What is larger is refused, and nothing is lost.
    for wrong in [Layout::from_size_align(65, 1), Layout::from_size_align(8, 128)] {
        let wrong = wrong.unwrap();
        assert!((&blocks).allocate(wrong).is_err());
        // SAFETY: as above.
        assert!(unsafe { (&blocks).grow(q, unit, wrong) }.is_err());
    }
    let before = blocks.committed();
    for p in all {
        // SAFETY: as above.
        unsafe { (&blocks).deallocate(p, unit) };
    }
    (0..10_000).for_each(|_| assert!((&blocks).allocate(small).is_ok()));
    assert_eq!(blocks.committed(), before);
    let wide = Layout::from_size_align(8, 1 << 20).unwrap();
    assert_eq!(Blocks::mfs(usize::MAX, wide).err(), Some(Res::Param));
    // It may be used up.
    let few = Blocks::mfs(2 << 20, unit).unwrap();
    let n = (0..1 << 20).take_while(|_| (&few).allocate(unit).is_ok()).count();
    assert!((8_000..32_768).contains(&n), "{n}");
}

#[test]
fn containers_in_order() {
    let blocks = Blocks::mvt(usize::MAX, SIZES).unwrap();
    let mut v = In::new_in(&blocks);
    let mut m = HashMap::new_in(&blocks);
    for i in 0..50_000u64 {
        let mut inner = In::new_in(&blocks);
        inner.push(i);
        v.push(inner);
        m.insert(i, i * i);
        if i % 3 == 0 {
            v.swap_remove(v.len() / 2);
        }
    }
    assert!(m.iter().all(|(k, v)| k * k == *v) && m.len() == 50_000);
    assert!(v.iter().all(|x| x.len() == 1));
    let wrong = Sizes { min: 100, ..SIZES };
    assert_eq!(Blocks::mvt(usize::MAX, wrong).err(), Some(Res::Param));
    let few = Blocks::mvt(4 << 20, SIZES).unwrap();
    let mut v: In<u64, _> = In::new_in(&few);
    while v.try_reserve(1).is_ok() {
        v.push(1);
    }
    assert!(v.len() > 50_000 && v.iter().all(|x| *x == 1));
}

#[test]
fn from_threads() {
    many(&Blocks::new(usize::MAX).unwrap());
    many(&Blocks::mvt(usize::MAX, SIZES).unwrap());
}

fn many(blocks: &Blocks) {
    std::thread::scope(|s| {
        for t in 0..4u64 {
            s.spawn(move || {
                let mut v = In::new_in(blocks);
                for i in 0..20_000u64 {
                    let mut inner = In::new_in(blocks);
                    inner.push(i ^ t);
                    v.push(inner);
                }
                assert!(v.iter().enumerate().all(|(i, x)| x[0] == i as u64 ^ t));
            });
        }
    });
}

proptest! {
    #[test]
    fn apart(
        class in 0..3,
        sizes in prop::collection::vec((0usize..5000, 0u32..13, any::<bool>()), 1..200),
    ) {
        let unit = Layout::from_size_align(5000, 4096).unwrap();
        let blocks = match class {
            0 => Blocks::new(usize::MAX),
            1 => Blocks::mfs(usize::MAX, unit),
            _ => Blocks::mvt(usize::MAX, SIZES),
        }
        .unwrap();
        let mut live = Vec::new();
        for (n, (size, shift, drop)) in sizes.into_iter().enumerate() {
            let l = Layout::from_size_align(size, 1 << shift).unwrap();
            let p = blocks.alloc(l);
            prop_assert!(!p.is_null() && p.addr() % l.align() == 0);
            // SAFETY: that large.
            unsafe { p.write_bytes(n as u8, size) };
            live.push((p, l, n as u8));
            if drop {
                let (p, l, n) = live.swap_remove(live.len() / 2);
                // SAFETY: as above; freed once.
                let s = unsafe { std::slice::from_raw_parts(p, l.size()) };
                prop_assert!(s.iter().all(|b| *b == n));
                // SAFETY: as above.
                unsafe { blocks.free(p, l) };
            }
        }
    }
}
