//! After the flip: scanning what is grey, strongest references first.

use super::{Report, Tracer, count, ephemeron, root};
use crate::base::addr::{Range, Size};
use crate::base::ptr::P;
use crate::base::sets::{Rank, RankSet, RefSet};
use crate::object::cards::{Card, Cards};
use crate::object::cx::Inside;
use crate::object::pool::Scanned;
use crate::object::scan::ScanState;
use crate::object::seg::{self, Seg};
use crate::object::trace::{AWAITS, Band, Phase, Trace};
use crate::seam::plinth::Deadline;

/// The ranks of references that keep alive what they lead to.
const STRONG: RankSet = RankSet::ALL.minus(Rank::Ephemeron.set()).minus(WEAK);
/// References that do not.
const WEAK: RankSet = Rank::Weak.set().or(AWAITS);

/// At least so many references of a large object are fixed before its scan is broken off,
/// to go on in the next step. Each step tests all the words before the present place
/// again, so parts can't be much smaller for objects of some megabytes. An estimate:
/// 8,192 references take about as long as testing a megabyte of words does.
const LARGE_PART_REFS: isize = 8 * 1024;
/// The same for a segment of many objects. All its words are soon tested again, so
/// parts are as small as looks at the clock allow ([`crate::trace::fix`]). A segment of 64 KB
/// may have eight times as many references to objects that have to be copied.
const PART_REFS: isize = 1024;

/// Follows references, band by band. False: time is up.
///
/// A band's references are all looked at before what they lead to is scanned. So of two
/// registered objects that die together, one referring to the other, both are reported.
pub fn advance(tracer: &Tracer, t: &Trace, cx: Inside<'_>, report: &mut Report) -> bool {
    loop {
        let band = t.band.get();
        let strong = if band == Band::Final { None } else { t.first_grey(STRONG) };
        let work = if let Some(s) = strong {
            scan_seg(t, cx, s, t.budget.until())
        } else if let Some(work) = match band {
            Band::Exact => scan_held(tracer, t, cx).or_else(|| ephemeron::advance(t, cx)),
            Band::Final => scan_final(tracer, t, cx, report),
            Band::Kept => ephemeron::advance(t, cx),
            Band::Weak => t
                .first_grey(WEAK)
                .map(|s| {
                    let until = t.budget.until();
                    scan_window(t, cx, s, Rank::Weak, until, Range::default())
                })
                .or_else(|| tracer.handles.settle_some(t, cx)),
        } {
            work
        } else {
            tracer.guardians.rewind(t);
            tracer.handles.rewind();
            match band {
                Band::Exact => t.band.set(Band::Final),
                Band::Final => t.band.set(Band::Kept),
                Band::Kept => t.band.set(Band::Weak),
                Band::Weak => break,
            }
            0
        };
        if t.budget.spend(work) {
            return false;
        }
    }
    if t.weak_roots.replace(false) {
        let as_rank = if crate::seam::fault("weak_roots") { Rank::Exact } else { Rank::Weak };
        if let Err(e) = root::scan_all(tracer, t, cx, Rank::Weak, as_rank) {
            report.refused = Some(e);
        }
    }
    t.ephemerons.finish(&cx.arena);
    tracer.handles.settled();
    // Nothing is grey any more: what is white is garbage.
    t.set_phase(&cx, Phase::Reclaim);
    true
}

fn scan_held(tracer: &Tracer, t: &Trace, cx: Inside<'_>) -> Option<Size> {
    let ss = ScanState::new(cx, t, Rank::Exact);
    cx.hold();
    let work = tracer.guardians.scan_held(t, cx, &ss);
    count(t, &ss);
    work
}

fn scan_final(tracer: &Tracer, t: &Trace, cx: Inside<'_>, report: &mut Report) -> Option<Size> {
    let exact = ScanState::new(cx, t, Rank::Exact);
    let weak = ScanState::new(cx, t, Rank::Weak);
    cx.hold();
    let work = tracer.guardians.scan_final(t, cx, &exact, &weak);
    report.ready |= tracer.guardians.ready.first().is_some();
    count(t, &exact);
    work
}

/// The rank at which to scan a segment that the mutator wants to see now. The mutator may
/// keep a weak reference that it reads. So as long as it is not known which objects die,
/// weak references and ephemerons are scanned as exact ones, which hold. Once it is known, all weak
/// references to dead objects become null.
pub fn early_rank(t: &Trace, s: P<Seg>) -> Rank {
    early_rank_of(t, seg::first_rank(s.ranks))
}

/// As [`early_rank`], for a reference of a rank.
pub fn early_rank_of(t: &Trace, rank: Rank) -> Rank {
    if rank != Rank::Weak && rank != Rank::Ephemeron {
        return rank;
    }
    let unsettled = t.band.get() != Band::Weak || t.first_grey(STRONG).is_some();
    if unsettled && !crate::seam::fault("early_rank") { Rank::Exact } else { Rank::Weak }
}

/// Scans what is grey in a segment; if its objects move, or it is a large object, only
/// until time is up, if `until` is given. Returns how much work that was, in bytes. Calls
/// out: format.
pub fn scan_seg(t: &Trace, cx: Inside<'_>, s: P<Seg>, until: Option<Deadline>) -> Size {
    scan_window(t, cx, s, seg::first_rank(s.ranks), until, Range::default())
}

/// As [`scan_seg`], at a rank. `window` is empty or a part of a large object. If it is not
/// empty, all references in it have been scanned afterwards, whatever the clock says.
pub fn scan_window(
    t: &Trace,
    cx: Inside<'_>,
    s: P<Seg>,
    rank: Rank,
    until: Option<Deadline>,
    window: Range,
) -> Size {
    if let Some(cards) = s.cards() {
        return scan_cards(t, cx, s, cards, rank, until, window);
    }
    let ss = ScanState::new(cx, t, rank);
    // Of a segment with nails each object is scanned by itself, once.
    let in_parts = s.large.get() || s.class.moves() && s.nails.get().is_none();
    ss.until.set(until);
    if until.is_some() && in_parts {
        ss.budget.set(if s.large.get() { LARGE_PART_REFS } else { PART_REFS });
        ss.window.set(window);
        ss.object.set(s.get().range());
    }
    s.expose(cx);
    cx.hold();
    let moves = s.class.moves() && s.nails.get().is_none();
    let size = s.get().objects_end().since(s.grey_for(t).scanned.get());
    if rank != Rank::Ephemeron {
        t.ephemerons.note_found();
    }
    match s.class.scan(s, &ss) {
        #[cfg(feature = "ephemerons")]
        Ok(Scanned::All | Scanned::Part) if rank == Rank::Ephemeron => s.set_awaits(t, true),
        Ok(Scanned::All) => {
            s.set_not_grey(cx, t);
            if s.large.get() {
                s.make_cards(cx);
            }
            s.set_summary(cx, ss.summary(), ss.refers_young(t));
        }
        Ok(Scanned::Part) => {
            s.set_not_grey(cx, t);
            let young = s.refers_young() || ss.refers_young(t);
            s.set_summary(cx, ss.summary().or(s.summary()), young);
        }
        Ok(Scanned::Unfinished) => {}
        Err(_) => {
            crate::base::check::report(
                concat!(file!(), "\0"),
                line!(),
                "format scan method returned MPS_RES_OK\0",
            );
            s.set_not_grey(cx, t);
            s.set_summary_all(cx);
        }
    }
    count(t, &ss);
    let size = if moves { size } else { ss.kept.get() };
    size + 2 * ss.copied.get()
}

/// Scans the grey cards of a segment: those that `window` meets, if it is not empty and
/// `until` is given; else from the first on until time is up, if `until` is given.
/// Returns how much work that was, in bytes. Calls out: format.
fn scan_cards(
    t: &Trace,
    cx: Inside<'_>,
    s: P<Seg>,
    cards: P<Cards>,
    rank: Rank,
    until: Option<Deadline>,
    window: Range,
) -> Size {
    let mut work = 0;
    if until.is_some() && !window.is_empty() {
        if let Some((i, c)) = cards.of(window.base).filter(|(_, c)| c.grey.get()) {
            work += scan_card(t, cx, s, cards.range(i), c, rank);
        }
        return work;
    }
    while let Some((i, c)) = cards.first_grey() {
        work += scan_card(t, cx, s, cards.range(i), c, rank);
        if until.is_some_and(|u| u.is_past() || t.budget.is_met_by(work)) {
            return work;
        }
    }
    s.cards_scanned(cx, t);
    work
}

fn scan_card(t: &Trace, cx: Inside<'_>, s: P<Seg>, range: Range, card: &Card, rank: Rank) -> Size {
    let ss = ScanState::new(cx, t, rank);
    if let Some(first) = s.cards().and_then(|c| c.get().all().first().map(|f| (c.range(0), f))) {
        // The method may look at the beginning of the object.
        s.expose_card(cx, first.0, first.1);
    }
    s.expose_card(cx, range, card);
    let part = Range::new(range.base, range.limit.min(s.get().objects_end()));
    let format = s.pool.format.get();
    let method = format.and_then(|f| f.m.part.map(|m| (m, f.m.header)));
    let done = match method {
        Some((m, header)) if !part.is_empty() => ss.scan_part(m, s.base.add(header), part),
        _ => Ok(()),
    };
    let (mut found, mut young) = (ss.summary(), ss.refers_young(t));
    if done.is_err() {
        crate::base::check::report(
            concat!(file!(), "\0"),
            line!(),
            "format scan_part method returned MPS_RES_OK\0",
        );
        (found, young) = (RefSet::ALL, true);
    }
    s.card_scanned(cx, card, found, young);
    count(t, &ss);
    part.size() + 2 * ss.copied.get()
}
