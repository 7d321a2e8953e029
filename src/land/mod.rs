//! Sets of free memory, for pools that give blocks out and take them back.
//!
//! Nothing here calls out, allocates or knows an arena: memory for tables comes
//! from the caller. What is free is kept outside the memory itself (one bit a
//! grain and a small tree over them), so blocks need no headers, any part of a
//! block can be freed, neighbours join by themselves, and free memory is never
//! written to. Only [`free_stack`], for blocks of one size, chains them through what is
//! in them.

pub mod bounds;
pub mod extent;
pub mod field;
pub mod free_stack;
pub mod marks;
pub mod pages;
#[cfg(test)]
#[cfg(feature = "full")]
mod tests;
