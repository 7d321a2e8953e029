//! Barrier hits: the mutator touched what is shielded from it.

use super::{Tracer, advance};
use crate::base::addr::{Addr, Range, Size};
use crate::base::sets::AccessSet;
use crate::object::cx::{Inside, bump};
use crate::object::seg;
use crate::seam::plinth;

/// What of a large object is uncovered at a time.
const WINDOW: Size = 16 * 1024;

/// Lets the access to `a` go ahead. False: that memory is not shielded by us.
/// `pause`: the clock ticks that it should take at most, if they are
/// few. Calls out: formats.
///
/// Of a large grey object, with a short pause asked for, what the mutator wants
/// to see is scanned and as much of the rest as there is time for. The next
/// access elsewhere in it does the same; each gets the scan further on.
pub fn access(tracer: &Tracer, cx: Inside<'_>, a: Addr, write: bool, pause: Option<usize>) -> bool {
    if let Some(s) = seg::of_addr(&cx, a) {
        let need = if write { AccessSet::WRITE } else { AccessSet::READ };
        if !s.mode.get().meets(need) {
            // Another thread was here first: try again.
            return true;
        }
        let mut window = Range::default();
        let traces = s.grey.get().and(cx.flipped.get());
        if !traces.is_empty() {
            bump(&cx.stats.read_hits, 1);
            let until = pause
                .filter(|_| s.large.get())
                .and_then(|ticks| plinth::clock().checked_add(ticks));
            if until.is_some() {
                let unit = WINDOW.max(cx.arena.port.page_size());
                let lo = a.down(unit);
                window = Range::new(lo.max(s.base), lo.add(unit).min(s.limit));
            }
            for t in cx.traces_of(traces) {
                let rank = advance::early_rank(t, s);
                advance::scan_window(t, cx, s, rank, until, window);
            }
        }
        if write {
            bump(&cx.stats.write_hits, 1);
            s.write_hit(cx);
        }
        s.sync_now(cx);
        if s.is_grey_for(traces) && !window.is_empty() {
            // The window is good; all else stays shielded. When the rest has
            // been scanned the whole segment is brought into line again.
            seg::unprotect(cx, window);
        }
        return true;
    }
    root_access(tracer, cx, a)
}

/// The same for a root.
fn root_access(tracer: &Tracer, cx: Inside<'_>, a: Addr) -> bool {
    for r in tracer.roots.iter() {
        if r.inner.contains(a) {
            bump(&cx.stats.write_hits, 1);
            r.get().write_hit(cx);
            return true;
        }
    }
    false
}

/// As [`access`], by the thread that is inside: a scanner that looks at
/// another object, or a signal's handler, which may have come between any two
/// instructions. What it sees is for the collector or the client to sort out.
/// The mutator is held until leaving, when all is put right; here nothing is
/// changed that the interrupted code may be changing. (Only scanners write.)
pub fn peek(tracer: &Tracer, cx: Inside<'_>, a: Addr, write: bool) -> bool {
    let Some(s) = seg::of_addr(&cx, a) else { return root_access(tracer, cx, a) };
    cx.hold();
    if write {
        s.write_hit(cx);
    }
    cx.peeks.add(a);
    let left = if write { AccessSet::EMPTY } else { AccessSet::WRITE };
    if cx.arena.port.protect(s.base, s.get().size(), left).is_err() {
        seg::unprotect(cx, s.get().range());
    }
    true
}
