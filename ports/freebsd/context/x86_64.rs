//! x86-64. The offsets are from FreeBSD's headers sys/_ucontext.h and x86/ucontext.h;
//! tests/systems/freebsd.c compares them.

/// The first saved register, `mc_rdi`.
pub const REGS: usize = 24;
/// `mc_rsp`.
pub const SP: usize = 200;
/// The page fault's error code, `mc_err`.
pub const ERR: usize = 168;
/// Where the vector registers' upper parts are, `mc_xfpustate`, and how long, after it.
pub const VECTOR: usize = 768;
/// `uc_stack`.
pub const STACK: usize = 824;
/// All of it, `mc_fpstate` included.
pub const SIZE: usize = 880;

/// What a function may use below its stack pointer (the processor's ABI).
pub const RED_ZONE: usize = 128;
