//! Object formats.

use super::{Handle, give, need};
use crate::base::check::Sig;
use crate::base::res::Res;
use crate::mpm::Mpm;
use crate::object::format::{Format, Methods};
use crate::seam::args::{self, Arg, Args};
use crate::seam::client::{FmtClass, FmtFwd, FmtIsFwd, FmtPad, FmtScan, FmtScanPart, FmtSkip};
use core::ffi::c_void;

/// A method from an argument; null and absent mean the default.
macro_rules! method {
    ($a:ident, $key:ident, $slot:expr, $ty:ty) => {
        let p = $a.pointer(&args::$key).unwrap_or(core::ptr::null_mut());
        // SAFETY: the key's value is a function of this type, or null.
        let f = unsafe { core::mem::transmute::<*mut c_void, Option<$ty>>(p) };
        if let Some(f) = f {
            $slot = f;
        }
    };
}

/// Makes a format.
///
/// # Safety
/// `fmt_o` is null or has room for a handle, and the methods are good.
pub(super) unsafe fn create(fmt_o: *mut Handle, arena: Handle, m: Methods) -> i32 {
    let i = need!(mpm_of(arena), "arena is valid", Res::Param.code());
    crate::aver_client!(!fmt_o.is_null(), "fmt_o is not null", Res::Param.code());
    crate::aver_client!(
        m.align.is_power_of_two(),
        "format alignment is a power of two",
        Res::Param.code()
    );
    crate::aver_client!(
        m.header & m.align.wrapping_sub(1) == 0,
        "format header size is a multiple of the alignment",
        Res::Param.code()
    );
    let made = Mpm::enter(i, |e| {
        let f = e.cx.arena.control_new(Format::new(i.addr().0, m))?;
        e.formats.push_back(f);
        Ok(f)
    });
    // SAFETY: not null, the client's.
    unsafe { give(fmt_o, made.map(|f| f.as_ptr().cast())) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn mps_fmt_create_k(
    fmt_o: *mut Handle,
    arena: Handle,
    list: *mut Arg,
) -> i32 {
    // SAFETY: the client's argument list.
    let mut a = unsafe { Args::new(list) };
    let mut m = Methods::default();
    m.align = a.size(&args::_mps_key_FMT_ALIGN).unwrap_or(m.align);
    m.header = a.size(&args::_mps_key_FMT_HEADER_SIZE).unwrap_or(0);
    method!(a, _mps_key_FMT_SCAN, m.scan, FmtScan);
    method!(a, _mps_key_FMT_SKIP, m.skip, FmtSkip);
    method!(a, _mps_key_FMT_FWD, m.fwd, FmtFwd);
    method!(a, _mps_key_FMT_ISFWD, m.isfwd, FmtIsFwd);
    method!(a, _mps_key_FMT_PAD, m.pad, FmtPad);
    method!(a, _mps_key_FMT_CLASS, m.class, FmtClass);
    let part = a.pointer(&args::_mps_key_x_FMT_SCAN_PART).unwrap_or(core::ptr::null_mut());
    // SAFETY: the key's value is a function of this type, or null.
    m.part = unsafe { core::mem::transmute::<*mut c_void, Option<FmtScanPart>>(part) };
    // SAFETY: as for ourselves.
    unsafe { create(fmt_o, arena, m) }
}

#[unsafe(no_mangle)]
pub extern "C" fn mps_fmt_destroy(fmt: Handle) {
    let f = need!(fmt_of(fmt), "format is valid", ());
    crate::aver_client!(f.users.get() == 0, "format being destroyed is used by no pool", ());
    Mpm::enter(super::instance(f.instance), |m| {
        f.sig.set(Sig::DEAD);
        m.formats.remove(f);
        // SAFETY: nobody uses it any more.
        unsafe { m.cx.arena.control_drop(f) };
    });
}
