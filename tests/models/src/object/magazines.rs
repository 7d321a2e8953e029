//! In place of `src/object/magazines.rs`: blocks of one size, two places.

use crate::base::addr::{Addr, Size};
use crate::cell::Cell;

/// Grains that it can hold, for the numbers at which shards open and close.
pub const CAPACITY_GRAINS: usize = 2;

pub struct Magazines {
    places: [Cell<Addr>; 2],
}

impl Magazines {
    /// # Safety
    /// `at` has room for one, nobody else's.
    pub unsafe fn build(at: Addr, _shift: u32) {
        // SAFETY: the caller's promise.
        unsafe { at.ptr::<Magazines>().write(Magazines { places: Default::default() }) };
    }

    pub fn bytes(&self) -> Size {
        self.places.iter().filter(|p| !p.get().is_null()).count()
    }

    pub fn put(&self, _size: Size, a: Addr) -> bool {
        let free = self.places.iter().find(|p| p.get().is_null());
        free.map(|p| p.set(a)).is_some()
    }

    pub fn take(&self, _size: Size) -> Addr {
        let full = self.places.iter().find(|p| !p.get().is_null());
        full.map_or(Addr::NULL, Cell::take)
    }

    pub fn has(&self, _size: Size) -> bool {
        self.bytes() != 0
    }

    pub fn forget(&self) {
        self.places.iter().for_each(|p| p.set(Addr::NULL));
    }
}
