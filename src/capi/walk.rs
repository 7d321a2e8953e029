//! Walking objects and roots.

use super::{Handle, need};
use crate::base::res::{Res, code_of};
use crate::mpm::Mpm;
use crate::seam::client::{ApplyStepper, AreaScan, ObjectsStepper, RootsStepper};
use core::ffi::c_void;

#[unsafe(no_mangle)]
pub unsafe extern "C" fn mps_pool_walk(pool: Handle, scan: AreaScan, closure: *mut c_void) -> i32 {
    let p = need!(pool_of(pool), "pool is valid", Res::Param.code());
    let m = super::instance(p.cx.instance.get());
    let done = Mpm::enter(m, |e| e.is_parked().then(|| e.walk_pool(p, scan, closure)));
    crate::aver_client!(done.is_some(), "arena is parked", Res::Param.code());
    code_of(done.unwrap_or(Ok(())))
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn mps_arena_formatted_objects_walk(
    arena: Handle,
    f: ObjectsStepper,
    p: *mut c_void,
    s: usize,
) {
    let m = need!(mpm_of(arena), "arena is valid", ());
    Mpm::enter(m, |e| {
        for pool in e.cx.pools.iter() {
            let fmt = pool.format.get().map_or(core::ptr::null_mut(), |f| f.as_ptr());
            e.walk_objects(pool, &mut |a| {
                // SAFETY: the client's stepper.
                unsafe { f(a, fmt.cast(), pool.as_ptr().cast(), p, s) }
            });
        }
    });
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn mps_amc_apply(pool: Handle, f: ApplyStepper, p: *mut c_void, s: usize) {
    let pool = need!(pool_of(pool), "pool is valid", ());
    let m = super::instance(pool.cx.instance.get());
    let walked = Mpm::enter(m, |e| {
        if e.is_parked() {
            e.walk_objects(pool, &mut |a| {
                // SAFETY: the client's stepper.
                unsafe { f(a, p, s) }
            });
        }
        e.is_parked()
    });
    crate::aver_client!(walked, "arena is parked", ());
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn mps_arena_roots_walk(
    arena: Handle,
    f: RootsStepper,
    p: *mut c_void,
    s: usize,
) {
    let m = need!(mpm_of(arena), "arena is valid", ());
    let walked = Mpm::enter(m, |e| e.is_parked().then(|| e.walk_roots(f, p, s)));
    crate::aver_client!(walked.is_some(), "arena is parked", ());
}
