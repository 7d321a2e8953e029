//! No ephemerons: in place of `ephemeron.rs` where the feature `ephemerons` is off.

use crate::base::addr::Size;
use crate::object::cx::Inside;
use crate::object::trace::Trace;

/// There is nothing to do.
pub fn advance(_t: &Trace, _cx: Inside<'_>) -> Option<Size> {
    None
}
