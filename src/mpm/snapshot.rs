//! Heap snapshots: every object with its references, and every root, written to the event
//! stream. `docs/telemetry.md` has the events, `mps-telemetry heap` reads them.
//!
//! Nothing is kept in memory: an object's references go out as its scan method finds
//! them, a few at a time.

use super::entry::Entered;
use super::walk::{each_object, is_to_object};
use super::{Mpm, State};
use crate::base::addr::{Addr, Size};
use crate::base::ptr::P;
use crate::base::res::{Res, Result};
use crate::base::sets::{Rank, ZoneSet};
use crate::object::cx::Inside;
use crate::object::pool::Pool;
use crate::object::scan::{Ref, ScanState};
use crate::object::seg::{self, Seg};
use crate::seam::event::{EventKind, Whole};
use crate::trace::root::{self, RootKind};
use core::cell::{Cell, RefCell};

/// References in one event. A guess: what comes before them is then little of it.
const REFS: usize = 30;
/// How often it is tried. A thread that was held while it had the stream is let go in between.
/// A guess: milliseconds.
const TRIES: u32 = 100;

/// A snapshot that is being written.
struct Writer {
    out: RefCell<Whole>,
    /// What the references are in: an object, or null.
    from: Cell<Addr>,
    /// What an event has: the rank, then references.
    refs: [Cell<usize>; REFS + 1],
    len: Cell<usize>,
    objects: Cell<usize>,
    found: Cell<usize>,
}

impl Writer {
    fn put(&self, k: EventKind, args: &[usize], text: &[u8]) {
        // Nobody else has it: `put` calls nothing that comes back here.
        if let Ok(mut out) = self.out.try_borrow_mut() {
            out.put(k, args, text);
        }
    }

    /// Begins with the references of `rank` in the object at `from`, or in a root.
    fn begin(&self, from: Addr, rank: Rank) {
        self.from.set(from);
        let [first, ..] = &self.refs;
        first.set(rank as usize);
        self.len.set(1);
    }

    /// Adds a reference. It is written as the distance from the object (in a root: from 0), twice
    /// that if it goes up, and one less than twice that if it goes down: most often two or
    /// three bytes then.
    fn add(&self, to: Addr) {
        let far = to.0.wrapping_sub(self.from.get().0) as isize;
        if let Some(place) = self.refs.get(self.len.get()) {
            place.set((far << 1 ^ far >> (isize::BITS - 1)) as usize);
        }
        self.len.set(self.len.get() + 1);
        self.found.set(self.found.get() + 1);
        if self.len.get() == self.refs.len() {
            self.flush();
        }
    }

    fn flush(&self) {
        let n = self.len.replace(1);
        if n > 1 {
            let mut args = [0; REFS + 1];
            for (a, r) in args.iter_mut().zip(&self.refs) {
                *a = r.get();
            }
            self.put(EventKind::HeapRefs, args.get(..n).unwrap_or_default(), b"");
        }
    }
}

/// Takes the place of fix.
fn found(ss: &ScanState, r: Ref<'_>) -> Result {
    // SAFETY: `snapshot` put it there, and lives longer than the scan.
    let w = unsafe { &*ss.closure.cast::<Writer>() };
    if is_to_object(ss, r) && !(crate::seam::fault("snapshot") && w.len.get() == 1) {
        w.add(r.get());
    }
    Ok(())
}

impl Mpm {
    /// Writes a snapshot. Not inside. The mutator is held meanwhile.
    ///
    /// # Errors
    /// `Io`: the plinth's stream is not to be had or does not take what is written;
    /// `Fail`: another thread has it for too long.
    pub fn snapshot(self_: P<Mpm>) -> Result {
        let mut done = Err(Res::Fail);
        for round in 0..TRIES {
            done = Mpm::enter(self_, Entered::snapshot);
            if done != Err(Res::Fail) {
                break;
            }
            self_.cx.arena.port.relax(round);
        }
        done
    }
}

impl Entered {
    fn snapshot(&self) -> Result {
        let cx = self.inside();
        if self.state.get() != State::Postmortem {
            // A collection leaves objects in two places. It is finished before we take the
            // stream, so that it can tell of itself.
            let _ = self.finish_traces();
        }
        let out = Whole::begin()?;
        let w = Writer {
            out: RefCell::new(out),
            from: Cell::new(Addr::NULL),
            refs: [const { Cell::new(0) }; REFS + 1],
            len: Cell::new(1),
            objects: Cell::new(0),
            found: Cell::new(0),
        };
        let me = cx.instance.get();
        w.put(EventKind::HeapBegin, &[me], b"");
        for pool in cx.pools.iter() {
            let format = pool.format.get().map_or(0, |f| f.addr().0);
            let args = [pool.addr().0, format, pool.class.total_size(pool), free_size(pool)];
            w.put(EventKind::HeapPool, &args, pool.class.name().as_bytes());
        }
        cx.hold();
        let zones = cx.formatted_zones();
        for pool in cx.pools.iter() {
            self.snapshot_pool(cx, pool, zones, &w);
        }
        for r in self.tracer.roots.iter() {
            w.put(EventKind::HeapRoot, &[r.addr().0, r.rank as usize], kind_of(&r.get().kind));
            w.begin(Addr::NULL, r.rank);
            let ss = ScanState::hooked(cx, r.rank, zones, found, (&raw const w).cast_mut().cast());
            // An error code of the client's scanner: what it has found is there.
            let _ = root::scan(r, &ss, &self.tracer);
            w.flush();
        }
        // What is registered for finalization keeps alive what it leads to.
        w.put(EventKind::HeapRoot, &[0, Rank::Final as usize], b"finalization");
        w.begin(Addr::NULL, Rank::Final);
        self.tracer.guardians.each_ref(&self.cx, |r| w.add(r.get()));
        w.flush();
        w.put(EventKind::HeapEnd, &[me, w.objects.get(), w.found.get()], b"");
        w.out.into_inner().end()
    }

    fn snapshot_pool(&self, cx: Inside<'_>, pool: P<Pool>, zones: ZoneSet, w: &Writer) {
        let closure = core::ptr::from_ref(w).cast_mut().cast();
        self.live_areas(pool, &mut |s, f, area| {
            let ss = ScanState::hooked(cx, seg::first_rank(s.ranks), zones, found, closure);
            let generation = self.number_of(s);
            each_object(f, area, &mut |at, next| {
                let object = at.add(f.m.header);
                let args = [pool.addr().0, object.0, next.since(at), generation];
                w.put(EventKind::HeapObject, &args, b"");
                w.objects.set(w.objects.get() + 1);
                if !s.ranks.is_empty() {
                    w.begin(object, ss.rank);
                    // As for roots.
                    let _ = ss.scan(f, at, next);
                    w.flush();
                }
            });
        });
    }

    /// One more than the number of a segment's generation in its chain; 0 for the top one.
    fn number_of(&self, s: P<Seg>) -> usize {
        let Some(g) = s.generation.get() else { return 0 };
        let all = self.cx.chains.iter().map(|c| c.get().generations());
        all.filter_map(|mut gs| gs.position(|x| x == g)).next().map_or(0, |i| i + 1)
    }
}

/// Bytes of a pool that are free. Of one with a lock of its own that another thread has just
/// now: 0, for that is not waited for in here.
fn free_size(pool: P<Pool>) -> Size {
    let Some(lock) = pool.class.lock(pool) else { return pool.class.free_size(pool) };
    lock.get().try_take().map_or(0, |_held| pool.class.free_size(pool))
}

fn kind_of(k: &RootKind) -> &'static [u8] {
    match k {
        RootKind::Fun { .. } => b"function",
        RootKind::Area { .. } | RootKind::AreaTagged { .. } => b"area",
        RootKind::Fmt { .. } => b"objects",
        RootKind::Reg { .. } | RootKind::Stack { .. } | RootKind::StackTagged { .. } => b"stack",
        #[cfg(feature = "fibers")]
        RootKind::Fiber { .. } => b"fiber",
        #[cfg(feature = "expose")]
        RootKind::Exposed(_) => b"exposed",
        #[cfg(feature = "pins")]
        RootKind::Pinned(_) => b"pins",
        #[cfg(feature = "handles")]
        RootKind::Handles => b"handles",
    }
}
