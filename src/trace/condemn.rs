//! The phases before the flip: white, then grey, both a few segments at a time.

use crate::arena::Walk;
use crate::base::addr::Size;
use crate::base::ptr::P;
use crate::object::cx::{Inside, bump};
use crate::object::locus::{Chain, Gen};
use crate::object::seg::{self, Seg};
use crate::object::trace::{Phase, Trace};
use crate::seam::parts;

/// What a look at one segment costs, in bytes of work. An estimate: a cache miss or two
/// take as long as 128 bytes take to scan.
const HEADER_WORK: Size = 128;

/// When the protection of so many bytes is to change, it is changed, so that the time it takes
/// counts in this step. An estimate: on Linux a page takes 0.1 to 0.2 microseconds
/// (measured), so this takes some 50.
const BATCH: Size = 1 << 20;

/// Notes that the protection of some bytes is to change, after `batch` bytes of others. True:
/// time is up. If the program keeps no share of its time, all is changed at the end of
/// the step, by fewer calls.
fn changes(t: &Trace, cx: Inside<'_>, bytes: Size, batch: &mut Size) -> bool {
    *batch += bytes;
    if *batch < BATCH || !t.pace.gentle.get() {
        return false;
    }
    *batch = 0;
    seg::sync(cx);
    t.budget.spend_much()
}

/// The bytes of a segment that are to be opened to the mutator as it turns white or grey.
fn closed(s: P<Seg>) -> Size {
    if s.mode.get().is_empty() || s.cards().is_some() { 0 } else { s.get().size() }
}

/// Notes the generations to condemn, in the order of chains, the top generation last: all, or
/// of each chain as many as `upto` says. Bulk segments of the others turn white at once.
pub fn choose(t: &Trace, cx: Inside<'_>, upto: impl Fn(P<Chain>) -> usize) {
    let full = t.full.get();
    for c in cx.chains.iter() {
        let n = if full { usize::MAX } else { upto(c) };
        for (i, g) in c.get().generations().enumerate() {
            choose_or_pass(t, cx, g, i < n);
        }
    }
    choose_or_pass(t, cx, cx.top(), full);
}

fn choose_or_pass(t: &Trace, cx: Inside<'_>, g: P<Gen>, chosen: bool) {
    if chosen {
        t.choose(g);
        return;
    }
    let is_old = g == cx.top();
    if !is_old && g.get().total.get() != 0 {
        t.all_young.set(false);
    }
    if is_old && g.get().bulk.get() != 0 {
        t.some_old.set(true);
    }
    let before = t.condemned.get();
    for _ in 0..g.get().bulk.get() {
        if let Some(s) = g.get().segs.first() {
            whiten_seg(t, cx, g, s);
        }
    }
    bump(&t.not_condemned, g.get().total.get() - (t.condemned.get() - before));
}

/// Turns a segment of a generation white. If its class leaves it out, it goes to the end
/// of the generation's list instead.
fn whiten_seg(t: &Trace, cx: Inside<'_>, g: P<Gen>, s: P<Seg>) {
    s.unlist(cx);
    if !s.class.whiten(cx, t, s) {
        g.get().segs.push_back(s);
        if s.young.get() {
            // Blocks that are reserved in it may become objects before the flip.
            t.note_born(s.zones(&cx));
        }
        return;
    }
    s.set_white(cx, t);
    let zones = s.zones(&cx);
    t.white_zones.set(t.white_zones.get().or(zones));
    if s.class.moves() && !s.in_place.get() {
        t.moving.set(t.moving.get().or(zones));
    }
    bump(&t.condemned, s.get().size());
    if parts::BARRIERS && s.class.moves() {
        let which = if s.young.get() { &t.young } else { &t.old };
        which.set(which.get().plus(s.get().objects_end().since(s.base), 0));
    }
    // The references in it are looked at when its objects are found alive. Until then no
    // summary of them is needed. But to open all cards would cost more than it saves.
    if s.cards().is_none() {
        s.set_summary_all(cx);
    }
}

/// The condemn phase. False: time is up.
pub fn whiten(t: &Trace, cx: Inside<'_>) -> bool {
    let mut batch = 0;
    while let Some(g) = t.gens.first() {
        while let Some(left) = t.gen_left.get().checked_sub(1) {
            t.gen_left.set(left);
            let Some(s) = g.get().segs.first() else { break };
            let bytes = closed(s);
            whiten_seg(t, cx, g, s);
            if changes(t, cx, bytes, &mut batch) || t.budget.spend(HEADER_WORK) {
                return false;
            }
        }
        g.get().new_size.set(0);
        g.get().ramp_size.set(0);
        t.forget(g);
    }
    bump(&cx.stats.condemned, t.condemned.get());
    t.walk.set(Walk::Start);
    // If nothing is white, there is nothing to find out, and no flip is needed.
    t.set_phase(&cx, if t.white.is_empty() { Phase::Reclaim } else { Phase::Grey });
    true
}

/// The grey phase. False: time is up.
pub fn grey(t: &Trace, cx: Inside<'_>) -> bool {
    let mut batch = 0;
    let white = t.white_zones.get();
    if white.is_empty() {
        t.walk.set(Walk::End);
    }
    while t.walk.get() != Walk::End {
        let Some((a, tract)) = cx.arena.next_tract(t.walk.get()) else {
            t.walk.set(Walk::End);
            break;
        };
        let Some(s) = seg::of_tract(tract) else { break };
        let Some(chunk) = cx.arena.chunk_of(a) else { break };
        let mut bytes = 0;
        let may_refer = s.summary().meets(white) && (s.refers_young() || t.some_old.get());
        if !s.white.get().meets(t.set()) && may_refer {
            bytes = closed(s);
            s.set_grey(cx, t);
        }
        t.walk.set(Walk::At(chunk, s.limit));
        if changes(t, cx, bytes, &mut batch) || t.budget.spend(HEADER_WORK) {
            return false;
        }
    }
    true
}

/// Shields grey segments before the flip, a few in each step, so that the flip has few to
/// shield. What the mutator uses meanwhile is opened to it again, and shielded by the
/// next walk; there is one as long as that halves what is left. If the mutator goes all over its
/// memory, this is given up. False: time is up.
pub fn shield(t: &Trace, cx: Inside<'_>) -> bool {
    if t.opened.get() > t.shielded.get() / 4 + BATCH {
        return true;
    }
    let mut batch = 0;
    loop {
        if t.walk.get() == Walk::End {
            let (left, before) = (t.opened.replace(0), t.left_open.get());
            if left <= BATCH || left > before / 2 {
                return true;
            }
            t.left_open.set(left);
            t.walk.set(Walk::Start);
        }
        let Some((a, tract)) = cx.arena.next_tract(t.walk.get()) else {
            t.walk.set(Walk::End);
            continue;
        };
        let (Some(s), Some(chunk)) = (seg::of_tract(tract), cx.arena.chunk_of(a)) else {
            t.walk.set(Walk::End);
            continue;
        };
        if s.is_grey_for(t.set()) {
            let Some(bytes) = s.shield_early(cx, t, BATCH) else {
                // It has cards, and more than one batch of them.
                bump(&t.shielded, BATCH);
                if changes(t, cx, BATCH, &mut batch) {
                    return false;
                }
                continue;
            };
            bump(&t.shielded, bytes);
            if changes(t, cx, bytes, &mut batch) {
                t.walk.set(Walk::At(chunk, s.limit));
                return false;
            }
        }
        t.walk.set(Walk::At(chunk, s.limit));
        if t.budget.spend(HEADER_WORK) {
            return false;
        }
    }
}
