//! A memory pool system: pluggable pools, manual and automatic, and an
//! incremental, generational, mostly-copying collector.
//!
//! # For Rust programs
//!
//! With the feature `derive` the crate has a face that is safe to use. `Heap` is a heap of objects that
//! are collected and moved; `Global` is an allocator for a whole program, and `Blocks` one of many.
//! The compiler sees to it that no reference is used that a collection may have changed.
//!
#![cfg_attr(feature = "derive", doc = "```")]
#![cfg_attr(not(feature = "derive"), doc = "```ignore")]
//! use mps::{Field, Heap, Options, Trace};
//!
//! #[derive(Trace)]
//! struct Cell<'id> {
//!     value: u64,
//!     next: Field<'id, Cell<'id>>,
//! }
//!
//! # fn main() -> Result<(), mps::Res> {
//! let length = Heap::with(&Options::default(), |heap| {
//!     let list = heap.root(heap.alloc(Cell { value: 0, next: Field::null() })?)?;
//!     for value in 1..10_000 {
//!         let cell = heap.alloc(Cell { value, next: Field::null() })?;
//!         if value % 100 == 0 {
//!             cell.set(|c| &c.next, Some(list.get(heap)));    // a reference in an object
//!             list.set(cell);                                 // a root outlives collections
//!         }
//!         heap.safepoint();                                   // objects are collected and move here
//!     }
//!     let (mut length, mut at) = (0, Some(list.get(heap)));
//!     while let Some(cell) = at {
//!         length += 1;
//!         at = cell.next.get(heap);
//!     }
//!     Ok::<_, mps::Res>(length)
//! })??;
//! assert_eq!(length, 100);
//! # Ok(())
//! # }
//! ```
//!
//! # For C programs
//!
//! The same library is an archive, `libmps.a`, with the interface of Ravenbrook's Memory Pool System
//! (`mps.h`). The manual (`make manual`) is about that, with a page for Rust.
//!
//! # Inside
//!
//! The other modules are the library itself: public for those who write a port ([`seam::port`]) or a
//! pool class ([`object::pool`]), and for the tests.
//!
//! The layers, each importing only those below it (`tests/layering.rs`):
//!
//! ```text
//!  capi     the C shell     face   the safe face for Rust programs; nothing imports these
//!  mpm      the instance: entry, polling
//!  trace    the tracer        pools  pool classes   (siblings)
//!  object   segments, buffers, formats, pools, scan states, generations, traces
//!  shield   protection, threads held
//!  arena    chunks, regions, grains
//!  land     sets of free memory for manual pools
//!  seam     port, plinth, client, arch: the edges of the world
//!  base     addresses, sets, results, checks, lists, bits
//! ```
//!
//! Five rules:
//! 1. Requests go down as arguments, and answers come back as results. More than that is
//!    left in a structure that the caller has handed down.
//! 2. What a callback can reach is used by shared reference. Its fields are cells.
//! 3. The core knows no platform, the ports know no collector.
//! 4. On an error nothing has changed.
//! 5. No operation here panics.
#![no_std]
#![warn(missing_docs)]
// What only absent parts use is not used.
#![cfg_attr(not(feature = "full"), allow(dead_code, unused_imports, unused_macros))]

#[cfg(test)]
extern crate std;

pub mod arena;
pub mod base;
pub mod land;
pub mod mpm;
pub mod object;
pub mod pools;
pub mod seam;
pub mod shield;
pub mod trace;

#[cfg(feature = "capi")]
pub mod capi;

#[path = "../ports/mod.rs"]
pub mod ports;

#[cfg(feature = "face")]
pub mod face;
#[cfg(feature = "face")]
pub use face::*;
#[cfg(feature = "derive")]
pub use mps_derive::Trace;
