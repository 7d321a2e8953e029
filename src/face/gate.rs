//! Where the threads of a heap meet, so that objects move while none of them looks.

use super::heap::{Heap, Inner};
use crate::base::ptr::P;
use crate::base::res::{Res, Result};
use crate::mpm::Mpm;
use core::cell::Cell;
use core::marker::PhantomData;
use core::sync::atomic::{AtomicBool, Ordering};
use spin::mutex::{SpinMutex, SpinMutexGuard};

/// How much is allocated between two meetings, in bytes. A meeting costs the switches between
/// threads; a collection begins when megabytes are new, and a step of one is due each 64 KB.
const BETWEEN: usize = 64 << 10;

mod sealed {
    pub trait Sealed {}
}

/// Of one thread or of many: [`Local`] or [`Threads`].
pub trait Mode: sealed::Sealed {
    #[doc(hidden)]
    const SHARED: bool;
}

/// A heap of one thread.
pub enum Local {}
/// A heap of many threads.
pub enum Threads {}
impl sealed::Sealed for Local {}
impl sealed::Sealed for Threads {}
impl Mode for Local {
    const SHARED: bool = false;
}
impl Mode for Threads {
    const SHARED: bool = true;
}

/// What may be in a heap: for one thread anything, for many what is `Sync`.
#[diagnostic::on_unimplemented(
    message = "`{T}` can't be in a heap that threads share",
    note = "each of them reaches it by reference: it has to be `Sync`"
)]
pub trait Holds<T>: Mode {}
impl<T> Holds<T> for Local {}
impl<T: Sync> Holds<T> for Threads {}

/// One step, if one is due.
pub(super) fn step(m: P<Mpm>) {
    Mpm::enter(m, |e| {
        e.release();
        e.clamp();
    });
}

/// Everything.
pub(super) fn collect(m: P<Mpm>) {
    Mpm::enter(m, |e| {
        // With nothing to collect there is nothing to do.
        let _ = e.collect();
        e.clamp();
    });
}

/// How much has been allocated so far.
fn allocated(m: P<Mpm>) -> usize {
    Mpm::enter_briefly(m, |e| e.allocated.get())
}

/// What is to be done in a meeting.
#[derive(Clone, Copy, PartialEq, PartialOrd)]
pub(super) enum Wanted {
    Nothing,
    Step,
    All,
}

struct State {
    /// How many threads may have references.
    active: usize,
    wanted: Wanted,
    /// One of them is collecting; then `active` is 0 and stays so.
    working: bool,
    /// How many meetings there have been.
    round: usize,
    /// How much had been allocated by the last one.
    allocated: usize,
}

pub(super) struct Gate {
    /// Is something wanted? A hint, for safepoints.
    wanted: AtomicBool,
    state: SpinMutex<State>,
}

impl Gate {
    pub fn new() -> Gate {
        let state =
            State { active: 0, wanted: Wanted::Nothing, working: false, round: 0, allocated: 0 };
        Gate { wanted: AtomicBool::new(false), state: SpinMutex::new(state) }
    }

    #[inline]
    pub fn is_wanted(&self) -> bool {
        self.wanted.load(Ordering::Relaxed)
    }

    /// The state while nobody collects, and for as long as it is held.
    pub fn enter_still(&self, m: P<Mpm>) -> impl Drop {
        self.still(m)
    }

    fn still(&self, m: P<Mpm>) -> SpinMutexGuard<'_, State> {
        let mut round = 0u32;
        loop {
            if let Some(s) = self.state.try_lock() {
                if !s.working {
                    return s;
                }
            }
            m.get().cx.arena.port.relax(round);
            round = round.saturating_add(1);
        }
    }

    /// The calling thread may have references from here on.
    fn enter(&self, m: P<Mpm>) {
        self.still(m).active += 1;
    }

    /// It has none any more. Who waits for that looks again by itself.
    pub fn leave(&self) {
        self.state.lock().active -= 1;
    }

    /// Waits until no thread has references and what is wanted has been done, by this one or by
    /// another. The calling thread has entered, and has no references.
    pub fn meet(&self, m: P<Mpm>, wanted: Wanted) {
        let so_far = allocated(m);
        let mut s = self.state.lock();
        let few = so_far.wrapping_sub(s.allocated) < BETWEEN;
        if wanted == Wanted::Step && s.wanted == Wanted::Nothing && few {
            return;
        }
        if wanted > s.wanted {
            s.wanted = wanted;
        }
        self.wanted.store(true, Ordering::Relaxed);
        s.active -= 1;
        let round = s.round;
        let mut tries = 0u32;
        while s.round == round {
            if s.active != 0 || s.working {
                drop(s);
                m.get().cx.arena.port.relax(tries);
                tries = tries.saturating_add(1);
                s = self.state.lock();
                continue;
            }
            let what = s.wanted;
            s.working = true;
            drop(s);
            match what {
                Wanted::All => collect(m),
                _ => step(m),
            }
            // Nobody enters while this one works: it has nothing to wait for.
            let so_far = allocated(m);
            s = self.state.lock();
            s.working = false;
            s.wanted = Wanted::Nothing;
            s.allocated = so_far;
            s.round = s.round.wrapping_add(1);
            self.wanted.store(false, Ordering::Relaxed);
        }
        drop(s);
        self.enter(m);
    }
}

/// A heap for many threads: see [`Heap::shared`].
pub struct Shared<'id> {
    pub(super) inner: P<Inner>,
    pub(super) brand: PhantomData<Cell<&'id ()>>,
}

// SAFETY: what it leads to is behind the gate's lock and the instance's.
unsafe impl Send for Shared<'_> {}
// SAFETY: as above.
unsafe impl Sync for Shared<'_> {}

impl<'id> Shared<'id> {
    /// Calls `f` with what the calling thread needs to use the heap. Cost: two locks, and some system
    /// calls.
    ///
    /// # Errors
    /// `Fail`: the thread is in this heap already. Those of the system, when there is no memory for it.
    /// What `f` returns is inside.
    pub fn enter<R>(&self, f: impl FnOnce(&mut Heap<'id, Threads>) -> R) -> Result<R> {
        let m = self.inner.m;
        let me = m.get().cx.arena.port.thread_id();
        // No stack is scanned, so where it is does not matter.
        let thread = Mpm::enter(m, |e| {
            if e.cx.threads.leads().any(|t| t.id == me) {
                return Err(Res::Fail);
            }
            e.new_thread(None)
        })?;
        self.inner.gate.enter(m);
        let mut heap = match Heap::new(self.inner, Some(thread)) {
            Ok(heap) => heap,
            Err(why) => {
                self.inner.gate.leave();
                // SAFETY: made above, and nobody else has it.
                Mpm::enter(m, |e| unsafe { e.thread_destroy(thread) });
                return Err(why);
            }
        };
        Ok(f(&mut heap))
    }
}

impl Heap<'_, Threads> {
    /// Runs `f`, which does not use the heap and may take long: the others do not wait for this
    /// thread meanwhile. To be used where the thread waits for another one.
    pub fn blocking<R>(&mut self, f: impl FnOnce() -> R) -> R {
        struct Back<'a>(&'a Inner);
        impl Drop for Back<'_> {
            fn drop(&mut self) {
                self.0.gate.enter(self.0.m);
            }
        }
        self.inner.gate.leave();
        // Also if `f` panics.
        let _back = Back(self.inner.get());
        f()
    }
}
