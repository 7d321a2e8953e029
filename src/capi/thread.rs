//! Threads.

use super::{Handle, give, need};
use crate::base::res::Res;
use crate::mpm::Mpm;

#[unsafe(no_mangle)]
pub unsafe extern "C" fn mps_thread_reg(thr_o: *mut Handle, arena: Handle) -> i32 {
    let m = need!(mpm_of(arena), "arena is valid", Res::Param.code());
    crate::aver_client!(!thr_o.is_null(), "thr_o is not null", Res::Param.code());
    // The port is asked before the instance is entered: it may allocate to find out.
    let stack = m.cx.arena.port.thread_stack();
    let made = Mpm::enter(m, |m| m.new_thread(stack));
    // SAFETY: not null, the client's.
    unsafe { give(thr_o, made.map(|t| t.as_ptr().cast())) }
}

#[unsafe(no_mangle)]
pub extern "C" fn mps_thread_dereg(thr: Handle) {
    let t = need!(thread_of(thr), "thread is valid", ());
    Mpm::enter(super::instance(t.instance), |m| {
        // SAFETY: the client says that nobody uses it any more.
        unsafe { m.thread_destroy(t) }
    });
}
