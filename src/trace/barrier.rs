//! Barrier hits: the mutator touched what is shielded from it.

use super::{Tracer, advance};
use crate::base::addr::{Addr, Range, Size};
use crate::base::ptr::P;
use crate::base::sets::AccessSet;
use crate::object::cx::{Cx, bump};
use crate::object::seg;
use crate::seam::plinth;

/// What of a large object is uncovered at a time.
const WINDOW: Size = 16 * 1024;

/// Lets the access to `a` go ahead. False: that memory is not shielded by us.
/// `nested`: the library itself (or a scanner it called) is at work on this
/// thread. `pause`: the clock ticks that it should take at most, if they are
/// few. Calls out: formats.
///
/// Of a large grey object, with a short pause asked for, what the mutator wants
/// to see is scanned and as much of the rest as there is time for. The next
/// access elsewhere in it does the same; each gets the scan further on.
pub fn access(
    t: &Tracer,
    cx: P<Cx>,
    a: Addr,
    write: bool,
    nested: bool,
    pause: Option<usize>,
) -> bool {
    if let Some(s) = seg::of_addr(cx.get(), a) {
        let need = if write { AccessSet::WRITE } else { AccessSet::READ };
        if nested {
            peek(cx, s, a, write);
            return true;
        }
        if !s.mode.get().meets(need) {
            // Another thread was here first: try again.
            return true;
        }
        let mut window = Range::default();
        if s.is_grey() {
            bump(&cx.stats.read_hits, 1);
            let until = pause
                .filter(|_| s.large.get())
                .and_then(|ticks| plinth::clock().checked_add(ticks));
            if until.is_some() {
                let unit = WINDOW.max(cx.arena.port.page_size());
                let lo = a.down(unit);
                window = Range::new(lo.max(s.base), lo.add(unit).min(s.limit));
            }
            let rank = advance::early_rank(t, cx.get(), s);
            advance::scan_window(t, cx, s, rank, until, window);
        }
        if write {
            bump(&cx.stats.write_hits, 1);
            s.write_hit(cx.get());
        }
        s.sync_now(cx.get());
        if s.is_grey() && !window.is_empty() {
            // The window is good; all else stays shielded. When the rest has
            // been scanned the whole segment is brought into line again.
            seg::unprotect(cx.get(), window);
        }
        return true;
    }
    for r in t.roots.iter() {
        if r.inner.contains(a) {
            bump(&cx.stats.write_hits, 1);
            r.get().write_hit(cx.get());
            return true;
        }
    }
    false
}

/// The thread that is inside wants to see a segment: a scanner that looks at
/// another object, or a signal's handler, which may have come between any two
/// instructions. What it sees is for the collector or the client to sort out.
/// The mutator is held until leaving, when all is put right; here nothing is
/// changed that the interrupted code may be changing. (Only scanners write.)
fn peek(cx: P<Cx>, s: P<seg::Seg>, a: Addr, write: bool) {
    cx.hold();
    if write {
        s.write_hit(cx.get());
    }
    cx.peeks.add(a);
    let left = if write { AccessSet::EMPTY } else { AccessSet::WRITE };
    if cx.arena.port.protect(s.base, s.get().size(), left).is_err() {
        seg::unprotect(cx.get(), s.get().range());
    }
}
