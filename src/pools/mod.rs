//! The pool classes that come with the library.

pub mod amc;
pub mod manual;
