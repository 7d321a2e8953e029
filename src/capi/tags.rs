//! Scanning words that have tags, and roots of such words.

use super::root::{create, splits};
use super::scan::{area, mps_scan_area_tagged};
use super::{Handle, need};
use crate::base::addr::{Addr, Size, WORD};
use crate::base::res::Res;
use crate::base::sets::Rank;
use crate::object::scan::ScanState;
use crate::seam::client::{AreaScan, ScanTag};
use crate::trace::root::RootKind;
use core::ffi::c_void;

#[unsafe(no_mangle)]
pub unsafe extern "C" fn mps_scan_area_masked(
    ss: *mut c_void,
    base: Addr,
    limit: Addr,
    tag: *mut c_void,
) -> i32 {
    // SAFETY: a scan state of ours, handed on by the client; the closure is a tag.
    let (ss, tag) = unsafe { (&*ss.cast::<ScanState>(), *tag.cast::<ScanTag>()) };
    area(ss, base, limit, |w| Some((w & !tag.mask, w & tag.mask)))
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn mps_scan_area_tagged_or_zero(
    ss: *mut c_void,
    base: Addr,
    limit: Addr,
    tag: *mut c_void,
) -> i32 {
    // SAFETY: as above.
    let (ss, tag) = unsafe { (&*ss.cast::<ScanState>(), *tag.cast::<ScanTag>()) };
    area(ss, base, limit, |w| {
        let bits = w & tag.mask;
        if bits == tag.pattern || bits == 0 { Some((w & !tag.mask, bits)) } else { None }
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn mps_root_create_table_masked(
    root_o: *mut Handle,
    arena: Handle,
    rank: u32,
    mode: u32,
    base: Addr,
    count: Size,
    mask: usize,
) -> i32 {
    let limit = base.add(count.saturating_mul(WORD));
    let scan = mps_scan_area_tagged;
    let tag = ScanTag { mask, pattern: 0 };
    let kind = RootKind::AreaTagged { base, limit, scan, tag, splits: true };
    // SAFETY: as above.
    unsafe { create(root_o, arena, rank, mode, kind) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn mps_root_create_area_tagged(
    root_o: *mut Handle,
    arena: Handle,
    rank: u32,
    mode: u32,
    base: Addr,
    limit: Addr,
    scan: Option<AreaScan>,
    mask: usize,
    pattern: usize,
) -> i32 {
    crate::aver_client!(scan.is_some(), "area scanning function is not null", Res::Param.code());
    let Some(scan) = scan else { return Res::Param.code() };
    let tag = ScanTag { mask, pattern };
    let kind = RootKind::AreaTagged { base, limit, scan, tag, splits: splits(scan) };
    // SAFETY: as above.
    unsafe { create(root_o, arena, rank, mode, kind) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn mps_root_create_thread_tagged(
    root_o: *mut Handle,
    arena: Handle,
    rank: u32,
    mode: u32,
    thread: Handle,
    scan: Option<AreaScan>,
    mask: usize,
    pattern: usize,
    cold: Addr,
) -> i32 {
    let thread = need!(thread_of(thread), "thread is valid", Res::Param.code());
    crate::aver_client!(scan.is_some(), "area scanning function is not null", Res::Param.code());
    crate::aver_client!(
        rank == Rank::Ambig as u32,
        "rank of a thread root is ambiguous",
        Res::Param.code()
    );
    let Some(scan) = scan else { return Res::Param.code() };
    let tag = ScanTag { mask, pattern };
    // SAFETY: as above.
    unsafe { create(root_o, arena, rank, mode, RootKind::StackTagged { thread, cold, scan, tag }) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn mps_root_create_thread_scanned(
    root_o: *mut Handle,
    arena: Handle,
    rank: u32,
    mode: u32,
    thread: Handle,
    scan: Option<AreaScan>,
    closure: *mut c_void,
    cold: Addr,
) -> i32 {
    let thread = need!(thread_of(thread), "thread is valid", Res::Param.code());
    crate::aver_client!(scan.is_some(), "area scanning function is not null", Res::Param.code());
    crate::aver_client!(
        rank == Rank::Ambig as u32,
        "rank of a thread root is ambiguous",
        Res::Param.code()
    );
    let Some(scan) = scan else { return Res::Param.code() };
    // SAFETY: as above.
    unsafe { create(root_o, arena, rank, mode, RootKind::Stack { thread, cold, scan, closure }) }
}
