//! In place of `src/object/seg.rs`: one segment, and the memory that it is in.

use crate::base::ptr::Slot;
use crate::base::sets::TraceSet;
use crate::cell::Cell;
use crate::object::buffer::Buffer;
use crate::object::cx::Inside;
use std::cell::Cell as Plain;

/// What an allocation point uses of a segment.
#[derive(Default)]
pub struct Seg {
    pub white: Cell<TraceSet>,
    pub buffer: Slot<Buffer>,
}

/// A segment that wants protection, and its memory. The memory's state is the system's:
/// no access to it is one to a word of the library's.
#[derive(Default)]
pub struct Page {
    /// What the segment wants: an access by the mutator has not been dealt with yet.
    pub wanted: Plain<bool>,
    /// The mode it says it has (`Seg::mode`).
    pub mode: Plain<bool>,
    /// The mode that memory has.
    pub real: Plain<bool>,
}

/// `seg::sync`.
pub fn sync(cx: Inside<'_>) -> bool {
    for page in &cx.cx().pages {
        crate::step();
        if page.mode.get() != page.wanted.get() {
            page.mode.set(page.wanted.get());
            crate::step();
            page.real.set(page.wanted.get());
        }
    }
    true
}

/// `seg::sync_peeks`.
pub fn sync_peeks(cx: Inside<'_>) -> bool {
    if cx.peeks.is_empty() {
        return false;
    }
    cx.peeks.drain(|at| {
        let a = at.expect("there is room for what two handlers do");
        let page = &cx.pages[a.0 - 1];
        page.real.set(page.mode.get());
    });
    true
}
