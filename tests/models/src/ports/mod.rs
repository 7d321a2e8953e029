//! The library's port for Unix: stopping threads, and the two signals for that.

pub mod gates;
pub mod system;
pub mod unix;
