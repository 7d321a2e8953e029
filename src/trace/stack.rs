//! Threads as roots: the port says where registers and stack are, the client's
//! scanner goes over them.

use super::Tracer;
use crate::base::addr::{Addr, WORD};
use crate::base::ptr::P;
use crate::base::res::{Result, of_code};
use crate::object::scan::ScanState;
use crate::seam::client::AreaScan;
use crate::shield::threads::Thread;
use core::ffi::c_void;

/// Scans the registers of a thread, and its stack from the hot end up to
/// `cold`. Calls out: the client's scanner, the port.
///
/// # Errors
/// The scanner's.
pub fn scan(
    ss: &ScanState,
    t: &Tracer,
    thread: P<Thread>,
    cold: Addr,
    scan: AreaScan,
    closure: *mut c_void,
) -> Result {
    if crate::seam::fault("stack_scan") {
        return Ok(());
    }
    let cx = ss.cx();
    let port = cx.arena.port;
    let area = |base: Addr, limit: Addr| -> Result {
        if base >= limit {
            return Ok(());
        }
        // SAFETY: words of a held thread, or of our caller.
        of_code(unsafe { scan(ss.as_client(), base, limit, closure) })
    };
    if thread.id == port.thread_id() {
        // Our own: the registers were spilled on the way in.
        return area(t.hot.get().down(WORD), cold);
    }
    cx.hold();
    let Some(c) = cx.threads.context(thread, port) else {
        // Gone: it has no stack any more.
        return Ok(());
    };
    if !crate::seam::fault("register_spill") {
        area(c.regs, c.regs.add(c.reg_count * WORD))?;
    }
    area(c.hot.down(WORD), cold)
}
