//! The tracer: finds what is reachable, a step at a time.
//!
//! A trace goes through the phases of [`Phase`], each of them in pieces but for
//! the flip:
//!
//! 1. *Condemn*: the segments of the chosen generations turn white.
//! 2. *Grey*: all other segments whose summary meets the white zones turn grey.
//!    From here on a segment that is made, or whose summary widens, turns grey
//!    by itself, so that at the flip nothing needs to be searched.
//! 3. *Flip*: threads held, allocation points trapped, roots scanned in order
//!    of rank. The mutator now has no reference to a white object that was not
//!    fixed; grey segments are shielded from it.
//! 4. *Flipped*: what is grey is scanned until nothing is, in bands by rank
//!    ([`Band`]).
//! 5. *Reclaim*: white segments are given back.
//!
//! The tracer calls no one above: it leaves what happened in [`Report`].

pub mod advance;
pub mod barrier;
pub mod condemn;
pub mod fix;
pub mod flip;
pub mod guardian;
pub mod history;
pub mod policy;
pub mod reclaim;
pub mod root;
pub mod sanity;
pub mod stack;

use crate::arena::Walk;
use crate::base::addr::{Addr, Size};
use crate::base::list::List;
use crate::base::ptr::P;
use crate::base::res::Res;
use crate::base::sets::{TraceSet, ZoneSet};
use crate::object::cx::{Cx, Phase, bump};
use crate::object::locus::Gen;
use crate::object::scan::ScanState;
use core::cell::Cell;
use root::Root;

/// What a step found out, for those above.
#[derive(Clone, Copy, Debug, Default)]
pub struct Report {
    /// A trace ended.
    pub finished: bool,
    /// Registered objects would have died: see [`guardian::Guardians::ready`].
    pub ready: bool,
    /// A client's scanner refused.
    pub refused: Option<Res>,
}

/// After the flip: whose references are being followed. Each band begins when
/// all that the ones before lead to has been found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Band {
    /// Exact references in segments; then those of messages.
    Exact,
    /// Registrations for finalization.
    Final,
    /// What those kept, and last of all weak references.
    Weak,
}

/// The tracer's own.
pub struct Tracer {
    /// Registered roots.
    pub roots: List<Root, 0>,
    /// Registrations for finalization.
    pub guardians: guardian::Guardians,
    /// How far the trace has come since the flip.
    band: Cell<Band>,
    /// There are weak roots, to be scanned before the mutator goes on.
    weak_roots: Cell<bool>,
    /// Flips seen, and what they may have moved.
    pub history: history::History,
    /// Condemn: which generation comes next, and how many of its segments are
    /// still to be looked at.
    cursor: condemn::Cursor,
    /// Grey: how far the search has come.
    walk: Cell<Walk>,
    /// Zones of what turned white and may move.
    moving: Cell<ZoneSet>,
    /// Bytes that turned white.
    pub condemned: Cell<Size>,
    /// Bytes in generations that did not.
    pub not_condemned: Cell<Size>,
    /// Bytes kept or copied so far.
    pub live: Cell<Size>,
    /// It is a collection of everything.
    pub full: Cell<bool>,
    /// Hot end of the calling thread's stack, registers spilled above it.
    pub hot: Cell<Addr>,
    /// Bytes in the top generation after the last full collection.
    pub top_after: Cell<Size>,
}

impl Default for Tracer {
    fn default() -> Self {
        Tracer {
            roots: List::default(),
            guardians: guardian::Guardians::default(),
            band: Cell::new(Band::Exact),
            weak_roots: Cell::new(false),
            history: history::History::default(),
            cursor: condemn::Cursor::default(),
            walk: Cell::new(Walk::Start),
            moving: Cell::new(ZoneSet::EMPTY),
            condemned: Cell::new(0),
            not_condemned: Cell::new(0),
            live: Cell::new(0),
            full: Cell::new(false),
            hot: Cell::new(Addr::NULL),
            top_after: Cell::new(0),
        }
    }
}

/// How long a step may take.
pub struct Budget {
    /// The clock's reading at which to stop; `None`: never.
    until: Option<usize>,
    /// Stop at the next opportunity.
    spent: Cell<bool>,
    /// Work since the clock was last looked at.
    work: Cell<Size>,
}

/// Bytes of work between two looks at the clock.
const LOOK: Size = 32 * 1024;

impl Budget {
    /// `ticks` from `now`; 0 means: one look at the clock, which says stop.
    pub fn ticks(now: usize, ticks: usize) -> Budget {
        Budget { until: now.checked_add(ticks), spent: Cell::new(false), work: Cell::new(0) }
    }

    /// To the end, however long.
    pub fn unlimited() -> Budget {
        Budget { until: None, spent: Cell::new(false), work: Cell::new(0) }
    }

    /// The clock's reading at which to stop, if there is one.
    pub fn until(&self) -> Option<usize> {
        self.until
    }

    /// Notes work done (bytes looked at); true if time is up.
    pub fn spend(&self, bytes: Size) -> bool {
        let Some(until) = self.until else { return false };
        bump(&self.work, bytes);
        if self.work.get() >= LOOK {
            self.work.set(0);
            if crate::seam::plinth::clock() >= until {
                self.spent.set(true);
            }
        }
        self.spent.get()
    }
}

impl Tracer {
    /// Is a trace under way?
    pub fn is_busy(&self, cx: &Cx) -> bool {
        cx.phase.get() != Phase::Idle
    }

    /// Adds what a scan kept to the figures.
    pub fn count(&self, ss: &ScanState) {
        bump(&self.live, ss.copied.get() + ss.kept.get());
        bump(&ss.cx.stats.copied, ss.copied.get());
    }

    /// Begins a trace of what `choose` says yes to. No trace is under way.
    pub fn start(&self, cx: &Cx, full: bool, choose: impl Fn(P<Gen>) -> bool) {
        cx.traces.set(TraceSet(1));
        cx.white_zones.set(ZoneSet::EMPTY);
        cx.emergency.set(false);
        self.moving.set(ZoneSet::EMPTY);
        self.condemned.set(0);
        self.not_condemned.set(0);
        self.live.set(0);
        self.full.set(full);
        self.band.set(Band::Exact);
        self.guardians.trace_start();
        condemn::choose(self, cx, choose);
        cx.phase.set(Phase::Condemn);
    }

    /// Does a share of the work. Calls out: formats, scanners, the port.
    pub fn step(&self, cx: P<Cx>, budget: &Budget) -> Report {
        let mut report = Report::default();
        loop {
            let go_on = match cx.phase.get() {
                Phase::Idle => false,
                Phase::Condemn => condemn::whiten(self, cx, budget),
                Phase::Grey => condemn::grey(self, cx, budget),
                // `condemn::grey` ends in a flip, so this is the rest.
                Phase::Flipped => advance::advance(self, cx, budget, &mut report),
                Phase::Reclaim => reclaim::reclaim(self, cx, budget, &mut report),
            };
            if !go_on {
                return report;
            }
            if cx.phase.get() == Phase::Grey && self.walk.get() == Walk::End {
                if let Err(e) = flip::flip(self, cx) {
                    report.refused = Some(e);
                }
                if !self.weak_roots.get() && budget.spend(LOOK) {
                    return report;
                }
            }
        }
    }
}
