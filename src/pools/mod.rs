//! The pool classes that come with the library.

pub mod amc;
pub mod marksweep;
pub mod snc;
