//! The face for Rust programs: what is safe to use, over all the rest.
//!
//! - [`Heap`]: objects that are collected and moved, with [`Gc`], [`Field`], [`Root`],
//!   [`WeakRoot`], [`Trace`] and [`Finalize`]; of one thread, or [`Shared`] by many.
//! - [`Value`]: what an interpreter has, in a [`Slot`] of an object or a [`RootArray`].
//! - [`Global`]: an allocator for the whole program, over a pool of class MVFF; and [`Blocks`], one of
//!   many, over one of class MVFF, MFS or MVT.
//!
//! Nothing below imports this, and the archive for C programs has none of it.

mod blocks;
mod finalize;
mod gate;
mod heap;
mod object;
mod value;

pub use crate::base::res::{Res, Result};
pub use blocks::{Blocks, Global, Sizes};
pub use finalize::Finalize;
pub use gate::{Holds, Local, Mode, Shared, Threads};
pub use heap::{Array, Gc, Heap, Options, Root, WeakRoot};
#[doc(hidden)]
pub use object::TypeTag;
pub use object::{Field, Leaf, Slot, Trace, Tracer};
pub use value::{Dynamic, Moves, RootArray, Value};

use crate::arena::Params;
use crate::base::ptr::P;
use crate::mpm::{Config, Mpm};
use crate::object::pool::{ClassHandle, Pool};
use crate::ports::DEFAULT;
use crate::seam::args::{self, Key, Val};

/// How much address space an arena takes at first, and whenever that does not suffice, in bytes.
/// What `mps_arena_create_k` takes without its key.
const FIRST: usize = 1 << 28;

/// An instance on the system's port.
fn instance(limit: usize, pause_time: f64) -> Result<P<Mpm>> {
    let grain = page();
    let size = FIRST.min(limit.max(1 << 20));
    let params = Params { grain, size, base: None, limit, extra: 0 };
    let config = Config { pause_time, ..Config::new(params) };
    Mpm::create(DEFAULT, &config)
}

/// A manual pool.
fn pool(m: P<Mpm>, class: &'static ClassHandle, args: &[(&'static Key, Val)]) -> Result<P<Pool>> {
    args::with(args, |a| Mpm::enter(m, |e| e.new_pool(class, None, a)))
}

/// What memory is got by, and what its segments are aligned to.
fn page() -> usize {
    DEFAULT.page_size().max(4096)
}
