//! Segments: runs of grains of one pool that the tracer handles as one.
//!
//! A segment is white (condemned), grey (holds references that are still to be
//! fixed) and has a summary (a superset of the zones it refers to). The
//! barriers follow from these: [`Seg::wanted`] says which accesses are denied,
//! and every change to what it depends on marks the segment unsynced; [`sync`]
//! brings memory into line when the mutator is about to run.
//!
//! # Invariants
//! - While the mutator runs, memory is as `wanted` says, unless the port can't.
//! - A segment with an allocation point's room in it has summary `ALL`, and may refer to
//!   young segments.
//! - A segment without `refers_young` has no reference to a young one. Only a trace that
//!   condemns everything young finds that out (`Trace::all_young`), and it stays true
//!   until the segment is written to, because old segments never become young.

use crate::arena::Home;
use crate::arena::Walk;
use crate::base::addr::{Addr, Range, Size};
use crate::base::list::{Link, Linked};
use crate::base::ptr::{P, Slot};
use crate::base::res::Result;
use crate::base::sets::{AccessSet, Rank, RankSet, RefSet, TraceSet, ZoneSet};
use crate::object::buffer::Buffer;
use crate::object::cards::Cards;
use crate::object::cx::{Cx, Inside};
use crate::object::locus::Gen;
use crate::object::nailboard::Nailboard;
use crate::object::pool::{Pool, PoolClass};
use crate::object::trace::{AWAITS, Grey, TRACES, Trace};
use crate::seam::event::{Category, EventKind, event};
use crate::seam::parts;
use crate::seam::port::Caps;
use crate::shield::Runs;
use core::cell::Cell;

/// After a write through the barrier, a segment goes without a write barrier for
/// this many scans. Memory that was written to is likely to be written to again, and to
/// scan a segment costs less than a fault. A guess, never compared with others.
pub(super) const UNPROTECTED_SCANS: u8 = 3;

/// A segment. Its fields are used inside the instance only.
///
/// Fix reads the first 32 bytes (of 64-bit words) for each reference that leads to the
/// segment, and the next 32 if it is white. They are in one cache line each, since control
/// memory is aligned to as many.
#[repr(C)]
pub struct Seg {
    /// Its pool's class, at hand for fix.
    pub class: &'static dyn PoolClass,
    /// Which objects ambiguous references hold, for the trace that it is white for.
    pub nails: Slot<Nailboard>,
    /// The traces it is white for.
    pub white: Cell<TraceSet>,
    /// The traces it is grey for.
    pub grey: Cell<TraceSet>,
    /// The accesses its memory denies just now.
    pub mode: Cell<AccessSet>,
    /// It is one object, never moved.
    pub large: Cell<bool>,
    /// In the present trace no object of it moves: those that are found alive are marked
    /// in `nails`.
    pub in_place: Cell<bool>,
    /// There was no memory for a nailboard. For the trace that this is white for,
    /// every object in here that has not been copied stays where it is.
    pub hold_all: Cell<bool>,
    /// It is in a generation below the top one.
    pub young: Cell<bool>,
    /// If an object of it is copied, the copy is young.
    pub copies_young: Cell<bool>,
    /// Its pool.
    pub pool: P<Pool>,
    /// Where its objects end, when no allocation point is at work in it.
    pub filled: Cell<Addr>,
    /// The end of its range.
    pub limit: Addr,
    /// For a class whose pools use several generations: the index of its generation
    /// in the chain.
    pub age: Cell<usize>,
    /// The start of its range.
    pub base: Addr,
    /// For this many scans the write barrier stays off.
    defer: Cell<u8>,
    /// The ranks of its references; empty for leaf objects.
    pub ranks: RankSet,
    /// It is grey, and shielded although the flip has not come; or it is not grey, and shielded
    /// in advance (`bridge`).
    pub early: Cell<bool>,
    /// How many traces in a row have left objects in it, since it came to its
    /// generation.
    pub held: Cell<u8>,
    /// It may refer to young segments. If it does not, traces of young generations pass it by.
    pub(super) refers_young: Cell<bool>,
    /// It is full of objects that a client has put into one large block, and the next
    /// trace is to take them apart: see `set_bulk`.
    bulk: Cell<bool>,
    /// How many exposures lie in it: the mutator is denied nothing meanwhile.
    #[cfg(feature = "expose")]
    pub exposures: Cell<usize>,
    /// All in it is dead, but an allocation point has room in it: it is freed when that
    /// has left.
    pub doomed: Cell<bool>,
    /// The traces for which its ephemerons wait for keys to be found; it is grey for them.
    awaits: Cell<TraceSet>,
    /// Zones it may refer to.
    pub(super) summary: Cell<RefSet>,
    /// Its parts, if it is one object that can be scanned in parts.
    pub cards: Slot<Cards>,
    /// Bytes of padding that traces have left in it where objects died.
    pub padding: Cell<Size>,
    /// Its generation.
    pub generation: Slot<Gen>,
    /// What the sanity trace knows of its objects.
    pub objects: Slot<Nailboard>,
    /// The allocation point at work in it.
    pub buffer: Slot<Buffer>,
    /// The class's own.
    pub data: Cell<*mut ()>,
    in_gen: Link<Seg>,
    /// Its entry in each trace's grey lists.
    grey_for: [Grey; TRACES],
    in_pool: Link<Seg>,
}

impl Linked<0> for Seg {
    fn link(&self) -> &Link<Seg> {
        &self.in_gen
    }
}
impl Linked<2> for Seg {
    fn link(&self) -> &Link<Seg> {
        &self.in_pool
    }
}

/// The segment a tract belongs to.
#[inline(always)]
pub fn of_tract(t: crate::arena::chunk::Tract) -> Option<P<Seg>> {
    // SAFETY: the object layer hangs segments, and nothing else, on tracts, and
    // takes them off before a segment is finished.
    unsafe { P::from_raw(t.cast()) }
}

/// The segment that `a` lies in. Cost: a few loads.
#[inline(always)]
pub fn of_addr(cx: &Cx, a: Addr) -> Option<P<Seg>> {
    of_tract(cx.arena.tract_of(a))
}

/// The segments in a range that begins with one, up to the first place that is in none.
fn side_by_side(cx: &Cx, range: Range) -> impl Iterator<Item = P<Seg>> {
    let mut at = range.base;
    core::iter::from_fn(move || {
        let s = of_addr(cx, at).filter(|_| at < range.limit)?;
        at = s.limit;
        Some(s)
    })
}

impl Seg {
    /// A new segment of at least `size` bytes, for objects with these ranks.
    /// It has no objects, no colour, and summary `ALL`; if it can hold
    /// references and a trace is about to flip, it is grey.
    ///
    /// # Errors
    /// The arena's.
    pub fn create(
        cx: Inside<'_>,
        pool: P<Pool>,
        home: P<Home>,
        generation: Option<P<Gen>>,
        size: Size,
        ranks: RankSet,
    ) -> Result<P<Seg>> {
        let size = crate::base::addr::size_up_checked(size.max(1), cx.arena.grain())
            .ok_or(crate::base::res::Res::Memory)?;
        let at = cx.arena.control_alloc_many(size_of::<Seg>())?;
        let base = match cx.arena.alloc(home, size, at.ptr()) {
            Ok(b) => b,
            Err(e) => {
                // SAFETY: nobody uses it any more.
                unsafe { cx.arena.control_free(at, size_of::<Seg>()) };
                return Err(e);
            }
        };
        let seg = Seg {
            class: pool.class,
            white: Cell::new(TraceSet::EMPTY),
            grey: Cell::new(TraceSet::EMPTY),
            mode: Cell::new(AccessSet::EMPTY),
            defer: Cell::new(0),
            ranks,
            early: Cell::new(false),
            large: Cell::new(false),
            hold_all: Cell::new(false),
            young: Cell::new(generation.is_some_and(|g| g != cx.top())),
            copies_young: Cell::new(true),
            refers_young: Cell::new(true),
            in_place: Cell::new(false),
            padding: Cell::new(0),
            held: Cell::new(0),
            bulk: Cell::new(false),
            #[cfg(feature = "expose")]
            exposures: Cell::new(0),
            doomed: Cell::new(false),
            awaits: Cell::new(TraceSet::EMPTY),
            pool,
            base,
            limit: base.add(size),
            filled: Cell::new(base),
            generation: Cell::new(generation),
            summary: Cell::new(RefSet::ALL),
            cards: Cell::new(None),
            nails: Cell::new(None),
            objects: Cell::new(None),
            buffer: Cell::new(None),
            age: Cell::new(0),
            data: Cell::new(core::ptr::null_mut()),
            in_gen: Link::default(),
            grey_for: core::array::from_fn(|_| Grey::new(base)),
            in_pool: Link::default(),
        };
        let p: *mut Seg = at.ptr();
        // SAFETY: control memory of that size, ours.
        unsafe { p.write(seg) };
        // SAFETY: just written; stays until `destroy`.
        let seg = unsafe { P::new(core::ptr::NonNull::new_unchecked(p)) };
        event(Category::Seg, EventKind::SegCreate, &[pool.addr().0, base.0, size]);
        pool.get().segs.push_back(seg);
        let bytes = &pool.get().bytes;
        bytes.set(bytes.get() + size);
        if let Some(g) = generation {
            g.get().segs.push_back(seg);
            g.get().total.set(g.get().total.get() + size);
        }
        for g in &seg.get().grey_for {
            g.seg.set(Some(seg));
        }
        if seg.young.get() {
            for t in cx.traces_of(cx.busy.get()) {
                t.note_born(seg.zones(&cx));
            }
        }
        seg.widened(cx);
        Ok(seg)
    }

    /// Bytes in it.
    #[inline]
    pub fn size(&self) -> Size {
        self.limit.since(self.base)
    }

    /// Its range.
    pub fn range(&self) -> Range {
        Range::new(self.base, self.limit)
    }

    /// Its zones.
    pub fn zones(&self, cx: &Cx) -> ZoneSet {
        ZoneSet::of_range(self.base, self.limit, cx.arena.zone_shift())
    }

    /// Where its objects end.
    pub fn objects_end(&self) -> Addr {
        if self.doomed.get() {
            // What its allocation point remembers is gone.
            return self.base;
        }
        match self.buffer.get() {
            Some(b) => b.objects_end(),
            None => self.filled.get(),
        }
    }

    /// Its entry in a trace's grey lists.
    #[inline(always)]
    pub fn grey_for(&self, t: &Trace) -> &Grey {
        match self.grey_for.get(t.index()) {
            Some(g) => g,
            // There are as many as traces.
            None => crate::base::check::stop(),
        }
    }

    /// Is it white for anything?
    #[inline]
    pub fn is_white(&self) -> bool {
        !self.white.get().is_empty()
    }

    /// Is it grey for anything?
    #[inline]
    pub fn is_grey(&self) -> bool {
        !self.grey.get().is_empty()
    }

    /// Is it grey for a trace of this set?
    #[inline]
    pub fn is_grey_for(&self, traces: TraceSet) -> bool {
        self.grey.get().meets(traces)
    }

    /// What it may refer to.
    #[inline]
    pub fn summary(&self) -> RefSet {
        self.summary.get()
    }

    /// May it refer to young segments?
    #[inline]
    pub fn refers_young(&self) -> bool {
        self.refers_young.get()
    }

    /// Is anything known of what it refers to, which a write could make untrue?
    fn knows_refs(&self) -> bool {
        self.summary.get() != RefSet::ALL || !self.refers_young.get()
    }

    /// Is the mutator to be denied nothing (`trace::expose`)?
    #[inline(always)]
    pub fn is_exposed(&self) -> bool {
        #[cfg(feature = "expose")]
        return self.exposures.get() != 0 && !crate::seam::fault("expose_open");
        #[cfg(not(feature = "expose"))]
        false
    }

    /// The accesses to deny the mutator.
    pub fn wanted(&self, cx: &Cx) -> AccessSet {
        if self.ranks.is_empty() || !cx.can_shield() || self.is_exposed() {
            return AccessSet::EMPTY;
        }
        if self.is_grey_for(cx.flipped.get()) {
            let off = crate::seam::fault("read_barrier");
            return if off { AccessSet::EMPTY } else { AccessSet::READ_WRITE };
        }
        if self.is_grey() {
            // Before the flip it may be written to freely: it will be scanned anyway.
            return if self.early.get() { AccessSet::READ_WRITE } else { AccessSet::EMPTY };
        }
        if self.early.get() && self.is_unreached(cx) {
            return AccessSet::READ_WRITE;
        }
        if self.knows_refs() && !crate::seam::fault("write_barrier") {
            return AccessSet::WRITE;
        }
        AccessSet::EMPTY
    }

    /// Does the mutator have no reference to any object in it, and the collector no need to look
    /// into it? So it is after the flip with segments that have been condemned, whose
    /// objects stay where they are, and none of which has been found alive yet. (What is
    /// exposed may be used without the mutator having a reference.)
    fn is_unreached(&self, cx: &Cx) -> bool {
        self.white.get().meets(cx.flipped.get())
            && !self.is_grey()
            && (self.in_place.get() || !self.class.moves())
            && self.buffer.get().is_none()
            && !self.is_exposed()
    }

    /// Its parts, if it is one object that can be scanned in parts. Without barriers there
    /// are none.
    #[inline]
    pub fn cards(&self) -> Option<P<Cards>> {
        if parts::BARRIERS { self.cards.get() } else { None }
    }

    /// Its memory has been opened, all of it.
    pub fn opened(&self) {
        self.mode.set(AccessSet::EMPTY);
        if let Some(c) = self.cards() {
            c.opened();
        }
    }

    fn touch(&self, cx: &Cx) {
        if self.cards().is_some() || self.wanted(cx) != self.mode.get() {
            cx.arena.mark_unsynced(self.base);
        }
    }
}

impl P<Seg> {
    /// Returns its memory.
    ///
    /// # Safety
    /// Nobody uses the segment afterwards, and no object in it.
    pub unsafe fn destroy(self, cx: Inside<'_>) {
        let seg = self.get();
        if let Some(g) = seg.generation.get() {
            if seg.in_gen.is_linked() {
                self.unlist(cx);
            }
            let total = &g.get().total;
            total.set(total.get() - seg.size());
        }
        for t in cx.traces_of(seg.grey.get()) {
            self.set_not_grey(cx, t);
        }
        if let Some(n) = seg.nails.take() {
            // SAFETY: nobody uses it any more.
            unsafe { Nailboard::finish(n, &cx.arena) };
        }
        if let Some(c) = seg.cards.take() {
            // SAFETY: nobody uses them any more.
            unsafe { Cards::finish(c, &cx.arena) };
        }
        let pool = seg.pool.get();
        pool.segs.remove(self);
        pool.bytes.set(pool.bytes.get() - seg.size());
        let protected = !seg.mode.get().is_empty();
        let (base, size) = (seg.base, seg.size());
        event(Category::Seg, EventKind::SegDestroy, &[base.0, size]);
        cx.arena.clear_unsynced(base);
        // SAFETY: nobody uses it any more.
        unsafe { cx.arena.control_drop(self) };
        cx.arena.free_protected(base, size, protected);
    }

    /// Makes it bulk: the next trace condemns it, whatever else that trace condemns.
    ///
    /// This is for a large block that the client has filled with many objects. As one
    /// segment it would cost each collection of young objects a scan of all of it. When
    /// the objects have moved, they are in ordinary segments, and a write to one costs
    /// no more than a scan of that segment.
    pub fn set_bulk(self, _cx: Inside<'_>) {
        let seg = self.get();
        let Some(g) = seg.generation.get().filter(|_| !seg.is_white()) else { return };
        if !seg.bulk.replace(true) {
            // It goes to the front of the list: the trace takes the first `bulk` segments.
            g.get().segs.remove(self);
            g.get().segs.push_front(self);
            g.get().bulk.set(g.get().bulk.get() + 1);
        }
    }

    /// It is bulk no longer, because it leaves its generation's list.
    fn clear_bulk(self) {
        if self.get().bulk.replace(false)
            && let Some(g) = self.get().generation.get()
        {
            g.get().bulk.set(g.get().bulk.get() - 1);
        }
    }

    /// Takes it out of its generation's list, or its trace's list of white segments.
    pub fn unlist(self, cx: Inside<'_>) {
        if self.is_white() {
            cx.cx().trace_of(self.white.get()).white.remove(self);
        } else if let Some(g) = self.generation.get() {
            self.clear_bulk();
            g.get().segs.remove(self);
        }
    }

    /// Moves it, unlisted, into generation `g`.
    pub fn enlist(self, cx: Inside<'_>, g: P<Gen>) {
        let size = self.get().size();
        if let Some(old) = self.generation.get() {
            let total = &old.get().total;
            total.set(total.get() - size);
        }
        let total = &g.get().total;
        total.set(total.get() + size);
        self.get().generation.set(Some(g));
        self.get().young.set(g != cx.top());
        g.get().segs.push_back(self);
    }

    /// Makes it white for a trace. It is in no list of a generation (`unlist`).
    pub fn set_white(self, _cx: Inside<'_>, t: &Trace) {
        self.get().early.set(false);
        self.get().white.set(t.set());
        t.white.push_back(self);
    }

    /// Makes it white no longer, because its objects were found alive or are about to be
    /// reclaimed. It is in no list afterwards.
    pub fn set_not_white(self, cx: Inside<'_>) {
        self.unlist(cx);
        self.get().white.set(TraceSet::EMPTY);
        if self.get().early.replace(false) {
            self.get().touch(cx.cx());
        }
    }

    /// Makes it grey for a trace, all of it.
    pub fn set_grey(self, cx: Inside<'_>, t: &Trace) {
        let seg = self.get();
        if seg.is_grey_for(t.set()) || seg.ranks.is_empty() {
            return;
        }
        seg.grey_for(t).scanned.set(seg.base);
        self.set_grey_from_scanned(cx, t);
        if cx.flipped.get().meets(t.set()) {
            self.whole_is_grey(cx, t);
        }
    }

    /// Makes it grey for a trace from where it was scanned to.
    #[inline]
    pub fn set_grey_from_scanned(self, cx: Inside<'_>, t: &Trace) {
        let seg = self.get();
        if seg.is_grey_for(t.set()) || seg.ranks.is_empty() {
            return;
        }
        seg.grey.set(seg.grey.get().or(t.set()));
        seg.early.set(false);
        if let Some(l) = t.grey.get(first_rank(seg.ranks) as usize) {
            // SAFETY: part of the segment; `destroy` takes it out.
            let g = unsafe { seg.grey_for(t).p() };
            // To the front: what was copied is still in the cache, and what was marked has been
            // asked for. (To put segments whose objects don't move at the end, so that marks
            // gather in them, took 1.3 times as long on a tree of 512 MB.)
            l.push_front(g);
        }
        seg.touch(cx.cx());
    }

    /// Shields it before the flip, for a trace that it is grey for. Returns how many bytes that
    /// are; `None`: it has more than `most`, of which as many were done.
    pub fn shield_early(self, cx: Inside<'_>, t: &Trace, most: Size) -> Option<Size> {
        let seg = self.get();
        if let Some(c) = seg.cards() {
            cx.arena.mark_unsynced(seg.base);
            return c.get().shield_early(t, most);
        }
        if seg.early.replace(true) {
            return Some(0);
        }
        seg.touch(cx.cx());
        Some(seg.size())
    }

    /// Opens it to the mutator again before the flip, for the trace that it is grey for.
    pub fn open_early(self, cx: Inside<'_>) {
        let seg = self.get();
        if seg.early.replace(false) {
            for t in cx.traces_of(seg.grey.get()) {
                crate::object::cx::bump(&t.opened, seg.size());
            }
            seg.touch(cx.cx());
        }
    }

    /// Does it await keys, for a trace that it is grey for? If that changes, it changes lists.
    #[cfg(feature = "ephemerons")]
    pub fn set_awaits(self, t: &Trace, on: bool) {
        let seg = self.get();
        let is = seg.awaits.get().meets(t.set());
        if is == on || !seg.is_grey_for(t.set()) {
            return;
        }
        // SAFETY: as above.
        let g = unsafe { seg.grey_for(t).p() };
        let lists = t.grey.get(self.grey_list(t));
        seg.awaits.set(if on {
            t.set().or(seg.awaits.get())
        } else {
            seg.awaits.get().minus(t.set())
        });
        if let (Some(from), Some(to)) = (lists, t.grey.get(self.grey_list(t))) {
            from.remove(g);
            to.push_front(g);
        }
    }

    /// The index of the list in which it is, or would be, grey.
    fn grey_list(self, t: &Trace) -> usize {
        if self.awaits.get().meets(t.set()) {
            AWAITS.0.trailing_zeros() as usize
        } else {
            first_rank(self.ranks) as usize
        }
    }

    /// Makes it not grey for a trace.
    pub fn set_not_grey(self, cx: Inside<'_>, t: &Trace) {
        let seg = self.get();
        if !seg.is_grey_for(t.set()) {
            return;
        }
        seg.grey.set(seg.grey.get().minus(t.set()));
        if let Some(l) = t.grey.get(self.grey_list(t)) {
            // SAFETY: as above.
            l.remove(unsafe { seg.grey_for(t).p() });
        }
        seg.awaits.set(seg.awaits.get().minus(t.set()));
        seg.touch(cx.cx());
    }

    /// Called when its summary has become `ALL`: traces in their grey phase, which look
    /// for what may refer to white segments, have found one more.
    fn widened(self, cx: Inside<'_>) {
        for t in cx.traces_of(cx.greying.get().minus(self.white.get())) {
            self.set_grey(cx, t);
        }
    }

    /// Notes what a scan has found: the zones that it refers to, and whether to young
    /// segments. If its memory is not to be write protected just now, it may refer to
    /// anything.
    pub fn set_summary(self, cx: Inside<'_>, found: RefSet, young: bool) {
        let seg = self.get();
        if let Some(c) = seg.cards() {
            c.set_all(found, young);
        }
        let (mut s, mut young) = (found, young && !crate::seam::fault("refers_young"));
        if crate::seam::fault("remembered_summaries") {
            s = RefSet::EMPTY;
        } else if seg.buffer.get().is_some() || !cx.can_shield() || seg.is_exposed() {
            (s, young) = (RefSet::ALL, true);
        } else if (s != RefSet::ALL || !young) && seg.defer.get() != 0 {
            seg.defer.set(seg.defer.get() - 1);
            (s, young) = (RefSet::ALL, true);
        }
        seg.summary.set(s);
        seg.refers_young.set(young);
        seg.touch(cx.cx());
    }

    /// It may refer to anything from now on: an allocation point is to work in it, or it
    /// was written to.
    pub fn set_summary_all(self, cx: Inside<'_>) {
        if let Some(c) = self.get().cards() {
            c.set_all(RefSet::ALL, true);
            cx.arena.mark_unsynced(self.get().base);
        }
        self.all_of_some(cx);
    }

    /// Something in it may refer to anything: it, or some of its cards.
    pub(super) fn all_of_some(self, cx: Inside<'_>) {
        let seg = self.get();
        if seg.knows_refs() {
            seg.summary.set(RefSet::ALL);
            seg.refers_young.set(true);
            self.widened(cx);
            seg.touch(cx.cx());
        }
    }

    /// The mutator wrote to it through the barrier.
    pub fn write_hit(self, cx: Inside<'_>) {
        self.get().defer.set(UNPROTECTED_SCANS);
        self.set_summary_all(cx);
    }

    /// Makes it accessible to the collector, holding the mutator if the mutator
    /// is denied something.
    #[inline(always)]
    pub fn expose(self, cx: Inside<'_>) {
        if parts::BARRIERS && !self.get().mode.get().is_empty() {
            self.expose_slow(cx);
        }
    }

    #[cold]
    #[inline(never)]
    fn expose_slow(self, cx: Inside<'_>) {
        let seg = self.get();
        cx.hold();
        unprotect(cx, seg.range());
        seg.opened();
        cx.arena.mark_unsynced(seg.base);
    }

    /// Gives its memory the protection that it wants, at once and without holding the
    /// mutator. For a barrier hit, after which the faulting thread goes on.
    pub fn sync_now(self, cx: Inside<'_>) {
        let seg = self.get();
        let wanted = seg.wanted(cx.cx());
        if wanted.is_empty() && !seg.mode.get().is_empty() {
            unprotect(cx, seg.range());
            seg.mode.set(wanted);
        } else if wanted != seg.mode.get() && (seg.mode.get().has(wanted) || may_deny(cx)) {
            crate::object::cx::bump(&cx.arena.calls.protect, 1);
            if cx.arena.port.protect(seg.base, seg.size(), wanted).is_ok() {
                seg.mode.set(wanted);
            }
        }
    }
}

/// Gives the memory of all segments that have changed the protection that they want.
/// False: the system has refused to shield some grey segments, so the mutator must not
/// run yet. Calls out: the port. Cost: O(segments that have changed).
pub fn sync(cx: Inside<'_>) -> bool {
    if !parts::BARRIERS {
        return true;
    }
    let mut runs = Runs::default();
    let mut good = true;
    cx.arena.drain_unsynced(|t| {
        let Some(seg) = of_tract(t) else { return };
        let mut change = |range: Range, mode: &Cell<AccessSet>, wanted: AccessSet| {
            if wanted != mode.get() {
                if !runs.joins(range, wanted) && !bridge(cx, &mut runs, range, wanted) {
                    good &= settle(cx, &mut runs);
                }
                runs.add(range, wanted);
                mode.set(wanted);
            }
        };
        let Some(cards) = seg.cards() else {
            return change(seg.range(), &seg.mode, seg.wanted(cx.cx()));
        };
        let mut any = AccessSet::EMPTY;
        for (i, c) in cards.all().iter().enumerate() {
            let wanted = seg.wanted_of(cx.cx(), c);
            change(cards.range(i), &c.mode, wanted);
            any = any.or(wanted);
        }
        seg.mode.set(any);
    });
    good &= settle(cx, &mut runs);
    crate::object::cx::bump(&cx.arena.calls.protect, runs.calls);
    good
}

/// So many bytes between two segments that are to be hidden are hidden with them, if the mutator
/// has no use for them. An estimate: on Linux a call takes about as long as hiding 50 pages more
/// does (measured: 5 to 10 microseconds, and 0.1 to 0.2 a page).
const BRIDGE: Size = 256 * 1024;

/// Extends a run of hidden segments over those up to `range`, if they are hidden already or the
/// mutator can't reach them: they will soon be grey. One hit may turn hundreds of segments grey,
/// here and there. True: `range` joins the run.
fn bridge(cx: Inside<'_>, runs: &mut Runs, range: Range, wanted: AccessSet) -> bool {
    let gap = Range::new(runs.limit(), range.base);
    if wanted != AccessSet::READ_WRITE || !runs.has(wanted) || gap.size() > BRIDGE {
        return false;
    }
    let mut end = gap.base;
    for s in side_by_side(cx.cx(), gap) {
        let hidden = s.mode.get() == wanted;
        if s.cards().is_some() || s.ranks.is_empty() || !hidden && !s.is_unreached(cx.cx()) {
            return false;
        }
        end = s.limit;
    }
    if end != gap.limit {
        return false;
    }
    for s in side_by_side(cx.cx(), gap).filter(|s| s.mode.get() != wanted) {
        s.early.set(true);
        s.mode.set(wanted);
    }
    runs.add(gap, wanted);
    true
}

/// Restores the protection of segments that were opened for a peek
/// ([`crate::shield::Peeks`]). True: there were some, and [`sync`] may have more to do.
pub fn sync_peeks(cx: Inside<'_>) -> bool {
    if !parts::BARRIERS || cx.peeks.is_empty() {
        return false;
    }
    cx.peeks.drain(|at| match at {
        _ if crate::seam::fault("peeks") => {}
        Some(a) => {
            if let Some(s) = of_addr(&cx, a) {
                restore(cx, s);
            }
        }
        None => {
            for pool in cx.pools.iter() {
                pool.segs.iter().for_each(|s| restore(cx, s));
            }
        }
    });
    true
}

/// Gives a segment's memory the mode that it says it has.
fn restore(cx: Inside<'_>, seg: P<Seg>) {
    if let Some(cards) = seg.cards() {
        let mut runs = Runs::default();
        for (i, c) in cards.all().iter().enumerate() {
            if !runs.joins(cards.range(i), c.mode.get()) {
                settle(cx, &mut runs);
            }
            runs.add(cards.range(i), c.mode.get());
        }
        settle(cx, &mut runs);
        crate::object::cx::bump(&cx.arena.calls.protect, runs.calls);
        cx.arena.mark_unsynced(seg.base);
        return;
    }
    crate::object::cx::bump(&cx.arena.calls.protect, 1);
    let done = cx.arena.port.protect(seg.base, seg.get().size(), seg.mode.get());
    if done.is_err() {
        // Then it has none, and `sync` finds out what is to be done about it.
        seg.mode.set(AccessSet::EMPTY);
        cx.arena.mark_unsynced(seg.base);
    }
}

/// Takes protection off a range. Calls out: the port.
///
/// A system may allow only so many stretches of memory with different protection (Linux:
/// the number of mappings). It may then refuse even to take protection off, where that
/// makes two stretches out of one. If it does, all protection is taken off for good,
/// which joins stretches, and the instance goes on without a barrier.
pub fn unprotect(cx: Inside<'_>, range: Range) {
    if parts::BARRIERS && cx.arena.expose(range).is_err() {
        give_up_shield(cx, range);
    }
}

#[cold]
#[inline(never)]
fn give_up_shield(cx: Inside<'_>, range: Range) {
    // Nobody may see grey objects from here on. Leaving finishes the trace.
    cx.hold();
    cx.shields.set(false);
    let off = |r: Range| cx.arena.port.protect(r.base, r.size(), AccessSet::EMPTY).is_ok();
    let mut last = usize::MAX;
    loop {
        let mut left = 0usize;
        let mut walk = Walk::Start;
        // In the order of addresses: memory next to a stretch that is open joins that
        // stretch, which takes no mapping more.
        while let Some((a, tract)) = cx.arena.next_tract(walk) {
            let (Some(s), Some(chunk)) = (of_tract(tract), cx.arena.chunk_of(a)) else { break };
            walk = Walk::At(chunk, s.limit);
            if s.mode.get().is_empty() {
                continue;
            }
            if off(s.get().range()) {
                s.opened();
                s.set_summary_all(cx);
            } else {
                left += 1;
            }
        }
        let done = off(range);
        if done && left == 0 {
            return;
        }
        crate::aver!(left < last, "the port can take protection off again");
        last = left;
    }
}

/// May accesses be denied that were not? A thread that looks into a table before it
/// accesses must not be between the two just then. So either there is no other thread, or
/// others are stopped, which they are outside of accesses if the port says so.
pub(super) fn may_deny(cx: Inside<'_>) -> bool {
    if !cx.arena.is_soft || cx.threads.is_alone(cx.arena.port) {
        return true;
    }
    let good = cx.arena.port.capabilities().has(Caps::STOPS_BETWEEN_ACCESSES);
    if good {
        cx.hold();
    }
    good
}

/// Makes the port's call for a run of segments. If the system refuses, these segments go
/// without a barrier: a segment that would be write protected is scanned every time
/// instead. False: they were to be hidden, and are not.
fn settle(cx: Inside<'_>, runs: &mut Runs) -> bool {
    let (run, mode, done) =
        if runs.denies() && !may_deny(cx) { runs.refuse() } else { runs.flush(cx.arena.port) };
    if done.is_ok() {
        return true;
    }
    unprotect(cx, run);
    for seg in side_by_side(cx.cx(), run) {
        let unheard = !mode.meets(AccessSet::READ);
        match seg.cards() {
            Some(c) => c.opened_in(run, unheard),
            None => seg.mode.set(AccessSet::EMPTY),
        }
        if unheard {
            seg.get().summary.set(RefSet::ALL);
            seg.refers_young.set(true);
        }
    }
    !mode.meets(AccessSet::READ)
}

/// The rank at which a set of ranks is scanned first.
pub fn first_rank(ranks: RankSet) -> Rank {
    Rank::from_code(ranks.0.trailing_zeros()).unwrap_or(Rank::Exact)
}
