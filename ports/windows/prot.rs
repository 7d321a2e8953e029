//! Protection, and the faults that come of it.
//!
//! A vectored handler sees each exception before the handlers of frames do. It takes the accesses
//! that the library says are its own. All else goes on to whoever is next: other vectored
//! handlers, those of frames (`__try`), the debugger. Stack overflow and the growth of stacks are
//! other exceptions, and none of ours.

use super::sys::{self, ExceptionPointers};
use crate::base::addr::{Addr, Size};
use crate::base::res::{Res, Result};
use crate::base::sets::AccessSet;
use crate::ports::faults;
use crate::seam::port::FaultHandler;

/// `Port::protect`. Memory that can't be read can't be written to either.
pub fn protect(base: Addr, size: Size, denied: AccessSet) -> Result {
    let mode = if denied.meets(AccessSet::READ) {
        sys::PAGE_NOACCESS
    } else if denied.meets(AccessSet::WRITE) {
        sys::PAGE_READONLY
    } else {
        sys::PAGE_READWRITE
    };
    let mut old = 0;
    // SAFETY: the range is ours and mapped.
    match unsafe { sys::VirtualProtect(base.0, size, mode, &mut old) } {
        0 => Err(Res::Memory),
        _ => Ok(()),
    }
}

/// `Port::install_faults`.
pub fn install(handler: FaultHandler) -> Result {
    faults::install(handler, || {
        // The handler is never taken off, for other instances may come. So a DLL that it is in
        // has to stay.
        let flags =
            sys::GET_MODULE_HANDLE_EX_FLAG_PIN | sys::GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS;
        let (here, mut module) = (on_exception as *const () as usize, 0);
        // SAFETY: an address in a module, and room for the module's handle.
        let pinned = unsafe { sys::GetModuleHandleExW(flags, here, &mut module) } != 0;
        // SAFETY: a handler that is there as long as the process.
        pinned && !unsafe { sys::AddVectoredExceptionHandler(1, on_exception) }.is_null()
    })
}

unsafe extern "system" fn on_exception(what: *mut ExceptionPointers) -> i32 {
    // SAFETY: the system passes both, good until we return.
    let record = unsafe { &*(*what).record };
    let &[access, address, ..] = &record.information;
    let write = match access {
        _ if record.code != sys::EXCEPTION_ACCESS_VIOLATION || record.count < 2 => None,
        sys::ACCESS_READ => Some(0),
        sys::ACCESS_WRITE => Some(1),
        _ => None,
    };
    let (Some(write), Some(handler)) = (write, faults::handler()) else {
        return sys::EXCEPTION_CONTINUE_SEARCH;
    };
    // SAFETY: this is what it is for.
    match sys::keeping_last_error(|| unsafe { handler(address, write) }) {
        0 => sys::EXCEPTION_CONTINUE_SEARCH,
        _ => sys::EXCEPTION_CONTINUE_EXECUTION,
    }
}
