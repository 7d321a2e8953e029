//! Stage 2 of fix: is it ours, is it white, and if so what does its pool say?
//! Critical path: the one function here that the C shell may call.

use crate::base::addr::Addr;
use crate::base::res::{Res, Result};
use crate::base::sets::ZoneSet;
use crate::object::scan::{Ref, ScanState};
use crate::object::seg;
use crate::seam::plinth;

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
        if now != r {
            // What stays where it is will be met again in the next part, and
            // must not use up the budget of that one too.
            ss.budget.set(ss.budget.get() - 1);
            r = now;
        }
    }
    ss.fixed.set(ss.fixed.get().or(ZoneSet::of(r, ss.head.zs.get() as u32)));
    Ok(())
}

/// References fixed between two looks at the clock: at 20 to 100 ns each, as long as
/// other work between two looks takes.
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
        // A scanner may work on copies of its references; then there is no
        // telling where this one belongs, and it is fixed.
        if window.contains(at) || !ss.object.get().contains(at) {
            return Late::No;
        }
        ss.broken_off.set(true);
        return Late::Skip;
    }
    if plinth::clock() < ss.until.get() {
        ss.budget.set(CLOCK_REFS);
        return Late::No;
    }
    ss.broken_off.set(true);
    Late::Stop
}
