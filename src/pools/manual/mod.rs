//! Manual pools: the client says when a block is to be freed.

pub mod class;
mod core;
pub mod debug;
mod ledger;
pub mod mfs;
pub mod mvff;
pub mod mvt;
mod shards;
