//! Marks objects, and scans those that are marked. This is the critical path.

use super::data;
use super::table::{self, Mark, Table};
use crate::base::addr::Addr;
use crate::base::ptr::P;
use crate::base::res::{Res, Result};
use crate::base::sets::{Rank, RefSet};
use crate::object::cx::{Inside, bump};
use crate::object::pool::Scanned;
use crate::object::scan::{Ref, ScanState};
use crate::object::seg::{self, Seg};
use core::cell::Cell;

/// Fixes a reference, as [`crate::object::pool::PoolClass::fix`] says.
#[inline]
pub fn fix(seg: P<Seg>, ss: &ScanState, r: Ref<'_>) -> Result {
    let p = r.get();
    let t = table::of(seg);
    let base = if ss.rank == Rank::Ambig {
        match ambiguous(ss.cx(), t, p) {
            Some(base) => base,
            None => return Ok(()),
        }
    } else {
        p.sub(t.format.m.header)
    };
    if cfg!(feature = "variety-cool") {
        seg.expose(ss.cx());
        t.catch_up();
        crate::aver!(t.is_start(base), "an exact reference leads to an object");
    }
    let mut mark = t.mark(base, ss.rank == Rank::Weak && !crate::seam::fault("weakness"));
    if mark == Mark::Odd {
        mark = again(t, base);
    }
    match mark {
        Mark::New => {
            crate::seam::arch::expect_read(base);
            if !seg.is_grey_for(seg.white.get()) {
                if seg.cards().is_some() {
                    // Its cards say what is left to scan, and no scan of this class sees it.
                    bump(&ss.kept, t.all_done());
                }
                seg.set_grey(ss.cx(), ss.cx().cx().trace_of(seg.white.get()));
            }
        }
        // Only objects that are found now count as work. Otherwise a scan that is broken off
        // and begun again would never end.
        Mark::Old => ss.budget.set(ss.budget.get().saturating_add(1)),
        Mark::Absent => {
            r.set(Addr::NULL);
        }
        Mark::Odd | Mark::Nowhere => {
            crate::aver!(false, "an exact reference leads to an object");
        }
    }
    Ok(())
}

/// An object that its allocation point has made since may not be known yet.
#[cold]
#[inline(never)]
fn again(t: &Table, base: Addr) -> Mark {
    t.catch_up();
    t.mark(base, false)
}

/// The object that an ambiguous reference to a white segment points to or into.
#[cold]
#[inline(never)]
fn ambiguous(cx: Inside<'_>, t: &Table, p: Addr) -> Option<Addr> {
    if crate::seam::fault("pinning") {
        return None;
    }
    t.seg.expose(cx);
    t.catch_up();
    object_of(t, p)
}

/// The base of the object whose client pointer is `p`, or whose base is `p`. (Just after an
/// allocation the base is all that a client has.)
pub fn object_of(t: &Table, p: Addr) -> Option<Addr> {
    let header = t.format.m.header;
    let base = p.sub(header);
    if t.is_start(base) {
        return Some(base);
    }
    if header != 0 && t.is_start(p) { Some(p) } else { None }
}

/// Scans what is grey in a segment, as [`crate::object::pool::PoolClass::scan`] says.
pub fn scan(seg: P<Seg>, ss: &ScanState) -> Result<Scanned> {
    let t = table::of(seg);
    let find = data(seg.pool.get()).find_dependent;
    let fmt = t.format.get();
    let done_before = Cell::new(false);
    let one = |base: Addr, limit: Addr| {
        if let Some(find) = find {
            // SAFETY: the client's function, on an object of the pool, exposed.
            let dependent = unsafe { find(base.add(fmt.m.header)) };
            expose_dependent(ss, dependent);
        }
        if !done_before.get() {
            bump(&ss.kept, limit.since(base));
        }
        let done = ss.scan(fmt, base, limit);
        // Broken off, or something was left out.
        if ss.broken_off.get() { Err(Res::Limit) } else { done }
    };
    let whole = |marked| {
        if find.is_some() { t.each(marked, &mut { one }) } else { t.each_run(marked, &mut { one }) }
    };
    let (done, all) = if seg.is_white() {
        if !t.begun.replace(true) {
            // Of what it refers to only that counts which is found from here on.
            seg.set_summary(ss.cx(), RefSet::EMPTY, false);
        }
        let mut done = Ok(());
        // Ephemerons are scanned once more when it is known which keys are alive.
        let again =
            ss.rank != Rank::Ephemeron || ss.cx().cx().trace_of(ss.traces).ephemerons.is_again();
        if again && seg.ranks.meets(Rank::Ephemeron.set()) {
            done_before.set(true);
            done = whole(true);
            done_before.set(false);
        }
        (done.and_then(|()| t.each_fresh(find.is_some(), one)), Scanned::Part)
    } else {
        t.catch_up();
        (whole(false), Scanned::All)
    };
    match done {
        Ok(()) => Ok(all),
        Err(_) if ss.broken_off.get() => Ok(Scanned::Unfinished),
        Err(e) => {
            if seg.is_white() {
                t.settle();
            }
            Err(e)
        }
    }
}

/// Makes an object's dependent accessible to the scan method, which may even
/// write to it.
fn expose_dependent(ss: &ScanState, dependent: Addr) {
    let cx = ss.cx();
    if crate::seam::fault("dependents") {
        return;
    }
    let Some(s) = seg::of_addr(&cx, dependent) else { return };
    s.expose(cx);
    s.set_summary_all(cx);
}
