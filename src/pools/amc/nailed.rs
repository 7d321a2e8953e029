//! Objects that stay where they are: held by ambiguous references, or because
//! there is no memory to copy them to.

use super::fix::keep_large;
use super::{data, format};
use crate::base::addr::{Addr, Size};
use crate::base::ptr::P;
use crate::base::res::Result;
use crate::base::sets::{Rank, RefSet};
use crate::object::cx::{Inside, bump};
use crate::object::nailboard::Nailboard;
use crate::object::pool::Scanned;
use crate::object::scan::{Ref, ScanState};
use crate::object::seg::Seg;
use crate::object::trace::Trace;
use crate::seam::arch;

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
    seg.set_summary(cx, RefSet::EMPTY, false);
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
    if n.resolved.replace(true) || !n.fresh.get() {
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

/// Objects don't stay in a segment of which more than this part was padding after the last
/// full collection. With a quarter the holes are at most a third of what is alive.
const DENSE_PART: Size = 4;

/// Makes a segment that turns white one whose objects stay where they are, if it has few
/// holes and there is memory for a nailboard.
pub fn whiten_in_place(cx: Inside<'_>, seg: P<Seg>) {
    if seg.padding.get() > seg.get().size() / DENSE_PART {
        return;
    }
    let board = Nailboard::new(&cx.arena, seg.base, seg.get().size(), seg.pool.align.get());
    if let Ok(n) = board {
        n.in_place.set(true);
        seg.nails.set(Some(n));
        seg.in_place.set(true);
    }
}

/// Fixes a reference to an object that stays where it is: marks it. This is the critical
/// path.
#[inline]
pub fn mark(seg: P<Seg>, ss: &ScanState, n: P<Nailboard>, r: Ref<'_>) {
    if !n.resolved.get() {
        resolve(ss.cx(), seg, n);
    }
    let base = r.get().sub(format(seg.pool.get()).m.header);
    if ss.rank == Rank::Weak && !crate::seam::fault("weakness") {
        if !n.get().get(base) {
            r.set(Addr::NULL);
        }
        return;
    }
    if n.get().set(base) {
        // It is scanned soon. Measured on a tree of 512 MB, with these segments at the front of
        // the grey list: 0.75 of the time.
        arch::expect_read(base);
        // This is met once, unlike references that are found to be marked already.
        ss.budget.set(ss.budget.get() - 1);
        if !seg.is_grey_for(seg.white.get()) && !crate::seam::fault("in_place") {
            let cx = ss.cx();
            seg.set_grey(cx, cx.cx().trace_of(seg.white.get()));
        }
    }
}

/// To scan an object by itself takes as long as to scan so many bytes among others, besides
/// its size; and so does the fix that finds it. An estimate: some 80 instructions.
const OBJECT_WORK: Size = 64;

/// Scans the objects that a nailboard holds.
pub fn scan(seg: P<Seg>, ss: &ScanState) -> Result<Scanned> {
    let Some(n) = seg.nails.get() else { return Ok(Scanned::Part) };
    let (fmt, cx) = (format(seg.pool.get()), ss.cx());
    resolve(cx, seg, n);
    seg.expose(cx);
    let between = cx.cx().trace_of(ss.traces).budget.between();
    let mut next_look = between;
    let mut looked = 0;
    let (zones, young) = n.found.replace((RefSet::EMPTY, false));
    ss.fixed.set(ss.fixed.get().or(zones));
    ss.young.set(young);
    loop {
        n.fresh.set(false);
        looked += n.table_size();
        let mut word = 0;
        while let Some(base) = n.start_newest().or_else(|| n.start_next(&mut word)) {
            let size = fmt.size(base.add(fmt.m.header));
            ss.scan(fmt, base, base.add(size))?;
            looked += OBJECT_WORK;
            bump(&n.live, size);
            bump(&ss.kept, size);
            ss.survives(seg, size);
            let fixed = isize::MAX.abs_diff(ss.budget.get());
            let work = looked + ss.kept.get() + 2 * ss.copied.get() + fixed * OBJECT_WORK;
            if work >= next_look {
                next_look = work + between;
                if ss.until.get().is_some_and(|until| until.is_past()) {
                    n.fresh.set(true);
                    let t = cx.cx().trace_of(ss.traces);
                    n.found.set((ss.summary(), ss.refers_young(t)));
                    return Ok(Scanned::Unfinished);
                }
            }
        }
        if !n.fresh.get() {
            let first = !n.scanned.replace(true);
            return Ok(if first && n.in_place.get() { Scanned::All } else { Scanned::Part });
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
pub fn reclaim(cx: Inside<'_>, t: &Trace, seg: P<Seg>) {
    let nails = seg.nails.take();
    // What is left is gone through object by object. To pad takes as long as to scan.
    t.budget.spend(seg.get().size());
    let live = match nails {
        Some(n) if !seg.hold_all.get() => {
            resolve(cx, seg, n);
            pad_between_marks(cx, seg, n)
        }
        _ => pad_between_copied(cx, seg),
    };
    if let Some(n) = nails {
        // SAFETY: nobody uses it any more.
        unsafe { Nailboard::finish(n, &cx.arena) };
    }
    seg.hold_all.set(false);
    let in_place = seg.in_place.replace(false);
    let dead = seg.get().objects_end().since(seg.base) - live;
    bump(&cx.stats.reclaimed, dead);
    if live == 0 && seg.buffer.get().is_none() {
        // SAFETY: nothing in it is alive, and no allocation point is there.
        unsafe { seg.destroy(cx) };
        return;
    }
    seg.padding.set(dead);
    if in_place {
        // What is held for want of memory, or by a stack, can't be helped by collecting again.
        bump(&t.padding, dead);
    }
    if in_place && live >= dead {
        promote(cx, seg, live);
    } else {
        stay(cx, seg, live);
    }
}

fn pad(cx: Inside<'_>, seg: P<Seg>, from: Addr, to: Addr) {
    if from < to {
        seg.expose(cx);
        format(seg.pool.get()).pad(from, to.since(from));
    }
}

/// Fills what is not marked with padding. Returns how many bytes the objects have that are.
fn pad_between_marks(cx: Inside<'_>, seg: P<Seg>, n: P<Nailboard>) -> Size {
    let fmt = format(seg.pool.get());
    let end = seg.get().objects_end();
    if n.live.get() == end.since(seg.base) {
        return n.live.get();
    }
    let mut live = 0usize;
    let mut at = seg.base;
    while let Some(base) = n.next_mark(at) {
        pad(cx, seg, at, base);
        seg.expose(cx);
        let size = fmt.size(base.add(fmt.m.header));
        live += size;
        at = base.add(size);
    }
    pad(cx, seg, at, end);
    live
}

/// Fills what has gone elsewhere with padding. Returns how many bytes the other objects have.
fn pad_between_copied(cx: Inside<'_>, seg: P<Seg>) -> Size {
    let mut live = 0usize;
    let mut at = seg.base;
    each_object(cx, seg, |base, end, gone| {
        if !gone {
            pad(cx, seg, at, base);
            live += end.since(base);
            at = end;
        }
    });
    pad(cx, seg, at, seg.get().objects_end());
    live
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
    promote(cx, seg, live);
}

/// Puts a segment with `live` bytes into the next generation.
fn promote(cx: Inside<'_>, seg: P<Seg>, live: Size) {
    let d = data(seg.pool.get());
    let i = d.next_age(seg.age.get());
    let next = d.generation(i);
    seg.held.set(0);
    seg.age.set(i);
    bump(&next.promoted, live);
    seg.enlist(cx, next.generation);
}
