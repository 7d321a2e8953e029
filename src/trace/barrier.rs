//! Barrier hits: the mutator touched what is shielded from it.

use super::{Tracer, advance};
use crate::base::addr::{Addr, Range, Size};
use crate::base::ptr::P;
use crate::base::sets::AccessSet;
use crate::object::cx::{Cx, bump};
use crate::object::seg::{self, Seg};

/// Lets the access to `a` go ahead. False: that memory is not shielded by us.
/// `nested`: the library itself (or a scanner it called) is at work on this
/// thread. `until`: the clock's reading by which the mutator should be let go,
/// if that is soon. Calls out: formats.
pub fn access(
    t: &Tracer,
    cx: P<Cx>,
    a: Addr,
    write: bool,
    nested: bool,
    until: Option<usize>,
) -> bool {
    if let Some(s) = seg::of_addr(cx.get(), a) {
        let need = if write { AccessSet::WRITE } else { AccessSet::READ };
        if !s.mode.get().meets(need) {
            // Another thread was here first: try again.
            return true;
        }
        if nested {
            // A scanner that looks at another object: what it sees is for the
            // collector to sort out; the mutator is held until then.
            s.expose(cx.get());
            if write {
                s.write_hit(cx.get());
            }
            return true;
        }
        if s.is_grey() {
            bump(&cx.stats.read_hits, 1);
            if s.large.get() && until.is_some() {
                return access_large(t, cx, s, a, write, until);
            }
            advance::scan_seg(t, cx, s, None);
        }
        if write {
            bump(&cx.stats.write_hits, 1);
            s.write_hit(cx.get());
        }
        s.sync_now(cx.get());
        return true;
    }
    for r in t.roots.iter() {
        if r.inner.contains(a) {
            r.get().write_hit(cx.get());
            return true;
        }
    }
    false
}

/// What of a large object is uncovered at a time.
const WINDOW: Size = 16 * 1024;

/// An access to a large grey object, with a short pause asked for: scan what the
/// mutator wants to see and as much of the rest as there is time for. The next
/// access elsewhere in it does the same; each gets the scan further on.
fn access_large(
    t: &Tracer,
    cx: P<Cx>,
    s: P<Seg>,
    a: Addr,
    write: bool,
    until: Option<usize>,
) -> bool {
    let unit = WINDOW.max(cx.arena.port.page_size());
    let lo = a.down(unit).max(s.base);
    let window = Range::new(lo, a.down(unit).add(unit).min(s.limit));
    advance::scan_window(t, cx, s, until, window);
    if write {
        bump(&cx.stats.write_hits, 1);
        s.write_hit(cx.get());
    }
    s.sync_now(cx.get());
    if s.is_grey() {
        // The window is good; all else stays shielded. When the rest has been
        // scanned the whole segment is brought into line again.
        let done = cx.arena.port.protect(window.base, window.size(), AccessSet::EMPTY);
        crate::aver!(done.is_ok(), "the port can take protection off again");
        bump(&cx.arena.calls.protect, 1);
    }
    true
}
