//! The models. README.md of this crate has a table of them.

mod ap;
mod history;
mod leaving;
mod locks;
mod registry;
mod shards;
mod signals;
mod threads;
