//! Exposing managed memory to whoever the barrier can't stop.

use super::entry::Entered;
use super::poll::Relief;
use crate::base::addr::Range;
use crate::base::res::Result;
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
        let mut relief = Relief::default();
        loop {
            match self.new_root(Rank::Ambig, RootKind::Exposed(range), false) {
                Err(_) if self.relieve(&mut relief) => {}
                other => {
                    other?;
                    expose::change(&self.tracer, self.inside(), range, true);
                    return Ok(());
                }
            }
        }
    }

    /// That ends, as often as it began. False: there is no such exposure. Cost: O(roots).
    pub fn expose_end(&self, range: Range) -> bool {
        let is = |kind: &RootKind| matches!(kind, RootKind::Exposed(r) if *r == range);
        let Some(r) = self.tracer.roots.iter().find(|r| is(&r.get().kind)) else { return false };
        // SAFETY: the client knows it by its range only.
        unsafe { self.root_destroy(r) };
        expose::change(&self.tracer, self.inside(), range, false);
        true
    }
}
