//! IA-32. The offsets are from FreeBSD's headers sys/_ucontext.h and x86/ucontext.h;
//! tests/systems/freebsd.c compares them.

/// The first saved register, `mc_edi`.
pub const REGS: usize = 36;
/// `mc_esp`.
pub const SP: usize = 88;
/// The page fault's error code, `mc_err`.
pub const ERR: usize = 72;
/// Where the vector registers' upper parts are, `mc_xfpustate`, and how long, after it.
pub const VECTOR: usize = 632;
/// `uc_stack`.
pub const STACK: usize = 660;
/// All of it, `mc_fpstate` included.
pub const SIZE: usize = 704;

/// What a function may use below its stack pointer.
pub const RED_ZONE: usize = 0;
