//! What the lower layers are given instead of the whole instance.

use crate::arena::Arena;
use crate::base::list::List;
use crate::base::ptr::{P, Slot};
use crate::base::sets::{TraceSet, ZoneSet};
use crate::object::locus::{Chain, Gen};
use crate::object::pool::Pool;
use crate::object::seg::Seg;
use crate::shield::Peeks;
use crate::shield::threads::Threads;
use core::cell::Cell;
use core::sync::atomic::{AtomicUsize, Ordering};

/// How far the trace has come, as segments and barriers need to know it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Phase {
    /// No trace.
    Idle,
    /// Choosing what to collect: segments turn white.
    Condemn,
    /// Finding what may refer to it: segments turn grey.
    Grey,
    /// The mutator is black; grey segments are shielded from it.
    Flipped,
    /// All that is reachable has been found; the rest is being reclaimed.
    Reclaim,
}

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
    /// Steps of collection work.
    pub steps: Cell<usize>,
    /// The longest, in clock ticks.
    pub longest: Cell<usize>,
}

/// Adds to a counter. Where a word is narrow, counters of bytes come round.
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
    /// The instance's lock: the number of the thread that is inside, or 0; the
    /// complement of its number when all is in order and it is just leaving.
    pub lock: AtomicUsize,
    /// The mutator's threads.
    pub threads: Threads,
    /// Every pool.
    pub pools: List<Pool, 0>,
    /// Every chain that clients made.
    pub chains: List<Chain, 0>,
    /// For pools that were given none.
    pub default_chain: Slot<Chain>,
    /// Where survivors of the last generation of any chain go.
    pub top: Gen,
    /// Segments to scan, by rank.
    pub grey: [List<Seg, 1>; 4],
    /// White segments.
    pub white: List<Seg, 0>,
    /// The trace's progress.
    pub phase: Cell<Phase>,
    /// The traces in progress (one at most, for now).
    pub traces: Cell<TraceSet>,
    /// Zones that hold white segments.
    pub white_zones: Cell<ZoneSet>,
    /// There is no memory to copy to: keep everything where it is.
    pub emergency: Cell<bool>,
    /// Can the mutator run while there are grey segments?
    pub can_shield: Cell<bool>,
    /// What was looked at from inside through the shield.
    pub peeks: Peeks,
    /// Counters.
    pub stats: Stats,
}

impl Cx {
    /// The parts, round an arena.
    pub fn new(arena: Arena) -> Cx {
        let can_shield = arena.can_protect;
        Cx {
            arena,
            instance: Cell::new(0),
            lock: AtomicUsize::new(0),
            threads: Threads::default(),
            pools: List::default(),
            chains: List::default(),
            default_chain: Cell::new(None),
            top: Gen::new(usize::MAX, 0.5),
            grey: [List::default(), List::default(), List::default(), List::default()],
            white: List::default(),
            phase: Cell::new(Phase::Idle),
            traces: Cell::new(TraceSet::EMPTY),
            white_zones: Cell::new(ZoneSet::EMPTY),
            emergency: Cell::new(false),
            can_shield: Cell::new(can_shield),
            peeks: Peeks::default(),
            stats: Stats::default(),
        }
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

    /// The top generation.
    pub fn top(&self) -> P<Gen> {
        // SAFETY: the instance stays where it is and outlives its segments.
        unsafe { P::new(core::ptr::NonNull::from(&self.top)) }
    }
}
