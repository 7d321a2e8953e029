//! The face for Rust programs: what is safe to use, over all the rest.
//!
//! - [`Heap`]: objects that are collected and moved, with [`Gc`], [`Field`], [`Root`],
//!   [`WeakRoot`] and [`Trace`].
//! - [`Global`]: an allocator for the whole program, and [`Blocks`], one of many, over a pool of
//!   class MVFF.
//!
//! Nothing below imports this, and the archive for C programs has none of it.

mod blocks;
mod heap;
mod object;

pub use crate::base::res::{Res, Result};
pub use blocks::{Blocks, Global};
pub use heap::{Array, Gc, Heap, Options, Root, WeakRoot};
pub use object::{Field, Leaf, Trace, Tracer};

use crate::arena::Params;
use crate::base::ptr::P;
use crate::mpm::{Config, Mpm};
use crate::object::pool::{ClassHandle, Pool};
use crate::ports::DEFAULT;
use crate::seam::args::{self, Val};

/// How much address space an arena takes at first, and whenever that does not suffice, in bytes.
/// What `mps_arena_create_k` takes without its key.
const FIRST: usize = 1 << 28;

/// An instance on the system's port.
fn instance(limit: usize, pause_time: f64) -> Result<P<Mpm>> {
    let grain = DEFAULT.page_size().max(4096);
    let size = FIRST.min(limit.max(1 << 20));
    let params = Params { grain, size, base: None, limit, extra: 0 };
    let config = Config { pause_time, ..Config::new(params) };
    Mpm::create(DEFAULT, &config)
}

/// A pool of class MVFF.
fn mvff(m: P<Mpm>, align: usize) -> Result<P<Pool>> {
    static CLASS: ClassHandle = ClassHandle::new(&crate::pools::manual::mvff::MVFF);
    let align = (&args::_mps_key_ALIGN, Val { size: align });
    args::with(&[align], |a| Mpm::enter(m, |e| e.new_pool(&CLASS, None, a)))
}
