//! The flip: the one thing done in one go, because it is what the mutator's
//! stacks and unprotected roots force on us.

use super::{Tracer, root};
use crate::base::ptr::P;
use crate::base::res::Result;
use crate::base::sets::{Rank, RankSet};
use crate::object::buffer;
use crate::object::cx::{Cx, Phase, bump};
use crate::object::scan::ScanState;
use crate::object::seg;

/// Flips. All that can refer to white objects is grey.
///
/// # Errors
/// A client's root scanner refused; the trace goes on without what it hid.
pub fn flip(t: &Tracer, cx: P<Cx>) -> Result {
    cx.hold();
    // White and grey segments in one sweep, in runs, rather than one by one as
    // they are needed.
    seg::sync(cx.get());
    t.history.flip(cx.white_zones.get());
    bump(&cx.stats.flips, 1);
    if !cx.white.is_empty() {
        bump(&cx.stats.collections, 1);
    }
    for pool in cx.pools.iter() {
        for b in pool.buffers.iter() {
            buffer::flip(b);
        }
    }
    cx.phase.set(Phase::Flipped);
    for list in &cx.grey {
        for s in list.iter() {
            cx.arena.mark_unsynced(s.base);
        }
    }
    let mut done = Ok(());
    for rank in [Rank::Ambig, Rank::Exact, Rank::Final, Rank::Weak] {
        // Weak roots are treated as exact for now: docs/STATUS.md.
        let as_rank = if rank == Rank::Weak { Rank::Exact } else { rank };
        let ss = ScanState::new(cx, cx.traces.get(), as_rank, cx.white_zones.get());
        for r in t.roots.iter() {
            if r.rank == rank {
                if let Err(e) = root::scan(r, &ss, t) {
                    crate::base::check::report(
                        concat!(file!(), "\0"),
                        line!(),
                        "root scanner returned MPS_RES_OK\0",
                    );
                    done = Err(e);
                }
            }
        }
        if rank == Rank::Ambig {
            // What ambiguous references hold must be known before the first
            // object moves.
            while let Some(s) = cx.grey.first().and_then(|l| l.first()) {
                super::advance::scan_seg(t, cx, s, None);
            }
        }
        bump(&t.live, ss.copied.get().wrapping_add(ss.kept.get()));
        bump(&cx.stats.copied, ss.copied.get());
    }
    let _ = RankSet::EMPTY;
    done
}
