//! A memory pool system: pluggable pools, manual and automatic, and an
//! incremental, generational, mostly-copying collector.
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
