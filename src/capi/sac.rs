//! Segregated allocation caches. The client sees to it that one thread at a time uses a
//! cache.

use super::{Handle, give, need};
use crate::base::addr::{Addr, Size};
use crate::base::check::Sig;
use crate::base::ptr::P;
use crate::base::res::{Res, Result};
use crate::mpm::Mpm;
use crate::object::sac::{Sac, SizeClass, SizeClasses};

fn instance_of(s: P<Sac>) -> P<Mpm> {
    super::instance(s.pool.cx.instance.get())
}

/// The cache behind a handle, if it is one.
pub(crate) fn sac_of(h: Handle) -> Option<P<Sac>> {
    if h.is_null() || !(h as usize).is_multiple_of(align_of::<usize>()) {
        return None;
    }
    // SAFETY: a client's handle: from us, or caught by the signature if it can
    // be read at all.
    let s: P<Sac> = unsafe { P::from_raw(Sac::of_public(Addr(h as usize)).ptr()) }?;
    (s.sig.get() == Sig::SAC).then_some(s)
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn mps_sac_create(
    sac_o: *mut Handle,
    pool: Handle,
    count: Size,
    classes: *const SizeClass,
) -> i32 {
    let p = need!(pool_of(pool), "pool is valid", Res::Param.code());
    crate::aver_client!(!sac_o.is_null(), "sac_o is not null", Res::Param.code());
    crate::aver_client!(
        count != 0 && !classes.is_null(),
        "cache has at least one class",
        Res::Param.code()
    );
    // SAFETY: the client's array.
    let classes = unsafe { SizeClasses::new(classes, count) };
    crate::aver_client!(
        classes.are_good(p.align.get()),
        "cache classes are ascending multiples of the alignment, with room for a pointer",
        Res::Param.code()
    );
    let made =
        Mpm::enter(super::instance(p.cx.instance.get()), |m| Sac::create(&m.cx.arena, p, &classes));
    // SAFETY: not null, the client's.
    unsafe { give(sac_o, made.map(|s| Sac::public(s).ptr())) }
}

#[unsafe(no_mangle)]
pub extern "C" fn mps_sac_destroy(sac: Handle) {
    let s = need!(sac_of(sac), "cache is valid", ());
    flush(s);
    // SAFETY: the client won't use it any more.
    Mpm::enter(instance_of(s), |m| unsafe { Sac::destroy(s, &m.cx.arena) });
}

#[unsafe(no_mangle)]
pub extern "C" fn mps_sac_flush(sac: Handle) {
    let s = need!(sac_of(sac), "cache is valid", ());
    flush(s);
}

fn flush(s: P<Sac>) {
    while let Some((a, size)) = s.take_any() {
        // Reported there, if it is not good.
        let _ = Mpm::free(instance_of(s), s.pool, a, size);
    }
}

/// A block from the cache; or one from the pool, and some more for the cache.
fn fill(s: P<Sac>, size: Size) -> Result<Addr> {
    let (list, size) = s.get().list(size);
    // The functions come here first. The macros come with an empty list, but in the debug
    // archive they are shown empty lists though there are blocks.
    if let Some(a) = s.take(list, size) {
        return Ok(a);
    }
    let a = Mpm::alloc(instance_of(s), s.pool, size)?;
    for _ in 0..list.batch() {
        let Ok(more) = Mpm::alloc(instance_of(s), s.pool, size) else { break };
        // SAFETY: a fresh block of that size.
        if unsafe { s.put(list, more, size) } != Ok(true) {
            let _ = Mpm::free(instance_of(s), s.pool, more, size);
            break;
        }
    }
    Ok(a)
}

/// Puts a block into the cache; if that is full, some go back to the pool before.
fn empty(s: P<Sac>, a: Addr, size: Size) {
    let (list, size) = s.get().list(size);
    // SAFETY: the client's no more, says the client.
    if unsafe { s.put(list, a, size) } != Ok(false) {
        return;
    }
    for _ in 0..list.batch() {
        let Some(old) = s.take(list, size) else { break };
        let _ = Mpm::free(instance_of(s), s.pool, old, size);
    }
    // SAFETY: as above.
    if unsafe { s.put(list, a, size) } == Ok(false) {
        let done = Mpm::free(instance_of(s), s.pool, a, size);
        crate::aver_client!(done != Err(Res::Unimpl), "pool class supports mps_free", ());
    }
}

/// The size of a block that can be asked for.
fn is_size(size: Size) -> bool {
    size != 0 && size <= isize::MAX as Size
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn mps_sac_fill(
    p_o: *mut Addr,
    sac: Handle,
    size: Size,
    _unused: i32,
) -> i32 {
    let s = need!(sac_of(sac), "cache is valid", Res::Param.code());
    crate::aver_client!(!p_o.is_null(), "p_o is not null", Res::Param.code());
    crate::aver_client!(is_size(size), "size to allocate is positive", Res::Param.code());
    let got = fill(s, size);
    crate::aver_client!(
        got != Err(Res::Unimpl),
        "pool class supports mps_alloc",
        Res::Unimpl.code()
    );
    // SAFETY: not null, the client's.
    unsafe { give(p_o, got) }
}

#[unsafe(no_mangle)]
pub extern "C" fn mps_sac_empty(sac: Handle, p: Addr, size: Size) {
    let s = need!(sac_of(sac), "cache is valid", ());
    crate::aver_client!(!p.is_null(), "block to free is not null", ());
    crate::aver_client!(is_size(size), "size to free is positive", ());
    empty(s, p, size);
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn mps_sac_alloc(
    p_o: *mut Addr,
    sac: Handle,
    size: Size,
    unused: i32,
) -> i32 {
    // SAFETY: as for ourselves.
    unsafe { mps_sac_fill(p_o, sac, size, unused) }
}

#[unsafe(no_mangle)]
pub extern "C" fn mps_sac_free(sac: Handle, p: Addr, size: Size) {
    mps_sac_empty(sac, p, size);
}
