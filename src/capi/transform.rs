//! Transforms.

use super::{Handle, give, need};
use crate::base::addr::Addr;
use crate::base::res::{Res, code_of};
use crate::mpm::Mpm;

#[unsafe(no_mangle)]
pub unsafe extern "C" fn mps_transform_create(transform_o: *mut Handle, arena: Handle) -> i32 {
    let m = need!(mpm_of(arena), "arena is valid", Res::Param.code());
    crate::aver_client!(!transform_o.is_null(), "transform_o is not null", Res::Param.code());
    let made = Mpm::enter(m, |m| m.new_transform());
    // SAFETY: not null, the client's.
    unsafe { give(transform_o, made.map(|t| t.as_ptr().cast())) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn mps_transform_add_oldnew(
    transform: Handle,
    old: *const Addr,
    new: *const Addr,
    count: usize,
) -> i32 {
    let t = need!(transform_of(transform), "transform is valid", Res::Param.code());
    let given = count == 0 || !old.is_null() && !new.is_null();
    crate::aver_client!(given, "lists of old and new references are not null", Res::Param.code());
    Mpm::enter(super::instance(t.instance), |m| {
        // SAFETY: the client's lists.
        code_of(unsafe { m.transform_add(t, old, new, count) })
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn mps_transform_apply(applied_o: *mut i32, transform: Handle) -> i32 {
    let t = need!(transform_of(transform), "transform is valid", Res::Param.code());
    crate::aver_client!(!applied_o.is_null(), "applied_o is not null", Res::Param.code());
    let done = Mpm::enter(super::instance(t.instance), |m| m.transform_apply(t));
    // SAFETY: not null, the client's.
    unsafe { give(applied_o, done.map(i32::from)) }
}

#[unsafe(no_mangle)]
pub extern "C" fn mps_transform_destroy(transform: Handle) {
    let t = need!(transform_of(transform), "transform is valid", ());
    Mpm::enter(super::instance(t.instance), |m| {
        // SAFETY: the client says that nobody uses it any more.
        unsafe { m.transform_destroy(t) }
    });
}
