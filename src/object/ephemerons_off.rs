//! No ephemerons: in place of `ephemerons.rs` where the feature `ephemerons` is off.

use super::scan::Hook;
use crate::arena::Arena;

/// Nothing is known of any.
#[derive(Default)]
pub struct Ephemerons;

impl Ephemerons {
    /// Nothing takes the place of fix.
    #[inline(always)]
    pub fn watch(&self) -> Option<Hook> {
        None
    }

    /// Nothing depends on it.
    #[inline(always)]
    pub fn note_found(&self) {}

    /// Nothing is.
    #[inline(always)]
    pub fn is_again(&self) -> bool {
        false
    }

    /// There is nothing to forget.
    #[inline(always)]
    pub fn finish(&self, _arena: &Arena) {}
}
