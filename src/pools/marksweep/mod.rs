//! AMS, AWL and LO: automatic pools that mark and sweep. Their objects don't move.
//!
//! The three share one machine: segments with tables of bits out of line ([`table`]), no
//! headers on objects, and all of a pool in one generation.
//!
//! - A trace marks objects, and scans those that it has marked, segment by segment
//!   ([`mark`]). At its end the marks say where objects are, and no object is touched.
//! - Allocation points go through the segments with room, from one free stretch to the
//!   next ([`room`]). That is when a segment is swept.
//! - During a trace nothing is allocated in white segments, so new objects are black and
//!   need no mark.
//!
//! AMS objects may have exact or ambiguous references, AWL objects exact or
//! weak ones and perhaps a dependent object, LO objects none.

#[cfg_attr(not(feature = "debug-classes"), path = "debug_off.rs")]
pub mod debug;
pub mod mark;
pub mod room;
pub mod table;

use crate::base::addr::{Addr, Size};
use crate::base::check::Sig;
use crate::base::list::List;
use crate::base::ptr::P;
use crate::base::res::{Res, Result};
use crate::base::sets::{Rank, RankSet};
use crate::object::buffer::Buffer;
use crate::object::cx::{Cx, Inside, bump};
use crate::object::locus::{Chain, Gen};
use crate::object::pool::{Pool, PoolClass, Room, Scanned};
use crate::object::scan::{Ref, ScanState};
use crate::object::seg::Seg;
use crate::object::trace::Phase;
use crate::object::trace::Trace;
use crate::seam::args::{self, Args, Key};
use crate::seam::client::FindDependent;
use core::cell::Cell;
use table::Table;

/// A pool class of this machine.
pub struct MarkSweep {
    name: &'static str,
    /// The arguments of its variadic creation.
    values: &'static str,
    /// The arguments of the variadic creation of its allocation points.
    ap_values: &'static str,
    /// Its own keyword, if it has one.
    key: Option<&'static Key>,
    /// Is free memory painted?
    debug: bool,
    /// The ranks an allocation point may have; none for leaf objects.
    ranks: RankSet,
}

/// AMS: objects with exact or ambiguous references.
pub static AMS: MarkSweep = MarkSweep {
    name: "AMS",
    values: "fca\0",
    ap_values: "R\0",
    key: Some(&args::_mps_key_AMS_SUPPORT_AMBIGUOUS),
    debug: false,
    ranks: Rank::Exact.set().or(Rank::Ambig.set()),
};
#[cfg(feature = "debug-classes")]
/// The debugging variety of AMS, in which free memory is painted.
pub static AMS_DEBUG: MarkSweep = MarkSweep {
    name: "AMSDBG",
    values: "ofca\0",
    ap_values: "R\0",
    key: Some(&args::_mps_key_AMS_SUPPORT_AMBIGUOUS),
    debug: true,
    ranks: Rank::Exact.set().or(Rank::Ambig.set()),
};
/// The ranks that AWL objects may have.
const AWL_RANKS: RankSet = Rank::Exact.set().or(Rank::Weak.set()).or(Rank::Ephemeron.set());
/// AWL: objects with exact or weak references or ephemerons, and perhaps a dependent object each.
pub static AWL: MarkSweep = MarkSweep {
    name: "AWL",
    values: "fd\0",
    ap_values: "R\0",
    key: Some(&args::_mps_key_AWL_FIND_DEPENDENT),
    debug: false,
    ranks: AWL_RANKS,
};
#[cfg(feature = "ephemerons")]
/// AWL by the name under which a fork of the original has one that scans whole segments when
/// they are touched. So does ours.
pub static AWL0: MarkSweep = MarkSweep { name: "AWL0", ..AWL };
#[cfg(feature = "ephemerons")]
/// The same by the name that this fork has for a class with ephemerons.
pub static AEPH: MarkSweep = MarkSweep { name: "AEPH", ..AWL };
/// LO: leaf objects, without references.
pub static LO: MarkSweep = MarkSweep {
    name: "LO",
    values: "f\0",
    ap_values: "\0",
    key: None,
    debug: false,
    ranks: RankSet::EMPTY,
};

/// A pool without a chain is collected after at least this many new bytes, and after at least
/// half as many as were alive. In an arena of less than 64 MB the least is a 16th of the capacity.
/// The same as the least nursery (`trace::policy`), which was measured.
const CAPACITY_LEAST: Size = 4 << 20;

/// [`CAPACITY_LEAST`], in this arena.
fn floor(cx: &Cx) -> Size {
    cx.arena.at_most_part(CAPACITY_LEAST, 16)
}

/// What a pool of these classes knows.
pub struct Data {
    /// Where its objects live.
    pub generation: P<Gen>,
    /// The chain that it was given, or its own.
    chain: P<Chain>,
    /// Is the chain the pool's own?
    own: bool,
    /// Segments that may have room, by rank.
    pub rooms: [List<Table, 0>; 5],
    /// The client's function that finds an object's dependent, for AWL.
    pub find_dependent: Option<FindDependent>,
    /// What free memory is painted with.
    pub paint: Option<debug::Paint>,
    /// Bytes found alive in this trace.
    pub kept: Cell<Size>,
    /// Was some of the pool condemned in this trace?
    condemned: Cell<bool>,
}

/// The pool's own data.
#[inline(always)]
pub fn data(pool: &Pool) -> &Data {
    // SAFETY: set by `init`, to a `Data` that lives until `finish`.
    unsafe { &*pool.data.get().cast::<Data>() }
}

/// Makes a chain of one generation, for a pool that was given none. Its capacity follows
/// how much of the pool is alive.
fn own_chain(cx: Inside<'_>) -> Result<P<Chain>> {
    let arena = &cx.arena;
    let g = arena.control_new(Gen::new(floor(&cx)))?;
    let c = arena
        .control_new(Chain::new(cx.instance.get(), g, 1))
        // SAFETY: made above, and nobody else has it yet.
        .inspect_err(|_| unsafe { arena.control_drop(g) })?;
    cx.chains.push_back(c);
    Ok(c)
}

fn drop_chain(cx: Inside<'_>, c: P<Chain>) {
    // SAFETY: nothing of it is used any more.
    unsafe { c.get().retire(cx) };
    cx.chains.remove(c);
    let g = c.get().array();
    // SAFETY: nobody uses it any more.
    unsafe { cx.arena.control_drop(g) };
    // SAFETY: nobody uses it any more.
    unsafe { cx.arena.control_drop(c) };
}

/// The chain and generation that the arguments name.
fn placement(cx: Inside<'_>, args: &mut Args) -> Result<(P<Chain>, P<Gen>, bool)> {
    let given: Option<P<Chain>> = match args.pointer(&args::_mps_key_CHAIN) {
        // SAFETY: the key's value is a chain handle, checked below.
        Some(p) if !p.is_null() => unsafe { P::from_raw(p.cast()) },
        _ => None,
    };
    if let Some(c) = given {
        crate::aver_client!(
            c.sig.get() == Sig::CHAIN && c.instance == cx.instance.get(),
            "MPS_KEY_CHAIN is a chain of this arena",
            Err(Res::Param)
        );
    }
    let i = args.unsigned(&args::_mps_key_GEN).unwrap_or(0) as usize;
    let Some(chain) = given else {
        let c = own_chain(cx)?;
        return Ok((c, c.get().array(), true));
    };
    crate::aver_client!(
        i <= chain.len,
        "MPS_KEY_GEN is at most the length of the chain",
        Err(Res::Param)
    );
    Ok((chain, chain.get().generation(i).unwrap_or(cx.top()), false))
}

impl PoolClass for MarkSweep {
    fn name(&self) -> &'static str {
        self.name
    }

    fn values(&self) -> &'static str {
        self.values
    }

    fn ap_values(&self) -> &'static str {
        self.ap_values
    }

    fn needs_format(&self) -> bool {
        true
    }

    fn is_automatic(&self) -> bool {
        true
    }

    fn init(&self, cx: Inside<'_>, pool: P<Pool>, args: &mut Args) -> Result {
        let arena = &cx.arena;
        let own = self.key.and_then(|k| args.take(k));
        // AMS can be told that ambiguous references to its objects hold. They always do:
        // objects don't move, so that costs nothing.
        let find_dependent = if self.ranks.meets(Rank::Weak.set()) {
            // SAFETY: the key's value is a function pointer, or null.
            own.and_then(|v| unsafe { v.find_dependent })
        } else {
            None
        };
        let paint = if self.debug {
            let options = args.pointer(&args::_mps_key_POOL_DEBUG_OPTIONS);
            debug::Paint::new(pool.get(), options.unwrap_or(core::ptr::null_mut()))?
        } else {
            None
        };
        let unpaint = || {
            if let Some(p) = paint {
                p.finish(pool.get());
            }
        };
        let (chain, generation, own) = placement(cx, args).inspect_err(|_| unpaint())?;
        let data = Data {
            generation,
            chain,
            own,
            rooms: core::array::from_fn(|_| List::default()),
            find_dependent,
            paint,
            kept: Cell::new(0),
            condemned: Cell::new(false),
        };
        let d = arena.control_new(data).inspect_err(|_| {
            unpaint();
            if own {
                drop_chain(cx, chain);
            }
        })?;
        bump(&chain.users, 1);
        pool.get().data.set(d.as_ptr().cast());
        Ok(())
    }

    fn finish(&self, cx: Inside<'_>, pool: P<Pool>) {
        while let Some(seg) = pool.segs.first() {
            // SAFETY: the pool goes, with all that is in it.
            unsafe { room::destroy(cx, seg) };
        }
        let d = data(pool.get());
        d.chain.users.set(d.chain.users.get() - 1);
        if d.own {
            drop_chain(cx, d.chain);
        }
        if let Some(p) = d.paint {
            p.finish(pool.get());
        }
        // SAFETY: nobody uses it any more.
        unsafe { cx.arena.control_free(Addr::of(d), size_of::<Data>()) };
    }

    fn ap_init(&self, ap: P<Buffer>, args: &mut Args) -> Result {
        if self.ranks.is_empty() {
            return Ok(());
        }
        if let Some(r) = args.unsigned(&args::_mps_key_RANK) {
            let rank = Rank::from_code(r).filter(|r| self.ranks.meets(r.set()));
            crate::aver_client!(
                rank.is_some(),
                "MPS_KEY_RANK is one that the pool class allows",
                Err(Res::Param)
            );
            ap.rank.set(rank.unwrap_or(Rank::Exact));
        }
        Ok(())
    }

    fn ap_fill(&self, ap: P<Buffer>, size: Size) -> Result<Room> {
        let ranks = if self.ranks.is_empty() { RankSet::EMPTY } else { ap.rank.get().set() };
        // SAFETY: the class has no lock of its own.
        room::fill(unsafe { ap.pool.inside() }, ap, ranks, size)
    }

    fn ap_empty(&self, ap: P<Buffer>, seg: Option<P<Seg>>, init: Addr) {
        if let Some(seg) = seg {
            // SAFETY: the class has no lock of its own.
            room::empty(unsafe { ap.pool.inside() }, ap, seg, init);
        }
    }

    fn whiten(&self, _cx: Inside<'_>, _t: &Trace, seg: P<Seg>) -> bool {
        let t = table::of(seg);
        t.catch_up();
        if t.used.get() == 0 && seg.buffer.get().is_some() {
            // Nothing has been committed in it, though a block may be reserved.
            return false;
        }
        t.clear_marks();
        let d = data(seg.pool.get());
        room::unlist(d, t);
        if !d.condemned.replace(true) {
            d.kept.set(0);
        }
        true
    }

    #[inline]
    fn fix(&self, seg: P<Seg>, ss: &ScanState, r: Ref<'_>) -> Result {
        mark::fix(seg, ss, r)
    }

    fn scan(&self, seg: P<Seg>, ss: &ScanState) -> Result<Scanned> {
        mark::scan(seg, ss)
    }

    fn in_cards(&self, seg: P<Seg>) -> bool {
        // An object's dependent has to be open whenever the object is scanned, and may be
        // written to: no part could be opened or shielded without it.
        // Ephemerons are scanned twice, and whole.
        if data(seg.pool.get()).find_dependent.is_some() || seg.ranks.meets(Rank::Ephemeron.set()) {
            return false;
        }
        let end = table::of(seg).only_object();
        seg.filled.set(end.unwrap_or(seg.base));
        end.is_some()
    }

    fn reclaim(&self, cx: Inside<'_>, _t: &Trace, seg: P<Seg>) {
        room::reclaim(cx, seg);
    }

    fn trace_done(&self, cx: Inside<'_>, pool: P<Pool>) {
        let d = data(pool.get());
        if d.condemned.replace(false) && d.own {
            let kept = d.kept.get();
            d.generation.capacity.set((kept + kept / 2).max(floor(&cx)));
        }
    }

    fn areas(
        &self,
        cx: Inside<'_>,
        pool: P<Pool>,
        f: &mut dyn FnMut(P<Seg>, Addr, Addr) -> Result,
    ) -> Result {
        for seg in pool.segs.iter() {
            let t = table::of(seg);
            seg.expose(cx);
            t.catch_up();
            // Objects that were not marked are dead.
            let reclaiming = || cx.cx().trace_of(seg.white.get()).phase() == Phase::Reclaim;
            let only_done = seg.is_white() && reclaiming();
            t.each_run(only_done, &mut |base, limit| f(seg, base, limit))?;
        }
        Ok(())
    }

    fn objects(&self, _cx: Inside<'_>, seg: P<Seg>, f: &mut dyn FnMut(Addr, Addr)) {
        let t = table::of(seg);
        t.catch_up();
        // The closure does not fail.
        let _ = t.each(false, &mut |base, limit| {
            f(base, limit);
            Ok(())
        });
    }

    fn held_by(&self, cx: Inside<'_>, seg: P<Seg>, a: Addr) -> Option<Addr> {
        seg.expose(cx);
        let t = table::of(seg);
        t.catch_up();
        mark::object_of(t, a)
    }

    fn check(&self, pool: P<Pool>, fenceposts: bool) {
        // There are no fences round blocks from allocation points.
        if !fenceposts {
            // SAFETY: the class has no lock of its own.
            debug::check(unsafe { pool.inside() }, pool);
        }
    }

    fn free_size(&self, pool: P<Pool>) -> Size {
        pool.segs.iter().map(room::free_in).sum()
    }
}
