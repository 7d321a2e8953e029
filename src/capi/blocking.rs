//! Blocking regions.

use super::{Handle, instance, need};
use crate::mpm::Mpm;
use crate::seam::arch;
use core::ffi::c_void;

arch::with_registers_of_caller!(mps_x_blocking_begin, begin);

/// What [`mps_x_blocking_begin`] does, with the client's registers in memory from `hot` on.
unsafe extern "C" fn begin(hot: *const usize, thread: *mut c_void) -> usize {
    let t = need!(thread_of(thread), "thread is valid", 0);
    let mine = Mpm::enter(instance(t.instance), |m| {
        let mine = t.id == m.cx.arena.port.thread_id();
        if mine {
            // SAFETY: from the shim.
            unsafe { t.get().lead(t).get().region.begin(hot) };
        }
        mine
    });
    crate::aver_client!(mine, "thread is the calling one", 0);
    0
}

#[unsafe(no_mangle)]
pub extern "C" fn mps_x_blocking_end(thread: Handle) {
    let t = need!(thread_of(thread), "thread is valid", ());
    let ended = Mpm::enter(instance(t.instance), |m| {
        t.id == m.cx.arena.port.thread_id() && t.get().lead(t).get().region.end()
    });
    crate::aver_client!(ended, "the calling thread is in a blocking region", ());
}
