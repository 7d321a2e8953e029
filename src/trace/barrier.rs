//! Barrier hits: the mutator touched what is shielded from it.

use super::{Tracer, advance};
use crate::base::addr::{Addr, Range, Size};
use crate::base::ptr::P;
use crate::base::sets::AccessSet;
use crate::object::cards::Cards;
use crate::object::cx::{Inside, bump};
use crate::object::seg::{self, Seg};
use crate::seam::parts;
use crate::seam::plinth::{self, Deadline};

/// How many bytes of a large object are opened to the mutator at a time. An estimate:
/// 2,048 references are scanned in well below a millisecond.
const WINDOW_BYTES: Size = 16 * 1024;

/// Makes the memory at `a` accessible to the mutator. False: this instance does not
/// shield it. `pause` is how many clock ticks that should take at most, and is given
/// only if pauses are to be short. Calls out: formats.
///
/// With a short pause, of a large grey object only the part round `a` is sure to be
/// scanned, and as much of the rest as there is time for. The next access to
/// another part does the same, so that each goes on with the scan.
pub fn access(tracer: &Tracer, cx: Inside<'_>, a: Addr, write: bool, pause: Option<usize>) -> bool {
    if !parts::BARRIERS {
        return false;
    }
    if let Some(s) = seg::of_addr(&cx, a) {
        let need = if write { AccessSet::WRITE } else { AccessSet::READ };
        if let Some(cards) = s.cards() {
            return access_card(cx, s, cards, a, need, pause);
        }
        if !s.mode.get().meets(need) {
            // Another thread has had the same hit before: the access is tried again.
            return true;
        }
        let mut window = Range::default();
        let traces = s.grey.get().and(cx.flipped.get());
        if !traces.is_empty() {
            bump(&cx.stats.read_hits, 1);
            let until = pause
                .filter(|_| s.large.get())
                .and_then(|ticks| Deadline::new(plinth::clock(), ticks));
            if until.is_some() {
                let unit = WINDOW_BYTES.max(cx.arena.port.page_size());
                let lo = a.down(unit);
                window = Range::new(lo.max(s.base), lo.add(unit).min(s.limit));
            }
            for t in cx.traces_of(traces) {
                let rank = advance::early_rank(t, s);
                t.budget.note(advance::scan_window(t, cx, s, rank, until, window));
            }
        }
        if s.early.get() && traces.is_empty() {
            bump(&cx.stats.read_hits, 1);
            s.open_early(cx);
        }
        if write {
            bump(&cx.stats.write_hits, 1);
            s.write_hit(cx);
        }
        s.sync_now(cx);
        if s.is_grey_for(traces) && !window.is_empty() {
            // The window has been scanned, and all else stays shielded. When the rest has
            // been scanned, the whole segment is opened.
            seg::unprotect(cx, window);
        }
        return true;
    }
    root_access(tracer, cx, a)
}

/// As [`access`], for a large object that is scanned in parts.
fn access_card(
    cx: Inside<'_>,
    s: P<Seg>,
    cards: P<Cards>,
    a: Addr,
    need: AccessSet,
    pause: Option<usize>,
) -> bool {
    let Some((i, card)) = cards.of(a) else { return true };
    if !card.mode.get().meets(need) {
        return true;
    }
    let range = cards.range(i);
    let traces = s.grey.get().and(cx.flipped.get());
    if !traces.is_empty() && card.grey.get() {
        bump(&cx.stats.read_hits, 1);
        let until = pause.and_then(|ticks| Deadline::new(plinth::clock(), ticks));
        for t in cx.traces_of(traces) {
            let rank = advance::early_rank(t, s);
            t.budget.note(advance::scan_window(t, cx, s, rank, until, range));
        }
    }
    if card.early.get() {
        bump(&cx.stats.read_hits, 1);
        s.open_card_early(cx, range, card);
    }
    if need.meets(AccessSet::WRITE) {
        bump(&cx.stats.write_hits, 1);
        s.card_written(cx, card);
    }
    s.sync_card_now(cx, range, card);
    true
}

/// As [`access`], for the inner pages of a root.
fn root_access(tracer: &Tracer, cx: Inside<'_>, a: Addr) -> bool {
    for r in tracer.roots.iter() {
        if r.inner.contains(a) {
            bump(&cx.stats.write_hits, 1);
            r.get().write_hit(cx);
            return true;
        }
    }
    false
}

/// As [`access`], for the thread that is inside: a scanner looks at another object, or a
/// signal handler has interrupted the library between any two instructions. The access
/// is let through. A handler may see objects that are half way through a collection.
/// The mutator is held until the library is left, and then protection is put right.
/// Nothing is changed here that the interrupted code may be changing, but by a write,
/// and only scanners write.
pub fn peek(tracer: &Tracer, cx: Inside<'_>, a: Addr, write: bool) -> bool {
    let Some(s) = seg::of_addr(&cx, a) else { return root_access(tracer, cx, a) };
    cx.hold();
    let card = s.cards().and_then(|cards| cards.get().of(a).map(|(i, c)| (cards.range(i), c)));
    let range = card.map_or(s.get().range(), |(range, _)| range);
    if write {
        match card {
            Some((_, c)) => s.card_written(cx, c),
            None => s.write_hit(cx),
        }
    }
    cx.peeks.add(a);
    let left = if write { AccessSet::EMPTY } else { AccessSet::WRITE };
    if cx.arena.port.protect(range.base, range.size(), left).is_err() {
        seg::unprotect(cx, range);
    }
    true
}
