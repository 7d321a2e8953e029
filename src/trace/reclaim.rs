//! Giving back what was not reached, a few segments at a time.

use super::{Budget, Report, Tracer};
use crate::base::addr::Size;
use crate::base::ptr::P;
use crate::base::sets::{TraceSet, ZoneSet};
use crate::object::cx::{Cx, Phase};

/// What giving back a segment is worth, as bytes of work.
const SEG_WORK: Size = 1024;

/// Reclaims. False: time is up, or the trace has ended.
pub fn reclaim(t: &Tracer, cx: P<Cx>, budget: &Budget, report: &mut Report) -> bool {
    while let Some(s) = cx.white.pop_front() {
        s.white.set(TraceSet::EMPTY);
        s.class.reclaim(s);
        if budget.spend(SEG_WORK) {
            return false;
        }
    }
    cx.traces.set(TraceSet::EMPTY);
    cx.white_zones.set(ZoneSet::EMPTY);
    cx.phase.set(Phase::Idle);
    t.guardians.trace_end(cx.get());
    for pool in cx.pools.iter() {
        pool.class.trace_done(pool);
    }
    if t.full.get() {
        t.top_after.set(cx.top.total.get());
    }
    cx.arena.shrink();
    report.finished = true;
    false
}
