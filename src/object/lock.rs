//! The lock of a pool that manages blocks without entering the instance.
//!
//! # Lock order
//!
//! The locks of a pool's shards, then the pool's lock, then the instance.
//!
//! **A thread inside an instance never waits for the lock of a pool or of a shard.**
//! Whoever needs both takes the pool's lock first and enters then
//! (`Mpm::enter_for`). Where that can't be done, it tries
//! ([`Lock::try_take`]); if one lock is not to be had, it lets go of all that it has
//! and begins again, as a fork does. The debug archive checks the rule every time a
//! lock is taken.
//!
//! # Why
//!
//! A client's signal handler may interrupt a thread anywhere, and may read memory
//! that is shielded. Such a read makes the thread
//! - wait for the instance, while it has whatever locks it had when it was interrupted;
//! - or, if it was interrupted inside the instance, stop all other threads until it
//!   leaves, whatever locks those have (`Cx::hold`).
//!
//! A collection stops threads, too. So whoever is inside the instance must not
//! wait for a lock that another thread may have, or neither goes on.
//!
//! The lock is held for a few dozen instructions, or while the pool grows or
//! shrinks. It is not held during a step of a collection that an allocation asks
//! for: that would keep all other users of the pool waiting.

use crate::object::cx::Cx;
use core::sync::atomic::{AtomicBool, Ordering};

/// A thread that finds the lock taken does not look at it for so many pauses of the
/// processor, 3 to 12 us. Meanwhile the owner keeps all that it needs in its own
/// cache. Measured with two threads on one pool, a pair of free and alloc: 250 ns
/// if they take every turn, 80 ns this way.
const PAUSES_BEFORE_LOOK: usize = 256;

/// So many looks, a pause each, before the port is asked to yield: less than a
/// system call takes. (One where all orders of looks are tried: `tests/models`.)
const LOOKS_BEFORE_YIELD: usize = if cfg!(loom) { 1 } else { 64 };

/// A spin lock that yields through the port. See the module for the order.
#[derive(Default)]
pub struct Lock(AtomicBool);

impl Lock {
    /// Takes the lock; waits for it if need be. The calling thread is not inside the
    /// instance of `cx`.
    #[inline(always)]
    pub fn take(&self, cx: &Cx) -> Held<'_> {
        crate::aver_critical!(
            !cx.is_inside(),
            "a thread inside the instance does not wait for a pool's lock"
        );
        if self.0.compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed).is_err() {
            self.wait(cx);
        }
        Held(self)
    }

    /// Takes the lock, if that is possible at once. Anywhere.
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
            for _ in 0..PAUSES_BEFORE_LOOK {
                core::hint::spin_loop();
            }
            // Only look, until there is something to be had.
            for _ in 0..LOOKS_BEFORE_YIELD {
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

    /// Has any thread the lock?
    #[inline(always)]
    pub fn is_taken(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Gives the lock back.
    ///
    /// # Safety
    /// This thread took it, with a [`Held`] that was forgotten.
    pub unsafe fn release(&self) {
        self.0.store(false, Ordering::Release);
    }
}

/// Has the lock; gives it back when dropped.
pub struct Held<'a>(&'a Lock);

impl Held<'_> {
    /// Keeps the lock until [`Lock::release`].
    pub fn keep(self) {
        core::mem::forget(self);
    }
}

impl Drop for Held<'_> {
    #[inline(always)]
    fn drop(&mut self) {
        // SAFETY: this has it; a forgotten one is not dropped.
        unsafe { self.0.release() };
    }
}
