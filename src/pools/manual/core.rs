//! What MVFF and MVT share: blocks of any size under a lock of the pool's own.
//!
//! Freed blocks of up to 32 grains are set aside in [`Magazines`] while that is
//! little compared with what is in use, and handed out again as they are.
//! Behind that, blocks of up to 8,192 grains are in [`Pages`], each of one size, as soon as there are
//! enough of that size; all else is in the [`Field`], where what is free joins its
//! neighbours. A page is a block of the field, to which it goes back when all of it is free.
//! An extent that is entirely free goes back to the arena when what is then left free
//! is still the fraction to keep.
//!
//! A pool whose lock threads find taken often, and that is large enough, has
//! [`Shards`] in front of that.
//!
//! # Invariants
//! - `live` is what the client has, room of allocation points and what is in
//!   shards included; the grains in use in the field are those of pages, and of
//!   `live` and what is in the pool's magazines that what is not in pages.
//! - Shards are open only while there is so much in use that most of it is not in
//!   them: whoever frees so much that there is less closes them.
//! - The lock comes before the instance ([`crate::object::lock`]): what needs both is
//!   called with both, and asks the arena with the lock held.

use super::ledger::{Ledger, Rule, Wrong};
use super::shards::{Crowd, Shards};
use crate::arena::Home;
use crate::base::addr::{Addr, Size, size_up, size_up_checked};
use crate::base::ptr::P;
use crate::base::res::{Res, Result};
use crate::base::sets::RankSet;
use crate::land::bounds::Bounds;
use crate::land::extent::{CELL, Extent, Fit, NotInUse};
use crate::land::field::Field;
use crate::land::pages::{self, Pages, Put};
use crate::object::buffer::Buffer;
use crate::object::cx::Inside;
use crate::object::lock::Lock;
use crate::object::magazines::{self, Magazines};
use crate::object::pool::{Caching, Pool, Room};
use crate::object::seg::Seg;
use ::core::cell::{Cell, UnsafeCell};
use ::core::ptr::NonNull;
use ::core::sync::atomic::{AtomicUsize, Ordering::Relaxed};

// Values with which benches/alloc does well (1 to 256 bytes at random, 100,000 live,
// and its tables of memory and of the slowest call), where a line gives no reason.

/// Bytes of a pool's first extents, and the most that stays when all is free: four pages,
/// so that a small pool takes little; in small arenas at most a 64th of that
/// ([`Inner::first`]).
const FIRST_EXTENT: Size = 16 * 1024;
/// Extents grow with the pool up to this, a region of the arena.
const EXTENT_MAX: Size = 1 << 20;
/// A pool that has less than so many extents like the next one makes that larger:
/// the search through extents stays short, and little is left unused at the end.
const EXTENTS_WANTED: Size = 128;
/// Larger extents are multiples of this: the arena maps that much at a time.
const EXTENT_STEP: Size = 64 * 1024;
/// Bytes of room for an allocation point, at most, unless it wants more.
const ROOM_MAX: Size = 32 * 1024;
/// A run of so many bytes is worth having all of: some ten blocks.
const AMPLE_RUN: Size = 1024;
/// There are magazines in pools that have so many bytes: two of the first extents. Less is
/// not worth their 8 KB.
const FRONT_FROM: Size = 32 * 1024;
/// And pages from here on: less is not worth the 8 KB for what is known of each size.
const PAGES_FROM: Size = 64 * 1024;
/// Blocks are in magazines as far as they come to so many bytes, and a part of what is in
/// use. That is memory that can't be had in other sizes.
const FRONT_BYTES: Size = 32 * 1024;
const FRONT_PART: Size = 32;
/// The field may have this part of all memory in pieces that are too small for pages, before
/// blocks of all sizes are made of them.
const PIECES_PART: usize = 64;
/// A magazine is filled with at most this part of what there may be in magazines yet: other sizes
/// are not to be driven out.
const REFILL_PART: usize = 8;
/// The magazines of allocation points are at most this part of the pool's memory.
const MAGAZINES_PART: Size = 32;
/// Of each size, an allocation point's magazine has at most this part of what is in
/// use, so of all 32 sizes a 32nd.
const MAGAZINE_PART: usize = 1024;

/// How a pool is to be.
#[derive(Clone, Copy)]
pub(super) struct Config {
    /// Alignment: a power of two.
    pub align: Size,
    /// Memory to get at a time, to begin with.
    pub extend_by: Size,
    /// Fraction of its memory to keep though free.
    pub spare: f64,
    /// Where to take blocks from.
    pub fit: Fit,
    /// Bytes to keep though free, whatever the fraction.
    pub reserve: Size,
    /// Ask the arena for memory at high addresses?
    pub arena_high: bool,
    /// Have pages, and quick ways?
    pub quick: bool,
    /// Know exactly which blocks are in use? Then every block goes through the pool's
    /// lock and its ledger: no shards, no magazines, no quick ways.
    pub ledger: bool,
    /// Free memory that allocation points leave alone, for longer runs, as a
    /// fraction of all.
    pub slack: f64,
}

/// What is under the lock. What the quick ways need stands first.
#[repr(C)]
pub(super) struct Inner {
    /// The blocks freed last, in front of pages: null in small pools.
    front: *const Magazines,
    /// Grains in there.
    fronted: usize,
    /// The size that was drained last.
    cursor: usize,
    live: usize,
    /// Where its extents are, or were; at multiples of grains.
    bounds: Bounds,
    /// Blocks by size: only in pools that are worth it.
    pages: Pages,
    /// Free and used memory.
    pub field: Field,
    /// What exactly is in use, for pools that keep one.
    pub(super) ledger: Ledger,
    /// [`FIRST_EXTENT`], in this arena.
    first: Size,
    /// The arena refused to give more.
    starved: bool,
    config: Config,
}

/// A pool's data. What the quick ways need stands together, in two lines of memory.
#[repr(C)]
pub(super) struct Core {
    /// Regions of its own, so that extents lie side by side.
    home: Home,
    /// A debugging class's [`Debug`](super::debug::Debug), or null.
    pub extra: Cell<*mut ()>,
    /// The bounds again, to be read without the lock: from here on,
    lowest: AtomicUsize,
    /// so many grains. A thread that has a block has it from one that saw its extent.
    reach: AtomicUsize,
    /// Sizes up to this may be in pages; 0 if none is.
    quick_most: Size,
    crowd: Crowd,
    shift: u32,
    lock: Lock,
    inner: UnsafeCell<Inner>,
}

/// The core of a pool of one of the classes that have one, between `create` and
/// `finish`.
#[inline(always)]
pub(super) fn of(pool: P<Pool>) -> P<Core> {
    // SAFETY: set by `create`, to a `Core` that lives until `finish`. Only classes that
    // call `create` call this.
    unsafe { P::new(NonNull::new_unchecked(pool.data.get().cast::<Core>())) }
}

/// Tests a client's alignment.
pub(super) fn is_alignment(align: Size, grain: Size) -> bool {
    align.is_power_of_two() && align >= size_of::<usize>() && align <= grain
}

/// Sets a pool up.
///
/// # Errors
/// The arena's.
pub(super) fn create(cx: Inside<'_>, pool: P<Pool>, config: Config) -> Result {
    let shift = config.align.trailing_zeros();
    let first = cx.arena.at_most_part(FIRST_EXTENT, 64).max(cx.arena.grain());
    let core = cx.arena.control_new(Core {
        home: Home::default(),
        extra: Cell::new(::core::ptr::null_mut()),
        quick_most: if config.quick && !config.ledger { pages::LARGEST << shift } else { 0 },
        shift,
        lowest: AtomicUsize::new(0),
        reach: AtomicUsize::new(0),
        crowd: Crowd::default(),
        lock: Lock::default(),
        inner: UnsafeCell::new(Inner {
            pages: Pages::new(),
            front: ::core::ptr::null(),
            fronted: 0,
            cursor: 0,
            field: Field::new(config.reserve >> shift),
            ledger: Ledger::new(config.ledger),
            live: 0,
            bounds: Bounds::new(shift),
            first,
            starved: false,
            config,
        }),
    })?;
    if config.ledger {
        core.crowd.refuse();
    }
    core.home.plain.set(true);
    core.home.high.set(config.arena_high);
    pool.align.set(config.align);
    pool.get().data.set(core.as_ptr().cast());
    Ok(())
}

/// Gives back everything. The pool is going: nobody else uses it.
pub(super) fn finish(cx: Inside<'_>, pool: P<Pool>) {
    let arena = &cx.arena;
    let core = of(pool);
    while let Some(seg) = pool.segs.first() {
        // SAFETY: the pool goes, with all that is in it.
        unsafe { seg.destroy(cx) };
    }
    // SAFETY: nothing of it is used any more.
    unsafe { arena.retire(core.home()) };
    // SAFETY: nobody else uses the pool.
    let i = unsafe { core.alone() };
    for k in 0..i.field.len() {
        if let Some(e) = i.field.get(k) {
            drop_extent(pool, i, e);
        }
    }
    if let Some(bytes) = Field::footprint(i.field.capacity()).filter(|b| *b != 0) {
        // SAFETY: nobody uses it any more.
        unsafe { arena.control_free(i.field.tables(), bytes) };
    }
    drop_front(pool, i);
    i.ledger.finish(arena);
    // SAFETY: as above; the core is not used any more.
    unsafe { core.crowd.finish(arena) };
    // SAFETY: nobody uses it any more.
    unsafe { arena.control_drop(core) };
}

/// Frees an extent's tables.
fn drop_extent(pool: P<Pool>, i: &Inner, e: *mut Extent) {
    // SAFETY: in no field any more, or in one that nobody will use.
    let size = unsafe { (*e).size };
    if let Some(bytes) = Extent::footprint(size, i.bounds.shift, i.config.quick) {
        // SAFETY: nobody uses it any more.
        unsafe { pool.cx.get().arena.control_free(Addr(e as usize), bytes) };
    }
}

impl Core {
    /// A size in grains, rounded up. Sizes are far from the top: the door saw to that.
    #[inline(always)]
    fn grains(&self, size: Size) -> usize {
        (size + (1usize << self.shift) - 1) >> self.shift
    }

    /// A size in whole grains.
    #[inline(always)]
    fn whole(&self, size: Size) -> Size {
        size_up(size, 1usize << self.shift)
    }

    /// Runs `f` under the lock, which is taken and given back; not inside the
    /// instance. `f` does not call out.
    #[inline(always)]
    pub(super) fn with<R>(&self, pool: P<Pool>, f: impl FnOnce(&mut Inner) -> R) -> R {
        let _held = self.lock.take(pool.cx.get());
        // SAFETY: under the lock, and `f` can't take it again (it is not
        // given the core by anyone who does).
        f(unsafe { &mut *self.inner.get() })
    }

    /// What is under the lock, for a caller that has it already: a method that is
    /// called with the pool's lock ([`PoolClass::has_own_lock`]). `f` does not call
    /// out.
    ///
    /// [`PoolClass::has_own_lock`]: crate::object::pool::PoolClass::has_own_lock
    pub(super) fn held<R>(&self, f: impl FnOnce(&mut Inner) -> R) -> R {
        crate::aver!(self.lock.is_taken(), "the pool's lock was taken before the instance's");
        // SAFETY: under the lock, which this thread has, and `f` does not come here again.
        f(unsafe { &mut *self.inner.get() })
    }

    /// What is under the lock, without it.
    ///
    /// # Safety
    /// Nobody else uses the pool, and this is called again only when the last result is
    /// out of use.
    #[allow(clippy::mut_from_ref)] // That is the contract.
    pub(super) unsafe fn alone(&self) -> &mut Inner {
        // SAFETY: the caller's promise.
        unsafe { &mut *self.inner.get() }
    }

    /// As `with`, if the lock can be had at once.
    #[inline(always)]
    fn quickly<R>(&self, otherwise: R, f: impl FnOnce(&mut Inner) -> R) -> R {
        let Some(_held) = self.lock.try_take() else {
            self.crowd.notice();
            return otherwise;
        };
        // SAFETY: as in `with`.
        f(unsafe { &mut *self.inner.get() })
    }

    /// The shards, if there are any in use for blocks of `size` bytes.
    #[inline(always)]
    fn shards(&self, size: Size) -> Option<&Shards> {
        self.crowd.shards().filter(|s| s.is_open() && size <= magazines::MAGAZINES << self.shift)
    }

    /// Under the lock, with so much in use: opens the shards, if there are any and
    /// that is enough.
    #[inline(always)]
    fn reopen(&self, live: usize) {
        if let Some(s) = self.crowd.shards() {
            s.reopen(live);
        }
    }

    /// Empties the shards; without the pool's lock, and not inside the instance. True:
    /// there was something in them.
    fn drain(&self, pool: P<Pool>) -> bool {
        let mut any = false;
        if let Some(s) = self.crowd.shards() {
            s.each(pool.cx.get(), |magazines| {
                while let Some((a, size)) = magazines.take_any() {
                    any = true;
                    self.with(pool, |i| i.free_own(a, size));
                }
            });
        }
        any
    }

    /// After something was freed, with so much in use then: closes the shards, if
    /// that is little. True: they were emptied, and there may be memory to give back.
    #[inline(always)]
    fn settle(&self, pool: P<Pool>, live: usize) -> bool {
        self.crowd.shards().is_some_and(|s| s.close(live)) && self.drain(pool)
    }

    /// May a block begin at `a`: is that aligned, and not outside all extents? Without
    /// the lock.
    #[inline(always)]
    fn may_have(&self, a: Addr) -> bool {
        let from = a.0.wrapping_sub(self.lowest.load(Relaxed));
        // What is no multiple of a grain turns into a large number.
        from.rotate_right(self.shift) < self.reach.load(Relaxed)
    }

    fn home(&self) -> P<Home> {
        // SAFETY: part of the core, which stays where it is, and is finished
        // only after its home was retired.
        unsafe { P::new(::core::ptr::NonNull::from(&self.home)) }
    }

    /// See [`PoolClass::lock`](crate::object::pool::PoolClass::lock).
    pub(super) fn lock(&self) -> P<Lock> {
        // SAFETY: part of the core, which stays where it is until `finish`.
        unsafe { P::new(NonNull::from(&self.lock)) }
    }

    /// See [`PoolClass::fork_lock`](crate::object::pool::PoolClass::fork_lock).
    pub(super) fn fork_lock(&self) -> bool {
        if self.crowd.shards().is_some_and(|s| !s.fork_lock()) {
            return false;
        }
        if let Some(held) = self.lock.try_take() {
            held.keep();
            return true;
        }
        if let Some(s) = self.crowd.shards() {
            // SAFETY: just taken, on this thread.
            unsafe { s.fork_unlock() };
        }
        false
    }

    /// Gives back what `fork_lock` took.
    ///
    /// # Safety
    /// It took them, on this thread or the one that this is the copy of.
    pub(super) unsafe fn fork_unlock(&self) {
        // SAFETY: the caller's promise.
        unsafe {
            if let Some(s) = self.crowd.shards() {
                s.fork_unlock();
            }
            self.lock.release();
        }
    }
}

/// A block of `size` bytes, if there is a slot of that size at hand.
#[inline(always)]
pub(super) fn quick_alloc(pool: P<Pool>, size: Size) -> Addr {
    let core = of(pool);
    if size > core.quick_most {
        return Addr::NULL;
    }
    if let Some(s) = core.shards(size) {
        return s.quickly(Addr::NULL, |magazines| magazines.take(core.whole(size)));
    }
    core.quickly(Addr::NULL, |i| i.quick_alloc(core.grains(size)))
}

/// Frees a block that is a slot of a page, if no list changes.
#[inline(always)]
pub(super) fn quick_free(pool: P<Pool>, base: Addr, size: Size) -> bool {
    let core = of(pool);
    if size > core.quick_most {
        return false;
    }
    if size <= magazines::MAGAZINES << core.shift {
        // Likely to be handed out again soon; an atomic operation then would wait
        // for what its new owner writes.
        crate::seam::arch::expect_write(base);
        crate::seam::arch::expect_write(base.add(size - 1));
    }
    if let Some(s) = core.shards(size) {
        let good = core.may_have(base);
        return good && s.quickly(false, |magazines| magazines.put(core.whole(size), base));
    }
    core.quickly(false, |i| i.quick_free(base, core.grains(size)))
}

/// A block of `size` bytes. `Limit`: the pool has to grow.
#[inline(always)]
pub(super) fn alloc(pool: P<Pool>, size: Size) -> Result<Addr> {
    let core = of(pool);
    let by_shard = core.shards(size).and_then(|s| {
        s.quickly(None, |magazines| {
            let fill = |i: &mut Inner| {
                let a = i.alloc(size)?;
                i.fill_half(magazines, core.whole(size), s.part());
                Some(a)
            };
            Some(core.with(pool, fill))
        })
    });
    let got = by_shard.unwrap_or_else(|| {
        core.with(pool, |i| {
            core.reopen(i.live);
            i.alloc(size)
        })
    });
    got.ok_or(Res::Limit)
}

/// Frees `size` bytes from `base` on: a block, or part of one. True: there is memory
/// to give back, or it is time for shards ([`shrink`]).
///
/// # Errors
/// `Param`, reported: that is not in use in the pool; nothing has changed.
#[inline(always)]
pub(super) fn free(pool: P<Pool>, base: Addr, size: Size) -> Result<bool> {
    let core = of(pool);
    let by_shard = core.shards(size).and_then(|s| {
        s.quickly(None, |magazines| {
            let spill = |i: &mut Inner| {
                let due = i.free(base, size, Rule::Part)?;
                Ok((due | i.spill_half(magazines, core.whole(size), s.part()), i.live))
            };
            let again = magazines.newest(core.whole(size)) == base;
            Some(if again { Err(Wrong::NotInUse) } else { core.with(pool, spill) })
        })
    });
    let done = by_shard.unwrap_or_else(|| {
        core.with(pool, |i| i.free(base, size, Rule::Part).map(|due| (due, i.live)))
    });
    match done {
        Ok((due, live)) => Ok(core.settle(pool, live) | due | core.crowd.is_due()),
        Err(wrong) => {
            wrong.report(pool, base, size);
            Err(Res::Param)
        }
    }
}

/// See [`PoolClass::caches`](crate::object::pool::PoolClass::caches).
pub(super) fn caches(pool: P<Pool>, base: Addr, size: Size, what: Caching) -> bool {
    if !cfg!(feature = "variety-cool") {
        return true;
    }
    of(pool).with(pool, |i| i.ledger.caches(base, size, what)).unwrap_or_else(|wrong| {
        wrong.report(pool, base, size);
        false
    })
}

/// New room for an allocation point, in place of what it has. `Limit`: the pool
/// has to grow.
pub(super) fn ap_fill(ap: P<Buffer>, size: Size) -> Result<Room> {
    let core = of(ap.pool);
    if let Some(base) = from_shard(&core, ap, size) {
        return Ok(Room { seg: None, base, limit: base.add(size) });
    }
    // Without room that would have to be given back, a larger block is had as `quick_alloc`
    // has it. (Smaller ones come with others for the point's magazines.)
    let alone = ap.room_limit.get() == ap.init.get() && size > magazines::MAGAZINES << core.shift;
    let got = core.with(ap.pool, |i| {
        if alone && size <= core.quick_most {
            let a = i.quick_alloc(core.grains(size));
            if !a.is_null() {
                return Some((a, a.add(size)));
            }
        }
        core.reopen(i.live);
        let got = i.room(ap, size)?;
        i.take_back(ap, ap.init.get());
        Some(got)
    });
    let (base, limit) = got.ok_or(Res::Limit)?;
    Ok(Room { seg: None, base, limit })
}

/// A block of `size` bytes for an allocation point without room, and more for its
/// magazines, from the thread's shard.
fn from_shard(core: &Core, ap: P<Buffer>, size: Size) -> Option<Addr> {
    let (shards, own) = (core.shards(size)?, ap.magazines.get()?);
    if ap.room_limit.get() != ap.init.get() {
        return None;
    }
    let a = shards.quickly(Addr::NULL, |magazines| {
        let a = magazines.take(size);
        own.get().fill(size, usize::MAX, |places| magazines.take_into(size, places));
        a
    });
    (!a.is_null()).then_some(a)
}

/// With the lock: takes back room of an allocation point, and what is put by for it.
pub(super) fn ap_empty(ap: P<Buffer>, init: Addr) {
    of(ap.pool).held(|i| {
        i.take_back(ap, init);
        while let Some((a, size)) = ap.magazines.get().and_then(|s| s.get().take_any()) {
            i.free_own(a, size);
        }
    });
}

/// See [`PoolClass::gather`](crate::object::pool::PoolClass::gather).
pub(super) fn gather(pool: P<Pool>, all: bool) -> bool {
    let core = of(pool);
    if all {
        return core.drain(pool);
    }
    let live = core.with(pool, |i| i.live);
    core.settle(pool, live)
}

/// With the lock, inside the instance: gives an allocation point magazines, if those of
/// all points are then still little compared with the pool. Without memory for it, it does without.
pub(super) fn ap_magazines(ap: P<Buffer>) {
    let (pool, core) = (ap.pool, of(ap.pool));
    if core.quick_most == 0 || ap.magazines.get().is_some() {
        return;
    }
    let others = pool.buffers.iter().filter(|b| b.magazines.get().is_some()).count();
    let magazines = (others + 1) * size_of::<Magazines>();
    let bytes = core.held(|i| i.field.grains << i.bounds.shift);
    if magazines > bytes / MAGAZINES_PART {
        return;
    }
    let Ok(at) = pool.cx.get().arena.control_alloc(size_of::<Magazines>()) else { return };
    // SAFETY: control memory of that size, ours; stays until `ap_finish`.
    ap.magazines.set(unsafe { P::from_raw(Magazines::build(at, core.shift)) });
}

/// With the lock, inside the instance: finishes an allocation point, which is empty.
pub(super) fn ap_finish(ap: P<Buffer>) {
    if let Some(s) = ap.magazines.take() {
        // SAFETY: nobody uses it any more.
        unsafe { ap.pool.cx.get().arena.control_drop(s) };
    }
}

/// With the lock, inside the instance: bytes that the client does not have.
pub(super) fn free_size(pool: P<Pool>) -> Size {
    // Its user may be at it meanwhile.
    let put_by = |ap: P<Buffer>| ap.magazines.get().map_or(0, |s| s.get().bytes());
    let magazines = pool.buffers.iter().map(put_by).fold(0, Size::wrapping_add);
    let core = of(pool);
    let shards = core.crowd.shards().map_or(0, Shards::bytes);
    let rest = core.held(|i| (i.field.grains - i.live) << i.bounds.shift);
    rest + magazines + shards
}

/// With the lock, inside the instance: memory for a block of `size` bytes.
///
/// # Errors
/// The arena's, if what was set aside does not help either.
pub(super) fn grow(pool: P<Pool>, size: Size) -> Result {
    let core = of(pool);
    core.held(|i| {
        let exact = size_up_checked(size, i.config.align).filter(|n| *n != 0);
        let exact = exact.ok_or(Res::Resource)?;
        // Another thread may have made room meanwhile, which is good enough for
        // whatever way this block is to be had.
        let n = exact >> i.bounds.shift;
        let page = if i.wants_page(n) { i.pages.page_needs(n).unwrap_or(0) } else { 0 };
        if i.field.longest() >= n.max(AMPLE_RUN >> i.bounds.shift).max(page) {
            return Ok(());
        }
        let wish = i.wish(exact.max(page << i.bounds.shift));
        let why = match add(pool, &core, i, wish, exact) {
            Ok(all) => {
                i.starved = !all;
                return Ok(());
            }
            Err(why) => why,
        };
        i.starved = true;
        // All that is free together may do.
        i.flush();
        i.pages.dissolve_all(&mut i.field);
        if i.field.longest() >= exact >> i.bounds.shift {
            return Ok(());
        }
        // What is free but in pieces may serve when others have put it together.
        if !give_back(pool, i, |i| i.field.any_empty()) {
            return Err(why);
        }
        add(pool, &core, i, exact, exact).map(|_| ())
    })
}

/// Gets an extent of `want` bytes, or of `exact` if there is not as much. True:
/// of `want`.
fn add(pool: P<Pool>, core: &Core, i: &mut Inner, want: Size, exact: Size) -> Result<bool> {
    // SAFETY: extents are made inside.
    let cx = unsafe { pool.inside() };
    let arena = &cx.arena;
    let (shift, paged) = (i.bounds.shift, i.config.quick);
    make_place(pool, i)?;
    let home = core.home();
    let ledger = &mut i.ledger;
    let mut make = |bytes: Size| -> Result<*mut Extent> {
        let bytes = size_up_checked(bytes, arena.grain()).ok_or(Res::Resource)?;
        let tables = Extent::footprint(bytes, shift, paged).ok_or(Res::Resource)?;
        let at = arena.control_alloc(tables)?;
        let seg = Seg::create(cx, pool, home, None, bytes, RankSet::EMPTY)
            // SAFETY: made above, and nobody else has it yet.
            .inspect_err(|_| unsafe { arena.control_free(at, tables) })?;
        ledger.add(arena, seg.base, seg.get().size(), 1 << shift).inspect_err(|_| {
            // SAFETY: just made, and empty.
            unsafe { seg.destroy(cx) };
            // SAFETY: nobody uses it any more.
            unsafe { arena.control_free(at, tables) };
        })?;
        // SAFETY: that much control memory, ours.
        Ok(unsafe {
            Extent::build(at, seg.base, seg.get().size(), shift, paged, seg.as_ptr().cast())
        })
    };
    let (e, all) = match make(want) {
        Err(_) if want > exact => (make(exact)?, false),
        other => (other?, true),
    };
    // SAFETY: null, or set by a debugging class, whose data outlives the core.
    if let Some(d) = unsafe { core.extra.get().cast::<super::debug::Debug>().as_ref() } {
        // SAFETY: just made.
        let (base, bytes) = unsafe { ((*e).base, (*e).size) };
        d.splat(base, bytes);
    }
    // SAFETY: just made.
    let (base, end) = unsafe { ((*e).base, (*e).base.add((*e).grains << shift)) };
    i.bounds.widen(base, end);
    let (lowest, reach) = i.bounds.range();
    // Between the two some of what is in reach is not, or some is that is in no extent: a
    // thread that frees a block just then takes the long way, or is not found out.
    core.lowest.store(lowest.0, Relaxed);
    core.reach.store(reach, Relaxed);
    // SAFETY: just made; stays until it is removed. `make_place` saw to its place.
    let put = unsafe { i.field.insert(e) };
    crate::aver!(put, "there is a place for a new extent");
    make_front(pool, i);
    Ok(all)
}

/// Makes shards, if the pool is large enough; if not, it may come to be.
fn make_shards(pool: P<Pool>, core: &Core, live: usize) {
    core.crowd.make(&pool.cx.get().arena, live, core.shift);
}

/// Sees to it that a pool of some size has magazines and can have pages. If there is no
/// memory for that, it does without.
fn make_front(pool: P<Pool>, i: &mut Inner) {
    let arena = &pool.cx.get().arena;
    let bytes = if i.config.quick { i.field.grains << i.bounds.shift } else { 0 };
    if bytes > FRONT_FROM
        && i.front.is_null()
        && let Ok(at) = arena.control_alloc(size_of::<Magazines>())
    {
        // SAFETY: control memory of that size, ours until `drop_front`.
        i.front = unsafe { Magazines::build(at, i.bounds.shift) };
    }
    if bytes > PAGES_FROM
        && !i.pages.is_on()
        && let Ok(at) = arena.control_alloc(Pages::FOOTPRINT)
    {
        // SAFETY: control memory of that size, ours until `drop_front`.
        unsafe { i.pages.build(at, i.bounds.shift) };
    }
}

/// Has neither any more. There is nothing in them.
fn drop_front(pool: P<Pool>, i: &mut Inner) {
    let arena = &pool.cx.get().arena;
    if i.pages.is_on() {
        let at = i.pages.take_heads();
        // SAFETY: nobody uses it any more.
        unsafe { arena.control_free(at, Pages::FOOTPRINT) };
    }
    let front = ::core::mem::replace(&mut i.front, ::core::ptr::null());
    if !front.is_null() {
        // SAFETY: nobody uses it any more.
        unsafe { arena.control_free(Addr::of(front), size_of::<Magazines>()) };
    }
}

/// Sees to it that the field can take one more extent.
fn make_place(pool: P<Pool>, i: &mut Inner) -> Result {
    let arena = &pool.cx.get().arena;
    let cap = i.field.capacity();
    if i.field.len() < cap {
        return Ok(());
    }
    let new = cap.checked_mul(2).unwrap_or(0).max(4);
    let bytes = Field::footprint(new).ok_or(Res::Memory)?;
    let mem = arena.control_alloc(bytes)?;
    // SAFETY: that much control memory, ours, for twice what there is.
    let (old, cap) = unsafe { i.field.rehouse(mem, new) };
    if let Some(bytes) = Field::footprint(cap).filter(|b| *b != 0) {
        // SAFETY: nobody uses it any more.
        unsafe { arena.control_free(old, bytes) };
    }
    Ok(())
}

/// Gives back extents, as long as `which` names one. True: there were some.
fn give_back(pool: P<Pool>, i: &mut Inner, which: impl Fn(&Inner) -> Option<*mut Extent>) -> bool {
    let mut any = false;
    while let Some(e) = which(i) {
        any = true;
        // SAFETY: it is in there; only ours then; the owner is its segment (`add`).
        if let Some(seg) = unsafe {
            i.field.remove(e);
            P::from_raw((*e).owner.cast::<Seg>())
        } {
            i.ledger.remove(&pool.cx.get().arena, seg.base);
            // SAFETY: nothing in it is in use, and the field knows it no more. Extents
            // are given back inside.
            unsafe { seg.destroy(pool.inside()) };
        }
        drop_extent(pool, i, e);
    }
    any
}

/// With the lock, inside the instance: gives back what is more than the pool wants to
/// keep. Makes shards when it is time for them.
pub(super) fn shrink(pool: P<Pool>) {
    let core = of(pool);
    core.held(|i| {
        if core.crowd.is_due() {
            make_shards(pool, &core, i.live);
        }
        give_back(pool, i, Inner::due);
        // A pool that is all but gone needs neither.
        if i.fronted + i.pages.held == 0 && i.field.grains <= FRONT_FROM >> i.bounds.shift {
            drop_front(pool, i);
        }
    });
}

/// A client freed a block twice, and it comes to light only now.
#[cold]
#[inline(never)]
fn was_in_use() {
    crate::base::check::report(
        concat!(file!(), "\0"),
        line!(),
        "block that was freed was in use in the pool\0",
    );
}

impl Inner {
    #[inline(always)]
    fn grains(&self, size: Size) -> usize {
        // Sizes are far from the top: the door saw to that.
        size_up(size, 1usize << self.bounds.shift) >> self.bounds.shift
    }

    /// The magazines, in a pool that has them.
    #[inline(always)]
    fn front(&self) -> Option<&'static Magazines> {
        // SAFETY: null, or made by `make_front`; callers are done with it before
        // `drop_front` frees it.
        unsafe { self.front.as_ref() }
    }

    /// A block of `n` grains.
    #[inline(always)]
    fn quick_alloc(&mut self, n: usize) -> Addr {
        let a = match self.front() {
            Some(front) if n <= magazines::MAGAZINES => {
                let a = front.take_grains(n);
                self.fronted -= if a.is_null() { 0 } else { n };
                a
            }
            _ => self.pages.take(n),
        };
        self.live += if a.is_null() { 0 } else { n };
        a
    }

    /// Frees `n` grains.
    #[inline(always)]
    fn quick_free(&mut self, a: Addr, n: usize) -> bool {
        // Much changes when the last is freed.
        let left = self.live.wrapping_sub(n);
        let done = match self.front() {
            Some(front) if n <= magazines::MAGAZINES => {
                let done = self.fronted < self.front_limit()
                    && left != 0
                    && self.bounds.allow(a)
                    && front.put_grains(n, a);
                self.fronted += if done { n } else { 0 };
                done
            }
            _ => {
                let put = |at| left != 0 && self.pages.put_quick(&at, n);
                self.field.spot(a).is_some_and(put)
            }
        };
        self.live = if done { left } else { self.live };
        done
    }

    #[inline(always)]
    fn front_limit(&self) -> usize {
        self.live / FRONT_PART + (FRONT_BYTES >> self.bounds.shift)
    }

    #[inline(always)]
    pub(super) fn alloc(&mut self, size: Size) -> Option<Addr> {
        let n = self.grains(size);
        let a = match self.set_aside(n) {
            Some(a) => a,
            None if self.wants_page(n) => return None,
            None => self.cut(n)?,
        };
        self.live += n;
        if self.ledger.is_on() {
            self.note(a, n, false);
        }
        Some(a)
    }

    /// A block of `n` grains from the magazines or from a page. With it half of a magazine is
    /// filled.
    #[inline(never)]
    fn set_aside(&mut self, n: usize) -> Option<Addr> {
        let size = n << self.bounds.shift;
        let front = self.front().filter(|_| n <= magazines::MAGAZINES);
        if let Some(front) = front {
            let a = front.take(size);
            if !a.is_null() {
                self.fronted -= n;
                return Some(a);
            }
        }
        let a = self.slot_for(n)?;
        if let Some(front) = front
            && let Some(room) = self.front_limit().checked_sub(self.fronted)
        {
            let most = room.checked_div(n * REFILL_PART).unwrap_or(0).min(magazines::HALF);
            let count = front.fill(size, most, |places| self.pages.take_into(n, places));
            self.fronted += n * count;
        }
        Some(a)
    }

    /// A block of `n` grains from a page: there is one, or it is time for one.
    #[inline(never)]
    fn slot_for(&mut self, n: usize) -> Option<Addr> {
        if n > pages::LARGEST || !self.pages.is_on() {
            return None;
        }
        let a = self.pages.take(n);
        if !a.is_null() {
            return Some(a);
        }
        if !self.pages.turn(n) && !self.new_page(n) {
            return None;
        }
        let a = self.pages.take(n);
        (!a.is_null()).then_some(a)
    }

    /// There is no page for blocks of `n` grains: would the pool rather grow than take one
    /// from the field?
    fn wants_page(&mut self, n: usize) -> bool {
        // Where memory is scarce, or much is free, it is put to use in whatever pieces it is.
        !self.starved
            && self.field.free < self.field.grains / PIECES_PART
            && self.pages.page_needs(n).is_some()
    }

    /// Makes a page for blocks of `n` grains, if it is time for one. False: there is none.
    fn new_page(&mut self, n: usize) -> bool {
        if self.starved {
            return false;
        }
        let Some((units, least)) = self.pages.wish(n) else { return false };
        let fit = self.config.fit;
        let mut made = self.field.alloc_units(units, fit).map(|at| (at, units));
        if made.is_none() && least < units {
            made = self.field.alloc_units(least, fit).map(|at| (at, least));
        }
        let Some((at, units)) = made else { return false };
        self.pages.add(n, &at, units);
        true
    }

    fn cut(&mut self, n: usize) -> Option<Addr> {
        let a = self.field.alloc(n, self.fit(n))?;
        self.pages.in_field(n, n);
        Some(a)
    }

    /// Writes into the ledger what a client gets: a block, or room for an allocation
    /// point.
    #[cold]
    #[inline(never)]
    fn note(&mut self, a: Addr, n: usize, is_room: bool) {
        let done = self.ledger.grant(a, n << self.bounds.shift, is_room);
        crate::aver!(done.is_ok(), "memory handed out is nobody's");
    }

    /// Frees what `rule` allows. True: there is memory to give back.
    #[inline(never)]
    pub(super) fn free(
        &mut self,
        a: Addr,
        size: Size,
        rule: Rule,
    ) -> ::core::result::Result<bool, Wrong> {
        if self.ledger.is_on() {
            self.ledger.release(a, size, rule)?;
        }
        let n = self.grains(size);
        if let Some(front) = self.front().filter(|_| n <= magazines::MAGAZINES) {
            if !self.bounds.allow(a) {
                let aligned = self.bounds.is_aligned(a);
                return Err(if aligned { Wrong::Elsewhere } else { Wrong::Misaligned });
            }
            let size = n << self.bounds.shift;
            if a == front.newest(size) {
                return Err(Wrong::NotInUse);
            }
            if self.live > n {
                // It is likely to be asked for again: others go.
                let mut count = 0;
                front.spill(size, magazines::HALF, |b| {
                    count += n;
                    self.unfront(b, n);
                });
                self.fronted -= count;
                if front.put(size, a) {
                    self.fronted += n;
                    self.live -= n;
                    while self.fronted > self.front_limit() && self.drain() {}
                    return Ok(self.due().is_some());
                }
            }
        }
        self.free_behind(a, n)?;
        self.live = self.live.saturating_sub(n);
        if self.live == 0 {
            self.flush();
        } else if self.fronted > self.front_limit() {
            self.drain();
        }
        Ok(self.due().is_some())
    }

    /// Frees a block that was in a magazine.
    fn unfront(&mut self, a: Addr, n: usize) {
        if self.free_behind(a, n).is_err() {
            was_in_use();
        }
    }

    /// Moves a block from the magazines to where it belongs, of each size in turn. False: there
    /// is none.
    #[inline(never)]
    fn drain(&mut self) -> bool {
        let Some(front) = self.front() else { return false };
        for _ in 0..magazines::MAGAZINES {
            let n = self.cursor % magazines::MAGAZINES + 1;
            self.cursor = n;
            let a = front.take_grains(n);
            if !a.is_null() {
                self.fronted -= n;
                self.unfront(a, n);
                return true;
            }
        }
        false
    }

    /// There is nothing in magazines, nor are there pages that are all free.
    fn flush(&mut self) {
        while self.drain() {}
        self.pages.flush(&mut self.field);
    }

    /// Frees a block in its page, or in the field. What is counted in use stays as it is.
    #[inline(never)]
    fn free_behind(&mut self, a: Addr, n: usize) -> ::core::result::Result<(), Wrong> {
        if !self.pages.is_on() {
            return self.free_in_field(a, n);
        }
        let Some(at) = self.field.spot(a) else { return Err(Wrong::NotInUse) };
        if self.pages.put_quick(&at, n) {
            return Ok(());
        }
        match self.pages.put(&at, n) {
            Put::Done => {}
            Put::Emptied(page, grains) => {
                if self.field.free(page, grains).is_err() {
                    was_in_use();
                }
            }
            Put::NotInUse => return Err(Wrong::NotInUse),
            Put::Outside | Put::Part => {
                let from = at.unit() * CELL + at.place();
                // SAFETY: the extent was just found in the field.
                unsafe { self.pages.dissolve(&mut self.field, at.extent(), from, n) };
                return self.free_in_field(a, n);
            }
        }
        Ok(())
    }

    fn free_in_field(&mut self, a: Addr, n: usize) -> ::core::result::Result<(), Wrong> {
        self.field.free(a, n).map_err(|NotInUse| Wrong::NotInUse)?;
        self.pages.left_field(n);
        Ok(())
    }

    /// Large blocks and small ones in each other's way make holes that neither
    /// can use, so in pools of some size they come from opposite ends.
    fn fit(&self, n: usize) -> Fit {
        let fit = self.config.fit;
        if n > pages::SMALL && self.live >= FRONT_FROM >> self.bounds.shift {
            Fit { high: !fit.high, top: !fit.high }
        } else {
            fit
        }
    }

    /// An extent to give back.
    fn due(&self) -> Option<*mut Extent> {
        let e = self.field.empty()?;
        // SAFETY: in the field.
        let (grains, size) = unsafe { ((*e).grains, (*e).size) };
        let spare = self.config.spare;
        if self.field.len() == 1 && size <= self.first && spare > 0.0 {
            // Not back and forth with every block of a small pool.
            return None;
        }
        let free = self.field.free - grains;
        let all = self.field.grains - grains;
        if free as f64 >= all as f64 * spare { Some(e) } else { None }
    }

    /// How much to ask the arena for, to get a block of `exact` bytes.
    fn wish(&self, exact: Size) -> Size {
        let total = self.field.grains << self.bounds.shift;
        let by = self.config.extend_by;
        let wish = by.min(total.max(self.first)).max((total / EXTENTS_WANTED).min(EXTENT_MAX));
        let wish = if wish > EXTENT_STEP { size_up(wish, EXTENT_STEP) } else { wish };
        if exact > wish / 2 { exact } else { wish }
    }

    /// Room for an allocation point: a block set aside (and a few more for later), or the
    /// lowest run, as long as it is worth having when little is free. A large block gets just
    /// itself.
    fn room(&mut self, ap: P<Buffer>, size: Size) -> Option<(Addr, Addr)> {
        let n = self.grains(size);
        if let Some(a) = self.set_aside(n) {
            if let Some(s) = ap.magazines.get() {
                // Half, so that what is freed meanwhile finds places in the pool's own.
                let most = self.share(n, MAGAZINE_PART).min(magazines::HALF);
                self.refill(s.get(), size, most);
            }
            return Some(self.granted(a, n));
        }
        if self.wants_page(n) {
            return None;
        }
        if n > pages::SMALL {
            let a = self.cut(n)?;
            return Some(self.granted(a, n));
        }
        let most = n.max(ROOM_MAX >> self.bounds.shift);
        let whole = (self.field.free as f64) < self.field.grains as f64 * self.config.slack;
        let ample = AMPLE_RUN >> self.bounds.shift;
        let least = if whole && !self.starved { n.max(ample) } else { n };
        let (a, got) = self.field.alloc_run(least, ample, most)?;
        // A size asks for room as often as there is much of it.
        self.pages.in_field(n, got);
        Some(self.granted(a, got))
    }

    /// A part of what is in use, in blocks of `n` grains; at least one.
    #[inline(always)]
    fn share(&self, n: usize, part: usize) -> usize {
        self.live.checked_div(part * n).unwrap_or(1).max(1)
    }

    /// Moves blocks of `size` bytes that are at hand to a magazine, until it has `most`.
    #[inline(always)]
    fn refill(&mut self, magazines: &Magazines, size: Size, most: usize) {
        let n = self.grains(size);
        let count = magazines.fill(size, most, |places| {
            let got = self.front().map_or(0, |front| front.take_into(size, places));
            self.fronted -= n * got;
            got + self.pages.take_into(n, places.get(got..).unwrap_or(&[]))
        });
        self.live += n * count;
    }

    /// Of a shard, which may have more or less from now on: a part of what is in use.
    fn fill_half(&mut self, magazines: &Magazines, size: Size, part: usize) {
        let most = self.share(self.grains(size), part);
        magazines.limit(size, most);
        self.refill(magazines, size, most / 2);
    }

    /// The same. True: there is memory to give back.
    fn spill_half(&mut self, magazines: &Magazines, size: Size, part: usize) -> bool {
        let most = self.share(self.grains(size), part);
        magazines.limit(size, most);
        let mut due = false;
        magazines.spill(size, most / 2, |a| due |= self.free_own(a, size));
        due
    }

    /// Frees a block that was kept elsewhere, as if in use. True: there is memory to
    /// give back.
    fn free_own(&mut self, a: Addr, size: Size) -> bool {
        self.free(a, size, Rule::Part).unwrap_or_else(|_| {
            was_in_use();
            false
        })
    }

    /// Are these bytes in use in the pool?
    pub(super) fn has(&self, a: Addr, size: Size) -> bool {
        self.field.in_use(a, self.grains(size))
    }

    /// Does `f` say yes to every run of free memory?
    pub(super) fn free_runs(&self, f: impl Fn(Addr, Size) -> bool) -> bool {
        (0..self.field.len()).filter_map(|k| self.field.get(k)).all(|e| {
            // SAFETY: in the field; under the lock.
            let e = unsafe { &*e };
            let mut at = 0;
            while let Some((start, n)) = e.next_free(at) {
                if !f(e.addr_of(start), n << self.bounds.shift) {
                    return false;
                }
                at = start + n;
            }
            true
        })
    }

    fn take_back(&mut self, ap: P<Buffer>, init: Addr) {
        let n = ap.room_limit.get().since(init);
        if n != 0 {
            let done = self.free(init, n, Rule::Room);
            crate::aver_critical!(
                done.is_ok(),
                "room of an allocation point is in use in its pool"
            );
            let _ = done;
        }
    }

    fn granted(&mut self, a: Addr, n: usize) -> (Addr, Addr) {
        self.live += n;
        if self.ledger.is_on() {
            self.note(a, n, true);
        }
        (a, a.add(n << self.bounds.shift))
    }
}
