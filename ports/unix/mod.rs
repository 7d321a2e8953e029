//! What POSIX systems share. Only [`sys`] declares what libc offers; the
//! system's own folder says what differs.

pub(crate) mod fork;
pub(crate) mod plinth;
pub(crate) mod previous;
pub(crate) mod prot;
pub(crate) mod signals;
pub(crate) mod sys;
pub(crate) mod threads;
pub(crate) mod vm;
