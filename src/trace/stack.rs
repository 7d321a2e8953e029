//! Threads as roots: the port says where registers and stack are, the client's
//! scanner goes over them.
//!
//! What is scanned goes from the hot end up to the cold end. If those are on
//! two stacks, there is anything between them, or nothing at all. So where
//! the thread's own stack is known, both must be on it. If not (the thread runs
//! a coroutine, or a handler on a signal stack), what it holds cannot be
//! found: the check is reported, and the program stops if the client's handler
//! returns. To go on would be to lose objects.
//!
//! A thread that is on a fiber has left its own stack where the switch noted.

use super::Tracer;
use crate::base::addr::{Addr, WORD};
use crate::base::ptr::P;
use crate::base::res::{Result, of_code};
use crate::object::cx::Cx;
use crate::object::scan::ScanState;
use crate::seam::client::AreaScan;
use crate::shield::threads::Thread;
use core::ffi::c_void;

/// Scans the registers of a thread, and its stack from the hot end up to
/// `cold`. Calls out: the client's scanner, the port.
///
/// # Errors
/// The scanner's.
///
/// # Safety
///
/// 1. `thread` is registered with the instance that `ss` belongs to, and the
///    calling thread is inside that.
/// 2. `cold` is on the stack that the thread runs on. Where the thread's own stack is
///    known, that is checked here.
/// 3. `scan` may be called on words of that stack, with `closure`.
pub unsafe fn scan(
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
    // SAFETY: words of a held thread, or of our caller; 3.
    let area = |base, limit| unsafe { words(ss, scan, closure, base, limit) };
    let check = |ok: bool| {
        if !ok {
            let_go(&cx);
        }
        ok
    };
    crate::aver!(
        check(thread.may_end_at(cold)),
        "cold end of a thread root is on the thread's own stack"
    );
    let page = port.page_size();
    let strand = &thread.lead().get().strand;
    let from = |sp| strand.own_rests_at(sp).or_else(|| thread.scan_from(sp, page));
    if thread.id == port.thread_id() {
        // Our own: the registers were spilled on the way in.
        let hot = from(t.hot.get().down(WORD));
        crate::aver!(
            check(hot.is_some()),
            "the calling thread is on its own stack \
             (its stack pointer is elsewhere: a coroutine or signal stack?)"
        );
        return area(hot.unwrap_or(cold), cold);
    }
    cx.hold();
    let Some(c) = cx.threads.context(thread, port) else {
        // Gone: it has no stack any more.
        return Ok(());
    };
    let hot = from(c.hot.down(WORD));
    crate::aver!(
        check(hot.is_some()),
        "a stopped thread is on its own stack \
         (its stack pointer is elsewhere: a coroutine or signal stack?)"
    );
    if !crate::seam::fault("register_spill") {
        area(c.regs, c.regs.add(c.reg_count * WORD))?;
    }
    area(hot.unwrap_or(cold), cold)
}

/// Scans words, if `base` is below `limit`. Calls out: the client's scanner.
///
/// # Errors
/// The scanner's.
///
/// # Safety
/// `scan` may be called on them, with `closure`; nobody changes them meanwhile.
// With fibers there are many users: a call, not a copy for each.
#[cfg_attr(feature = "fibers", inline(never))]
#[cfg_attr(not(feature = "fibers"), inline(always))]
pub(super) unsafe fn words(
    ss: &ScanState,
    scan: AreaScan,
    closure: *mut c_void,
    base: Addr,
    limit: Addr,
) -> Result {
    if base >= limit {
        return Ok(());
    }
    // SAFETY: the caller's promise.
    of_code(unsafe { scan(ss.as_client(), base, limit, closure) })
}

/// Lets the held threads go before a report that ends the program: one of them may have a
/// lock that the report needs. No object has moved yet, because stacks are scanned first.
#[cold]
#[inline(never)]
fn let_go(cx: &Cx) {
    cx.threads.release(cx.arena.port);
}
