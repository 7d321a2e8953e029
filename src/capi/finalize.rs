//! Finalization.

use super::{Handle, need};
use crate::base::addr::Addr;
use crate::base::res::{Res, code_of};
use crate::mpm::Mpm;

#[unsafe(no_mangle)]
pub unsafe extern "C" fn mps_finalize(arena: Handle, at: *const Addr) -> i32 {
    let m = need!(mpm_of(arena), "arena is valid", Res::Param.code());
    crate::aver_client!(!at.is_null(), "reference to be finalized is not null", Res::Param.code());
    // SAFETY: not null, the client's; so below.
    Mpm::enter(m, |m| code_of(unsafe { m.finalize(at) }))
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn mps_definalize(arena: Handle, at: *const Addr) -> i32 {
    let m = need!(mpm_of(arena), "arena is valid", Res::Param.code());
    crate::aver_client!(
        !at.is_null(),
        "reference to be definalized is not null",
        Res::Param.code()
    );
    let done = Mpm::enter(m, |m| {
        // SAFETY: as above.
        let known = m.cx.arena.has_addr(unsafe { m.peek(at) });
        // SAFETY: as above.
        known.then(|| code_of(unsafe { m.definalize(at) }))
    });
    crate::aver_client!(
        done.is_some(),
        "object to be definalized is in the arena",
        Res::Param.code()
    );
    done.unwrap_or(Res::Param.code())
}

#[cfg(feature = "runtime")]
#[unsafe(no_mangle)]
pub extern "C" fn mps_x_finalize_all(arena: Handle) -> i32 {
    let m = need!(mpm_of(arena), "arena is valid", Res::Param.code());
    Mpm::enter(m, |m| code_of(m.finalize_all()))
}
