//! Blocks from pools that have a lock of their own. Calls for these enter the instance
//! only to make a pool grow or shrink.
//!
//! The order of locks is in [`crate::object::lock`]: the pool's lock first, the
//! instance then. Nothing here enters the instance and takes the pool's lock after.

use super::Mpm;
use super::entry::Entered;
use super::poll::Relief;
use crate::base::addr::{Addr, Size};
use crate::base::ptr::P;
use crate::base::res::{Res, Result};
use crate::object::buffer::{self, Buffer};
use crate::object::cx::Cx;
use crate::object::lock::{Held, Lock};
use crate::object::pool::Pool;

/// Takes a pool's lock. Not inlined, because all entries that need a pool call it.
#[inline(never)]
fn wait_for<'a>(lock: &'a Lock, cx: &Cx) -> Held<'a> {
    lock.take(cx)
}

impl Mpm {
    /// Runs `f` inside, as [`Mpm::enter`] does, with the lock of `pool` if its class has one.
    /// That lock is taken before the instance is entered, and given back after it is left.
    /// The calling thread is not inside, and has no pool's lock.
    ///
    /// It is not for a step of a collection: other users of the pool would wait for its end.
    pub fn enter_for<R>(self_: P<Mpm>, pool: P<Pool>, f: impl FnOnce(&Entered) -> R) -> R {
        let lock = pool.class.lock(pool);
        let _held = lock.as_ref().map(|l| wait_for(l, &self_.cx));
        Self::enter(self_, f)
    }

    /// Has a pool give back the free memory that it has too much of.
    #[cold]
    #[inline(never)]
    fn shrink(self_: P<Mpm>, pool: P<Pool>) {
        Self::enter_for(self_, pool, |_| pool.class.shrink(pool));
    }

    /// `mps_alloc`: a block of `size` bytes. Any thread that is not inside. For a pool with a
    /// lock of its own it enters the instance only if the pool must grow.
    ///
    /// # Errors
    /// Those of the class and of the arena.
    #[inline]
    pub fn alloc(self_: P<Mpm>, pool: P<Pool>, size: Size) -> Result<Addr> {
        if !pool.own_lock {
            return Self::enter(self_, |_| pool.class.alloc(pool, size));
        }
        loop {
            match pool.class.alloc(pool, size) {
                Err(Res::Limit) => Self::make_room(self_, pool, size, None)?,
                got => return got,
            }
        }
    }

    /// `mps_free`: takes back a block of `size` bytes. Any thread that is not inside.
    ///
    /// # Errors
    /// Those of the class.
    #[inline]
    pub fn free(self_: P<Mpm>, pool: P<Pool>, base: Addr, size: Size) -> Result {
        if !pool.own_lock {
            return Self::enter(self_, |_| pool.class.free(pool, base, size)).map(|_| ());
        }
        if pool.class.free(pool, base, size)? {
            Self::shrink(self_, pool);
        }
        Ok(())
    }

    /// Reserves `size` bytes on an allocation point of a pool with a lock of its own.
    ///
    /// # Errors
    /// Those of `alloc`.
    pub fn fill_outside(self_: P<Mpm>, b: P<Buffer>, size: Size) -> Result<Addr> {
        loop {
            match buffer::fill_outside(b, size) {
                Err(Res::Limit) => Self::make_room(self_, b.pool, size, Some(b))?,
                got => return got,
            }
        }
    }

    /// Finishes an allocation point, of any pool.
    ///
    /// # Safety
    /// Nothing is reserved on it, and nobody uses it afterwards.
    pub unsafe fn finish_ap(self_: P<Mpm>, ap: P<Buffer>) {
        let pool = ap.pool;
        // SAFETY: the caller's promise.
        Self::enter_for(self_, pool, |m| unsafe { m.ap_destroy(ap) });
        // That may have been most of what the pool had in use.
        if pool.own_lock && pool.class.gather(pool, false) {
            Self::shrink(self_, pool);
        }
    }

    /// Lets the collector have its turn, and makes the pool grow for a block of `size` bytes.
    /// If `ap` is given, the block is for that allocation point.
    ///
    /// Each step of a collection is an entry of its own, without the pool's lock. Free
    /// blocks that the class keeps under other locks go back to the pool before
    /// anything is collected, outside the instance.
    #[cold]
    #[inline(never)]
    fn make_room(self_: P<Mpm>, pool: P<Pool>, size: Size, ap: Option<P<Buffer>>) -> Result {
        Self::enter(self_, |m| m.poll());
        let mut relief = Relief::default();
        let mut gathered = false;
        loop {
            let done = Self::enter_for(self_, pool, |_| {
                pool.class.grow(pool, size)?;
                if let Some(b) = ap {
                    pool.class.ap_grown(b);
                }
                Ok(())
            });
            let Err(why) = done else { return Ok(()) };
            if !gathered {
                gathered = true;
                if pool.class.gather(pool, true) {
                    continue;
                }
            }
            if !Self::enter(self_, |m| m.relieve(&mut relief)) {
                return Err(why);
            }
        }
    }
}
