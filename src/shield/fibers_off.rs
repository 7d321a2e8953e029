//! No fibers: in place of `fibers.rs` where the feature `fibers` is off.

use crate::base::addr::Addr;

/// The thread is on its own stack.
#[derive(Default)]
pub struct Strand;

impl Strand {
    /// Nowhere: it has not left it.
    #[inline(always)]
    pub fn own_rests_at(&self, _sp: Addr) -> Option<Addr> {
        None
    }

    /// Nothing to go on from.
    #[inline(always)]
    pub fn follow(&self, _other: &Strand) {}
}
