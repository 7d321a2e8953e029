//! Scan states: what a scanner is told, and what it tells the tracer.

use crate::base::addr::{Addr, Range, Size};
use crate::base::ptr::P;
use crate::base::res::{Result, of_code};
use crate::base::sets::{Rank, RefSet, TraceSet, ZoneSet};
use crate::object::cx::{Cx, Inside, bump};
use crate::object::format::Format;
use crate::object::seg::Seg;
use crate::object::trace::Trace;
use crate::seam::parts;
use crate::seam::plinth::Deadline;
use core::cell::Cell;
use core::ffi::c_void;

/// What the client's macros see: `mps_ss_s`.
#[repr(C)]
pub struct Head {
    /// By how many bits an address is shifted to get its zone.
    pub zs: Cell<usize>,
    /// The zones of references that are to be passed to fix.
    pub w: Cell<usize>,
    /// The zones of all references seen. The scanner adds to them.
    pub ufs: Cell<usize>,
}

/// A reference that a scanner has met, and may have a new value for.
#[derive(Clone, Copy)]
pub struct Ref<'a> {
    at: *mut Addr,
    scan: core::marker::PhantomData<&'a ScanState>,
}

impl Ref<'_> {
    /// The reference at `at`.
    ///
    /// # Safety
    /// `at` can be read as long as the result is used. It can be written to as well, unless
    /// the scan is of ambiguous references.
    #[inline(always)]
    pub unsafe fn new<'a>(at: *mut Addr) -> Ref<'a> {
        Ref { at, scan: core::marker::PhantomData }
    }

    /// Its value.
    #[inline(always)]
    pub fn get(self) -> Addr {
        // SAFETY: promised by who made it.
        unsafe { self.at.read() }
    }

    /// Gives it another. Not if the scan is of ambiguous references.
    #[inline(always)]
    pub fn set(self, a: Addr) {
        // SAFETY: promised by who made it.
        unsafe { self.at.write(a) }
    }

    /// Where it stands.
    #[inline(always)]
    pub fn place(self) -> *mut Addr {
        self.at
    }
}

/// A function that takes the place of fix, for walks, the sanity trace, transforms, and while
/// ephemerons wait for their keys.
pub type Hook = fn(ss: &ScanState, r: Ref) -> Result;

/// The state of one scan. The client sees its head.
#[repr(C)]
pub struct ScanState {
    /// Read and written by macros in the client's code.
    pub head: Head,
    /// The traces being served.
    pub traces: TraceSet,
    /// The rank of the references being scanned.
    pub rank: Rank,
    /// If given, it is called instead of fix.
    pub hook: Option<Hook>,
    /// What a hook needs.
    pub closure: *mut c_void,
    cx: P<Cx>,
    /// Zones of the references that were passed to fix, as they are now.
    pub fixed: Cell<RefSet>,
    /// References that were passed to fix lead to young segments.
    pub young: Cell<bool>,
    /// Bytes of objects of moving pools that were found alive: in old segments, in young
    /// ones.
    survived: [Cell<Size>; 2],
    /// Bytes kept: copied or marked.
    pub kept: Cell<Size>,
    /// Bytes copied.
    pub copied: Cell<Size>,
    /// How many references may still be fixed before the clock is looked at.
    pub budget: Cell<isize>,
    /// When the scan is broken off.
    pub until: Cell<Option<Deadline>>,
    /// If it is not empty and time is up, references inside the object but outside this
    /// window are left for another time. The mutator waits for those in the window.
    pub window: Cell<Range>,
    /// The object that the window is part of.
    pub object: Cell<Range>,
    /// The scan was broken off, or some references were left.
    pub broken_off: Cell<bool>,
}

impl ScanState {
    /// For a scan of references of `rank`, in segments or roots, for a trace.
    pub fn new(cx: Inside<'_>, t: &Trace, rank: Rank) -> ScanState {
        ScanState {
            hook: t.ephemerons.watch(),
            ..ScanState::of(cx, t.set(), rank, t.white_zones.get())
        }
    }

    /// For a walk: `hook` takes the place of fix, for references to `zones`.
    pub fn hooked(
        cx: Inside<'_>,
        rank: Rank,
        zones: ZoneSet,
        hook: Hook,
        closure: *mut c_void,
    ) -> ScanState {
        let ss = ScanState::of(cx, TraceSet::EMPTY, rank, zones);
        ScanState { hook: Some(hook), closure, ..ss }
    }

    fn of(cx: Inside<'_>, traces: TraceSet, rank: Rank, white: ZoneSet) -> ScanState {
        let cx = cx.p();
        ScanState {
            head: Head {
                zs: Cell::new(cx.arena.zone_shift() as usize),
                w: Cell::new(white.0),
                ufs: Cell::new(0),
            },
            traces,
            rank,
            hook: None,
            closure: core::ptr::null_mut(),
            cx,
            fixed: Cell::new(RefSet::EMPTY),
            young: Cell::new(false),
            survived: [Cell::new(0), Cell::new(0)],
            kept: Cell::new(0),
            copied: Cell::new(0),
            budget: Cell::new(isize::MAX),
            until: Cell::new(None),
            window: Cell::new(Range::default()),
            object: Cell::new(Range::default()),
            broken_off: Cell::new(false),
        }
    }

    /// The instance, which the calling thread is inside of: a scan state is made
    /// there, and used no longer.
    #[inline(always)]
    pub fn cx(&self) -> Inside<'_> {
        // SAFETY: made by `of`, which was handed a proof; see above.
        unsafe { Inside::new(self.cx.get()) }
    }

    /// Scans the objects of a format whose bases lie in `base..limit`, exposed. Calls
    /// out: format.
    #[inline]
    pub fn scan(&self, f: &Format, base: Addr, limit: Addr) -> Result {
        let h = f.m.header;
        // SAFETY: whole objects of this format; the head of a scan state is what the
        // client's type says.
        of_code(unsafe { (f.m.scan)(self.as_client(), base.add(h), limit.add(h)) })
    }

    /// Scans the references in `part` of the object at `object`, exposed. Calls out: format.
    pub fn scan_part(
        &self,
        f: crate::seam::client::FmtScanPart,
        object: Addr,
        part: Range,
    ) -> Result {
        // SAFETY: part of an object of this format; as above.
        of_code(unsafe { f(self.as_client(), object, part.base, part.limit) })
    }

    /// This scan state as a pointer, the way the client's scanners take it.
    #[inline(always)]
    pub fn as_client(&self) -> *mut c_void {
        core::ptr::from_ref(self).cast_mut().cast()
    }

    /// The zones that the references scanned lead to now: those seen that were
    /// not passed to fix, and those that were, as fix left them.
    pub fn summary(&self) -> RefSet {
        ZoneSet(self.head.ufs.get() & !self.head.w.get()).or(self.fixed.get())
    }

    /// Notes that an object of `size` bytes in a segment of a moving pool is alive.
    #[inline(always)]
    pub fn survives(&self, seg: P<Seg>, size: Size) {
        if !parts::BARRIERS {
            return;
        }
        let [old, young] = &self.survived;
        bump(if seg.young.get() { young } else { old }, size);
    }

    /// Bytes that survived: old, young.
    pub fn survivors(&self) -> (Size, Size) {
        let [old, young] = &self.survived;
        (old.get(), young.get())
    }

    /// May what was scanned refer to young segments, after a scan for a trace?
    pub fn refers_young(&self, t: &Trace) -> bool {
        let passed_by = ZoneSet(self.head.ufs.get() & !self.head.w.get());
        self.young.get() || t.may_be_young(passed_by)
    }

    /// Forgets what was found so far, before another segment is scanned.
    pub fn reset_summary(&self) {
        self.young.set(false);
        self.head.ufs.set(0);
        self.fixed.set(RefSet::EMPTY);
    }

    /// Stage 1 of fix, as the client's macro does it.
    #[inline(always)]
    pub fn fix1(&self, ufs: &mut usize, word: usize) -> bool {
        let bit =
            1usize.wrapping_shl((word >> (self.head.zs.get() & (usize::BITS as usize - 1))) as u32);
        *ufs |= bit;
        self.head.w.get() & bit != 0
    }
}
