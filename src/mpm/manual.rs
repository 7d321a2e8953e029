//! Blocks from pools that have a lock of their own: the instance is entered
//! only to grow and to shrink.

use super::Mpm;
use super::poll::Relief;
use crate::base::addr::{Addr, Size};
use crate::base::ptr::P;
use crate::base::res::{Res, Result};
use crate::object::buffer::{self, Buffer};
use crate::object::pool::Pool;

impl Mpm {
    /// `mps_alloc`.
    ///
    /// # Errors
    /// The class's, or the arena's.
    #[inline]
    pub fn alloc(self_: P<Mpm>, pool: P<Pool>, size: Size) -> Result<Addr> {
        if !pool.own_lock {
            return Self::enter(self_, |_| pool.class.alloc(pool, size));
        }
        loop {
            match pool.class.alloc(pool, size) {
                Err(Res::Limit) => Self::make_room(self_, pool, size)?,
                got => return got,
            }
        }
    }

    /// `mps_free`.
    ///
    /// # Errors
    /// The class's.
    #[inline]
    pub fn free(self_: P<Mpm>, pool: P<Pool>, base: Addr, size: Size) -> Result {
        if !pool.own_lock {
            return Self::enter(self_, |_| pool.class.free(pool, base, size)).map(|_| ());
        }
        if pool.class.free(pool, base, size)? {
            Self::enter(self_, |_| pool.class.shrink(pool));
        }
        Ok(())
    }

    /// Reserves on an allocation point of such a pool.
    ///
    /// # Errors
    /// As for `alloc`.
    pub fn fill_outside(self_: P<Mpm>, b: P<Buffer>, size: Size) -> Result<Addr> {
        loop {
            match buffer::fill_outside(b, size) {
                Err(Res::Limit) => {
                    Self::make_room(self_, b.pool, size)?;
                    Self::enter(self_, |_| b.pool.class.ap_grown(b));
                }
                got => return got,
            }
        }
    }

    /// Polls, and gets the pool memory. Two entries: a step of a collection may
    /// leave threads held until the end of the first, and one of them may have
    /// the pool's lock, which the second takes.
    #[cold]
    #[inline(never)]
    fn make_room(self_: P<Mpm>, pool: P<Pool>, size: Size) -> Result {
        Self::enter(self_, |m| m.poll());
        let mut relief = Relief::default();
        loop {
            match Self::enter(self_, |_| pool.class.grow(pool, size)) {
                Ok(()) => return Ok(()),
                Err(e) => {
                    if !Self::enter(self_, |m| m.relieve(&mut relief)) {
                        return Err(e);
                    }
                }
            }
        }
    }
}
