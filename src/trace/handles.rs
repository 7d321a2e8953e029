//! Handles: words of the library's own that stay where they are, each with a reference that is
//! kept up to date, strong or weak.
//!
//! They stand in blocks. Who wants one takes a bit of a block's map of what is in use; who is done
//! gives it back. Both are one atomic operation. Only to get or to find a block with room takes
//! the instance's lock. Blocks stay as long as the instance.
//!
//! Strong handles are an exact root, scanned at the flip while threads are held. So a look at one
//! is a load: what it shows before a flip is on the thread's stack or in its registers then.
//!
//! Weak handles are looked at in the weak band, after the flip. Between the two a handle may show
//! what has moved, or is about to die. So who looks at one sees from a count of flips, and from
//! how many traces are between the two, that there was no flip in between; else it goes inside,
//! and has the reference fixed, as a barrier hit has a weak object scanned.

use super::{advance, fix};
use crate::base::addr::{Addr, Size, WORD_BITS};
use crate::base::ptr::{P, Slot};
use crate::base::res::Result;
use crate::base::sets::Rank;
use crate::object::cx::{Cx, Inside};
use crate::object::scan::{Ref, ScanState};
use crate::object::trace::Trace;
use core::cell::Cell;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

/// Words of a block's map. So a block is nearly two pages of 4 KB, where words have 64 bits.
const WORDS: usize = 7;
/// Handles in a block.
const MANY: usize = WORDS * WORD_BITS as usize;
/// What one counts as when weak ones are looked at, in bytes of work. An estimate.
const HANDLE_WORK: Size = 16;

/// What the client's handle points to.
#[repr(C)]
pub struct Handle {
    /// The reference.
    value: AtomicUsize,
    /// The block that it is in.
    block: Cell<P<Block>>,
}

/// Some handles.
pub struct Block {
    next: Slot<Block>,
    /// The instance, as its handle.
    pub instance: usize,
    /// Are they weak?
    pub weak: bool,
    used: [AtomicUsize; WORDS],
    handles: [Handle; MANY],
}

/// The handles of one strength.
#[derive(Default)]
struct Kind {
    blocks: Slot<Block>,
    /// A block that may have room.
    hint: AtomicPtr<Block>,
}

/// All handles of an instance.
#[derive(Default)]
pub struct Handles {
    kinds: [Kind; 2],
    /// Flips so far.
    flips: AtomicUsize,
    /// How many traces have flipped and have not settled weak references.
    unsettled: AtomicUsize,
    /// The block of weak handles to be looked at next.
    at: Slot<Block>,
}

impl Block {
    /// Takes a handle, if one is free.
    fn take(&self) -> Option<&Handle> {
        for (i, word) in self.used.iter().enumerate() {
            let mut was = word.load(Ordering::Relaxed);
            while was != usize::MAX {
                let bit = (!was).trailing_zeros();
                let now = was | 1 << bit;
                match word.compare_exchange(was, now, Ordering::AcqRel, Ordering::Relaxed) {
                    Ok(_) => return self.handles.get(i * WORD_BITS as usize + bit as usize),
                    Err(other) => was = other,
                }
            }
        }
        None
    }
}

impl Handle {
    /// Its block.
    pub fn block(&self) -> P<Block> {
        self.block.get()
    }

    /// What it refers to, if it is strong.
    #[inline]
    pub fn strong(&self) -> Addr {
        Addr(self.value.load(Ordering::Acquire))
    }

    /// Gives it back. False: it is not in use. Any thread.
    pub fn give_back(&self, all: &Handles) -> bool {
        let block = self.block();
        let base = Addr::of(block.get().handles.as_ptr());
        let i = Addr::of(self).since(base) / size_of::<Handle>();
        let bit = 1usize << (i % WORD_BITS as usize);
        let Some(word) = block.get().used.get(i / WORD_BITS as usize) else { return false };
        if word.load(Ordering::Relaxed) & bit == 0 {
            return false;
        }
        self.value.store(0, Ordering::Relaxed);
        word.fetch_and(!bit, Ordering::AcqRel);
        all.kind(block.weak).hint.store(block.as_ptr(), Ordering::Release);
        true
    }
}

impl Handles {
    fn kind(&self, weak: bool) -> &Kind {
        let [strong, other] = &self.kinds;
        if weak { other } else { strong }
    }

    /// A handle on `a`, if the block that was used last has one. Any thread.
    #[inline]
    pub fn quick(&self, weak: bool, a: Addr) -> Option<&Handle> {
        // SAFETY: null, or a block, which stays.
        let block = unsafe { self.kind(weak).hint.load(Ordering::Acquire).as_ref() }?;
        let h = block.take()?;
        h.value.store(a.0, Ordering::Release);
        Some(h)
    }

    /// Finds a block with room, or makes one.
    ///
    /// # Errors
    /// The arena's.
    pub fn find_room(&self, cx: Inside<'_>, weak: bool) -> Result {
        let kind = self.kind(weak);
        let has_room =
            |b: &P<Block>| b.get().used.iter().any(|w| w.load(Ordering::Relaxed) != usize::MAX);
        let found = each(kind.blocks.get()).find(has_room);
        let block = match found {
            Some(b) => b,
            None => {
                let b = new_block(&cx, weak)?;
                b.get().next.set(kind.blocks.get());
                kind.blocks.set(Some(b));
                b
            }
        };
        kind.hint.store(block.as_ptr(), Ordering::Release);
        Ok(())
    }

    /// Are there any of this strength?
    pub fn any(&self, weak: bool) -> bool {
        self.kind(weak).blocks.get().is_some()
    }

    /// What a weak handle refers to, if that can be told without the lock. Any thread.
    #[inline]
    pub fn quick_look(&self, h: &Handle) -> Option<Addr> {
        let flips = self.flips.load(Ordering::SeqCst);
        let settled = self.unsettled.load(Ordering::SeqCst) == 0;
        let a = h.value.load(Ordering::SeqCst);
        let same = settled && self.flips.load(Ordering::SeqCst) == flips;
        (same || crate::seam::fault("handle_look")).then_some(Addr(a))
    }

    /// What a weak handle refers to, at any time.
    pub fn look(&self, cx: Inside<'_>, h: &Handle) -> Addr {
        for t in cx.traces_of(cx.flipped.get()) {
            cx.hold();
            let ss = ScanState::new(cx, t, advance::early_rank_of(t, Rank::Weak));
            let _ = fix_one(&ss, h);
            super::count(t, &ss);
        }
        h.strong()
    }

    /// A trace flips.
    pub fn flip(&self) {
        self.flips.fetch_add(1, Ordering::SeqCst);
        self.unsettled.fetch_add(1, Ordering::SeqCst);
    }

    /// Weak references are settled for a trace.
    pub fn settled(&self) {
        self.unsettled.fetch_sub(1, Ordering::SeqCst);
    }

    /// A band begins.
    pub fn rewind(&self) {
        self.at.set(self.kind(true).blocks.get());
    }

    /// Weak band: looks at the weak handles of the next block. The work done, or `None`: that was
    /// the last.
    pub fn settle_some(&self, t: &Trace, cx: Inside<'_>) -> Option<Size> {
        let b = self.at.get()?;
        self.at.set(b.get().next.get());
        cx.hold();
        if !crate::seam::fault("handle_weak") {
            let ss = ScanState::new(cx, t, Rank::Weak);
            // A fix with no end to its time is not refused.
            let _ = scan_block(&ss, b);
            super::count(t, &ss);
        }
        Some(MANY * HANDLE_WORK)
    }

    /// Scans all of one strength.
    ///
    /// # Errors
    /// That of a hook that takes the place of fix.
    pub fn scan(&self, ss: &ScanState, weak: bool) -> Result {
        if !weak && crate::seam::fault("handle_strong") {
            return Ok(());
        }
        each(self.kind(weak).blocks.get()).try_for_each(|b| scan_block(ss, b))
    }
}

/// The blocks from one on.
fn each(first: Option<P<Block>>) -> impl Iterator<Item = P<Block>> {
    core::iter::successors(first, |b| b.get().next.get())
}

fn scan_block(ss: &ScanState, b: P<Block>) -> Result {
    for (used, handles) in b.get().used.iter().zip(b.get().handles.chunks(WORD_BITS as usize)) {
        let mut bits = used.load(Ordering::Acquire);
        while bits != 0 {
            let i = bits.trailing_zeros() as usize;
            bits &= bits - 1;
            if let Some(h) = handles.get(i) {
                fix_one(ss, h)?;
            }
        }
    }
    Ok(())
}

/// Fixes a handle's reference. Threads are held, or this one is not the collector's but a walk's.
fn fix_one(ss: &ScanState, h: &Handle) -> Result {
    // SAFETY: a word of ours, as an address is one; nobody else writes to it meanwhile.
    fix::fix12(ss, unsafe { Ref::new(h.value.as_ptr().cast()) })
}

fn new_block(cx: &Cx, weak: bool) -> Result<P<Block>> {
    let at: NonNull<Block> = {
        let a = cx.arena.control_alloc(size_of::<Block>())?;
        NonNull::new(a.ptr()).ok_or(crate::base::res::Res::Memory)?
    };
    // SAFETY: control memory of that size, which stays.
    let p = unsafe { P::new(at) };
    // SAFETY: as above; written in place, for it is large.
    unsafe {
        let b = at.as_ptr();
        b.cast::<u8>().write_bytes(0, size_of::<Block>());
        (&raw mut (*b).instance).write(cx.instance.get());
        (&raw mut (*b).weak).write(weak);
        let handles: *mut Handle = (&raw mut (*b).handles).cast();
        for i in 0..MANY {
            (&raw mut (*handles.add(i)).block).write(Cell::new(p));
        }
    }
    Ok(p)
}
