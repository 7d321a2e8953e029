//! The object model: what lives in memory, as pools and the tracer both see it.

#[cfg(any(feature = "ephemerons", feature = "pins"))]
pub mod addrmap;
pub mod buffer;
pub mod cards;
pub mod cx;
#[cfg_attr(not(feature = "ephemerons"), path = "ephemerons_off.rs")]
pub mod ephemerons;
pub mod format;
pub mod lock;
pub mod locus;
pub mod magazines;
pub mod message;
pub mod nailboard;
pub mod pool;
#[cfg(feature = "caches")]
pub mod sac;
pub mod scan;
pub mod seg;
pub mod trace;

#[cfg(test)]
mod tests;
