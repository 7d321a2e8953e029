//! Fix of a reference to a condemned object. This is the critical path.

use super::{class_of, data, format, nailed, reserve_copy};
use crate::base::addr::{Addr, Size, WORD};
use crate::base::ptr::P;
use crate::base::res::Result;
use crate::base::sets::Rank;
use crate::object::cx::bump;
use crate::object::scan::{Ref, ScanState};
use crate::object::seg::Seg;
use crate::seam::parts;

/// Fixes a reference, as [`crate::object::pool::PoolClass::fix`] says.
#[inline]
pub fn fix(seg: P<Seg>, ss: &ScanState, r: Ref<'_>) -> Result {
    let p = r.get();
    if ss.rank == Rank::Ambig {
        nailed::fix_ambig(seg, ss, p);
        return Ok(());
    }
    if seg.large.get() {
        fix_large(seg, ss, r);
        return Ok(());
    }
    if parts::BARRIERS
        && seg.in_place.get()
        && let Some(n) = seg.nails.get()
    {
        nailed::mark(seg, ss, n, r);
        return Ok(());
    }
    let pool = seg.pool.get();
    let fmt = format(pool);
    // A segment with nails is grey besides, and so may be shielded.
    let cx = ss.cx();
    seg.expose(cx);
    crate::aver_critical!(
        p.is_aligned(pool.align.get()) && p.sub(fmt.m.header) >= seg.base,
        "an exact reference is aligned and leads to an object"
    );
    let new = fmt.forwarded(p);
    if !new.is_null() {
        r.set(new);
        return Ok(());
    }
    if seg.nails.get().is_some() || seg.hold_all.get() {
        if nailed::is_held(ss, seg, p.sub(fmt.m.header)) {
            return Ok(());
        }
    }
    if ss.rank == Rank::Weak && !crate::seam::fault("weakness") {
        r.set(Addr::NULL);
        return Ok(());
    }
    let size = fmt.size(p);
    crate::aver_critical!(size != 0, "skip method goes forward");
    let Some((to, base)) = reserve_copy(cx, class_of(seg), seg, size) else {
        nailed::hold(cx, seg, p.sub(fmt.m.header));
        return Ok(());
    };
    to.expose(cx);
    // SAFETY: a whole object of `size` bytes, and as much room in `to`, which
    // is another segment; both exposed.
    unsafe { copy(p.sub(fmt.m.header), base, size) };
    let new = base.add(fmt.m.header);
    fmt.forward(p, new);
    if !to.is_grey_for(seg.white.get()) {
        to.set_grey_from_scanned(cx, cx.cx().trace_of(seg.white.get()));
    }
    ss.copied.set(ss.copied.get() + size);
    ss.survives(seg, size);
    // To copy this many bytes takes about as long as to fix a reference (measured: 20 to
    // 100 ns), so large objects use up more of a step.
    ss.budget.set(ss.budget.get().saturating_sub_unsigned(size / 256));
    r.set(new);
    Ok(())
}

/// Copies an object. Most have a few words, which are copied without a call.
///
/// # Safety
/// 1. `size` bytes at both; they don't overlap.
/// 2. Objects are word aligned, or at least both equally aligned.
#[inline(always)]
unsafe fn copy(from: Addr, to: Addr, size: Size) {
    if size <= 8 * WORD && (size | from.0 | to.0) & (WORD - 1) == 0 {
        let (s, d): (*const usize, *mut usize) = (from.ptr(), to.ptr());
        let mut i = 0;
        while i < size / WORD {
            // SAFETY: in range, by the caller's promise.
            unsafe { d.add(i).write(s.add(i).read()) };
            i += 1;
        }
    } else {
        // SAFETY: by the caller's promise.
        unsafe { core::ptr::copy_nonoverlapping(from.ptr::<u8>(), to.ptr::<u8>(), size) };
    }
}

/// A large object: it changes generation, not place.
fn fix_large(seg: P<Seg>, ss: &ScanState, r: Ref<'_>) {
    if ss.rank == Rank::Weak && !crate::seam::fault("weakness") {
        r.set(Addr::NULL);
        return;
    }
    keep_large(seg, ss);
}

/// The large object of `seg` is alive: promote it.
pub fn keep_large(seg: P<Seg>, ss: &ScanState) {
    let cx = ss.cx();
    let t = cx.cx().trace_of(seg.white.get());
    let d = data(seg.pool.get());
    ss.survives(seg, seg.get().size());
    let i = d.next_age(seg.age.get());
    let g = d.generation(i);
    seg.set_not_white(cx);
    seg.age.set(i);
    seg.enlist(cx, g.generation);
    let size = seg.get().size();
    bump(&g.promoted, size);
    bump(&ss.kept, size);
    seg.set_grey(cx, t);
}
