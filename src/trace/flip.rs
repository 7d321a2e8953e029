//! The flip: the one phase that is not done in pieces. Stacks and unprotected roots can't be
//! shielded from the mutator, so all of them are scanned while it is held.

use super::{Tracer, root};
use crate::base::res::Result;
use crate::base::sets::Rank;
use crate::object::buffer;
use crate::object::cx::{Inside, bump};
use crate::object::seg;
use crate::object::trace::{Phase, Trace};
use crate::seam::event::{Category, EventKind, event};

/// Flips. All that can refer to white objects is grey.
///
/// # Errors
/// A client's root scanner refused; the trace goes on without what it hid.
pub fn flip(tracer: &Tracer, t: &Trace, cx: Inside<'_>) -> Result {
    cx.hold();
    // Opens white and grey segments in runs, by few calls of the port. Otherwise each
    // would be opened by a call of its own when it is needed.
    seg::sync(cx);
    tracer.history.flip(t.moving.get());
    tracer.handles.flip();
    bump(&cx.stats.flips, 1);
    if !t.white.is_empty() {
        bump(&cx.stats.collections, 1);
    }
    for pool in cx.pools.iter() {
        // Blocks of a pool with a lock of its own hold no references.
        if pool.own_lock {
            continue;
        }
        for b in pool.buffers.iter() {
            buffer::flip(b);
        }
    }
    event(
        Category::Trace,
        EventKind::TraceFlip,
        &[cx.instance.get(), t.condemned.get(), t.not_condemned.get()],
    );
    t.set_phase(&cx, Phase::Flipped);
    for g in t.grey.iter().flat_map(|l| l.iter()) {
        if let Some(s) = g.seg.get() {
            cx.arena.mark_unsynced(s.base);
            s.whole_is_grey(cx, t);
        }
    }
    let mut done = Ok(());
    for rank in [Rank::Ambig, Rank::Exact] {
        done = root::scan_all(tracer, t, cx, rank, rank).and(done);
        if rank == Rank::Ambig {
            // What ambiguous references hold must be known before the first
            // object moves.
            while let Some(s) = t.first_grey(Rank::Ambig.set()) {
                super::advance::scan_seg(t, cx, s, None);
            }
        }
    }
    // Weak roots are scanned last, and nothing shields them until then. So the mutator is
    // held to the end (`Tracer::flip`, `advance`).
    t.weak_roots.set(tracer.roots.iter().any(|r| r.rank == Rank::Weak));
    done
}
