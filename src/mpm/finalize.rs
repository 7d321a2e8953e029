//! Registering objects for finalization, and reading and writing references
//! where clients keep them.

use super::entry::Entered;
use super::poll::Relief;
use crate::base::addr::Addr;
use crate::base::res::{Res, Result};
use crate::object::seg;
use crate::trace::{barrier, guardian};

impl Entered {
    /// Reads a reference of the client's, which may be in managed memory, through the
    /// barrier. It must be read inside: outside, a collection may change it at any time.
    ///
    /// # Safety
    /// There is a reference at `at`, which the client may read.
    pub unsafe fn peek(&self, at: *const Addr) -> Addr {
        let place = Addr::of(at);
        if seg::of_addr(&self.cx, place).is_some() {
            barrier::access(&self.tracer, self.inside(), place, false, None);
        }
        // SAFETY: the caller's promise; it is accessible now.
        unsafe { at.read() }
    }

    /// Writes a reference where the client keeps one, through the barrier.
    ///
    /// # Safety
    /// There is a place for a reference at `at`, which the client may write to.
    pub unsafe fn poke(&self, at: *mut Addr, a: Addr) {
        barrier::access(&self.tracer, self.inside(), Addr::of(at), true, None);
        // SAFETY: as above.
        unsafe { at.write(a) }
    }

    /// Registers the object that the reference at `at` leads to, for finalization.
    ///
    /// # Errors
    /// `Param`: not an object that could die. `Unimpl`: the feature `finalization` is off.
    /// Others: the arena's.
    ///
    /// # Safety
    /// As for [`Entered::peek`].
    pub unsafe fn finalize(&self, at: *const Addr) -> Result {
        if !guardian::PRESENT {
            return Err(Res::Unimpl);
        }
        let mut relief = Relief::default();
        loop {
            // SAFETY: the caller's promise.
            let a = unsafe { self.peek(at) };
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

    /// Takes back one registration of the object that the reference at `at` leads to.
    ///
    /// # Errors
    /// `Fail`: there is none. `Unimpl`: the feature `finalization` is off.
    ///
    /// # Safety
    /// As for [`Entered::peek`].
    pub unsafe fn definalize(&self, at: *const Addr) -> Result {
        if !guardian::PRESENT {
            return Err(Res::Unimpl);
        }
        let g = &self.tracer.guardians;
        // SAFETY: the caller's promise; so below.
        if g.deregister(&self.cx, unsafe { self.peek(at) }) {
            return Ok(());
        }
        for t in self.cx.traces_of(self.cx.flipped.get()) {
            // It may be known by the address that the object had before.
            if !g.refresh(t, self.inside()) {
                let _ = self.finish_traces();
            }
            // SAFETY: as above.
            if g.deregister(&self.cx, unsafe { self.peek(at) }) {
                return Ok(());
            }
        }
        Err(Res::Fail)
    }
}
