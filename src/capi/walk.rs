//! Walking objects and roots.

use super::{Handle, need};
use crate::base::addr::Addr;
use crate::base::ptr::P;
use crate::base::res::{Res, Result, code_of};
use crate::base::sets::{Rank, TraceSet, ZoneSet};
use crate::mpm::names::scan_root;
use crate::mpm::{Mpm, State};
use crate::object::cx::Phase;
use crate::object::pool::Pool;
use crate::object::scan::ScanState;
use crate::object::seg;
use crate::seam::client::{ApplyStepper, AreaScan, ObjectsStepper, RootsStepper};
use core::cell::Cell;
use core::ffi::c_void;

fn no_fix(_: &ScanState, _: *mut Addr) -> Result {
    Ok(())
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn mps_pool_walk(pool: Handle, scan: AreaScan, closure: *mut c_void) -> i32 {
    let p = need!(pool_of(pool), "pool is valid", Res::Param.code());
    let m = super::instance(p.cx.instance.get());
    crate::aver_client!(m.get().state.get() == State::Parked, "arena is parked", Res::Param.code());
    let done = Mpm::enter(m, |e| {
        e.cx.hold();
        let mut ss = ScanState::new(e.cx(), TraceSet::EMPTY, Rank::Exact, ZoneSet::EMPTY);
        ss.hook = Some(no_fix);
        let first = Cell::new(true);
        p.class.areas(p, &mut |s, base, limit| {
            if crate::seam::fault("pool_walk") && first.replace(false) {
                return Ok(());
            }
            let h = p.format.get().map_or(0, |f| f.m.header);
            s.expose(&e.cx);
            // The scanner may put other references in.
            s.set_summary_all(&e.cx);
            // SAFETY: the client's scanner, on whole objects of the pool.
            crate::base::res::of_code(unsafe {
                scan(ss.as_client(), base.add(h), limit.add(h), closure)
            })
        })
    });
    code_of(done)
}

/// Calls `f` with every object of a pool that is known to be good.
fn objects(m: &Mpm, p: P<Pool>, f: &mut dyn FnMut(Addr)) {
    let Some(fmt) = p.format.get() else { return };
    let first = Cell::new(true);
    // Nothing here fails: the closure does not.
    let _ = p.class.areas(p, &mut |s, base, limit| {
        // After the flip what is white may be dead, and where objects move it
        // may be a marker, until its segment has been reclaimed.
        let reclaiming = m.cx.phase.get() == Phase::Reclaim && s.class.moves();
        if s.is_white() && (m.is_flipped() || reclaiming) {
            return Ok(());
        }
        s.expose(&m.cx);
        let h = fmt.m.header;
        let mut at = base;
        while at < limit {
            let next = at.add(fmt.get().size(at.add(h)));
            crate::aver!(next > at, "skip method goes forward");
            if crate::seam::fault("objects_walk") && first.replace(false) {
                at = next;
                continue;
            }
            f(at.add(h));
            at = next;
        }
        Ok(())
    });
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn mps_arena_formatted_objects_walk(
    arena: Handle,
    f: ObjectsStepper,
    p: *mut c_void,
    s: usize,
) {
    let m = need!(mpm_of(arena), "arena is valid", ());
    Mpm::enter(m, |e| {
        e.cx.hold();
        for pool in e.cx.pools.iter() {
            let fmt = pool.format.get().map_or(core::ptr::null_mut(), |f| f.as_ptr());
            objects(e, pool, &mut |a| {
                // SAFETY: the client's stepper.
                unsafe { f(a, fmt.cast(), pool.as_ptr().cast(), p, s) }
            });
        }
    });
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn mps_amc_apply(pool: Handle, f: ApplyStepper, p: *mut c_void, s: usize) {
    let pool = need!(pool_of(pool), "pool is valid", ());
    let m = super::instance(pool.cx.instance.get());
    crate::aver_client!(m.get().state.get() == State::Parked, "arena is parked", ());
    Mpm::enter(m, |e| {
        e.cx.hold();
        objects(e, pool, &mut |a| {
            // SAFETY: the client's stepper.
            unsafe { f(a, p, s) }
        });
    });
}

/// What a walk of the roots hands to its hook.
struct RootsWalk {
    f: RootsStepper,
    root: Handle,
    p: *mut c_void,
    s: usize,
}

fn step_root(ss: &ScanState, ref_io: *mut Addr) -> Result {
    // SAFETY: the walk below put itself there; the reference is a scanner's.
    let (w, r) = unsafe { (&*ss.closure.cast::<RootsWalk>(), ref_io.read()) };
    if seg::of_addr(ss.cx.get(), r).is_some_and(|s| s.class.is_automatic()) {
        // SAFETY: the client's stepper.
        unsafe { (w.f)(ref_io, w.root, w.p, w.s) };
    }
    Ok(())
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn mps_arena_roots_walk(
    arena: Handle,
    f: RootsStepper,
    p: *mut c_void,
    s: usize,
) {
    let m = need!(mpm_of(arena), "arena is valid", ());
    crate::aver_client!(m.get().state.get() == State::Parked, "arena is parked", ());
    Mpm::enter(m, |e| {
        e.cx.hold();
        for rank in Rank::ORDER {
            for r in e.tracer.roots.iter().filter(|r| r.rank == rank) {
                let mut w = RootsWalk { f, root: r.as_ptr().cast(), p, s };
                let mut ss = ScanState::new(e.cx(), TraceSet::EMPTY, rank, ZoneSet::ALL);
                ss.hook = Some(step_root);
                ss.closure = (&raw mut w).cast();
                // A scanner's own code: there is nobody to hand it to.
                let _ = scan_root(r, &ss, &e.tracer);
            }
        }
    });
}
