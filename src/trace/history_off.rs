//! No location dependencies: in place of `history.rs` where the feature `dependency` is off.

use crate::base::sets::ZoneSet;

/// What flips have moved. Nobody asks.
#[derive(Default)]
pub struct History;

impl History {
    /// Notes nothing.
    pub fn flip(&self, _moving: ZoneSet) {}
}
