//! Room for allocation points: where it comes from, and what is done with it when it comes
//! back.

use super::table::{self, Table};
use super::{Data, data};
use crate::base::addr::{Addr, Size, size_up};
use crate::base::ptr::P;
use crate::base::res::{Res, Result};
use crate::base::sets::RankSet;
use crate::object::buffer::Buffer;
use crate::object::cx::{Inside, bump};
use crate::object::pool::{Pool, Room};
use crate::object::seg::Seg;

/// The size of a pool's first segments.
const SEG_MIN: Size = 16 * 1024;
/// How large segments for many objects become as the pool grows; and the most room that an
/// allocation point gets at a time. Guesses, as for [`SEG_MIN`].
const SEG_MAX: Size = 64 * 1024;
/// An object of at least this size gets a segment of its own: no segment could have two of
/// them at first.
const LARGE_SIZE: Size = 16 * 1024;
/// In the first search for room, stretches shorter than this are passed over. A guess: to go
/// to one costs as much as some objects of that size.
const SHORTEST_RUN: Size = 128;
/// How many stretches that are too short one search passes over. A guess that bounds the time
/// of a search.
const SHORT_RUNS_PASSED: usize = 16;
/// How many segments that are grey just now one search passes over. A guess that bounds the
/// time of a search.
const GREY_SEGS_PASSED: usize = 4;

fn list_of(ranks: RankSet) -> usize {
    ranks.0.trailing_zeros().min(4) as usize
}

fn list(d: &Data, t: &Table) {
    if let Some(l) = d.rooms.get(list_of(t.seg.ranks)) {
        // A segment with cards is one object for good.
        if !t.is_listed() && t.seg.cards().is_none() {
            l.push_back(t.p());
        }
    }
}

/// Takes a segment out of the list of those with room.
pub fn unlist(d: &Data, t: &Table) {
    if t.is_listed() {
        if let Some(l) = d.rooms.get(list_of(t.seg.ranks)) {
            l.remove(t.p());
        }
    }
}

/// Gives a segment cards, if it is one object that can be scanned in parts
/// ([`Seg::cards`]).
fn make_cards(cx: Inside<'_>, t: &Table) {
    let wanted = t.seg.large.get() && t.format.m.part.is_some();
    if wanted && t.seg.cards().is_none() {
        t.seg.expose(cx);
        t.seg.make_cards(cx);
    }
}

/// Returns a segment's memory.
///
/// # Safety
/// Nobody uses the segment afterwards, and no object in it.
pub unsafe fn destroy(cx: Inside<'_>, seg: P<Seg>) {
    let t = table::of(seg);
    unlist(data(seg.pool.get()), t);
    // SAFETY: the caller's promise.
    unsafe {
        t.finish();
        seg.destroy(cx);
    }
}

/// A new segment of at least `least` bytes. Unless it is for one object, it is larger the
/// larger the pool is.
fn new_seg(
    cx: Inside<'_>,
    pool: P<Pool>,
    ranks: RankSet,
    least: Size,
    large: bool,
) -> Result<&'static Table> {
    let d = data(pool.get());
    let g = d.generation;
    let grain = cx.arena.grain();
    let least_usual = cx.arena.at_most_part(SEG_MIN, 64);
    let wish = if large { 0 } else { (pool.bytes.get() / 8).max(least_usual).min(SEG_MAX) };
    let least = crate::base::addr::size_up_checked(least, grain).ok_or(Res::Memory)?;
    let wish = size_up(wish, grain).max(least);
    let make = |size| Seg::create(cx, pool, g.get().home(), Some(g), size, ranks);
    let seg = match make(wish) {
        Err(_) if wish > least => make(least)?,
        other => other?,
    };
    let Some(format) = pool.format.get() else { return Err(Res::Param) };
    if let Err(e) = Table::hang(seg, pool.get(), format) {
        // SAFETY: just made, and empty.
        unsafe { seg.destroy(cx) };
        return Err(e);
    }
    seg.large.set(large);
    super::debug::paint_free(cx, table::of(seg));
    Ok(table::of(seg))
}

/// Finds room, as [`crate::object::pool::PoolClass::ap_fill`] says.
pub fn fill(cx: Inside<'_>, ap: P<Buffer>, ranks: RankSet, size: Size) -> Result<Room> {
    let pool = ap.pool;
    if size >= LARGE_SIZE {
        let t = new_seg(cx, pool, ranks, size, true)?;
        // The room is only as large as the object, so that no other comes to be there.
        t.cursor.set(t.seg.limit);
        return Ok(Room { seg: Some(t.seg), base: t.seg.base, limit: t.seg.base.add(size) });
    }
    if let Some(r) = find(cx, pool, ranks, size, size.max(SHORTEST_RUN)) {
        return Ok(r);
    }
    match new_seg(cx, pool, ranks, size, false) {
        Ok(t) => {
            t.cursor.set(t.seg.limit);
            Ok(Room { seg: Some(t.seg), base: t.seg.base, limit: t.seg.limit })
        }
        Err(e) => {
            // There is no memory for another segment, so what was passed over is searched.
            rewind(pool, ranks);
            find_all(cx, pool, ranks, size).ok_or(e)
        }
    }
}

/// Looks for a free stretch of at least `min` bytes.
fn find(cx: Inside<'_>, pool: P<Pool>, ranks: RankSet, size: Size, min: Size) -> Option<Room> {
    let d = data(pool.get());
    let rooms = d.rooms.get(list_of(ranks))?;
    let mut tries = SHORT_RUNS_PASSED;
    let mut grey = GREY_SEGS_PASSED;
    while let Some(t) = rooms.first() {
        if t.seg.cards().is_some() {
            // A trace has given it cards since it was listed.
            rooms.remove(t);
            continue;
        }
        if t.seg.is_grey_for(cx.flipped.get()) {
            // The mutator would have a barrier hit there at once.
            rooms.remove(t);
            rooms.push_back(t);
            grey -= 1;
            if grey == 0 {
                return None;
            }
            continue;
        }
        if let Some((base, limit)) = t.next_run(min, SEG_MAX.max(size), &mut tries) {
            return Some(take(cx, rooms, t, base, limit));
        }
        if tries == 0 {
            return None;
        }
        rooms.remove(t);
    }
    None
}

/// As [`find`], for `size` bytes and in all stretches of all segments, for there is no more
/// memory to be had.
#[cold]
fn find_all(cx: Inside<'_>, pool: P<Pool>, ranks: RankSet, size: Size) -> Option<Room> {
    let d = data(pool.get());
    let rooms = d.rooms.get(list_of(ranks))?;
    while let Some(t) = rooms.first() {
        let mut tries = usize::MAX;
        if t.seg.cards().is_some() {
            rooms.remove(t);
            continue;
        }
        if let Some((base, limit)) = t.next_run(size, SEG_MAX.max(size), &mut tries) {
            return Some(take(cx, rooms, t, base, limit));
        }
        rooms.remove(t);
    }
    None
}

/// Has every segment searched again that may be allocated in.
#[cold]
fn rewind(pool: P<Pool>, ranks: RankSet) {
    let d = data(pool.get());
    for seg in pool.segs.iter() {
        if seg.ranks == ranks && !seg.is_white() && seg.buffer.get().is_none() {
            let t = table::of(seg);
            t.cursor.set(seg.base);
            list(d, t);
        }
    }
}

fn take(
    cx: Inside<'_>,
    rooms: &crate::base::list::List<Table, 0>,
    t: P<Table>,
    base: Addr,
    limit: Addr,
) -> Room {
    // A segment has one allocation point at a time.
    rooms.remove(t);
    t.known.set(base);
    if let Some(p) = data(t.seg.pool.get()).paint {
        p.look(cx, t.seg, base, limit);
    }
    // The client is about to write to it, many times.
    t.seg.write_hit(cx);
    Room { seg: Some(t.seg), base, limit }
}

/// Takes room back, as [`crate::object::pool::PoolClass::ap_empty`] says.
pub fn empty(cx: Inside<'_>, ap: P<Buffer>, seg: P<Seg>, init: Addr) {
    let t = table::of(seg);
    let d = data(seg.pool.get());
    t.learn(init);
    if let Some(p) = d.paint {
        p.lay(cx, seg, init, ap.room_limit.get());
    }
    if t.cursor.get() == ap.room_limit.get() {
        // The cursor has not moved since, so the rest can be found again.
        t.cursor.set(init);
    }
    if !ap.stale.get() {
        bump(&d.generation.new_size, init.since(ap.base.get()));
    }
    if seg.is_white() {
        return;
    }
    if t.used.get() == 0 {
        // SAFETY: nothing was committed in it; its allocation point has just left it.
        unsafe { destroy(cx, seg) };
    } else {
        make_cards(cx, t);
        if t.cursor.get() < seg.limit {
            list(d, t);
        }
    }
}

/// Takes back what is white, as [`crate::object::pool::PoolClass::reclaim`] says.
pub fn reclaim(cx: Inside<'_>, seg: P<Seg>) {
    let t = table::of(seg);
    let d = data(seg.pool.get());
    t.catch_up();
    let (used, kept) = t.sweep();
    bump(&d.kept, kept);
    bump(&cx.stats.reclaimed, used - kept);
    if seg.buffer.get().is_none() {
        if kept == 0 {
            // SAFETY: nothing in it was found alive, and no allocation point is there.
            unsafe { destroy(cx, seg) };
            return;
        }
        make_cards(cx, t);
        list(d, t);
    }
    super::debug::paint_free(cx, t);
    // Else its allocation point has not called since the flip, and may have a block
    // reserved there. The segment stays until it calls.
    if let Some(g) = seg.generation.get() {
        seg.enlist(cx, g);
    }
}

/// How many bytes of a segment are neither in an object nor in the room of an allocation
/// point.
pub fn free_in(seg: P<Seg>) -> Size {
    let t = table::of(seg);
    let room = seg.buffer.get().map_or(0, |b| b.room_limit.get().since(t.known.get()));
    seg.get().size().saturating_sub(t.used.get()).saturating_sub(room)
}
