//! Scanning a grey segment.

use super::{format, nailed};
use crate::base::ptr::P;
use crate::base::res::Result;
use crate::object::pool::Scanned;
use crate::object::scan::ScanState;
use crate::object::seg::Seg;

/// Scans what is grey in a segment, as [`crate::object::pool::PoolClass::scan`] says.
pub fn scan(seg: P<Seg>, ss: &ScanState) -> Result<Scanned> {
    if seg.hold_all.get() {
        return nailed::scan_all(seg, ss);
    }
    if seg.nails.get().is_some() {
        return nailed::scan(seg, ss);
    }
    let fmt = format(seg.pool.get());
    let grey = seg.get().grey_for(ss.cx().cx().trace_of(ss.traces));
    let start = grey.scanned.get();
    loop {
        let from = grey.scanned.get();
        // Scanning may add objects to this very segment.
        let end = seg.get().objects_end();
        if from >= end {
            break;
        }
        let done = ss.scan(fmt, from, end);
        if ss.broken_off.get() {
            // From the beginning: what this scan has found so far is in no summary.
            grey.scanned.set(start);
            return Ok(Scanned::Unfinished);
        }
        done?;
        grey.scanned.set(end);
    }
    Ok(if start == seg.base { Scanned::All } else { Scanned::Part })
}
