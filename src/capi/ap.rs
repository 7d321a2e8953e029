//! Allocation points.

use super::{Handle, give, need};
use crate::base::addr::{Addr, Size, size_up_checked};
use crate::base::ptr::P;
use crate::base::res::Res;
use crate::mpm::Mpm;
use crate::object::buffer::{self, Buffer};
use crate::seam::args::{Arg, Args};
use core::sync::atomic::{Ordering, compiler_fence};

pub(super) fn instance_of(ap: P<Buffer>) -> P<Mpm> {
    super::instance(ap.pool.cx.instance.get())
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn mps_ap_create_k(ap_o: *mut Handle, pool: Handle, list: *mut Arg) -> i32 {
    let p = need!(pool_of(pool), "pool is valid", Res::Param.code());
    crate::aver_client!(!ap_o.is_null(), "ap_o is not null", Res::Param.code());
    // SAFETY: the client's argument list.
    let mut a = unsafe { Args::new(list) };
    let made = Mpm::enter_for(super::instance(p.cx.instance.get()), p, |m| m.new_ap(p, &mut a));
    crate::aver_client!(
        !matches!(made, Err(Res::Unimpl)),
        "pool class has allocation points",
        Res::Unimpl.code()
    );
    // SAFETY: not null, the client's.
    unsafe { give(ap_o, made.map(|b| b.as_ptr().cast())) }
}

#[unsafe(no_mangle)]
pub extern "C" fn mps_ap_destroy(ap: Handle) {
    let b = need!(ap_of(ap), "allocation point is valid", ());
    crate::aver_client!(
        !b.get().is_reserved(),
        "allocation point being destroyed has no block reserved",
        ()
    );
    // SAFETY: nothing is reserved; the client says that nobody uses it any more.
    unsafe { Mpm::finish_ap(instance_of(b), b) };
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn mps_ap_fill(p_o: *mut Addr, ap: Handle, size: Size) -> i32 {
    // The fast way makes no call, so that it is a few loads and stores. The slow way
    // reports wrong arguments.
    if let Some(b) = super::ap_of(ap).filter(|_| !p_o.is_null()) {
        let a = buffer::fill_from_magazine(b, size);
        if !a.is_null() {
            // SAFETY: not null, the client's.
            unsafe { p_o.write(a) };
            return Res::OK;
        }
    }
    // SAFETY: as for ourselves.
    unsafe { fill_slowly(p_o, ap, size) }
}

/// The slow way of `mps_ap_fill`. Not inlined, to keep the fast way short.
#[cold]
#[inline(never)]
unsafe fn fill_slowly(p_o: *mut Addr, ap: Handle, size: Size) -> i32 {
    let b = need!(ap_of(ap), "allocation point is valid", Res::Param.code());
    crate::aver_client!(!p_o.is_null(), "p_o is not null", Res::Param.code());
    let a = buffer::fill_for_rest(b, size);
    if !a.is_null() {
        // SAFETY: not null, the client's.
        unsafe { p_o.write(a) };
        return Res::OK;
    }
    crate::aver_client!(
        size != 0 && size_up_checked(size, b.pool.cx.arena.grain()).is_some(),
        "size reserved is positive",
        Res::Param.code()
    );
    crate::aver_client!(
        size & b.pool.align.get().wrapping_sub(1) == 0,
        "size reserved is a multiple of the pool's alignment",
        Res::Param.code()
    );
    crate::aver_client!(
        !b.get().is_reserved(),
        "allocation point has no block reserved already",
        Res::Param.code()
    );
    let got = if b.pool.own_lock {
        Mpm::fill_outside(instance_of(b), b, size)
    } else {
        Mpm::enter(instance_of(b), |m| m.fill(b, size))
    };
    // SAFETY: not null, the client's.
    unsafe { give(p_o, got) }
}

#[unsafe(no_mangle)]
pub extern "C" fn mps_ap_trip(ap: Handle, _p: Addr, _size: Size) -> i32 {
    let b = need!(ap_of(ap), "allocation point is valid", 0);
    crate::aver_client!(
        b.limit.get().is_null() && !b.get().is_reserved(),
        "mps_ap_trip is called by mps_commit only",
        0
    );
    Mpm::enter(instance_of(b), |_| buffer::trip(b)) as i32
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn mps_reserve(p_o: *mut Addr, ap: Handle, size: Size) -> i32 {
    let b = need!(ap_of(ap), "allocation point is valid", Res::Param.code());
    let end = b.alloc.get().add(size);
    let limit = b.limit.get();
    if end > b.alloc.get() && end <= limit && size & (b.pool.align.get() - 1) == 0 {
        b.alloc.set(end);
        // SAFETY: the client's.
        unsafe { p_o.write(b.init.get()) };
        return Res::OK;
    }
    // SAFETY: as for ourselves.
    unsafe { mps_ap_fill(p_o, ap, size) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn mps_commit(ap: Handle, p: Addr, size: Size) -> i32 {
    let b = need!(ap_of(ap), "allocation point is valid", 0);
    crate::aver_client!(
        p == b.init.get() && p.add(size) == b.alloc.get(),
        "the block committed is the one reserved",
        0
    );
    b.init.set(b.alloc.get());
    // A flip between the two must be seen: the order is the protocol.
    compiler_fence(Ordering::SeqCst);
    if b.limit.get().is_null() {
        return mps_ap_trip(ap, p, size);
    }
    1
}
