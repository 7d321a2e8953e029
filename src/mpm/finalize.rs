//! Registering objects for finalization, and reading and writing references
//! where clients keep them.

use super::Mpm;
use super::poll::Relief;
use crate::base::addr::Addr;
use crate::base::res::{Res, Result};
use crate::object::cx::Phase;
use crate::object::seg;
use crate::trace::barrier;

impl Mpm {
    /// A reference of the client's, perhaps in managed memory: the barrier is
    /// obeyed. It must be read in here, for it may change any time outside.
    pub fn peek(&self, at: *const Addr) -> Addr {
        let place = Addr::of(at);
        if seg::of_addr(&self.cx, place).is_some() {
            barrier::access(&self.tracer, self.cx(), place, false, false, None);
        }
        // SAFETY: the client says a reference is there; it is accessible now.
        unsafe { at.read() }
    }

    /// The same for writing.
    pub fn poke(&self, at: *mut Addr, a: Addr) {
        barrier::access(&self.tracer, self.cx(), Addr::of(at), true, false, None);
        // SAFETY: as above.
        unsafe { at.write(a) }
    }

    /// Registers the object that the reference at `at` leads to.
    ///
    /// # Errors
    /// `Param`: not an object that could die. Others: the arena's.
    pub fn finalize(&self, at: *const Addr) -> Result {
        let mut relief = Relief::default();
        loop {
            let a = self.peek(at);
            let automatic = seg::of_addr(&self.cx, a).is_some_and(|s| s.class.is_automatic());
            crate::aver_client!(
                automatic,
                "block to be finalized is in an automatic pool of the arena",
                Err(Res::Param)
            );
            match self.tracer.guardians.register(&self.cx, a) {
                Err(_) if self.relieve(&mut relief) => {}
                other => return other,
            }
        }
    }

    /// Undoes one registration.
    ///
    /// # Errors
    /// `Fail`: there is none.
    pub fn definalize(&self, at: *const Addr) -> Result {
        let g = &self.tracer.guardians;
        if g.deregister(&self.cx, self.peek(at)) {
            return Ok(());
        }
        if self.cx.phase.get() == Phase::Flipped {
            // It may be known by the address that the object had before.
            if !g.refresh(self.cx()) {
                let _ = self.finish_trace();
            }
            if g.deregister(&self.cx, self.peek(at)) {
                return Ok(());
            }
        }
        Err(Res::Fail)
    }
}
