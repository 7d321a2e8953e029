//! AMC and AMCZ: automatic, mostly copying.
//!
//! Objects that survive a collection are copied to the next generation of the
//! pool's chain, the last generation's to the arena's top generation. Objects
//! that ambiguous references point to stay where they are (`nailed`). Objects
//! of at least the large size have a segment of their own and change generation
//! without being copied. AMCZ is the same for objects without references.
//!
//! A generation's copies go to the end of one open segment
//! ([`AmcGen::open`]), which is scanned in Cheney's manner from `scanned` up
//! to `filled`.

pub mod fix;
pub mod nailed;
pub mod scan;

use crate::base::addr::{Addr, Size, size_up};
use crate::base::ptr::{P, Slot};
use crate::base::res::{Res, Result};
use crate::base::sets::{Rank, RankSet, RefSet};
use crate::object::buffer::Buffer;
use crate::object::cx::{Inside, bump};
use crate::object::format::Format;
use crate::object::locus::{Chain, Gen};
use crate::object::pool::{Pool, PoolClass, Room, Scanned};
use crate::object::scan::{Ref, ScanState};
use crate::object::seg::Seg;
use crate::object::trace::Trace;
use crate::seam::args::{self, Args};
use crate::seam::parts;
use core::cell::Cell;

/// The pool class. There are two: for objects with references, and for those without.
pub struct Amc {
    ranks: RankSet,
    name: &'static str,
}

/// Objects with exact references.
pub static AMC: Amc = Amc { ranks: Rank::Exact.set(), name: "AMC" };
/// Objects without references.
pub static AMCZ: Amc = Amc { ranks: RankSet::EMPTY, name: "AMCZ" };

/// How large a segment for many objects may become as the pool grows. A guess: half of it
/// is wasted, on average, for each allocation point and each generation.
const SEG_MAX: Size = 64 * 1024;
/// The least size of a segment, unless a key says otherwise. A guess. In an
/// arena of less than 512 KB it is a 64th of the capacity. It is rounded up to grains.
const EXTEND_BY: Size = 8192;
/// The least size of an object that has a segment of its own, unless a key says otherwise:
/// the interface's default.
const LARGE_SIZE: Size = 32 * 1024;

/// One generation, as one pool sees it.
pub struct AmcGen {
    /// The chain's generation.
    pub generation: P<Gen>,
    /// Where copies go.
    pub open: Slot<Seg>,
    /// Bytes that came in by promotion in this trace.
    pub promoted: Cell<Size>,
}

/// What a pool of the class knows.
pub struct Data {
    gens: *mut AmcGen,
    /// Generations, the top one included.
    len: usize,
    chain: P<Chain>,
    extend_by: Size,
    large: Size,
    /// Do ambiguous pointers to the inside of an object count?
    pub interior: bool,
}

impl Data {
    /// The age of what was of age `age` and is promoted: an index of the last generation at most.
    pub fn next_age(&self, age: usize) -> usize {
        (age + 1).min(self.len - 1)
    }

    /// Generation `i`, or the top one.
    #[inline(always)]
    pub fn generation(&self, i: usize) -> &AmcGen {
        let i = if i < self.len { i } else { self.len - 1 };
        // SAFETY: the array has `len` entries, at least one.
        unsafe { &*self.gens.add(i) }
    }

    fn all(&self) -> impl Iterator<Item = &AmcGen> {
        (0..self.len).map(|i| self.generation(i))
    }
}

/// The pool's own data.
#[inline(always)]
pub fn data(pool: &Pool) -> &Data {
    // SAFETY: set by `init`, to a `Data` that lives until `finish`.
    unsafe { &*pool.data.get().cast::<Data>() }
}

/// The pool's format.
#[inline(always)]
pub fn format(pool: &Pool) -> &Format {
    match pool.format.get() {
        Some(f) => f.get(),
        // A pool of this class is never made without (`needs_format`).
        None => crate::base::check::stop(),
    }
}

impl Amc {
    /// A segment for generation `i`, of `least` bytes or more: a 32nd of the pool or an eighth
    /// of the generation's capacity, whichever is less, up to [`SEG_MAX`] and if there is
    /// memory for it. The fractions are guesses.
    fn new_seg(&self, cx: Inside<'_>, pool: P<Pool>, i: usize, least: Size) -> Result<P<Seg>> {
        let d = data(pool.get());
        let g = d.generation(i).generation;
        let grain = cx.arena.grain();
        let least = size_up(least, grain);
        let wish = (pool.bytes.get() / 32)
            .min(g.capacity.get() / 8)
            .clamp(d.extend_by, SEG_MAX.max(d.extend_by));
        let wish = size_up(wish, grain).max(least);
        let make = |size| Seg::create(cx, pool, g.home(), Some(g), size, self.ranks);
        let seg = match make(wish) {
            Err(_) if wish > least => make(least)?,
            other => other?,
        };
        seg.age.set(i);
        Ok(seg)
    }
}

impl PoolClass for Amc {
    fn name(&self) -> &'static str {
        self.name
    }

    fn needs_format(&self) -> bool {
        true
    }

    fn is_automatic(&self) -> bool {
        true
    }

    fn moves(&self) -> bool {
        true
    }

    fn values(&self) -> &'static str {
        "fc\0"
    }

    fn init(&self, cx: Inside<'_>, pool: P<Pool>, args: &mut Args) -> Result {
        let chain: Option<P<Chain>> = match args.pointer(&args::_mps_key_CHAIN) {
            // SAFETY: the key's value is a chain handle, checked below.
            Some(p) if !p.is_null() => unsafe { P::from_raw(p.cast()) },
            _ => cx.default_chain.get(),
        };
        let interior = args.bool(&args::_mps_key_INTERIOR).unwrap_or(true);
        let usual = cx.arena.at_most_part(EXTEND_BY, 64).max(1);
        let extend_by = args.size(&args::_mps_key_EXTEND_BY).unwrap_or(usual);
        let large = args.size(&args::_mps_key_LARGE_SIZE).unwrap_or(LARGE_SIZE);
        crate::aver_client!(
            extend_by != 0 && extend_by <= large,
            "MPS_KEY_EXTEND_BY is positive and at most MPS_KEY_LARGE_SIZE",
            Err(Res::Param)
        );
        let Some(chain) = chain else { return Err(Res::Param) };
        crate::aver_client!(
            chain.sig.get() == crate::base::check::Sig::CHAIN
                && chain.instance == cx.instance.get(),
            "MPS_KEY_CHAIN is a chain of this arena",
            Err(Res::Param)
        );
        let len = chain.len + 1;
        let bytes = len * size_of::<AmcGen>();
        let gens: *mut AmcGen = cx.arena.control_alloc(bytes)?.ptr();
        for i in 0..len {
            let generation = chain.generation(i).unwrap_or(cx.top());
            // SAFETY: an array of `len`, just allocated.
            unsafe {
                gens.add(i).write(AmcGen {
                    generation,
                    open: Cell::new(None),
                    promoted: Cell::new(0),
                })
            };
        }
        let data = Data { gens, len, chain, extend_by, large, interior };
        let d = cx
            .arena
            .control_new(data)
            // SAFETY: made above, and nobody else has it yet.
            .inspect_err(|_| unsafe { cx.arena.control_free(Addr::of(gens), bytes) })?;
        bump(&chain.users, 1);
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
        d.chain.users.set(d.chain.users.get() - 1);
        // SAFETY: nobody uses it any more.
        unsafe { arena.control_free(Addr::of(d.gens), d.len * size_of::<AmcGen>()) };
        // SAFETY: nobody uses it any more.
        unsafe { arena.control_free(Addr::of(d), size_of::<Data>()) };
    }

    fn ap_init(&self, ap: P<Buffer>, args: &mut Args) -> Result {
        ap.uncounted.set(args.bool(&args::_mps_key_ap_hash_arrays).unwrap_or(false));
        // The key says into which generation to allocate. (The reference ignores it.)
        if let Some(g) = args.unsigned(&args::_mps_key_GEN) {
            let d = data(ap.pool.get());
            crate::aver_client!(
                (g as usize) < d.len,
                "MPS_KEY_GEN is at most the length of the chain",
                Err(Res::Param)
            );
            ap.generation.set(g as usize);
        }
        Ok(())
    }

    fn ap_fill(&self, ap: P<Buffer>, size: Size) -> Result<Room> {
        let pool = ap.pool;
        // SAFETY: the class has no lock of its own.
        let cx = unsafe { pool.inside() };
        let d = data(pool.get());
        let large = size >= d.large;
        let seg = if large {
            let g = d.generation(ap.generation.get()).generation;
            let seg = Seg::create(cx, pool, g.home(), Some(g), size, self.ranks)?;
            seg.age.set(ap.generation.get());
            seg.large.set(true);
            seg
        } else {
            self.new_seg(cx, pool, ap.generation.get(), size)?
        };
        // The room in a large segment is only as large as the object, so that no other
        // object comes to be there.
        let limit = if large { seg.base.add(size) } else { seg.limit };
        Ok(Room { seg: Some(seg), base: seg.base, limit })
    }

    fn ap_empty(&self, ap: P<Buffer>, seg: Option<P<Seg>>, init: Addr) {
        let Some(seg) = seg else { return };
        // SAFETY: the class has no lock of its own.
        let cx = unsafe { ap.pool.inside() };
        seg.filled.set(init);
        if seg.doomed.get() || (init == seg.base && seg.nails.get().is_none()) {
            // SAFETY: nothing was committed in it, or all has been reclaimed; its
            // allocation point has just left it.
            unsafe { seg.destroy(cx) };
            return;
        }
        if seg.large.get() && !seg.is_white() {
            if holds_many(cx, seg) {
                seg.large.set(false);
                seg.set_bulk(cx);
            } else {
                seg.make_cards(cx);
            }
        }
        if ap.uncounted.get() || ap.stale.get() {
            return;
        }
        if let Some(g) = seg.generation.get() {
            let g = g.get();
            let count = if ap.ramps.get() == 0 { &g.new_size } else { &g.ramp_size };
            bump(count, init.since(ap.base.get()));
        }
    }

    fn ramp_begin(&self, ap: P<Buffer>) {
        bump(&data(ap.pool.get()).chain.ramps, 1);
    }

    fn ramp_end(&self, ap: P<Buffer>) {
        let chain = data(ap.pool.get()).chain.get();
        chain.ramps.set(chain.ramps.get() - 1);
        if chain.ramps.get() == 0 {
            chain.ramps_over();
        }
    }

    fn whiten(&self, cx: Inside<'_>, t: &Trace, seg: P<Seg>) -> bool {
        // Nothing has been committed in it, though a block may be reserved.
        if seg.get().objects_end() == seg.base {
            return false;
        }
        let d = data(seg.pool.get());
        let g = d.generation(seg.age.get());
        if g.open.get() == Some(seg) {
            g.open.set(None);
        }
        if seg.large.get() && seg.cards().is_none() && holds_many(cx, seg) {
            // Its allocation point is still there.
            seg.large.set(false);
        }
        let next = d.generation(d.next_age(seg.age.get())).generation;
        seg.copies_young.set(next != cx.top());
        let in_place = if seg.young.get() { &t.young_in_place } else { &t.old_in_place };
        // An archive without barriers is for small heaps, where this gains little.
        if parts::BARRIERS && in_place.get() && !seg.large.get() && seg.buffer.get().is_none() {
            nailed::whiten_in_place(cx, seg);
        }
        true
    }

    #[inline]
    fn fix(&self, seg: P<Seg>, ss: &ScanState, r: Ref<'_>) -> Result {
        fix::fix(seg, ss, r)
    }

    fn scan(&self, seg: P<Seg>, ss: &ScanState) -> Result<Scanned> {
        scan::scan(seg, ss)
    }

    fn in_cards(&self, _seg: P<Seg>) -> bool {
        // When its allocation point left, or it became white, it was no more than one.
        true
    }

    fn reclaim(&self, cx: Inside<'_>, t: &Trace, seg: P<Seg>) {
        if seg.hold_all.get() || seg.nails.get().is_some() {
            nailed::reclaim(cx, t, seg);
            return;
        }
        bump(&cx.stats.reclaimed, seg.get().objects_end().since(seg.base));
        if seg.buffer.get().is_some() {
            // Its allocation point has not called since the flip, and may have a block
            // reserved there. The memory stays until it calls.
            seg.doomed.set(true);
            seg.filled.set(seg.base);
            if let Some(g) = seg.generation.get() {
                seg.enlist(cx, g);
            }
            return;
        }
        // SAFETY: nothing in it was found alive, and no allocation point is there.
        unsafe { seg.destroy(cx) };
    }

    fn trace_done(&self, _cx: Inside<'_>, pool: P<Pool>) {
        for g in data(pool.get()).all() {
            bump(&g.generation.get().new_size, g.promoted.replace(0));
        }
    }

    fn areas(
        &self,
        _cx: Inside<'_>,
        pool: P<Pool>,
        f: &mut dyn FnMut(P<Seg>, Addr, Addr) -> Result,
    ) -> Result {
        pool.get().filled_areas(f)
    }

    fn object_at(&self, cx: Inside<'_>, seg: P<Seg>, a: Addr) -> Result<Addr> {
        let fmt = format(seg.pool.get());
        let end = seg.get().objects_end();
        if a >= end {
            return Err(Res::Fail);
        }
        seg.expose(cx);
        let h = fmt.m.header;
        let mut base = seg.base;
        while base < end {
            let p = base.add(h);
            let next = base.add(fmt.size(p));
            crate::aver!(next > base, "skip method goes forward");
            if a < next {
                let gone = seg.is_white() && !fmt.forwarded(p).is_null();
                return if gone { Err(Res::Fail) } else { Ok(p) };
            }
            base = next;
        }
        Err(Res::Fail)
    }

    fn free_size(&self, pool: P<Pool>) -> Size {
        // Room in an allocation point's buffer counts as in use.
        pool.segs
            .iter()
            .filter(|s| s.buffer.get().is_none())
            .map(|s| s.limit.since(s.filled.get()))
            .sum()
    }
}

/// Is more than one object in a segment that was made for one large object? A client may
/// reserve a large block and put many objects into it. Calls out: format.
fn holds_many(cx: Inside<'_>, seg: P<Seg>) -> bool {
    let fmt = format(seg.pool.get());
    seg.expose(cx);
    let first = fmt.size(seg.base.add(fmt.m.header));
    seg.base.add(first) < seg.get().objects_end()
}

/// A place for a copy of `size` bytes in the generation after that of `seg`, and the
/// segment it is in.
#[inline(always)]
pub fn reserve_copy(
    cx: Inside<'_>,
    class: &Amc,
    seg: P<Seg>,
    size: Size,
) -> Option<(P<Seg>, Addr)> {
    let pool = seg.pool;
    let g = data(pool.get()).generation(seg.age.get() + 1);
    if let Some(open) = g.open.get() {
        let at = open.filled.get();
        if size <= open.limit.since(at) {
            open.filled.set(at.add(size));
            bump(&g.promoted, size);
            return Some((open, at));
        }
    }
    reserve_copy_slow(cx, class, seg, size)
}

#[cold]
#[inline(never)]
fn reserve_copy_slow(
    cx: Inside<'_>,
    class: &Amc,
    seg: P<Seg>,
    size: Size,
) -> Option<(P<Seg>, Addr)> {
    let pool = seg.pool;
    let t = cx.cx().trace_of(seg.white.get());
    if t.emergency.get() {
        return None;
    }
    let d = data(pool.get());
    let i = d.next_age(seg.age.get());
    match class.new_seg(cx, pool, i, size) {
        Ok(new) => {
            new.set_summary(cx, RefSet::EMPTY, false);
            new.filled.set(new.base.add(size));
            let g = d.generation(i);
            g.open.set(Some(new));
            bump(&g.promoted, size);
            Some((new, new.base))
        }
        Err(_) => {
            // There is no memory to copy to. From here on objects stay where they are.
            t.emergency.set(true);
            None
        }
    }
}

/// The class of a segment's pool.
#[inline(always)]
pub fn class_of(seg: P<Seg>) -> &'static Amc {
    if seg.ranks.is_empty() { &AMCZ } else { &AMC }
}
