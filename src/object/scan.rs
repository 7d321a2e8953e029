//! Scan states: what a scanner is handed, and what it leaves behind.

use crate::base::addr::{Addr, Range, Size};
use crate::base::ptr::P;
use crate::base::res::Result;
use crate::base::sets::{Rank, RefSet, TraceSet, ZoneSet};
use crate::object::cx::Cx;
use core::cell::Cell;
use core::ffi::c_void;

/// What the client's macros see: `mps_ss_s`.
#[repr(C)]
pub struct Head {
    /// Shift from address to zone.
    pub zs: Cell<usize>,
    /// Zones that may hold what is looked for.
    pub w: Cell<usize>,
    /// Zones of the references seen: added to by the scanner.
    pub ufs: Cell<usize>,
}

/// In place of the ordinary fix: walks, the sanity trace, transforms.
pub type Hook = fn(ss: &ScanState, ref_io: *mut Addr) -> Result;

/// The state of one scan. The client sees its head.
#[repr(C)]
pub struct ScanState {
    /// Read and written by macros in the client's code.
    pub head: Head,
    /// The traces being served.
    pub traces: TraceSet,
    /// The rank of the references being scanned.
    pub rank: Rank,
    /// Fix is something else altogether.
    pub hook: Option<Hook>,
    /// What a hook needs.
    pub closure: *mut c_void,
    /// The parts of the instance.
    pub cx: P<Cx>,
    /// Zones of the references that were passed to fix, as they are now.
    pub fixed: Cell<RefSet>,
    /// Bytes kept: copied or marked.
    pub kept: Cell<Size>,
    /// Bytes copied.
    pub copied: Cell<Size>,
    /// References that may still be fixed before the clock is looked at.
    pub budget: Cell<isize>,
    /// The clock's reading at which the scan is broken off.
    pub until: Cell<usize>,
    /// If not empty: after that, references inside the object are left for
    /// another time, but for those in this window, which the mutator waits for.
    pub window: Cell<Range>,
    /// The object that the window is part of.
    pub object: Cell<Range>,
    /// It was broken off, or something was left.
    pub broken_off: Cell<bool>,
}

impl ScanState {
    /// For one trace, at `rank`, looking for what is in `white`.
    pub fn new(cx: P<Cx>, traces: TraceSet, rank: Rank, white: ZoneSet) -> ScanState {
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
            kept: Cell::new(0),
            copied: Cell::new(0),
            budget: Cell::new(isize::MAX),
            until: Cell::new(usize::MAX),
            window: Cell::new(Range::default()),
            object: Cell::new(Range::default()),
            broken_off: Cell::new(false),
        }
    }

    /// As the client's scanners take it.
    #[inline(always)]
    pub fn as_client(&self) -> *mut c_void {
        core::ptr::from_ref(self).cast_mut().cast()
    }

    /// The zones that the references scanned lead to now: those seen that were
    /// not passed to fix, and those that were, as fix left them.
    pub fn summary(&self) -> RefSet {
        ZoneSet(self.head.ufs.get() & !self.head.w.get()).or(self.fixed.get())
    }

    /// Begins again with nothing seen, for another segment.
    pub fn reset_summary(&self) {
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
