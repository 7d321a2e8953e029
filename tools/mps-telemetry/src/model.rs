//! What streams tell of each arena, as series and figures.

use crate::stream::{Address, Event, Stream, WHY_STEP, Work};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// A generation: its chain (0: the top one) and its number.
pub type GenerationId = (Address, u64);

/// How much memory there was at a time.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    pub at: f64,
    pub reserved: u64,
    pub committed: u64,
    pub spare: u64,
    pub generations: BTreeMap<GenerationId, u64>,
}

/// A collection. One that the stream shows the end of only begins at it.
#[derive(Clone, Debug, Default)]
pub struct Collection {
    pub start: f64,
    /// `None`: the stream ends first.
    pub end: Option<f64>,
    pub full: bool,
    pub why: String,
    pub condemned: u64,
    pub not_condemned: u64,
    pub live: u64,
    pub moved: u64,
    /// Seconds of its steps.
    pub work: f64,
    pub steps: u64,
}

/// A time that the program waited.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pause {
    pub start: f64,
    pub end: f64,
    pub why: u64,
}

impl Pause {
    pub fn seconds(&self) -> f64 {
        self.end - self.start
    }

    pub fn is_step(&self) -> bool {
        self.why & WHY_STEP != 0
    }
}

/// An arena.
#[derive(Clone, Debug, Default)]
pub struct Arena {
    pub address: Address,
    /// When it was made, or first heard of.
    pub from: f64,
    /// When it went, or the stream ended.
    pub to: f64,
    pub grain: Option<u64>,
    pub client: bool,
    pub pools: Vec<String>,
    pub snapshots: Vec<Snapshot>,
    pub collections: Vec<Collection>,
    pub pauses: Vec<Pause>,
    /// Start and end of each step.
    pub steps: Vec<(f64, f64)>,
    pub work: Work,
}

/// A stream's arenas.
#[derive(Clone, Debug, Default)]
pub struct Process {
    /// Where it was read.
    pub name: String,
    pub forked: bool,
    pub seconds: f64,
    pub events: usize,
    pub lost: u64,
    pub arenas: Vec<Arena>,
}

impl Process {
    pub fn new(name: &str, s: &Stream) -> Process {
        let mut p = Process {
            name: name.to_string(),
            forked: s.is_forked(),
            events: s.events.len(),
            ..Process::default()
        };
        let mut known = HashMap::new();
        for e in &s.events {
            let at = s.seconds(e.clock);
            p.seconds = p.seconds.max(at);
            if let Event::Lost { events } = e.event {
                p.lost = p.lost.saturating_add(events);
            }
            let Some(address) = e.event.arena() else { continue };
            let new = matches!(e.event, Event::ArenaCreate { .. });
            let index = match known.get(&address) {
                Some(i) if !new => *i,
                _ => {
                    p.arenas.push(Arena { address, from: at, ..Arena::default() });
                    p.arenas.len() - 1
                }
            };
            known.insert(address, index);
            if let Some(arena) = p.arenas.get_mut(index) {
                arena.note(s, at, &e.event);
            }
            if matches!(e.event, Event::ArenaDestroy { .. }) {
                known.remove(&address);
            }
        }
        p
    }
}

impl Arena {
    fn note(&mut self, s: &Stream, at: f64, e: &Event) {
        self.to = at;
        match e {
            Event::ArenaCreate { grain, client, .. } => {
                self.grain = Some(*grain);
                self.client = *client;
            }
            Event::PoolCreate { class, .. } => self.pools.push(class.clone()),
            Event::Memory { reserved, committed, spare, .. } => self.snapshots.push(Snapshot {
                at,
                reserved: *reserved,
                committed: *committed,
                spare: *spare,
                generations: BTreeMap::new(),
            }),
            Event::Generation { chain, number, bytes, .. } => {
                if let Some(last) = self.snapshots.last_mut() {
                    last.generations.insert((*chain, *number), *bytes);
                }
            }
            Event::TraceStart { full, why, .. } => self.collections.push(Collection {
                start: at,
                full: *full,
                why: why.clone(),
                ..Collection::default()
            }),
            Event::TraceFlip { condemned, not_condemned, .. } => {
                let c = self.collection(at);
                c.condemned = *condemned;
                c.not_condemned = *not_condemned;
            }
            Event::TraceEnd { condemned, not_condemned, live, .. } => {
                let c = self.collection(at);
                c.condemned = *condemned;
                c.not_condemned = *not_condemned;
                c.live = *live;
                c.end = Some(at);
            }
            Event::Step { ticks, .. } => {
                // The step that ends a collection is told of before the end.
                let c = self.collection(at);
                c.work += s.span(*ticks);
                c.steps += 1;
                self.steps.push(((at - s.span(*ticks)).max(0.0), at));
            }
            Event::Pause { ticks, why, .. } => {
                let start = (at - s.span(*ticks)).max(0.0);
                self.pauses.push(Pause { start, end: at, why: *why });
            }
            Event::Work(w) => {
                let moved = w.moved.saturating_sub(self.work.moved);
                if let Some(c) = self.collections.last_mut() {
                    c.moved = c.moved.saturating_add(moved);
                }
                self.work = *w;
            }
            _ => {}
        }
    }

    /// The collection in progress; one that began before the stream, if none.
    fn collection(&mut self, at: f64) -> &mut Collection {
        if self.collections.last().is_none_or(|c| c.end.is_some()) {
            let why = "began before the stream".to_string();
            self.collections.push(Collection { start: at, why, ..Collection::default() });
        }
        let last = self.collections.len() - 1;
        &mut self.collections[last]
    }

    /// All generations that were ever seen: a chain's in order, the top one last.
    pub fn generations(&self) -> Vec<GenerationId> {
        let all: BTreeSet<GenerationId> =
            self.snapshots.iter().flat_map(|s| s.generations.keys().copied()).collect();
        let mut all: Vec<_> = all.into_iter().collect();
        all.sort_by_key(|g| (g.0 == Address(0), g.0, g.1));
        all
    }

    /// Pauses in order of length.
    pub fn sorted_pauses(&self) -> Vec<f64> {
        let mut all: Vec<f64> = self.pauses.iter().map(Pause::seconds).collect();
        all.sort_by(f64::total_cmp);
        all
    }

    pub fn has_content(&self) -> bool {
        !self.snapshots.is_empty() || !self.collections.is_empty() || !self.pauses.is_empty()
    }
}

/// The value that `q` of a sorted array do not exceed.
pub fn percentile(sorted: &[f64], q: f64) -> Option<f64> {
    let rank = (q * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.max(1).min(sorted.len()).checked_sub(1)?).copied()
}

/// When the program waited: pauses in order, those that overlap joined.
pub struct Waits {
    /// Start and end.
    spans: Vec<(f64, f64)>,
    /// Time waited before each.
    before: Vec<f64>,
}

impl Waits {
    pub fn new(pauses: &[Pause]) -> Waits {
        let mut all: Vec<(f64, f64)> = pauses.iter().map(|p| (p.start, p.end)).collect();
        all.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut spans: Vec<(f64, f64)> = Vec::new();
        for (start, end) in all {
            match spans.last_mut() {
                Some(last) if start <= last.1 => last.1 = last.1.max(end),
                _ => spans.push((start, end)),
            }
        }
        let mut sum = 0.0;
        let mut before = Vec::new();
        for (start, end) in &spans {
            before.push(sum);
            sum += end - start;
        }
        Waits { spans, before }
    }

    /// Time waited up to `t`.
    fn until(&self, t: f64) -> f64 {
        let i = self.spans.partition_point(|s| s.0 < t);
        match i.checked_sub(1).and_then(|i| Some((self.spans.get(i)?, self.before.get(i)?))) {
            Some(((start, end), before)) => before + (end.min(t) - start).max(0.0),
            None => 0.0,
        }
    }

    /// Time waited between two times.
    pub fn between(&self, from: f64, to: f64) -> f64 {
        (self.until(to) - self.until(from)).max(0.0)
    }

    /// Of windows of length `w` between two times, the least share that the
    /// program had of one. The worst window begins with a pause or ends with one.
    pub fn minimum_utilisation(&self, w: f64, from: f64, to: f64) -> f64 {
        let last = to - w;
        if last < from || w <= 0.0 {
            return if to > from { 1.0 - self.between(from, to) / (to - from) } else { 1.0 };
        }
        let worst = self
            .spans
            .iter()
            .flat_map(|(start, end)| [*start, end - w])
            .map(|t| {
                let t = t.clamp(from, last);
                self.between(t, t + w)
            })
            .fold(0.0, f64::max);
        (1.0 - worst / w).clamp(0.0, 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::read;
    use crate::stream::testing::{Random, Writer, sample};

    fn arena() -> Arena {
        let (streams, _) = read(&sample());
        let mut p = Process::new("sample", &streams[0]);
        assert_eq!(p.arenas.len(), 1);
        p.arenas.remove(0)
    }

    #[test]
    fn sample_in_figures() {
        let a = arena();
        assert_eq!(
            (a.grain, a.client, a.pools.as_slice()),
            (Some(4096), false, &["AMC".to_string()][..])
        );
        assert_eq!(a.collections.len(), 3);
        let c = &a.collections[1];
        assert!(c.full && c.why.starts_with("The client asked") && c.steps == 1);
        assert_eq!((c.condemned, c.live, c.moved), (3 << 20, 1 << 20, 1 << 20));
        assert!((c.work - 0.003).abs() < 1e-9);
        assert_eq!(a.snapshots.len(), 6);
        assert_eq!(a.generations(), [(Address(0x3000), 0), (Address(0), 0)]);
        assert_eq!(a.snapshots[0].generations[&(Address(0x3000), 0)], 3 << 20);
        let us: Vec<i64> = a.sorted_pauses().iter().map(|s| (s * 1e6).round() as i64).collect();
        assert_eq!(us, [10, 10, 10, 20, 20, 20, 500, 1000, 3000]);
        assert_eq!(a.work.moved, 3 << 20);
        assert_eq!(a.pauses.iter().filter(|p| !p.is_step()).count(), 3);
    }

    #[test]
    fn percentiles() {
        assert_eq!(percentile(&[], 0.5), None);
        let v: Vec<f64> = (1..=1000).map(f64::from).collect();
        assert_eq!(percentile(&v, 0.5), Some(500.0));
        assert_eq!(percentile(&v, 0.99), Some(990.0));
        assert_eq!(percentile(&v, 0.999), Some(999.0));
        assert_eq!(percentile(&v, 1.0), Some(1000.0));
        assert_eq!(percentile(&v, 0.0), Some(1.0));
        assert_eq!(percentile(&[7.0], 0.999), Some(7.0));
    }

    #[test]
    fn an_address_used_again_is_another_arena() {
        let mut w = Writer::new(1000, 0);
        w.event(16, 5, &[0x10, 5, 1], "") // before the stream began
            .event(3, 1, &[0x10], "")
            .event(2, 1, &[0x10, 4096, 1], "")
            .event(2, 1, &[0x10, 4096, 0], "") // the end of the one before was lost
            .event(9, 1, &[0x10, 1, 2, 3], "");
        let p = Process::new("x", &read(&w.0).0[0]);
        let what: Vec<_> = p.arenas.iter().map(|a| (a.grain, a.client, a.pauses.len())).collect();
        assert_eq!(what, [(None, false, 1), (Some(4096), true, 0), (Some(4096), false, 0)]);
        assert_eq!(p.arenas[2].collections[0].why, "began before the stream");
    }

    #[test]
    fn waiting() {
        let p = |start, end| Pause { start, end, why: 1 };
        let w = Waits::new(&[p(5.0, 6.0), p(1.0, 2.0), p(1.5, 3.0), p(9.0, 9.5)]);
        assert_eq!(w.spans, [(1.0, 3.0), (5.0, 6.0), (9.0, 9.5)]);
        assert_eq!(w.between(0.0, 10.0), 3.5);
        assert_eq!(w.between(2.0, 5.5), 1.5);
        assert_eq!(w.minimum_utilisation(1.0, 0.0, 10.0), 0.0);
        assert_eq!(w.minimum_utilisation(4.0, 0.0, 10.0), 0.5);
        assert_eq!(w.minimum_utilisation(5.0, 0.0, 10.0), 0.4);
        assert_eq!(w.minimum_utilisation(10.0, 0.0, 10.0), 0.65);
        assert_eq!(Waits::new(&[]).minimum_utilisation(1.0, 0.0, 10.0), 1.0);
    }

    /// The worst of very many windows tried is no worse.
    #[test]
    fn worst_window() {
        let mut r = Random::new();
        for _ in 0..50 {
            let mut t = 0.0;
            let pauses: Vec<Pause> = (0..20)
                .map(|_| {
                    t += r.below(1000) as f64 / 100.0;
                    let start = t;
                    t += r.below(500) as f64 / 100.0;
                    Pause { start, end: t, why: 1 }
                })
                .collect();
            let waits = Waits::new(&pauses);
            let length = 0.5 + r.below(1000) as f64 / 100.0;
            let tried = (0..2000)
                .map(|i| (t - length) * f64::from(i) / 1999.0)
                .map(|from| 1.0 - waits.between(from, from + length) / length)
                .fold(1.0, f64::min);
            let said = waits.minimum_utilisation(length, 0.0, t);
            if t > length {
                assert!(said <= tried + 1e-9, "{said} {tried}");
                assert!(said >= tried - 0.1, "{said} {tried}");
            }
        }
    }
}
