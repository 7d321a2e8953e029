//! Location dependency: no lock, callable between any two instructions.

use super::{Handle, need};
use crate::base::addr::Addr;
use crate::trace::history::Ld;

/// A dependency of the client's: not null and, if an instance is given, not
/// ahead of the history, as one that was never reset may be.
macro_rules! need_ld {
    ($ld:expr, $otherwise:expr) => {{
        crate::aver_client!($ld.is_some(), "location dependency is not null", $otherwise);
        let Some(ld) = $ld else { return $otherwise };
        ld
    }};
    ($ld:expr, $m:expr, $otherwise:expr) => {{
        let ld = need_ld!($ld, $otherwise);
        crate::aver_client!(
            $m.get().tracer.history.has_seen(ld),
            "location dependency has been reset",
            $otherwise
        );
        ld
    }};
}

#[unsafe(no_mangle)]
pub extern "C" fn mps_ld_reset(ld: Option<&Ld>, arena: Handle) {
    let m = need!(mpm_of(arena), "arena is valid", ());
    let ld = need_ld!(ld, ());
    m.get().tracer.history.reset(ld);
}

#[unsafe(no_mangle)]
pub extern "C" fn mps_ld_add(ld: Option<&Ld>, arena: Handle, a: Addr) {
    let m = need!(mpm_of(arena), "arena is valid", ());
    let ld = need_ld!(ld, m, ());
    m.get().tracer.history.add(ld, a, m.get().cx.arena.zone_shift());
}

#[unsafe(no_mangle)]
pub extern "C" fn mps_ld_merge(ld: Option<&Ld>, arena: Handle, from: Option<&Ld>) {
    let m = need!(mpm_of(arena), "arena is valid", ());
    let ld = need_ld!(ld, m, ());
    let from = need_ld!(from, m, ());
    m.get().tracer.history.merge(ld, from);
}

#[unsafe(no_mangle)]
pub extern "C" fn mps_ld_isstale(ld: Option<&Ld>, arena: Handle, _a: Addr) -> i32 {
    let m = need!(mpm_of(arena), "arena is valid", 1);
    let ld = need_ld!(ld, m, 1);
    m.get().tracer.history.is_stale(ld) as i32
}

#[unsafe(no_mangle)]
pub extern "C" fn mps_ld_isstale_any(ld: Option<&Ld>, arena: Handle) -> i32 {
    let m = need!(mpm_of(arena), "arena is valid", 1);
    let ld = need_ld!(ld, m, 1);
    m.get().tracer.history.is_stale(ld) as i32
}
