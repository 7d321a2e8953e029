//! Walks: a function of the client's is called with every object, or with every reference
//! in a root.

use super::State;
use super::entry::Entered;
use crate::base::addr::{Addr, Range};
use crate::base::ptr::P;
use crate::base::res::{Result, of_code};
use crate::base::sets::{Rank, ZoneSet};
use crate::object::format::Format;
use crate::object::pool::Pool;
use crate::object::scan::{Ref, ScanState};
use crate::object::seg::{self, Seg};
use crate::object::trace::Phase;
use crate::seam::client::{AreaScan, RootsStepper};
use crate::trace::root;
use core::cell::Cell;
use core::ffi::c_void;

fn no_fix(_: &ScanState, _: Ref<'_>) -> Result {
    Ok(())
}

/// What a walk of the roots hands to its hook.
struct RootsWalk {
    f: RootsStepper,
    root: *mut c_void,
    p: *mut c_void,
    s: usize,
}

/// Does a reference lead to memory of a pool with a format?
pub(super) fn is_to_object(ss: &ScanState, r: Ref<'_>) -> bool {
    seg::of_addr(&ss.cx(), r.get()).is_some_and(|s| s.pool.format.get().is_some())
}

fn step_root(ss: &ScanState, r: Ref<'_>) -> Result {
    // SAFETY: the walk below put itself there.
    let w = unsafe { &*ss.closure.cast::<RootsWalk>() };
    if is_to_object(ss, r) {
        // SAFETY: the client's stepper.
        unsafe { (w.f)(r.place(), w.root, w.p, w.s) };
    }
    Ok(())
}

/// Calls `f` with where each object in an area begins, with its header, and ends.
pub(super) fn each_object(fmt: &Format, area: Range, f: &mut dyn FnMut(Addr, Addr)) {
    let mut at = area.base;
    while at < area.limit {
        let next = at.add(fmt.size(at.add(fmt.m.header)));
        crate::aver!(next > at, "skip method goes forward");
        f(at, next);
        at = next;
    }
}

impl Entered {
    /// Is the arena parked? Walks of pools and roots require it.
    pub fn is_parked(&self) -> bool {
        self.state.get() == State::Parked
    }

    /// Has `scan`, a scanner of the client's, go over all objects of a pool, which may
    /// change their references. The arena is parked.
    ///
    /// # Errors
    /// The scanner's: the walk ends there.
    pub fn walk_pool(&self, p: P<Pool>, scan: AreaScan, closure: *mut c_void) -> Result {
        let cx = self.inside();
        cx.hold();
        let null = core::ptr::null_mut();
        let ss = ScanState::hooked(cx, Rank::Exact, ZoneSet::EMPTY, no_fix, null);
        let first = Cell::new(true);
        p.class.areas(cx, p, &mut |s, base, limit| {
            if crate::seam::fault("pool_walk") && first.replace(false) {
                return Ok(());
            }
            let h = p.format.get().map_or(0, |f| f.m.header);
            s.expose(cx);
            // The scanner may put other references in.
            s.set_summary_all(cx);
            // SAFETY: the client's scanner, on whole objects of the pool.
            of_code(unsafe { scan(ss.as_client(), base.add(h), limit.add(h), closure) })
        })
    }

    /// Calls `f` with every object of a pool that is known to be alive. After a flip white
    /// objects are left out, since they may be dead.
    pub fn walk_objects(&self, p: P<Pool>, f: &mut dyn FnMut(Addr)) {
        let first = Cell::new(true);
        self.live_areas(p, &mut |_, fmt, area| {
            each_object(fmt, area, &mut |at, _| {
                if !(crate::seam::fault("objects_walk") && first.replace(false)) {
                    f(at.add(fmt.m.header));
                }
            });
        });
    }

    /// Calls `f` with a segment, the format, and where objects of the pool lie in it, exposed: all
    /// that are known to be alive.
    pub(super) fn live_areas(&self, p: P<Pool>, f: &mut dyn FnMut(P<Seg>, &Format, Range)) {
        let Some(fmt) = p.format.get() else { return };
        let cx = self.inside();
        cx.hold();
        // Nothing here fails: the closure does not.
        let _ = p.class.areas(cx, p, &mut |s, base, limit| {
            if !self.may_be_dead(s) {
                s.expose(cx);
                f(s, fmt.get(), Range::new(base, limit));
            }
            Ok(())
        });
    }

    /// May what is in a segment be dead, or a marker where an object was?
    fn may_be_dead(&self, s: P<Seg>) -> bool {
        self.cx.traces_of(s.white.get()).any(|t| match t.phase() {
            Phase::Flipped => true,
            // What does not move knows which of its objects are alive.
            Phase::Reclaim => s.class.moves(),
            _ => false,
        })
    }

    /// Calls a client's stepper with every reference in a root to an object that has a
    /// format. The arena is parked.
    pub fn walk_roots(&self, f: RootsStepper, p: *mut c_void, s: usize) {
        let cx = self.inside();
        cx.hold();
        let zones = cx.formatted_zones();
        for rank in Rank::ORDER {
            for r in self.tracer.roots.iter().filter(|r| r.rank == rank) {
                let mut w = RootsWalk { f, root: r.as_ptr().cast(), p, s };
                let closure = (&raw mut w).cast();
                let ss = ScanState::hooked(cx, rank, zones, step_root, closure);
                // An error code of the client's scanner; this function returns none.
                let _ = root::scan(r, &ss, &self.tracer);
            }
        }
    }
}
