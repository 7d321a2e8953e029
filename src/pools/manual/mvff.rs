//! MVFF: blocks of any size, by calls or allocation points, first fit.

use super::class::{FitClass, FitPolicy};
use super::core::{self, Config};
use crate::base::ptr::P;
use crate::base::res::{Res, Result};
use crate::land::extent::Fit;
use crate::object::pool::Pool;
use crate::seam::args::{self, Args};
use crate::seam::client::PF_ALIGN;

/// Its policy.
pub struct Mvff;
/// The class.
pub static MVFF: FitClass<Mvff> = FitClass(Mvff);

impl FitPolicy for Mvff {
    const NAME: &'static str = "MVFF";
    const VALUES: &'static str = "xmlSAF\0";
    const CALLS: bool = true;

    fn config(pool: P<Pool>, args: &mut Args) -> Result<Config> {
        let extend_by = args.size(&args::_mps_key_EXTEND_BY).unwrap_or(64 * 1024);
        let mean = args.size(&args::_mps_key_MEAN_SIZE).unwrap_or(32);
        let align = args.size(&args::_mps_key_ALIGN).unwrap_or(PF_ALIGN);
        let spare = args.spare().unwrap_or(0.75);
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
        Ok(Config {
            align,
            extend_by,
            spare,
            fit,
            quick: spare > 0.0,
            ledger: cfg!(feature = "variety-cool"),
            slack: 0.0,
            reserve: 0,
            arena_high,
        })
    }
}
