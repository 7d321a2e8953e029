//! Pools, and the trait that a pool class implements.
//!
//! # Adding a class
//!
//! A class is a static that implements [`PoolClass`], and a [`ClassHandle`] on
//! it, from which pools are made ([`Entered::new_pool`](crate::mpm::entry::Entered::new_pool),
//! or `mps_pool_create_k` with the handle's address). It needs nothing of this
//! crate that is not public: `examples/pool-class` adds two classes from outside.
//! Every method but `name`, `init` and `finish` has a default; a class that
//! allocates blocks overrides `alloc` or the `ap_` methods, one that frees them
//! `free`, one that is collected says so (`is_automatic`) and overrides `whiten`,
//! `fix`, `scan`, `reclaim`, `areas` and `object_at`.
//!
//! What there is to work with:
//!
//! - [`Inside`]: proof that the calling thread has the instance's lock; and `pool.cx`
//!   ([`Cx`]), the parts of the instance. Of them a class uses the
//!   arena for its own structures (`control_new`, `control_drop`), the default
//!   chain, the phase of a trace, and the counters.
//! - [`Seg`]: memory for objects. [`Seg::create`] takes a [`Home`](crate::arena::Home)
//!   (memory of one home lies together) and, for a class that is collected, the
//!   generation to be in; `destroy` gives it back. Colours, summaries and the
//!   barriers that follow from them are the segment's own affair: a class calls
//!   `set_grey`, `set_summary_all`, `expose`.
//! - [`Buffer`]: an allocation point. Its room is what `ap_fill` answered.
//! - [`Format`]: the client's functions for its objects.
//!
//! # The life of a segment that is collected
//!
//! 1. `ap_fill` makes it, or finds one with room that is not white, and hands it
//!    out; `ap_empty` gets it back with the end of what is in use. The class notes
//!    that in `Seg::filled` and adds what is new to its generation's `new_size`,
//!    which is what makes collections start.
//! 2. `whiten`: it is about to be condemned. From now on it is white, and in no
//!    generation's list.
//! 3. `fix`, for each reference into it that a scan meets. The class marks what
//!    is referred to, moves it, or keeps the segment whole; and calls `set_grey`
//!    on the segment in which references are now to be looked at.
//! 4. `scan`, when it is grey: the class has the format scan what is to be
//!    scanned, which calls `fix` of this and other classes.
//! 5. `reclaim`, if it is white to the end: the class puts it back into a
//!    generation's list (`enlist`), or destroys it. A segment that was found whole
//!    alive in `fix` leaves the white list there and then (`unlist`, white none,
//!    `enlist`), and is spared this.
//!
//! # Locks and calls
//!
//! Unless a method says otherwise it runs inside the instance, under its lock:
//! never twice at once. It must not enter the instance again, call functions of
//! the C interface, wait for another thread, or panic; it must not keep a `&mut`
//! to anything across a call to a format's method, since those may come back
//! through `fix`. From the flip on, threads of the mutator may be held at any
//! instruction, so no lock that they may have may be taken there: a class with a
//! lock of its own ([`PoolClass::has_own_lock`]) can't be collected. Such a lock comes
//! before the instance: [`super::lock`] has the order and its reasons.

use crate::base::addr::{Addr, Size};
use crate::base::check::{Sig, Text, report_text};
use crate::base::list::{Link, Linked, List};
use crate::base::ptr::{P, Slot};
use crate::base::res::{Res, Result};
use crate::object::buffer::Buffer;
use crate::object::cx::{Cx, Inside};
use crate::object::format::Format;
use crate::object::lock::{Held, Lock};
use crate::object::scan::{Ref, ScanState};
use crate::object::seg::Seg;
use crate::object::trace::Trace;
use crate::seam::args::Args;
use core::cell::Cell;

/// What a class hands an allocation point: a segment (if the class has them)
/// and the room in it.
pub struct Room {
    /// The segment the room is in.
    pub seg: Option<P<Seg>>,
    /// Where allocation goes on.
    pub base: Addr,
    /// Where it ends.
    pub limit: Addr,
}

/// A pool class: how its pools manage memory. The tracer and the allocation
/// point code reach pools only through this. The module says how to add one.
///
/// On `Err` nothing has changed, unless a method says otherwise. A class keeps
/// its own data behind [`Pool::data`]. Each method says when it is called; if
/// nothing else, inside the instance, at a cost that counts for little.
pub trait PoolClass: Sync {
    /// Its name, for messages and events.
    fn name(&self) -> &'static str;

    /// The arguments of its variadic creation, as letters of `varargs.c`; ends
    /// in a NUL. Asked by the C interface only, outside the instance.
    fn values(&self) -> &'static str {
        "\0"
    }

    /// The arguments of the variadic creation of its allocation points, in the same form.
    fn ap_values(&self) -> &'static str {
        "\0"
    }

    /// Sets a new pool up: takes the arguments it knows out of the list (others
    /// are left to be ignored), tests them, and hangs its data on the pool. The
    /// format, if any, is already in place, and the alignment that of the format.
    /// The pool is in no list yet. No segment is needed at this point.
    ///
    /// # Errors
    /// `Param` for what is wrong with the arguments, reported by
    /// [`aver_client!`](crate::aver_client); the arena's. What was made is taken
    /// down again: `finish` is not called.
    fn init(&self, cx: Inside<'_>, pool: P<Pool>, args: &mut Args) -> Result;

    /// Called before the pool is destroyed: gives back every segment and all that `init`
    /// made. No allocation points are left, no trace is in progress if the class is
    /// automatic, and nobody uses the pool any more. Objects may be left; they are not
    /// looked at.
    fn finish(&self, cx: Inside<'_>, pool: P<Pool>);

    /// Does it need `MPS_KEY_FORMAT`? Without, pools have no format even if one
    /// is given. Constant for a class, as are the next three.
    fn needs_format(&self) -> bool {
        false
    }

    /// Is it garbage collected? Then clients may register its objects for
    /// finalization, and its segments are in generations.
    fn is_automatic(&self) -> bool {
        false
    }

    /// Do its objects move, leaving forwarding markers? Then location
    /// dependencies on its zones go stale at a flip.
    fn moves(&self) -> bool {
        false
    }

    /// Does it give out and take back blocks under a lock of its own
    /// ([`super::lock`])? Then:
    ///
    /// - `alloc`, `free`, `ap_fill`, `gather` and the quick ways are called from
    ///   outside the instance, by several threads at once, without the lock. They
    ///   take it. `alloc` and `ap_fill` answer `Limit` when they need
    ///   [`PoolClass::grow`].
    /// - `grow`, `shrink`, `check`, `total_size`, `free_size`, `ap_init`, `ap_grown`,
    ///   `ap_empty` and `ap_finish` run inside the instance, **with the lock, which the
    ///   caller took before it entered**. They take no lock of this or another pool:
    ///   nobody waits for one inside the instance.
    /// - `init` and `finish` run inside the instance without the lock. Nobody else
    ///   uses the pool then.
    /// - Its allocation points are not told of flips, so its blocks hold no
    ///   references.
    fn has_own_lock(&self) -> bool {
        false
    }

    /// The lock of `pool`, from `init` to `finish`. `None`: the class has none of its
    /// own.
    fn lock(&self, _pool: P<Pool>) -> Option<P<Lock>> {
        None
    }

    /// With the lock, inside the instance: makes the pool grow, so that it has a block of
    /// `size` bytes. Another thread may take that block first; then this is called
    /// again.
    ///
    /// # Errors
    /// The arena's. The library then calls `gather`, collects, or gives up.
    fn grow(&self, _pool: P<Pool>, _size: Size) -> Result {
        Err(Res::Unimpl)
    }

    /// With the lock, inside the instance: gives back the memory that `free` or
    /// `gather` said there is too much of.
    fn shrink(&self, _pool: P<Pool>) {}

    /// Outside the instance, without the lock: moves free blocks that the class keeps
    /// under other locks back to the pool: `all` of them, because memory has run out;
    /// or those that the pool should not keep any more, since something was freed.
    /// True: there were some.
    fn gather(&self, _pool: P<Pool>, _all: bool) -> bool {
        false
    }

    /// For a fork, inside the instance: takes the pool's lock, and all that come before
    /// it in the order, if all can be had at once. False: none is taken.
    fn fork_lock(&self, pool: P<Pool>) -> bool {
        self.lock(pool).is_none_or(|l| l.get().try_take().map(Held::keep).is_some())
    }

    /// Gives back what `fork_lock` took.
    ///
    /// # Safety
    /// `fork_lock` took them, on this thread or the one that this is the copy of.
    unsafe fn fork_unlock(&self, pool: P<Pool>) {
        if let Some(l) = self.lock(pool) {
            // SAFETY: the caller's promise.
            unsafe { l.get().release() };
        }
    }

    /// Checks what a debugging class can check, fenceposts or free memory, and
    /// reports what is wrong ([`crate::base::check::report`]).
    fn check(&self, _pool: P<Pool>, _fenceposts: bool) {}

    /// `mps_alloc`: a block of `size` bytes, which is positive and not absurd,
    /// at a multiple of the pool's alignment.
    ///
    /// # Errors
    /// The arena's; `Limit` from a class with its own lock; `Unimpl`: the class
    /// has no such blocks.
    fn alloc(&self, _pool: P<Pool>, _size: Size) -> Result<Addr> {
        Err(Res::Unimpl)
    }

    /// A block of `size` bytes, if the class, with a lock of its own, can find
    /// one with no more than a look at what it has at hand. Null: `alloc` has
    /// not been tried. Outside the instance.
    #[inline]
    fn quick_alloc(&self, _pool: P<Pool>, _size: Size) -> Addr {
        Addr::NULL
    }

    /// Frees a block, if that is as little work. False: nothing was done.
    #[inline]
    fn quick_free(&self, _pool: P<Pool>, _base: Addr, _size: Size) -> bool {
        false
    }

    /// `mps_free`, of `size` bytes from `base` on. True: there is memory to
    /// give back (`shrink`, for a class with its own lock).
    ///
    /// # Errors
    /// `Param`, reported: that is not a block of the pool. `Unimpl`: the class
    /// does not free.
    fn free(&self, _pool: P<Pool>, _base: Addr, _size: Size) -> Result<bool> {
        Err(Res::Unimpl)
    }

    /// In the debug archive: a cache of the client's (`mps_sac_t`) asks about a block of
    /// `size` bytes, before it looks at the block's memory. Outside the instance,
    /// without the lock. False: the block can't be what the cache takes it for. For
    /// one to be taken in, that has been reported. A class that does not know says
    /// yes.
    fn caches(&self, _pool: P<Pool>, _base: Addr, _size: Size, _what: Caching) -> bool {
        true
    }

    /// Sets up an allocation point, in no list yet: reads the arguments it
    /// knows, says what rank its objects are of ([`Buffer::rank`]).
    ///
    /// # Errors
    /// As for `init`. `Unimpl`: the class has no allocation points.
    fn ap_init(&self, _ap: P<Buffer>, _args: &mut Args) -> Result {
        Err(Res::Unimpl)
    }

    /// The pool, which has a lock of its own, has grown for this allocation point.
    /// With the lock, inside the instance; the thread that uses the allocation point
    /// calls.
    fn ap_grown(&self, _ap: P<Buffer>) {}

    /// Finds room for at least `size` bytes (a multiple of the alignment), for
    /// the client to allocate in by itself. Called after the collector has had its
    /// turn (`poll`), with nothing reserved on the allocation point.
    ///
    /// Of a class with its own lock: outside the instance; takes back what is
    /// left of the old room, from `init` on, if it succeeds. From others the
    /// allocation point has no room. The room of a class that is collected must not
    /// be in a white segment, and one that has references has summary `ALL` while
    /// it is handed out (as a new one has; `set_summary_all`). One
    /// allocation point at a time in a segment.
    ///
    /// # Errors
    /// The arena's; the library then collects, and asks again. `Limit` from a
    /// class with its own lock: call `grow`.
    ///
    /// # Cost
    /// On the way of every allocation that does not fit: O(1) amortized.
    fn ap_fill(&self, _ap: P<Buffer>, _size: Size) -> Result<Room> {
        Err(Res::Unimpl)
    }

    /// Takes back the room from `init` on; what is before it is in use. `seg`
    /// and the allocation point's room are as `ap_fill` answered; if
    /// [`Buffer::stale`] there was a flip with that segment white, and what is in
    /// it may have been reclaimed.
    fn ap_empty(&self, _ap: P<Buffer>, _seg: Option<P<Seg>>, _init: Addr) {}

    /// An allocation point is about to go; its room has been taken back.
    fn ap_finish(&self, _ap: P<Buffer>) {}

    /// An allocation pattern begins on an allocation point: much of what comes
    /// will die when it ends.
    fn ramp_begin(&self, _ap: P<Buffer>) {}

    /// The last of them ends.
    fn ramp_end(&self, _ap: P<Buffer>) {}

    /// Pushes an allocation frame. Nothing is reserved. A class that does not
    /// manage memory by frames gives a frame that means nothing.
    fn frame_push(&self, _ap: P<Buffer>) -> Result<Addr> {
        Ok(Addr::NULL)
    }

    /// Pops to a frame. Nothing is reserved.
    fn frame_pop(&self, _ap: P<Buffer>, _frame: Addr) -> Result {
        Ok(())
    }

    /// A segment in a generation that is collected is about to be condemned, the
    /// mutator running: the class makes its marks ready. False: leave it out, as
    /// one that nothing was committed in. Nothing may be allocated in it from now
    /// on. Allocation points in it go on until the flip; after that see
    /// [`PoolClass::ap_empty`].
    ///
    /// # Cost
    /// Within a pause: O(size of the tables of one segment).
    fn whiten(&self, _cx: Inside<'_>, _t: &Trace, _seg: P<Seg>) -> bool {
        true
    }

    /// Fixes a reference to a white segment, of rank `ss.rank`, mutator held:
    ///
    /// - exact (or final): the object is alive. Unless that was known, what it
    ///   refers to is to be scanned: `set_grey`. If it moved or moves, the new
    ///   address is stored.
    /// - ambiguous: the reference may be anything, and is not written to. If
    ///   there is an object for it, that is alive and stays where it is. These come
    ///   before all others.
    /// - weak: null is stored if the object has not been found alive, its new
    ///   address if it has moved. Nothing is kept alive. These come after all others.
    ///
    /// The segment may be shielded: `expose` it before objects are looked at.
    ///
    /// # Errors
    /// None that a class should make up. Where memory is needed (for a copy) and
    /// there is none, the object stays where it is: a trace always ends.
    ///
    /// # Cost
    /// The hottest of all: once a reference. O(1), and no allocation on the way.
    fn fix(&self, _seg: P<Seg>, _ss: &ScanState, _r: Ref<'_>) -> Result {
        Ok(())
    }

    /// Scans what is grey in a segment, exposed, mutator held: has the format
    /// fix every reference there. True if nothing grey is left; then the scan
    /// state's summary is that of the whole segment unless the scan was only of a
    /// part (`Part`). Calls out: format, and through it `fix`, which may find more
    /// in this very segment: a class goes on until there is no more, or answers
    /// `Unfinished`.
    ///
    /// # Errors
    /// The format's, which are reported. If `ss.broken_off` it is not an error:
    /// time is up (only in a segment that is one `large` object); answer
    /// `Unfinished`, and scan it from the beginning when called again. A class may also
    /// look at the clock between two objects, answer `Unfinished`, and go on there.
    ///
    /// # Cost
    /// O(size of what is scanned); `ss.kept` says how many bytes that was, of objects that
    /// don't move.
    fn scan(&self, _seg: P<Seg>, _ss: &ScanState) -> Result<Scanned> {
        Ok(Scanned::All)
    }

    /// May a large segment be scanned in parts from now on ([`crate::object::cards`])? It is then one
    /// object, from its base to `Seg::objects_end`, which stays where it is until the segment
    /// goes. When a trace finds it alive the class makes it grey, and is not asked to scan it.
    /// The segment is readable. Calls out: format.
    fn in_cards(&self, _seg: P<Seg>) -> bool {
        false
    }

    /// Takes back what is still white in a segment; it is no longer white, and
    /// no longer in any generation's list, when this is called. The class puts
    /// it back into one, or frees it; but what an allocation point has room in
    /// (`seg.buffer`) stays until `ap_empty`.
    ///
    /// # Cost
    /// Within a pause: O(size of the tables of one segment).
    fn reclaim(&self, _cx: Inside<'_>, _t: &Trace, _seg: P<Seg>) {}

    /// Tells the class that a trace has ended, whether it was about the pool or
    /// not.
    fn trace_done(&self, _cx: Inside<'_>, _pool: P<Pool>) {}

    /// Calls `f` for ranges (bases) that cover all objects of the pool, and no
    /// forwarding markers; stops at the first error. The arena is parked, or (in a
    /// walk over all formatted objects) between two steps of a collection. `f`
    /// exposes what it looks at.
    ///
    /// # Errors
    /// Those of `f`, as they are.
    fn areas(
        &self,
        _cx: Inside<'_>,
        _pool: P<Pool>,
        _f: &mut dyn FnMut(P<Seg>, Addr, Addr) -> Result,
    ) -> Result {
        Ok(())
    }

    /// Calls `f(base, limit)` for every object of a segment, exposed, no trace
    /// being under way. Calls out: format.
    fn objects(&self, _cx: Inside<'_>, seg: P<Seg>, f: &mut dyn FnMut(Addr, Addr)) {
        let Some(fmt) = seg.pool.format.get() else { return };
        let end = seg.get().objects_end();
        let mut base = seg.base;
        while base < end {
            let next = base.add(fmt.get().size(base.add(fmt.m.header)));
            crate::aver!(next > base && next <= end, "objects fill their segment");
            f(base, next);
            base = next;
        }
    }

    /// The base of the object that an ambiguous reference `a` keeps alive, no
    /// trace being under way: what `fix` would do with it.
    fn held_by(&self, cx: Inside<'_>, seg: P<Seg>, a: Addr) -> Option<Addr> {
        let header = seg.pool.format.get().map_or(0, |f| f.m.header);
        self.object_at(cx, seg, a).ok().map(|p| p.sub(header))
    }

    /// The object (client pointer) that `a`, in a segment of the class, lies in.
    /// At any time, a trace under way or not. Calls out: format.
    ///
    /// # Errors
    /// `Fail`: none. `Unimpl`: the class can't tell.
    fn object_at(&self, _cx: Inside<'_>, _seg: P<Seg>, _a: Addr) -> Result<Addr> {
        Err(Res::Unimpl)
    }

    /// `mps_pool_total_size`: bytes that the pool has from the arena.
    fn total_size(&self, pool: P<Pool>) -> Size {
        pool.get().bytes.get()
    }

    /// `mps_pool_free_size`: bytes of them that no object or block and no
    /// allocation point has. May be O(segments).
    fn free_size(&self, _pool: P<Pool>) -> Size {
        0
    }
}

/// What a client's cache is about to do with a block, or takes it for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Caching {
    /// To take in a block, which must be in use, all of it, and in no cache.
    TakesIn,
    /// It has the block.
    Has,
    /// To give it out, or back to the pool. It must have it.
    GivesOut,
}

/// What a client's class handle (`mps_pool_class_t`) points to.
pub struct ClassHandle {
    /// [`Sig::CLASS`].
    pub sig: Sig,
    /// The class.
    pub class: &'static dyn PoolClass,
}

impl ClassHandle {
    /// A handle on a class.
    pub const fn new(class: &'static dyn PoolClass) -> ClassHandle {
        ClassHandle { sig: Sig::CLASS, class }
    }
}

/// How much of a segment a scan dealt with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Scanned {
    /// All of it: the summary found is the segment's.
    All,
    /// The part that was grey: the summary found adds to the segment's.
    Part,
    /// The scan was broken off: it is still grey.
    Unfinished,
}

/// A pool.
pub struct Pool {
    /// [`Sig::POOL`].
    pub sig: Cell<Sig>,
    /// How it manages memory.
    pub class: &'static dyn PoolClass,
    /// The parts of its instance.
    pub cx: P<Cx>,
    link: Link<Pool>,
    /// The format of its objects.
    pub format: Slot<Format>,
    /// [`PoolClass::has_own_lock`].
    pub own_lock: bool,
    /// Alignment of blocks.
    pub align: Cell<Size>,
    /// Its segments.
    pub segs: List<Seg, 2>,
    /// Its allocation points.
    pub buffers: List<Buffer, 0>,
    /// Bytes it has from the arena for blocks.
    pub bytes: Cell<Size>,
    /// For the pool class.
    pub data: Cell<*mut ()>,
}

/// Reports to the client something that must hold for a block of a pool, and does not. Not to be called
/// with a pool's lock or inside an instance: the client's handler may never return.
#[cold]
#[inline(never)]
pub fn tell_of_block(text: &str, pool: P<Pool>, a: Addr, size: Size) {
    let mut t = Text::new(text);
    t.word(": block ").address(a).word(", ").number(size).word(" bytes");
    tell_of(t, pool);
}

/// As [`tell_of_block`], for an object that begins at `a`.
#[cold]
#[inline(never)]
pub fn tell_of_object(text: &str, pool: P<Pool>, a: Addr) {
    let mut t = Text::new(text);
    t.word(": object ").address(a);
    tell_of(t, pool);
}

/// As [`tell_of_block`], for a pool.
#[cold]
#[inline(never)]
pub fn tell_of_pool(text: &str, pool: P<Pool>) {
    tell_of(Text::new(text), pool);
}

fn tell_of(mut t: Text, pool: P<Pool>) {
    t.word(", pool ").address(pool.addr()).word(" (").word(pool.class.name()).word(")");
    report_text(concat!(file!(), "\0"), line!(), &t);
}

impl Linked<0> for Pool {
    fn link(&self) -> &Link<Pool> {
        &self.link
    }
}

impl Pool {
    /// Proof of being inside, for methods of a class that are not handed any. (If a class
    /// has a lock of its own, these methods are called from outside.)
    ///
    /// # Safety
    /// The calling thread is inside the pool's instance, for as long as the result
    /// is used.
    #[inline(always)]
    pub unsafe fn inside<'a>(&self) -> Inside<'a> {
        // SAFETY: the caller's promise.
        unsafe { Inside::new(self.cx.get()) }
    }

    /// The objects of each segment in turn, for classes whose segments are filled from the
    /// base on without gaps ([`PoolClass::areas`]).
    ///
    /// # Errors
    /// The first of `f`'s: it ends there.
    pub fn filled_areas(&self, f: &mut dyn FnMut(P<Seg>, Addr, Addr) -> Result) -> Result {
        for seg in self.segs.iter() {
            let end = seg.get().objects_end();
            if end > seg.base {
                f(seg, seg.base, end)?;
            }
        }
        Ok(())
    }

    /// A pool of a class, not yet set up.
    pub fn new(class: &'static dyn PoolClass, cx: P<Cx>, format: Option<P<Format>>) -> Pool {
        Pool {
            sig: Cell::new(Sig::DEAD),
            class,
            cx,
            link: Link::default(),
            format: Cell::new(format),
            own_lock: class.has_own_lock(),
            align: Cell::new(format.map_or(crate::seam::client::PF_ALIGN, |f| f.m.align)),
            segs: List::default(),
            buffers: List::default(),
            bytes: Cell::new(0),
            data: Cell::new(core::ptr::null_mut()),
        }
    }
}
