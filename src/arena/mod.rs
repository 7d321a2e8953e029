//! The memory half of an instance: address space, committed memory, and who has which
//! grain.
//!
//! A request names a [`Home`]: what the memory is for. It is tried in the home's own
//! regions, then in a region that nobody has, in the home's zones or in others, then
//! in a new chunk, and at last anywhere it fits. Each of these steps looks at a few words
//! of bits. One file here is one concern: look-up, placement, mapping, growth, spare
//! memory, stale protection, control memory.
//!
//! # Invariants
//! - `committed` is what is mapped (headers included) and never above `limit`.
//! - `spare` is what is mapped, free, and could be unmapped.
//! - A grain is in use exactly if it is valid and not in its region's `free`.

pub mod chunk;
pub mod control;
mod directory;
mod growth;
mod lookup;
mod mapping;
mod placement;
mod spare;
mod stale;

pub use lookup::Walk;

use crate::base::addr::{Addr, Range, Size};
use crate::base::gauge::Gauge;
use crate::base::list::List;
use crate::base::ptr::{P, Slot};
use crate::base::res::Result;
use crate::base::sets::ZoneSet;
use crate::seam::client::ArenaCallback;
use crate::seam::parts;
use crate::seam::port::{Caps, Port};
use chunk::{Chunk, Region};
use core::cell::Cell;
use core::ffi::c_void;
use growth::{client_chunk, shifts, vm_chunk};
use lookup::TableEntry;

/// What some memory is for: a generation, a pool whose objects are never condemned, or the
/// library itself. Memory of one home shares regions, and so zones.
#[derive(Default)]
pub struct Home {
    /// Zones it has had regions in.
    pub zones: Cell<ZoneSet>,
    /// Is it for memory without formatted objects? Then it may be in zone 0, which is the
    /// zone of a null reference. Other homes keep away from that zone.
    pub plain: Cell<bool>,
    /// Is its memory to come from high addresses?
    pub high: Cell<bool>,
    regions: List<Region, 0>,
}

/// How much of what is committed may be spare if nobody says otherwise: the default
/// of `MPS_KEY_SPARE`.
pub const DEFAULT_SPARE: f64 = 0.75;

/// How many calls of the port were made, for statistics.
#[derive(Default)]
pub struct Calls {
    /// Calls to map memory.
    pub map: Cell<usize>,
    /// Calls to unmap memory.
    pub unmap: Cell<usize>,
    /// Calls to change protection.
    pub protect: Cell<usize>,
}

/// The memory half of an instance.
pub struct Arena {
    /// The port under it.
    pub port: &'static dyn Port,
    /// Is it a client arena? The client gives its memory, which is never mapped or
    /// unmapped.
    client: bool,
    grain_shift: u32,
    region_shift: u32,
    /// Can protection be used on its grains?
    protects: bool,
    /// Is protection a table that the program looks into ([`Caps::SOFT`])?
    pub is_soft: bool,
    chunks: List<Chunk, 0>,
    primary: Slot<Chunk>,
    primary_origin: Cell<Addr>,
    primary_span: Cell<Size>,
    directory: directory::Directory,
    table: Cell<*mut TableEntry>,
    table_len: Cell<usize>,
    /// The chunk whose header the table stands in, if it is not in control
    /// memory.
    table_in: Slot<Chunk>,
    control: control::Control,
    control_home: Home,
    /// Zones that some home has regions in.
    used_zones: Cell<ZoneSet>,
    /// Address space taken, in bytes. This and the next three may be read without
    /// the lock.
    pub reserved: Gauge,
    /// Memory mapped, in bytes.
    pub committed: Gauge,
    /// How much of that is free, in bytes.
    pub spare: Gauge,
    /// How much may be committed, in bytes.
    pub limit: Gauge,
    /// Which fraction of what is committed may be spare.
    pub spare_fraction: Cell<f64>,
    /// How much address space to take when more is needed.
    pub growth: Cell<Size>,
    /// Called after a chunk is acquired, with the handle below.
    pub extended: Cell<Option<ArenaCallback>>,
    /// Called before a chunk is returned.
    pub contracted: Cell<Option<ArenaCallback>>,
    /// What the callbacks are told the arena is.
    pub handle: Cell<*mut c_void>,
    /// The lowest address that was ever managed. May be read without the lock.
    pub lowest: core::sync::atomic::AtomicUsize,
    /// The end of the highest chunk that there ever was. May be read without the lock.
    pub highest: core::sync::atomic::AtomicUsize,
    /// System calls made.
    pub calls: Calls,
    /// Is memory to be placed by zones?
    pub zoned: Cell<bool>,
}

/// How to make an arena.
#[derive(Clone, Copy)]
pub struct Params {
    /// Bytes in a grain: a power of two.
    pub grain: Size,
    /// Bytes of address space to begin with; of a client arena, of its memory.
    pub size: Size,
    /// The client's memory; `None` for a VM arena.
    pub base: Option<Addr>,
    /// How much may be committed, in bytes.
    pub limit: Size,
    /// Bytes of room in the first chunk for a structure of the caller's.
    pub extra: Size,
}

/// A first chunk, made before there is an arena to own it.
pub struct Boot {
    chunk: P<Chunk>,
    /// Where the caller's own structure goes.
    pub extra: Addr,
    grain_shift: u32,
    region_shift: u32,
    header: Size,
}

impl Boot {
    /// Takes the first chunk.
    ///
    /// # Errors
    /// `Resource`: no address space. `Memory`: too small for the library's own
    /// structures, or the system has no memory. `CommitLimit`: the limit is
    /// below what those structures need.
    pub fn new(port: &'static dyn Port, p: &Params) -> Result<Boot> {
        let (grain_shift, region_shift) = shifts(p);
        let (chunk, extra, header) = match p.base {
            Some(base) => client_chunk(
                Range::sized(base, p.size),
                p.extra,
                p.limit,
                region_shift,
                grain_shift,
            )?,
            None => vm_chunk(port, p.size, p.extra, p.limit, region_shift, grain_shift)?,
        };
        Ok(Boot { chunk, extra, grain_shift, region_shift, header })
    }
}

impl Arena {
    /// An arena that is to manage the first chunk. `Arena::start` is to be called when
    /// the arena is in the place where it stays.
    pub fn new(port: &'static dyn Port, p: &Params, boot: &Boot) -> Arena {
        let caps = port.capabilities();
        let grain = 1usize << boot.grain_shift;
        Arena {
            port,
            client: p.base.is_some(),
            grain_shift: boot.grain_shift,
            region_shift: boot.region_shift,
            protects: caps.has(Caps::PROTECT) && grain.is_multiple_of(port.page_size().max(1)),
            is_soft: caps.has(Caps::SOFT),
            chunks: List::default(),
            primary: Cell::new(None),
            primary_origin: Cell::new(Addr::NULL),
            primary_span: Cell::new(0),
            directory: directory::Directory::default(),
            table: Cell::new(core::ptr::null_mut()),
            table_len: Cell::new(0),
            table_in: Cell::new(None),
            control: control::Control::default(),
            control_home: Home::default(),
            used_zones: Cell::new(ZoneSet::EMPTY),
            reserved: Gauge::new(0),
            committed: Gauge::new(boot.header),
            spare: Gauge::new(0),
            limit: Gauge::new(p.limit),
            spare_fraction: Cell::new(DEFAULT_SPARE),
            growth: Cell::new(p.size),
            extended: Cell::new(None),
            contracted: Cell::new(None),
            handle: Cell::new(core::ptr::null_mut()),
            lowest: core::sync::atomic::AtomicUsize::new(usize::MAX),
            highest: core::sync::atomic::AtomicUsize::new(0),
            calls: Calls::default(),
            zoned: Cell::new(true),
        }
    }

    /// Takes the first chunk in.
    pub(crate) fn start(&self, boot: &Boot) {
        self.control_home.plain.set(true);
        let c = boot.chunk;
        self.primary.set(Some(c));
        self.primary_origin.set(c.origin);
        self.primary_span.set(c.span);
        self.directory_of_first(c);
        self.adopt(c);
    }

    /// Gives all memory back, and with it the memory that the arena itself may be in.
    /// Nothing of it may be used afterwards.
    pub(crate) fn finish(&self) {
        let port = self.port;
        let is_client = self.is_client();
        let primary = self.primary.get();
        self.directory_finish();
        let told = |c: P<Chunk>| {
            if let Some(f) = self.contracted.get() {
                // SAFETY: the client's callback, called as its type says.
                unsafe { f(self.handle.get(), c.reserved.base, c.reserved.size()) };
            }
        };
        while let Some(c) = self.chunks.pop_front() {
            if Some(c) == primary {
                continue;
            }
            told(c);
            self.surrender(c);
        }
        if let Some(c) = primary {
            told(c);
            if is_client {
                self.surrender(c);
            } else {
                // The last use of anything in the arena.
                let r = c.reserved;
                port.release(r.base, r.size());
            }
        }
    }

    /// Is all its memory the client's?
    #[inline(always)]
    pub fn is_client(&self) -> bool {
        !parts::VM_ARENAS || self.client
    }

    /// Can protection be used on its grains?
    #[inline(always)]
    pub fn can_protect(&self) -> bool {
        parts::BARRIERS && self.protects
    }

    /// Bytes in a grain.
    #[inline]
    pub fn grain(&self) -> Size {
        1 << self.grain_shift
    }

    /// How many bytes it can come to commit: of a client arena all its memory, of a VM arena
    /// its commit limit.
    pub fn capacity(&self) -> Size {
        let limit = self.limit.get();
        if self.is_client() { limit.min(self.reserved.get()) } else { limit }
    }

    /// The smaller of `size` and the capacity divided by `parts`. For a size that suits a
    /// large arena and is too large for a small one.
    pub fn at_most_part(&self, size: Size, parts: usize) -> Size {
        size.min(self.capacity().checked_div(parts).unwrap_or(0))
    }

    /// The shift that turns addresses into zones.
    #[inline]
    pub fn zone_shift(&self) -> u32 {
        self.region_shift
    }

    /// The home of the library's own structures.
    pub fn control_home(&self) -> P<Home> {
        // SAFETY: the arena stays where it is after `start`, and outlives
        // every use of its memory.
        unsafe { P::new(core::ptr::NonNull::from(&self.control_home)) }
    }

    /// The grain shift.
    #[inline]
    pub fn grain_shift(&self) -> u32 {
        self.grain_shift
    }
}

#[cfg(test)]
pub(crate) mod tests;
