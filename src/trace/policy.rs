//! Decisions: numbers in, decision out.

use crate::base::addr::Size;
use crate::object::trace::Survival;
use crate::seam::parts;

/// From this capacity on an arena is not small, and nothing here follows its size. A
/// nursery of the usual least size is a 16th of it.
const NOT_SMALL: Size = 64 << 20;
/// Does memory count more than time in an arena of this capacity?
pub fn is_small(capacity: Size) -> bool {
    capacity < NOT_SMALL
}

/// The least default nursery of an arena that is not small. Measured on
/// benches/tree: a nursery of what is alive takes a third less time and less than half
/// the memory of a fixed chain of three.
const NURSERY_LEAST: Size = 4 << 20;
/// From this on the default nursery grows with the square root of what is alive. With what
/// is alive, a heap needs so much more memory if it is to cost the same time (Kirisame,
/// Shenoy and Panchekha, "Optimal Heap Limits for Reducing Browser Memory Use", 2022); that the
/// rule holds from here on is a guess.
const SQUARE_FROM: Size = 16 << 20;
/// In an arena that is not small, everything is collected only if more than this is in the
/// top generation. A guess: that much is soon allocated again.
const OLD_LEAST: Size = 8 << 20;

/// Is everything to be collected? `top` bytes are in the top generation, `alive` were in it
/// after the last full collection, and the arena's capacity is `capacity` bytes.
///
/// The answer is yes when as much garbage may have gathered as was alive, but not for
/// less than `OLD_LEAST`. In a small arena it is yes at the latest when a quarter of
/// what was not alive may be garbage. That leaves room for nurseries, for copies and for
/// a large object.
pub fn wants_full(top: Size, alive: Size, capacity: Size) -> bool {
    let most = alive.saturating_mul(2);
    if !is_small(capacity) {
        return top > most.max(OLD_LEAST);
    }
    let rest = capacity.saturating_sub(alive);
    top > most.max(capacity / 8).min(alive + rest / 4)
}

/// Should objects stay where they are in the next collection of such objects, given what
/// survived the last one?
///
/// To mark an object takes less than half the time of copying it, and no memory to copy
/// to. But what dies leaves holes that nothing is put into. So the answer is yes if three
/// quarters were alive, as when a heap is being built. If fewer prove to be, the one
/// after that moves them.
pub fn stays_in_place(last: Survival) -> bool {
    last.exceeds(3, 4)
}

/// Was enough condemned to tell from it how much survives? A guess.
pub fn tells(last: Survival) -> bool {
    last.condemned >= 256 << 10
}

/// Is every collection to be one of everything? It is, `already` or not; `young` is what
/// survived of young objects.
///
/// A collection of young objects pays if most of them die: it does the work of `live` bytes
/// to free the others. If half survive, that is a byte for each one freed, and they have to
/// be looked at again when they are old. A collection of everything costs less then, if
/// it waits until there is twice as much garbage as is alive. There, fewer survive. So it
/// ends only when less than a quarter does.
pub fn is_flat(already: bool, young: Survival) -> bool {
    young.exceeds(1, if already { 4 } else { 2 })
}

/// The capacity of the default chain's nursery in bytes, if `alive` bytes were in the top
/// generation after the last full collection. `flat`: see [`is_flat`]. `room` bytes of the
/// capacity are not taken by objects that are old.
///
/// Each nursery collection scans the old objects that were written to. With a nursery as
/// large as what is alive that is cheap enough, and the heap does not become too large.
/// From `SQUARE_FROM` on it grows with the square root. What survives has to be copied, so
/// a nursery is a third of the room at most. In a small arena it is at most an eighth of the
/// capacity.
pub fn nursery(alive: Size, flat: bool, room: Size, capacity: Size) -> Size {
    if is_small(capacity) {
        // Not `clamp`, which can panic.
        return alive.max(capacity / 16).min(capacity / 8);
    }
    // An archive without barriers is for small heaps: it has no code for others.
    let part = if !parts::BARRIERS || alive <= SQUARE_FROM {
        alive
    } else {
        // The root of the product is the product of the roots, which can't overflow.
        alive.isqrt().saturating_mul(SQUARE_FROM.isqrt())
    };
    // So a flat heap takes at its peak, while it copies, at most 1.5 times what the Boehm
    // collector takes for the same work (benches/tree).
    let wish = if flat { alive.saturating_add(part) } else { part };
    wish.min(room / 3).max(NURSERY_LEAST)
}

/// How often everything is collected for one request that fails. In a small arena that is
/// up to three times: the first time, copies go to free memory between old objects, so
/// that there may be enough memory afterwards but not in one piece. The second time they go
/// side by side. The third is a guess.
pub fn collections(capacity: Size) -> usize {
    if is_small(capacity) { 3 } else { 1 }
}

/// How many bytes are allocated between two steps of a trace that takes several, with
/// `capacity` the arena's. A guess: with the default pause time a step does far more work than
/// 64 KB, so the trace stays ahead. A 64th of a small arena, so that a trace of many steps
/// ends before that much has been allocated.
pub fn step_interval(capacity: Size) -> Size {
    (capacity / 64).min(64 << 10)
}

/// How many bytes of work are done between two looks at the clock. At 1 to 2 GB a second
/// 32 KB are some 20 microseconds, so that a look, of 50 ns and more, costs less than a
/// hundredth. An estimate from these speeds, which were measured. Where an arena is
/// small the processor is likely to be slow: there it is a 64th of the arena.
pub fn clock_work(capacity: Size) -> Size {
    (capacity / 64).min(32 << 10)
}

/// How much work a trace is expected to be, in bytes looked at: with `total` bytes in
/// generations, if the last of its kind was `work` with `before`. The first of its kind is
/// taken to copy a third of all, which counts three times.
pub fn expected_work(total: Size, work: Size, before: Size) -> Size {
    if before < PAGE {
        return total;
    }
    // Divided first: terabytes fit.
    proportion(total / PAGE, work, before).saturating_mul(PAGE)
}

/// What is remembered of how much work a trace was, for the next of its kind. If it was less
/// than `expected`, half of the difference, because to expect too little is worse.
pub fn remembered(expected: Size, done: Size) -> Size {
    done.max(expected / 2 + done / 2)
}

/// How many bytes may be allocated while a trace is in progress, with `total` bytes in
/// generations and `free` bytes that the arena may still commit. Until the trace has ended,
/// that much more memory is needed; a smaller room means more work for each byte. A guess.
pub fn room(total: Size, free: Size) -> Size {
    (total / 4).min(free / 4)
}

/// How much of the work of a trace is left, of which `expected` was expected and `done` has been
/// done, in steps of a `piece` or more. Nobody knows until it has ended, so there is always
/// some: a quarter of what has been done, and enough for two steps. As the room becomes
/// less, that becomes due faster.
pub fn rest(expected: Size, done: Size, piece: Size) -> Size {
    expected.saturating_sub(done).max(done / 4).max(piece * 2)
}

/// How much of the rest of the `work` is due, after `since` bytes of the rest of the `room`
/// have been allocated.
pub fn due(since: Size, work: Size, room: Size) -> Size {
    if since >= room { work } else { proportion(since, work, room) }
}

/// How much work has to be due before a step is done, in an arena of some capacity. A step
/// holds the program's threads and changes protection, which takes some 20 microseconds; at 1
/// to 2 GB a second this is some 100. A guess, in between.
pub fn piece(capacity: Size) -> Size {
    clock_work(capacity).saturating_mul(4)
}

/// A unit that keeps products small.
const PAGE: Size = 4096;

/// `a * b / c`, roughly.
fn proportion(a: Size, b: Size, c: Size) -> Size {
    let product = (a as u64).saturating_mul((b / PAGE) as u64 + 1);
    Size::try_from(product / ((c / PAGE) as u64 + 1)).unwrap_or(Size::MAX)
}

/// How many of a chain's generations to collect, given each one's new bytes
/// and capacity: all up to the highest that has exceeded its capacity.
pub fn wants_chain(gens: impl Iterator<Item = (Size, Size)>) -> usize {
    let mut upto = 0;
    for (i, (new, capacity)) in gens.enumerate() {
        if new > capacity {
            upto = i + 1;
        }
    }
    upto
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_smaller_in_small_arenas() {
        assert_eq!((step_interval(usize::MAX), clock_work(usize::MAX)), (64 << 10, 32 << 10));
        assert_eq!((step_interval(4 << 20), clock_work(4 << 20)), (64 << 10, 32 << 10));
        assert_eq!((step_interval(64 << 10), clock_work(64 << 10)), (1 << 10, 1 << 10));
    }

    #[test]
    fn work_is_done_before_the_room_is_used_up() {
        // Whatever was expected of a trace of 48 MB of work.
        for expected in [0, 1 << 20, 40 << 20, 48 << 20, 200 << 20] {
            let (all, room, chunk) = (48 << 20, 64 << 20, 64 << 10);
            let (mut done, mut allocated, mut largest) = (0, 0, 0);
            while done < all && allocated + chunk < room {
                allocated += chunk;
                let step = due(chunk, rest(expected, done, 1), room - allocated + chunk);
                largest = largest.max(step);
                done += step;
            }
            let spread = largest <= 4 * (all / (room / chunk));
            assert!(spread || expected < all || expected > 2 * all, "{expected}: {largest}");
            let known = expected >= all;
            assert!(done >= all || !known, "{expected}: {done} of {all}");
        }
        assert_eq!((due(64, 1000, 64), due(65, 1000, 64), due(1, 1000, 0)), (1000, 1000, 1000));
    }

    #[test]
    fn what_is_expected() {
        assert_eq!(expected_work(10 << 20, 0, 0), 10 << 20);
        let e = expected_work(100 << 20, 30 << 20, 10 << 20);
        assert!(e.abs_diff(300 << 20) < 1 << 20, "{e}");
        assert_eq!((room(usize::MAX, 4 << 20), room(8 << 20, usize::MAX)), (1 << 20, 2 << 20));
        assert_eq!(
            (rest(80, 0, 3), rest(80, 76, 3), rest(80, 1000, 3), rest(0, 0, 3)),
            (80, 19, 250, 6)
        );
        assert_eq!((remembered(100, 20), remembered(20, 100)), (60, 100));
    }

    #[test]
    #[cfg(target_pointer_width = "64")]
    fn terabytes() {
        let e = expected_work(4 << 40, 3 << 40, 1 << 40);
        assert!(e.abs_diff(12 << 40) < 1 << 36, "{e}");
        let d = due(1 << 20, 12 << 40, 1 << 40);
        assert!(d.abs_diff(12 << 20) < 1 << 14, "{d}");
    }

    #[test]
    fn chains() {
        let g = [(0usize, 10usize), (0, 10)];
        assert_eq!(wants_chain(g.into_iter()), 0);
        assert_eq!(wants_chain([(11, 10), (0, 10)].into_iter()), 1);
        assert_eq!(wants_chain([(0, 10), (11, 10)].into_iter()), 2);
    }

    #[test]
    fn full() {
        for capacity in [64 << 20, 1 << 30, usize::MAX] {
            assert!(!wants_full(1 << 20, 0, capacity));
            assert!(wants_full(100 << 20, 40 << 20, capacity));
            assert!(!wants_full(100 << 20, 60 << 20, capacity));
            let room = usize::MAX;
            assert_eq!(nursery(0, false, room, capacity), 4 << 20);
            assert_eq!(nursery(9 << 20, false, room, capacity), 9 << 20);
            assert_eq!(nursery(8 << 20, true, room, capacity), 16 << 20);
            assert_eq!(nursery(256 << 20, false, room, capacity), 64 << 20);
            assert_eq!(nursery(256 << 20, true, room, capacity), 320 << 20);
            assert_eq!(nursery(256 << 20, true, 30 << 20, capacity), 10 << 20);
            assert_eq!(nursery(256 << 20, true, 0, capacity), 4 << 20);
        }
    }

    #[test]
    fn in_place() {
        let of = |live, condemned| Survival { condemned, live };
        assert!(!stays_in_place(of(0, 0)) && !is_flat(false, of(0, 0)) && !is_flat(true, of(0, 0)));
        assert!(
            stays_in_place(of(76 << 20, 100 << 20)) && !stays_in_place(of(74 << 20, 100 << 20))
        );
        assert!(stays_in_place(of(usize::MAX, usize::MAX)));
        assert!(is_flat(false, of(51, 100)) && !is_flat(false, of(49, 100)));
        assert!(is_flat(true, of(26, 100)) && !is_flat(true, of(24, 100)));
    }

    #[test]
    fn small_arenas() {
        let kb = 1 << 10;
        assert_eq!(nursery(0, false, 0, 128 * kb), 8 * kb);
        assert_eq!(nursery(99 * kb, true, 0, 128 * kb), 16 * kb);
        assert!(!wants_full(30 * kb, 20 * kb, 128 * kb));
        assert!(wants_full(41 * kb, 20 * kb, 128 * kb));
        // However much is alive, a collection begins before the arena is full.
        for alive in (0..128).step_by(4) {
            assert!(wants_full(127 * kb, alive * kb, 128 * kb), "{alive} KB alive");
        }
        assert_eq!((nursery(0, true, 0, 0), nursery(7, true, 0, 7)), (0, 0));
    }
}
