//! After the flip: scanning what is grey, strongest references first.

use super::{Band, Budget, Report, Tracer, root};
use crate::base::addr::{Range, Size};
use crate::base::ptr::P;
use crate::base::sets::Rank;
use crate::object::cx::{Cx, Phase};
use crate::object::pool::Scanned;
use crate::object::scan::ScanState;
use crate::object::seg::{self, Seg};

/// References fixed, at least, before the scan of a large object is broken off to
/// go on in the next step. Each part begins with a test of all the words before
/// it, so parts can't be much smaller than this for objects of some megabytes.
const PART: isize = 8 * 1024;

/// Follows references, band by band. False: time is up.
///
/// A band's references are all looked at before what they led to is scanned: of
/// two objects that are to be finalized, one referring to the other, both are.
pub fn advance(t: &Tracer, cx: P<Cx>, budget: &Budget, report: &mut Report) -> bool {
    // With weak roots the mutator, which would see what was not scanned yet,
    // must not run before the end.
    let unlimited = Budget::unlimited();
    let budget = if t.weak_roots.get() { &unlimited } else { budget };
    loop {
        let band = t.band.get();
        let strong = if band == Band::Final { None } else { strong_grey(cx.get()) };
        let work = if let Some(s) = strong {
            scan_seg(t, cx, s, budget.until())
        } else if let Some(work) = match band {
            Band::Exact => scan_held(t, cx),
            Band::Final => scan_final(t, cx, report),
            Band::Weak => weak_grey(cx.get()).map(|s| scan_seg(t, cx, s, budget.until())),
        } {
            work
        } else {
            t.guardians.rewind();
            match band {
                Band::Exact => t.band.set(Band::Final),
                Band::Final => t.band.set(Band::Weak),
                Band::Weak => break,
            }
            0
        };
        if budget.spend(work) {
            return false;
        }
    }
    if t.weak_roots.replace(false) {
        let as_rank = if crate::seam::fault("weak_roots") { Rank::Exact } else { Rank::Weak };
        if let Err(e) = root::scan_all(t, cx, Rank::Weak, as_rank) {
            report.refused = Some(e);
        }
    }
    // Nothing is grey any more: what is white is garbage.
    cx.phase.set(Phase::Reclaim);
    true
}

fn strong_grey(cx: &Cx) -> Option<P<Seg>> {
    cx.grey.iter().take(Rank::Weak as usize).find_map(|l| l.first())
}

fn weak_grey(cx: &Cx) -> Option<P<Seg>> {
    cx.grey.get(Rank::Weak as usize).and_then(|l| l.first())
}

fn scan_held(t: &Tracer, cx: P<Cx>) -> Option<Size> {
    let ss = ScanState::new(cx, cx.traces.get(), Rank::Exact, cx.white_zones.get());
    cx.hold();
    let work = t.guardians.scan_held(cx, &ss);
    t.count(&ss);
    work
}

fn scan_final(t: &Tracer, cx: P<Cx>, report: &mut Report) -> Option<Size> {
    let exact = ScanState::new(cx, cx.traces.get(), Rank::Exact, cx.white_zones.get());
    let weak = ScanState::new(cx, cx.traces.get(), Rank::Weak, cx.white_zones.get());
    cx.hold();
    let work = t.guardians.scan_final(cx, &exact, &weak);
    report.ready |= t.guardians.ready.first().is_some();
    t.count(&exact);
    work
}

/// The rank at which to scan a segment that the mutator wants to see now. A
/// weak reference it reads is one it may keep, so as long as it is not known
/// which objects die they are held; once it is known, all weak references to
/// them go.
pub fn early_rank(t: &Tracer, cx: &Cx, s: P<Seg>) -> Rank {
    let rank = seg::first_rank(s.ranks);
    let stronger = cx.grey.iter().zip(Rank::ORDER).any(|(l, r)| r < rank && !l.is_empty());
    let unsettled = stronger || t.band.get() != Band::Weak;
    let hold = rank == Rank::Weak && unsettled && !crate::seam::fault("early_rank");
    if hold { Rank::Exact } else { rank }
}

/// Scans what is grey in a segment; a large object only until the clock reads
/// `until`, if that is given. Returns how much work that was, in bytes. Calls
/// out: format.
pub fn scan_seg(t: &Tracer, cx: P<Cx>, s: P<Seg>, until: Option<usize>) -> Size {
    scan_window(t, cx, s, seg::first_rank(s.ranks), until, Range::default())
}

/// As [`scan_seg`], at a rank; if `window`, part of a large object, is not empty, then all
/// that is in it has been scanned afterwards.
pub fn scan_window(
    t: &Tracer,
    cx: P<Cx>,
    s: P<Seg>,
    rank: Rank,
    until: Option<usize>,
    window: Range,
) -> Size {
    let ss = ScanState::new(cx, cx.traces.get(), rank, cx.white_zones.get());
    if let Some(until) = until.filter(|_| s.large.get()) {
        ss.budget.set(PART);
        ss.until.set(until);
        ss.window.set(window);
        ss.object.set(s.get().range());
    }
    s.expose(cx.get());
    cx.hold();
    let size = s.get().objects_end().since(s.scanned.get());
    match s.class.scan(s, &ss) {
        Ok(Scanned::All) => {
            s.set_not_grey(cx.get());
            s.set_summary(cx.get(), ss.summary());
        }
        Ok(Scanned::Part) => {
            s.set_not_grey(cx.get());
            s.set_summary(cx.get(), ss.summary().or(s.summary()));
        }
        Ok(Scanned::Unfinished) => {}
        Err(_) => {
            crate::base::check::report(
                concat!(file!(), "\0"),
                line!(),
                "format scan method returned MPS_RES_OK\0",
            );
            s.set_not_grey(cx.get());
            s.set_summary_all(cx.get());
        }
    }
    t.count(&ss);
    let size = if s.class.moves() { size } else { ss.kept.get() };
    size + ss.copied.get() * 2
}
