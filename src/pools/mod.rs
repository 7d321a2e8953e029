//! The pool classes that come with the library.

#[cfg(feature = "pool-amc")]
pub mod amc;
pub mod manual;
#[cfg(feature = "pool-ams")]
pub mod marksweep;
#[cfg(feature = "pool-snc")]
pub mod snc;
