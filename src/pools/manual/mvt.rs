//! MVT: blocks through allocation points only, one after the other.
//!
//! An allocation point gets long runs while there are any. When the rest of
//! the pool is in pieces, it gets those, as soon as they come to a sixth of the
//! fragmentation limit; before, the pool grows. Blocks that were set aside go
//! before both, except with a limit of 1: that asks for long runs always.
//!
//! When blocks are freed, memory for as many of the mean size as the reserve
//! depth says stays with the pool, in extents that are not much larger.

use super::class::{FitClass, FitPolicy};
use super::core::{self, Config};
use crate::base::ptr::P;
use crate::base::res::{Res, Result};
use crate::land::extent::Fit;
use crate::object::pool::Pool;
use crate::seam::args::{self, Args};
use crate::seam::client::PF_ALIGN;

/// Its policy.
pub struct Mvt;
/// The class.
pub static MVT: FitClass<Mvt> = FitClass(Mvt);

impl FitPolicy for Mvt {
    const NAME: &'static str = "MVT";
    const VALUES: &'static str = "nmMrp\0";
    const CALLS: bool = false;

    fn config(pool: P<Pool>, args: &mut Args) -> Result<Config> {
        let align = args.size(&args::_mps_key_ALIGN).unwrap_or(PF_ALIGN);
        let min = args.size(&args::_mps_key_MIN_SIZE).unwrap_or(PF_ALIGN);
        let mean = args.size(&args::_mps_key_MEAN_SIZE).unwrap_or(32);
        let max = args.size(&args::_mps_key_MAX_SIZE).unwrap_or(8192);
        let depth = args.size(&args::_mps_key_MVT_RESERVE_DEPTH).unwrap_or(1024);
        let frag = args.double(&args::_mps_key_MVT_FRAG_LIMIT).unwrap_or(0.3);
        crate::aver_client!(
            core::is_alignment(align, pool.cx.arena.grain()),
            "MPS_KEY_ALIGN is a power of two from the size of a pointer to the arena grain size",
            Err(Res::Param)
        );
        crate::aver_client!(
            min != 0 && min <= mean && mean <= max,
            "MPS_KEY_MIN_SIZE, MEAN_SIZE and MAX_SIZE are positive and in order",
            Err(Res::Param)
        );
        crate::aver_client!(
            (0.0..=1.0).contains(&frag),
            "MPS_KEY_MVT_FRAG_LIMIT is from 0 to 1",
            Err(Res::Param)
        );
        // Nothing is reused before it has had time to join with its neighbours.
        let temporal = frag >= 1.0;
        Ok(Config {
            align,
            extend_by: 64 * 1024,
            spare: frag,
            fit: Fit { high: false, top: false },
            reserve: depth.saturating_mul(mean),
            arena_high: false,
            quick: !temporal,
            ledger: cfg!(feature = "variety-cool"),
            slack: if temporal { 1.0 } else { frag / 6.0 },
        })
    }
}
