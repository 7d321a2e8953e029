//! The sanity trace: a check after every trace, in the debug archive and in tests. It is an
//! independent and simple traversal of all that can be reached. Every exact reference
//! that it meets must lead to the start of an object that is there and of which no
//! copy was made. If a trace has lost an object or left a reference to an old copy, the
//! check fails at once and not an hour later.
//!
//! It shares with the collector only the list of roots and the way from an address to its
//! segment. Objects are found by walking each segment once. It changes no object, and
//! offers scanners only zones with objects that have a format ([`Cx::formatted_zones`]).
//!
//! [`Cx::formatted_zones`]: crate::object::cx::Cx::formatted_zones

use super::{Tracer, root};
use crate::base::addr::Addr;
use crate::base::check::{Text, report_text};
use crate::base::list::List;
use crate::base::ptr::P;
use crate::base::res::Result;
use crate::base::sets::{Rank, ZoneSet};
use crate::object::cx::Inside;
use crate::object::nailboard::Nailboard;
use crate::object::pool::{Pool, tell_of_object};
use crate::object::scan::{Ref, ScanState};
use crate::object::seg::{self, Seg};
use crate::object::trace::{Grey, Trace};
use core::cell::Cell;

/// What the traversal keeps besides the boards that hang on segments.
struct Check<'a> {
    /// A trace that is not in progress. Its entries on segments are used for `todo`.
    idle: &'a Trace,
    /// Zones in which there are objects that a trace could condemn.
    zones: ZoneSet,
    /// Segments with objects found but not yet scanned.
    todo: List<Grey, 0>,
    /// The object that is being scanned, if it is not a root, and its pool.
    holder: Cell<Option<(Addr, P<Pool>)>>,
    /// Objects found.
    found: Cell<usize>,
    /// There was no memory for a board: the check can't be made.
    gave_up: Cell<bool>,
}

impl Check<'_> {
    /// Something is as it must not be. Says in which object, if it is known.
    #[cold]
    fn wrong(&self, text: &'static str) {
        match self.holder.get() {
            Some((a, pool)) => tell_of_object(text, pool, a),
            None => report_text(concat!(file!(), "\0"), line!(), &Text::new(text)),
        }
    }

    /// The next segment to look at.
    fn next(&self) -> Option<P<Seg>> {
        self.todo.pop_front().and_then(|g| g.seg.get())
    }
}

/// Checks everything reachable. The calling thread is inside, between traces.
/// Returns how many objects it found, or `None` if there was not enough memory
/// to look. Calls out: formats, scanners.
pub fn check(t: &Tracer, cx: Inside<'_>) -> Option<usize> {
    let idle = cx.cx().idle_trace().filter(|_| cx.busy.get().is_empty())?;
    cx.hold();
    let c = Check {
        idle,
        zones: cx.formatted_zones(),
        todo: List::default(),
        holder: Cell::new(None),
        found: Cell::new(0),
        gave_up: Cell::new(false),
    };
    for rank in [Rank::Ambig, Rank::Exact] {
        let ss = state(cx, rank, &c);
        for r in t.roots.iter().filter(|r| r.rank == rank) {
            // A refusal is the scanner's own affair, and was reported before.
            let _ = root::scan(r, &ss, t);
        }
    }
    for pool in cx.pools.iter().filter(|p| !p.class.is_automatic()) {
        let Some(f) = pool.format.get() else { continue };
        // Objects that are never condemned hold others as roots do. A refusal
        // is the scanner's own affair.
        let _ = pool.class.areas(cx, pool, &mut |s, base, limit| {
            s.expose(cx);
            let ss = state(cx, seg::first_rank(s.ranks), &c);
            if s.ranks.is_empty() { Ok(()) } else { ss.scan(f.get(), base, limit) }
        });
    }
    while let Some(s) = c.next() {
        scan(cx, s, &c);
    }
    // Registrations and weak roots keep nothing alive, but must lead to objects too.
    let ss = state(cx, Rank::Exact, &c);
    t.guardians.each_ref(&cx, |r| {
        let _ = meet(&ss, r);
    });
    for r in t.roots.iter().filter(|r| r.rank == Rank::Weak) {
        let _ = root::scan(r, &ss, t);
    }
    let _ = t.handles.scan(&ss, true);
    while let Some(s) = c.next() {
        scan(cx, s, &c);
    }
    for pool in cx.pools.iter() {
        for s in pool.segs.iter() {
            if let Some(b) = s.get().objects.take() {
                // SAFETY: nobody uses it any more.
                unsafe { Nailboard::finish(b, &cx.arena) };
            }
        }
    }
    if c.gave_up.get() { None } else { Some(c.found.get()) }
}

fn state(cx: Inside<'_>, rank: Rank, c: &Check) -> ScanState {
    ScanState::hooked(cx, rank, c.zones, meet, core::ptr::from_ref(c).cast_mut().cast())
}

/// Takes the place of fix: checks a reference that a scanner has met.
fn meet(ss: &ScanState, r: Ref<'_>) -> Result {
    // SAFETY: put there by `state`; outlives the scan.
    let c = unsafe { &*ss.closure.cast::<Check>() };
    let p = r.get();
    let cx = ss.cx();
    let Some(s) = seg::of_addr(&cx, p) else {
        if ss.rank != Rank::Ambig && cx.arena.is_free(p) {
            c.wrong("sanity: no exact reference leads to free memory");
        }
        return Ok(());
    };
    if s.young.get() {
        ss.young.set(true);
    }
    if !s.class.is_automatic() || c.gave_up.get() {
        return Ok(());
    }
    let header = s.pool.format.get().map_or(0, |f| f.m.header);
    let Ok(board) = board(s, cx) else {
        c.gave_up.set(true);
        return Ok(());
    };
    let base = if ss.rank == Rank::Ambig {
        match s.class.held_by(cx, s, p) {
            Some(base) => base,
            None => return Ok(()),
        }
    } else {
        let base = p.sub(header);
        let inside = base >= s.base && base < s.limit;
        if !inside || !(board.get().get(base) || board.is_started(base)) {
            c.wrong("sanity: an exact reference leads to an object");
            return Ok(());
        }
        base
    };
    if !board.start_scan(base) {
        return Ok(());
    }
    let f = s.pool.format.get();
    if s.class.moves() && f.is_none_or(|f| !f.get().forwarded(base.add(header)).is_null()) {
        c.wrong("sanity: no reference leads to an old copy");
        return Ok(());
    }
    c.found.set(c.found.get() + 1);
    if !s.ranks.is_empty() {
        board.fresh.set(true);
        // SAFETY: part of the segment, which stays while the check lasts.
        let g = unsafe { s.get().grey_for(c.idle).p() };
        if !g.is_listed() {
            c.todo.push_front(g);
        }
    }
    Ok(())
}

/// The board of a segment, with a mark where each object begins. Its `start_scan` says
/// whether an object has been met before.
fn board(s: P<Seg>, cx: Inside<'_>) -> Result<P<Nailboard>> {
    if let Some(b) = s.objects.get() {
        return Ok(b);
    }
    let b = Nailboard::new(&cx.arena, s.base, s.get().size(), s.pool.align.get())?;
    s.expose(cx);
    s.class.objects(cx, s, &mut |base, _| {
        b.set(base);
    });
    s.get().objects.set(Some(b));
    Ok(b)
}

/// Scans the objects of a segment that were met since it was last looked at. Their marks
/// are taken away: an object that was met and has no mark has been scanned.
fn scan(cx: Inside<'_>, s: P<Seg>, c: &Check) {
    let (Some(b), Some(f)) = (s.objects.get(), s.pool.format.get()) else { return };
    s.expose(cx);
    let ss = state(cx, seg::first_rank(s.ranks), c);
    while b.fresh.replace(false) {
        s.class.objects(cx, s, &mut |base, next| {
            if b.is_started(base) && b.get().get(base) {
                b.clear(base);
                c.holder.set(Some((base.add(f.m.header), s.pool)));
                ss.reset_summary();
                // A refusal is the scanner's own affair.
                let _ = ss.scan(f.get(), base, next);
                // What a scan has found holds until a write is heard of.
                let unheard = ss.young.get() && !s.refers_young();
                if unheard || !s.summary().has(ZoneSet(ss.head.ufs.get())) {
                    c.wrong("sanity: an object changes only where the barrier hears of it");
                }
                c.holder.set(None);
            }
        });
    }
}
