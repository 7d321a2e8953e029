//! Pace: how much of the program's time the collector takes.
//!
//! With a limit on its share, a step of a trace is done only when enough work is due, and
//! stops when that is done (`trace::policy`). In any `WINDOW` the collector has at most its
//! share, as long as there is room to allocate in. Barrier hits count: they can't be put
//! off, but steps wait for them.

use super::Mpm;
use crate::object::cx::bump;
use crate::object::trace::Trace;
use crate::seam::event::{Category, EventKind, event};
use crate::seam::{parts, plinth};
use crate::trace::policy;
use core::cell::Cell;

/// In any stretch of so many seconds the program has its share: a little more than a frame of a
/// display that shows 60 in a second. `MPS_KEY_X_UTILISATION` says so (`mpsx.h`).
const WINDOW: f64 = 0.02;
/// The window is measured in so many parts: the more, the less the collector waits for a pause
/// that has just gone out of the window.
const PARTS: usize = 8;
/// Up to this pause time, in seconds, there is a limit unless the client says otherwise; a
/// longer one says that throughput counts. In a small arena there is none: memory is what is
/// scarce there, and a collection that takes longer needs more of it.
const PACED_PAUSE: f64 = 0.01;
/// So many times may a step be done in the room that a trace has. A program that allocates
/// little between two steps of a millisecond must not fall behind because of that. A guess.
const STEPS: usize = 128;
/// The limit is then this, in parts per thousand of the time. A guess: less for the collector
/// means more floating garbage, less for the program is no longer interactive.
const USUAL: usize = 500;

/// How much time the collector has taken lately. One part more than a window has, because
/// the newest has just begun: so this is never less than what lies in the window.
#[derive(Default)]
pub struct Lately {
    took: [Cell<usize>; PARTS + 1],
    /// The newest of these.
    newest: Cell<usize>,
    /// When that began.
    began: Cell<usize>,
    /// The most there has been at once.
    pub most: Cell<usize>,
}

impl Lately {
    /// Goes on to `now`, with parts of `part` ticks.
    fn go_on(&self, now: usize, part: usize) {
        let n = plinth::passed(self.began.get(), now) / part;
        for _ in 0..n.min(self.took.len()) {
            let next = (self.newest.get() + 1) % self.took.len();
            self.newest.set(next);
            if let Some(t) = self.took.get(next) {
                t.set(0);
            }
        }
        self.began.set(self.began.get().wrapping_add(n * part));
    }

    /// The time taken in the window that ends `now`, or a little more.
    fn sum(&self, now: usize, part: usize) -> usize {
        self.go_on(now, part);
        self.took.iter().map(Cell::get).fold(0, usize::saturating_add)
    }

    /// Notes a pause that ends `now`.
    fn add(&self, now: usize, took: usize, part: usize) {
        self.go_on(now, part);
        if let Some(t) = self.took.get(self.newest.get()) {
            bump(t, took);
        }
        self.most.set(self.most.get().max(self.sum(now, part)));
    }
}

/// How many clock ticks there are in a part of the window.
fn part() -> usize {
    (plinth::ticks(WINDOW) / PARTS).max(1)
}

impl Mpm {
    /// The share of its time that the program keeps, in parts per thousand, if there is a limit.
    pub fn kept_share(&self) -> Option<usize> {
        match self.utilisation.get() {
            Some(0) => None,
            None => {
                let paced = self.pause_time.get() <= PACED_PAUSE;
                (paced && !policy::is_small(self.cx.arena.capacity())).then_some(USUAL)
            }
            given => given,
        }
    }

    /// The collector has just kept the program waiting for `took` ticks.
    pub(super) fn note_taken(&self, now: usize, took: usize) {
        if parts::BARRIERS {
            self.lately.add(now, took, part());
        }
    }

    /// How many ticks more the collector may take `now`, if the program is to keep `kept`
    /// thousandths.
    fn may_take(&self, now: usize, kept: usize) -> usize {
        let window = plinth::ticks(WINDOW);
        if crate::seam::fault("pace") {
            return window;
        }
        (window - window / 1000 * kept.min(1000)).saturating_sub(self.lately.sum(now, part()))
    }

    /// A trace begins: `total` bytes are in generations.
    pub(super) fn pace_begin(&self, t: &Trace, total: usize) {
        if !parts::BARRIERS {
            return;
        }
        let (work, before) = self.last_work(t).get();
        let a = &self.cx.arena;
        let p = &t.pace;
        p.expected.set(policy::expected_work(total, work, before));
        p.room.set(policy::room(total, a.capacity().saturating_sub(a.committed.get())));
        p.began.set(self.allocated.get());
        p.owed.set(0);
        p.late.set(false);
        self.last_step.set(self.allocated.get());
    }

    /// How many bytes are allocated before a step is thought of again.
    pub(super) fn step_interval(&self, t: &Trace) -> usize {
        let usual = policy::step_interval(self.cx.arena.capacity());
        match self.kept_share() {
            Some(_) if self.cx.can_shield() => usual.min(t.pace.room.get() / STEPS),
            _ => usual,
        }
    }

    /// A trace has ended.
    pub(super) fn pace_end(&self, t: &Trace) {
        if !parts::BARRIERS {
            return;
        }
        let p = &t.pace;
        let allocated = self.allocated.get().wrapping_sub(p.began.get());
        // What was there when it began.
        let total = t.condemned.get().saturating_add(t.not_condemned.get());
        self.last_work(t).set((policy::remembered(p.expected.get(), t.budget.done()), total));
        let pace = [
            self.cx.instance.get(),
            p.expected.get(),
            t.budget.done(),
            p.room.get(),
            allocated,
            p.late.get() as usize,
        ];
        event(Category::Trace, EventKind::Pace, &pace);
    }

    /// How much work the last trace of the kind of `t` was, and how many bytes there were.
    fn last_work(&self, t: &Trace) -> &Cell<(usize, usize)> {
        let [some, full] = &self.last_work;
        if t.full.get() { full } else { some }
    }

    /// A trace is in progress, and `since` bytes have been allocated since a step was last
    /// thought of. How long a step may take, in ticks, and how much work it should do. `None`:
    /// none is due, or the collector has had its share.
    pub(super) fn pace_step(
        &self,
        t: &Trace,
        now: usize,
        since: usize,
        kept: usize,
    ) -> Option<(usize, usize)> {
        let p = &t.pace;
        let pause = plinth::ticks(self.pause_time.get());
        let allocated = self.allocated.get().wrapping_sub(p.began.get());
        let room = p.room.get().saturating_sub(allocated);
        self.last_step.set(self.allocated.get());
        if room == 0 {
            if !p.late.replace(true) {
                bump(&self.cx.stats.late, 1);
            }
            return Some((pause, usize::MAX));
        }
        let piece = policy::piece(self.cx.arena.capacity());
        let rest = policy::rest(p.expected.get(), t.budget.done(), piece);
        // What was allocated before this was in the room as well.
        let due = policy::due(since, rest, room.saturating_add(since));
        p.owed.set(p.owed.get().saturating_add(due).min(rest));
        if p.owed.get() < piece {
            return None;
        }
        let time = self.may_take(now, kept).min(pause);
        // A step of less would be all preparation.
        (time >= pause / 4).then_some((time, p.owed.get()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_window_has_less_than_its_share() {
        // The collector takes all it may, in pieces of 7 ticks, whenever it may.
        let (window, part, share) = (800, 100, 400);
        let lately = Lately::default();
        let mut taken = std::vec::Vec::new();
        let mut now = 0;
        while now < 20_000 {
            if lately.sum(now, part) + 7 <= share {
                now += 7;
                lately.add(now, 7, part);
                taken.push((now - 7, now));
            } else {
                now += 1;
            }
        }
        for &(from, _) in &taken {
            let busy: usize =
                taken.iter().map(|&(a, b)| b.min(from + window).saturating_sub(a.max(from))).sum();
            assert!(busy <= share, "{busy} from {from}");
        }
        let all = taken.len() * 7;
        assert!(all * 2 > now * share / window, "it gets most of its share: {all} of {now}");
        assert!(lately.most.get() <= share && lately.most.get() > share - 7);
    }

    #[test]
    fn the_clock_wraps_around() {
        let lately = Lately::default();
        lately.go_on(usize::MAX - 10, 100);
        lately.add(usize::MAX - 5, 50, 100);
        assert_eq!(lately.sum(20, 100), 50);
        assert_eq!(lately.sum(790, 100), 50);
        assert_eq!(lately.sum(1000, 100), 0);
    }
}
