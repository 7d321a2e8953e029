//! The client's side: the functions it gives us, as C declares them.

use crate::base::addr::{Addr, Size};
use core::ffi::c_void;

/// `mps_res_t`.
pub type ResCode = i32;

/// `mps_fmt_scan_t`.
pub type FmtScan = unsafe extern "C" fn(*mut c_void, Addr, Addr) -> ResCode;
/// `mps_x_fmt_scan_part_t`.
pub type FmtScanPart = unsafe extern "C" fn(*mut c_void, Addr, Addr, Addr) -> ResCode;
/// `mps_fmt_skip_t`.
pub type FmtSkip = unsafe extern "C" fn(Addr) -> Addr;
/// `mps_fmt_fwd_t`.
pub type FmtFwd = unsafe extern "C" fn(Addr, Addr);
/// `mps_fmt_isfwd_t`.
pub type FmtIsFwd = unsafe extern "C" fn(Addr) -> Addr;
/// `mps_fmt_pad_t`.
pub type FmtPad = unsafe extern "C" fn(Addr, usize);
/// `mps_fmt_class_t`.
pub type FmtClass = unsafe extern "C" fn(Addr) -> Addr;
/// `mps_root_scan_t`.
pub type RootScan = unsafe extern "C" fn(*mut c_void, *mut c_void, usize) -> ResCode;
/// `mps_area_scan_t`.
pub type AreaScan = unsafe extern "C" fn(*mut c_void, Addr, Addr, *mut c_void) -> ResCode;
/// `mps_reg_scan_t`.
pub type RegScan = unsafe extern "C" fn(*mut c_void, *mut c_void, *mut c_void, usize) -> ResCode;
/// `mps_arena_extended_t` and `mps_arena_contracted_t`.
pub type ArenaCallback = unsafe extern "C" fn(*mut c_void, Addr, usize);
/// `mps_roots_stepper_t`.
pub type RootsStepper = unsafe extern "C" fn(*mut Addr, *mut c_void, *mut c_void, usize);
/// `mps_formatted_objects_stepper_t`.
pub type ObjectsStepper = unsafe extern "C" fn(Addr, *mut c_void, *mut c_void, *mut c_void, usize);
/// `mps_amc_apply_stepper_t`.
pub type ApplyStepper = unsafe extern "C" fn(Addr, *mut c_void, usize);

/// `mps_awl_find_dependent_t`.
pub type FindDependent = unsafe extern "C" fn(Addr) -> Addr;

/// `MPS_PF_ALIGN`: the platform's natural alignment for clients.
pub const PF_ALIGN: usize = size_of::<usize>() * if cfg!(microsoft_abi) { 2 } else { 1 };

/// `mps_pool_debug_option_s`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct DebugOptions {
    /// What fences are made of; not looked at if the size is 0.
    pub fence: *const u8,
    /// Bytes of that.
    pub fence_size: Size,
    /// What free memory is painted with; not looked at if the size is 0.
    pub free: *const u8,
    /// Bytes of that.
    pub free_size: Size,
}

/// `mps_scan_tag_s`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ScanTag {
    /// The bits to look at.
    pub mask: usize,
    /// What they are in a reference.
    pub pattern: usize,
}
