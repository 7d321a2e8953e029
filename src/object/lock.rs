//! The lock of a pool that manages blocks without entering the instance.
//!
//! Order: the ring of instances, an instance, a pool. It is held for a few
//! dozen instructions, never while entering an instance, and never while
//! threads are held: a held thread may have it. So nothing that the collector
//! does after a flip (`Cx::hold`) may call into such a pool. A fork takes it,
//! after the instance's and before threads are held.

use crate::object::cx::Cx;
use core::sync::atomic::{AtomicBool, Ordering};

/// Who finds it taken leaves it alone for so many pauses, 3 to 12 us: the other goes
/// on meanwhile with all it needs in its own cache. Two threads that take every
/// turn spend most of it on moving lines of memory to and fro (2 threads on one
/// pool, a pair of free and alloc: 250 ns; this way 80).
const LEAVE_ALONE: usize = 256;

/// See the module.
#[derive(Default)]
pub struct Lock(AtomicBool);

impl Lock {
    /// Takes it.
    #[inline(always)]
    pub fn take(&self, cx: &Cx) -> Held<'_> {
        if self.0.compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed).is_err() {
            self.wait(cx);
        }
        Held(self)
    }

    /// Takes it, if that is possible at once.
    #[inline(always)]
    pub fn try_take(&self) -> Option<Held<'_>> {
        let got = self.0.compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed);
        // Made only then: one that is dropped gives the lock back.
        got.is_ok().then(|| Held(self))
    }

    #[cold]
    #[inline(never)]
    fn wait(&self, cx: &Cx) {
        let mut round = 0u32;
        loop {
            for _ in 0..LEAVE_ALONE {
                core::hint::spin_loop();
            }
            // Only look, until there is something to be had.
            for _ in 0..64 {
                if !self.0.load(Ordering::Relaxed) {
                    break;
                }
                core::hint::spin_loop();
            }
            if self.0.compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed).is_ok() {
                return;
            }
            cx.arena.port.relax(round);
            round = round.saturating_add(1);
        }
    }

    /// Gives it back, taken by this thread with a [`Held`] that was forgotten.
    pub fn release(&self) {
        self.0.store(false, Ordering::Release);
    }
}

/// Has the lock; gives it back when dropped.
pub struct Held<'a>(&'a Lock);

impl Drop for Held<'_> {
    #[inline(always)]
    fn drop(&mut self) {
        self.0.release();
    }
}
