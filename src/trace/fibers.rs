//! Fibers as roots: the stack of each, and the registers of the thread that is on it.

use super::{Tracer, stack};
use crate::base::addr::WORD;
use crate::base::res::Result;
use crate::object::scan::ScanState;
use crate::seam::client::AreaScan;
use crate::shield::fibers::Fiber;
use core::ffi::c_void;

/// Scans a fiber: from where it was left, and if a thread is on it, from that thread's stack
/// pointer on. Calls out: the client's scanner, the port. Cost: O(threads) besides.
///
/// # Errors
/// The scanner's.
///
/// # Safety
/// 1. The calling thread is inside the instance that the fiber is registered with.
/// 2. `scan` may be called on words of its stack, with `closure`.
pub unsafe fn scan(
    ss: &ScanState,
    t: &Tracer,
    fiber: &Fiber,
    scan: AreaScan,
    closure: *mut c_void,
) -> Result {
    if crate::seam::fault("fiber_scan") {
        return Ok(());
    }
    let cx = ss.cx();
    let port = cx.arena.port;
    // What is noted of fibers is changed by threads that are not inside.
    cx.hold();
    // SAFETY: words of a stack that nobody runs on now but our caller; 2.
    let area = |base, limit| unsafe { stack::words(ss, scan, closure, base, limit) };
    for thread in cx.threads.leads().filter(|l| l.strand.is_on(fiber)) {
        let sp = if thread.id == port.thread_id() {
            t.hot.get()
        } else {
            let Some(c) = cx.threads.context(thread, port) else { continue };
            area(c.regs, c.regs.add(c.reg_count * WORD))?;
            c.hot
        };
        if fiber.stack.contains(sp) {
            area(sp.down(WORD), fiber.stack.limit)?;
        }
    }
    area(fiber.rests_at(), fiber.stack.limit)
}
