//! Allocation frames and allocation patterns.

use super::ap::instance_of;
use super::{Handle, give, need};
use crate::base::addr::Addr;
use crate::base::res::Res;
use crate::mpm::Mpm;
use crate::object::cx::bump;

#[unsafe(no_mangle)]
pub unsafe extern "C" fn mps_ap_frame_push(frame_o: *mut Handle, ap: Handle) -> i32 {
    let b = need!(ap_of(ap), "allocation point is valid", Res::Param.code());
    crate::aver_client!(!frame_o.is_null(), "frame_o is not null", Res::Param.code());
    if b.get().is_reserved() {
        return Res::Fail.code();
    }
    let frame = Mpm::enter(instance_of(b), |_| b.pool.class.frame_push(b));
    // SAFETY: not null, the client's.
    unsafe { give(frame_o, frame.map(|f| f.ptr())) }
}

#[unsafe(no_mangle)]
pub extern "C" fn mps_ap_frame_pop(ap: Handle, frame: Handle) -> i32 {
    let b = need!(ap_of(ap), "allocation point is valid", Res::Param.code());
    if b.get().is_reserved() {
        return Res::Fail.code();
    }
    let done = Mpm::enter(instance_of(b), |_| b.pool.class.frame_pop(b, Addr(frame as usize)));
    crate::base::res::code_of(done)
}

/// What `mps_alloc_pattern_t` points to.
pub struct Pattern {
    collect_all: bool,
}
static RAMP: Pattern = Pattern { collect_all: false };
static RAMP_COLLECT_ALL: Pattern = Pattern { collect_all: true };

#[unsafe(no_mangle)]
pub extern "C" fn mps_alloc_pattern_ramp() -> *const Pattern {
    &RAMP
}

#[unsafe(no_mangle)]
pub extern "C" fn mps_alloc_pattern_ramp_collect_all() -> *const Pattern {
    &RAMP_COLLECT_ALL
}

fn pattern(p: *const Pattern) -> Option<bool> {
    let ours = core::ptr::eq(p, &RAMP) || core::ptr::eq(p, &RAMP_COLLECT_ALL);
    // SAFETY: one of our two.
    ours.then(|| unsafe { (*p).collect_all })
}

#[unsafe(no_mangle)]
pub extern "C" fn mps_ap_alloc_pattern_begin(ap: Handle, p: *const Pattern) -> i32 {
    let b = need!(ap_of(ap), "allocation point is valid", Res::Param.code());
    let Some(all) = pattern(p) else {
        crate::aver_client!(false, "allocation pattern is valid", Res::Param.code());
        return Res::Param.code();
    };
    Mpm::enter(instance_of(b), |_| {
        if b.ramps.get() == 0 {
            b.pool.class.ramp_begin(b);
        }
        bump(&b.ramps, 1);
        bump(&b.ramps_collect_all, all as usize);
    });
    Res::OK
}

#[unsafe(no_mangle)]
pub extern "C" fn mps_ap_alloc_pattern_end(ap: Handle, p: *const Pattern) -> i32 {
    let b = need!(ap_of(ap), "allocation point is valid", Res::Param.code());
    let Some(all) = pattern(p) else {
        crate::aver_client!(false, "allocation pattern is valid", Res::Param.code());
        return Res::Param.code();
    };
    Mpm::enter(instance_of(b), |m| {
        if b.ramps.get() == 0 {
            return Res::Fail.code();
        }
        b.ramps.set(b.ramps.get() - 1);
        if b.ramps.get() == 0 {
            b.pool.class.ramp_end(b);
            let due = all || b.ramps_collect_all.replace(0) != 0;
            if due {
                m.collect_soon();
            }
        }
        Res::OK
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn mps_ap_alloc_pattern_reset(ap: Handle) -> i32 {
    let b = need!(ap_of(ap), "allocation point is valid", Res::Param.code());
    Mpm::enter(instance_of(b), |m| m.ramp_reset(b));
    Res::OK
}
