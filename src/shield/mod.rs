//! The shield: protection of memory, by which the library hears of accesses.
//!
//! A segment wants a mode, the accesses that are to be denied, and its memory has one. The
//! memory is given the mode that the segment wants only when the mutator is about to run:
//! in address order, and neighbours with the same mode by one call ([`Runs`]). While the
//! collector uses memory that is denied to the mutator, it holds the mutator's threads
//! ([`threads::Threads::hold`]).

#[cfg_attr(not(feature = "fibers"), path = "fibers_off.rs")]
pub mod fibers;
#[cfg_attr(not(feature = "blocking"), path = "region_off.rs")]
pub mod region;
pub mod threads;

use crate::base::addr::{Addr, Range};
use crate::base::res::{Res, Result};
use crate::base::sets::AccessSet;
use crate::seam::port::Port;
use core::cell::Cell;
use core::sync::atomic::{AtomicUsize, Ordering};

/// The places where the thread that is inside has had an access to shielded memory: a scanner
/// that looks at another object, or a signal handler that has interrupted the library. The
/// access was let through. So the memory has another mode than its segment says until
/// these notes are gone through. Only that thread uses them, but its handlers may do so
/// between any two instructions of the library.
#[derive(Default)]
pub struct Peeks {
    count: AtomicUsize,
    at: [Cell<Addr>; 8],
}

impl Peeks {
    /// Notes one.
    pub fn add(&self, a: Addr) {
        let i = self.count.fetch_add(1, Ordering::Relaxed);
        if let Some(slot) = self.at.get(i) {
            slot.set(a);
        }
    }

    /// Is there none?
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.count.load(Ordering::SeqCst) == 0
    }

    /// Calls `f` with each address noted, and forgets them; or with `None`, if there were
    /// too many to be noted. If more come meanwhile, it does the same again.
    pub fn drain(&self, mut f: impl FnMut(Option<Addr>)) {
        loop {
            let n = self.count.load(Ordering::SeqCst);
            if n > self.at.len() {
                f(None);
            } else {
                self.at.iter().take(n).for_each(|a| f(Some(a.get())));
            }
            if self.count.compare_exchange(n, 0, Ordering::SeqCst, Ordering::Relaxed).is_ok() {
                return;
            }
        }
    }
}

/// Joins protection changes, given in address order, into runs.
pub struct Runs {
    run: Range,
    mode: AccessSet,
    /// Port calls made.
    pub calls: usize,
}

impl Default for Runs {
    fn default() -> Self {
        Runs { run: Range::default(), mode: AccessSet::EMPTY, calls: 0 }
    }
}

impl Runs {
    /// Can `range` join the run?
    pub fn joins(&self, range: Range, mode: AccessSet) -> bool {
        !self.run.is_empty() && self.run.limit == range.base && self.mode == mode
    }

    /// Adds a change that joins, or that comes after `flush`.
    pub fn add(&mut self, range: Range, mode: AccessSet) {
        if self.run.is_empty() {
            self.run = range;
            self.mode = mode;
        } else {
            self.run.limit = range.limit;
        }
    }

    /// Is there a run with this mode?
    pub fn has(&self, mode: AccessSet) -> bool {
        !self.run.is_empty() && self.mode == mode
    }

    /// Where the run ends.
    pub fn limit(&self) -> Addr {
        self.run.limit
    }

    /// Is there a run, and are accesses to it to be denied?
    pub fn denies(&self) -> bool {
        !self.run.is_empty() && !self.mode.is_empty()
    }

    /// Takes the run, as if the port had refused.
    pub fn refuse(&mut self) -> (Range, AccessSet, Result) {
        (core::mem::take(&mut self.run), self.mode, Err(Res::Fail))
    }

    /// Makes the call for the run, if there is one. The run is returned, so
    /// that a refusal can be dealt with.
    pub fn flush(&mut self, port: &dyn Port) -> (Range, AccessSet, Result) {
        let (run, mode) = (self.run, self.mode);
        self.run = Range::default();
        if run.is_empty() {
            return (run, mode, Ok(()));
        }
        self.calls += 1;
        (run, mode, port.protect(run.base, run.size(), mode))
    }
}
