//! Pauses: how long the mutator waits for the collector.
//!
//! A pause begins with the first step of a collection or with a barrier hit, and ends when
//! the library is left. So all that is done between, several steps and the protection of
//! memory, is one pause. It is measured with the plinth's clock.

use super::Mpm;
use crate::seam::event::{Category, EventKind, event};
use crate::seam::plinth;

/// A step of a collection.
pub const STEP: usize = 1;
/// The mutator read what was shielded from it.
pub const READ_HIT: usize = 2;
/// The mutator wrote to what was shielded from it.
pub const WRITE_HIT: usize = 4;

impl Mpm {
    /// The mutator is kept waiting since the clock stood at `began`.
    #[inline]
    pub fn pause_begin(&self, began: usize, why: usize) {
        if self.waiting.get().is_none() {
            self.waiting.set(Some(began));
        }
        self.why_waiting.set(self.why_waiting.get() | why);
    }

    /// Forgets that the mutator waits: the fault was not a barrier hit.
    #[inline]
    pub fn pause_forget(&self) {
        self.waiting.set(None);
        self.why_waiting.set(0);
    }

    /// The mutator goes on.
    #[inline]
    pub fn pause_end(&self) {
        if let Some(began) = self.waiting.get() {
            self.note_pause(began);
        }
    }

    #[cold]
    fn note_pause(&self, began: usize) {
        let now = plinth::clock();
        let took = plinth::passed(began, now);
        self.pauses.add(took);
        self.note_taken(now, took);
        let args = [self.cx.instance.get(), took, self.why_waiting.get()];
        event(Category::Trace, EventKind::Pause, &args);
        self.pause_forget();
    }
}
