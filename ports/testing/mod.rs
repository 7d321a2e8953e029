//! Ports for tests: one of pure memory, and one that fails on demand.

pub mod faulty;
pub mod mock;
pub mod stack;
