//! MVFF: blocks of any size, by calls or allocation points, first fit.

use super::core::{self, Config};
use crate::base::addr::{Addr, Size};
use crate::base::ptr::P;
use crate::base::res::{Res, Result};
use crate::land::extent::Fit;
use crate::object::buffer::Buffer;
use crate::object::pool::{Pool, PoolClass, Room};
use crate::object::seg::Seg;
use crate::seam::args::{self, Args};
use crate::seam::client::PF_ALIGN;

/// The class.
pub struct Mvff;
/// The class.
pub static MVFF: Mvff = Mvff;

/// Reads a client's arguments.
///
/// # Errors
/// `Param`, reported.
pub fn config(pool: P<Pool>, args: &mut Args) -> Result<Config> {
    let extend_by = args.size(&args::_mps_key_EXTEND_BY).unwrap_or(64 * 1024);
    let mean = args.size(&args::_mps_key_MEAN_SIZE).unwrap_or(32);
    let align = args.size(&args::_mps_key_ALIGN).unwrap_or(PF_ALIGN);
    let spare = args.double(&args::_mps_key_SPARE).unwrap_or(0.75);
    let arena_high = args.bool(&args::_mps_key_MVFF_ARENA_HIGH).unwrap_or(false);
    let top = args.bool(&args::_mps_key_MVFF_SLOT_HIGH).unwrap_or(false);
    let low = args.bool(&args::_mps_key_MVFF_FIRST_FIT).unwrap_or(true);
    crate::aver_client!(extend_by != 0, "MPS_KEY_EXTEND_BY is positive", Err(Res::Param));
    crate::aver_client!(mean != 0, "MPS_KEY_MEAN_SIZE is positive", Err(Res::Param));
    crate::aver_client!(
        core::is_alignment(align, pool.cx.arena.grain()),
        "MPS_KEY_ALIGN is a power of two from the size of a pointer to the arena grain size",
        Err(Res::Param)
    );
    crate::aver_client!(
        (0.0..=1.0).contains(&spare),
        "MPS_KEY_SPARE is from 0 to 1",
        Err(Res::Param)
    );
    let fit = Fit { high: !low, top };
    Ok(Config { align, extend_by, spare, fit, quick: spare > 0.0, slack: 0.0, reserve: 0, arena_high })
}

impl PoolClass for Mvff {
    fn name(&self) -> &'static str {
        "MVFF"
    }

    fn values(&self) -> &'static str {
        "xmlSAF\0"
    }

    fn init(&self, pool: P<Pool>, args: &mut Args) -> Result {
        let c = config(pool, args)?;
        core::create(pool, c)
    }

    fn finish(&self, pool: P<Pool>) {
        core::finish(pool);
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

    fn fork_lock(&self, pool: P<Pool>, take: bool) {
        core::of(pool).fork_lock(pool, take);
    }

    fn alloc(&self, pool: P<Pool>, size: Size) -> Result<Addr> {
        core::alloc(pool, size)
    }

    #[inline]
    fn quick_alloc(&self, pool: P<Pool>, size: Size) -> Addr {
        core::quick_alloc(pool, size)
    }

    #[inline]
    fn quick_free(&self, pool: P<Pool>, base: Addr, size: Size) -> bool {
        core::quick_free(pool, base, size)
    }

    fn free(&self, pool: P<Pool>, base: Addr, size: Size) -> Result<bool> {
        core::free(pool, base, size)
    }

    #[inline]
    fn ap_restock(&self, ap: P<Buffer>, size: Size) -> bool {
        core::ap_restock(ap, size)
    }

    fn ap_init(&self, ap: P<Buffer>, _args: &mut Args) -> Result {
        core::ap_stock(ap);
        Ok(())
    }

    fn ap_grown(&self, ap: P<Buffer>) {
        core::ap_stock(ap);
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
