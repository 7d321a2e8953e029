//! Transforms: references to some objects are replaced by references to others, in every
//! root and every object at once.
//!
//! Ambiguous roots are looked at first. An ambiguous reference can't be changed, so if one
//! might refer to an old object, nothing is changed at all. Otherwise one pass goes over
//! all other roots, all objects and the registrations for finalization, with a hook in
//! place of fix.

use super::State;
use super::entry::Entered;
use crate::base::addr::{Addr, Size};
use crate::base::check::Sig;
use crate::base::ptr::P;
use crate::base::res::{Res, Result};
use crate::base::sets::{Rank, ZoneSet};
use crate::object::cx::Inside;
use crate::object::scan::{Hook, Ref, ScanState};
use crate::object::seg::{self, Seg};
use crate::trace::root;
use core::cell::Cell;

/// An old object and the new one. In an empty place of the table the old object is null.
type Pair = (Addr, Addr);

/// What `mps_transform_t` points to: a hash table of pairs, by the address of the old object.
pub struct Transform {
    /// [`Sig::TRANSFORM`].
    pub sig: Cell<Sig>,
    /// The instance, as its handle.
    pub instance: usize,
    /// How many flips there had been when it was made.
    flips: usize,
    table: Cell<*mut Pair>,
    /// Places in the table: a power of two, or 0.
    places: Cell<usize>,
    len: Cell<usize>,
    /// Zones of the addresses of old objects.
    zones: Cell<ZoneSet>,
    /// Zones that pointers to the inside of old objects may lie in.
    inner_zones: Cell<ZoneSet>,
    /// An ambiguous reference to an old object was found.
    blocked: Cell<bool>,
}

impl Transform {
    /// The place of an old object in the table, or the empty place where it would be. There
    /// always is an empty place.
    fn place(&self, old: Addr) -> *mut Pair {
        let mask = self.places.get() - 1;
        let hash = (old.0 >> 3).wrapping_mul(0x9E37_79B1);
        let mut i = hash ^ (hash >> 15);
        loop {
            // SAFETY: the table has a power of two places, `mask + 1`.
            let p = unsafe { self.table.get().add(i & mask) };
            // SAFETY: as above.
            let (at, _) = unsafe { p.read() };
            if at == old || at.is_null() {
                return p;
            }
            i += 1;
        }
    }

    fn new_of(&self, old: Addr) -> Option<Addr> {
        if old.is_null() || self.len.get() == 0 {
            return None;
        }
        // SAFETY: a place in the table.
        let (at, new) = unsafe { self.place(old).read() };
        if at.is_null() { None } else { Some(new) }
    }

    /// The first pair for an old object counts.
    fn add(&self, old: Addr, new: Addr) {
        let p = self.place(old);
        // SAFETY: a place in the table.
        if unsafe { p.read() }.0.is_null() {
            // SAFETY: as above.
            unsafe { p.write((old, new)) };
            self.len.set(self.len.get() + 1);
        }
    }
}

fn bytes(places: usize) -> Size {
    places * size_of::<Pair>()
}

impl Entered {
    /// A transform without pairs.
    ///
    /// # Errors
    /// The arena's.
    pub fn new_transform(&self) -> Result<P<Transform>> {
        self.cx.arena.control_new(Transform {
            sig: Cell::new(Sig::TRANSFORM),
            instance: self.cx.instance.get(),
            flips: self.cx.stats.flips.get(),
            table: Cell::new(core::ptr::null_mut()),
            places: Cell::new(0),
            len: Cell::new(0),
            zones: Cell::new(ZoneSet::EMPTY),
            inner_zones: Cell::new(ZoneSet::EMPTY),
            blocked: Cell::new(false),
        })
    }

    /// Gives a transform's memory back.
    ///
    /// # Safety
    /// Nobody uses its handle afterwards.
    pub unsafe fn transform_destroy(&self, t: P<Transform>) {
        t.sig.set(Sig::DEAD);
        if t.places.get() != 0 {
            // SAFETY: nobody uses it any more.
            unsafe { self.cx.arena.control_free(Addr::of(t.table.get()), bytes(t.places.get())) };
        }
        // SAFETY: nobody uses it any more.
        unsafe { self.cx.arena.control_drop(t) };
    }

    /// Adds `count` pairs from two arrays of the client's.
    ///
    /// # Errors
    /// The arena's. Nothing was added.
    ///
    /// # Safety
    /// There are `count` references at `old` and at `new`, which the client may read.
    pub unsafe fn transform_add(
        &self,
        t: P<Transform>,
        old: *const Addr,
        new: *const Addr,
        count: usize,
    ) -> Result {
        self.transform_room(t, count)?;
        for i in 0..count {
            // SAFETY: the caller's promise.
            let a = unsafe { self.peek(old.wrapping_add(i)) };
            // Null refers to nothing, and stays as it is.
            if a.is_null() {
                continue;
            }
            t.zones.set(t.zones.get().or(ZoneSet::of(a, self.cx.arena.zone_shift())));
            if let Some(s) = seg::of_addr(&self.cx, a) {
                t.inner_zones.set(t.inner_zones.get().or(s.zones(&self.cx)));
            }
            // SAFETY: as above.
            t.get().add(a, unsafe { self.peek(new.wrapping_add(i)) });
        }
        Ok(())
    }

    /// Makes room for `more` pairs, such that one place in four stays empty.
    fn transform_room(&self, t: P<Transform>, more: usize) -> Result {
        let need = t.len.get().checked_add(more).ok_or(Res::Memory)?;
        let least = need.checked_mul(4).ok_or(Res::Memory)? / 3;
        if least < t.places.get() {
            return Ok(());
        }
        let places = (least + 1).max(32).checked_next_power_of_two().ok_or(Res::Memory)?;
        let size = places.checked_mul(size_of::<Pair>()).ok_or(Res::Memory)?;
        let table: *mut Pair = self.cx.arena.control_alloc(size)?.ptr();
        for i in 0..places {
            // SAFETY: an array of as many, just allocated.
            unsafe { table.add(i).write((Addr::NULL, Addr::NULL)) };
        }
        let (before, was) = (t.table.replace(table), t.places.replace(places));
        t.len.set(0);
        for i in 0..was {
            // SAFETY: the table as it was.
            let (old, new) = unsafe { before.add(i).read() };
            if !old.is_null() {
                t.get().add(old, new);
            }
        }
        if was != 0 {
            // SAFETY: nobody uses it any more.
            unsafe { self.cx.arena.control_free(Addr::of(before), bytes(was)) };
        }
        Ok(())
    }

    /// Changes all references. False: there was an ambiguous reference to an old object, and
    /// nothing was changed. Calls out: formats, scanners.
    ///
    /// # Errors
    /// `Param`: objects may have moved since the transform was made. `Limit`: the arena is
    /// neither clamped nor parked. With these, nothing was changed. Others are a scanner's;
    /// the rest was done.
    pub fn transform_apply(&self, t: P<Transform>) -> Result<bool> {
        if self.cx.stats.flips.get() != t.flips || !self.cx.busy.get().is_empty() {
            return Err(Res::Param);
        }
        crate::aver_client!(
            self.state.get() != State::Unclamped,
            "arena is parked",
            Err(Res::Limit)
        );
        let cx = self.inside();
        cx.hold();
        t.blocked.set(false);
        let mut done = Ok(());
        if t.len.get() != 0 {
            self.transform_roots(t, Rank::Ambig, look)?;
            if t.blocked.get() {
                return Ok(false);
            }
            for rank in [Rank::Exact, Rank::Weak] {
                done = self.transform_roots(t, rank, change).and(done);
            }
            let weak = state(self.inside(), t, Rank::Weak, change);
            done = self.tracer.handles.scan(&weak, true).and(done);
            done = self.transform_objects(t).and(done);
            let ss = state(self.inside(), t, Rank::Final, change);
            self.tracer.guardians.each_ref(&self.cx, |r| {
                // The hook returns no errors.
                let _ = change(&ss, r);
            });
        }
        self.state.set(State::Parked);
        done.map(|()| true)
    }

    fn transform_roots(&self, t: P<Transform>, rank: Rank, hook: Hook) -> Result {
        if rank != Rank::Ambig && crate::seam::fault("transform_roots") {
            return Ok(());
        }
        let mut done = Ok(());
        let ss = state(self.inside(), t, rank, hook);
        for r in self.tracer.roots.iter().filter(|r| r.rank == rank) {
            done = root::scan(r, &ss, &self.tracer).and(done);
        }
        done
    }

    fn transform_objects(&self, t: P<Transform>) -> Result {
        let cx = self.inside();
        // Lets a segment be scanned.
        let prepared = |s: P<Seg>| {
            s.expose(cx);
            s.set_summary_all(cx);
            state(cx, t, seg::first_rank(s.ranks), change)
        };
        let mut done = Ok(());
        for pool in self.cx.pools.iter() {
            if !pool.class.is_automatic() {
                for s in pool.segs.iter().filter(|s| !s.ranks.is_empty()) {
                    done = s.class.scan(s, &prepared(s)).map(|_| ()).and(done);
                }
                continue;
            }
            let Some(f) = pool.format.get() else { continue };
            // The closure never fails, so all areas are gone through.
            let _ = pool.class.areas(cx, pool, &mut |s, base, limit| {
                if !s.ranks.is_empty() {
                    done = prepared(s).scan(f.get(), base, limit).and(done);
                }
                Ok(())
            });
        }
        done
    }
}

fn state(cx: Inside<'_>, t: P<Transform>, rank: Rank, hook: Hook) -> ScanState {
    let zones = if rank == Rank::Ambig { t.inner_zones.get() } else { t.zones.get() };
    ScanState::hooked(cx, rank, zones, hook, t.as_ptr().cast())
}

/// The transform that a scan is for.
fn of_state(ss: &ScanState) -> &Transform {
    // SAFETY: put there by `state`; it outlives the scan.
    unsafe { &*ss.closure.cast::<Transform>() }
}

/// Takes the place of fix: notes whether an ambiguous reference is to an old object.
fn look(ss: &ScanState, r: Ref<'_>) -> Result {
    let p = r.get();
    let t = of_state(ss);
    if let Some(s) = seg::of_addr(&ss.cx(), p).filter(|s| s.class.is_automatic()) {
        // A class that can't tell where an object begins does not take a pointer to the
        // inside of one for a reference.
        let p = s.class.object_at(ss.cx(), s, p).unwrap_or(p);
        if t.new_of(p).is_some() {
            t.blocked.set(true);
        }
    }
    Ok(())
}

/// Takes the place of fix: changes a reference that is to an old object.
fn change(ss: &ScanState, r: Ref<'_>) -> Result {
    if let Some(new) = of_state(ss).new_of(r.get()) {
        r.set(new);
    }
    Ok(())
}
