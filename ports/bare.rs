//! A port for bare metal, with memory that the program gives it, without protection, and for
//! one thread.
//!
//! Arenas get address space from that memory, first fit. To map memory clears it. A
//! program with one arena may use a client arena instead.

use crate::base::addr::{Addr, Size};
use crate::base::res::{Res, Result};
use crate::seam::port::{Caps, Port};
use spin::Mutex;

/// How many reservations there may be at a time. Each chunk of each arena is one. An arena
/// begins with one chunk, and each new chunk is at least a quarter of what the arena has.
/// So few chunks fill the machine's memory.
const RESERVATIONS: usize = 32;

/// A port over memory given to it once.
pub struct Bare {
    page: Size,
    state: Mutex<State>,
}

struct State {
    base: Addr,
    limit: Addr,
    /// Base and limit of what is reserved; both null where nothing is.
    taken: [(Addr, Addr); RESERVATIONS],
}

impl Bare {
    /// A port with nothing to give yet. `page`, a power of two, is what arenas
    /// grow by: 4096 does.
    pub const fn new(page: Size) -> Bare {
        let nothing = (Addr::NULL, Addr::NULL);
        let state = State { base: Addr::NULL, limit: Addr::NULL, taken: [nothing; RESERVATIONS] };
        Bare { page, state: Mutex::new(state) }
    }

    /// The memory to give out, before the first arena is made.
    ///
    /// # Safety
    ///
    /// 1. The `size` bytes at `base` are there, writable, and nobody else's for
    ///    as long as the port is used.
    /// 2. Nothing has been reserved yet.
    pub unsafe fn give(&self, base: *mut u8, size: Size) {
        let mut s = self.state.lock();
        let limit = Addr::of(base).add(size);
        s.base = Addr::of(base).up(self.page);
        s.limit = limit.down(self.page);
    }
}

impl State {
    /// The reservation that overlaps `base..limit`, if any.
    fn overlapping(&self, base: Addr, limit: Addr) -> Option<(Addr, Addr)> {
        self.taken.iter().copied().find(|(b, l)| *b < limit && base < *l)
    }
}

// SAFETY: reservations lie in the memory given and do not overlap; there is no
// other thread to stop.
unsafe impl Port for Bare {
    fn capabilities(&self) -> Caps {
        Caps::VM
    }

    fn page_size(&self) -> Size {
        self.page
    }

    fn reserve(&self, size: Size, align: Size) -> Result<Addr> {
        let mut s = self.state.lock();
        let mut base = s.base.up(align);
        loop {
            // `up` and `add` wrap at the top of the address space.
            if base < s.base || base > s.limit || s.limit.since(base) < size {
                return Err(Res::Resource);
            }
            match s.overlapping(base, base.add(size)) {
                Some((_, limit)) => base = limit.up(align),
                None => break,
            }
        }
        let free = s.taken.iter_mut().find(|(b, _)| b.is_null());
        let entry = free.ok_or(Res::Resource)?;
        *entry = (base, base.add(size));
        Ok(base)
    }

    fn release(&self, base: Addr, _size: Size) {
        let mut s = self.state.lock();
        if let Some(entry) = s.taken.iter_mut().find(|(b, _)| *b == base) {
            *entry = (Addr::NULL, Addr::NULL);
        }
    }

    fn map(&self, base: Addr, size: Size) -> Result {
        // SAFETY: reserved, so in the memory given, and about to be the core's.
        unsafe { base.ptr::<u8>().write_bytes(0, size) };
        Ok(())
    }

    fn unmap(&self, _base: Addr, _size: Size) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_fit() {
        // Nine pages, the first at a multiple of two: what fits must not depend
        // on where the vector came to be.
        let mut memory = std::vec![0xAAu8; 11 * 4096];
        let skip = memory.as_ptr().align_offset(8192);
        let bare = Bare::new(4096);
        assert_eq!(bare.reserve(4096, 4096), Err(Res::Resource));
        // SAFETY: outlives the port.
        unsafe { bare.give(memory.as_mut_ptr().add(skip), 9 * 4096) };
        let a = bare.reserve(3 * 4096, 4096).unwrap();
        let b = bare.reserve(3 * 4096, 4096).unwrap();
        assert_eq!(b, a.add(3 * 4096));
        assert_eq!(bare.reserve(4 * 4096, 4096), Err(Res::Resource));
        bare.release(a, 3 * 4096);
        let c = bare.reserve(2 * 4096, 8192).unwrap();
        assert!(c.is_aligned(8192) && c < b);
        bare.map(c, 4096).unwrap();
        // SAFETY: mapped.
        unsafe { assert_eq!(*c.add(4095).ptr::<u8>(), 0) };
        bare.unmap(c, 4096);
        assert_eq!(bare.reserve(1 << 40, 4096), Err(Res::Resource));
    }
}
