//! What POSIX systems share. Only [`sys`] declares functions of the C library. What differs
//! from system to system comes from `ports::system`, which is the system's own folder.
//! Nothing here names a system.

pub(crate) mod call;
pub(crate) mod context;
pub(crate) mod fork;
pub(crate) mod port;
pub(crate) mod previous;
pub(crate) mod process;
pub(crate) mod prot;
pub(crate) mod signals;
pub(crate) mod sys;
pub(crate) mod threads;
pub(crate) mod vm;
