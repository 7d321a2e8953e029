//! No blocking regions: in place of `region.rs` where the feature `blocking` is off.

use crate::seam::port::Context;

/// No region.
#[derive(Default)]
pub struct Region;

impl Region {
    /// Never.
    #[inline(always)]
    pub fn is_open(&self) -> bool {
        false
    }

    /// Nothing to go on from.
    #[inline(always)]
    pub fn follow(&self, _other: &Region) {}

    /// Nowhere.
    #[inline(always)]
    pub fn context(&self) -> Option<Context> {
        None
    }
}
