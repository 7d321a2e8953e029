//! No handles: in place of `handles.rs` where the feature `handles` is off.

use crate::base::addr::Size;
use crate::base::res::Result;
use crate::object::cx::Inside;
use crate::object::scan::ScanState;
use crate::object::trace::Trace;

/// There are none.
#[derive(Default)]
pub struct Handles;

impl Handles {
    /// Nobody wants to know.
    #[inline(always)]
    pub fn flip(&self) {}

    /// As above.
    #[inline(always)]
    pub fn settled(&self) {}

    /// As above.
    #[inline(always)]
    pub fn rewind(&self) {}

    /// There is nothing to look at.
    #[inline(always)]
    pub fn settle_some(&self, _t: &Trace, _cx: Inside<'_>) -> Option<Size> {
        None
    }

    /// There is nothing to scan.
    ///
    /// # Errors
    /// None.
    #[inline(always)]
    pub fn scan(&self, _ss: &ScanState, _weak: bool) -> Result {
        Ok(())
    }
}
