//! The classes that hand out a core's blocks as they are: MVFF and MVT.

use super::core::{self, Config};
use crate::base::addr::{Addr, Size};
use crate::base::ptr::P;
use crate::base::res::{Res, Result};
use crate::object::buffer::Buffer;
use crate::object::cx::Inside;
use crate::object::lock::Lock;
use crate::object::pool::{Caching, Pool, PoolClass, Room};
use crate::object::seg::Seg;
use crate::seam::args::Args;

/// What tells one of these classes from another: where it takes blocks from, and how
/// clients get them.
pub(super) trait FitPolicy: Sync {
    /// See [`PoolClass::name`].
    const NAME: &'static str;
    /// See [`PoolClass::values`].
    const VALUES: &'static str;
    /// Are there blocks by calls (`mps_alloc`), too?
    const CALLS: bool;

    /// Reads a client's arguments.
    ///
    /// # Errors
    /// `Param`, reported.
    fn config(pool: P<Pool>, args: &mut Args) -> Result<Config>;
}

/// The class with a policy.
pub struct FitClass<K>(pub(super) K);

impl<K: FitPolicy> PoolClass for FitClass<K> {
    fn name(&self) -> &'static str {
        K::NAME
    }

    fn values(&self) -> &'static str {
        K::VALUES
    }

    fn init(&self, cx: Inside<'_>, pool: P<Pool>, args: &mut Args) -> Result {
        let c = K::config(pool, args)?;
        core::create(cx, pool, c)
    }

    fn finish(&self, cx: Inside<'_>, pool: P<Pool>) {
        core::finish(cx, pool);
    }

    fn has_own_lock(&self) -> bool {
        true
    }

    fn grow(&self, pool: P<Pool>, size: Size) -> Result {
        core::grow(pool, size)
    }

    fn shrink(&self, pool: P<Pool>) {
        core::shrink(pool);
    }

    fn lock(&self, pool: P<Pool>) -> Option<P<Lock>> {
        Some(core::of(pool).lock())
    }

    fn gather(&self, pool: P<Pool>, all: bool) -> bool {
        core::gather(pool, all)
    }

    fn fork_lock(&self, pool: P<Pool>) -> bool {
        core::of(pool).fork_lock()
    }

    unsafe fn fork_unlock(&self, pool: P<Pool>) {
        // SAFETY: the caller's promise.
        unsafe { core::of(pool).fork_unlock() };
    }

    fn alloc(&self, pool: P<Pool>, size: Size) -> Result<Addr> {
        if K::CALLS { core::alloc(pool, size) } else { Err(Res::Unimpl) }
    }

    #[inline]
    fn quick_alloc(&self, pool: P<Pool>, size: Size) -> Addr {
        if K::CALLS { core::quick_alloc(pool, size) } else { Addr::NULL }
    }

    fn free(&self, pool: P<Pool>, base: Addr, size: Size) -> Result<bool> {
        core::free(pool, base, size)
    }

    #[inline]
    fn quick_free(&self, pool: P<Pool>, base: Addr, size: Size) -> bool {
        core::quick_free(pool, base, size)
    }

    fn caches(&self, pool: P<Pool>, base: Addr, size: Size, what: Caching) -> bool {
        core::caches(pool, base, size, what)
    }

    fn ap_init(&self, ap: P<Buffer>, _args: &mut Args) -> Result {
        core::ap_magazines(ap);
        Ok(())
    }

    fn ap_grown(&self, ap: P<Buffer>) {
        core::ap_magazines(ap);
    }

    fn ap_fill(&self, ap: P<Buffer>, size: Size) -> Result<Room> {
        core::ap_fill(ap, size)
    }

    fn ap_empty(&self, ap: P<Buffer>, _seg: Option<P<Seg>>, init: Addr) {
        core::ap_empty(ap, init);
    }

    fn ap_finish(&self, ap: P<Buffer>) {
        core::ap_finish(ap);
    }

    fn free_size(&self, pool: P<Pool>) -> Size {
        core::free_size(pool)
    }
}
