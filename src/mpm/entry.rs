//! Entering an instance and leaving it.
//!
//! One lock per instance, a spin lock whose wait yields through the port. On
//! the way in, the caller's callee-saved registers are spilled and the hot end
//! of its stack is noted, so that a collection anywhere inside finds what the
//! caller holds. On the way out memory protection is brought into line and the
//! mutator's threads are let go.

use super::{Mpm, State};
use crate::base::addr::Addr;
use crate::base::ptr::P;
use crate::object::cx::Inside;
use crate::object::seg;
use crate::seam::arch;
use core::mem::{ManuallyDrop, MaybeUninit};
use core::sync::atomic::Ordering;

/// Proof of being inside: the calling thread has the instance's lock. Dropping it
/// leaves. What may be done inside only is a method of this.
pub struct Entered {
    mpm: P<Mpm>,
}

impl Entered {
    /// The proof as the layers below take it.
    #[inline(always)]
    pub fn inside(&self) -> Inside<'_> {
        // SAFETY: made by `enter_to_do` or `claimed`, with the lock, which is kept until
        // this is dropped.
        unsafe { Inside::new(&self.mpm.get().cx) }
    }

    /// The instance.
    #[inline(always)]
    pub fn mpm(&self) -> P<Mpm> {
        self.mpm
    }
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
        struct Job<R, F> {
            f: ManuallyDrop<F>,
            r: MaybeUninit<R>,
        }
        /// Does a job.
        ///
        /// # Safety
        /// `job` is a `Job<R, F>` that nobody else uses, and this is done once.
        unsafe fn run<R, F: FnOnce(&Entered) -> R>(job: *mut (), e: &Entered) {
            // SAFETY: the caller's promise; so below.
            let job = unsafe { &mut *job.cast::<Job<R, F>>() };
            // SAFETY: as above.
            let f = unsafe { ManuallyDrop::take(&mut job.f) };
            job.r.write(f(e));
        }
        fn runner<R, F: FnOnce(&Entered) -> R>(_: &Job<R, F>) -> unsafe fn(*mut (), &Entered) {
            run::<R, F>
        }
        let mut job = Job { f: ManuallyDrop::new(f), r: MaybeUninit::uninit() };
        let run = runner(&job);
        // SAFETY: that job, ours.
        unsafe { Self::enter_to_do(self_, run, (&raw mut job).cast()) };
        // SAFETY: it has been done.
        unsafe { job.r.assume_init() }
    }

    /// Goes in, does a job, once, and leaves.
    ///
    /// # Safety
    /// `run` may be called with `job`.
    // A call, not a copy for each function of the interface: that is 4 KB of archive.
    #[inline(never)]
    unsafe fn enter_to_do(self_: P<Mpm>, run: unsafe fn(*mut (), &Entered), job: *mut ()) {
        let f = |hot| {
            self_.get().claim();
            self_.get().tracer.hot.set(Addr::of(hot));
            let e = Entered { mpm: self_ };
            // SAFETY: the caller's promise.
            unsafe { run(job, &e) };
        };
        if crate::seam::fault("register_spill") {
            let here = 0usize;
            return f(&raw const here);
        }
        arch::with_registers(f);
    }

    /// Runs `f`, which only looks, inside: the calling thread may be inside
    /// already, as in a client's function that was handed an object to look at.
    pub fn look<R>(self_: P<Mpm>, f: impl FnOnce(&Mpm) -> R) -> R {
        if self_.get().is_mine() {
            return f(self_.get());
        }
        Self::enter(self_, |m| f(m))
    }

    /// Takes the lock, without a look at the registers: for a thread that has
    /// nothing in them that a collection would have to know. Leaves when dropped.
    pub(super) fn claimed(self_: P<Mpm>) -> Entered {
        self_.get().claim();
        Entered { mpm: self_ }
    }

    /// Runs `f` inside, which does no collection work and changes nothing about segments. So
    /// nothing is left for leaving to do either: no stack is scanned, and the registers
    /// need not be in memory.
    pub fn enter_briefly<R>(self_: P<Mpm>, f: impl FnOnce(&Entered) -> R) -> R {
        f(&Self::claimed(self_))
    }

    /// Takes the lock.
    // A call, not a copy in each function of the interface: that is 4 KB of archive.
    #[inline(never)]
    pub fn claim(&self) {
        let mut round = 0u32;
        while !self.try_claim() {
            self.cx.arena.port.relax(round);
            round = round.saturating_add(1);
        }
    }

    /// Takes the lock if nobody is inside.
    #[inline]
    pub fn try_claim(&self) -> bool {
        let me = self.cx.arena.port.thread_id();
        loop {
            match self.cx.lock.compare_exchange(0, me, Ordering::Acquire, Ordering::Relaxed) {
                Ok(_) => return true,
                // A signal's handler has interrupted this very thread at the
                // end of `leave`: nothing else is left to be done there.
                Err(v) if v == !me => self.let_go(me),
                Err(v) => {
                    crate::aver!(
                        v != me,
                        "the library is not re-entered from a format method, scanner or handler"
                    );
                    return false;
                }
            }
        }
    }

    /// Gives the lock back.
    pub fn unclaim(&self) {
        self.cx.lock.store(0, Ordering::Release);
    }

    /// Gives it back from the end of [`Entered::leave`], unless that was done already.
    fn let_go(&self, me: usize) {
        let _ = self.cx.lock.compare_exchange(!me, 0, Ordering::Release, Ordering::Relaxed);
    }

    /// Is the calling thread inside?
    pub fn is_mine(&self) -> bool {
        self.cx.is_inside()
    }

    /// Is anyone inside?
    pub fn is_busy(&self) -> bool {
        self.cx.lock.load(Ordering::Relaxed) != 0
    }
}

impl Entered {
    /// Brings memory into line and lets the mutator go.
    ///
    /// A handler of the client's may interrupt this anywhere and look at memory
    /// that is shielded. As long as the lock's word is this thread's number,
    /// that is let through and noted ([`crate::shield::Peeks`]); as soon as it is
    /// the complement, such a fault is like any other. So the notes are
    /// looked at once more after the change.
    // As for `claim`.
    #[inline(never)]
    fn leave(&self) {
        // This thread's number: it has the lock.
        let me = self.cx.lock.load(Ordering::Relaxed);
        self.bring_into_line();
        if self.cx.peeks.is_empty() && self.cx.threads.none_stopped() {
            self.pause_end();
            self.cx.lock.store(!me, Ordering::SeqCst);
            if self.cx.peeks.is_empty() {
                return self.let_go(me);
            }
            let back = self.cx.lock.compare_exchange(!me, me, Ordering::SeqCst, Ordering::Relaxed);
            if back.is_err() {
                return;
            }
        }
        // No more of them: one who looks often enough would keep us here for
        // ever, and none may come just before the others run again.
        let port = self.cx.arena.port;
        port.quietly(&mut || self.leave_quietly());
    }

    /// The end of [`Entered::leave`], while no handler runs.
    #[inline(never)]
    fn leave_quietly(&self) {
        loop {
            self.bring_into_line();
            if !seg::sync_peeks(self.inside()) {
                break;
            }
        }
        self.pause_end();
        self.cx.threads.release(self.cx.arena.port);
        self.unclaim();
    }

    fn bring_into_line(&self) {
        #[cfg(feature = "expose")]
        if self.state.get() != State::Postmortem {
            crate::trace::expose::settle(&self.tracer, self.inside());
        }
        // The system won't protect what must not be seen, or has stopped doing
        // so: go on until nothing needs to be hidden.
        let bare = || {
            let alive = self.state.get() != State::Postmortem;
            alive && !self.cx.flipped.get().is_empty() && !self.cx.can_shield()
        };
        while !seg::sync(self.inside()) || bare() {
            let _ = self.finish_traces();
        }
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        self.leave();
    }
}
