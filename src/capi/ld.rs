//! Location dependency: no lock, callable between any two instructions.

use super::{Handle, need};
use crate::base::addr::Addr;
use crate::trace::history::Ld;

#[unsafe(no_mangle)]
pub extern "C" fn mps_ld_reset(ld: &Ld, arena: Handle) {
    let m = need!(mpm_of(arena), "arena is valid", ());
    m.get().tracer.history.reset(ld);
}

#[unsafe(no_mangle)]
pub extern "C" fn mps_ld_add(ld: &Ld, arena: Handle, a: Addr) {
    let m = need!(mpm_of(arena), "arena is valid", ());
    m.get().tracer.history.add(ld, a, m.get().cx.arena.zone_shift());
}

#[unsafe(no_mangle)]
pub extern "C" fn mps_ld_merge(ld: &Ld, arena: Handle, from: &Ld) {
    let m = need!(mpm_of(arena), "arena is valid", ());
    m.get().tracer.history.merge(ld, from);
}

#[unsafe(no_mangle)]
pub extern "C" fn mps_ld_isstale(ld: &Ld, arena: Handle, _a: Addr) -> i32 {
    let m = need!(mpm_of(arena), "arena is valid", 1);
    m.get().tracer.history.is_stale(ld) as i32
}

#[unsafe(no_mangle)]
pub extern "C" fn mps_ld_isstale_any(ld: &Ld, arena: Handle) -> i32 {
    let m = need!(mpm_of(arena), "arena is valid", 1);
    m.get().tracer.history.is_stale(ld) as i32
}
