//! Allocation in an interrupt's handler: each tick takes a block from an MFS pool of its
//! own, puts a sample into it, and leaves it in a ring for the program.
//!
//! The handler uses the pool's quick way alone. That tries the pool's lock, takes a block
//! that is at hand, and never waits, enters the arena or makes the pool grow. So it may
//! interrupt a step of a collection. The program calls the pool with interrupts off, so
//! the lock is free whenever the handler runs. It has the pool grow before the first tick.

use crate::board::quietly;
use core::ptr::null_mut;
use core::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};
use mps::base::addr::Addr;
use mps::base::ptr::P;
use mps::mpm::Mpm;
use mps::object::pool::Pool;

/// A sample, as large as the pool's blocks.
#[repr(C)]
pub struct Sample {
    tick: usize,
    /// The same, changed: a block that somebody else writes to is found out.
    check: usize,
    rest: [usize; 6],
}

/// Places in the ring, and so blocks in use at most.
const PLACES: usize = 32;
/// Ticks that are skipped between two samples: the program looks at them seldom.
const EVERY: usize = 4;

static POOL: AtomicPtr<Pool> = AtomicPtr::new(null_mut());
static RING: [AtomicPtr<Sample>; PLACES] = [const { AtomicPtr::new(null_mut()) }; PLACES];
static PUT: AtomicUsize = AtomicUsize::new(0);
static GOT: AtomicUsize = AtomicUsize::new(0);
/// Samples for which there was a place but no block: that must not happen.
static MISSED: AtomicUsize = AtomicUsize::new(0);
/// Samples for which there was no place.
static LATE: AtomicUsize = AtomicUsize::new(0);

fn check(tick: usize) -> usize {
    tick.wrapping_mul(0x9E37_79B9) ^ 0x5A5A_5A5A
}

/// What the handler does.
pub fn on_tick(now: usize) {
    // SAFETY: null, or the pool, which stays.
    let Some(pool) = (unsafe { P::from_raw(POOL.load(Ordering::Acquire)) }) else { return };
    if now % EVERY != 0 {
        return;
    }
    let put = PUT.load(Ordering::Relaxed);
    if put.wrapping_sub(GOT.load(Ordering::Acquire)) >= PLACES {
        LATE.fetch_add(1, Ordering::Relaxed);
        return;
    }
    let a = pool.class.quick_alloc(pool, size_of::<Sample>());
    if a.is_null() {
        MISSED.fetch_add(1, Ordering::Relaxed);
        return;
    }
    let s: *mut Sample = a.ptr();
    // SAFETY: a block of that size, just allocated.
    unsafe { s.write(Sample { tick: now, check: check(now), rest: [now; 6] }) };
    if let Some(place) = RING.get(put % PLACES) {
        place.store(s, Ordering::Relaxed);
    }
    PUT.store(put.wrapping_add(1), Ordering::Release);
}

/// Has the pool grow by all that the handler may have in use, and lets the handler begin.
pub fn begin(m: P<Mpm>, pool: P<Pool>) -> bool {
    let mut all = [Addr::NULL; PLACES];
    for a in &mut all {
        match Mpm::alloc(m, pool, size_of::<Sample>()) {
            Ok(got) => *a = got,
            Err(_) => return false,
        }
    }
    let freed = all.iter().all(|a| Mpm::free(m, pool, *a, size_of::<Sample>()).is_ok());
    POOL.store(pool.as_ptr(), Ordering::Release);
    freed
}

/// Looks at what the handler has left, and frees it. How many samples; `None`: one is not
/// as it was written.
pub fn drain(m: P<Mpm>, pool: P<Pool>) -> Option<usize> {
    let mut count = 0;
    loop {
        let got = GOT.load(Ordering::Relaxed);
        if got == PUT.load(Ordering::Acquire) {
            return Some(count);
        }
        let s = RING.get(got % PLACES)?.load(Ordering::Relaxed);
        // SAFETY: written by the handler, which is done with it.
        let sample = unsafe { &*s };
        if sample.check != check(sample.tick) || sample.rest.iter().any(|w| *w != sample.tick) {
            return None;
        }
        // The handler must not find the pool locked.
        quietly(|| Mpm::free(m, pool, Addr::of(s), size_of::<Sample>())).ok()?;
        GOT.store(got.wrapping_add(1), Ordering::Release);
        count += 1;
    }
}

/// Samples missed for want of a block, and for want of a place.
pub fn missed() -> (usize, usize) {
    (MISSED.load(Ordering::Relaxed), LATE.load(Ordering::Relaxed))
}
