//! After the flip: scanning what is grey, strongest references first.

use super::{Budget, Report, Tracer};
use crate::base::addr::{Range, Size};
use crate::base::ptr::P;
use crate::base::sets::Rank;
use crate::object::cx::{Cx, Phase, bump};
use crate::object::pool::Scanned;
use crate::object::scan::ScanState;
use crate::object::seg::{self, Seg};

/// References fixed, at least, before the scan of a large object is broken off to
/// go on in the next step. Each part begins with a test of all the words before
/// it, so parts can't be much smaller than this for objects of some megabytes.
const PART: isize = 8 * 1024;

/// Scans grey segments. False: time is up.
pub fn advance(t: &Tracer, cx: P<Cx>, budget: &Budget, _report: &mut Report) -> bool {
    while let Some(s) = cx.grey.iter().find_map(|l| l.first()) {
        let work = scan_seg(t, cx, s, budget.until());
        if budget.spend(work) {
            return !has_grey(cx.get()) && finish(cx);
        }
    }
    finish(cx)
}

fn has_grey(cx: &Cx) -> bool {
    cx.grey.iter().any(|l| !l.is_empty())
}

/// Nothing is grey any more: what is white is garbage. False, as time may be up.
fn finish(cx: P<Cx>) -> bool {
    cx.phase.set(Phase::Reclaim);
    true
}

/// The rank at which to scan a segment that the mutator wants to see now. A
/// weak reference it reads is one it may keep, so as long as it is not known
/// which objects die they are held; once it is known, all weak references to
/// them go.
pub fn early_rank(cx: &Cx, s: P<Seg>) -> Rank {
    let rank = seg::first_rank(s.ranks);
    let stronger = cx.grey.iter().zip(Rank::ORDER).any(|(l, r)| r < rank && !l.is_empty());
    if rank == Rank::Weak && stronger && !crate::seam::fault("early_rank") { Rank::Exact } else { rank }
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
    bump(&t.live, ss.copied.get().wrapping_add(ss.kept.get()));
    bump(&cx.stats.copied, ss.copied.get());
    let size = if s.class.moves() { size } else { ss.kept.get() };
    size.wrapping_add(ss.copied.get().wrapping_mul(2))
}
