//! A second opinion after every trace, in the cool variety and in tests: an
//! independent and simple traversal of all that is reachable. Every exact
//! reference it meets must lead to the start of an object that is there, and
//! that no copy was made of. What a trace lost, or left pointing at an old
//! copy, fails here and not an hour later.
//!
//! It shares with the collector only the question which segment an address is
//! in, and the list of roots. Objects are found by walking each segment once.

use super::{Tracer, root};
use crate::base::addr::Addr;
use crate::base::list::List;
use crate::base::ptr::P;
use crate::base::res::Result;
use crate::base::sets::{Rank, TraceSet, ZoneSet};
use crate::object::cx::{Cx, Phase};
use crate::object::nailboard::Nailboard;
use crate::object::scan::ScanState;
use crate::object::seg::{self, Seg};
use core::cell::Cell;

/// What the traversal keeps besides the boards that hang on segments.
struct Check {
    /// Segments with objects found but not yet scanned.
    todo: List<Seg, 1>,
    /// Objects found.
    found: Cell<usize>,
    /// There was no memory for a board: the check can't be made.
    gave_up: Cell<bool>,
}

/// Checks everything reachable. The calling thread is inside, between traces.
/// Returns how many objects it found, or `None` if there was not enough memory
/// to look. Calls out: formats, scanners.
pub fn check(t: &Tracer, cx: P<Cx>) -> Option<usize> {
    if cx.phase.get() != Phase::Idle {
        return None;
    }
    cx.hold();
    let c = Check { todo: List::default(), found: Cell::new(0), gave_up: Cell::new(false) };
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
        let _ = pool.class.areas(pool, &mut |s, base, limit| {
            s.expose(cx.get());
            let ss = state(cx, seg::first_rank(s.ranks), &c);
            if s.ranks.is_empty() { Ok(()) } else { f.get().scan(&ss, base, limit) }
        });
    }
    while let Some(s) = c.todo.pop_front() {
        scan(cx, s, &c);
    }
    // What does not hold on must lead to objects all the same.
    let ss = state(cx, Rank::Exact, &c);
    t.guardians.each_ref(cx.get(), |r| {
        let _ = meet(&ss, r);
    });
    for r in t.roots.iter().filter(|r| r.rank == Rank::Weak) {
        let _ = root::scan(r, &ss, t);
    }
    while let Some(s) = c.todo.pop_front() {
        scan(cx, s, &c);
    }
    for pool in cx.pools.iter() {
        for s in pool.segs.iter() {
            if let Some(b) = s.get().objects.take() {
                Nailboard::finish(b, &cx.arena);
            }
        }
    }
    if c.gave_up.get() { None } else { Some(c.found.get()) }
}

fn state(cx: P<Cx>, rank: Rank, c: &Check) -> ScanState {
    let mut ss = ScanState::new(cx, TraceSet::EMPTY, rank, ZoneSet::ALL);
    ss.hook = Some(meet);
    ss.closure = core::ptr::from_ref(c).cast_mut().cast();
    ss
}

/// In place of fix: a reference was met.
fn meet(ss: &ScanState, ref_io: *mut Addr) -> Result {
    // SAFETY: put there by `state`; outlives the scan. The reference is a
    // scanner's.
    let (c, p) = unsafe { (&*ss.closure.cast::<Check>(), ref_io.read()) };
    let cx = ss.cx.get();
    let Some(s) = seg::of_addr(cx, p) else {
        crate::aver!(
            ss.rank == Rank::Ambig || !cx.arena.is_free(p),
            "sanity: no exact reference leads to free memory"
        );
        return Ok(());
    };
    if !s.class.is_automatic() || c.gave_up.get() {
        return Ok(());
    }
    let header = s.pool.format.get().map_or(0, |f| f.m.header);
    let Ok(board) = board(s, cx) else {
        c.gave_up.set(true);
        return Ok(());
    };
    let base = if ss.rank == Rank::Ambig {
        match s.class.held_by(s, p) {
            Some(base) => base,
            None => return Ok(()),
        }
    } else {
        let base = p.sub(header);
        crate::aver!(
            base >= s.base && base < s.limit && (board.get().get(base) || board.is_started(base)),
            "sanity: an exact reference leads to an object"
        );
        base
    };
    if !board.start_scan(base) {
        return Ok(());
    }
    let f = s.pool.format.get();
    crate::aver!(
        !s.class.moves() || f.is_some_and(|f| f.get().forwarded(base.add(header)).is_null()),
        "sanity: no reference leads to an old copy"
    );
    c.found.set(c.found.get() + 1);
    if !s.ranks.is_empty() {
        board.fresh.set(true);
        if !s.get().is_in_grey_list() {
            c.todo.push_front(s);
        }
    }
    Ok(())
}

/// The board of a segment: a mark where each object begins. `start_scan` on it
/// says whether the object had been met.
fn board(s: P<Seg>, cx: &Cx) -> Result<P<Nailboard>> {
    if let Some(b) = s.objects.get() {
        return Ok(b);
    }
    let b = Nailboard::new(&cx.arena, s.base, s.get().size(), s.pool.align.get())?;
    s.expose(cx);
    s.class.objects(s, &mut |base, _| {
        b.set(base);
    });
    s.get().objects.set(Some(b));
    Ok(b)
}

/// Scans the objects of a segment that were met since it was last looked at.
/// Their marks go: what is met and has no mark is done with.
fn scan(cx: P<Cx>, s: P<Seg>, c: &Check) {
    let (Some(b), Some(f)) = (s.objects.get(), s.pool.format.get()) else { return };
    s.expose(cx.get());
    let ss = state(cx, seg::first_rank(s.ranks), c);
    while b.fresh.replace(false) {
        s.class.objects(s, &mut |base, next| {
            if b.is_started(base) && b.get().get(base) {
                b.clear(base);
                // A refusal is the scanner's own affair.
                let _ = f.get().scan(&ss, base, next);
            }
        });
    }
}
