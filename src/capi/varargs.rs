//! What `varargs.c` needs to know about classes.

use super::Handle;
use crate::base::check::Sig;
use crate::object::pool::ClassHandle;
use core::ffi::c_char;

fn letters(s: &'static str) -> *const c_char {
    s.as_ptr().cast()
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn mps_int_pool_values(class: *const ClassHandle) -> *const c_char {
    // SAFETY: a class handle, or null.
    match unsafe { class.as_ref() } {
        Some(c) if c.sig == Sig::CLASS => letters(c.class.values()),
        _ => core::ptr::null(),
    }
}

#[unsafe(no_mangle)]
pub extern "C" fn mps_int_ap_values(pool: Handle) -> *const c_char {
    match super::pool_of(pool) {
        Some(p) => letters(p.class.ap_values()),
        None => core::ptr::null(),
    }
}

/// # Safety
/// There is room for a double at `out`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mps_int_percentage(out: *mut f64, percent: usize) {
    // SAFETY: as the caller says.
    unsafe { out.write(percent as f64 / 100.0) };
}
