//! Nailboards: which objects of a segment ambiguous references hold in place.
//!
//! At first every ambiguous reference drives a nail into the board at the place that it
//! points to, whether that is inside an object or not. Before the first exact reference
//! into the segment is fixed, the board is *resolved*: one pass over the segment's objects
//! replaces the nails in an object by one mark at its start. From then on the
//! question whether an object is held takes one bit.
//!
//! In a segment whose objects all stay where they are ([`Nailboard::in_place`]), references
//! make marks, too: then an object is alive exactly if it is marked.

use crate::arena::Arena;
use crate::base::addr::{Addr, Size};
use crate::base::ptr::P;
use crate::base::res::Result;
use crate::base::sets::RefSet;
use core::cell::Cell;

/// A board: two bits for each place in a segment where an object can begin. The tables
/// stand right behind it.
pub struct Nailboard {
    base: Addr,
    shift: u32,
    words: usize,
    marks: *mut usize,
    done: *mut usize,
    /// Nails have become marks.
    pub resolved: Cell<bool>,
    /// There are marks that have not been scanned.
    pub fresh: Cell<bool>,
    /// No object moves: what is referred to is marked.
    pub in_place: Cell<bool>,
    /// All marks that there were have been scanned before.
    pub scanned: Cell<bool>,
    /// Bytes in the objects that were scanned.
    pub live: Cell<Size>,
    /// What a scan has found that was broken off: the zones referred to, and whether young
    /// segments are.
    pub found: Cell<(RefSet, bool)>,
}

impl Nailboard {
    /// A clean board for `size` bytes from `base`, one place every `align`.
    ///
    /// # Errors
    /// The arena's.
    pub fn new(arena: &Arena, base: Addr, size: Size, align: Size) -> Result<P<Nailboard>> {
        let shift = align.trailing_zeros();
        let words = (size >> shift).div_ceil(usize::BITS as usize);
        let at = arena.control_alloc(Nailboard::bytes(words))?;
        let marks: *mut usize = at.add(size_of::<Nailboard>()).ptr();
        for i in 0..words * 2 {
            // SAFETY: two tables of `words` words, just allocated.
            unsafe { marks.add(i).write(0) };
        }
        let board = Nailboard {
            base,
            shift,
            words,
            marks,
            // SAFETY: the second table.
            done: unsafe { marks.add(words) },
            resolved: Cell::new(false),
            fresh: Cell::new(false),
            in_place: Cell::new(false),
            scanned: Cell::new(false),
            live: Cell::new(0),
            found: Cell::new((RefSet::EMPTY, false)),
        };
        let p: *mut Nailboard = at.ptr();
        // SAFETY: just allocated, with room for it in front of the tables.
        unsafe { p.write(board) };
        // SAFETY: just written; stays until `finish`.
        Ok(unsafe { P::new(core::ptr::NonNull::new_unchecked(p)) })
    }

    /// Bytes in a board of so many words in each table.
    const fn bytes(words: usize) -> Size {
        size_of::<Nailboard>() + words * (2 * size_of::<usize>())
    }

    /// Gives its memory back. Nobody uses it afterwards.
    ///
    /// # Safety
    /// It is that of this arena; nobody uses it any more.
    pub unsafe fn finish(self_: P<Nailboard>, arena: &Arena) {
        let bytes = Nailboard::bytes(self_.words);
        // SAFETY: nobody uses it any more.
        unsafe { arena.control_free(self_.addr(), bytes) };
    }

    fn place(&self, a: Addr) -> (usize, usize) {
        let i = a.since(self.base) >> self.shift;
        let w = i / usize::BITS as usize;
        crate::aver_critical!(w < self.words);
        (w, 1usize << (i % usize::BITS as usize))
    }

    /// Drives in a nail, or makes a mark. True if it is new.
    pub fn set(&self, a: Addr) -> bool {
        let (w, bit) = self.place(a);
        // SAFETY: in the table, which is ours alone.
        let word = unsafe { &mut *self.marks.add(w) };
        let new = *word & bit == 0;
        *word |= bit;
        if new {
            self.fresh.set(true);
        }
        new
    }

    /// Takes a mark away.
    pub fn clear(&self, a: Addr) {
        let (w, bit) = self.place(a);
        // SAFETY: in the table, which is ours alone.
        unsafe { *self.marks.add(w) &= !bit };
    }

    /// Is the mark at `a` there?
    #[inline]
    pub fn get(&self, a: Addr) -> bool {
        let (w, bit) = self.place(a);
        // SAFETY: in the table.
        unsafe { *self.marks.add(w) & bit != 0 }
    }

    /// Notes that the object at `a` is being scanned. True if it had not been.
    pub fn start_scan(&self, a: Addr) -> bool {
        let (w, bit) = self.place(a);
        // SAFETY: in the table, which is ours alone.
        let word = unsafe { &mut *self.done.add(w) };
        let new = *word & bit == 0;
        *word |= bit;
        new
    }

    /// The first object that is marked and not being scanned yet, from a word of the table
    /// on, which goes on to the word where that is. As [`Nailboard::start_scan`] for it.
    pub fn start_next(&self, word: &mut usize) -> Option<Addr> {
        while *word < self.words {
            // SAFETY: both in their tables, which are ours alone.
            let (marks, done) = unsafe { (*self.marks.add(*word), &mut *self.done.add(*word)) };
            let left = marks & !*done;
            if left != 0 {
                *done |= left & left.wrapping_neg();
                let i = *word * usize::BITS as usize + left.trailing_zeros() as usize;
                return Some(self.base.add(i << self.shift));
            }
            *word += 1;
        }
        None
    }

    /// The first mark at `from` or behind it.
    pub fn next_mark(&self, from: Addr) -> Option<Addr> {
        let i = from.since(self.base) >> self.shift;
        let mut w = i / usize::BITS as usize;
        let mut mask = usize::MAX << (i % usize::BITS as usize);
        while w < self.words {
            // SAFETY: in the table.
            let left = unsafe { *self.marks.add(w) } & mask;
            if left != 0 {
                let i = w * usize::BITS as usize + left.trailing_zeros() as usize;
                return Some(self.base.add(i << self.shift));
            }
            w += 1;
            mask = usize::MAX;
        }
        None
    }

    /// Has `start_scan` been called for the object at `a`?
    pub fn is_started(&self, a: Addr) -> bool {
        let (w, bit) = self.place(a);
        // SAFETY: in the table.
        unsafe { *self.done.add(w) & bit != 0 }
    }

    /// Turns the nails in `base..limit`, an object, into a mark at `base`. If `only_at` is
    /// given, only a nail at that place counts.
    pub fn resolve(&self, base: Addr, limit: Addr, only_at: Option<Addr>) {
        let held = match only_at {
            Some(a) => a < limit && self.get(a),
            None => self.any(base, limit),
        };
        for (w, mask) in self.words(base, limit) {
            // SAFETY: in the table, which is ours alone.
            unsafe { *self.marks.add(w) &= !mask };
        }
        if held {
            self.set(base);
        }
    }

    fn any(&self, base: Addr, limit: Addr) -> bool {
        // SAFETY: in the table.
        self.words(base, limit).any(|(w, mask)| unsafe { *self.marks.add(w) & mask != 0 })
    }

    /// The words of the table for `base..limit` (not empty), and which bits of each.
    fn words(&self, base: Addr, limit: Addr) -> impl Iterator<Item = (usize, usize)> {
        let (first, first_bit) = self.place(base);
        let (last, last_bit) = self.place(limit.sub(1 << self.shift));
        (first..=last).map(move |w| {
            let mut mask = usize::MAX;
            if w == first {
                mask &= !(first_bit - 1);
            }
            if w == last {
                mask &= last_bit | (last_bit - 1);
            }
            (w, mask)
        })
    }
}
