//! The phases before the flip: white, then grey, both a few segments at a time.

use super::{Budget, Tracer};
use crate::arena::Walk;
use crate::base::addr::Size;
use crate::base::ptr::{P, Slot};
use crate::base::sets::TraceSet;
use crate::object::cx::{Cx, Phase, bump};
use crate::object::locus::{Chain, Gen};
use crate::object::seg;
use core::cell::Cell;

/// Most generations that one trace condemns.
const MOST: usize = 64;
/// What looking at one segment's header is worth, as bytes of work.
const SEG_WORK: Size = 128;
/// Which generations have been chosen, and how far whitening has come.
pub struct Cursor {
    gens: [Slot<Gen>; MOST],
    count: Cell<usize>,
    at: Cell<usize>,
    left: Cell<usize>,
}

impl Default for Cursor {
    fn default() -> Self {
        Cursor {
            gens: [const { Cell::new(None) }; MOST],
            count: Cell::new(0),
            at: Cell::new(0),
            left: Cell::new(0),
        }
    }
}

/// Notes the generations to condemn. More than fit are left for another time.
pub fn choose(t: &Tracer, cx: &Cx, choose: impl Fn(P<Gen>) -> bool) {
    let c = &t.cursor;
    c.count.set(0);
    c.at.set(0);
    let take = |g: P<Gen>| {
        if choose(g) {
            if let Some(slot) = c.gens.get(c.count.get()) {
                slot.set(Some(g));
                bump(&c.count, 1);
                return;
            }
        }
        bump(&t.not_condemned, g.get().total.get());
    };
    for chain in cx.chains.iter() {
        chain.get().generations().for_each(take);
    }
    take(cx.top());
    c.left.set(c.gens.first().and_then(Cell::get).map_or(0, |g| g.get().segs.len()));
}

/// A chain goes: its generations, chosen by this trace or an earlier one, are not
/// to be looked at any more.
pub fn forget(t: &Tracer, chain: P<Chain>) {
    for g in chain.get().generations() {
        for slot in t.cursor.gens.iter().filter(|s| s.get().is_some_and(|h| h.addr() == g.addr())) {
            slot.set(None);
        }
    }
}

/// Condemn. False: time is up.
pub fn whiten(t: &Tracer, cx: P<Cx>, budget: &Budget) -> bool {
    let c = &t.cursor;
    while c.at.get() < c.count.get() {
        let chosen = c.gens.get(c.at.get()).and_then(Cell::get);
        while let Some(g) = chosen.filter(|_| c.left.get() != 0) {
            c.left.set(c.left.get() - 1);
            let Some(s) = g.get().segs.pop_front() else { break };
            if s.class.whiten(s) {
                s.white.set(TraceSet::ALL);
                cx.white.push_back(s);
                let zones = s.zones(cx.get());
                cx.white_zones.set(cx.white_zones.get().or(zones));
                if s.class.moves() {
                    t.moving.set(t.moving.get().or(zones));
                }
                bump(&t.condemned, s.get().size());
                // What it refers to will be found when its objects are; until
                // then nothing needs to be remembered of it.
                s.set_summary_all(cx.get());
            } else {
                g.get().segs.push_back(s);
            }
            if budget.spend(SEG_WORK) {
                return false;
            }
        }
        if let Some(g) = chosen {
            g.get().new_size.set(0);
            g.get().ramp_size.set(0);
        }
        bump(&c.at, 1);
        let next = c.gens.get(c.at.get()).and_then(Cell::get);
        c.left.set(next.map_or(0, |g| g.get().segs.len()));
    }
    bump(&cx.stats.condemned, t.condemned.get());
    t.walk.set(Walk::Start);
    // With nothing at stake there is nothing to find out, and no flip.
    let next = if cx.white.is_empty() { Phase::Reclaim } else { Phase::Grey };
    cx.phase.set(next);
    true
}

/// Grey. False: time is up.
pub fn grey(t: &Tracer, cx: P<Cx>, budget: &Budget) -> bool {
    let white = cx.white_zones.get();
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
        if !s.is_white() && s.summary().meets(white) {
            s.set_grey(cx.get());
        }
        t.walk.set(Walk::At(chunk, s.limit));
        if budget.spend(SEG_WORK) {
            return false;
        }
    }
    true
}
