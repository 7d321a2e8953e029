//! Stage 2 of fix: looks up the segment that a reference leads to, and if it is white
//! calls its class. This is the critical path. Of this layer it is the one function that
//! the C shell calls while it scans.

use crate::base::addr::Addr;
use crate::base::res::{Res, Result};
use crate::base::sets::ZoneSet;
use crate::object::scan::{Ref, ScanState};
use crate::object::seg;

/// Fixes a reference that a scanner has met.
///
/// # Errors
/// `Limit`: the scan is to be broken off, and will be done again.
///
/// # Cost
/// A handful of loads for what is not condemned.
#[inline]
pub fn fix2(ss: &ScanState, reference: Ref<'_>) -> Result {
    if let Some(h) = ss.hook {
        return h(ss, reference);
    }
    fix_now(ss, reference)
}

/// Both stages of fix, for a reference that the library itself has.
///
/// # Errors
/// As [`fix2`].
pub fn fix12(ss: &ScanState, reference: Ref<'_>) -> Result {
    let mut seen = ss.head.ufs.get();
    let asked = ss.fix1(&mut seen, reference.get().0);
    ss.head.ufs.set(seen);
    if asked { fix2(ss, reference) } else { Ok(()) }
}

/// As [`fix2`], whatever hook there is.
///
/// # Errors
/// As there.
#[inline]
pub fn fix_now(ss: &ScanState, reference: Ref<'_>) -> Result {
    let mut r = reference.get();
    let Some(s) = seg::of_addr(&ss.cx(), r) else { return Ok(()) };
    if s.white.get().meets(ss.traces) {
        if ss.budget.get() < 0 {
            match out_of_time(ss, reference) {
                Late::No => {}
                Late::Skip => return Ok(()),
                Late::Stop => return Err(Res::Limit),
            }
        }
        s.class.fix(s, ss, reference)?;
        let now = reference.get();
        if now == r {
            if s.young.get() {
                ss.young.set(true);
            }
        } else {
            if s.copies_young.get() {
                ss.young.set(true);
            }
            // A reference that keeps its value is met again when the scan is begun again,
            // and must not use up the budget of that part too. So only those count
            // that change.
            ss.budget.set(ss.budget.get() - 1);
            r = now;
        }
    } else if s.young.get() {
        ss.young.set(true);
    }
    ss.fixed.set(ss.fixed.get().or(ZoneSet::of(r, ss.head.zs.get() as u32)));
    Ok(())
}

/// How many references are fixed between two looks at the clock. At 20 to 100 ns each, as
/// measured, that takes as long as other work between two looks.
const CLOCK_REFS: isize = 1024;

/// What to do with a reference when the budget is used up.
enum Late {
    /// Fix it all the same.
    No,
    /// Leave it as it is.
    Skip,
    /// Break the scan off.
    Stop,
}

#[cold]
#[inline(never)]
fn out_of_time(ss: &ScanState, reference: Ref<'_>) -> Late {
    let window = ss.window.get();
    if !window.is_empty() {
        let at = Addr::of(reference.place());
        // A scanner may pass copies of its references. Then it can't be told whether
        // this one belongs to the window, and it is fixed.
        if window.contains(at) || !ss.object.get().contains(at) {
            return Late::No;
        }
        ss.broken_off.set(true);
        return Late::Skip;
    }
    if ss.until.get().is_none_or(|until| !until.is_past()) {
        ss.budget.set(CLOCK_REFS);
        return Late::No;
    }
    ss.broken_off.set(true);
    Late::Stop
}
