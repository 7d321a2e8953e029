//! The parts of an instance that pools and the tracer use, and proof of being inside.

use crate::arena::Arena;
use crate::base::list::List;
use crate::base::ptr::{P, Slot};
use crate::base::sets::{TraceSet, ZoneSet};
use crate::object::locus::{Chain, Gen};
use crate::object::pool::Pool;
use crate::object::trace::{TRACES, Trace};
use crate::seam::parts;
use crate::shield::Peeks;
use crate::shield::threads::Threads;
use core::cell::Cell;
use core::sync::atomic::{AtomicUsize, Ordering};

/// Counters, all since the instance was made.
#[derive(Default)]
pub struct Stats {
    /// Traces that flipped.
    pub flips: Cell<usize>,
    /// Flips after which something may have moved.
    pub collections: Cell<usize>,
    /// Accesses to grey segments.
    pub read_hits: Cell<usize>,
    /// Writes to segments and roots whose summary was kept.
    pub write_hits: Cell<usize>,
    /// Bytes that were condemned.
    pub condemned: Cell<usize>,
    /// Bytes copied.
    pub copied: Cell<usize>,
    /// Bytes given back.
    pub reclaimed: Cell<usize>,
    /// Traces that had not ended when the room to allocate in was used up.
    pub late: Cell<usize>,
    /// Steps of collection work.
    pub steps: Cell<usize>,
    /// The longest, in clock ticks.
    pub longest: Cell<usize>,
}

/// Adds to a counter. Where a word has 32 bits, a counter of bytes may wrap.
#[inline(always)]
pub fn bump(c: &Cell<usize>, n: usize) {
    c.set(c.get().wrapping_add(n));
}

/// The parts of an instance that pools and the tracer share.
pub struct Cx {
    /// Memory.
    pub arena: Arena,
    /// The instance, as its handle.
    pub instance: Cell<usize>,
    /// The instance's lock: 0 if nobody is inside, else the number of the thread that is;
    /// or the complement of that number, when the thread is leaving and has nothing
    /// left to do but to give the lock back.
    pub lock: AtomicUsize,
    /// The mutator's threads.
    pub threads: Threads,
    /// Every pool.
    pub pools: List<Pool, 0>,
    /// Every chain that clients made.
    pub chains: List<Chain, 0>,
    /// The chain of pools that were given none.
    pub default_chain: Slot<Chain>,
    /// Where survivors of the last generation of any chain go.
    pub top: Gen,
    /// The traces, in progress or not.
    pub traces: [Trace; TRACES],
    /// The traces in progress. This set and the next two are kept up to date by
    /// [`Trace::set_phase`].
    pub busy: Cell<TraceSet>,
    /// The traces in their grey phase: a segment that is made, or whose summary widens,
    /// turns grey for them.
    pub greying: Cell<TraceSet>,
    /// The traces after their flip: the mutator must not see their grey segments.
    pub flipped: Cell<TraceSet>,
    /// See [`Cx::can_shield`].
    pub shields: Cell<bool>,
    /// Accesses to shielded memory by the thread that is inside.
    pub peeks: Peeks,
    /// Counters.
    pub stats: Stats,
}

impl Cx {
    /// The parts, round an arena.
    pub fn new(arena: Arena) -> Cx {
        let shields = arena.can_protect();
        Cx {
            arena,
            instance: Cell::new(0),
            lock: AtomicUsize::new(0),
            threads: Threads::default(),
            pools: List::default(),
            chains: List::default(),
            default_chain: Cell::new(None),
            top: Gen::new(usize::MAX),
            traces: core::array::from_fn(Trace::new),
            busy: Cell::new(TraceSet::EMPTY),
            greying: Cell::new(TraceSet::EMPTY),
            flipped: Cell::new(TraceSet::EMPTY),
            shields: Cell::new(shields),
            peeks: Peeks::default(),
            stats: Stats::default(),
        }
    }

    /// Can the mutator run while there are grey segments?
    #[inline(always)]
    pub fn can_shield(&self) -> bool {
        parts::BARRIERS && self.shields.get()
    }

    /// Is the calling thread inside the instance?
    pub fn is_inside(&self) -> bool {
        self.lock.load(Ordering::Relaxed) == self.arena.port.thread_id()
    }

    /// Stops the mutator's threads until the library is left.
    #[inline]
    pub fn hold(&self) {
        if !self.threads.is_held() {
            self.threads.hold(self.arena.port);
        }
    }

    /// The traces of a set.
    pub fn traces_of(&self, set: TraceSet) -> impl Iterator<Item = &Trace> {
        self.traces.iter().filter(move |t| set.meets(t.set()))
    }

    /// The trace of a set of one.
    #[inline(always)]
    pub fn trace_of(&self, set: TraceSet) -> &Trace {
        match self.traces.get(set.0.trailing_zeros() as usize) {
            Some(t) => t,
            // There is no colour without a trace.
            None => crate::base::check::stop(),
        }
    }

    /// The first trace that is in progress.
    pub fn busy_trace(&self) -> Option<&Trace> {
        self.traces_of(self.busy.get()).next()
    }

    /// A trace that is not in progress.
    pub fn idle_trace(&self) -> Option<&Trace> {
        self.traces_of(TraceSet::ALL.minus(self.busy.get())).next()
    }

    /// The zones in which there are objects with a format: those that a walk or the sanity
    /// trace may offer a scanner. A scanner that strips a tag, fixes and writes back need
    /// not test for null as long as no trace offers it zone 0. So nothing else may offer
    /// it either, and pools with a format keep away from that zone
    /// ([`Home::plain`](crate::arena::Home::plain)). Cost: O(segments).
    pub fn formatted_zones(&self) -> ZoneSet {
        let pools = self.pools.iter().filter(|p| p.format.get().is_some());
        let segs = pools.flat_map(|p| p.get().segs.iter());
        segs.map(|s| s.zones(self)).fold(ZoneSet::EMPTY, ZoneSet::or)
    }

    /// The top generation.
    pub fn top(&self) -> P<Gen> {
        // SAFETY: the instance stays where it is and outlives its segments.
        unsafe { P::new(core::ptr::NonNull::from(&self.top)) }
    }
}

/// Proof that the calling thread is inside the instance. The thread has the instance's
/// lock, so nobody else changes segments, colours or traces meanwhile. A function that
/// may be called only there takes this as an argument.
#[derive(Clone, Copy)]
pub struct Inside<'a>(&'a Cx);

impl<'a> Inside<'a> {
    /// # Safety
    /// The calling thread has the lock of the instance, for as long as the result
    /// or a copy of it is used.
    #[inline(always)]
    pub unsafe fn new(cx: &'a Cx) -> Inside<'a> {
        Inside(cx)
    }

    /// The parts, for as long as the proof holds.
    #[inline(always)]
    pub fn cx(self) -> &'a Cx {
        self.0
    }

    /// As a pointer, for what is kept no longer than the proof holds.
    #[inline(always)]
    pub fn p(self) -> P<Cx> {
        // SAFETY: the parts of an instance stay where they are.
        unsafe { P::new(core::ptr::NonNull::from(self.0)) }
    }
}

impl core::ops::Deref for Inside<'_> {
    type Target = Cx;
    #[inline(always)]
    fn deref(&self) -> &Cx {
        self.0
    }
}
