//! The object model: what lives in memory, as pools and the tracer both see it.

pub mod buffer;
pub mod cx;
pub mod format;
pub mod locus;
pub mod nailboard;
pub mod pool;
pub mod scan;
pub mod seg;

#[cfg(test)]
mod tests;
