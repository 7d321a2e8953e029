//! Postmortem: a state for debuggers, in which all memory can be read and nothing goes on.

use super::{Mpm, State};
use crate::base::sets::AccessSet;
use crate::object::cx::Inside;

impl Mpm {
    /// Takes all protection off, lets held threads go, and makes the instance one
    /// in which no collection happens any more.
    ///
    /// # Safety
    /// Nothing of the program goes on meanwhile, whoever was inside: it is called from
    /// a debugger, or by a process that is about to end.
    pub unsafe fn postmortem(&self) {
        // SAFETY: nobody else does anything.
        let cx = unsafe { Inside::new(&self.cx) };
        self.state.set(State::Postmortem);
        cx.shields.set(false);
        for s in cx.pools.iter().flat_map(|p| p.get().segs.iter()) {
            if !s.mode.get().is_empty() {
                s.opened();
                // Nothing to be done about a refusal here.
                let _ = cx.arena.port.protect(s.base, s.get().size(), AccessSet::EMPTY);
            }
        }
        for r in self.tracer.roots.iter() {
            r.get().expose(cx);
        }
        if self.is_mine() {
            cx.threads.release(cx.arena.port);
            self.unclaim();
        }
    }
}
