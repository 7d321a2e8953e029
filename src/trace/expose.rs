//! Exposures: ranges of managed memory that stay readable, writable and in place, because
//! the system, or whoever else the barrier can't stop, uses them.
//!
//! An exposure is a root. The objects in it are referred to ambiguously, so they are held and
//! stay where they are. Nothing is denied in its segments ([`Seg::is_exposed`]). So they are
//! kept black: what turns grey after the flip is scanned before the library is left
//! ([`settle`]), and anything may have been written there, which the summary says.

use super::{Tracer, advance, fix};
use crate::base::addr::{Addr, Range};
use crate::base::ptr::P;
use crate::base::res::Result;
use crate::object::cx::{Cx, Inside};
use crate::object::scan::{Ref, ScanState};
use crate::object::seg::{self, Seg};
use crate::trace::root::RootKind;
use core::cell::Cell;
use core::sync::atomic::Ordering;

/// The segments that a range meets, in order.
struct Segs<'a> {
    cx: &'a Cx,
    left: Range,
}

fn segs(cx: &Cx, range: Range) -> Segs<'_> {
    Segs { cx, left: range }
}

impl Iterator for Segs<'_> {
    type Item = P<Seg>;

    // A call, not a copy for each user.
    #[inline(never)]
    fn next(&mut self) -> Option<P<Seg>> {
        let arena = &self.cx.arena;
        let mut at = self.left.base.max(Addr(arena.lowest.load(Ordering::Relaxed)));
        let limit = self.left.limit.min(Addr(arena.highest.load(Ordering::Relaxed)));
        while at < limit {
            let found = seg::of_addr(self.cx, at);
            at = found.map_or(at.down(arena.grain()).add(arena.grain()), |s| s.limit);
            self.left.base = at;
            if found.is_some() {
                return found;
            }
        }
        None
    }
}

/// The exposures of an instance.
fn each(tracer: &Tracer) -> impl Iterator<Item = Range> {
    tracer.roots.iter().filter_map(|r| match r.get().kind {
        RootKind::Exposed(range) => Some(range),
        _ => None,
    })
}

/// An exposure begins, as a root, or ends: opens its segments, or lets them be shielded again.
pub fn change(tracer: &Tracer, cx: Inside<'_>, range: Range, begins: bool) {
    let add = |n: &Cell<usize>| {
        // A segment that has come since the beginning has none to end.
        n.set(if begins { n.get().wrapping_add(1) } else { n.get().saturating_sub(1) });
    };
    add(&tracer.exposures);
    for s in segs(&cx, range) {
        add(&s.get().exposures);
        // Before a write is no longer heard of, and after that.
        s.set_summary_all(cx);
        cx.arena.mark_unsynced(s.base);
    }
}

/// Scans an exposure as a root: each object that has a part in it. Calls out: formats.
///
/// # Errors
/// That of a hook that takes the place of fix.
#[inline(never)]
pub fn scan(ss: &ScanState, range: Range) -> Result {
    if crate::seam::fault("expose_hold") {
        return Ok(());
    }
    let cx = ss.cx();
    for s in segs(&cx, range) {
        // Elsewhere objects stay where they are, and the client has references to them.
        let Some(format) = s.pool.format.get().filter(|_| s.class.moves()) else { continue };
        let align = s.pool.align.get();
        let end = s.get().objects_end().min(range.limit);
        let mut at = s.base.max(range.base);
        while at < end {
            let Ok(mut object) = s.class.object_at(cx, s, at) else {
                at = at.add(1).up(align);
                continue;
            };
            let next = object.sub(format.m.header).add(format.size(object));
            at = next.max(at.add(1));
            // SAFETY: a variable of ours.
            fix::fix12(ss, unsafe { Ref::new(&raw mut object) })?;
        }
    }
    Ok(())
}

/// Scans what is grey in exposures, before the mutator goes on. To scan one may turn
/// another grey. Calls out: formats. Cost: O(roots and segments of exposures), if there are any.
#[inline]
pub fn settle(tracer: &Tracer, cx: Inside<'_>) {
    if tracer.exposures.get() != 0 && !cx.flipped.get().is_empty() {
        settle_some(tracer, cx);
    }
}

#[cold]
#[inline(never)]
fn settle_some(tracer: &Tracer, cx: Inside<'_>) {
    if crate::seam::fault("expose_settle") {
        return;
    }
    let mut again = true;
    while core::mem::take(&mut again) {
        for s in each(tracer).flat_map(|range| segs(&cx, range)) {
            for t in cx.traces_of(s.grey.get().and(cx.flipped.get())) {
                let rank = advance::early_rank(t, s);
                t.budget.note(advance::scan_window(t, cx, s, rank, None, Range::default()));
                again = true;
            }
        }
    }
}
