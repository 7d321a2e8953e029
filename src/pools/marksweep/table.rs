//! What a non-moving pool knows of one segment: bits, out of line, one for
//! each place where an object can begin.
//!
//! - *starts*: an object begins here. Between two traces these are exactly the
//!   objects that were alive at the last one or were made since; whatever lies
//!   between them is free.
//! - *marks*: it has been reached, in the trace that the segment is white for.
//!   When the trace ends the marks are the new starts: that is all there is to
//!   sweeping, until somebody wants room.
//! - *done*: and it has been scanned. Not kept for leaf objects.
//!
//! Room is found by going through the segment once, as it is asked for
//! ([`Table::next_run`]): what is behind `cursor` is not looked at again before
//! the next trace.

use crate::base::addr::{Addr, Size, WORD_BITS};
use crate::base::list::{Link, Linked};
use crate::base::ptr::P;
use crate::base::res::Result;
use crate::object::format::Format;
use crate::object::pool::Pool;
use crate::object::seg::Seg;
use core::cell::Cell;

/// Bits of a word; words are counted by shifting.
const SHIFT: u32 = WORD_BITS.trailing_zeros();
const MASK: usize = WORD_BITS as usize - 1;

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
    starts: Cell<*mut usize>,
    marks: Cell<*mut usize>,
    done: *mut usize,
    /// Up to here the segment has been searched for room.
    pub cursor: Cell<Addr>,
    /// Up to here the objects made by its allocation point have their bits.
    pub known: Cell<Addr>,
    /// The words that may hold marks of objects not scanned yet.
    lo: Cell<usize>,
    hi: Cell<usize>,
    /// Something in it has been scanned in this trace.
    pub begun: Cell<bool>,
    /// Bytes of objects.
    pub used: Cell<Size>,
    /// `used` is an estimate.
    pub estimated: Cell<bool>,
    /// Bytes of objects found alive in this trace.
    pub kept: Cell<Size>,
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
    unsafe { &*Addr(seg.tag.get()).ptr::<Table>() }
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
        let bytes = words.wrapping_mul(size_of::<usize>());
        let leaf = seg.ranks.is_empty();
        let mut maps = [core::ptr::null_mut::<usize>(); 3];
        let back = |maps: &[*mut usize; 3]| {
            for m in maps.iter().filter(|m| !m.is_null()) {
                arena.control_free(Addr::of(*m), bytes);
            }
        };
        for m in maps.iter_mut().take(if leaf { 2 } else { 3 }) {
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
        let [starts, marks, done] = maps;
        let table = Table {
            link: Link::default(),
            seg,
            format,
            base: seg.base,
            shift,
            words,
            starts: Cell::new(starts),
            marks: Cell::new(marks),
            done,
            cursor: Cell::new(seg.base),
            known: Cell::new(seg.base),
            lo: Cell::new(usize::MAX),
            hi: Cell::new(0),
            begun: Cell::new(false),
            used: Cell::new(0),
            estimated: Cell::new(false),
            kept: Cell::new(0),
        };
        let t = arena.control_new(table).inspect_err(|_| back(&maps))?;
        seg.tag.set(t.addr().0);
        Ok(t)
    }

    /// As a pointer.
    pub fn p(&self) -> P<Table> {
        // SAFETY: tables stay where they are (`hang`).
        unsafe { P::new(core::ptr::NonNull::from(self)) }
    }

    /// Takes it down. It is in no list.
    pub fn finish(&self) {
        let arena = &self.seg.pool.cx.get().arena;
        let bytes = self.words.wrapping_mul(size_of::<usize>());
        for m in [self.starts.get(), self.marks.get(), self.done] {
            if !m.is_null() {
                arena.control_free(Addr::of(m), bytes);
            }
        }
        arena.control_drop(self.p());
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

    /// The word and the bit for `a`, or nothing if that is not in the segment.
    #[inline(always)]
    fn place(&self, a: Addr) -> Option<(usize, usize)> {
        let i = a.since(self.base) >> self.shift;
        let w = i >> SHIFT;
        if w < self.words { Some((w, 1usize << (i & MASK))) } else { None }
    }

    #[inline(always)]
    fn addr(&self, w: usize, bit: u32) -> Addr {
        self.base.add((w << SHIFT | bit as usize) << self.shift)
    }

    /// Does an object begin at `base`?
    pub fn is_start(&self, base: Addr) -> bool {
        base.is_aligned(1 << self.shift)
            && self.place(base).is_some_and(|(w, b)| self.word(self.starts.get(), w).get() & b != 0)
    }

    /// Is the object at `base` marked?
    pub fn is_marked(&self, base: Addr) -> bool {
        self.place(base).is_some_and(|(w, b)| self.word(self.marks.get(), w).get() & b != 0)
    }

    /// Marks the object at `base`, unless the reference is weak (`only_look`).
    #[inline(always)]
    pub fn mark(&self, base: Addr, only_look: bool) -> Mark {
        let Some((w, bit)) = self.place(base) else { return Mark::Nowhere };
        let word = self.word(self.marks.get(), w);
        let old = word.get();
        if old & bit != 0 {
            return Mark::Old;
        }
        if only_look {
            return Mark::Absent;
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

    /// The trace that begins has seen nothing.
    pub fn clear_marks(&self) {
        for w in 0..self.words {
            self.word(self.marks.get(), w).set(0);
            if !self.done.is_null() {
                self.word(self.done, w).set(0);
            }
        }
        self.lo.set(usize::MAX);
        self.hi.set(0);
        self.begun.set(false);
        self.kept.set(0);
    }

    /// The marks become the starts. Returns how many there were and are.
    pub fn sweep(&self) -> (usize, usize) {
        let (mut were, mut are) = (0usize, 0usize);
        for w in 0..self.words {
            were = were.wrapping_add(self.word(self.starts.get(), w).get().count_ones() as usize);
            are = are.wrapping_add(self.word(self.marks.get(), w).get().count_ones() as usize);
        }
        self.starts.swap(&self.marks);
        self.cursor.set(self.base);
        (were, are)
    }

    /// Gives the objects in `known..end` their bits. Calls out: format.
    #[inline]
    pub fn learn(&self, end: Addr) {
        let from = self.known.get();
        if from >= end {
            return;
        }
        let f = self.format.get();
        let h = f.m.header;
        let mut a = from;
        while a < end {
            if let Some((w, bit)) = self.place(a) {
                let word = self.word(self.starts.get(), w);
                word.set(word.get() | bit);
            }
            let next = a.add(f.size(a.add(h)));
            crate::aver!(next > a && next <= end, "skip method stays in the block committed");
            a = next;
        }
        self.used.set(self.used.get().wrapping_add(end.since(from)));
        self.known.set(end);
    }

    /// Gives the bits to what the segment's allocation point has made so far;
    /// nobody is at work with it.
    pub fn catch_up(&self) {
        if let Some(b) = self.seg.buffer.get() {
            self.learn(b.objects_end());
        }
    }

    /// The first bit of a map at or after `from`.
    #[inline]
    fn next_in(&self, map: *mut usize, from: Addr) -> Option<Addr> {
        let (mut w, bit) = self.place(from)?;
        let mut bits = self.word(map, w).get() & bit.wrapping_neg();
        loop {
            if bits != 0 {
                return Some(self.addr(w, bits.trailing_zeros()));
            }
            w = w.wrapping_add(1);
            if w >= self.words {
                return None;
            }
            bits = self.word(map, w).get();
        }
    }

    /// The next stretch without objects of at least `min` bytes, cut to `most`;
    /// it is behind the cursor then. At most `tries` shorter ones are passed
    /// over, for good. The segment is readable. Calls out: format.
    pub fn next_run(&self, min: Size, most: Size, tries: &mut usize) -> Option<(Addr, Addr)> {
        let f = self.format.get();
        let h = f.m.header;
        let limit = self.seg.limit;
        let mut c = self.cursor.get();
        while c < limit {
            let s = self.next_in(self.starts.get(), c).unwrap_or(limit);
            if s.since(c) >= min {
                let e = s.min(c.add(most));
                self.cursor.set(e);
                return Some((c, e));
            }
            if s > c {
                *tries = tries.wrapping_sub(1);
                if *tries == 0 {
                    self.cursor.set(s);
                    return None;
                }
            }
            if s >= limit {
                break;
            }
            c = s.add(f.size(s.add(h)));
        }
        self.cursor.set(limit);
        None
    }

    /// Calls `f(base, limit)` for every object, or every marked object.
    /// The segment is readable. Calls out: format.
    pub fn each(&self, marked: bool, f: &mut dyn FnMut(Addr, Addr) -> Result) -> Result {
        let fmt = self.format.get();
        let h = fmt.m.header;
        let map = if marked { self.marks.get() } else { self.starts.get() };
        let mut a = self.base;
        while let Some(s) = self.next_in(map, a) {
            let next = s.add(fmt.size(s.add(h)));
            crate::aver!(next > s && next <= self.seg.limit, "skip method stays in the segment");
            f(s, next)?;
            a = next;
            if a >= self.seg.limit {
                break;
            }
        }
        Ok(())
    }

    /// Calls `f(base, limit)` for stretches of objects that lie side by side.
    /// The segment is readable. Calls out: format.
    pub fn each_run(&self, marked: bool, f: &mut dyn FnMut(Addr, Addr) -> Result) -> Result {
        let mut run = (Addr::NULL, Addr::NULL);
        self.each(marked, &mut |base, limit| {
            if base == run.1 {
                run.1 = limit;
                return Ok(());
            }
            let last = core::mem::replace(&mut run, (base, limit));
            if last.0 < last.1 { f(last.0, last.1) } else { Ok(()) }
        })?;
        if run.0 < run.1 { f(run.0, run.1) } else { Ok(()) }
    }

    /// Calls `f(base, limit)` for objects that are marked and were not scanned:
    /// for stretches of them side by side, or one by one. New marks may appear
    /// meanwhile. If `f` fails, what it was called with is as before.
    /// Calls out: format.
    #[inline]
    pub fn each_fresh(&self, singly: bool, mut f: impl FnMut(Addr, Addr) -> Result) -> Result {
        let fmt = self.format.get();
        let h = fmt.m.header;
        while self.lo.get() <= self.hi.get() {
            let mut w = self.lo.replace(usize::MAX);
            // New marks up to `hi` are met on the way, or fetch us back.
            let hi = self.hi.replace(0);
            while w <= hi {
                let fresh = self.word(self.marks.get(), w).get() & !self.word(self.done, w).get();
                if fresh == 0 {
                    w = w.wrapping_add(1);
                    continue;
                }
                let base = self.addr(w, fresh.trailing_zeros());
                let mut end = base;
                while let Some((v, bit)) = self.place(end) {
                    let done = self.word(self.done, v);
                    if self.word(self.marks.get(), v).get() & !done.get() & bit == 0 {
                        break;
                    }
                    done.set(done.get() | bit);
                    let next = end.add(fmt.size(end.add(h)));
                    crate::aver!(
                        next > end && next <= self.seg.limit,
                        "skip method stays in the segment"
                    );
                    end = next;
                    if singly {
                        break;
                    }
                }
                if let Err(e) = f(base, end) {
                    self.undo(base, end);
                    self.lo.set(self.lo.get().min(w));
                    self.hi.set(self.hi.get().max(hi));
                    return Err(e);
                }
                self.kept.set(self.kept.get().wrapping_add(end.since(base)));
            }
        }
        Ok(())
    }

    /// The objects in a stretch have not been scanned after all.
    #[cold]
    fn undo(&self, base: Addr, end: Addr) {
        let fmt = self.format.get();
        let mut a = base;
        while a < end {
            if let Some((w, bit)) = self.place(a) {
                let done = self.word(self.done, w);
                done.set(done.get() & !bit);
            }
            a = a.add(fmt.size(a.add(fmt.m.header)));
        }
    }

    /// Gives up on what is marked and was not scanned.
    #[cold]
    pub fn give_up(&self) {
        for w in 0..self.words {
            self.word(self.done, w).set(self.word(self.marks.get(), w).get());
        }
        self.lo.set(usize::MAX);
        self.hi.set(0);
    }
}

/// What [`Table::mark`] found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mark {
    /// It is marked now, and was not.
    New,
    /// It was marked.
    Old,
    /// It is not marked, and was not to be.
    Absent,
    /// That is outside the segment.
    Nowhere,
}
