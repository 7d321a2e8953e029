//! Spare memory: how much of what is free an arena keeps. Client arenas have none.

use super::{Handle, need};
use crate::base::addr::Size;
use crate::mpm::Mpm;

/// Parts of a whole, in what is given in parts per thousand.
const PARTS: f64 = 1000.0;

#[unsafe(no_mangle)]
pub extern "C" fn mps_arena_spare_commit_limit(arena: Handle) -> Size {
    let m = need!(mpm_of(arena), "arena is valid", 0);
    Mpm::enter(m, |m| (m.cx.arena.spare_fraction.get() * m.cx.arena.committed.get() as f64) as Size)
}

#[unsafe(no_mangle)]
pub extern "C" fn mps_arena_spare_commit_limit_set(arena: Handle, bytes: Size) {
    let m = need!(mpm_of(arena), "arena is valid", ());
    Mpm::enter(m, |m| {
        let committed = m.cx.arena.committed.get();
        let f = if bytes >= committed { 1.0 } else { bytes as f64 / committed as f64 };
        set(m, f);
    });
}

fn set(m: &Mpm, fraction: f64) {
    let arena = &m.cx.arena;
    arena.spare_fraction.set(fraction);
    if fraction <= 0.0 {
        arena.purge(arena.spare.get(), None);
    } else {
        arena.trim();
    }
}

fn fraction(arena: Handle) -> f64 {
    let m = need!(mpm_of(arena), "arena is valid", 0.0);
    Mpm::enter(m, |m| m.cx.arena.spare_fraction.get())
}

fn fraction_set(arena: Handle, fraction: f64) {
    let m = need!(mpm_of(arena), "arena is valid", ());
    crate::aver_client!((0.0..=1.0).contains(&fraction), "spare is between 0.0 and 1.0", ());
    Mpm::enter(m, |m| set(m, fraction));
}

cfg_if::cfg_if! {
    // As in `pace.rs`.
    if #[cfg(not(any(
        all(target_arch = "x86_64", not(target_feature = "sse2")),
        all(target_arch = "x86", not(target_feature = "sse2")),
    )))] {
        #[unsafe(no_mangle)]
        pub extern "C" fn mps_arena_spare(arena: Handle) -> f64 {
            fraction(arena)
        }

        #[unsafe(no_mangle)]
        pub extern "C" fn mps_arena_spare_set(arena: Handle, fraction: f64) {
            fraction_set(arena, fraction);
        }
    }
}

#[unsafe(no_mangle)]
pub extern "C" fn mps_x_arena_spare_permille(arena: Handle) -> usize {
    (fraction(arena) * PARTS + 0.5) as usize
}

#[unsafe(no_mangle)]
pub extern "C" fn mps_x_arena_spare_permille_set(arena: Handle, parts: usize) {
    fraction_set(arena, parts as f64 / PARTS);
}
