//! The library's handler of faults, which a system's handler asks. There is one in a process.

use crate::base::res::{Res, Result};
use crate::seam::port::FaultHandler;
use core::sync::atomic::{AtomicUsize, Ordering};

/// The library's handler, or 0.
static HANDLER: AtomicUsize = AtomicUsize::new(0);

/// `Port::install_faults`. Notes the handler, and the first time has `listen` make the system tell
/// us of faults; false: it refuses.
///
/// # Errors
/// `Fail`: there is another handler, or `listen` says no. Nothing has changed then.
pub fn install(handler: FaultHandler, listen: impl FnOnce() -> bool) -> Result {
    let mine = handler as usize;
    match HANDLER.compare_exchange(0, mine, Ordering::AcqRel, Ordering::Acquire) {
        Ok(_) => {}
        Err(there) if there == mine => return Ok(()),
        Err(_) => return Err(Res::Fail), // one per process
    }
    if listen() {
        return Ok(());
    }
    HANDLER.store(0, Ordering::Release);
    Err(Res::Fail)
}

/// The library's handler, if it is installed.
pub fn handler() -> Option<FaultHandler> {
    match HANDLER.load(Ordering::Acquire) {
        0 => None,
        // SAFETY: `install` stored such a function.
        f => Some(unsafe { core::mem::transmute::<usize, FaultHandler>(f) }),
    }
}
