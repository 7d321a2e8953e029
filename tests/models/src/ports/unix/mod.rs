//! The library's `ports/unix`. `threads` runs on signals that the model delivers;
//! the library's own `signals`, of which installing is a protocol, is `installing`.

pub mod context;
pub mod signals;
pub mod sys;
weakenable!(threads, "ports-unix-threads.rs");

pub mod installing;
