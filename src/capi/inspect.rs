//! Looking into an arena: what is at an address, and what is left after a crash.

use super::{Handle, need};
use crate::base::addr::Addr;
use crate::base::res::Res;
use crate::mpm::Mpm;

/// Does not enter the arena: it may be called while the calling thread, or another that is
/// stopped, is inside.
#[unsafe(no_mangle)]
pub extern "C" fn mps_arena_postmortem(arena: Handle) {
    let m = need!(mpm_of(arena), "arena is valid", ());
    // SAFETY: the client says that nothing goes on.
    unsafe { m.get().postmortem() };
}

#[unsafe(no_mangle)]
pub extern "C" fn mps_arena_has_addr(arena: Handle, a: Addr) -> i32 {
    let m = need!(mpm_of(arena), "arena is valid", 0);
    Mpm::look(m, |m| m.cx.arena.has_addr(a)) as i32
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn mps_addr_pool(pool_o: *mut Handle, arena: Handle, a: Addr) -> i32 {
    let m = need!(mpm_of(arena), "arena is valid", 0);
    crate::aver_client!(!pool_o.is_null(), "pool_o is not null", 0);
    let pool = Mpm::look(m, |m| m.pool_of(a));
    // SAFETY: not null, the client's.
    pool.map(|p| unsafe { pool_o.write(p.as_ptr().cast()) }).is_some() as i32
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn mps_addr_fmt(fmt_o: *mut Handle, arena: Handle, a: Addr) -> i32 {
    let m = need!(mpm_of(arena), "arena is valid", 0);
    crate::aver_client!(!fmt_o.is_null(), "fmt_o is not null", 0);
    let fmt = Mpm::look(m, |m| m.pool_of(a).and_then(|p| p.format.get()));
    // SAFETY: not null, the client's.
    fmt.map(|f| unsafe { fmt_o.write(f.as_ptr().cast()) }).is_some() as i32
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn mps_addr_object(p_o: *mut Addr, arena: Handle, a: Addr) -> i32 {
    let m = need!(mpm_of(arena), "arena is valid", Res::Param.code());
    crate::aver_client!(!p_o.is_null(), "p_o is not null", Res::Param.code());
    let p = Mpm::enter(m, |m| m.object_of(a));
    // SAFETY: not null, the client's.
    unsafe { super::give(p_o, p) }
}

fn check(pool: Handle, fenceposts: bool) {
    let p = need!(pool_of(pool), "pool is valid", ());
    Mpm::enter_for(super::instance(p.cx.instance.get()), p, |_| p.class.check(p, fenceposts));
}

#[unsafe(no_mangle)]
pub extern "C" fn mps_pool_check_fenceposts(pool: Handle) {
    check(pool, true);
}

#[unsafe(no_mangle)]
pub extern "C" fn mps_pool_check_free_space(pool: Handle) {
    check(pool, false);
}
