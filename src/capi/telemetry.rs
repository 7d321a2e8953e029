//! Telemetry: callable before there is an arena, and by any thread.

use crate::base::addr::Addr;
use crate::seam::event::{self, Category, EventKind, LONGEST};
use core::ffi::c_char;

#[unsafe(no_mangle)]
pub extern "C" fn mps_telemetry_get() -> usize {
    event::filter()
}

#[unsafe(no_mangle)]
pub extern "C" fn mps_telemetry_set(mask: usize) {
    event::set(mask);
}

#[unsafe(no_mangle)]
pub extern "C" fn mps_telemetry_reset(mask: usize) {
    event::reset(mask);
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn mps_telemetry_intern(text: *const c_char) -> usize {
    crate::aver_client!(!text.is_null(), "string to be interned is not null", 0);
    // SAFETY: a string of the client's, so there is a byte as long as none before
    // was NUL.
    let len = (0..=LONGEST).find(|i| unsafe { text.add(*i).read() } == 0);
    crate::aver_client!(len.is_some(), "string to be interned has at most 255 characters", 0);
    // SAFETY: that many bytes were just read.
    event::intern(unsafe { core::slice::from_raw_parts(text.cast(), len.unwrap_or(0)) })
}

#[unsafe(no_mangle)]
pub extern "C" fn mps_telemetry_label(a: Addr, label: usize) {
    event::event(Category::User, EventKind::Label, &[a.0, label]);
}

#[unsafe(no_mangle)]
pub extern "C" fn mps_telemetry_flush() {
    event::flush();
}

#[cfg(feature = "snapshot")]
#[unsafe(no_mangle)]
pub extern "C" fn mps_x_heap_snapshot(arena: super::Handle) -> i32 {
    use crate::base::res::{Res, code_of};
    let m = super::need!(mpm_of(arena), "arena is valid", Res::Param.code());
    code_of(crate::mpm::Mpm::snapshot(m))
}
