//! Allocation points: a pointer that is bumped by the client itself, in room
//! that a pool provides.
//!
//! The client reads and writes the first three words (`mps_ap_s`) by the inline
//! protocol of reserve and commit. The library writes to them only in the client's own
//! call, or while the client's thread is held: a flip stores null in `limit` and notes in
//! `init_at_flip` how far the objects were initialized. The library also reads
//! `init` while the client is at work, so all three are atomic.

use crate::base::addr::{Addr, Size};
use crate::base::check::Sig;
use crate::base::gauge::SharedAddr;
use crate::base::list::{Link, Linked};
use crate::base::ptr::{P, Slot};
use crate::base::res::Result;
use crate::base::sets::Rank;
use crate::object::magazines::Magazines;
use crate::object::pool::{Pool, Room};
use crate::object::seg::Seg;
use core::cell::Cell;

/// An allocation point; the client sees its first three words.
#[repr(C)]
pub struct Buffer {
    /// End of what is initialized: where a reserved block begins.
    pub init: SharedAddr,
    /// End of what is reserved.
    pub alloc: SharedAddr,
    /// End of the room; or null after a flip, so that the client calls the library.
    pub limit: SharedAddr,
    /// [`Sig::BUFFER`].
    pub sig: Cell<Sig>,
    /// The pool it allocates in.
    pub pool: P<Pool>,
    link: Link<Buffer>,
    /// The segment its room is in.
    pub seg: Slot<Seg>,
    /// Where its room began.
    pub base: Cell<Addr>,
    /// Where its room ends, whatever `limit` says.
    pub room_limit: Cell<Addr>,
    /// There was a flip since the client last called; `limit` is null.
    pub trapped: Cell<bool>,
    /// There was a flip while the segment was white: the room must not be used again.
    pub stale: Cell<bool>,
    /// `init` as it was at the first flip since the client was last here.
    pub init_at_flip: Cell<Addr>,
    /// `init` as a fork began.
    init_at_fork: Cell<Addr>,
    /// The rank of its objects' references.
    pub rank: Cell<Rank>,
    /// The generation it allocates in.
    pub generation: Cell<usize>,
    /// Its objects do not count towards starting a collection.
    pub uncounted: Cell<bool>,
    /// How many ramps have begun on it and not ended.
    pub ramps: Cell<usize>,
    /// How many of these end with a full collection.
    pub ramps_collect_all: Cell<usize>,
    /// For the pool class.
    pub data: Cell<*mut ()>,
    /// Free blocks that the pool has put by for its user alone, if its class does that.
    pub magazines: Slot<Magazines>,
}

impl Linked<0> for Buffer {
    fn link(&self) -> &Link<Buffer> {
        &self.link
    }
}

impl Buffer {
    /// A new allocation point, without room.
    pub fn new(pool: P<Pool>) -> Buffer {
        Buffer {
            init: SharedAddr::default(),
            alloc: SharedAddr::default(),
            limit: SharedAddr::default(),
            sig: Cell::new(Sig::BUFFER),
            pool,
            link: Link::default(),
            seg: Cell::new(None),
            base: Cell::new(Addr::NULL),
            room_limit: Cell::new(Addr::NULL),
            trapped: Cell::new(false),
            stale: Cell::new(false),
            init_at_flip: Cell::new(Addr::NULL),
            init_at_fork: Cell::new(Addr::NULL),
            rank: Cell::new(Rank::Exact),
            generation: Cell::new(0),
            uncounted: Cell::new(false),
            ramps: Cell::new(0),
            ramps_collect_all: Cell::new(0),
            data: Cell::new(core::ptr::null_mut()),
            magazines: Cell::new(None),
        }
    }

    /// Is a block reserved and not committed?
    pub fn is_reserved(&self) -> bool {
        self.init.get() != self.alloc.get()
    }

    /// The end of the objects in its room that are known to be good.
    pub fn objects_end(&self) -> Addr {
        if self.trapped.get() { self.init_at_flip.get() } else { self.init.get() }
    }

    /// Has no room?
    pub fn is_empty(&self) -> bool {
        self.room_limit.get().is_null()
    }
}

/// Reserves `size` bytes out of line, inside the instance. Nothing is reserved on the
/// allocation point, and `size` is a positive multiple of the pool's alignment.
///
/// # Errors
/// Those of [`PoolClass::ap_fill`]. The allocation point is then empty or as it was.
///
/// [`PoolClass::ap_fill`]: crate::object::pool::PoolClass::ap_fill
pub fn fill(b: P<Buffer>, size: Size) -> Result<Addr> {
    if b.trapped.replace(false) {
        if b.stale.get() {
            detach(b);
        } else {
            b.limit.set(b.room_limit.get());
        }
    }
    if !b.is_empty() {
        let end = b.alloc.get().add(size);
        if end > b.alloc.get() && end <= b.room_limit.get() {
            let p = b.alloc.get();
            b.alloc.set(end);
            return Ok(p);
        }
        detach(b);
    }
    take_room(b, size)
}

/// Reserves a block of `size` bytes from the allocation point's magazines, if there is one
/// and no room is left that would have to be given back. Null: nothing was done. Called
/// by the allocation point's user, outside the instance. Cost: a few loads and stores.
#[inline(always)]
pub fn fill_from_magazine(b: P<Buffer>, size: Size) -> Addr {
    let Some(magazines) = b.magazines.get() else { return Addr::NULL };
    let init = b.init.get();
    if b.alloc.get() != init || b.room_limit.get() != init {
        return Addr::NULL;
    }
    let a = magazines.get().take(size);
    if a.is_null() { a } else { reserve_at(b, a, size) }
}

/// As [`fill_from_magazine`], but with room left, which goes into the magazines if they
/// have a place for it.
pub fn fill_for_rest(b: P<Buffer>, size: Size) -> Addr {
    let Some(magazines) = b.magazines.get() else { return Addr::NULL };
    let init = b.init.get();
    let rest = b.room_limit.get().since(init);
    if b.alloc.get() != init || size <= rest || !magazines.has(size) || !magazines.put(rest, init) {
        return Addr::NULL;
    }
    reserve_at(b, magazines.take(size), size)
}

/// Lets an allocation point have just the block at `a`, reserved. (`base` is for
/// pools with segments.)
#[inline(always)]
fn reserve_at(b: P<Buffer>, a: Addr, size: Size) -> Addr {
    let end = a.add(size);
    b.init.set(a);
    b.alloc.set(end);
    b.limit.set(end);
    b.room_limit.set(end);
    a
}

/// As [`fill`], but outside the instance, for a class with its own lock. Flips do not
/// trap its allocation points.
///
/// # Errors
/// Those of the class. The allocation point is as it was.
pub fn fill_outside(b: P<Buffer>, size: Size) -> Result<Addr> {
    let end = b.alloc.get().add(size);
    if end > b.alloc.get() && end <= b.room_limit.get() {
        let p = b.alloc.get();
        b.alloc.set(end);
        return Ok(p);
    }
    take_room(b, size)
}

fn take_room(b: P<Buffer>, size: Size) -> Result<Addr> {
    let room = b.pool.class.ap_fill(b, size)?;
    crate::aver!(room.limit.since(room.base) >= size, "a pool gives the room asked for");
    attach(b, &room);
    b.alloc.set(room.base.add(size));
    Ok(room.base)
}

/// Lets an empty allocation point go on in `room`.
pub fn attach(b: P<Buffer>, room: &Room) {
    b.seg.set(room.seg);
    if let Some(s) = room.seg {
        s.get().buffer.set(Some(b));
    }
    b.base.set(room.base);
    b.init.set(room.base);
    b.alloc.set(room.base);
    b.limit.set(room.limit);
    b.room_limit.set(room.limit);
    b.stale.set(false);
}

/// Called when a commit has found `limit` null. True: the block was committed before the
/// flip, or there was none. False: the block is lost, and is to be reserved again.
pub fn trip(b: P<Buffer>) -> bool {
    if b.trapped.get() && b.init_at_flip.get() != b.init.get() {
        b.init.set(b.init_at_flip.get());
        b.alloc.set(b.init_at_flip.get());
        return false;
    }
    true
}

/// Gives the rest of its room back to the pool. Nothing is reserved.
pub fn detach(b: P<Buffer>) {
    if b.is_empty() {
        return;
    }
    let init = b.init.get();
    let seg = b.seg.take();
    if let Some(s) = seg {
        s.get().buffer.set(None);
    }
    b.pool.class.ap_empty(b, seg, init);
    b.trapped.set(false);
    b.stale.set(false);
    for a in [&b.init, &b.alloc, &b.limit] {
        a.set(Addr::NULL);
    }
    for a in [&b.base, &b.room_limit, &b.init_at_flip] {
        a.set(Addr::NULL);
    }
}

/// Called at a flip, with the mutator held. A block that is reserved and not committed
/// must not be committed any more: it may hold references from before the flip.
pub fn flip(b: P<Buffer>) {
    if b.is_empty() {
        return;
    }
    if !b.trapped.replace(true) {
        b.init_at_flip.set(b.init.get());
        b.limit.set(Addr::NULL);
    }
    if b.seg.get().is_some_and(|s| !s.white.get().is_empty()) {
        b.stale.set(true);
    }
}

/// A fork begins, with the mutator held for a moment.
pub fn before_fork(b: P<Buffer>) {
    b.init_at_fork.set(b.init.get());
}

/// In the child of a fork: cuts the allocation point back to where it was when the fork
/// began. A fork copies memory a page at a time while other threads run on. What they
/// committed meanwhile may have been copied in part, or not at all, and no thread of
/// the child knows of it.
pub fn after_fork(b: P<Buffer>) {
    if b.init.get() != b.init_at_fork.get() {
        b.init.set(b.init_at_fork.get());
        b.alloc.set(b.init_at_fork.get());
    }
    // The same is true of the magazines. Their blocks stay in use for good.
    if let Some(s) = b.magazines.get() {
        s.get().forget();
    }
}
