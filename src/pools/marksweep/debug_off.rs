//! No painting of free memory: in place of `debug.rs` where the feature `debug-classes` is off.

use super::table::Table;
use crate::base::addr::Addr;
use crate::base::ptr::P;
use crate::base::res::{Res, Result};
use crate::object::cx::Inside;
use crate::object::pool::Pool;
use crate::object::seg::Seg;
use core::ffi::c_void;

/// A pattern. There is none.
#[derive(Clone, Copy)]
pub enum Paint {}

impl Paint {
    /// No pool is of the debugging class.
    ///
    /// # Errors
    /// `Unimpl`, always.
    pub fn new(_pool: &Pool, _options: *mut c_void) -> Result<Option<Paint>> {
        Err(Res::Unimpl)
    }

    /// There is nothing to give back.
    pub fn finish(self, _pool: &Pool) {
        match self {}
    }

    /// There is nothing to lay.
    pub fn lay(&self, _cx: Inside<'_>, _seg: P<Seg>, _from: Addr, _to: Addr) {
        match *self {}
    }

    /// There is nothing to look at.
    pub fn look(&self, _cx: Inside<'_>, _seg: P<Seg>, _from: Addr, _to: Addr) {
        match *self {}
    }
}

/// Nothing is painted.
pub fn paint_free(_cx: Inside<'_>, _t: &Table) {}

/// Nothing is checked.
pub fn check(_cx: Inside<'_>, _pool: P<Pool>) {}
