//! Two pool classes for the MPS that are not part of it:
//!
//! - [`pages`]: collected. Every object has pages of its own and never moves, so
//!   its address may be handed to the system or to a device. Shows what a class
//!   does in a collection: `whiten`, `fix`, `scan`, `reclaim`.
//! - [`region`]: by hand. Blocks one after the other, given back all at once, with
//!   the pool. Shows the least that a class can be.
//!
//! They use what the library makes public, with no features turned on; what a
//! method has to do, and when it is called, is in the documentation of
//! [`mps::object::pool`]. `tests/` runs both on the system's port, together with
//! the library's own classes.
#![no_std]
#![warn(missing_docs)]

pub mod pages;
pub mod region;
