//! Location dependency: has anything that an address depends on moved?
//!
//! A dependency is the epoch at which it was reset and the zones of the
//! addresses added since. For each of the last [`LENGTH`] epochs we keep the
//! zones in which something may have moved after it; for older ones, the zones
//! in which anything ever may have.
//!
//! No locks: the only writer is a flip, which holds all threads that may be
//! reading. A reader held half way is caught by looking at the epoch again.

use crate::base::addr::Addr;
use crate::base::sets::ZoneSet;
use core::sync::atomic::{AtomicUsize, Ordering};

/// Epochs told apart. At a flip per millisecond, a quarter of a second. (Few where a
/// flip is tried at every step: `tests/models`.)
pub const LENGTH: usize = if cfg!(loom) { 3 } else { 256 };

/// The flips that an instance has seen, and what each may have moved. Any thread may
/// ask at any time, without a lock.
pub struct History {
    epoch: AtomicUsize,
    ever: AtomicUsize,
    since: [AtomicUsize; LENGTH],
}

impl Default for History {
    fn default() -> Self {
        History {
            epoch: AtomicUsize::new(0),
            ever: AtomicUsize::new(0),
            since: [const { AtomicUsize::new(0) }; LENGTH],
        }
    }
}

/// A client's dependency: `mps_ld_s`.
#[repr(C)]
pub struct Ld {
    /// The epoch at reset.
    pub epoch: AtomicUsize,
    /// The zones added.
    pub zones: AtomicUsize,
}

impl History {
    fn slot(&self, epoch: usize) -> &AtomicUsize {
        match self.since.get(epoch % LENGTH) {
            Some(s) => s,
            None => &self.ever,
        }
    }

    /// A flip, after which objects in `moving` may be elsewhere. Cost: O(LENGTH).
    pub fn flip(&self, moving: ZoneSet) {
        self.ever.fetch_or(moving.0, Ordering::Relaxed);
        for s in &self.since {
            s.fetch_or(moving.0, Ordering::Relaxed);
        }
        let next = self.epoch.load(Ordering::Relaxed).wrapping_add(1);
        self.slot(next).store(0, Ordering::Relaxed);
        self.epoch.store(next, Ordering::Release);
    }

    /// Can `ld` have been reset? One that never was may be ahead of us. Where
    /// a word is narrow, epochs may have come round, and we can't tell.
    pub fn has_seen(&self, ld: &Ld) -> bool {
        usize::BITS < 64 || ld.epoch.load(Ordering::Relaxed) <= self.epoch.load(Ordering::Acquire)
    }

    /// Empties a dependency.
    pub fn reset(&self, ld: &Ld) {
        ld.epoch.store(self.epoch.load(Ordering::Acquire), Ordering::Relaxed);
        ld.zones.store(0, Ordering::Relaxed);
    }

    /// Adds an address, for zones of `1 << shift` bytes.
    pub fn add(&self, ld: &Ld, a: Addr, shift: u32) {
        let z = ld.zones.load(Ordering::Relaxed) | ZoneSet::of(a, shift).0;
        ld.zones.store(z, Ordering::Relaxed);
    }

    /// Adds all that `from` depends on to `ld`.
    pub fn merge(&self, ld: &Ld, from: &Ld) {
        // The older epoch covers both.
        let now = self.epoch.load(Ordering::Acquire);
        let (a, b) = (ld.epoch.load(Ordering::Relaxed), from.epoch.load(Ordering::Relaxed));
        let older = if now - a >= now - b { a } else { b };
        ld.epoch.store(older, Ordering::Relaxed);
        let z = ld.zones.load(Ordering::Relaxed) | from.zones.load(Ordering::Relaxed);
        ld.zones.store(z, Ordering::Relaxed);
    }

    /// May something that it depends on have moved since it was reset?
    pub fn is_stale(&self, ld: &Ld) -> bool {
        if crate::seam::fault("location_dependency") {
            return false;
        }
        let zones = ld.zones.load(Ordering::Relaxed);
        let reset = ld.epoch.load(Ordering::Relaxed);
        loop {
            let now = self.epoch.load(Ordering::Acquire);
            let moved = if now.wrapping_sub(reset) < LENGTH {
                self.slot(reset).load(Ordering::Acquire)
            } else {
                self.ever.load(Ordering::Acquire)
            };
            if self.epoch.load(Ordering::Acquire) == now {
                return moved & zones != 0;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ld() -> Ld {
        Ld { epoch: AtomicUsize::new(77), zones: AtomicUsize::new(77) }
    }

    #[test]
    fn stale_exactly_if_a_zone_moved_since() {
        let h = History::default();
        let d = ld();
        h.reset(&d);
        assert!(!h.is_stale(&d));
        h.add(&d, Addr(5 << 20), 20);
        assert!(!h.is_stale(&d));
        h.flip(ZoneSet(1 << 6));
        assert!(!h.is_stale(&d));
        h.flip(ZoneSet(1 << 5));
        assert!(h.is_stale(&d));
        h.reset(&d);
        h.add(&d, Addr(5 << 20), 20);
        for _ in 0..LENGTH - 1 {
            h.flip(ZoneSet(1 << 6));
            assert!(!h.is_stale(&d), "long history keeps it fresh");
        }
        h.flip(ZoneSet(1 << 6));
        assert!(h.is_stale(&d), "beyond the history: zone 5 did move once");
        let e = ld();
        h.reset(&e);
        h.merge(&e, &d);
        assert!(h.is_stale(&e));
    }

    #[test]
    fn against_a_naive_history() {
        let seed = 0x1234_5678_9ABC_DEF1u64;
        std::println!("seed {seed:#x}");
        let mut x = seed;
        let mut rnd = || {
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
            x
        };
        let h = History::default();
        let mut flips: std::vec::Vec<usize> = std::vec::Vec::new();
        let mut deps: std::vec::Vec<(Ld, usize, usize)> = std::vec::Vec::new();
        for _ in 0..4000 {
            match rnd() % 4 {
                0 => {
                    let z = 1usize << (rnd() % 64);
                    h.flip(ZoneSet(z));
                    flips.push(z);
                }
                1 => {
                    let d = ld();
                    h.reset(&d);
                    let mut zs = 0;
                    for _ in 0..rnd() % 3 {
                        let a = Addr((rnd() as usize) << 20);
                        h.add(&d, a, 20);
                        zs |= ZoneSet::of(a, 20).0;
                    }
                    deps.push((d, flips.len(), zs));
                }
                _ => {
                    for (d, at, zs) in deps.iter().rev().take(50) {
                        let moved = flips[*at..].iter().fold(0, |m, z| m | z) & zs != 0;
                        let said = h.is_stale(d);
                        assert!(said || !moved, "no false negative");
                        if flips.len() - at < LENGTH {
                            assert_eq!(said, moved, "exact within the history");
                        }
                    }
                }
            }
        }
    }
}
