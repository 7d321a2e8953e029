//! Where allocation points get room, and what becomes of it.

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

/// Segments grow with the pool from this size ...
const SEG_MIN: Size = 16 * 1024;
/// ... to this one.
const SEG_MAX: Size = 64 * 1024;
/// An object of this size gets a segment to itself.
const LARGE: Size = 16 * 1024;
/// A stretch shorter than this is not worth a visit.
const SHORT: Size = 128;
/// Stretches that are too short passed over in one search.
const TRIES: usize = 16;
/// Segments that are just now grey passed over in one search.
const GREY_TRIES: usize = 4;

fn list_of(ranks: RankSet) -> usize {
    ranks.0.trailing_zeros().min(3) as usize
}

fn list(d: &Data, t: &Table) {
    if let Some(l) = d.rooms.get(list_of(t.seg.ranks)) {
        if !t.is_listed() {
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

/// Returns a segment's memory.
///
/// # Safety
/// Nobody uses the segment afterwards, and no object in it.
pub unsafe fn destroy(cx: Inside<'_>, seg: P<Seg>) {
    let t = table::of(seg);
    unlist(data(seg.pool.get()), t);
    t.finish();
    // SAFETY: the caller's promise.
    unsafe { seg.destroy(cx) };
}

/// A new segment of at least `least` bytes; more, as the pool grows, unless it
/// is for one object.
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

/// See [`crate::object::pool::PoolClass::ap_fill`].
pub fn fill(cx: Inside<'_>, ap: P<Buffer>, ranks: RankSet, size: Size) -> Result<Room> {
    let pool = ap.pool;
    if size >= LARGE {
        let t = new_seg(cx, pool, ranks, size, true)?;
        // As much as the object, so that nothing else comes to live there.
        t.cursor.set(t.seg.limit);
        return Ok(Room { seg: Some(t.seg), base: t.seg.base, limit: t.seg.base.add(size) });
    }
    if let Some(r) = find(cx, pool, ranks, size, size.max(SHORT)) {
        return Ok(r);
    }
    match new_seg(cx, pool, ranks, size, false) {
        Ok(t) => {
            t.cursor.set(t.seg.limit);
            Ok(Room { seg: Some(t.seg), base: t.seg.base, limit: t.seg.limit })
        }
        Err(e) => {
            // There is no more memory to be had: every byte counts.
            rewind(pool, ranks);
            find_all(cx, pool, ranks, size).ok_or(e)
        }
    }
}

/// Looks for a free stretch of at least `min` bytes.
fn find(cx: Inside<'_>, pool: P<Pool>, ranks: RankSet, size: Size, min: Size) -> Option<Room> {
    let d = data(pool.get());
    let rooms = d.rooms.get(list_of(ranks))?;
    let mut tries = TRIES;
    let mut grey = GREY_TRIES;
    while let Some(t) = rooms.first() {
        if t.seg.is_grey_for(cx.flipped.get()) {
            // The mutator would only run into the barrier.
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

/// As [`find`], but thoroughly.
#[cold]
fn find_all(cx: Inside<'_>, pool: P<Pool>, ranks: RankSet, size: Size) -> Option<Room> {
    let d = data(pool.get());
    let rooms = d.rooms.get(list_of(ranks))?;
    while let Some(t) = rooms.first() {
        let mut tries = usize::MAX;
        if let Some((base, limit)) = t.next_run(size, SEG_MAX.max(size), &mut tries) {
            return Some(take(cx, rooms, t, base, limit));
        }
        rooms.remove(t);
    }
    None
}

/// Every segment that may be allocated in is to be searched again.
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
    // One allocation point at a time.
    rooms.remove(t);
    t.known.set(base);
    if let Some(p) = data(t.seg.pool.get()).paint {
        p.look(cx, t.seg, base, limit);
    }
    // It is about to be written to, and not for the last time.
    t.seg.write_hit(cx);
    Room { seg: Some(t.seg), base, limit }
}

/// See [`crate::object::pool::PoolClass::ap_empty`].
pub fn empty(cx: Inside<'_>, ap: P<Buffer>, seg: P<Seg>, init: Addr) {
    let t = table::of(seg);
    let d = data(seg.pool.get());
    t.learn(init);
    if let Some(p) = d.paint {
        p.lay(cx, seg, init, ap.room_limit.get());
    }
    if t.cursor.get() == ap.room_limit.get() {
        // Nobody has looked further since: the rest can be had again.
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
    } else if t.cursor.get() < seg.limit {
        list(d, t);
    }
}

/// See [`crate::object::pool::PoolClass::reclaim`].
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
        list(d, t);
    }
    super::debug::paint_free(cx, t);
    // Else its allocation point has not been back since the flip, and may have
    // a block reserved: the rest must wait for it.
    if let Some(g) = seg.generation.get() {
        seg.enlist(cx, g);
    }
}

/// Bytes of a segment that no object and no allocation point has.
pub fn free_in(seg: P<Seg>) -> Size {
    let t = table::of(seg);
    let room = seg.buffer.get().map_or(0, |b| b.room_limit.get().since(t.known.get()));
    seg.get().size().saturating_sub(t.used.get()).saturating_sub(room)
}
