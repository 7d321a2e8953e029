//! Exposing managed memory to whoever the barrier can't stop.

use super::entry::Entered;
use crate::base::addr::Range;
use crate::base::res::{Res, Result};
use crate::base::sets::Rank;
use crate::trace::expose;
use crate::trace::root::RootKind;

impl Entered {
    /// From now on `range` stays readable, writable and in place. What is not managed memory
    /// is so anyway.
    ///
    /// # Errors
    /// The arena's.
    pub fn expose_begin(&self, range: Range) -> Result {
        self.new_root(Rank::Ambig, RootKind::Exposed(range), false)?;
        expose::change(&self.tracer, self.inside(), range, true);
        Ok(())
    }

    /// That ends, as often as it began. Cost: O(roots).
    ///
    /// # Errors
    /// `Param`: there is no such exposure.
    pub fn expose_end(&self, range: Range) -> Result {
        let is = |kind: &RootKind| matches!(kind, RootKind::Exposed(r) if *r == range);
        let r = self.tracer.roots.iter().find(|r| is(&r.get().kind)).ok_or(Res::Param)?;
        // SAFETY: the client knows it by its range only.
        unsafe { self.root_destroy(r) };
        expose::change(&self.tracer, self.inside(), range, false);
        Ok(())
    }
}
