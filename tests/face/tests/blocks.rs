//! Containers in an arena of their own.

use allocator_api2::vec::Vec as In;
use hashbrown::HashMap;
use mps::Blocks;
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

#[test]
fn from_threads() {
    let blocks = Blocks::new(usize::MAX).unwrap();
    std::thread::scope(|s| {
        for t in 0..4u64 {
            let blocks = &blocks;
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
    fn apart(sizes in prop::collection::vec((0usize..5000, 0u32..13, any::<bool>()), 1..200)) {
        let blocks = Blocks::new(usize::MAX).unwrap();
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
