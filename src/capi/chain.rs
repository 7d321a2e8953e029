//! Generation chains.

use super::{Handle, give, need};
use crate::base::addr::Size;
use crate::base::res::Res;
use crate::mpm::Mpm;

/// `mps_gen_param_s`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct GenParam {
    /// Kilobytes.
    capacity: Size,
    mortality: f64,
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn mps_chain_create(
    chain_o: *mut Handle,
    arena: Handle,
    count: Size,
    params: *const GenParam,
) -> i32 {
    let m = need!(mpm_of(arena), "arena is valid", Res::Param.code());
    crate::aver_client!(!chain_o.is_null(), "chain_o is not null", Res::Param.code());
    crate::aver_client!(count != 0, "a chain has at least one generation", Res::Param.code());
    // SAFETY: the client's array of `count`.
    let param = |i| unsafe { *params.add(i) };
    for p in (0..count).map(param) {
        crate::aver_client!(p.capacity != 0, "generation capacity is not zero", Res::Param.code());
        crate::aver_client!(
            (0.0..=1.0).contains(&p.mortality),
            "generation mortality is between 0.0 and 1.0",
            Res::Param.code()
        );
    }
    let bytes = |i| param(i).capacity.saturating_mul(1024);
    let made = Mpm::enter(m, |m| m.new_chain(count, bytes));
    // SAFETY: not null, the client's.
    unsafe { give(chain_o, made.map(|c| c.as_ptr().cast())) }
}

#[unsafe(no_mangle)]
pub extern "C" fn mps_chain_destroy(chain: Handle) {
    let c = need!(chain_of(chain), "chain is valid", ());
    crate::aver_client!(c.users.get() == 0, "chain being destroyed is used by no pool", ());
    Mpm::enter(super::instance(c.instance), |m| {
        // SAFETY: no pool uses it; the client says that nobody will.
        unsafe { m.chain_destroy(c) }
    });
}
