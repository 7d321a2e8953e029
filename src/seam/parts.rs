//! Which parts are in the library, for code that has no file of its own to leave out. Where
//! a part is absent the compiler knows that what it would do can't happen.

/// Arenas that take memory from the port. Without them all memory is the client's.
pub const VM_ARENAS: bool = cfg!(feature = "vm-arenas");
/// Barriers. Without them a collection, once it has begun, runs to its end.
pub const BARRIERS: bool = cfg!(feature = "incremental");
/// More threads than one, and forks. Without them the one thread may register, and
/// nobody is ever stopped.
pub const THREADS: bool = cfg!(feature = "threads");
