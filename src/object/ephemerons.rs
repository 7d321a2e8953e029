//! What a trace knows of ephemerons: pairs of a key and a value, in which the value is kept
//! only if the key is alive. `trace::ephemeron` says how they are followed.

use super::addrmap::{AddrMap, At};
use super::scan::Hook;
use crate::arena::Arena;
use crate::base::addr::Addr;
use core::cell::Cell;

/// The pairs that one trace has met whose keys it has not found alive.
#[derive(Default)]
pub struct Ephemerons {
    /// Their values, by key.
    pub waiting: AddrMap,
    /// Keys that were found alive since, with their values, chained.
    ready: Cell<At>,
    /// Takes the place of fix as long as pairs wait.
    pub watch: Cell<Option<Hook>>,
    /// There was no memory for some of the pairs.
    pub missed: Cell<bool>,
    /// All pairs are being looked at once more, because some were missed.
    pub again: Cell<bool>,
    /// Objects may have been found alive since all pairs were looked at.
    pub found: Cell<bool>,
}

impl Ephemerons {
    /// Its [`Ephemerons::watch`].
    #[inline(always)]
    pub fn watch(&self) -> Option<Hook> {
        self.watch.get()
    }

    /// Notes that objects may have been found alive.
    #[inline(always)]
    pub fn note_found(&self) {
        self.found.set(true);
    }

    /// Are objects to be scanned that were scanned before?
    #[inline(always)]
    pub fn is_again(&self) -> bool {
        self.again.get()
    }

    /// The object at `key` has been found alive.
    pub fn key_found(&self, key: Addr) {
        if let Some(at) = self.waiting.take(key) {
            self.waiting.entry(at).next.set(self.ready.replace(at));
        }
    }

    /// The next value whose key is alive.
    pub fn next_value(&self) -> Option<Addr> {
        let at = self.ready.get();
        if at == 0 {
            return None;
        }
        let next = self.waiting.entry(at).next.get();
        let (value, more) = self.waiting.pop(at);
        if more == 0 {
            self.ready.set(next);
        } else {
            self.waiting.entry(more).next.set(next);
            self.ready.set(more);
        }
        Some(value)
    }

    /// Forgets all pairs.
    pub fn finish(&self, arena: &Arena) {
        self.waiting.finish(arena);
        self.ready.set(0);
        self.watch.set(None);
        self.missed.set(false);
        self.again.set(false);
    }
}
