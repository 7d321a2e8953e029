//! Roots: where the client keeps references outside managed memory.
//!
//! Some roots may be protected: the client allows it, and the *inner* pages hold nothing
//! but the root. Such a root has a summary, as a segment has. Its inner pages are write
//! protected after a scan. The next scan skips them if they were not written to and the
//! summary does not meet the white zones.

use super::{Tracer, count, stack};
use crate::base::addr::{Addr, Range};
use crate::base::check::Sig;
use crate::base::list::{Link, Linked};
use crate::base::ptr::P;
use crate::base::res::{Result, of_code};
use crate::base::sets::{AccessSet, Rank, RefSet};
use crate::object::cx::{Cx, Inside, bump};
use crate::object::scan::ScanState;
use crate::object::trace::Trace;
use crate::seam::client::{AreaScan, FmtScan, RegScan, RootScan, ScanTag};
use crate::shield::threads::Thread;
use core::cell::Cell;
use core::ffi::c_void;

/// The kinds of root, with what each needs: `mps.h` says what the fields are.
#[allow(missing_docs)]
pub enum RootKind {
    /// A function that finds the references itself.
    Fun { scan: RootScan, p: *mut c_void, s: usize },
    /// An area and a scanner for it. `splits`: the scanner can be given any
    /// part of it, in whole words.
    Area { base: Addr, limit: Addr, scan: AreaScan, closure: *mut c_void, splits: bool },
    /// The same with a tag that we keep.
    AreaTagged { base: Addr, limit: Addr, scan: AreaScan, tag: ScanTag, splits: bool },
    /// Formatted objects.
    Fmt { base: Addr, limit: Addr, scan: FmtScan },
    /// A thread, by a function that asks us for its stack.
    Reg { thread: P<Thread>, scan: RegScan, p: *mut c_void, s: usize },
    /// A thread's registers and stack up to its cold end, by an area scanner.
    Stack { thread: P<Thread>, cold: Addr, scan: AreaScan, closure: *mut c_void },
    /// The same with a tag that we keep.
    StackTagged { thread: P<Thread>, cold: Addr, scan: AreaScan, tag: ScanTag },
    /// A stack of the client's own, by a scanner with a tag that we keep.
    #[cfg(feature = "fibers")]
    Fiber { fiber: crate::shield::fibers::Fiber, scan: AreaScan, tag: ScanTag },
    /// Managed memory that the barrier must keep off, and that stays in place.
    #[cfg(feature = "expose")]
    Exposed(Range),
    /// Objects that are pinned.
    #[cfg(feature = "pins")]
    Pinned(super::pins::Pins),
    /// Strong handles.
    #[cfg(feature = "handles")]
    Handles,
}

/// A registered root.
pub struct Root {
    /// [`Sig::ROOT`].
    pub sig: Cell<Sig>,
    /// The instance, as its handle.
    pub instance: usize,
    link: Link<Root>,
    /// The rank of all its references.
    pub rank: Rank,
    /// What it is.
    pub kind: RootKind,
    /// The part of it that can be protected: whole pages. Empty if there are none.
    pub inner: Range,
    /// Zones that part may refer to.
    pub summary: Cell<RefSet>,
    /// Is that part write protected?
    pub protected: Cell<bool>,
    /// For this many scans it stays unprotected, because it was written to.
    defer: Cell<u8>,
}

impl Linked<0> for Root {
    fn link(&self) -> &Link<Root> {
        &self.link
    }
}

impl Root {
    /// A root; `may_protect` says that the client allows it.
    pub fn new(cx: &Cx, rank: Rank, kind: RootKind, may_protect: bool) -> Root {
        let page = cx.arena.port.page_size().max(1);
        let inner = match kind {
            RootKind::Area { base, limit, splits, .. }
            | RootKind::AreaTagged { base, limit, splits, .. }
                if may_protect && cx.can_shield() && !cx.arena.is_soft =>
            {
                let r = Range::new(base.up(page), limit.down(page));
                let whole = r.base == base && r.limit == limit;
                if r.base < r.limit && (whole || splits) { r } else { Range::default() }
            }
            _ => Range::default(),
        };
        Root {
            sig: Cell::new(Sig::ROOT),
            instance: cx.instance.get(),
            link: Link::default(),
            rank,
            kind,
            inner,
            summary: Cell::new(RefSet::ALL),
            protected: Cell::new(false),
            defer: Cell::new(0),
        }
    }

    /// Is it the library's own, which stays as long as the instance?
    pub fn is_own(&self) -> bool {
        match self.kind {
            #[cfg(feature = "pins")]
            RootKind::Pinned(_) => true,
            #[cfg(feature = "handles")]
            RootKind::Handles => true,
            _ => false,
        }
    }

    /// Takes its protection off.
    pub fn expose(&self, cx: Inside<'_>) {
        if self.protected.replace(false) {
            crate::object::seg::unprotect(cx, self.inner);
        }
    }

    /// The mutator has written to it through the barrier. It stays unprotected for the
    /// next two scans (a guess, as for segments).
    pub fn write_hit(&self, cx: Inside<'_>) {
        self.summary.set(RefSet::ALL);
        self.defer.set(2);
        self.expose(cx);
    }
}

/// Scans all roots of a rank, as references of rank `as_rank`. Calls out: the
/// clients' scanners.
///
/// # Errors
/// A scanner refused (which is reported as well); the others were scanned.
pub fn scan_all(tracer: &Tracer, t: &Trace, cx: Inside<'_>, rank: Rank, as_rank: Rank) -> Result {
    let mut done = Ok(());
    let ss = ScanState::new(cx, t, as_rank);
    for r in tracer.roots.iter().filter(|r| r.rank == rank) {
        if let Err(e) = scan(r, &ss, tracer) {
            crate::base::check::report(
                concat!(file!(), "\0"),
                line!(),
                "root scanner returned MPS_RES_OK\0",
            );
            done = Err(e);
        }
    }
    count(t, &ss);
    done
}

/// Scans a root. Calls out: the client's scanner.
///
/// # Errors
/// The scanner's.
pub fn scan(r: P<Root>, ss: &ScanState, t: &Tracer) -> Result {
    match &r.get().kind {
        RootKind::Fun { scan, p, s } => {
            // SAFETY: the client's scanner, with the client's arguments; so below.
            of_code(unsafe { scan(ss.as_client(), *p, *s) })
        }
        RootKind::Area { base, limit, scan, closure, .. } => {
            scan_area(r, ss, Range::new(*base, *limit), *scan, *closure)
        }
        RootKind::AreaTagged { base, limit, scan, tag, .. } => {
            let closure = core::ptr::from_ref(tag).cast_mut().cast();
            scan_area(r, ss, Range::new(*base, *limit), *scan, closure)
        }
        RootKind::Fmt { base, limit, scan } => {
            // SAFETY: as above.
            of_code(unsafe { scan(ss.as_client(), *base, *limit) })
        }
        RootKind::Reg { thread, scan, p, s } => {
            // SAFETY: as above.
            of_code(unsafe { scan(ss.as_client(), thread.as_ptr().cast(), *p, *s) })
        }
        RootKind::Stack { thread, cold, scan, closure } => {
            // SAFETY: as above; the root's thread is registered for as long as the root.
            unsafe { stack::scan(ss, t, *thread, *cold, *scan, *closure) }
        }
        RootKind::StackTagged { thread, cold, scan, tag } => {
            let closure = core::ptr::from_ref(tag).cast_mut().cast();
            // SAFETY: as above.
            unsafe { stack::scan(ss, t, *thread, *cold, *scan, closure) }
        }
        #[cfg(feature = "fibers")]
        RootKind::Fiber { fiber, scan, tag } => {
            let closure = core::ptr::from_ref(tag).cast_mut().cast();
            // SAFETY: as above.
            unsafe { super::fibers::scan(ss, t, fiber, *scan, closure) }
        }
        #[cfg(feature = "expose")]
        RootKind::Exposed(range) => super::expose::scan(ss, *range),
        #[cfg(feature = "pins")]
        RootKind::Pinned(pins) => pins.scan(ss),
        #[cfg(feature = "handles")]
        RootKind::Handles => t.handles.scan(ss, false),
    }
}

fn scan_area(
    r: P<Root>,
    ss: &ScanState,
    all: Range,
    scan: AreaScan,
    closure: *mut c_void,
) -> Result {
    let call = |part: Range| -> Result {
        if part.is_empty() {
            return Ok(());
        }
        // SAFETY: the client's scanner, on its area or (if it splits) part of it.
        of_code(unsafe { scan(ss.as_client(), part.base, part.limit, closure) })
    };
    let inner = r.inner;
    let cx = ss.cx();
    if inner.is_empty() || ss.hook.is_some() {
        if ss.hook.is_some() {
            r.get().expose(cx);
            r.summary.set(RefSet::ALL);
        }
        return call(all);
    }
    call(Range::new(all.base, inner.base))?;
    call(Range::new(inner.limit, all.limit))?;
    if !r.summary.get().meets(crate::base::sets::ZoneSet(ss.head.w.get())) {
        return Ok(());
    }
    r.get().expose(cx);
    let (seen, fixed) = (ss.head.ufs.get(), ss.fixed.get());
    ss.reset_summary();
    let done = call(inner);
    let found = ss.summary();
    ss.head.ufs.set(ss.head.ufs.get() | seen);
    ss.fixed.set(ss.fixed.get().or(fixed));
    done?;
    if r.defer.get() != 0 {
        r.defer.set(r.defer.get() - 1);
        r.summary.set(RefSet::ALL);
        return Ok(());
    }
    r.summary.set(found);
    if found != RefSet::ALL && !crate::seam::fault("write_barrier") {
        bump(&cx.arena.calls.protect, 1);
        r.protected.set(true);
        if cx.arena.port.protect(inner.base, inner.size(), AccessSet::WRITE).is_ok() {
            return Ok(());
        }
        // Refused, perhaps half way through.
        r.get().expose(cx);
    }
    r.summary.set(RefSet::ALL);
    Ok(())
}
