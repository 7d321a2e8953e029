//! SNC: objects are scanned as roots are. They go when the allocation frame in which they
//! were made is popped.
//!
//! Each allocation point has a stack of segments: `Buffer::data` points to the top one, and
//! `Seg::data` to the one below. A frame is the address at which the next object would have
//! been, or null if the stack was empty. The pool keeps segments that were popped, empty,
//! to use them again.

use crate::arena::Home;
use crate::base::addr::{Addr, Size, size_up};
use crate::base::ptr::P;
use crate::base::res::{Res, Result};
use crate::base::sets::{Rank, RankSet};
use crate::object::buffer::{self, Buffer};
use crate::object::cx::Inside;
use crate::object::pool::{Pool, PoolClass, Room, Scanned};
use crate::object::scan::ScanState;
use crate::object::seg::Seg;
use crate::seam::args::{self, Args};

/// The class.
pub struct Snc;
/// The class.
pub static SNC: Snc = Snc;

/// The least size of a segment, in bytes. In an arena of less than 1 MB it is a 64th of the
/// capacity. A guess.
const SEG_LEAST: Size = 16 * 1024;
const RANKS: RankSet = Rank::Exact.set();

/// What a pool of the class knows.
struct Data {
    home: Home,
    /// Segments in nobody's stack, the first of a chain; or null.
    free: core::cell::Cell<*mut ()>,
}

fn data(pool: &Pool) -> &Data {
    // SAFETY: set by `init`, to a `Data` that lives until `finish`.
    unsafe { &*pool.data.get().cast::<Data>() }
}

/// The segment that such a pointer leads to.
fn seg_at(at: *mut ()) -> Option<P<Seg>> {
    // SAFETY: these pointers are null or lead to segments of the pool, which live until the
    // pool goes.
    unsafe { P::from_raw(at.cast()) }
}

/// Puts a segment, which is in no stack, into the chain of free ones.
fn set_free(d: &Data, s: P<Seg>) {
    s.filled.set(s.base);
    s.data.set(d.free.replace(s.as_ptr().cast()));
}

/// A free segment with room for `size` bytes, taken out of the chain.
fn take_free(d: &Data, size: Size) -> Option<P<Seg>> {
    let mut link = &d.free;
    while let Some(s) = seg_at(link.get()) {
        if s.get().size() > size {
            link.set(s.data.get());
            return Some(s);
        }
        link = &s.get().data;
    }
    None
}

/// Pops every segment above the one that `frame` is in.
fn pop_to(ap: P<Buffer>, frame: Addr) -> Option<P<Seg>> {
    let pool = ap.pool.get();
    let d = data(pool);
    while let Some(s) = seg_at(ap.data.get()) {
        if s.get().range().contains(frame) {
            return Some(s);
        }
        ap.data.set(s.data.get());
        set_free(d, s);
    }
    None
}

impl PoolClass for Snc {
    fn name(&self) -> &'static str {
        "SNC"
    }

    fn values(&self) -> &'static str {
        "f\0"
    }

    fn ap_values(&self) -> &'static str {
        "R\0"
    }

    fn needs_format(&self) -> bool {
        true
    }

    fn init(&self, cx: Inside<'_>, pool: P<Pool>, _args: &mut Args) -> Result {
        let data =
            Data { home: Home::default(), free: core::cell::Cell::new(core::ptr::null_mut()) };
        let d = cx.arena.control_new(data)?;
        pool.get().data.set(d.as_ptr().cast());
        Ok(())
    }

    fn finish(&self, cx: Inside<'_>, pool: P<Pool>) {
        while let Some(seg) = pool.segs.first() {
            // SAFETY: the pool goes, with all that is in it.
            unsafe { seg.destroy(cx) };
        }
        let arena = &cx.arena;
        let d = data(pool.get());
        // SAFETY: part of the data, which goes below; nothing of it is used any more.
        unsafe { arena.retire(P::new(core::ptr::NonNull::from(&d.home))) };
        // SAFETY: nobody uses it any more.
        unsafe { arena.control_free(Addr::of(d), size_of::<Data>()) };
    }

    fn ap_init(&self, _ap: P<Buffer>, args: &mut Args) -> Result {
        let rank = args.unsigned(&args::_mps_key_RANK).unwrap_or(Rank::Exact as u32);
        crate::aver_client!(
            rank == Rank::Exact as u32,
            "MPS_KEY_RANK is one that the pool class allows",
            Err(Res::Param)
        );
        Ok(())
    }

    fn ap_fill(&self, ap: P<Buffer>, size: Size) -> Result<Room> {
        let pool = ap.pool;
        // SAFETY: the class has no lock of its own.
        let cx = unsafe { pool.inside() };
        let d = data(pool.get());
        // Some room is left at the end of each segment: a frame at the end of the room must
        // not be the address at which the next segment begins.
        let spare = pool.align.get();
        let want = size.checked_add(spare).ok_or(Res::Memory)?;
        let seg = match take_free(d, size) {
            Some(s) => s,
            None => {
                // SAFETY: part of the pool's data, which outlives its segments.
                let home = unsafe { P::new(core::ptr::NonNull::from(&d.home)) };
                let make = |n| Seg::create(cx, pool, home, None, n, RANKS);
                let wish = want.max(cx.arena.at_most_part(SEG_LEAST, 64));
                let grains = |n| size_up(n, cx.arena.grain());
                match make(wish) {
                    Err(_) if want < wish && grains(want) < grains(wish) => make(want)?,
                    other => other?,
                }
            }
        };
        seg.filled.set(seg.base);
        seg.set_summary_all(cx);
        seg.data.set(ap.data.replace(seg.as_ptr().cast()));
        Ok(Room { seg: Some(seg), base: seg.base, limit: seg.limit.sub(spare) })
    }

    fn ap_empty(&self, _ap: P<Buffer>, seg: Option<P<Seg>>, init: Addr) {
        if let Some(s) = seg {
            s.filled.set(init);
        }
    }

    fn ap_finish(&self, ap: P<Buffer>) {
        pop_to(ap, Addr::NULL);
    }

    fn frame_push(&self, ap: P<Buffer>) -> Result<Addr> {
        Ok(match seg_at(ap.data.get()) {
            // Its room is that of the top segment, if it has any.
            Some(_) if !ap.get().is_empty() => ap.init.get(),
            Some(s) => s.filled.get(),
            None => Addr::NULL,
        })
    }

    fn frame_pop(&self, ap: P<Buffer>, frame: Addr) -> Result {
        let mut s = seg_at(ap.data.get());
        while s.is_some_and(|s| !s.get().range().contains(frame)) {
            s = s.and_then(|s| seg_at(s.data.get()));
        }
        let end = |s: P<Seg>| if s.buffer.get().is_some() { ap.init.get() } else { s.filled.get() };
        crate::aver_client!(
            frame.is_null()
                || s.is_some_and(|s| frame <= end(s) && frame.is_aligned(ap.pool.align.get())),
            "a frame popped was pushed on the same allocation point, and not popped since",
            Err(Res::Fail)
        );
        if s.is_none() || s != ap.seg.get() {
            buffer::detach(ap);
        }
        let Some(s) = pop_to(ap, frame) else { return Ok(()) };
        if s.buffer.get().is_some() {
            ap.init.set(frame);
            ap.alloc.set(frame);
            ap.init_at_flip.set(ap.init_at_flip.get().min(frame));
            return Ok(());
        }
        // There is room above the frame.
        s.filled.set(frame);
        // SAFETY: the class has no lock of its own.
        s.set_summary_all(unsafe { ap.pool.inside() });
        let limit = s.limit.sub(ap.pool.align.get());
        buffer::attach(ap, &Room { seg: Some(s), base: frame, limit });
        Ok(())
    }

    fn scan(&self, seg: P<Seg>, ss: &ScanState) -> Result<Scanned> {
        let end = seg.get().objects_end();
        let Some(f) = seg.pool.format.get() else { return Ok(Scanned::All) };
        if end > seg.base {
            ss.kept.set(end.since(seg.base));
            ss.scan(f.get(), seg.base, end)?;
        }
        Ok(Scanned::All)
    }

    fn areas(
        &self,
        _cx: Inside<'_>,
        pool: P<Pool>,
        f: &mut dyn FnMut(P<Seg>, Addr, Addr) -> Result,
    ) -> Result {
        pool.get().filled_areas(f)
    }

    fn free_size(&self, pool: P<Pool>) -> Size {
        // A buffer's room counts as in use; what `ap_fill` leaves behind it does not.
        let used = |s: P<Seg>| s.buffer.get().map_or(s.filled.get(), |b| b.room_limit.get());
        pool.segs.iter().map(|s| s.limit.since(used(s))).sum()
    }
}
