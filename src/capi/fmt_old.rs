//! The older ways to make a format: by a structure for each variant.

use super::Handle;
use super::fmt::create;
use crate::base::addr::Size;
use crate::object::format::Methods;
use crate::seam::client::{FmtClass, FmtFwd, FmtIsFwd, FmtPad, FmtScan, FmtSkip};

/// The head of `mps_fmt_A_s` and `mps_fmt_B_s`.
#[repr(C)]
pub struct FmtA {
    align: Size,
    scan: Option<FmtScan>,
    skip: Option<FmtSkip>,
    copy: Option<FmtFwd>,
    fwd: Option<FmtFwd>,
    isfwd: Option<FmtIsFwd>,
    pad: Option<FmtPad>,
}

/// `mps_fmt_B_s`.
#[repr(C)]
pub struct FmtB {
    a: FmtA,
    class: Option<FmtClass>,
}

/// `mps_fmt_auto_header_s`.
#[repr(C)]
pub struct FmtAutoHeader {
    align: Size,
    scan: Option<FmtScan>,
    skip: Option<FmtSkip>,
    fwd: Option<FmtFwd>,
    isfwd: Option<FmtIsFwd>,
    pad: Option<FmtPad>,
    header: Size,
}

/// `mps_fmt_fixed_s`.
#[repr(C)]
pub struct FmtFixed {
    align: Size,
    scan: Option<FmtScan>,
    fwd: Option<FmtFwd>,
    isfwd: Option<FmtIsFwd>,
    pad: Option<FmtPad>,
}

fn methods(
    align: Size,
    scan: Option<FmtScan>,
    skip: Option<FmtSkip>,
    fwd: Option<FmtFwd>,
    isfwd: Option<FmtIsFwd>,
    pad: Option<FmtPad>,
) -> Methods {
    let d = Methods::default();
    Methods {
        align,
        scan: scan.unwrap_or(d.scan),
        skip: skip.unwrap_or(d.skip),
        fwd: fwd.unwrap_or(d.fwd),
        isfwd: isfwd.unwrap_or(d.isfwd),
        pad: pad.unwrap_or(d.pad),
        ..d
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn mps_fmt_create_A(
    fmt_o: *mut Handle,
    arena: Handle,
    f: *const FmtA,
) -> i32 {
    // SAFETY: the client's structure.
    let f = unsafe { &*f };
    let m = methods(f.align, f.scan, f.skip, f.fwd, f.isfwd, f.pad);
    // SAFETY: as for ourselves.
    unsafe { create(fmt_o, arena, m) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn mps_fmt_create_B(
    fmt_o: *mut Handle,
    arena: Handle,
    f: *const FmtB,
) -> i32 {
    // SAFETY: the client's structure.
    let f = unsafe { &*f };
    let a = &f.a;
    let mut m = methods(a.align, a.scan, a.skip, a.fwd, a.isfwd, a.pad);
    m.class = f.class.unwrap_or(m.class);
    // SAFETY: as for ourselves.
    unsafe { create(fmt_o, arena, m) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn mps_fmt_create_auto_header(
    fmt_o: *mut Handle,
    arena: Handle,
    f: *const FmtAutoHeader,
) -> i32 {
    // SAFETY: the client's structure.
    let f = unsafe { &*f };
    let mut m = methods(f.align, f.scan, f.skip, f.fwd, f.isfwd, f.pad);
    m.header = f.header;
    // SAFETY: as for ourselves.
    unsafe { create(fmt_o, arena, m) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn mps_fmt_create_fixed(
    fmt_o: *mut Handle,
    arena: Handle,
    f: *const FmtFixed,
) -> i32 {
    // SAFETY: the client's structure.
    let f = unsafe { &*f };
    let m = methods(f.align, f.scan, None, f.fwd, f.isfwd, f.pad);
    // SAFETY: as for ourselves.
    unsafe { create(fmt_o, arena, m) }
}
