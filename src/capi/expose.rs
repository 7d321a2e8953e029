//! Exposing managed memory.

use super::{Handle, need};
use crate::base::addr::{Addr, Range};
use crate::base::res::{Res, code_of};
use crate::mpm::Mpm;

#[unsafe(no_mangle)]
pub extern "C" fn mps_x_expose_begin(arena: Handle, base: Addr, limit: Addr) -> i32 {
    let m = need!(mpm_of(arena), "arena is valid", Res::Param.code());
    crate::aver_client!(base < limit, "range to be exposed is not empty", Res::Param.code());
    Mpm::enter(m, |m| code_of(m.expose_begin(Range::new(base, limit))))
}

#[unsafe(no_mangle)]
pub extern "C" fn mps_x_expose_end(arena: Handle, base: Addr, limit: Addr) {
    let m = need!(mpm_of(arena), "arena is valid", ());
    let ended = Mpm::enter(m, |m| m.expose_end(Range::new(base, limit)));
    crate::aver_client!(ended, "range is exposed", ());
}
