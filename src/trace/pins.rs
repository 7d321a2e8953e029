//! Pins: objects that live, and stay where they are, until they are unpinned as often as they
//! were pinned. Those of an instance are one root, which refers to them ambiguously.

use super::fix;
use crate::arena::Arena;
use crate::base::addr::Addr;
use crate::base::res::Result;
use crate::object::addrmap::AddrMap;
use crate::object::scan::{Ref, ScanState};

/// How often each object is pinned.
#[derive(Default)]
pub struct Pins {
    counts: AddrMap,
}

impl Pins {
    /// Pins the object at `a` once more.
    ///
    /// # Errors
    /// The arena's.
    pub fn pin(&self, arena: &Arena, a: Addr) -> Result {
        match self.counts.find(a) {
            Some(e) => e.value.set(e.value.get().add(1)),
            None => self.counts.add(arena, a, Addr(1))?,
        }
        Ok(())
    }

    /// Takes back one pin. False: there is none.
    pub fn unpin(&self, a: Addr) -> bool {
        let Some(e) = self.counts.find(a) else { return false };
        e.value.set(e.value.get().sub(1));
        if e.value.get().is_null()
            && let Some(at) = self.counts.take(a)
        {
            self.counts.pop(at);
        }
        true
    }

    /// Scans all.
    ///
    /// # Errors
    /// That of a hook that takes the place of fix.
    pub fn scan(&self, ss: &ScanState) -> Result {
        if crate::seam::fault("pins") {
            return Ok(());
        }
        // SAFETY: a variable of ours.
        self.counts.each(|mut a, _| fix::fix12(ss, unsafe { Ref::new(&raw mut a) }))
    }
}
