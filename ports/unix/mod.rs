//! What POSIX systems share. Only [`sys`] declares what the C library offers.
//! What differs comes from `ports::system`, the system's own folder: nothing
//! here names a system.

pub(crate) mod fork;
pub(crate) mod plinth;
pub(crate) mod previous;
pub(crate) mod prot;
pub(crate) mod signals;
pub(crate) mod sys;
pub(crate) mod threads;
pub(crate) mod vm;
