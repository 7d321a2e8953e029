//! Guardians: registrations of objects whose death the client wants to hear of.
//!
//! A registration is a reference of rank final. It is looked at when everything that
//! exact references lead to has been found. If its object has not been found by then,
//! the object is kept, and the registration becomes *ready*: the layer above takes it from
//! [`Guardians::ready`] and makes it a message. Until the message is discarded, it keeps
//! the object alive as an exact reference does.
//!
//! Registrations stand in blocks. In a block the references are an array of their own,
//! and each block has a summary. So a collection of young objects does not look at
//! blocks of old ones. New registrations fill one block at a time, and a block is filled
//! up again only when a quarter of it is free.
//!
//! A table by address serves to take a registration back. It is made when it is
//! first needed. A block whose objects have moved goes to the `moved` list, and is
//! brought up to date before the table is next used.
//!
//! # Invariants
//! - A block's summary covers the zones of all its references.
//! - A registration is in the table only while it is watched; and it is there if
//!   there is a table, though perhaps (in a `moved` block) in an old place.
//! - While a trace is under way no block is given back.

use crate::arena::Arena;
use crate::base::addr::{Addr, Size};
use crate::base::check::Sig;
use crate::base::list::{Link, Linked, List};
use crate::base::ptr::{P, Slot};
use crate::base::res::{Res, Result};
use crate::base::sets::{Rank, RefSet, ZoneSet};
use crate::object::cx::{Cx, Inside, bump};
use crate::object::message::{Fifo, Message, MessageType};
use crate::object::pool::Pool;
use crate::object::scan::{Ref, ScanState};
use crate::object::seg;
use crate::object::trace::Trace;
use core::cell::Cell;

/// Is there finalization?
pub const PRESENT: bool = true;

/// The sizes of the first two blocks, of the next six and of all others: of about 30, 200
/// and 1,000 registrations. Guesses: a program with few registrations should need little
/// memory, and one with many should have few blocks.
const BLOCK_BYTES: [Size; 3] = [2048, 16 * 1024, 64 * 1024];

/// How many registrations [`Guardians::refresh`] may look at in one trace. A guess: to
/// finish the trace costs less from there on.
const REFRESH_LOOKS: Size = 64 * 1024;

/// What a registration is doing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// Nothing.
    Free,
    /// Waiting for its object to die.
    Watched,
    /// It is a message, or about to be one.
    Held,
}

/// A registration, and the message that it becomes.
#[repr(C)]
pub struct Guardian {
    message: Message,
    block: P<Block>,
    /// Its place in the block.
    index: u32,
    /// What it is in the table by.
    hash: Cell<u32>,
    state: Cell<State>,
    /// Is it in the table?
    hashed: Cell<bool>,
    /// The next in its bucket, or the next that is free.
    chain: Slot<Guardian>,
}

/// Registrations made at about the same time.
pub struct Block {
    all: Link<Block>,
    roomy: Link<Block>,
    moved: Link<Block>,
    bytes: Size,
    len: usize,
    used: Cell<usize>,
    held: Cell<usize>,
    free: Slot<Guardian>,
    summary: Cell<RefSet>,
    refs: *mut Addr,
    entries: *mut Guardian,
}

impl Linked<0> for Block {
    fn link(&self) -> &Link<Block> {
        &self.all
    }
}
impl Linked<1> for Block {
    fn link(&self) -> &Link<Block> {
        &self.roomy
    }
}
impl Linked<2> for Block {
    fn link(&self) -> &Link<Block> {
        &self.moved
    }
}

impl Block {
    /// # Errors
    /// The arena's.
    fn create(arena: &Arena, bytes: Size) -> Result<P<Block>> {
        let each = size_of::<Addr>() + size_of::<Guardian>();
        let len = (bytes - size_of::<Block>()) / each;
        let at = arena.control_alloc(bytes)?;
        let refs = at.add(size_of::<Block>());
        let entries = refs.add(len * size_of::<Addr>());
        let block = Block {
            all: Link::default(),
            roomy: Link::default(),
            moved: Link::default(),
            bytes,
            len,
            used: Cell::new(0),
            held: Cell::new(0),
            free: Cell::new(None),
            summary: Cell::new(RefSet::EMPTY),
            refs: refs.ptr(),
            entries: entries.ptr(),
        };
        let p: *mut Block = at.ptr();
        // SAFETY: control memory of `bytes` bytes, ours: the block, then `len`
        // references, then `len` entries; all of them word aligned.
        unsafe { p.write(block) };
        // SAFETY: just written; stays until `destroy`.
        let Some(block) = (unsafe { P::from_raw(p) }) else { return Err(Res::Memory) };
        for i in (0..len).rev() {
            let g = Guardian {
                message: Message::new(MessageType::Finalization),
                block,
                index: i as u32,
                hash: Cell::new(0),
                state: Cell::new(State::Free),
                hashed: Cell::new(false),
                chain: Cell::new(block.free.get()),
            };
            // SAFETY: as above.
            unsafe {
                block.refs.add(i).write(Addr::NULL);
                block.entries.add(i).write(g);
            }
            block.get().free.set(block.entry(i));
        }
        Ok(block)
    }

    fn entry(&self, i: usize) -> Option<P<Guardian>> {
        crate::aver_critical!(i < self.len);
        // SAFETY: in the array, which lives as long as the block.
        unsafe { P::from_raw(self.entries.add(i)) }
    }

    fn at(&self, i: usize) -> *mut Addr {
        crate::aver_critical!(i < self.len);
        // SAFETY: in the array.
        unsafe { self.refs.add(i) }
    }

    fn get(&self, i: usize) -> Addr {
        // SAFETY: in the array.
        unsafe { self.at(i).read() }
    }

    fn set(&self, i: usize, a: Addr) {
        // SAFETY: in the array, which only we write to, under the lock.
        unsafe { self.at(i).write(a) };
    }
}

impl P<Guardian> {
    fn reference(self) -> Addr {
        self.block.get().get(self.index as usize)
    }

    fn place(self) -> *mut Addr {
        self.block.get().at(self.index as usize)
    }
}

/// The registration that a finalization message is.
fn of_message(m: P<Message>) -> Option<P<Guardian>> {
    if m.kind != MessageType::Finalization {
        return None;
    }
    // SAFETY: messages of this kind are made here only, each the head of a
    // registration.
    unsafe { P::from_raw(m.as_ptr().cast()) }
}

/// All registrations of an instance.
#[derive(Default)]
pub struct Guardians {
    blocks: List<Block, 0>,
    /// Blocks worth filling up.
    roomy: List<Block, 1>,
    /// Blocks with references that changed since they were put in the table.
    moved: List<Block, 2>,
    /// The block being filled.
    current: Slot<Block>,
    /// Registrations that are watched.
    pub count: Cell<usize>,
    buckets: Cell<usize>,
    table: Cell<Addr>,
    /// Registrations made so far. Each has its number in `Message::order` while it is watched.
    #[cfg(feature = "runtime")]
    made: Cell<usize>,
    /// Registrations that are ready, for the layer above to make messages of.
    pub ready: Fifo,
    /// Unit tests: registrations looked at to take one back, and blocks that
    /// collections looked into.
    #[cfg(test)]
    pub looks: (Cell<usize>, Cell<usize>),
}

fn hash(a: Addr) -> u32 {
    ((a.0 as u64 >> 3).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32) as u32
}

/// Two lists, each in the order of registration, as one.
#[cfg(feature = "runtime")]
fn merge(mut a: Option<P<Guardian>>, mut b: Option<P<Guardian>>) -> Option<P<Guardian>> {
    let first = Slot::<Guardian>::new(None);
    let mut last: Option<P<Guardian>> = None;
    loop {
        let (x, rest) = match (a, b) {
            (Some(x), Some(y))
                if y.message.order.get() < x.message.order.get()
                    && !crate::seam::fault("finalize_order") =>
            {
                (y, &mut b)
            }
            (Some(x), _) => (x, &mut a),
            (None, Some(y)) => (y, &mut b),
            (None, None) => return first.get(),
        };
        *rest = x.chain.take();
        match last.replace(x) {
            Some(l) => l.get().chain.set(Some(x)),
            None => first.set(Some(x)),
        }
    }
}

impl Guardians {
    fn zone(cx: &Cx, a: Addr) -> ZoneSet {
        if a.is_null() { ZoneSet::EMPTY } else { ZoneSet::of(a, cx.arena.zone_shift()) }
    }

    // ------------------------------------------------------- registrations

    /// Watches the object at `a`, a client pointer into an automatic pool.
    ///
    /// # Errors
    /// The arena's.
    pub fn register(&self, cx: &Cx, a: Addr) -> Result {
        let block = self.room(&cx.arena)?;
        let Some(g) = block.free.get() else { return Err(Res::Memory) };
        block.free.set(g.chain.take());
        if block.free.get().is_none() {
            self.current.set(None);
        }
        block.used.set(block.used.get() + 1);
        block.get().set(g.index as usize, a);
        block.summary.set(block.summary.get().or(Self::zone(cx, a)));
        g.state.set(State::Watched);
        #[cfg(feature = "runtime")]
        {
            bump(&self.made, 1);
            g.message.order.set(self.made.get());
        }
        self.count.set(self.count.get() + 1);
        if self.buckets.get() != 0 {
            self.insert(g);
        }
        Ok(())
    }

    /// A block with room.
    fn room(&self, arena: &Arena) -> Result<P<Block>> {
        if let Some(b) = self.current.get() {
            return Ok(b);
        }
        let b = match self.roomy.pop_front() {
            Some(b) => b,
            None => {
                let i = match self.blocks.len() {
                    0..2 => 0,
                    2..8 => 1,
                    _ => 2,
                };
                let least = BLOCK_BYTES.first().copied().unwrap_or(2048);
                let bytes = BLOCK_BYTES.get(i).copied().unwrap_or(least);
                let b = match Block::create(arena, bytes) {
                    Err(_) if bytes > least => Block::create(arena, least)?,
                    other => other?,
                };
                self.blocks.push_back(b);
                b
            }
        };
        self.current.set(Some(b));
        Ok(b)
    }

    /// Ends a registration.
    fn release(&self, g: P<Guardian>) {
        match g.state.get() {
            State::Watched => self.unwatch(g),
            State::Held => {
                let held = &g.block.held;
                held.set(held.get() - 1);
            }
            State::Free => return,
        }
        let b = g.block;
        g.message.sig.set(Sig::DEAD);
        g.message.taken.set(false);
        g.state.set(State::Free);
        b.get().set(g.index as usize, Addr::NULL);
        g.chain.set(b.free.replace(Some(g)));
        b.used.set(b.used.get() - 1);
        let free = b.len - b.used.get();
        if free >= b.len / 4 && !b.roomy.is_linked() && self.current.get() != Some(b) {
            self.roomy.push_back(b);
        }
    }

    /// It is no longer watched.
    fn unwatch(&self, g: P<Guardian>) {
        self.count.set(self.count.get() - 1);
        if g.hashed.get() {
            self.unlink(g);
        }
    }

    /// Gives back blocks that are not used. Between traces.
    fn tidy(&self, arena: &Arena) {
        for b in self.blocks.iter() {
            if b.used.get() != 0 || self.current.get() == Some(b) {
                continue;
            }
            self.blocks.remove(b);
            if b.roomy.is_linked() {
                self.roomy.remove(b);
            }
            if b.moved.is_linked() {
                self.moved.remove(b);
            }
            // SAFETY: nobody uses it any more.
            unsafe { arena.control_free(b.addr(), b.bytes) };
        }
    }

    /// Undoes one registration of the object at `a`. False: there is none (that
    /// is known by that address: see `refresh`). Cost: O(1) expected.
    pub fn deregister(&self, cx: &Cx, a: Addr) -> bool {
        let found = if self.index(&cx.arena) { self.find(a) } else { self.search(cx, a) };
        found.map(|g| self.release(g)).is_some()
    }

    /// Makes everything that is watched ready, in the order of registration. If a trace is past its
    /// flip, its object is kept as by `message_ref`: the trace may have looked at what
    /// messages hold already.
    /// Takes no memory. Cost: O(n log n), n registrations.
    #[cfg(feature = "runtime")]
    pub fn ready_all(&self, cx: Inside<'_>) {
        // Merge sort of lists through `chain`, which is free once a registration is not in the
        // table: bin k is empty or has 2^k of them (Knuth, vol. 3, 5.2.4, exercise on lists).
        let mut bins: [Option<P<Guardian>>; usize::BITS as usize] = [None; usize::BITS as usize];
        for g in self.blocks.iter().flat_map(|b| (0..b.len).filter_map(move |i| b.get().entry(i))) {
            if g.state.get() != State::Watched {
                continue;
            }
            self.unwatch(g);
            g.state.set(State::Held);
            g.block.held.set(g.block.held.get() + 1);
            for t in cx.traces_of(cx.flipped.get()) {
                self.fix(&ScanState::new(cx, t, Rank::Exact), g);
                self.widen(&cx, g);
            }
            g.chain.set(None);
            let mut sorted = Some(g);
            for bin in bins.iter_mut() {
                let Some(other) = bin.take() else {
                    *bin = sorted;
                    break;
                };
                sorted = merge(Some(other), sorted);
            }
        }
        let mut next = bins.into_iter().fold(None, merge);
        while let Some(g) = next {
            next = g.chain.take();
            // SAFETY: the head of the registration.
            if let Some(m) = unsafe { P::from_raw(g.as_ptr().cast()) } {
                self.ready.push(m);
            }
        }
    }

    /// A pool goes, with all its objects. No trace is under way.
    pub fn pool_gone(&self, cx: &Cx, pool: P<Pool>) {
        for b in self.blocks.iter() {
            for g in (0..b.len).filter_map(|i| b.entry(i)) {
                if seg::of_addr(cx, g.reference()).is_none_or(|s| s.pool != pool) {
                    continue;
                }
                match g.state.get() {
                    State::Watched => self.release(g),
                    State::Held => b.get().set(g.index as usize, Addr::NULL),
                    State::Free => {}
                }
            }
        }
        self.tidy(&cx.arena);
    }

    // ------------------------------------------------------------ messages

    /// The object a finalization message is about, as a reference that the
    /// mutator may have.
    pub fn message_ref(&self, cx: Inside<'_>, m: P<Message>) -> Addr {
        let Some(g) = of_message(m) else { return Addr::NULL };
        for t in cx.traces_of(cx.flipped.get()) {
            self.fix(&ScanState::new(cx, t, Rank::Exact), g);
            self.widen(&cx, g);
        }
        g.reference()
    }

    /// A finalization message is discarded, or won't be posted at all.
    pub fn message_done(&self, cx: Inside<'_>, m: P<Message>) {
        let Some(g) = of_message(m) else { return };
        self.release(g);
        let several = self.blocks.len() > 1;
        if cx.busy.get().is_empty() && several && g.block.used.get() == 0 {
            self.tidy(&cx.arena);
        }
    }

    // ------------------------------------------------------------- the scan

    /// A trace has ended.
    pub fn trace_end(&self, cx: Inside<'_>) {
        if cx.busy.get().is_empty() {
            self.tidy(&cx.arena);
        }
    }

    /// The next scan of a trace is over all blocks.
    pub fn rewind(&self, t: &Trace) {
        t.guardians_at.set(self.blocks.first().map_or(Addr::NULL, P::addr));
    }

    /// The next block for a trace to scan, if its scan is not done.
    fn next(&self, t: &Trace) -> Option<P<Block>> {
        // SAFETY: null, or a block of ours: put there by `rewind` or below, and
        // no block goes while a trace is in progress.
        while let Some(b) = unsafe { P::from_raw(t.guardians_at.get().ptr::<Block>()) } {
            t.guardians_at.set(self.blocks.after(b).map_or(Addr::NULL, P::addr));
            if b.summary.get().meets(t.white_zones.get()) {
                return Some(b);
            }
        }
        None
    }

    /// Exact band: fixes what messages hold, a block at a time. The work done,
    /// in bytes; `None`: all done.
    pub fn scan_held(&self, t: &Trace, cx: Inside<'_>, ss: &ScanState) -> Option<Size> {
        let b = loop {
            let b = self.next(t)?;
            if b.held.get() != 0 {
                break b;
            }
        };
        for g in (0..b.len).filter_map(|i| b.entry(i)) {
            if g.state.get() == State::Held {
                self.fix(ss, g);
                self.widen(&cx, g);
            }
        }
        Some(b.bytes)
    }

    /// Final band: finds which objects would die, a block at a time. `ss` is of
    /// rank exact, `weak` of rank weak. As `scan_held`.
    pub fn scan_final(
        &self,
        t: &Trace,
        cx: Inside<'_>,
        ss: &ScanState,
        weak: &ScanState,
    ) -> Option<Size> {
        let b = self.next(t)?;
        #[cfg(test)]
        self.looks.1.set(self.looks.1.get() + 1);
        let white = t.white_zones.get();
        let mut summary = RefSet::EMPTY;
        for i in 0..b.len {
            let a = b.get().get(i);
            if a.is_null() {
                continue;
            }
            if Self::zone(&cx, a).meets(white) {
                if let Some(g) = b.entry(i).filter(|g| g.state.get() == State::Watched) {
                    if !self.find_alive(weak, g) {
                        self.unwatch(g);
                        g.state.set(State::Held);
                        b.held.set(b.held.get() + 1);
                        self.fix(ss, g);
                        let m = g.as_ptr().cast();
                        // SAFETY: the head of the registration.
                        if let Some(m) = unsafe { P::from_raw(m) } {
                            self.ready.push(m);
                        }
                    }
                }
            }
            summary = summary.or(Self::zone(&cx, b.get().get(i)));
        }
        b.summary.set(summary);
        Some(b.bytes)
    }

    /// Has the object been found alive? If so, the reference to it is brought up to date. The
    /// class is asked by a fix of rank weak, which gives null for no.
    fn find_alive(&self, weak: &ScanState, g: P<Guardian>) -> bool {
        let before = g.reference();
        let mut a = before;
        let Some(s) = seg::of_addr(&weak.cx(), a) else { return true };
        if !s.white.get().meets(weak.traces) {
            return true;
        }
        // SAFETY: our own variable.
        let r = unsafe { Ref::new(&raw mut a) };
        // To fix a weak reference takes no memory, so it does not fail.
        let _ = s.class.fix(s, weak, r);
        if a.is_null() {
            return false;
        }
        if a != before {
            g.block.get().set(g.index as usize, a);
            self.has_moved(g);
        }
        true
    }

    fn fix(&self, ss: &ScanState, g: P<Guardian>) {
        let Some(s) = seg::of_addr(&ss.cx(), g.reference()) else { return };
        if s.white.get().meets(ss.traces) {
            // SAFETY: in the array, which only we write to, under the lock.
            let r = unsafe { Ref::new(g.place()) };
            // Only a scan can be broken off, and this is not one.
            let _ = super::fix::fix2(ss, r);
        }
    }

    fn widen(&self, cx: &Cx, g: P<Guardian>) {
        let summary = &g.block.summary;
        summary.set(summary.get().or(Self::zone(cx, g.reference())));
    }

    fn has_moved(&self, g: P<Guardian>) {
        if g.hashed.get() && !g.block.moved.is_linked() {
            self.moved.push_back(g.block);
        }
    }

    /// Brings registrations up to date whose objects have been found so far. Between a flip
    /// and the final band registrations have the old addresses of objects, and the mutator
    /// has the new ones. False: this has been done so often in this trace that it is
    /// better to finish the trace.
    /// Cost: O(registrations of white objects).
    pub fn refresh(&self, t: &Trace, cx: Inside<'_>) -> bool {
        if t.guardians_refreshed.get() > REFRESH_LOOKS {
            return false;
        }
        let weak = ScanState::new(cx, t, Rank::Weak);
        for b in self.blocks.iter().filter(|b| b.summary.get().meets(t.white_zones.get())) {
            bump(&t.guardians_refreshed, b.len);
            for g in (0..b.len).filter_map(|i| b.entry(i)) {
                if g.state.get() == State::Watched {
                    self.find_alive(&weak, g);
                    self.widen(&cx, g);
                }
            }
        }
        true
    }

    /// Calls `f` with every reference, which it may change (transforms, the
    /// sanity trace). No trace is under way.
    pub fn each_ref(&self, cx: &Cx, mut f: impl FnMut(Ref<'_>)) {
        for b in self.blocks.iter() {
            for g in (0..b.len).filter_map(|i| b.entry(i)) {
                let before = g.reference();
                if g.state.get() != State::Free && !before.is_null() {
                    // SAFETY: in the array, which only we write to, under the lock.
                    f(unsafe { Ref::new(g.place()) });
                    if g.reference() != before {
                        self.has_moved(g);
                        self.widen(cx, g);
                    }
                }
            }
        }
    }

    // ------------------------------------------------------------- the table

    fn bucket(&self, hash: u32) -> Option<&Slot<Guardian>> {
        let n = self.buckets.get();
        if n == 0 {
            return None;
        }
        let at = self.table.get().ptr::<Slot<Guardian>>();
        // SAFETY: `buckets` slots, a power of two, in control memory of ours.
        Some(unsafe { &*at.add(hash as usize & (n - 1)) })
    }

    fn insert(&self, g: P<Guardian>) {
        let h = hash(g.reference());
        let Some(head) = self.bucket(h) else { return };
        g.hash.set(h);
        g.chain.set(head.replace(Some(g)));
        g.hashed.set(true);
    }

    fn unlink(&self, g: P<Guardian>) {
        g.hashed.set(false);
        let Some(mut at) = self.bucket(g.hash.get()) else { return };
        while let Some(x) = at.get() {
            if x == g {
                at.set(g.chain.take());
                return;
            }
            at = &x.get().chain;
        }
    }

    /// Makes the table large enough and brings it up to date. False: there is no memory for
    /// a table.
    fn index(&self, arena: &Arena) -> bool {
        if self.count.get() > self.buckets.get() * 2 || self.buckets.get() == 0 {
            self.grow(arena);
        }
        if self.buckets.get() == 0 {
            return false;
        }
        while let Some(b) = self.moved.pop_front() {
            #[cfg(test)]
            self.looks.0.set(self.looks.0.get() + b.len);
            for g in (0..b.len).filter_map(|i| b.entry(i)) {
                if g.hashed.get() && g.hash.get() != hash(g.reference()) {
                    self.unlink(g);
                    self.insert(g);
                }
            }
        }
        true
    }

    /// A larger table, if there is memory for it.
    fn grow(&self, arena: &Arena) {
        let n = self.count.get().max(64).next_power_of_two();
        let bytes = n * size_of::<Slot<Guardian>>();
        let Ok(table) = arena.control_alloc(bytes) else { return };
        let old = (self.table.get(), self.buckets.get());
        for i in 0..n {
            // SAFETY: an array of `n`, just allocated.
            unsafe { table.ptr::<Slot<Guardian>>().add(i).write(Cell::new(None)) };
        }
        self.table.set(table);
        self.buckets.set(n);
        if old.1 != 0 {
            // SAFETY: nobody uses it any more.
            unsafe { arena.control_free(old.0, old.1 * size_of::<Slot<Guardian>>()) };
        }
        while self.moved.pop_front().is_some() {}
        for b in self.blocks.iter() {
            #[cfg(test)]
            self.looks.0.set(self.looks.0.get() + b.len);
            for g in (0..b.len).filter_map(|i| b.entry(i)) {
                if g.state.get() == State::Watched {
                    self.insert(g);
                }
            }
        }
    }

    fn find(&self, a: Addr) -> Option<P<Guardian>> {
        let mut at = self.bucket(hash(a))?.get();
        while let Some(g) = at {
            #[cfg(test)]
            self.looks.0.set(self.looks.0.get() + 1);
            if g.reference() == a {
                return Some(g);
            }
            at = g.chain.get();
        }
        None
    }

    /// Unit tests: blocks there are, and bytes of them.
    #[cfg(test)]
    pub(crate) fn footprint(&self) -> (usize, Size) {
        (self.blocks.len(), self.blocks.iter().map(|b| b.bytes).sum())
    }

    /// As `find`, without a table.
    fn search(&self, cx: &Cx, a: Addr) -> Option<P<Guardian>> {
        let zone = Self::zone(cx, a);
        #[cfg(test)]
        self.looks.0.set(self.looks.0.get() + self.count.get());
        self.blocks
            .iter()
            .filter(|b| b.summary.get().meets(zone))
            .flat_map(|b| (0..b.len).filter_map(move |i| b.get().entry(i)))
            .find(|g| g.state.get() == State::Watched && g.reference() == a)
    }
}
