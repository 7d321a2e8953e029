//! Barrier hits: the mutator touched what is shielded from it.

use super::{Tracer, advance};
use crate::base::addr::Addr;
use crate::base::ptr::P;
use crate::base::sets::AccessSet;
use crate::object::cx::{Cx, bump};
use crate::object::seg;

/// Lets the access to `a` go ahead. False: that memory is not shielded by us.
/// `nested`: the library itself (or a scanner it called) is at work on this
/// thread. Calls out: formats.
pub fn access(t: &Tracer, cx: P<Cx>, a: Addr, write: bool, nested: bool) -> bool {
    if let Some(s) = seg::of_addr(cx.get(), a) {
        let need = if write { AccessSet::WRITE } else { AccessSet::READ };
        if !s.mode.get().meets(need) {
            // Another thread was here first; or it is not the protection.
            return s.mode.get() == AccessSet::EMPTY || !s.mode.get().meets(need);
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
            let rank = advance::early_rank(cx.get(), s);
            advance::scan_seg(t, cx, s, rank, false);
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
