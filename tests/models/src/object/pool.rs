//! In place of `src/object/pool.rs`: a pool whose class is up to the model.

use crate::base::addr::{Addr, Size};
use crate::base::ptr::P;
use crate::base::res::{Res, Result};
use crate::cell::Cell;
use crate::object::buffer::Buffer;
use crate::object::cx::Cx;
use crate::object::lock::Lock;
use crate::object::seg::Seg;

pub struct Room {
    pub seg: Option<P<Seg>>,
    pub base: Addr,
    pub limit: Addr,
}

/// As in the library, the methods that the included files call.
pub trait PoolClass {
    fn lock(&self, _pool: P<Pool>) -> Option<P<Lock>> {
        None
    }
    fn alloc(&self, _pool: P<Pool>, _size: Size) -> Result<Addr> {
        Err(Res::Unimpl)
    }
    fn free(&self, _pool: P<Pool>, _base: Addr, _size: Size) -> Result<bool> {
        Err(Res::Unimpl)
    }
    fn grow(&self, _pool: P<Pool>, _size: Size) -> Result {
        Err(Res::Unimpl)
    }
    fn shrink(&self, _pool: P<Pool>) {}
    fn gather(&self, _pool: P<Pool>, _all: bool) -> bool {
        false
    }
    fn ap_grown(&self, _ap: P<Buffer>) {}
    fn ap_fill(&self, _ap: P<Buffer>, _size: Size) -> Result<Room> {
        Err(Res::Unimpl)
    }
    fn ap_empty(&self, _ap: P<Buffer>, _seg: Option<P<Seg>>, _init: Addr) {}
}

pub struct Pool {
    pub class: &'static dyn PoolClass,
    pub cx: P<Cx>,
    pub own_lock: bool,
    pub align: Cell<Size>,
}
