//! Collected objects that have pages of their own and never move.
//!
//! A segment is one object, so its colour is all there is to know: white, it has
//! not been found; found, it leaves the white segments for the next generation
//! and is grey until it has been scanned. Nothing is ever copied, and a collection
//! costs an object that lives a few words and its scan, whatever its size.
//!
//! Objects have a format and exact references. A reference to anywhere inside
//! an object keeps it, if it is ambiguous.

use core::cell::Cell;
use mps::base::addr::{Addr, Size};
use mps::base::check::Sig;
use mps::base::ptr::P;
use mps::base::res::{Res, Result};
use mps::base::sets::{Rank, RankSet};
use mps::object::buffer::Buffer;
use mps::object::cx::{Inside, bump};
use mps::object::locus::{Chain, Gen};
use mps::object::pool::{ClassHandle, Pool, PoolClass, Room, Scanned};
use mps::object::scan::{Ref, ScanState};
use mps::object::seg::Seg;
use mps::object::trace::Trace;
use mps::seam::args::{_mps_key_CHAIN, Args, Key};

/// The class.
pub struct Pages;

/// What pools are made from.
pub static PAGES: ClassHandle = ClassHandle::new(&Pages);

/// A key of the class's own: objects there may be at a time (`size`); default:
/// any number.
pub static KEY_MOST: Key = Key::new(c"PAGES_MOST");

/// The ranks of its objects' references.
const RANKS: RankSet = Rank::Exact.set();

/// What a pool of the class knows.
struct Data {
    chain: P<Chain>,
    most: Size,
    objects: Cell<Size>,
}

fn data<'a>(pool: P<Pool>) -> &'a Data {
    // SAFETY: set by `init`, to a `Data` that lives until `finish`.
    unsafe { &*pool.data.get().cast::<Data>() }
}

/// Generation `i` of the pool's chain, or the one in which all chains end.
fn generation(pool: P<Pool>, i: usize) -> P<Gen> {
    data(pool).chain.generation(i).unwrap_or(pool.cx.get().top())
}

/// How many objects a pool has, the dead ones that have not been noticed included.
pub fn objects(pool: P<Pool>) -> Size {
    data(pool).objects.get()
}

/// Gives a segment back.
///
/// # Safety
/// Nobody uses it afterwards, nor its object.
unsafe fn destroy(cx: Inside<'_>, seg: P<Seg>) {
    let d = data(seg.pool);
    d.objects.set(d.objects.get() - 1);
    // SAFETY: the caller's promise.
    unsafe { seg.destroy(cx) };
}

/// The object of `seg` is alive: from white to grey, and a generation older.
fn keep(seg: P<Seg>, ss: &ScanState) {
    let cx = ss.cx();
    // The trace that has found it.
    let trace = cx.cx().trace_of(seg.white.get());
    let age = seg.age.get() + 1;
    let g = generation(seg.pool, age);
    seg.set_not_white(cx);
    seg.age.set(age.min(data(seg.pool).chain.len));
    seg.enlist(cx, g);
    bump(&ss.kept, seg.get().size());
    seg.set_grey(cx, trace);
}

impl PoolClass for Pages {
    fn name(&self) -> &'static str {
        "PAGES"
    }

    fn needs_format(&self) -> bool {
        true
    }

    fn is_automatic(&self) -> bool {
        true
    }

    fn init(&self, cx: Inside<'_>, pool: P<Pool>, args: &mut Args) -> Result {
        let given: Option<P<Chain>> = match args.pointer(&_mps_key_CHAIN) {
            // SAFETY: the key's value is a chain's handle, checked below.
            Some(p) if !p.is_null() => unsafe { P::from_raw(p.cast()) },
            _ => cx.default_chain.get(),
        };
        let Some(chain) = given else { return Err(Res::Param) };
        mps::aver_client!(
            chain.sig.get() == Sig::CHAIN && chain.instance == cx.instance.get(),
            "MPS_KEY_CHAIN is a chain of this arena",
            Err(Res::Param)
        );
        let most = args.size(&KEY_MOST).unwrap_or(Size::MAX);
        let d = cx.arena.control_new(Data { chain, most, objects: Cell::new(0) })?;
        // A chain in use can't be destroyed.
        bump(&chain.users, 1);
        pool.get().data.set(d.as_ptr().cast());
        Ok(())
    }

    fn finish(&self, cx: Inside<'_>, pool: P<Pool>) {
        while let Some(seg) = pool.segs.first() {
            // SAFETY: the pool goes, with all that is in it.
            unsafe { destroy(cx, seg) };
        }
        let d = data(pool);
        d.chain.users.set(d.chain.users.get() - 1);
        // SAFETY: nobody uses it any more.
        unsafe { cx.arena.control_free(Addr::of(d), size_of::<Data>()) };
    }

    fn ap_init(&self, _ap: P<Buffer>, _args: &mut Args) -> Result {
        Ok(())
    }

    fn ap_fill(&self, ap: P<Buffer>, size: Size) -> Result<Room> {
        let pool = ap.pool;
        let d = data(pool);
        if d.objects.get() >= d.most {
            // The library collects, and asks again.
            return Err(Res::Limit);
        }
        let g = generation(pool, 0);
        // SAFETY: the class has no lock of its own, so this is called inside.
        let cx = unsafe { pool.inside() };
        let seg = Seg::create(cx, pool, g.get().home(), Some(g), size, RANKS)?;
        // One object: a scan may be broken off when its time is up.
        seg.large.set(true);
        bump(&d.objects, 1);
        // No more room than the object takes, so that it is the only one.
        Ok(Room { seg: Some(seg), base: seg.base, limit: seg.base.add(size) })
    }

    fn ap_empty(&self, ap: P<Buffer>, seg: Option<P<Seg>>, init: Addr) {
        let Some(seg) = seg else { return };
        seg.filled.set(init);
        if init == seg.base {
            // SAFETY: nothing was committed in it. Called inside.
            unsafe { destroy(ap.pool.inside(), seg) };
        } else if let Some(g) = seg.generation.get() {
            // New objects are what makes it worth collecting a generation.
            bump(&g.get().new_size, seg.get().size());
        }
    }

    fn whiten(&self, _cx: Inside<'_>, _t: &Trace, seg: P<Seg>) -> bool {
        // What its allocation point still has is too young to be dead.
        seg.buffer.get().is_none()
    }

    fn fix(&self, seg: P<Seg>, ss: &ScanState, r: Ref<'_>) -> Result {
        match ss.rank {
            // It may point anywhere, even behind the object, into what is left of
            // its last page.
            Rank::Ambig if r.get() >= seg.filled.get() => {}
            // Still white when weak references are looked at: dead.
            Rank::Weak => r.set(Addr::NULL),
            _ => keep(seg, ss),
        }
        Ok(())
    }

    fn scan(&self, seg: P<Seg>, ss: &ScanState) -> Result<Scanned> {
        let Some(format) = seg.pool.format.get() else { return Ok(Scanned::All) };
        let end = seg.get().objects_end();
        if end > seg.base {
            let done = ss.scan(format.get(), seg.base, end);
            if ss.broken_off.get() {
                return Ok(Scanned::Unfinished);
            }
            done?;
        }
        Ok(Scanned::All)
    }

    fn reclaim(&self, cx: Inside<'_>, _t: &Trace, seg: P<Seg>) {
        bump(&cx.stats.reclaimed, seg.get().size());
        // SAFETY: its object was not found, and no allocation point is there: such a
        // segment is not condemned.
        unsafe { destroy(cx, seg) };
    }

    fn areas(
        &self,
        _cx: Inside<'_>,
        pool: P<Pool>,
        f: &mut dyn FnMut(P<Seg>, Addr, Addr) -> Result,
    ) -> Result {
        pool.get().filled_areas(f)
    }

    fn object_at(&self, _cx: Inside<'_>, seg: P<Seg>, a: Addr) -> Result<Addr> {
        if a >= seg.get().objects_end() {
            return Err(Res::Fail);
        }
        Ok(seg.base.add(seg.pool.format.get().map_or(0, |f| f.m.header)))
    }

    fn free_size(&self, _pool: P<Pool>) -> Size {
        // The rest of a last page is nobody else's.
        0
    }
}
