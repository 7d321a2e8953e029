//! The debugging variety of AMS: free memory is painted with the client's pattern. The
//! pattern is checked before the memory is handed out again, and when the client asks.

use super::data;
use super::table::{self, Table};
use crate::base::addr::{Addr, Size};
use crate::base::ptr::P;
use crate::base::res::Result;
use crate::object::cx::Inside;
use crate::object::pool::Pool;
use crate::object::seg::Seg;
use crate::seam::client::DebugOptions;
use core::ffi::c_void;

/// The pattern if the client gives none, as the reference's manual has it.
const DEFAULT_PATTERN: [u8; 4] = *b"FREE";

/// A pool's copy of a pattern.
#[derive(Clone, Copy)]
pub struct Paint {
    at: Addr,
    len: Size,
}

impl Paint {
    /// Copies the pattern that the client's options ask for, or the default one if `options` is
    /// null.
    ///
    /// # Errors
    /// The arena's.
    pub fn new(pool: &Pool, options: *mut c_void) -> Result<Option<Paint>> {
        // SAFETY: the client's structure, or null.
        let options = unsafe { options.cast::<DebugOptions>().as_ref() };
        let (from, len) = options
            .map_or((DEFAULT_PATTERN.as_ptr(), DEFAULT_PATTERN.len()), |o| (o.free, o.free_size));
        if len == 0 {
            return Ok(None);
        }
        let at = pool.cx.get().arena.control_alloc(len)?;
        // SAFETY: as many bytes at both, says the client of its own.
        unsafe { core::ptr::copy_nonoverlapping(from, at.ptr(), len) };
        Ok(Some(Paint { at, len }))
    }

    /// Gives the copy's memory back.
    pub fn finish(self, pool: &Pool) {
        // SAFETY: nobody uses it any more.
        unsafe { pool.cx.get().arena.control_free(self.at, self.len) };
    }

    /// The byte that belongs at `a`, in a segment that begins at `base`.
    fn byte(&self, base: Addr, a: Addr) -> u8 {
        // SAFETY: in the copy.
        unsafe { self.at.add(a.since(base).checked_rem(self.len).unwrap_or(0)).ptr::<u8>().read() }
    }

    /// Paints `from..to`, free memory of a segment.
    pub fn lay(&self, cx: Inside<'_>, seg: P<Seg>, from: Addr, to: Addr) {
        seg.expose(cx);
        let mut a = from;
        while a < to {
            // SAFETY: the pool's own memory, nobody's just now, exposed.
            unsafe { a.ptr::<u8>().write(self.byte(seg.base, a)) };
            a = a.add(1);
        }
    }

    /// Checks that `from..to` is as it was painted, and reports it if it is not.
    pub fn look(&self, cx: Inside<'_>, seg: P<Seg>, from: Addr, to: Addr) {
        seg.expose(cx);
        let mut a = from;
        while a < to {
            // SAFETY: as above.
            let is = unsafe { a.ptr::<u8>().read() };
            if is != self.byte(seg.base, a) {
                crate::base::check::report(
                    concat!(file!(), "\0"),
                    line!(),
                    "free memory of a debugging pool has not been written to\0",
                );
                return;
            }
            a = a.add(1);
        }
    }
}

/// Calls `f(from, to)` for what is neither in use nor an allocation point's.
fn each_free(t: &Table, mut f: impl FnMut(Addr, Addr)) {
    let room = t.seg.buffer.get().map(|b| (t.known.get(), b.room_limit.get()));
    t.each_gap(|from, to| match room {
        Some((base, limit)) if base < to && limit > from => {
            f(from, base.max(from));
            f(limit.min(to), to);
        }
        _ => f(from, to),
    });
}

/// Paints what is free in a segment.
pub fn paint_free(cx: Inside<'_>, t: &Table) {
    if let Some(p) = data(t.seg.pool.get()).paint {
        each_free(t, |from, to| p.lay(cx, t.seg, from, to));
    }
}

/// Checks all free memory of a pool.
pub fn check(cx: Inside<'_>, pool: P<Pool>) {
    let Some(p) = data(pool.get()).paint else { return };
    for seg in pool.segs.iter() {
        let t = table::of(seg);
        each_free(t, |from, to| p.look(cx, seg, from, to));
    }
}
