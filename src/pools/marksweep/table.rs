//! What a mark and sweep pool knows of one segment: tables of bits, out of line, with a bit
//! for each place where an object can begin.
//!
//! - *in use*: objects lie here. A stretch of set bits begins where an object
//!   begins and ends where one ends; everything else is free. Between two
//!   traces these are exactly the objects that were alive at the last one or
//!   were made since.
//! - *marks*: the object that begins here has been reached, in the trace that
//!   the segment is white for.
//! - *done*: the object has been scanned. The bits are set from its beginning to its end.
//!   When the trace is over, these become the bits in use. That is all of sweeping, and
//!   it looks at no object.
//! - *starts*: an object begins here. These are worked out from the bits in use when there
//!   is an ambiguous reference to the segment, so only for the few that stacks point into.
//!
//! Room is found by going through the bits in use once, when room is asked for
//! ([`Table::next_run`]). What is behind `cursor` is not looked at again before the next
//! trace.

use crate::base::addr::{Addr, Size, WORD_BITS};
use crate::base::list::{Link, Linked};
use crate::base::ptr::P;
use crate::base::res::Result;
use crate::object::format::Format;
use crate::object::pool::Pool;
use crate::object::seg::Seg;
use core::cell::Cell;

/// By how many bits the index of a bit is shifted to get the index of its word, and which
/// bits of the index say where in the word it is.
const WORD_SHIFT: u32 = WORD_BITS.trailing_zeros();
const WORD_MASK: usize = WORD_BITS as usize - 1;

/// The bits of one segment.
pub struct Table {
    link: Link<Table>,
    /// The segment.
    pub seg: P<Seg>,
    /// The format of its objects.
    pub format: P<Format>,
    base: Addr,
    shift: u32,
    words: usize,
    in_use: Cell<*mut usize>,
    marks: *mut usize,
    done: Cell<*mut usize>,
    /// The table of starts; null until it is needed.
    starts: Cell<*mut usize>,
    /// Does `starts` fit the present bits in use?
    starts_good: Cell<bool>,
    /// The address up to which the segment has been searched for room.
    pub cursor: Cell<Addr>,
    /// The address up to which objects made by its allocation point have their bits in use.
    pub known: Cell<Addr>,
    /// The words that may hold marks of objects not scanned yet.
    lo: Cell<usize>,
    hi: Cell<usize>,
    /// Has anything in it been scanned in this trace?
    pub begun: Cell<bool>,
    /// Bytes in use.
    pub used: Cell<Size>,
    /// Bytes done.
    kept: Cell<Size>,
}

impl Linked<0> for Table {
    fn link(&self) -> &Link<Table> {
        &self.link
    }
}

/// The table of a segment of a non-moving pool.
#[inline(always)]
pub fn of(seg: P<Seg>) -> &'static Table {
    // SAFETY: hung there when the segment was made (`Table::hang`), and taken
    // off only with it; the caller has the segment.
    unsafe { &*seg.data.get().cast::<Table>() }
}

impl Table {
    /// Makes a table for a new segment, and hangs it there.
    ///
    /// # Errors
    /// The arena's.
    pub fn hang(seg: P<Seg>, pool: &Pool, format: P<Format>) -> Result<P<Table>> {
        let arena = &pool.cx.get().arena;
        let shift = pool.align.get().trailing_zeros();
        let words = (seg.get().size() >> shift).div_ceil(WORD_BITS as usize);
        let bytes = words * size_of::<usize>();
        let mut maps = [core::ptr::null_mut::<usize>(); 3];
        let back = |maps: &[*mut usize; 3]| {
            for m in maps.iter().filter(|m| !m.is_null()) {
                // SAFETY: nobody uses it any more.
                unsafe { arena.control_free(Addr::of(*m), bytes) };
            }
        };
        for m in maps.iter_mut() {
            match arena.control_alloc(bytes) {
                Ok(a) => *m = a.ptr(),
                Err(e) => {
                    back(&maps);
                    return Err(e);
                }
            }
            for i in 0..words {
                // SAFETY: `words` words, just allocated.
                unsafe { m.add(i).write(0) };
            }
        }
        let [in_use, marks, done] = maps;
        let table = Table {
            link: Link::default(),
            seg,
            format,
            base: seg.base,
            shift,
            words,
            in_use: Cell::new(in_use),
            marks,
            done: Cell::new(done),
            starts: Cell::new(core::ptr::null_mut()),
            starts_good: Cell::new(false),
            cursor: Cell::new(seg.base),
            known: Cell::new(seg.base),
            lo: Cell::new(usize::MAX),
            hi: Cell::new(0),
            begun: Cell::new(false),
            used: Cell::new(0),
            kept: Cell::new(0),
        };
        let t = arena.control_new(table).inspect_err(|_| back(&maps))?;
        seg.data.set(t.as_ptr().cast());
        Ok(t)
    }

    /// The table as a pointer, for lists.
    pub fn p(&self) -> P<Table> {
        // SAFETY: tables stay where they are (`hang`).
        unsafe { P::new(core::ptr::NonNull::from(self)) }
    }

    /// Gives its memory back. It is in no list.
    ///
    /// # Safety
    /// Nobody uses it, or its segment, any more.
    pub unsafe fn finish(&self) {
        let arena = &self.seg.pool.cx.get().arena;
        let bytes = self.words * size_of::<usize>();
        for m in [self.in_use.get(), self.marks, self.done.get(), self.starts.get()] {
            if !m.is_null() {
                // SAFETY: nobody uses it any more.
                unsafe { arena.control_free(Addr::of(m), bytes) };
            }
        }
        // SAFETY: nobody uses it any more.
        unsafe { arena.control_drop(self.p()) };
    }

    /// Is it in a list of segments with room?
    pub fn is_listed(&self) -> bool {
        self.link.is_linked()
    }

    #[inline(always)]
    fn word(&self, map: *mut usize, w: usize) -> &Cell<usize> {
        crate::aver_critical!(w < self.words);
        // SAFETY: maps have `words` words; every index made by `place` was
        // compared with that.
        unsafe { &*map.add(w).cast::<Cell<usize>>() }
    }

    /// The word and the bit for `a`. `None`: that is not in the segment, or no object could
    /// begin there.
    #[inline(always)]
    fn place(&self, a: Addr) -> Option<(usize, usize)> {
        // The offset is rotated, not shifted: the low bits of an address that is not
        // aligned then make an index that no segment has.
        let i = a.since(self.base).rotate_right(self.shift);
        let w = i >> WORD_SHIFT;
        if w < self.words { Some((w, 1usize << (i & WORD_MASK))) } else { None }
    }

    #[inline(always)]
    fn addr(&self, w: usize, bit: u32) -> Addr {
        self.base.add((w << WORD_SHIFT | bit as usize) << self.shift)
    }

    /// Sets or clears the bits of `base..limit`, inside the segment.
    #[inline]
    fn set_range(&self, map: *mut usize, base: Addr, limit: Addr, on: bool) {
        let (Some((mut w, low)), Some((last, high))) =
            (self.place(base), self.place(limit.sub(1 << self.shift)))
        else {
            return;
        };
        let mut bits = low.wrapping_neg();
        loop {
            if w == last {
                bits &= high | (high - 1);
            }
            let word = self.word(map, w);
            word.set(if on { word.get() | bits } else { word.get() & !bits });
            if w >= last {
                return;
            }
            bits = usize::MAX;
            w += 1;
        }
    }

    /// Does an object begin at `base`? The segment is readable.
    /// Calls out: format.
    pub fn is_start(&self, base: Addr) -> bool {
        if !base.is_aligned(1 << self.shift) {
            return false;
        }
        let Some((w, bit)) = self.place(base) else { return false };
        if self.word(self.in_use.get(), w).get() & bit == 0 {
            return false;
        }
        if !self.starts_good.get() && !self.find_starts() {
            // There is no memory for the bits, so the objects are gone through.
            let mut found = false;
            // The closure does not fail.
            let _ = self.each(false, &mut |b, _| {
                found |= b == base;
                Ok(())
            });
            return found;
        }
        self.word(self.starts.get(), w).get() & bit != 0
    }

    /// Finds out where objects begin. False: there is no memory for that.
    #[cold]
    fn find_starts(&self) -> bool {
        if self.starts.get().is_null() {
            let bytes = self.words * size_of::<usize>();
            match self.seg.pool.cx.get().arena.control_alloc(bytes) {
                Ok(a) => self.starts.set(a.ptr()),
                Err(_) => return false,
            }
        }
        for w in 0..self.words {
            self.word(self.starts.get(), w).set(0);
        }
        // The closure does not fail.
        let _ = self.each(false, &mut |base, _| {
            if let Some((w, bit)) = self.place(base) {
                let word = self.word(self.starts.get(), w);
                word.set(word.get() | bit);
            }
            Ok(())
        });
        self.starts_good.set(true);
        true
    }

    /// Marks the object at `base`, unless the reference is weak (`only_look`).
    ///
    /// It also looks whether anything is in use there. That costs one load for each object,
    /// and prevents marks in the wrong places.
    #[inline(always)]
    pub fn mark(&self, base: Addr, only_look: bool) -> Mark {
        let Some((w, bit)) = self.place(base) else { return Mark::Nowhere };
        let word = self.word(self.marks, w);
        let old = word.get();
        if old & bit != 0 {
            return Mark::Old;
        }
        if only_look {
            return Mark::Absent;
        }
        if self.word(self.in_use.get(), w).get() & bit == 0 {
            return Mark::Odd;
        }
        word.set(old | bit);
        if w < self.lo.get() {
            self.lo.set(w);
        }
        if w > self.hi.get() {
            self.hi.set(w);
        }
        Mark::New
    }

    /// Clears the marks for a trace that begins.
    pub fn clear_marks(&self) {
        for w in 0..self.words {
            self.word(self.marks, w).set(0);
            self.word(self.done.get(), w).set(0);
        }
        self.lo.set(usize::MAX);
        self.hi.set(0);
        self.begun.set(false);
        self.kept.set(0);
    }

    /// Sweeps when the trace is over: what is done is in use, and all else is free. Returns
    /// how many bytes were in use and how many are. Calls out: format, for leaf objects.
    pub fn sweep(&self) -> (Size, Size) {
        if self.seg.ranks.is_empty() {
            self.settle();
        }
        self.in_use.swap(&self.done);
        self.starts_good.set(false);
        self.cursor.set(self.base);
        let now = self.kept.get();
        (self.used.replace(now), now)
    }

    /// Makes whatever is marked done. The segment is readable. Calls out: format.
    pub fn settle(&self) {
        let f = self.format.get();
        let h = f.m.header;
        for w in 0..self.words {
            let mut bits = self.word(self.marks, w).get() & !self.word(self.done.get(), w).get();
            while bits != 0 {
                let base = self.addr(w, bits.trailing_zeros());
                bits &= bits - 1;
                let size = f.size(base.add(h));
                let end = base.add(size);
                crate::aver!(
                    end > base && end <= self.seg.limit,
                    "skip method stays in the segment"
                );
                self.set_range(self.done.get(), base, end, true);
                self.kept.set(self.kept.get() + size);
            }
        }
        self.lo.set(usize::MAX);
        self.hi.set(0);
    }

    /// The end of the only object, if there is one that begins where the segment does, and
    /// nothing else. The segment is readable. Calls out: format.
    pub fn only_object(&self) -> Option<Addr> {
        let end = self.next(self.in_use.get(), self.base, false);
        if end == self.base || end.since(self.base) != self.used.get() {
            return None;
        }
        let f = self.format.get();
        (self.base.add(f.size(self.base.add(f.m.header))) == end).then_some(end)
    }

    /// Makes all that is in use done: it is one object, which is marked. Returns how many bytes
    /// that are.
    #[cold]
    pub fn all_done(&self) -> Size {
        let used = self.used.get();
        self.set_range(self.done.get(), self.base, self.base.add(used), true);
        self.kept.set(used);
        self.lo.set(usize::MAX);
        self.hi.set(0);
        used
    }

    /// Notes that what lies from `known` to `end` is in use.
    #[inline]
    pub fn learn(&self, end: Addr) {
        let from = self.known.get();
        if from >= end {
            return;
        }
        self.set_range(self.in_use.get(), from, end, true);
        self.starts_good.set(false);
        self.used.set(self.used.get() + end.since(from));
        self.known.set(end);
    }

    /// As [`Table::learn`] with what the segment's allocation point has made so
    /// far; nobody is at work with it.
    pub fn catch_up(&self) {
        if let Some(b) = self.seg.buffer.get() {
            self.learn(b.objects_end());
        }
    }

    /// The first place at or after `from` whose bit is set, or is not set. The segment's end,
    /// if there is none.
    #[inline]
    fn next(&self, map: *mut usize, from: Addr, set: bool) -> Addr {
        let limit = self.seg.limit;
        let Some((mut w, bit)) = self.place(from) else { return limit };
        let flip = if set { 0 } else { usize::MAX };
        let mut bits = (self.word(map, w).get() ^ flip) & bit.wrapping_neg();
        while bits == 0 {
            w += 1;
            if w >= self.words {
                return limit;
            }
            bits = self.word(map, w).get() ^ flip;
        }
        self.addr(w, bits.trailing_zeros()).min(limit)
    }

    /// The next stretch without objects of at least `min` bytes, of which it takes `most` bytes
    /// at most. Afterwards the stretch is behind the cursor. Shorter ones are passed over
    /// until the next trace, at most `tries` of them.
    pub fn next_run(&self, min: Size, most: Size, tries: &mut usize) -> Option<(Addr, Addr)> {
        let map = self.in_use.get();
        let limit = self.seg.limit;
        let mut c = self.next(map, self.cursor.get(), false);
        while c < limit {
            let e = self.next(map, c, true);
            if e.since(c) >= min {
                let e = e.min(c.add(most));
                self.cursor.set(e);
                return Some((c, e));
            }
            *tries -= 1;
            if *tries == 0 {
                self.cursor.set(e);
                return None;
            }
            c = self.next(map, e, false);
        }
        self.cursor.set(limit);
        None
    }

    /// Calls `f(base, limit)` for stretches of objects that lie side by side:
    /// all there are, or (`only_done`) what has been scanned.
    pub fn each_run(&self, only_done: bool, f: &mut dyn FnMut(Addr, Addr) -> Result) -> Result {
        let map = if only_done { self.done.get() } else { self.in_use.get() };
        let mut a = self.base;
        loop {
            let base = self.next(map, a, true);
            if base >= self.seg.limit {
                return Ok(());
            }
            a = self.next(map, base, false);
            f(base, a)?;
        }
    }

    /// Calls `f(base, limit)` for stretches that are not in use.
    pub fn each_gap(&self, mut f: impl FnMut(Addr, Addr)) {
        let map = self.in_use.get();
        let mut a = self.base;
        loop {
            let base = self.next(map, a, false);
            if base >= self.seg.limit {
                return;
            }
            a = self.next(map, base, true);
            f(base, a);
        }
    }

    /// Calls `f(base, limit)` for every object; else as [`Table::each_run`].
    /// The segment is readable. Calls out: format.
    pub fn each(&self, only_done: bool, f: &mut dyn FnMut(Addr, Addr) -> Result) -> Result {
        let fmt = self.format.get();
        let h = fmt.m.header;
        self.each_run(only_done, &mut |base, limit| {
            let mut a = base;
            while a < limit {
                let next = a.add(fmt.size(a.add(h)));
                crate::aver!(next > a && next <= limit, "objects fill what is in use");
                f(a, next)?;
                a = next;
            }
            Ok(())
        })
    }

    /// Calls `f(base, limit)` for objects that are marked and were not scanned:
    /// for stretches of them side by side, or one by one. New marks may appear
    /// meanwhile. If `f` fails, what it was called with is as before.
    /// Calls out: format.
    #[inline]
    pub fn each_fresh(&self, singly: bool, mut f: impl FnMut(Addr, Addr) -> Result) -> Result {
        let fmt = self.format.get();
        let h = fmt.m.header;
        let (marks, done) = (self.marks, self.done.get());
        while self.lo.get() <= self.hi.get() {
            let mut w = self.lo.replace(usize::MAX);
            // New marks up to `hi` are met on the way, or make this begin again.
            let hi = self.hi.replace(0);
            while w <= hi {
                let fresh = self.word(marks, w).get() & !self.word(done, w).get();
                if fresh == 0 {
                    w += 1;
                    continue;
                }
                let base = self.addr(w, fresh.trailing_zeros());
                let mut end = base;
                loop {
                    let next = end.add(fmt.size(end.add(h)));
                    crate::aver!(
                        next > end && next <= self.seg.limit,
                        "skip method stays in the segment"
                    );
                    end = next;
                    let Some((v, bit)) = self.place(end) else { break };
                    let fresh = self.word(marks, v).get() & !self.word(done, v).get();
                    if fresh & bit == 0 || singly {
                        break;
                    }
                }
                self.set_range(done, base, end, true);
                if let Err(e) = f(base, end) {
                    self.set_range(done, base, end, false);
                    self.lo.set(self.lo.get().min(w));
                    self.hi.set(self.hi.get().max(hi));
                    return Err(e);
                }
                self.kept.set(self.kept.get() + end.since(base));
            }
        }
        Ok(())
    }
}

/// What [`Table::mark`] found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mark {
    /// The object was not marked, and is now.
    New,
    /// The object was marked before.
    Old,
    /// The object is not marked, and was only to be looked at.
    Absent,
    /// No object is known to be there, so nothing was marked.
    Odd,
    /// The address is outside the segment, or not aligned.
    Nowhere,
}
