//! A map from addresses to words, several for each address, in control memory.
//!
//! Entries of one address are chained, so that finding or taking all of them costs
//! the same however many there are. All else is O(1) amortized.

use crate::arena::Arena;
use crate::base::addr::{Addr, WORD_BITS};
use crate::base::res::{Res, Result};
use core::cell::Cell;

/// How many entries a map has room for at first. A guess.
const LEAST: usize = 64;

/// An index of an entry and one, or 0: none.
pub type At = usize;

/// What is known of one address, or (in `next`) of the next one with the same hash.
#[repr(C)]
pub struct Entry {
    key: Cell<Addr>,
    /// The word.
    pub value: Cell<Addr>,
    /// The first entry of another address: of the same hash, or where the map's user has put it.
    pub next: Cell<At>,
    /// Another entry of the same address.
    more: Cell<At>,
}

/// The map.
#[derive(Default)]
pub struct AddrMap {
    /// Entries, then as many heads of chains by hash.
    base: Cell<Addr>,
    room: Cell<usize>,
    used: Cell<usize>,
    /// Entries that were given back.
    free: Cell<At>,
}

/// So many bytes for `room` entries.
fn bytes(room: usize) -> usize {
    room.saturating_mul(size_of::<Entry>() + size_of::<At>())
}

impl AddrMap {
    /// The entry at `at`, which is one.
    pub fn entry(&self, at: At) -> &Entry {
        crate::aver_critical!(at.wrapping_sub(1) < self.used.get());
        // SAFETY: `at` comes from the map itself, which made it for an entry below `used`.
        unsafe { &*self.base.get().ptr::<Entry>().add(at.wrapping_sub(1)) }
    }

    /// The head of the chain that `key` is in. There is room for some.
    fn chain(&self, key: Addr) -> &Cell<At> {
        let room = self.room.get();
        // Fibonacci hashing (Knuth, The Art of Computer Programming, 6.4): multiply by the golden
        // part of a word, and take the upper bits.
        const GOLDEN: usize = 0x9E37_79B9_7F4A_7C15_u64 as usize | 1;
        let hash = key.0.wrapping_mul(GOLDEN);
        let i = hash >> (WORD_BITS - room.trailing_zeros());
        let heads = self.base.get().add(room * size_of::<Entry>());
        // SAFETY: as many heads as entries; `i` has as many bits as `room`, a power of two, allows.
        unsafe { &*heads.ptr::<Cell<At>>().add(i) }
    }

    /// Where the first entry of `key` is, and what leads to it.
    fn look(&self, key: Addr) -> Option<(&Cell<At>, At)> {
        if self.room.get() == 0 {
            return None;
        }
        let mut from = self.chain(key);
        loop {
            let at = from.get();
            if at == 0 {
                return None;
            }
            let e = self.entry(at);
            if e.key.get() == key {
                return Some((from, at));
            }
            from = &e.next;
        }
    }

    /// The first entry of `key`.
    pub fn find(&self, key: Addr) -> Option<&Entry> {
        self.look(key).map(|(_, at)| self.entry(at))
    }

    /// Takes all entries of `key` out, to be handed to [`AddrMap::pop`].
    pub fn take(&self, key: Addr) -> Option<At> {
        let (from, at) = self.look(key)?;
        from.set(self.entry(at).next.replace(0));
        Some(at)
    }

    /// Gives back the first of entries that were taken out. Returns its word, and the next of them.
    pub fn pop(&self, at: At) -> (Addr, At) {
        let e = self.entry(at);
        let more = e.more.get();
        e.next.set(self.free.replace(at));
        (e.value.get(), more)
    }

    /// Adds an entry of `key`.
    ///
    /// # Errors
    /// The arena's.
    pub fn add(&self, arena: &Arena, key: Addr, value: Addr) -> Result {
        let at = match self.free.get() {
            0 => {
                if self.used.get() == self.room.get() {
                    self.grow(arena)?;
                }
                self.used.set(self.used.get() + 1);
                self.used.get()
            }
            at => {
                self.free.set(self.entry(at).next.get());
                at
            }
        };
        let e = self.entry(at);
        e.key.set(key);
        e.value.set(value);
        e.next.set(0);
        e.more.set(0);
        match self.look(key) {
            Some((_, first)) => e.more.set(self.entry(first).more.replace(at)),
            None => e.next.set(self.chain(key).replace(at)),
        }
        Ok(())
    }

    fn grow(&self, arena: &Arena) -> Result {
        let old = AddrMap {
            base: Cell::new(self.base.get()),
            room: Cell::new(self.room.get()),
            ..AddrMap::default()
        };
        let room = old.room.get().checked_mul(2).ok_or(Res::Memory)?.max(LEAST);
        let base = arena.control_alloc(bytes(room))?;
        let entries = old.room.get() * size_of::<Entry>();
        // SAFETY: fresh memory with room for twice the old entries, which are as many bytes, and for
        // the heads behind them; nobody else knows it yet.
        unsafe {
            if entries != 0 {
                let from = old.base.get().ptr::<u8>();
                core::ptr::copy_nonoverlapping(from, base.ptr::<u8>(), entries);
            }
            let heads = room * size_of::<Entry>();
            base.add(heads).ptr::<u8>().write_bytes(0, room * size_of::<At>());
        }
        self.base.set(base);
        self.room.set(room);
        let heads = old.base.get().add(entries);
        for i in 0..old.room.get() {
            // SAFETY: the old heads, which are still there.
            let mut at = unsafe { heads.ptr::<At>().add(i).read() };
            while at != 0 {
                let e = self.entry(at);
                let next = e.next.get();
                e.next.set(self.chain(e.key.get()).replace(at));
                at = next;
            }
        }
        old.finish(arena);
        Ok(())
    }

    /// Calls `f(address, word)` for the first entry of each address. Cost: O(the most there were).
    ///
    /// # Errors
    /// The first of `f`'s: it ends there.
    pub fn each(&self, mut f: impl FnMut(Addr, Addr) -> Result) -> Result {
        let heads = self.base.get().add(self.room.get() * size_of::<Entry>());
        for i in 0..self.room.get() {
            // SAFETY: as many heads as there is room for entries.
            let mut at = unsafe { heads.ptr::<At>().add(i).read() };
            while at != 0 {
                let e = self.entry(at);
                f(e.key.get(), e.value.get())?;
                at = e.next.get();
            }
        }
        Ok(())
    }

    /// Forgets all, and gives the memory back.
    pub fn finish(&self, arena: &Arena) {
        let base = self.base.replace(Addr::NULL);
        if !base.is_null() {
            // SAFETY: from `grow`; nobody uses it any more.
            unsafe { arena.control_free(base, bytes(self.room.get())) };
        }
        self.room.set(0);
        self.used.set(0);
        self.free.set(0);
    }
}
