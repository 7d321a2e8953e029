//! The tracer: finds what is reachable, a step at a time.
//!
//! All that belongs to one collection is in its [`Trace`]. The functions here take it,
//! and proof of being [`Inside`], as arguments. A trace goes through the phases of
//! [`Phase`]. All of them but the flip are done in pieces:
//!
//! 1. *Condemn*: the segments of the chosen generations turn white.
//! 2. *Grey*: all other segments whose summary meets the white zones turn grey.
//!    From here on a segment that is made, or whose summary widens, turns grey
//!    by itself, so that the flip need not search for any.
//! 3. *Flip*: threads are held, allocation points are trapped, roots are scanned in
//!    order of rank. From here on the mutator has no reference to a white object that
//!    was not fixed, and grey segments are shielded from it.
//! 4. *Flipped*: what is grey is scanned until nothing is, in bands by rank
//!    ([`Band`](crate::object::trace::Band)).
//! 5. *Reclaim*: white segments are given back.
//!
//! The tracer calls nothing of the layers above. It tells them what happened in a
//! [`Report`].

pub mod advance;
pub mod barrier;
pub mod condemn;
#[cfg_attr(not(feature = "ephemerons"), path = "ephemeron_off.rs")]
pub mod ephemeron;
#[cfg(feature = "expose")]
pub mod expose;
#[cfg(feature = "fibers")]
mod fibers;
pub mod fix;
pub mod flip;
#[cfg_attr(not(feature = "finalization"), path = "guardian_off.rs")]
pub mod guardian;
#[cfg_attr(not(feature = "handles"), path = "handles_off.rs")]
pub mod handles;
#[cfg_attr(not(feature = "dependency"), path = "history_off.rs")]
pub mod history;
#[cfg(feature = "pins")]
pub mod pins;
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
use crate::object::cx::{Inside, bump};
use crate::object::locus::Chain;
use crate::object::scan::ScanState;
use crate::object::trace::{Phase, Survival, Trace};
use crate::seam::parts;
use crate::seam::plinth::Deadline;
use core::cell::Cell;
use root::Root;

/// What happened in a step, for the layers above.
#[derive(Clone, Copy, Debug, Default)]
pub struct Report {
    /// A trace ended.
    pub finished: bool,
    /// Registered objects would have died: see [`guardian::Guardians::ready`].
    pub ready: bool,
    /// A client's scanner refused.
    pub refused: Option<Res>,
}

/// What all traces of an instance share.
#[derive(Default)]
pub struct Tracer {
    /// Registered roots.
    pub roots: List<Root, 0>,
    /// Registrations for finalization.
    pub guardians: guardian::Guardians,
    /// References that clients have by way of handles.
    pub handles: handles::Handles,
    /// Flips seen, and what they may have moved.
    pub history: history::History,
    /// The hot end of the stack of the thread that is inside, with its registers above.
    pub hot: Cell<Addr>,
    /// Bytes in the top generation after the last full collection.
    pub top_after: Cell<Size>,
    /// What survived of the objects that were old at the last full collection.
    pub old: Cell<Survival>,
    /// What survived the last collection of those that were young.
    pub young: Cell<Survival>,
    /// Nearly all that is young survives collections that are of young objects only. So
    /// every collection is of everything, but there are fewer of them.
    pub flat: Cell<bool>,
    /// How many exposures there are.
    #[cfg(feature = "expose")]
    pub exposures: Cell<usize>,
}

/// Adds what a scan has kept and copied to the counters.
pub fn count(t: &Trace, ss: &ScanState) {
    bump(&t.live, ss.copied.get() + ss.kept.get());
    bump(&ss.cx().stats.copied, ss.copied.get());
    if parts::BARRIERS {
        let (old, young) = ss.survivors();
        t.old.set(t.old.get().plus(0, old));
        t.young.set(t.young.get().plus(0, young));
    }
}

impl Tracer {
    /// Begins a trace of all generations if it is `full`, else of the first so many of each
    /// chain as `upto` says. `t` is not in progress. If it may be `sparing`, objects stay
    /// where they are if nearly all of them are likely to be alive. Cost: O(generations).
    pub fn start(
        &self,
        t: &Trace,
        cx: Inside<'_>,
        full: bool,
        sparing: bool,
        upto: impl Fn(P<Chain>) -> usize,
    ) {
        t.begin(&cx, full);
        if parts::BARRIERS {
            t.old_in_place.set(full && sparing && policy::stays_in_place(self.old.get()));
            t.young_in_place.set(sparing && policy::stays_in_place(self.young.get()));
        }
        self.guardians.rewind(t);
        condemn::choose(t, cx, upto);
    }

    /// Does a share of the work of a trace, until it ends, time is up or `most` bytes of work
    /// have been done.
    /// Without `until` it goes on to the end. Calls out: formats, scanners, the port.
    pub fn step(&self, t: &Trace, cx: Inside<'_>, until: Option<Deadline>, most: Size) -> Report {
        let mut report = Report::default();
        t.budget.begin(until, policy::clock_work(cx.arena.capacity()), most);
        loop {
            let go_on = match t.phase() {
                Phase::Idle => false,
                Phase::Condemn => condemn::whiten(t, cx),
                Phase::Grey => self.before_flip(t, cx) && self.flip(t, cx, &mut report),
                Phase::Flipped => advance::advance(self, t, cx, &mut report),
                Phase::Reclaim => reclaim::reclaim(self, t, cx, &mut report),
            };
            if !go_on {
                return report;
            }
        }
    }

    /// The grey phase, and if the flip must be short, shielding what is grey. False: time is up.
    fn before_flip(&self, t: &Trace, cx: Inside<'_>) -> bool {
        if !t.shielding.get() {
            if !condemn::grey(t, cx) {
                return false;
            }
            t.shielding.set(true);
            t.walk.set(Walk::Start);
            t.opened.set(0);
            t.shielded.set(0);
            t.left_open.set(Size::MAX);
        }
        let steps = t.pace.gentle.get() && t.budget.until().is_some();
        !steps || condemn::shield(t, cx)
    }

    /// Flips. False: time is up.
    fn flip(&self, t: &Trace, cx: Inside<'_>, report: &mut Report) -> bool {
        if let Err(e) = flip::flip(self, t, cx) {
            report.refused = Some(e);
        }
        // Weak roots are scanned last, and nothing shields them from the mutator. So with
        // weak roots the mutator must not run before the end.
        if t.weak_roots.get() {
            t.budget.lift();
        }
        // A flip is not done in pieces, so it is time to look at the clock.
        !t.budget.spend_much()
    }
}
