//! The reclaim phase: segments that are still white are given back, a few at a time.

use super::{Report, Tracer, policy};
use crate::base::addr::Size;
use crate::object::cx::Inside;
use crate::object::trace::{Phase, Trace};
use crate::seam::parts;

/// What it costs to give back a segment, in bytes of work. An estimate: its bits are swept
/// and its memory goes through the arena's tables, in some 500 ns.
const RECLAIM_WORK: Size = 1024;

/// Reclaims. False: time is up, or the trace has ended.
pub fn reclaim(tracer: &Tracer, t: &Trace, cx: Inside<'_>, report: &mut Report) -> bool {
    while let Some(s) = t.white.first() {
        s.set_not_white(cx);
        s.class.reclaim(cx, t, s);
        if t.budget.spend(RECLAIM_WORK) {
            return false;
        }
    }
    t.set_phase(&cx, Phase::Idle);
    tracer.guardians.trace_end(cx);
    for pool in cx.pools.iter() {
        pool.class.trace_done(cx, pool);
    }
    if t.full.get() {
        // Padding is not alive.
        tracer.top_after.set(cx.top.total.get().saturating_sub(t.padding.get()));
        tracer.old.set(t.old.get());
    }
    if parts::BARRIERS && policy::tells(t.young.get()) {
        tracer.young.set(t.young.get());
        tracer.flat.set(policy::is_flat(tracer.flat.get(), t.young.get()));
    }
    cx.arena.shrink();
    report.finished = true;
    false
}
