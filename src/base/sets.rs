//! Small sets of small numbers, as words.

use super::addr::{Addr, WORD_BITS};

macro_rules! word_set {
    ($(#[$doc:meta])* $name:ident, $word:ty) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
        #[repr(transparent)]
        pub struct $name(pub $word);

        impl $name {
            /// Nothing.
            pub const EMPTY: $name = $name(0);
            /// Everything.
            pub const ALL: $name = $name(<$word>::MAX);

            /// Union.
            #[inline(always)]
            pub const fn or(self, o: $name) -> $name { $name(self.0 | o.0) }
            /// Intersection.
            #[inline(always)]
            pub const fn and(self, o: $name) -> $name { $name(self.0 & o.0) }
            /// Difference.
            #[inline(always)]
            pub const fn minus(self, o: $name) -> $name { $name(self.0 & !o.0) }
            /// Nothing in it?
            #[inline(always)]
            pub const fn is_empty(self) -> bool { self.0 == 0 }
            /// Is all of `o` in it?
            #[inline(always)]
            pub const fn has(self, o: $name) -> bool { o.0 & !self.0 == 0 }
            /// Anything in common?
            #[inline(always)]
            pub const fn meets(self, o: $name) -> bool { self.0 & o.0 != 0 }
        }
    };
}

word_set!(
    /// Accesses that a protection denies: reads, writes.
    AccessSet,
    u8
);

impl AccessSet {
    /// Reading.
    pub const READ: AccessSet = AccessSet(1);
    /// Writing.
    pub const WRITE: AccessSet = AccessSet(2);
    /// Both.
    pub const READ_WRITE: AccessSet = AccessSet(3);
}

word_set!(
    /// A set of traces in progress.
    TraceSet,
    u8
);

word_set!(
    /// A set of zones: classes of addresses, one bit each. As the set of zones
    /// that some memory's references point into it is called its summary.
    ZoneSet,
    usize
);

/// The zones that references lead to.
pub type RefSet = ZoneSet;

impl ZoneSet {
    /// The zone of an address, for stripes of `1 << shift` bytes.
    #[inline(always)]
    pub fn of(a: Addr, shift: u32) -> ZoneSet {
        ZoneSet(1usize << ((a.0 >> shift) & (WORD_BITS as usize - 1)))
    }

    /// The zones of a range (not empty).
    pub fn of_range(base: Addr, limit: Addr, shift: u32) -> ZoneSet {
        let first = base.0 >> shift;
        let last = limit.sub(1).0 >> shift;
        if last - first >= WORD_BITS as usize - 1 {
            return ZoneSet::ALL;
        }
        let mut set = ZoneSet::EMPTY;
        let mut s = first;
        loop {
            set = set.or(ZoneSet(1usize << (s & (WORD_BITS as usize - 1))));
            if s == last {
                return set;
            }
            s += 1;
        }
    }
}

/// How strongly a reference holds on, and in which order they are scanned; ephemerons come
/// between final and weak, whatever their number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[repr(u8)]
pub enum Rank {
    /// Might be a reference: pins, and is never changed.
    Ambig = 0,
    /// A reference.
    Exact = 1,
    /// Holds for finalization.
    Final = 2,
    /// Does not hold.
    Weak = 3,
    /// Holds if a key is alive, else is weak.
    Ephemeron = 4,
}

impl Rank {
    /// Those that roots may have, and final, in scanning order.
    pub const ORDER: [Rank; 4] = [Rank::Ambig, Rank::Exact, Rank::Final, Rank::Weak];

    /// The rank a client's number stands for.
    pub fn from_code(c: u32) -> Option<Rank> {
        match c {
            0 => Some(Rank::Ambig),
            1 => Some(Rank::Exact),
            2 => Some(Rank::Final),
            3 => Some(Rank::Weak),
            4 if cfg!(feature = "ephemerons") => Some(Rank::Ephemeron),
            _ => None,
        }
    }

    /// As a set of one.
    #[inline(always)]
    pub const fn set(self) -> RankSet {
        RankSet(1 << self as u8)
    }
}

word_set!(
    /// A set of ranks.
    RankSet,
    u8
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_of_ranges() {
        let s = 20;
        assert_eq!(ZoneSet::of(Addr(0), s), ZoneSet(1));
        let r = ZoneSet::of_range(Addr(1 << s), Addr((3 << s) + 1), s);
        assert_eq!(r, ZoneSet(0b1110));
        assert_eq!(ZoneSet::of_range(Addr(0), Addr(64 << s), s), ZoneSet::ALL);
    }
}
