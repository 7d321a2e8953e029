//! Manual pools: the client says when a block is to be freed.

#[cfg(feature = "pool-mvff")]
pub mod class;
#[cfg(feature = "pool-mvff")]
mod core;
#[cfg(feature = "pool-mvff")]
#[cfg_attr(not(feature = "debug-classes"), path = "debug_off.rs")]
pub mod debug;
mod ledger;
#[cfg(feature = "pool-mfs")]
pub mod mfs;
#[cfg(feature = "pool-mvff")]
pub mod mvff;
#[cfg(feature = "pool-mvff")]
pub mod mvt;
#[cfg(feature = "pool-mvff")]
mod shards;
