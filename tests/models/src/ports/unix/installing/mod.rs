//! The library's `ports/unix/signals.rs`, round a `previous` that notes what was
//! installed.

pub mod previous;
weakenable!(signals, "ports-unix-signals.rs");
pub use super::sys;
