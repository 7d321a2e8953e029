//! The pool classes that come with the library.

pub mod amc;
pub mod manual;
pub mod marksweep;
pub mod snc;
