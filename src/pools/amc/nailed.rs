//! Objects that stay where they are: held by ambiguous references, or because
//! there is no memory to copy them to.

use super::fix::keep_large;
use super::{data, format};
use crate::base::addr::{Addr, Size};
use crate::base::ptr::P;
use crate::base::res::Result;
use crate::base::sets::RefSet;
use crate::object::cx::{Inside, bump};
use crate::object::nailboard::Nailboard;
use crate::object::pool::Scanned;
use crate::object::scan::ScanState;
use crate::object::seg::Seg;

/// After this many traces that have held objects in a segment, the segment changes
/// generation as it is. Measured on an interpreter that recurses deeply: 2 to 32 are
/// alike. The largest was taken, because old objects are looked at seldom: an object that
/// is held only now and then is better moved at a time when it is not held.
const HELD_TRACES: u8 = 32;

/// Fixes an ambiguous reference to any place in a white segment.
pub fn fix_ambig(seg: P<Seg>, ss: &ScanState, p: Addr) {
    if crate::seam::fault("pinning") {
        return;
    }
    let cx = ss.cx();
    let pool = seg.pool.get();
    let d = data(pool);
    let h = format(pool).m.header;
    if p >= seg.get().objects_end().add(if d.interior { 0 } else { h }) {
        return;
    }
    if !d.interior && (p.since(seg.base) < h || !p.sub(h).is_aligned(pool.align.get())) {
        return;
    }
    if seg.large.get() {
        if d.interior || p == seg.base.add(h) {
            keep_large(seg, ss);
        }
        return;
    }
    match board(seg, cx) {
        Some(n) if n.resolved.get() => nail_late(cx, seg, n, p),
        Some(n) => {
            // A pointer past the last object is at most a header past the segment's end.
            let last = seg.limit.sub(1).down(pool.align.get());
            n.set(p.down(pool.align.get()).min(last));
        }
        None => {}
    }
    seg.set_grey(cx, cx.cx().trace_of(seg.white.get()));
}

/// The segment's nailboard, which is made if there is none. `None`: there is no memory for
/// one, and everything in the segment is held.
fn board(seg: P<Seg>, cx: Inside<'_>) -> Option<P<Nailboard>> {
    if seg.hold_all.get() {
        return None;
    }
    if let Some(n) = seg.nails.get() {
        return Some(n);
    }
    // The objects that are held will be scanned, all of them, and their summary is the
    // segment's.
    seg.set_summary(cx, RefSet::EMPTY);
    match Nailboard::new(&cx.arena, seg.base, seg.get().size(), seg.pool.align.get()) {
        Ok(n) => {
            seg.nails.set(Some(n));
            Some(n)
        }
        Err(_) => {
            seg.hold_all.set(true);
            None
        }
    }
}

/// Fixes an ambiguous reference that is met after copying has begun.
fn nail_late(cx: Inside<'_>, seg: P<Seg>, n: P<Nailboard>, p: Addr) {
    let interior = data(seg.pool.get()).interior;
    let h = format(seg.pool.get()).m.header;
    each_object(cx, seg, |base, end, gone| {
        let hit = if interior { base <= p && p < end } else { p == base.add(h) };
        if hit && !gone {
            n.set(base);
        }
    });
}

/// Calls `f(base, limit, gone)` for every object of a segment, with whether
/// it has been forwarded.
fn each_object(cx: Inside<'_>, seg: P<Seg>, mut f: impl FnMut(Addr, Addr, bool)) {
    let fmt = format(seg.pool.get());
    let h = fmt.m.header;
    let end = seg.get().objects_end();
    seg.expose(cx);
    let mut base = seg.base;
    while base < end {
        let p = base.add(h);
        let next = base.add(fmt.size(p));
        crate::aver!(next > base && next <= end, "skip method stays in the segment");
        f(base, next, !fmt.forwarded(p).is_null());
        base = next;
    }
}

fn resolve(cx: Inside<'_>, seg: P<Seg>, n: P<Nailboard>) {
    if n.resolved.replace(true) {
        return;
    }
    let interior = data(seg.pool.get()).interior;
    let h = format(seg.pool.get()).m.header;
    each_object(cx, seg, |base, end, gone| {
        let only_at = if gone {
            Some(end)
        } else if interior {
            None
        } else {
            // The nail stands at the client pointer; an object of nothing but
            // a header does not exist.
            Some(base.add(h))
        };
        n.get().resolve(base, end, only_at);
    });
}

/// Does the object at `base` stay? An exact reference to it has been found.
pub fn is_held(ss: &ScanState, seg: P<Seg>, base: Addr) -> bool {
    if seg.hold_all.get() {
        return true;
    }
    match seg.nails.get() {
        Some(n) => {
            if !n.resolved.get() {
                resolve(ss.cx(), seg, n);
                // That took as long as to fix a reference for each object or two.
                ss.budget.set(ss.budget.get().saturating_sub_unsigned(seg.get().size() / 64));
            }
            n.get().get(base)
        }
        None => false,
    }
}

/// Holds the object at `base`, which can't be copied.
#[cold]
#[inline(never)]
pub fn hold(cx: Inside<'_>, seg: P<Seg>, base: Addr) {
    if let Some(n) = board(seg, cx) {
        resolve(cx, seg, n);
        n.get().set(base);
    }
    seg.set_grey(cx, cx.cx().trace_of(seg.white.get()));
}

/// Scans the objects that a nailboard holds.
pub fn scan(seg: P<Seg>, ss: &ScanState) -> Result<Scanned> {
    let Some(n) = seg.nails.get() else { return Ok(Scanned::Part) };
    let (fmt, cx) = (format(seg.pool.get()), ss.cx());
    resolve(cx, seg, n);
    seg.expose(cx);
    loop {
        n.fresh.set(false);
        let mut word = 0;
        while let Some(base) = n.start_next(&mut word) {
            let p = base.add(fmt.m.header);
            ss.scan(fmt, base, base.add(fmt.size(p)))?;
        }
        if !n.fresh.get() {
            return Ok(Scanned::Part);
        }
    }
}

/// Scans every object that has not gone elsewhere.
pub fn scan_all(seg: P<Seg>, ss: &ScanState) -> Result<Scanned> {
    let (fmt, cx) = (format(seg.pool.get()), ss.cx());
    let mut done = Ok(());
    each_object(cx, seg, |base, end, gone| {
        if done.is_ok() && !gone {
            done = ss.scan(fmt, base, end);
        }
    });
    done?;
    Ok(Scanned::Part)
}

/// Fills dead objects between those that stay with padding, or destroys the segment if none
/// stays.
pub fn reclaim(cx: Inside<'_>, seg: P<Seg>) {
    let fmt = format(seg.pool.get());
    let nails = seg.nails.get();
    if let Some(n) = nails {
        resolve(cx, seg, n);
    }
    let all = seg.hold_all.get();
    seg.expose(cx);
    let mut dead = seg.base;
    let mut live = 0usize;
    let mut lost = 0usize;
    let pad = |from: Addr, to: Addr| {
        if from < to {
            fmt.pad(from, to.since(from));
        }
    };
    each_object(cx, seg, |base, end, gone| {
        let stays = if all { !gone } else { nails.is_some_and(|n| n.get().get(base)) };
        if stays {
            pad(dead, base);
            live += end.since(base);
            dead = end;
        } else {
            lost += end.since(base);
        }
    });
    pad(dead, seg.get().objects_end());
    if let Some(n) = seg.nails.take() {
        // SAFETY: nobody uses it any more.
        unsafe { Nailboard::finish(n, &cx.arena) };
    }
    seg.hold_all.set(false);
    bump(&cx.stats.reclaimed, lost);
    if live == 0 && seg.buffer.get().is_none() {
        // SAFETY: nothing in it is alive, and no allocation point is there.
        unsafe { seg.destroy(cx) };
    } else {
        stay(cx, seg, live);
    }
}

/// Puts a segment with `live` bytes back into a generation. At first that is its own, so
/// that objects can be moved on when they are held no longer. But objects that a deep stack
/// refers to are held for long. They must grow old like others, or each collection of
/// young objects goes through all of them again.
fn stay(cx: Inside<'_>, seg: P<Seg>, live: Size) {
    let Some(g) = seg.generation.get() else { return };
    seg.held.set(seg.held.get().saturating_add(1));
    if seg.held.get() < HELD_TRACES || seg.buffer.get().is_some() {
        seg.enlist(cx, g);
        return;
    }
    let d = data(seg.pool.get());
    let i = d.next_age(seg.age.get());
    let next = d.generation(i);
    seg.held.set(0);
    seg.age.set(i);
    bump(&next.promoted, live);
    seg.enlist(cx, next.generation);
}
