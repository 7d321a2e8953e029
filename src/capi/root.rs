//! Roots.

use super::{Handle, give, need};
use crate::base::addr::{Addr, Size, WORD};
use crate::base::ptr::P;
use crate::base::res::Res;
use crate::base::sets::Rank;
use crate::mpm::Mpm;
use crate::seam::client::{AreaScan, FmtScan, RegScan, RootScan, ScanTag};
use crate::shield::threads::Thread;
use crate::trace::root::RootKind;
use core::ffi::c_void;

/// The bits of both protection modes, as this library's header and the reference's have
/// them. Each of them allows us to protect the root's inner pages, and nothing more.
const RM_PROT: u32 = 2 | 4;
/// The bits of all modes.
const RM_ALL: u32 = 1 | RM_PROT;

pub(super) fn splits(scan: AreaScan) -> bool {
    let ours: &[AreaScan] = &[
        super::scan::mps_scan_area,
        super::scan::mps_scan_area_tagged,
        #[cfg(feature = "tags")]
        super::tags::mps_scan_area_masked,
        #[cfg(feature = "tags")]
        super::tags::mps_scan_area_tagged_or_zero,
    ];
    ours.iter().any(|f| *f as usize == scan as usize)
}

/// The kind of root that [`mps_root_create_thread`] makes: words that could be
/// aligned pointers, up to `cold`.
pub(super) fn stack_kind(thread: P<Thread>, cold: Addr) -> RootKind {
    let scan = super::scan::mps_scan_area_tagged;
    RootKind::StackTagged { thread, cold, scan, tag: ScanTag { mask: WORD - 1, pattern: 0 } }
}

/// The thread and the cold end of a root of this kind, if it has them.
fn cold_end(kind: &RootKind) -> Option<(P<Thread>, Addr)> {
    match *kind {
        RootKind::Stack { thread, cold, .. } | RootKind::StackTagged { thread, cold, .. } => {
            Some((thread, cold))
        }
        RootKind::Reg { thread, scan, p, .. } => {
            let ours: RegScan = super::scan::mps_stack_scan_ambig;
            (scan as usize == ours as usize).then_some((thread, Addr::of(p)))
        }
        _ => None,
    }
}

/// Checks a client's arguments, and makes the root.
///
/// # Safety
///
/// 1. `root_o` is null or has room for a handle.
/// 2. What `kind` refers to stays for as long as the root.
pub(super) unsafe fn create(
    root_o: *mut Handle,
    arena: Handle,
    rank: u32,
    mode: u32,
    kind: RootKind,
) -> i32 {
    let m = need!(mpm_of(arena), "arena is valid", Res::Param.code());
    crate::aver_client!(!root_o.is_null(), "root_o is not null", Res::Param.code());
    let rank = match Rank::from_code(rank) {
        Some(r) if r != Rank::Final && r != Rank::Ephemeron => r,
        _ => {
            crate::aver_client!(false, "rank is valid", Res::Param.code());
            return Res::Param.code();
        }
    };
    crate::aver_client!(mode & !RM_ALL == 0, "root mode is valid", Res::Param.code());
    let area = match kind {
        RootKind::Area { base, limit, .. }
        | RootKind::AreaTagged { base, limit, .. }
        | RootKind::Fmt { base, limit, .. } => Some((base, limit)),
        _ => None,
    };
    if let Some((base, limit)) = area {
        crate::aver_client!(!base.is_null(), "base of root area is not null", Res::Param.code());
        crate::aver_client!(base < limit, "root area is not empty", Res::Param.code());
        crate::aver_client!(
            matches!(kind, RootKind::Fmt { .. }) || base.is_aligned(WORD) && limit.is_aligned(WORD),
            "root area is aligned to a word",
            Res::Param.code()
        );
    }
    let thread = match kind {
        RootKind::Reg { thread, .. }
        | RootKind::Stack { thread, .. }
        | RootKind::StackTagged { thread, .. } => Some(thread),
        _ => None,
    };
    if let Some(t) = thread {
        crate::aver_client!(
            t.instance == m.addr().0,
            "thread is registered with the arena",
            Res::Param.code()
        );
    }
    if let Some((thread, cold)) = cold_end(&kind) {
        crate::aver_client!(!cold.is_null(), "cold end of stack is not null", Res::Param.code());
        crate::aver_client!(
            cold.is_aligned(WORD),
            "cold end of stack is aligned to a word",
            Res::Param.code()
        );
        crate::aver_client!(
            thread.may_end_at(cold),
            "cold end of stack is on the thread's own stack",
            Res::Param.code()
        );
    }
    let made = Mpm::enter(m, |m| m.new_root(rank, kind, mode & RM_PROT != 0));
    // SAFETY: not null, the client's.
    unsafe { give(root_o, made.map(|r| r.as_ptr().cast())) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn mps_root_create(
    root_o: *mut Handle,
    arena: Handle,
    rank: u32,
    mode: u32,
    scan: Option<RootScan>,
    p: *mut c_void,
    s: Size,
) -> i32 {
    crate::aver_client!(scan.is_some(), "root scanning function is not null", Res::Param.code());
    let Some(scan) = scan else { return Res::Param.code() };
    // SAFETY: as for ourselves; so below.
    unsafe { create(root_o, arena, rank, mode, RootKind::Fun { scan, p, s }) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn mps_root_create_table(
    root_o: *mut Handle,
    arena: Handle,
    rank: u32,
    mode: u32,
    base: Addr,
    count: Size,
) -> i32 {
    let limit = base.add(count.saturating_mul(WORD));
    let scan = super::scan::mps_scan_area;
    let kind = RootKind::Area { base, limit, scan, closure: core::ptr::null_mut(), splits: true };
    // SAFETY: as above.
    unsafe { create(root_o, arena, rank, mode, kind) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn mps_root_create_area(
    root_o: *mut Handle,
    arena: Handle,
    rank: u32,
    mode: u32,
    base: Addr,
    limit: Addr,
    scan: Option<AreaScan>,
    closure: *mut c_void,
) -> i32 {
    crate::aver_client!(scan.is_some(), "area scanning function is not null", Res::Param.code());
    let Some(scan) = scan else { return Res::Param.code() };
    let kind = RootKind::Area { base, limit, scan, closure, splits: splits(scan) };
    // SAFETY: as above.
    unsafe { create(root_o, arena, rank, mode, kind) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn mps_root_create_fmt(
    root_o: *mut Handle,
    arena: Handle,
    rank: u32,
    mode: u32,
    scan: Option<FmtScan>,
    base: Addr,
    limit: Addr,
) -> i32 {
    crate::aver_client!(scan.is_some(), "format scanning function is not null", Res::Param.code());
    let Some(scan) = scan else { return Res::Param.code() };
    // SAFETY: as above.
    unsafe { create(root_o, arena, rank, mode, RootKind::Fmt { base, limit, scan }) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn mps_root_create_reg(
    root_o: *mut Handle,
    arena: Handle,
    rank: u32,
    mode: u32,
    thread: Handle,
    scan: Option<RegScan>,
    p: *mut c_void,
    s: Size,
) -> i32 {
    let thread = need!(thread_of(thread), "thread is valid", Res::Param.code());
    crate::aver_client!(
        scan.is_some(),
        "register scanning function is not null",
        Res::Param.code()
    );
    crate::aver_client!(
        rank == Rank::Ambig as u32,
        "rank of a register root is ambiguous",
        Res::Param.code()
    );
    let Some(scan) = scan else { return Res::Param.code() };
    // SAFETY: as above.
    unsafe { create(root_o, arena, rank, mode, RootKind::Reg { thread, scan, p, s }) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn mps_root_create_thread(
    root_o: *mut Handle,
    arena: Handle,
    thread: Handle,
    cold: Addr,
) -> i32 {
    let thread = need!(thread_of(thread), "thread is valid", Res::Param.code());
    // SAFETY: as above.
    unsafe { create(root_o, arena, Rank::Ambig as u32, 0, stack_kind(thread, cold)) }
}

#[unsafe(no_mangle)]
pub extern "C" fn mps_root_destroy(root: Handle) {
    let r = need!(root_of(root), "root is valid", ());
    Mpm::enter(super::instance(r.instance), |m| {
        // SAFETY: the client says that nobody uses it any more.
        unsafe { m.root_destroy(r) }
    });
}

#[unsafe(no_mangle)]
pub extern "C" fn mps_rank_ambig() -> u32 {
    Rank::Ambig as u32
}

#[unsafe(no_mangle)]
pub extern "C" fn mps_rank_exact() -> u32 {
    Rank::Exact as u32
}

#[unsafe(no_mangle)]
pub extern "C" fn mps_rank_weak() -> u32 {
    Rank::Weak as u32
}

#[cfg(feature = "ephemerons")]
#[unsafe(no_mangle)]
pub extern "C" fn mps_rank_ephemeron() -> u32 {
    Rank::Ephemeron as u32
}
