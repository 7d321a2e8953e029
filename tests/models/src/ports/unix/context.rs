//! In place of `ports/unix/context.rs`: what a handler is given is where the thread stands.

use crate::base::addr::Addr;
use crate::seam::port::Context;
use std::ffi::c_void;

/// Where a thread stands: where its handler said.
///
/// # Safety
/// It is stopped.
pub unsafe fn of_stopped<System>(ucontext: *mut c_void) -> Context {
    Context { hot: Addr::of(ucontext), regs: Addr::NULL, reg_count: 0 }
}
