//! Pins and handles.

use super::need;
use crate::base::addr::Addr;
use crate::base::res::{Res, code_of};
use crate::mpm::Mpm;

#[cfg(feature = "pins")]
#[unsafe(no_mangle)]
pub extern "C" fn mps_x_pin(arena: super::Handle, a: Addr) -> i32 {
    let m = need!(mpm_of(arena), "arena is valid", Res::Param.code());
    let done = Mpm::enter(m, |m| m.pin(a));
    let known = done != Err(Res::Param);
    crate::aver_client!(known, "object to be pinned is in the arena", Res::Param.code());
    code_of(done)
}

#[cfg(feature = "pins")]
#[unsafe(no_mangle)]
pub extern "C" fn mps_x_unpin(arena: super::Handle, a: Addr) {
    let m = need!(mpm_of(arena), "arena is valid", ());
    let done = Mpm::enter_briefly(m, |m| m.unpin(a));
    crate::aver_client!(done.is_ok(), "object to be unpinned is pinned", ());
}

#[cfg(feature = "handles")]
mod handles {
    use crate::base::addr::Addr;
    use crate::base::res::Res;
    use crate::base::sets::Rank;
    use crate::capi::{Handle as Arena, give, instance, need};
    use crate::mpm::Mpm;
    use crate::trace::handles::Handle;

    #[unsafe(no_mangle)]
    pub unsafe extern "C" fn mps_x_handle_create(
        handle_o: *mut *const Handle,
        arena: Arena,
        rank: u32,
        a: Addr,
    ) -> i32 {
        let m = need!(mpm_of(arena), "arena is valid", Res::Param.code());
        crate::aver_client!(!handle_o.is_null(), "handle_o is not null", Res::Param.code());
        let rank = Rank::from_code(rank);
        let good = matches!(rank, Some(Rank::Exact | Rank::Weak));
        crate::aver_client!(good, "rank is valid", Res::Param.code());
        let made = Mpm::new_handle(m, rank == Some(Rank::Weak), a);
        // SAFETY: not null, the client's.
        unsafe { give(handle_o, made) }
    }

    #[unsafe(no_mangle)]
    pub extern "C" fn mps_x_handle_get(h: &Handle) -> Addr {
        let block = h.block();
        if block.weak { Mpm::look_at_weak(instance(block.instance), h) } else { h.strong() }
    }

    #[unsafe(no_mangle)]
    pub extern "C" fn mps_x_handle_destroy(h: &Handle) {
        let handles = &instance(h.block().instance).get().tracer.handles;
        crate::aver_client!(h.give_back(handles), "handle is valid", ());
    }
}
