//! Pools and their classes.

use super::{Handle, give, need};
use crate::base::addr::{Addr, Size};
use crate::base::check::Sig;
use crate::base::ptr::P;
use crate::base::res::Res;
use crate::mpm::Mpm;
use crate::object::pool::{ClassHandle, Pool};
use crate::pools;
use crate::seam::args::{self, Arg, Args};

macro_rules! classes {
    ($($(#[$if:meta])* $getter:ident $handle:ident $class:expr;)*) => {$(
        $(#[$if])*
        static $handle: ClassHandle = ClassHandle::new($class);
        $(#[$if])*
        #[unsafe(no_mangle)]
        pub extern "C" fn $getter() -> *const ClassHandle {
            &$handle
        }
    )*};
}

classes! {
    #[cfg(feature = "pool-amc")]
    mps_class_amc AMC &pools::amc::AMC;
    #[cfg(feature = "pool-amc")]
    mps_class_amcz AMCZ &pools::amc::AMCZ;
    #[cfg(feature = "pool-mfs")]
    mps_class_mfs MFS &pools::manual::mfs::MFS;
    #[cfg(feature = "pool-mvff")]
    mps_class_mvff MVFF &pools::manual::mvff::MVFF;
    #[cfg(all(feature = "pool-mvff", feature = "debug-classes"))]
    mps_class_mvff_debug MVFF_DEBUG &pools::manual::debug::MVFF_DEBUG;
    #[cfg(feature = "pool-mvff")]
    mps_class_mvt MVT &pools::manual::mvt::MVT;
    #[cfg(feature = "pool-ams")]
    mps_class_ams AMS &pools::marksweep::AMS;
    #[cfg(all(feature = "pool-ams", feature = "debug-classes"))]
    mps_class_ams_debug AMS_DEBUG &pools::marksweep::AMS_DEBUG;
    #[cfg(feature = "pool-ams")]
    mps_class_awl AWL &pools::marksweep::AWL;
    #[cfg(feature = "ephemerons")]
    mps_class_awl0 AWL0 &pools::marksweep::AWL0;
    #[cfg(feature = "ephemerons")]
    mps_class_aeph AEPH &pools::marksweep::AEPH;
    #[cfg(feature = "pool-ams")]
    mps_class_lo LO &pools::marksweep::LO;
    #[cfg(feature = "pool-snc")]
    mps_class_snc SNC &pools::snc::SNC;
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn mps_pool_create_k(
    pool_o: *mut Handle,
    arena: Handle,
    class: *const ClassHandle,
    list: *mut Arg,
) -> i32 {
    let m = need!(mpm_of(arena), "arena is valid", Res::Param.code());
    crate::aver_client!(!pool_o.is_null(), "pool_o is not null", Res::Param.code());
    // SAFETY: a class handle, or null.
    let class = unsafe { class.as_ref() };
    let Some(class) = class.filter(|c| c.sig == Sig::CLASS) else {
        crate::aver_client!(false, "pool class is valid", Res::Param.code());
        return Res::Param.code();
    };
    // SAFETY: the client's argument list.
    let mut a = unsafe { Args::new(list) };
    let format = a.pointer(&args::_mps_key_FORMAT);
    crate::aver_client!(
        format.is_some() || !class.class.needs_format(),
        "MPS_KEY_FORMAT is given for a pool class that needs it",
        Res::Param.code()
    );
    let format = match format {
        Some(f) if class.class.needs_format() => {
            Some(need!(fmt_of(f), "MPS_KEY_FORMAT is a format", Res::Param.code()))
        }
        _ => None,
    };
    if let Some(f) = format {
        crate::aver_client!(
            f.instance == m.addr().0,
            "format belongs to the arena",
            Res::Param.code()
        );
    }
    let made = Mpm::enter(m, |m| m.new_pool(class, format, &mut a));
    // SAFETY: not null, the client's.
    unsafe { give(pool_o, made.map(|p: P<_>| p.as_ptr().cast())) }
}

#[unsafe(no_mangle)]
pub extern "C" fn mps_pool_destroy(pool: Handle) {
    let p = need!(pool_of(pool), "pool is valid", ());
    crate::aver_client!(p.buffers.is_empty(), "pool being destroyed has no allocation points", ());
    Mpm::enter(super::instance(p.cx.instance.get()), |m| {
        // SAFETY: it has no allocation points; the client says that nobody uses it.
        unsafe { m.pool_destroy(p) }
    });
}

#[unsafe(no_mangle)]
pub extern "C" fn mps_pool_total_size(pool: Handle) -> Size {
    let p = need!(pool_of(pool), "pool is valid", 0);
    Mpm::enter_for(super::instance(p.cx.instance.get()), p, |_| p.class.total_size(p))
}

#[unsafe(no_mangle)]
pub extern "C" fn mps_pool_free_size(pool: Handle) -> Size {
    let p = need!(pool_of(pool), "pool is valid", 0);
    Mpm::enter_for(super::instance(p.cx.instance.get()), p, |_| p.class.free_size(p))
}

/// A size this close to the largest number, or closer, is taken for a negative number that a
/// client has passed by mistake: 1 GB, or 16 MB where a word has 32 bits. A guess.
const NEGATIVE: Size = if Size::BITS > 32 { 1 << 30 } else { 1 << 24 };

#[unsafe(no_mangle)]
pub unsafe extern "C" fn mps_alloc(p_o: *mut Addr, pool: Handle, size: Size) -> i32 {
    let p = need!(pool_of(pool), "pool is valid", Res::Param.code());
    crate::aver_client!(!p_o.is_null(), "p_o is not null", Res::Param.code());
    crate::aver_client!(
        // A negative number, or one that can't be rounded up.
        size.wrapping_sub(1) < Size::MAX - NEGATIVE,
        "size to allocate is positive",
        Res::Param.code()
    );
    let a = p.class.quick_alloc(p, size);
    if !a.is_null() {
        // SAFETY: not null, the client's.
        unsafe { p_o.write(a) };
        return Res::OK;
    }
    // SAFETY: as above.
    unsafe { alloc_slowly(p_o, p, size) }
}

/// The slow way of `mps_alloc`. Not inlined, to keep the fast way short.
#[cold]
#[inline(never)]
unsafe fn alloc_slowly(p_o: *mut Addr, p: P<Pool>, size: Size) -> i32 {
    let got = Mpm::alloc(super::instance(p.cx.instance.get()), p, size);
    crate::aver_client!(
        got != Err(Res::Unimpl),
        "pool class supports mps_alloc",
        Res::Unimpl.code()
    );
    // SAFETY: not null, the client's.
    unsafe { give(p_o, got) }
}

#[unsafe(no_mangle)]
pub extern "C" fn mps_free(pool: Handle, base: Addr, size: Size) {
    let p = need!(pool_of(pool), "pool is valid", ());
    crate::aver_client!(size != 0 && size <= isize::MAX as Size, "size to free is positive", ());
    crate::aver_client!(!base.is_null(), "block to free is not null", ());
    if !p.class.quick_free(p, base, size) {
        free_slowly(p, base, size);
    }
}

#[cold]
#[inline(never)]
fn free_slowly(p: P<Pool>, base: Addr, size: Size) {
    let done = Mpm::free(super::instance(p.cx.instance.get()), p, base, size);
    crate::aver_client!(done != Err(Res::Unimpl), "pool class supports mps_free", ());
}
