//! Entering an instance and leaving it.
//!
//! One lock per instance, a spin lock whose wait yields through the port. On
//! the way in, the caller's callee-saved registers are spilled and the hot end
//! of its stack is noted, so that a collection anywhere inside finds what the
//! caller holds. On the way out memory protection is brought into line and the
//! mutator's threads are let go.

use super::Mpm;
use crate::base::addr::Addr;
use crate::base::ptr::P;
use crate::object::seg;
use crate::seam::arch;
use core::sync::atomic::Ordering;

/// Proof of being inside. Dropping it leaves.
pub struct Entered {
    mpm: P<Mpm>,
}

impl core::ops::Deref for Entered {
    type Target = Mpm;
    #[inline(always)]
    fn deref(&self) -> &Mpm {
        self.mpm.get()
    }
}

impl Mpm {
    /// Runs `f` inside. The calling thread must not be inside already.
    #[inline]
    pub fn enter<R>(self_: P<Mpm>, f: impl FnOnce(&Entered) -> R) -> R {
        if crate::seam::fault("register_spill") {
            let here = 0usize;
            return Self::enter_at(self_, &raw const here, f);
        }
        arch::with_registers(|hot| Self::enter_at(self_, hot, f))
    }

    /// Runs `f`, which only looks, inside: the calling thread may be inside
    /// already, as in a client's function that was handed an object to look at.
    pub fn look<R>(self_: P<Mpm>, f: impl FnOnce(&Mpm) -> R) -> R {
        if self_.get().is_mine() {
            return f(self_.get());
        }
        Self::enter(self_, |m| f(m))
    }

    fn enter_at<R>(self_: P<Mpm>, hot: *const usize, f: impl FnOnce(&Entered) -> R) -> R {
        self_.get().claim();
        self_.get().tracer.hot.set(Addr::of(hot));
        let e = Entered { mpm: self_ };
        f(&e)
    }

    /// Takes the lock.
    pub fn claim(&self) {
        let port = self.cx.arena.port;
        let me = port.thread_id();
        crate::aver!(
            self.owner.load(Ordering::Relaxed) != me,
            "the library is not re-entered from a format method, scanner or handler"
        );
        let mut round = 0u32;
        while self.lock.compare_exchange_weak(false, true, Ordering::Acquire, Ordering::Relaxed).is_err()
        {
            port.relax(round);
            round = round.saturating_add(1);
        }
        self.owner.store(me, Ordering::Relaxed);
    }

    /// Gives the lock back.
    pub fn unclaim(&self) {
        self.owner.store(0, Ordering::Relaxed);
        self.lock.store(false, Ordering::Release);
    }

    /// Is the calling thread inside?
    pub fn is_mine(&self) -> bool {
        self.owner.load(Ordering::Relaxed) == self.cx.arena.port.thread_id()
    }

    /// Is anyone inside?
    pub fn is_busy(&self) -> bool {
        self.lock.load(Ordering::Relaxed)
    }

    /// Brings memory into line and lets the mutator go.
    pub fn leave(&self) {
        while !seg::sync(&self.cx) {
            // The system won't protect what must not be seen: go on until
            // nothing needs to be hidden.
            let _ = self.finish_trace();
        }
        self.cx.threads.release(self.cx.arena.port);
        self.pause_end();
        self.unclaim();
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        self.mpm.get().leave();
    }
}
