//! Blocks that go all together: with the pool.

use core::cell::Cell;
use mps::arena::Home;
use mps::base::addr::{Addr, Size, size_up_checked};
use mps::base::ptr::P;
use mps::base::res::{Res, Result};
use mps::base::sets::RankSet;
use mps::object::buffer::Buffer;
use mps::object::cx::Inside;
use mps::object::pool::{ClassHandle, Pool, PoolClass, Room};
use mps::object::seg::Seg;
use mps::seam::args::{_mps_key_EXTEND_BY, Args};

/// The class.
pub struct Region;

/// What pools are made from.
pub static REGION: ClassHandle = ClassHandle::new(&Region);

/// Memory to get at a time, unless `MPS_KEY_EXTEND_BY` says otherwise.
const EXTEND_BY: Size = 64 << 10;

/// What a pool of the class knows.
struct Data {
    /// Its segments lie together.
    home: Home,
    extend_by: Size,
    /// The next block comes from here.
    next: Cell<Addr>,
    limit: Cell<Addr>,
    /// Left at the ends of segments, for good.
    lost: Cell<Size>,
}

fn data<'a>(pool: P<Pool>) -> &'a Data {
    // SAFETY: set by `init`, to a `Data` that lives until `finish`.
    unsafe { &*pool.data.get().cast::<Data>() }
}

/// `size` bytes, a multiple of the alignment, from the front of what is left.
fn take(pool: P<Pool>, size: Size) -> Result<Addr> {
    let d = data(pool);
    if d.limit.get().since(d.next.get()) < size {
        // SAFETY: part of the pool's data, which outlives its segments.
        let home = unsafe { P::new(core::ptr::NonNull::from(&d.home)) };
        // No generation, no references: the collector has no business here.
        // SAFETY: a class without a lock of its own is called inside.
        let cx = unsafe { pool.inside() };
        let seg = Seg::create(cx, pool, home, None, size.max(d.extend_by), RankSet::EMPTY)?;
        d.lost.set(d.lost.get() + d.limit.get().since(d.next.get()));
        d.next.set(seg.base);
        d.limit.set(seg.limit);
    }
    let at = d.next.get();
    d.next.set(at.add(size));
    Ok(at)
}

impl PoolClass for Region {
    fn name(&self) -> &'static str {
        "REGION"
    }

    fn init(&self, cx: Inside<'_>, pool: P<Pool>, args: &mut Args) -> Result {
        let extend_by = args.size(&_mps_key_EXTEND_BY).unwrap_or(EXTEND_BY);
        mps::aver_client!(extend_by != 0, "MPS_KEY_EXTEND_BY is positive", Err(Res::Param));
        let d = cx.arena.control_new(Data {
            home: Home::default(),
            extend_by,
            next: Cell::new(Addr::NULL),
            limit: Cell::new(Addr::NULL),
            lost: Cell::new(0),
        })?;
        pool.get().data.set(d.as_ptr().cast());
        Ok(())
    }

    fn finish(&self, cx: Inside<'_>, pool: P<Pool>) {
        while let Some(seg) = pool.segs.first() {
            // SAFETY: the pool goes, with all that is in it.
            unsafe { seg.destroy(cx) };
        }
        let arena = &cx.arena;
        let d = data(pool);
        // SAFETY: part of the data, which goes below; nothing of it is used any more.
        unsafe { arena.retire(P::new(core::ptr::NonNull::from(&d.home))) };
        // SAFETY: nobody uses it any more.
        unsafe { arena.control_free(Addr::of(d), size_of::<Data>()) };
    }

    fn alloc(&self, pool: P<Pool>, size: Size) -> Result<Addr> {
        take(pool, size_up_checked(size, pool.align.get()).ok_or(Res::Resource)?)
    }

    // Freeing a block is left to the default: `Unimpl`.

    fn ap_init(&self, _ap: P<Buffer>, _args: &mut Args) -> Result {
        Ok(())
    }

    fn ap_fill(&self, ap: P<Buffer>, size: Size) -> Result<Room> {
        const ROOM: Size = 4096;
        let (pool, size) = (ap.pool, size.max(ROOM));
        let base = take(pool, size)?;
        Ok(Room { seg: None, base, limit: base.add(size) })
    }

    fn ap_empty(&self, ap: P<Buffer>, _seg: Option<P<Seg>>, init: Addr) {
        let (d, end) = (data(ap.pool), ap.room_limit.get());
        if end == d.next.get() {
            // Nothing came after it.
            d.next.set(init);
        } else {
            d.lost.set(d.lost.get() + end.since(init));
        }
    }

    fn free_size(&self, pool: P<Pool>) -> Size {
        let d = data(pool);
        d.lost.get() + d.limit.get().since(d.next.get())
    }
}
