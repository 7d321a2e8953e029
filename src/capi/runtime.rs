//! What language runtimes ask for: blocking regions, exposed memory, and fibers.
//!
//! A fiber's handle is that of the root that it is.

use super::{Handle, instance, need, root};
use crate::base::addr::{Addr, Range, WORD};
use crate::base::ptr::P;
use crate::base::res::{Res, code_of};
use crate::base::sets::Rank;
use crate::mpm::Mpm;
use crate::seam::arch;
use crate::seam::client::ScanTag;
#[cfg(feature = "fibers")]
use crate::shield::fibers::Fiber;
use crate::trace::root::{Root, RootKind};
use core::ffi::c_void;

#[cfg(feature = "blocking")]
arch::with_registers_of_caller!(mps_x_blocking_begin, blocking_change);

#[cfg(feature = "blocking")]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mps_x_blocking_end(thread: Handle) {
    // SAFETY: without registers.
    unsafe { blocking_change(core::ptr::null(), thread) };
}

/// Begins a region, with the client's registers in memory from `hot` on; or if that is null,
/// ends one.
#[cfg(feature = "blocking")]
unsafe extern "C" fn blocking_change(hot: *const usize, thread: *mut c_void) -> usize {
    let t = need!(thread_of(thread), "thread is valid", 0);
    let good = Mpm::enter_briefly(instance(t.instance), |m| {
        let region = &t.lead().get().region;
        if t.id != m.cx.arena.port.thread_id() {
            false
        } else if hot.is_null() {
            region.end()
        } else {
            // SAFETY: from the shim.
            unsafe { region.begin(hot) };
            true
        }
    });
    crate::aver_client!(good, "thread is in a blocking region", 0);
    0
}

#[cfg(feature = "expose")]
#[unsafe(no_mangle)]
pub extern "C" fn mps_x_expose_begin(arena: Handle, base: Addr, limit: Addr) -> i32 {
    expose_change(arena, base, limit, true)
}

#[cfg(feature = "expose")]
#[unsafe(no_mangle)]
pub extern "C" fn mps_x_expose_end(arena: Handle, base: Addr, limit: Addr) {
    expose_change(arena, base, limit, false);
}

#[cfg(feature = "expose")]
#[inline(never)]
fn expose_change(arena: Handle, base: Addr, limit: Addr, begins: bool) -> i32 {
    let m = need!(mpm_of(arena), "arena is valid", Res::Param.code());
    let range = Range::new(base, limit);
    let done = Mpm::enter(m, |m| if begins { m.expose_begin(range) } else { m.expose_end(range) });
    let known = done != Err(Res::Param);
    crate::aver_client!(known, "range is exposed", Res::Param.code());
    code_of(done)
}

/// The fiber that a handle stands for, and its root.
#[cfg(feature = "fibers")]
#[inline(never)]
pub(crate) fn fiber_of(h: Handle) -> Option<(P<Root>, &'static Fiber)> {
    let r = super::root_of(h)?;
    match &r.get().kind {
        RootKind::Fiber { fiber, .. } => Some((r, fiber)),
        _ => None,
    }
}

#[cfg(feature = "fibers")]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mps_x_fiber_create(
    fiber_o: *mut Handle,
    arena: Handle,
    base: Addr,
    limit: Addr,
) -> i32 {
    let stack = Range::new(base.up(WORD), limit.down(WORD));
    crate::aver_client!(stack.base < stack.limit, "root area is not empty", Res::Param.code());
    let kind = RootKind::Fiber {
        fiber: Fiber::new(stack),
        scan: super::scan::mps_scan_area_tagged,
        tag: ScanTag { mask: WORD - 1, pattern: 0 },
    };
    // SAFETY: as for ourselves; the stack stays for as long as the fiber.
    unsafe { root::create(fiber_o, arena, Rank::Ambig as u32, 0, kind) }
}

#[cfg(feature = "fibers")]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mps_x_fiber_destroy(fiber: Handle) {
    let (r, f) = need!(fiber_of(fiber), "fiber is valid", ());
    let free = Mpm::enter_briefly(instance(r.instance), |m| {
        let free = m.cx.threads.forget_fiber(f);
        if free {
            // SAFETY: the client says that nobody uses it any more, and no thread is on it.
            unsafe { m.root_destroy(r) };
        }
        free
    });
    crate::aver_client!(free, "no thread is on the fiber", ());
}

#[cfg(feature = "fibers")]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mps_x_fiber_switch(
    thread: Handle,
    to: Handle,
    swap: Option<unsafe extern "C" fn(*mut c_void)>,
    closure: *mut c_void,
) {
    let t = need!(thread_of(thread), "thread is valid", ());
    let fiber = fiber_of(to).filter(|(r, _)| r.instance == t.instance);
    let mine = t.id == instance(t.instance).cx.arena.port.thread_id();
    let good = mine && (to.is_null() || fiber.is_some());
    let Some(swap) = swap.filter(|_| good) else {
        crate::aver_client!(false, "switch of fibers is valid", ());
        return;
    };
    let to = fiber.map_or(core::ptr::null_mut(), |(_, f)| core::ptr::from_ref(f).cast_mut());
    arch::with_registers(|hot| {
        let from = t.lead().get().strand.leave(to, Addr::of(hot));
        // SAFETY: the client's function, with the client's argument.
        unsafe { swap(closure) };
        // Back here, perhaps on another thread: what `t` knows may concern another stack now.
        //
        // SAFETY: a stack that is run on is registered.
        if let Some(f) = unsafe { from.as_ref() } {
            f.arrive();
        }
    });
}
