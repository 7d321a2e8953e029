//! Location dependencies: `src/trace/history.rs`.
//!
//! A client's thread resets a dependency, adds an address to it and asks whether it is
//! stale. Flips hold that thread, at any of its steps; each runs as a whole there. (So
//! this needs no loom: all places for up to four flips are tried.)

use models::base::addr::Addr;
use models::base::sets::ZoneSet;
use models::sync::atomic::{AtomicUsize, Ordering};
use models::trace::history::{History, LENGTH, Ld};
use models::{at_each_step, steps_off, weaken, weakened};
use std::cell::RefCell;
use std::rc::Rc;

/// Zones are of so many bytes, as a shift.
const SHIFT: u32 = 20;
const MINE: Addr = Addr(5 << SHIFT);

fn zones(mine: bool) -> ZoneSet {
    ZoneSet(1 << if mine { 5 } else { 6 })
}

/// What the client knows for certain.
#[derive(Default)]
struct Known {
    /// Flips since the dependency was reset, and of those any that moved its zone after
    /// it was added.
    flips: usize,
    must: bool,
    /// Any that moved its zone since it was reset: it may be stale.
    may: bool,
    /// Any that did, at all.
    ever: bool,
    added: bool,
}

/// `before` flips have been when the dependency is reset; in the middle `burst` follow
/// one on the other, the last of which moves its zone if `mine`. Does it merge the
/// dependency into another? Does a flip move its zone before it asks?
fn client(before: usize, burst: usize, mine: bool, merges: bool, moves: bool) -> usize {
    let h: &'static History = Box::leak(Box::default());
    let known: Rc<RefCell<Known>> = Rc::default();
    let fresh = Rc::new(RefCell::new(h));
    let flip = {
        let (known, fresh) = (known.clone(), fresh.clone());
        move |mine: bool| {
            steps_off(|| fresh.borrow().flip(zones(mine)));
            let mut k = known.borrow_mut();
            k.flips += 1;
            k.must |= mine && k.added;
            k.may |= mine;
            k.ever |= mine;
        }
    };
    let held = {
        let flip = flip.clone();
        move || (1..=burst).for_each(|n| flip(mine && n == burst))
    };
    at_each_step(held, || {
        let h: &'static History = Box::leak(Box::default());
        *fresh.borrow_mut() = h;
        *known.borrow_mut() = Known::default();
        steps_off(|| (0..before).for_each(|n| flip(n == 0)));
        let ld = Ld { epoch: AtomicUsize::new(77), zones: AtomicUsize::new(77) };
        let ever = known.borrow().ever;
        *known.borrow_mut() = Known { ever, ..Known::default() };
        h.reset(&ld);
        h.add(&ld, MINE, SHIFT);
        known.borrow_mut().added = true;
        if merges {
            let other = Ld { epoch: AtomicUsize::new(0), zones: AtomicUsize::new(0) };
            h.reset(&other);
            h.merge(&other, &ld);
            let moved = [&ld.epoch, &ld.zones].map(|w| w.load(Ordering::Relaxed));
            let merged = [&other.epoch, &other.zones].map(|w| w.load(Ordering::Relaxed));
            assert_eq!(merged, moved, "the older epoch, and all zones");
        }
        if moves {
            steps_off(|| flip(true));
        }
        // What moves from here on is not what the client asks about.
        let must = known.borrow().must;
        let stale = h.is_stale(&ld);
        let k = known.borrow();
        assert!(stale || !must, "what has moved is not seen");
        let old = k.flips >= LENGTH;
        assert!(!stale || k.may || (old && k.ever), "nothing has moved");
    })
}

fn all() {
    let mut places = 0;
    for before in 0..=LENGTH + 1 {
        for burst in 1..=LENGTH + 1 {
            for mine in [false, true] {
                for (merges, moves) in [(false, false), (false, true), (true, false), (true, true)]
                {
                    places += client(before, burst, mine, merges, moves);
                }
            }
        }
    }
    println!("{places} places");
    assert!(places > 500, "a flip comes between any two steps");
}

#[test]
fn stale_if_and_only_if_a_zone_moved() {
    all();
}

weakened! {
    /// A flip between the two looks has used the place for another epoch.
    looking_once, "what has moved is not seen" => {
        weaken("is_stale looks once");
        all();
    }
}

weakened! {
    /// What moved long ago makes stale what was reset since.
    keeping_the_place, "nothing has moved" => {
        weaken("flip keeps the place");
        all();
    }
}
