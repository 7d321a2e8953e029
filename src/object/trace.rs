//! A trace: all that belongs to one collection.
//!
//! A trace condemns some generations and finds out which of their objects are
//! reachable. The tracer (`crate::trace`) moves it from phase to phase; segments
//! and pools look at it to see what a colour means.
//!
//! An instance has room for [`TRACES`] of them ([`Cx::traces`]). Nothing outside
//! this file depends on how many that is: colours are sets of traces, and what
//! hangs on a segment for one trace is found by that trace ([`Grey`]).
//!
//! # Invariants
//! - A segment is white for one trace at most, and then in that trace's `white`.
//! - A segment is grey for a trace exactly if it is in one of that trace's `grey`
//!   lists.
//! - A generation is in a trace's `gens` only while that trace is in its condemn
//!   phase, and leaves it when it is destroyed.

use crate::arena::Walk;
use crate::base::addr::{Addr, Size};
use crate::base::list::{Link, Linked, List};
use crate::base::ptr::{P, Slot};
use crate::base::sets::{RankSet, TraceSet, ZoneSet};
use crate::object::cx::{Cx, bump};
use crate::object::ephemerons::Ephemerons;
use crate::object::locus::Gen;
use crate::object::seg::Seg;
use crate::seam::plinth::Deadline;
use core::cell::Cell;

/// How many traces can be in progress at once. It is one until there are rules for two
/// (docs/design.md, "A trace is a value"); `TraceSet` has room for eight.
pub const TRACES: usize = 1;

/// As if it were a rank: grey segments of ephemerons that have been looked at once, and wait for
/// keys to be found alive.
pub const AWAITS: RankSet = RankSet(1 << 5);

/// How far a trace has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Phase {
    /// It is not in progress.
    Idle,
    /// The segments of the chosen generations turn white.
    Condemn,
    /// What may refer to white segments turns grey.
    Grey,
    /// The mutator is black; grey segments are shielded from it.
    Flipped,
    /// All that is reachable has been found; the rest is being reclaimed.
    Reclaim,
}

/// After the flip: whose references are being followed. Each band begins when
/// all that the ones before lead to has been found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Band {
    /// Exact references in segments; then those of messages.
    Exact,
    /// Registrations for finalization.
    Final,
    /// What those kept.
    Kept,
    /// Weak references, and ephemerons whose keys have not been found.
    Weak,
}

/// How many bytes of objects were condemned, and how many of them survived.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Survival {
    /// Bytes condemned.
    pub condemned: Size,
    /// Bytes found alive.
    pub live: Size,
}

impl Survival {
    /// Did more than `part` in `whole` survive? No, if there was nothing.
    pub fn exceeds(&self, part: Size, whole: Size) -> bool {
        self.live > self.condemned.checked_div(whole).unwrap_or(0).saturating_mul(part)
    }

    /// Both counts, added to.
    #[must_use]
    pub fn plus(self, condemned: Size, live: Size) -> Survival {
        Survival {
            condemned: self.condemned.wrapping_add(condemned),
            live: self.live.wrapping_add(live),
        }
    }
}

/// One collection, from its beginning to its end, and then the next one at the same
/// place. Its fields are used inside the instance only.
pub struct Trace {
    /// Its place in [`Cx::traces`].
    index: usize,
    phase: Cell<Phase>,
    /// How far it has come since the flip.
    pub band: Cell<Band>,
    /// It is a collection of everything.
    pub full: Cell<bool>,
    /// Of what it condemned in moving pools: how much was old, and how much of that survived.
    pub old: Cell<Survival>,
    /// The same for what was young.
    pub young: Cell<Survival>,
    /// It condemns all that is young. So all references to what was young when it began lead
    /// to white zones.
    pub all_young: Cell<bool>,
    /// It condemns some of what is old.
    pub some_old: Cell<bool>,
    /// The zones of young segments that have come since it began.
    born: Cell<ZoneSet>,
    /// Old objects that could be moved stay where they are, because most of them are likely
    /// to be alive.
    pub old_in_place: Cell<bool>,
    /// The same for young ones.
    pub young_in_place: Cell<bool>,
    /// Bytes of padding in segments where objects were marked in place, and others died.
    pub padding: Cell<Size>,
    /// There is no memory to copy to: objects stay where they are.
    pub emergency: Cell<bool>,
    /// There are weak roots, to be scanned before the mutator goes on.
    pub weak_roots: Cell<bool>,
    /// The generations to condemn some of whose segments have not been looked at yet.
    pub gens: List<Gen, 1>,
    /// How many segments of the first of these generations are still to be looked at.
    pub gen_left: Cell<usize>,
    /// White segments.
    pub white: List<Seg, 0>,
    /// The zones that white segments are in.
    pub white_zones: Cell<ZoneSet>,
    /// Those of the white zones that have objects which may move.
    pub moving: Cell<ZoneSet>,
    /// Grey segments, by the rank at which they are scanned; and those of [`AWAITS`].
    pub grey: [List<Grey, 0>; 6],
    /// How far the walk of the grey phase has come.
    pub walk: Cell<Walk>,
    /// All that is grey before the flip is known, and it is being shielded.
    pub shielding: Cell<bool>,
    /// Bytes that were shielded before the flip and opened to the mutator again, in this
    /// walk; and in the one before.
    pub opened: Cell<Size>,
    /// See `opened`.
    pub left_open: Cell<Size>,
    /// Bytes that were shielded before the flip.
    pub shielded: Cell<Size>,
    /// The registrations for finalization to be looked at next: an address of
    /// the tracer's (`trace::guardian`).
    pub guardians_at: Cell<Addr>,
    /// How many registrations were looked at before the final band, because a client
    /// took some back.
    pub guardians_refreshed: Cell<Size>,
    /// Bytes that turned white.
    pub condemned: Cell<Size>,
    /// Bytes in generations that did not.
    pub not_condemned: Cell<Size>,
    /// Bytes kept or copied so far.
    pub live: Cell<Size>,
    /// Ephemerons whose keys have not been found.
    pub ephemerons: Ephemerons,
    /// The time that the present step may take.
    pub budget: Budget,
    /// How its work is spread.
    pub pace: Pace,
}

impl Trace {
    /// One that is not in progress, at a place in [`Cx::traces`].
    pub fn new(index: usize) -> Trace {
        Trace {
            index,
            phase: Cell::new(Phase::Idle),
            band: Cell::new(Band::Exact),
            full: Cell::new(false),
            old: Cell::default(),
            young: Cell::default(),
            all_young: Cell::new(true),
            some_old: Cell::new(false),
            born: Cell::new(ZoneSet::EMPTY),
            old_in_place: Cell::new(false),
            young_in_place: Cell::new(false),
            padding: Cell::new(0),
            emergency: Cell::new(false),
            weak_roots: Cell::new(false),
            gens: List::default(),
            gen_left: Cell::new(0),
            white: List::default(),
            white_zones: Cell::new(ZoneSet::EMPTY),
            moving: Cell::new(ZoneSet::EMPTY),
            grey: core::array::from_fn(|_| List::default()),
            walk: Cell::new(Walk::Start),
            shielding: Cell::new(false),
            opened: Cell::new(0),
            left_open: Cell::new(Size::MAX),
            shielded: Cell::new(0),
            guardians_at: Cell::new(Addr::NULL),
            guardians_refreshed: Cell::new(0),
            condemned: Cell::new(0),
            not_condemned: Cell::new(0),
            live: Cell::new(0),
            ephemerons: Ephemerons::default(),
            budget: Budget::default(),
            pace: Pace::default(),
        }
    }

    /// Its place in [`Cx::traces`].
    #[inline(always)]
    pub fn index(&self) -> usize {
        self.index
    }

    /// It, as a set of one.
    #[inline(always)]
    pub fn set(&self) -> TraceSet {
        TraceSet(1 << self.index)
    }

    /// How far it has come.
    #[inline(always)]
    pub fn phase(&self) -> Phase {
        self.phase.get()
    }

    /// Goes on to a phase. What depends on the phases of all traces is worked out
    /// here, so that barriers and new segments need not look at each of them.
    pub fn set_phase(&self, cx: &Cx, phase: Phase) {
        self.phase.set(phase);
        let put = |set: &Cell<TraceSet>, is: bool| {
            let others = set.get().minus(self.set());
            set.set(if is { others.or(self.set()) } else { others });
        };
        put(&cx.busy, phase != Phase::Idle);
        put(&cx.greying, phase == Phase::Grey);
        put(&cx.flipped, phase == Phase::Flipped);
    }

    /// Begins a collection. What the one before it at this place has left is forgotten.
    pub fn begin(&self, cx: &Cx, full: bool) {
        crate::aver!(
            self.phase() == Phase::Idle && self.white.is_empty() && self.gens.is_empty(),
            "a trace that begins is not in progress"
        );
        self.band.set(Band::Exact);
        self.full.set(full);
        self.old.set(Survival::default());
        self.young.set(Survival::default());
        self.all_young.set(true);
        self.some_old.set(full);
        self.born.set(ZoneSet::EMPTY);
        self.old_in_place.set(false);
        self.young_in_place.set(false);
        self.padding.set(0);
        self.emergency.set(false);
        self.weak_roots.set(false);
        self.gen_left.set(0);
        self.white_zones.set(ZoneSet::EMPTY);
        self.moving.set(ZoneSet::EMPTY);
        self.walk.set(Walk::Start);
        self.shielding.set(false);
        self.guardians_refreshed.set(0);
        self.condemned.set(0);
        self.not_condemned.set(0);
        self.live.set(0);
        self.budget.done.set(0);
        self.set_phase(cx, Phase::Condemn);
    }

    /// Chooses a generation: its segments are to turn white.
    pub fn choose(&self, g: P<Gen>) {
        if self.gens.is_empty() {
            self.gen_left.set(g.get().segs.len());
        }
        g.condemned_by.set(self.set());
        self.gens.push_back(g);
    }

    /// Notes the zones of a young segment that is not white, and into which the mutator may
    /// have put objects since the trace began.
    pub fn note_born(&self, zones: ZoneSet) {
        self.born.set(self.born.get().or(zones));
    }

    /// May references to `zones` that were not passed to fix lead to young segments?
    pub fn may_be_young(&self, zones: ZoneSet) -> bool {
        !self.all_young.get() || zones.meets(self.born.get())
    }

    /// Takes a generation off the list: all its segments have been looked at, or it is
    /// about to be destroyed.
    pub fn forget(&self, g: P<Gen>) {
        g.condemned_by.set(TraceSet::EMPTY);
        self.gens.remove(g);
        self.gen_left.set(self.gens.first().map_or(0, |g| g.get().segs.len()));
    }

    /// The first grey segment with references of a rank that `ranks` has,
    /// strongest first.
    pub fn first_grey(&self, ranks: RankSet) -> Option<P<Seg>> {
        let lists = self.grey.iter().enumerate();
        let mut of_ranks = lists.filter(|(i, _)| ranks.meets(RankSet(1 << i)));
        of_ranks.find_map(|(_, l)| l.first()).and_then(|g| g.seg.get())
    }
}

/// What belongs to a segment and one trace: its entry in the trace's grey lists, and how
/// far it has been scanned.
pub struct Grey {
    link: Link<Grey>,
    /// The segment. Set when that is made.
    pub seg: Slot<Seg>,
    /// Up to where the segment has been scanned for the trace.
    pub scanned: Cell<Addr>,
}

impl Grey {
    /// For a segment that begins at `base`. `seg` is set when the segment has been made.
    pub fn new(base: Addr) -> Grey {
        Grey { link: Link::default(), seg: Cell::new(None), scanned: Cell::new(base) }
    }

    /// Is it in a list?
    pub fn is_listed(&self) -> bool {
        self.link.is_linked()
    }

    /// As a pointer, for lists.
    ///
    /// # Safety
    /// It is part of a segment, which stays where it is, and is taken out of the
    /// list before the segment goes.
    pub unsafe fn p(&self) -> P<Grey> {
        // SAFETY: the caller's promise.
        unsafe { P::new(core::ptr::NonNull::from(self)) }
    }
}

impl Linked<0> for Grey {
    fn link(&self) -> &Link<Grey> {
        &self.link
    }
}

/// How the work of a trace is spread over what the client allocates meanwhile.
#[derive(Default)]
pub struct Pace {
    /// How much work it is expected to be, in bytes looked at.
    pub expected: Cell<Size>,
    /// How many bytes may be allocated until it has ended.
    pub room: Cell<Size>,
    /// How many bytes had been handed out when it began.
    pub began: Cell<Size>,
    /// Work that is due, and has not been done.
    pub owed: Cell<Size>,
    /// The room has been used up.
    pub late: Cell<bool>,
    /// The program is to keep a share of its time: the flip must be short.
    pub gentle: Cell<bool>,
}

/// How long a step may take.
pub struct Budget {
    /// When to stop; `None`: never.
    until: Cell<Option<Deadline>>,
    /// Time is up.
    spent: Cell<bool>,
    /// Work since the clock was last looked at.
    work: Cell<Size>,
    /// So many bytes of work between two looks.
    between: Cell<Size>,
    /// Work since the trace began.
    done: Cell<Size>,
    /// When so much has been done, the step ends.
    quota: Cell<Size>,
}

impl Default for Budget {
    fn default() -> Self {
        Budget {
            until: Cell::new(None),
            spent: Cell::new(false),
            work: Cell::new(0),
            between: Cell::new(0),
            done: Cell::new(0),
            quota: Cell::new(Size::MAX),
        }
    }
}

impl Budget {
    /// A step begins that is to stop at `until`, if that is given. The clock is read after
    /// each `between` bytes of work. It also stops when `most` bytes of work have been done.
    pub fn begin(&self, until: Option<Deadline>, between: Size, most: Size) {
        self.quota.set(self.done.get().saturating_add(most));
        self.between.set(between);
        self.until.set(until);
        self.spent.set(false);
        self.work.set(0);
    }

    /// When to stop, if it is to.
    pub fn until(&self) -> Option<Deadline> {
        self.until.get()
    }

    /// How many bytes of work are done between two looks at the clock.
    pub fn between(&self) -> Size {
        self.between.get()
    }

    /// Takes the limit away: the step goes on until the trace has ended.
    pub fn lift(&self) {
        self.begin(None, 0, Size::MAX);
    }

    /// Notes work that is not done in pieces, after which it is time to look at the clock.
    /// True: time is up.
    pub fn spend_much(&self) -> bool {
        self.spend(self.between.get())
    }

    /// How much work has been done since the trace began, in bytes looked at. Where a word
    /// has 32 bits it may wrap.
    pub fn done(&self) -> Size {
        self.done.get()
    }

    /// Will the step have done its work, if `more` is noted?
    pub fn is_met_by(&self, more: Size) -> bool {
        self.done.get().saturating_add(more) >= self.quota.get()
    }

    /// Notes work that was done outside of a step.
    pub fn note(&self, bytes: Size) {
        bump(&self.done, bytes);
    }

    /// Notes how much work was done, in bytes looked at. True: time is up.
    pub fn spend(&self, bytes: Size) -> bool {
        bump(&self.done, bytes);
        let Some(until) = self.until.get() else { return false };
        if self.done.get() >= self.quota.get() {
            self.spent.set(true);
        }
        bump(&self.work, bytes);
        if self.work.get() >= self.between.get() {
            self.work.set(0);
            if until.is_past() {
                self.spent.set(true);
            }
        }
        self.spent.get()
    }
}
