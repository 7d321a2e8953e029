//! Ephemerons: pairs of a key and a value, in which the value is kept only if the key is alive
//! without it.
//!
//! A pair is told by the client's scanner ([`fix_pair`]). Segments of rank
//! [`Ephemeron`](Rank::Ephemeron) are scanned twice. First, when all that exact references lead to
//! has been found: a pair whose key is alive has its value fixed, and others are put into a map from
//! keys to values. From then on a hook in place of fix (`watch`) looks each object that is
//! found alive up there, and values whose keys were found are fixed. That goes on until no key is
//! found any more. It takes O(1) for each pair, however pairs are chained, for none is looked at
//! twice. (The same idea is in B. Hayes, Ephemerons: a new finalization mechanism, OOPSLA 1997,
//! with lists; a map by key makes it linear.) The segments stay grey meanwhile, so the mutator
//! can't see them. They are scanned again together with weak references: by then it is known
//! which keys are alive. The others become null, with their values.
//!
//! If there is no memory for the map, or none to copy to, so that objects stay alive of which the
//! hook does not hear, all pairs are looked at again until nothing more is found.

use super::{advance, count, fix};
use crate::base::addr::{Addr, Range, Size};
use crate::base::res::Result;
use crate::base::sets::{Rank, ZoneSet};
use crate::object::cx::Inside;
use crate::object::scan::{Ref, ScanState};
use crate::object::seg;
use crate::object::trace::{AWAITS, Trace};

/// When a pair is kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Keep {
    /// If the key is alive.
    Key,
    /// If the key or the value is.
    Either,
    /// If both are, without the pair.
    Both,
}

/// How many values are fixed between two looks at the clock, and how many bytes of work
/// each of them counts as. Estimates: to find and to copy one takes some 100 ns, as long as
/// to scan so many bytes.
const VALUES: usize = 64;
const VALUE_WORK: Size = 64;

/// Does some of what there is to do for pairs, when nothing that holds is grey. `None`: there is
/// nothing. Calls out: formats.
pub fn advance(t: &Trace, cx: Inside<'_>) -> Option<Size> {
    let e = &t.ephemerons;
    if let Some(s) = t.first_grey(Rank::Ephemeron.set()) {
        e.watch.set(Some(watch));
        if !e.again.get() {
            e.found.set(true);
        }
        // Whole: pairs would be put into the map again and again by a scan that is broken off.
        let work = advance::scan_window(t, cx, s, Rank::Ephemeron, None, Range::default());
        return Some(work.max(s.get().size()));
    }
    e.again.set(false);
    let mut left = VALUES;
    let ss = ScanState::new(cx, t, Rank::Exact);
    while left != 0
        && let Some(mut value) = e.next_value()
    {
        if left == VALUES {
            cx.hold();
        }
        left -= 1;
        // A fix of an exact reference with no end to its time is not refused.
        //
        // SAFETY: a variable of ours.
        let _ = fix::fix2(&ss, unsafe { Ref::new(&raw mut value) });
    }
    if left != VALUES {
        e.found.set(true);
        count(t, &ss);
        return Some((VALUES - left) * VALUE_WORK + 2 * ss.copied.get());
    }
    let unsure = e.missed.get() || t.emergency.get();
    if unsure && e.found.replace(false) {
        e.waiting.finish(&cx.arena);
        e.again.set(true);
        while let Some(s) = t.first_grey(AWAITS) {
            s.set_awaits(t, false);
        }
        return Some(0);
    }
    None
}

/// In place of fix while pairs wait: an object that has been found alive may be a key.
fn watch(ss: &ScanState, r: Ref<'_>) -> Result {
    let old = r.get();
    let cx = ss.cx();
    let white = seg::of_addr(&cx, old).filter(|s| s.white.get().meets(ss.traces));
    fix::fix_now(ss, r)?;
    if let Some(s) = white.filter(|_| !r.get().is_null()) {
        let t = cx.cx().trace_of(ss.traces);
        t.ephemerons.key_found(old);
        // One more object with pairs may have been found.
        s.set_awaits(t, false);
    }
    Ok(())
}

/// Has the object that `a` leads to been found alive, or need it not be?
fn is_alive(ss: &ScanState, mut a: Addr) -> bool {
    let cx = ss.cx();
    let Some(s) = seg::of_addr(&cx, a) else { return true };
    if !s.white.get().meets(ss.traces) {
        return true;
    }
    let weak = ScanState::new(cx, cx.cx().trace_of(ss.traces), Rank::Weak);
    // SAFETY: a variable of ours.
    let _ = s.class.fix(s, &weak, unsafe { Ref::new(&raw mut a) });
    !a.is_null()
}

/// Fixes a pair that a scanner has met.
///
/// # Errors
/// As [`fix::fix2`].
pub fn fix_pair(ss: &ScanState, keep: Keep, key: Ref<'_>, value: Ref<'_>) -> Result {
    if ss.traces.is_empty() {
        // A walk: its hook gets references to the zones that it asks for.
        return fix::fix12(ss, key).and_then(|()| fix::fix12(ss, value));
    }
    let done = fix_traced(ss, keep, key, value);
    // Without stage 1, for a client may call this without telling what it has seen so far. So the
    // zones of what is not white are noted here, and that of null.
    let shift = ss.head.zs.get() as u32;
    for r in [key, value] {
        ss.fixed.set(ss.fixed.get().or(ZoneSet::of(r.get(), shift)));
    }
    done
}

fn fix_traced(ss: &ScanState, keep: Keep, key: Ref<'_>, value: Ref<'_>) -> Result {
    let alive = match ss.rank {
        Rank::Ephemeron | Rank::Weak => match keep {
            Keep::Key => is_alive(ss, key.get()),
            Keep::Either => is_alive(ss, key.get()) || is_alive(ss, value.get()),
            Keep::Both => is_alive(ss, key.get()) && is_alive(ss, value.get()),
        },
        _ => true,
    };
    let first = ss.rank == Rank::Ephemeron;
    if alive || first && crate::seam::fault("ephemeron_clear") {
        let t = ss.cx().cx().trace_of(ss.traces);
        if first
            && t.ephemerons.is_again()
            && !(is_alive(ss, key.get()) && is_alive(ss, value.get()))
        {
            t.ephemerons.note_found();
        }
        return fix::fix2(ss, key).and_then(|()| fix::fix2(ss, value));
    }
    if !first {
        key.set(Addr::NULL);
        value.set(Addr::NULL);
        return Ok(());
    }
    if keep != Keep::Both {
        wait(ss, key.get(), value.get());
    }
    if keep == Keep::Either {
        wait(ss, value.get(), key.get());
    }
    Ok(())
}

/// Notes that `value` is to be kept if `key` is found alive.
fn wait(ss: &ScanState, key: Addr, value: Addr) {
    if is_alive(ss, value) || crate::seam::fault("ephemeron_wait") {
        return;
    }
    let cx = ss.cx();
    let e = &cx.cx().trace_of(ss.traces).ephemerons;
    if e.waiting.add(&cx.arena, key, value).is_err() {
        e.missed.set(true);
    }
}
