//! When to collect, and how much at a time.

use super::entry::Entered;
use super::{Mpm, State, pause};
use crate::base::addr::{Addr, Size};
use crate::base::ptr::P;
use crate::base::res::{Res, Result};
use crate::object::buffer::{self, Buffer};
use crate::object::cx::bump;
use crate::object::locus::Chain;
use crate::object::trace::Trace;
use crate::seam::event::{Category, EventKind, event, event_text, is_on};
use crate::seam::parts;
use crate::seam::plinth::{self, Deadline};
use crate::trace::{Report, policy};

/// Why collections begin, for messages.
const WHY_TOP: &str =
    "As much has become old as was alive at the last full collection: everything is collected.\0";
const WHY_CHAIN: &str = "New objects in a generation exceed its capacity.\0";
const WHY_FLAT: &str = "As many young objects survive as old ones: everything is collected.\0";
const WHY_ASKED: &str = "The client asked for a full collection.\0";
const WHY_STEP: &str = "The client has time for a full collection.\0";
const WHY_MEMORY: &str = "Memory has run out: everything is collected.\0";

/// What has been done so far for one request that failed for want of memory. Each request
/// begins with a new one: [`Entered::relieve`].
#[derive(Default)]
pub struct Relief {
    /// Chunks that nothing was in have been given back.
    shrunk: bool,
    /// The collection that was in progress has been finished.
    finished: bool,
    /// How often everything has been collected.
    collected: usize,
}

impl Mpm {
    /// How many clock ticks a barrier hit should take at most, if the client has asked for
    /// short pauses. `None`: it has not. To keep to such a limit makes the scan of large
    /// objects cost more in all.
    pub(super) fn short_pause(&self) -> Option<usize> {
        /// Pauses up to this long are short, in seconds: about a frame of a display that
        /// shows 60 in a second.
        const SHORT_PAUSE: f64 = 0.02;
        let pause = self.pause_time.get();
        (pause <= SHORT_PAUSE).then(|| plinth::ticks(pause))
    }

    /// Writes an event: the counters of work so far.
    pub(super) fn report_work(&self) {
        if !is_on(Category::Trace) {
            return;
        }
        let (s, calls) = (&self.cx.stats, &self.cx.arena.calls);
        let work = [
            self.cx.instance.get(),
            s.copied.get(),
            s.reclaimed.get(),
            s.read_hits.get(),
            s.write_hits.get(),
            calls.map.get(),
            calls.unmap.get(),
            calls.protect.get(),
        ];
        event(Category::Trace, EventKind::Work, &work);
    }
}

impl Entered {
    /// Lets the collector have its turn: does a step of the trace in progress if enough has
    /// been allocated since the last one, or starts a trace if one is due. Called whenever
    /// an allocation point needs room. Cost: a few loads, if nothing is due.
    #[inline]
    pub fn poll(&self) {
        if self.state.get() != State::Unclamped {
            return;
        }
        if let Some(t) = self.cx.busy_trace() {
            let since = self.allocated.get().wrapping_sub(self.last_step.get());
            if since >= self.step_interval(t) {
                self.go_on(t, since);
            }
        } else if let Some(t) = self.consider() {
            self.go_on(t, 0);
        }
    }

    /// A trace is in progress, and `since` bytes have been allocated since a step was last
    /// thought of: does a step, if one is due.
    fn go_on(&self, t: &Trace, since: Size) {
        let Some(kept) = self.kept_share().filter(|_| self.cx.can_shield()) else {
            t.pace.gentle.set(false);
            return self.work(t);
        };
        t.pace.gentle.set(true);
        let now = plinth::clock();
        let Some((ticks, work)) = self.pace_step(t, now, since, kept) else { return };
        let before = t.budget.done();
        self.step_trace(t, now, Deadline::new(now, ticks), work);
        let done = t.budget.done().wrapping_sub(before);
        t.pace.owed.set(t.pace.owed.get().saturating_sub(done));
    }

    /// One step of a trace, within the pause time.
    fn work(&self, t: &Trace) {
        let now = plinth::clock();
        self.step_trace(t, now, self.until(now, self.pause_time.get()), Size::MAX);
    }

    /// When a step that begins `now` and is to take `seconds` has to stop; `None`: when the
    /// trace has ended.
    fn until(&self, now: usize, seconds: f64) -> Option<Deadline> {
        // Without barriers the mutator must not run before a trace has ended.
        if !self.cx.can_shield() {
            return None;
        }
        Deadline::new(now, plinth::ticks(seconds))
    }

    /// One step of a trace, until time is up, if `until` is given, or `work` has been done.
    fn step_trace(&self, t: &Trace, began: usize, until: Option<Deadline>, work: Size) -> Report {
        self.pause_begin(began, pause::STEP);
        let report = self.tracer.step(t, self.inside(), until, work);
        let took = plinth::passed(began, plinth::clock());
        self.last_step.set(self.allocated.get());
        bump(&self.cx.stats.steps, 1);
        bump(&self.trace_ticks, took);
        event(Category::Trace, EventKind::Step, &[self.cx.instance.get(), took]);
        if took > self.cx.stats.longest.get() {
            self.cx.stats.longest.set(took);
        }
        if report.ready {
            self.post_ready();
        }
        if report.finished {
            self.post_end(t);
            self.pace_end(t);
            self.report_end(t);
            bump(&self.trace_bytes, t.condemned.get());
            self.tune();
            self.check_sanity();
        }
        report
    }

    /// Fits the default chain to what is alive and to the size of the arena. Clients
    /// who want other sizes make a chain of their own.
    pub fn tune(&self) {
        let Some(chain) = self.cx.default_chain.get() else { return };
        if let Some(g) = chain.get().generation(0) {
            let alive = self.tracer.top_after.get();
            let capacity = self.cx.arena.capacity();
            let room = capacity.saturating_sub(self.cx.top.total.get());
            g.get().capacity.set(policy::nursery(alive, self.tracer.flat.get(), room, capacity));
        }
    }

    /// Bytes in the segments of all generations.
    fn total(&self) -> Size {
        self.cx
            .chains
            .iter()
            .flat_map(|c| c.get().generations())
            .map(|g| g.get().total.get())
            .fold(self.cx.top.total.get(), Size::wrapping_add)
    }

    /// Writes events: how a collection ended.
    fn report_end(&self, t: &Trace) {
        if !is_on(Category::Trace) {
            return;
        }
        let me = self.cx.instance.get();
        let end = [me, t.condemned.get(), t.not_condemned.get(), t.live.get()];
        event(Category::Trace, EventKind::TraceEnd, &end);
        self.report_memory();
        self.report_work();
    }

    /// Writes events: how much memory there is, and in which generations.
    fn report_memory(&self) {
        if !is_on(Category::Trace) {
            return;
        }
        let me = self.cx.instance.get();
        let a = &self.cx.arena;
        let memory = [me, a.reserved.get(), a.committed.get(), a.spare.get()];
        event(Category::Trace, EventKind::Memory, &memory);
        for c in self.cx.chains.iter() {
            for (i, g) in c.get().generations().enumerate() {
                let args = [me, c.addr().0, i, g.get().total.get()];
                event(Category::Trace, EventKind::Generation, &args);
            }
        }
        event(Category::Trace, EventKind::Generation, &[me, 0, 0, self.cx.top.total.get()]);
    }

    #[cfg(feature = "variety-cool")]
    fn check_sanity(&self) {
        crate::trace::sanity::check(&self.tracer, self.inside());
    }

    #[cfg(not(feature = "variety-cool"))]
    fn check_sanity(&self) {}

    /// Starts a trace if one is due, none being in progress.
    pub fn consider(&self) -> Option<&Trace> {
        let top = &self.cx.top;
        let full = self.full_wanted.get()
            || policy::wants_full(
                top.total.get(),
                self.tracer.top_after.get(),
                self.cx.arena.capacity(),
            );
        if full {
            let why = if self.full_wanted.get() { WHY_ASKED } else { WHY_TOP };
            return self.start(true, !self.full_wanted.get(), why, |_| 0);
        }
        let upto = |c: P<Chain>| {
            let gens = c.get().generations();
            policy::wants_chain(gens.map(|g| (g.get().counted(), g.get().capacity.get())))
        };
        let due = |c| upto(c) != 0;
        if parts::BARRIERS && self.tracer.flat.get() && self.cx.default_chain.get().is_some_and(due)
        {
            return self.start(true, true, WHY_FLAT, |_| 0);
        }
        if !self.cx.chains.iter().any(due) {
            return None;
        }
        self.start(false, true, WHY_CHAIN, upto)
    }

    /// Starts a trace of all generations that moves what it can, if there is a place for
    /// one.
    fn start_full(&self, why: &'static str) -> Option<&Trace> {
        self.start(true, false, why, |_| 0)
    }

    /// Starts a trace, if there is a place for one: a `full` one, or one of the first so many
    /// generations of each chain as `upto` says. `sparing`: see [`crate::trace::Tracer::start`].
    fn start(
        &self,
        full: bool,
        sparing: bool,
        why: &'static str,
        upto: impl Fn(P<Chain>) -> usize,
    ) -> Option<&Trace> {
        let t = self.cx.idle_trace()?;
        self.post_start(t, why);
        let args = [self.cx.instance.get(), full as usize];
        event_text(Category::Trace, EventKind::TraceStart, &args, why.as_bytes());
        self.report_memory();
        self.tracer.start(t, self.inside(), full, sparing, upto);
        self.pace_begin(t, self.total());
        if full {
            self.full_wanted.set(false);
            self.last_full.set(self.allocated.get());
        }
        Some(t)
    }

    /// Is there anything that could be collected?
    fn has_objects(&self) -> bool {
        self.cx.top.total.get() != 0
            || self
                .cx
                .chains
                .iter()
                .any(|c| c.get().generations().any(|g| g.get().total.get() != 0))
    }

    /// Finishes all traces in progress.
    ///
    /// # Errors
    /// A scanner refused; all were finished.
    pub fn finish_traces(&self) -> Result {
        let mut refused = None;
        while let Some(t) = self.cx.busy_trace() {
            let report = self.step_trace(t, plinth::clock(), None, Size::MAX);
            refused = refused.or(report.refused);
        }
        refused.map_or(Ok(()), Err)
    }

    /// Finishes the collections in progress and lets no other start.
    pub fn park(&self) {
        let _ = self.finish_traces();
        self.state.set(State::Parked);
    }

    /// Lets no collection start.
    pub fn clamp(&self) {
        self.state.set(State::Clamped);
    }

    /// Lets collections start as needed.
    pub fn release(&self) {
        self.state.set(State::Unclamped);
        self.poll();
    }

    /// Collects everything, and parks.
    ///
    /// # Errors
    /// `Fail`: there was nothing to collect. Any: a scanner's.
    pub fn collect(&self) -> Result {
        self.park();
        if !self.has_objects() {
            return Err(Res::Fail);
        }
        self.start_full(WHY_ASKED);
        self.finish_traces()
    }

    /// Starts to collect everything.
    ///
    /// # Errors
    /// `Fail`: there was nothing to collect.
    pub fn start_collect(&self) -> Result {
        self.state.set(State::Unclamped);
        if !self.cx.busy.get().is_empty() {
            // The one in progress need not be of everything. That comes next.
            self.full_wanted.set(true);
            return Ok(());
        }
        if !self.has_objects() {
            return Err(Res::Fail);
        }
        if let Some(t) = self.start_full(WHY_ASKED) {
            self.work(t);
        }
        Ok(())
    }

    /// A ramp that ends with a full collection has ended.
    pub fn collect_soon(&self) {
        if self.state.get() == State::Unclamped {
            // With nothing to collect there is nothing to do.
            let _ = self.start_collect();
        }
    }

    /// Reserves `size` bytes out of line on an allocation point on which nothing is reserved,
    /// of a pool without a lock of its own. If memory is refused, it does what may help and
    /// tries again.
    ///
    /// # Errors
    /// Those of the class and of the arena, after all has been done that may help.
    pub fn fill(&self, b: P<Buffer>, size: Size) -> Result<Addr> {
        self.poll();
        let before = b.base.get();
        let mut relief = Relief::default();
        let p = loop {
            match buffer::fill(b, size) {
                Err(_) if self.relieve(&mut relief) => {}
                other => break other?,
            }
        };
        if b.base.get() != before {
            bump(&self.allocated, b.room_limit.get().since(b.base.get()));
        }
        Ok(p)
    }

    /// Called when a request has failed for want of memory or address space. The arena has
    /// given back its spare memory by then. Does the next thing that may help. True: try
    /// again.
    ///
    /// The last thing is a collection of everything, once or a few times, however lately
    /// there was one: the client may have let go of objects since, and the library does
    /// not know. So a request fails only if a collection just before has not helped.
    pub fn relieve(&self, done: &mut Relief) -> bool {
        if self.cx.busy.get().is_empty() && !done.shrunk {
            done.shrunk = true;
            if self.cx.arena.shrink() {
                return true;
            }
        }
        if self.state.get() != State::Unclamped {
            return false;
        }
        if !self.cx.busy.get().is_empty() && !done.finished {
            done.finished = true;
            let _ = self.finish_traces();
            return true;
        }
        if done.collected >= policy::collections(self.cx.arena.capacity()) || !self.has_objects() {
            return false;
        }
        done.collected += 1;
        // Another thread may have begun one meanwhile.
        let _ = self.finish_traces();
        self.start_full(WHY_MEMORY);
        let _ = self.finish_traces();
        true
    }

    /// Does collection work for up to `interval` seconds. If there is none to do, starts a
    /// collection of everything, provided that can be expected to take at most
    /// `multiplier` times as long. True: there was work to do.
    pub fn step(&self, interval: f64, multiplier: f64) -> bool {
        // Work is done in whatever state the arena is: a client may clamp it for good, and
        // have all collections in calls of this function.
        if self.state.get() == State::Parked {
            self.state.set(State::Clamped);
        }
        let began = plinth::clock();
        let worth_it = || {
            let wait = interval * multiplier * plinth::clocks_per_sec() as f64;
            multiplier > 0.0 && self.is_worth_it() && self.expected_ticks() <= wait
        };
        let t = self.cx.busy_trace().or_else(|| self.consider());
        let t = t.or_else(|| if worth_it() { self.start_full(WHY_STEP) } else { None });
        let Some(t) = t else { return false };
        self.step_trace(t, began, self.until(began, interval), Size::MAX);
        true
    }

    /// Has enough been allocated since the last full collection?
    fn is_worth_it(&self) -> bool {
        self.has_objects()
            && self.allocated.get().wrapping_sub(self.last_full.get())
                > policy::step_interval(self.cx.arena.capacity())
    }

    /// How many clock ticks a collection of everything should take, judged by the past; if
    /// there was less than a megabyte to judge by, by a guess of 4 nanoseconds a byte.
    fn expected_ticks(&self) -> f64 {
        let total = self.total();
        let per_byte = if self.trace_bytes.get() > 1 << 20 {
            self.trace_ticks.get() as f64 / self.trace_bytes.get() as f64
        } else {
            4e-9 * plinth::clocks_per_sec() as f64
        };
        total as f64 * per_byte
    }
}
