//! Fibers. A handle is that of the root that a fiber is.

use super::{Handle, instance, need, root};
use crate::base::addr::{Addr, Range, WORD};
use crate::base::ptr::P;
use crate::base::res::Res;
use crate::base::sets::Rank;
use crate::mpm::Mpm;
use crate::seam::arch;
use crate::seam::client::ScanTag;
use crate::shield::fibers::Fiber;
use crate::trace::root::{Root, RootKind};
use core::ffi::c_void;

/// The fiber that a handle stands for, and its root.
pub(crate) fn fiber_of(h: Handle) -> Option<(P<Root>, &'static Fiber)> {
    let r = super::root_of(h)?;
    match &r.get().kind {
        RootKind::Fiber { fiber, .. } => Some((r, fiber)),
        _ => None,
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn mps_x_fiber_create(
    fiber_o: *mut Handle,
    arena: Handle,
    base: Addr,
    limit: Addr,
) -> i32 {
    let stack = Range::new(base.up(WORD), limit.down(WORD));
    let good = !base.is_null() && stack.base < stack.limit;
    crate::aver_client!(good, "stack of the fiber is not empty", Res::Param.code());
    let kind = RootKind::Fiber {
        fiber: Fiber::new(stack),
        scan: super::scan::mps_scan_area_tagged,
        tag: ScanTag { mask: WORD - 1, pattern: 0 },
    };
    // SAFETY: as for ourselves; the stack stays for as long as the fiber.
    unsafe { root::create(fiber_o, arena, Rank::Ambig as u32, 0, kind) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn mps_x_fiber_destroy(fiber: Handle) {
    let (r, f) = need!(fiber_of(fiber), "fiber is valid", ());
    let free = Mpm::enter(instance(r.instance), |m| {
        let free = m.cx.threads.forget_fiber(f);
        if free {
            // SAFETY: the client says that nobody uses it any more, and no thread is on it.
            unsafe { m.root_destroy(r) };
        }
        free
    });
    crate::aver_client!(free, "no thread is on the fiber", ());
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn mps_x_fiber_switch(
    thread: Handle,
    to: Handle,
    swap: Option<unsafe extern "C" fn(*mut c_void)>,
    closure: *mut c_void,
) {
    let t = need!(thread_of(thread), "thread is valid", ());
    let Some(swap) = swap else {
        crate::aver_client!(false, "function that switches is not null", ());
        return;
    };
    let (owner, to) = if to.is_null() {
        (t.instance, core::ptr::null_mut())
    } else {
        let (r, f) = need!(fiber_of(to), "fiber is valid", ());
        (r.instance, core::ptr::from_ref(f).cast_mut())
    };
    crate::aver_client!(owner == t.instance, "fiber belongs to the thread's arena", ());
    let mine = t.id == instance(t.instance).cx.arena.port.thread_id();
    crate::aver_client!(mine, "thread is the calling one", ());
    arch::with_registers(|hot| {
        let from = t.get().lead(t).get().strand.leave(to, Addr::of(hot));
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
