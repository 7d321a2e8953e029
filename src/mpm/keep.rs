//! Pins and handles.

use super::Mpm;
use super::entry::Entered;
use super::poll::Relief;
use crate::base::addr::Addr;
use crate::base::ptr::P;
use crate::base::res::{Res, Result};
use crate::base::sets::Rank;
#[cfg(feature = "handles")]
use crate::trace::handles::Handle;
#[cfg(feature = "pins")]
use crate::trace::pins::Pins;
use crate::trace::root::RootKind;

impl Entered {
    /// The root of this kind, if it has been made.
    #[cfg(feature = "pins")]
    fn pins(&self) -> Option<&Pins> {
        self.tracer.roots.iter().find_map(|r| match &r.get().kind {
            // SAFETY: such a root stays as long as the instance.
            RootKind::Pinned(pins) => Some(unsafe { &*core::ptr::from_ref(pins) }),
            _ => None,
        })
    }

    /// Pins the object at `a`.
    ///
    /// # Errors
    /// `Param`: not in the arena. Others: the arena's.
    #[cfg(feature = "pins")]
    pub fn pin(&self, a: Addr) -> Result {
        if !self.cx.arena.has_addr(a) {
            return Err(Res::Param);
        }
        let mut relief = Relief::default();
        loop {
            let done = match self.pins() {
                Some(pins) => pins.pin(&self.cx.arena, a),
                None => {
                    let kind = RootKind::Pinned(Pins::default());
                    match self.new_root(Rank::Ambig, kind, false) {
                        Ok(_) => continue,
                        Err(e) => Err(e),
                    }
                }
            };
            match done {
                Err(_) if self.relieve(&mut relief) => {}
                other => return other,
            }
        }
    }

    /// Takes back a pin.
    ///
    /// # Errors
    /// `Param`: there is none.
    #[cfg(feature = "pins")]
    pub fn unpin(&self, a: Addr) -> Result {
        if self.pins().is_some_and(|p| p.unpin(a)) { Ok(()) } else { Err(Res::Param) }
    }

    /// Makes room for a handle.
    ///
    /// # Errors
    /// The arena's.
    #[cfg(feature = "handles")]
    fn handle_room(&self, weak: bool) -> Result {
        let handles = &self.tracer.handles;
        let mut relief = Relief::default();
        loop {
            let done = if weak || handles.any(false) {
                Ok(())
            } else {
                self.new_root(Rank::Exact, RootKind::Handles, false).map(|_| ())
            };
            match done.and_then(|()| handles.find_room(self.inside(), weak)) {
                Err(_) if self.relieve(&mut relief) => {}
                other => return other,
            }
        }
    }
}

#[cfg(feature = "handles")]
impl Mpm {
    /// A handle on the object at `a`. Any thread, not inside.
    ///
    /// # Errors
    /// The arena's.
    pub fn new_handle(self_: P<Mpm>, weak: bool, a: Addr) -> Result<*const Handle> {
        loop {
            if let Some(h) = self_.get().tracer.handles.quick(weak, a) {
                return Ok(core::ptr::from_ref(h));
            }
            Mpm::enter(self_, |m| m.handle_room(weak))?;
        }
    }

    /// What a weak handle refers to. Any thread, not inside.
    #[inline]
    pub fn look_at_weak(self_: P<Mpm>, h: &Handle) -> Addr {
        match self_.get().tracer.handles.quick_look(h) {
            Some(a) => a,
            None => Mpm::enter(self_, |m| m.tracer.handles.look(m.inside(), h)),
        }
    }
}
