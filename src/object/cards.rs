//! Cards: the parts of a large object, each with a summary and protection of its own.
//!
//! A segment that is one object has cards if its format has a method that scans a part of
//! an object. Then the object is scanned card by card, none of them twice in a trace; a
//! barrier hit scans and opens one; and after a write to one of them only that one is
//! scanned by the next trace.
//!
//! # Invariants
//! - The summary of the segment has those of all its cards.
//! - Memory is as [`Seg::wanted_of`] says of each card, while the mutator runs. The mode of
//!   the segment has those of all its cards.
//! - While the segment is grey for a trace after its flip, the cards that are grey have not
//!   been scanned, and all before `next` have.

use crate::arena::Arena;
use crate::base::addr::{Addr, Range, Size};
use crate::base::ptr::P;
use crate::base::res::Result;
use crate::base::sets::{AccessSet, RefSet};
use crate::object::cx::{Cx, Inside, bump};
use crate::object::seg::{self, Seg};
use crate::object::trace::Trace;
use core::cell::Cell;

/// How many bytes a card has, if neither a page nor a grain is larger. An estimate: 2,048
/// references are scanned in well below a millisecond.
const CARD_BYTES: Size = 16 * 1024;

/// One card.
pub struct Card {
    /// Zones it may refer to.
    pub summary: Cell<RefSet>,
    /// It may refer to young segments.
    pub young: Cell<bool>,
    /// The accesses its memory denies just now.
    pub mode: Cell<AccessSet>,
    /// For this many scans the write barrier stays off.
    pub defer: Cell<u8>,
    /// The trace that the segment is grey for has not scanned it.
    pub grey: Cell<bool>,
    /// As [`Seg::early`], of this card.
    pub early: Cell<bool>,
}

/// The cards of a segment.
pub struct Cards {
    range: Range,
    shift: u32,
    len: usize,
    at: *mut Card,
    /// No card before this one is grey.
    next: Cell<usize>,
}

impl Card {
    /// Is anything known of what it refers to, which a write could make untrue?
    fn knows_refs(&self) -> bool {
        self.summary.get() != RefSet::ALL || !self.young.get()
    }

    /// May it refer to what is white for `t`?
    fn may_refer(&self, t: &Trace) -> bool {
        self.summary.get().meets(t.white_zones.get()) && (self.young.get() || t.some_old.get())
    }

    fn set_refs(&self, summary: RefSet, young: bool) {
        self.summary.set(summary);
        self.young.set(young);
    }
}

impl Cards {
    fn new(arena: &Arena, range: Range, summary: RefSet, young: bool) -> Result<P<Cards>> {
        let unit = CARD_BYTES.max(arena.port.page_size()).max(arena.grain());
        let shift = unit.trailing_zeros();
        let len = range.size().div_ceil(unit);
        let bytes = len * size_of::<Card>();
        let at: *mut Card = arena.control_alloc(bytes)?.ptr();
        for i in 0..len {
            let card = Card {
                summary: Cell::new(summary),
                young: Cell::new(young),
                mode: Cell::new(AccessSet::EMPTY),
                defer: Cell::new(0),
                grey: Cell::new(false),
                early: Cell::new(false),
            };
            // SAFETY: an array of `len`, just allocated.
            unsafe { at.add(i).write(card) };
        }
        arena
            .control_new(Cards { range, shift, len, at, next: Cell::new(0) })
            // SAFETY: made above, and nobody else has it yet.
            .inspect_err(|_| unsafe { arena.control_free(Addr::of(at), bytes) })
    }

    /// Gives the memory back.
    ///
    /// # Safety
    /// They are of this arena, and nobody uses them any more.
    pub unsafe fn finish(self_: P<Cards>, arena: &Arena) {
        // SAFETY: the caller's promise.
        unsafe { arena.control_free(Addr::of(self_.at), self_.len * size_of::<Card>()) };
        // SAFETY: the caller's promise.
        unsafe { arena.control_drop(self_) };
    }

    /// All of them, in the order of addresses.
    #[inline]
    pub fn all(&self) -> &[Card] {
        // SAFETY: an array of `len`, until `finish`. Only its cells change.
        unsafe { core::slice::from_raw_parts(self.at, self.len) }
    }

    /// The number of the card that `a`, in the segment, is in, and the card.
    #[inline]
    pub fn of(&self, a: Addr) -> Option<(usize, &Card)> {
        let i = a.since(self.range.base) >> self.shift;
        self.all().get(i).map(|c| (i, c))
    }

    /// The memory of card `i`.
    #[inline]
    pub fn range(&self, i: usize) -> Range {
        let base = self.range.base.add(i << self.shift);
        Range::new(base, base.add(1 << self.shift).min(self.range.limit))
    }

    /// The number of the first grey card, and the card.
    pub fn first_grey(&self) -> Option<(usize, &Card)> {
        let rest = self.all().iter().enumerate().skip(self.next.get());
        let found = rest.into_iter().find(|(_, c)| c.grey.get());
        self.next.set(found.map_or(self.len, |(i, _)| i));
        found
    }

    /// As [`P::shield_early`]. Where it stopped is kept in `next`, which nobody else needs
    /// before the flip.
    pub(super) fn shield_early(&self, t: &Trace, most: Size) -> Option<Size> {
        let mut bytes = 0;
        for (i, c) in self.all().iter().enumerate().skip(self.next.get()) {
            if bytes >= most {
                self.next.set(i);
                return None;
            }
            if c.may_refer(t) && !c.early.replace(true) {
                bytes += 1 << self.shift;
            }
        }
        self.next.set(0);
        Some(bytes)
    }

    fn summary(&self) -> RefSet {
        self.all().iter().fold(RefSet::EMPTY, |s, c| s.or(c.summary.get()))
    }

    /// The memory of all has been opened.
    pub(super) fn opened(&self) {
        self.all().iter().for_each(|c| c.mode.set(AccessSet::EMPTY));
    }

    /// The memory of those in `range` has been opened. If writes there will not be heard of,
    /// they may refer to anything.
    pub(super) fn opened_in(&self, range: Range, unheard: bool) {
        for (i, c) in self.all().iter().enumerate() {
            if range.contains(self.range(i).base) {
                c.mode.set(AccessSet::EMPTY);
                if unheard {
                    c.set_refs(RefSet::ALL, true);
                }
            }
        }
    }

    /// All may refer to what `summary` and `young` say.
    pub(super) fn set_all(&self, summary: RefSet, young: bool) {
        self.all().iter().for_each(|c| c.set_refs(summary, young));
    }
}

impl Seg {
    /// The accesses to a card of it to deny the mutator: as [`Seg::wanted`].
    pub fn wanted_of(&self, cx: &Cx, card: &Card) -> AccessSet {
        if !cx.can_shield() || self.is_exposed() {
            return AccessSet::EMPTY;
        }
        if card.grey.get() && self.is_grey_for(cx.flipped.get()) {
            let off = crate::seam::fault("read_barrier");
            return if off { AccessSet::EMPTY } else { AccessSet::READ_WRITE };
        }
        if card.early.get() {
            return AccessSet::READ_WRITE;
        }
        if card.knows_refs() && !crate::seam::fault("write_barrier") {
            return AccessSet::WRITE;
        }
        AccessSet::EMPTY
    }
}

impl P<Seg> {
    /// Gives it cards, if its format can scan a part of an object, it has more than one
    /// part, its class agrees, and there is memory. It is `large`, and has been scanned or is
    /// not to be scanned. Calls out: format.
    pub fn make_cards(self, cx: Inside<'_>) {
        let seg = self.get();
        let has = seg.pool.format.get().is_some_and(|f| f.m.part.is_some());
        let ready = seg.buffer.get().is_none() && !seg.is_white() && !seg.is_grey();
        let useful = seg.cards().is_none() && !seg.ranks.is_empty() && cx.can_shield();
        if !has || !ready || !useful || seg.size() <= CARD_BYTES || !seg.mode.get().is_empty() {
            return;
        }
        if !seg.class.in_cards(self) {
            return;
        }
        if let Ok(c) = Cards::new(&cx.arena, seg.range(), seg.summary(), seg.refers_young()) {
            seg.cards.set(Some(c));
        }
    }

    /// The flip has come, or it turns grey after that: cards that may refer to what is
    /// white turn grey.
    pub fn whole_is_grey(self, cx: Inside<'_>, t: &Trace) {
        let Some(cards) = self.get().cards() else { return };
        for c in cards.all() {
            c.grey.set(c.may_refer(t));
            c.early.set(false);
        }
        cards.next.set(0);
        cx.arena.mark_unsynced(self.get().base);
    }

    /// Opens a card to the mutator again before the flip.
    pub fn open_card_early(self, cx: Inside<'_>, range: Range, card: &Card) {
        if card.early.replace(false) {
            for t in cx.traces_of(self.get().grey.get()) {
                bump(&t.opened, range.size());
            }
        }
    }

    /// Makes the memory of a card accessible to the collector, and holds the mutator.
    pub fn expose_card(self, cx: Inside<'_>, range: Range, card: &Card) {
        cx.hold();
        if !card.mode.get().is_empty() {
            seg::unprotect(cx, range);
            card.mode.set(AccessSet::EMPTY);
            cx.arena.mark_unsynced(self.get().base);
        }
    }

    /// A card has been scanned: as [`P::set_summary`], for it.
    pub fn card_scanned(self, cx: Inside<'_>, card: &Card, found: RefSet, young: bool) {
        card.grey.set(false);
        let (mut s, mut young) = (found, young && !crate::seam::fault("refers_young"));
        if crate::seam::fault("remembered_summaries") {
            s = RefSet::EMPTY;
        } else if self.get().buffer.get().is_some() || !cx.can_shield() || self.get().is_exposed() {
            (s, young) = (RefSet::ALL, true);
        } else if (s != RefSet::ALL || !young) && card.defer.get() != 0 {
            card.defer.set(card.defer.get() - 1);
            (s, young) = (RefSet::ALL, true);
        }
        card.set_refs(s, young);
        cx.arena.mark_unsynced(self.get().base);
    }

    /// All cards have been scanned.
    pub fn cards_scanned(self, cx: Inside<'_>, t: &Trace) {
        self.set_not_grey(cx, t);
        if let Some(c) = self.get().cards() {
            self.get().summary.set(c.summary());
            self.get().refers_young.set(c.all().iter().any(|c| c.young.get()));
        }
    }

    /// The mutator wrote to a card through the barrier.
    pub fn card_written(self, cx: Inside<'_>, card: &Card) {
        card.defer.set(seg::UNPROTECTED_SCANS);
        card.set_refs(RefSet::ALL, true);
        self.all_of_some(cx);
    }

    /// Gives the memory of a card the protection that it wants, as [`P::sync_now`] does.
    pub fn sync_card_now(self, cx: Inside<'_>, range: Range, card: &Card) {
        let seg = self.get();
        let wanted = seg.wanted_of(&cx, card);
        let now = card.mode.get();
        if wanted.is_empty() && !now.is_empty() {
            seg::unprotect(cx, range);
            card.mode.set(wanted);
        } else if wanted != now && (now.has(wanted) || seg::may_deny(cx)) {
            bump(&cx.arena.calls.protect, 1);
            if cx.arena.port.protect(range.base, range.size(), wanted).is_ok() {
                card.mode.set(wanted);
                seg.mode.set(seg.mode.get().or(wanted));
            }
        }
    }
}
