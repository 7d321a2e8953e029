//! Decisions: numbers in, decision out.

use crate::base::addr::Size;

/// Is everything to be collected? `top`: bytes in the top generation;
/// `alive`: in it after the last full collection. When as much garbage may have
/// gathered there as was alive, but not for less than is quickly allocated.
pub fn wants_full(top: Size, alive: Size) -> bool {
    const FLOOR: Size = 8 << 20;
    top > alive.saturating_mul(2).max(FLOOR)
}

/// The capacity of the default chain's nursery, when `alive` bytes were in the
/// top generation after the last full collection. A nursery as large as that
/// makes looking through the old objects that were written to cheap enough
/// (each nursery collection does it once), and the heap not too large.
pub fn nursery(alive: Size) -> Size {
    alive.clamp(4 << 20, 64 << 20)
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

/// Bytes of allocation to let pass before the next step of a trace that has
/// `left` bytes to look at, when a step of `pause` seconds gets through `rate`
/// bytes: so that the trace ends before `room` bytes have been allocated.
pub fn interval(left: Size, per_step: Size, room: Size) -> Size {
    let steps = left / per_step.max(1) + 1;
    (room / steps).clamp(4 << 10, 1 << 20)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chains() {
        let g = [(0usize, 10usize), (0, 10)];
        assert_eq!(wants_chain(g.into_iter()), 0);
        assert_eq!(wants_chain([(11, 10), (0, 10)].into_iter()), 1);
        assert_eq!(wants_chain([(0, 10), (11, 10)].into_iter()), 2);
    }

    #[test]
    fn full() {
        assert!(!wants_full(1 << 20, 0));
        assert!(wants_full(100 << 20, 40 << 20));
        assert!(!wants_full(100 << 20, 60 << 20));
        assert_eq!(nursery(0), 4 << 20);
        assert_eq!(nursery(9 << 20), 9 << 20);
    }

    #[test]
    fn pacing() {
        assert_eq!(interval(0, 100, 1 << 30), 1 << 20);
        assert!(interval(1 << 30, 1 << 10, 1 << 20) >= 4 << 10);
    }
}
