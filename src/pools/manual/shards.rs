//! Places for small free blocks by threads, for pools that several use at once.
//!
//! A lock that two threads take every turn, and the lists behind it, cost each of
//! them a move of memory from cache to cache. So a pool that is found locked again
//! and again gets a few magazines with a lock each: shards. A thread uses the one
//! that the address of its stack leads to, and the pool's own lock only to fill that
//! half or to empty it by half. It needs no number for this, nor memory that
//! goes with a thread. Threads that keep meeting at a shard are sent other ways.
//! (Hoard, by Berger and others, ASPLOS 2000, has heaps by thread with bounded
//! caches in this manner.)
//!
//! # Invariants
//! - To the pool, blocks in here are in use.
//! - When closed and drained, nothing is in here, and nothing comes.
//! - Order of locks: a shard's, the pool's, the instance's ([`crate::object::lock`]).
//!   So a shard's is never waited for inside the instance, or with the pool's.

use crate::arena::Arena;
use crate::base::addr::{Addr, Size};
use crate::object::cx::Cx;
use crate::object::lock::{Held, Lock};
use crate::object::magazines::{self, Magazines};
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicUsize};

/// There are 2 to 16 of them, as a shift. Each takes 8 KB. (Measured with two processors
/// only.)
const MIN_SHARDS_SHIFT: u32 = 1;
const MAX_SHARDS_SHIFT: u32 = 4;
/// Stacks that are so far apart belong to different threads, as a shift: 16 KB, the
/// smallest that Linux allows.
const STACK_SHIFT: u32 = 14;
/// So many meetings of threads at one shard, and other ways from stacks to shards are
/// tried: as many as make a pool crowded.
const MEETINGS: u32 = CROWDED_AT;
/// How often other ways are tried: with more threads than shards no way is good.
const WAYS: u32 = 32;
/// The golden ratio, as Knuth has it for hashing (vol. 3, 6.4).
const GOLDEN: usize = 0x9E37_79B9_7F4A_7C15_u64 as usize;

/// A pool whose lock was found taken so often is crowded: it is time for shards. By
/// chance a lock is found taken now and then.
const CROWDED_AT: u32 = 64;
/// The count when that is settled: there are shards, or there can't be any.
const SETTLED: u32 = CROWDED_AT + 1;

/// How a pool comes by its shards.
#[derive(Default)]
pub struct Crowd {
    /// Null until they are made; then they stay.
    shards: AtomicPtr<Shards>,
    /// How often the lock was found taken, up to [`CROWDED_AT`]; or [`SETTLED`].
    count: AtomicU32,
}

impl Crowd {
    /// The lock was found taken.
    #[cold]
    #[inline(never)]
    pub fn notice(&self) {
        let n = self.count.load(Relaxed);
        if n < CROWDED_AT {
            // One that is lost now and then does no harm, but nothing is to come
            // after the end.
            let _ = self.count.compare_exchange(n, n + 1, Relaxed, Relaxed);
        }
    }

    /// Is it time for shards?
    #[inline(always)]
    pub fn is_due(&self) -> bool {
        self.count.load(Relaxed) == CROWDED_AT
    }

    /// Never.
    pub fn refuse(&self) {
        self.count.store(SETTLED, Relaxed);
    }

    /// Inside the instance: makes as many as a pool warrants that has `live` grains
    /// of that shift in use, open. Not yet, if that is none; never, if there is no
    /// memory for them.
    pub fn make(&self, arena: &Arena, live: usize, shift: u32) {
        let warranted = |b: &u32| live >= reopens_at(*b);
        let Some(bits) = (MIN_SHARDS_SHIFT..=MAX_SHARDS_SHIFT).rev().find(warranted) else {
            return self.count.store(0, Relaxed);
        };
        self.refuse();
        let Ok(at) = arena.control_alloc(footprint(bits)) else { return };
        // SAFETY: control memory of that size, ours.
        self.shards.store(unsafe { Shards::build(at, bits, shift) }, Release);
    }

    /// The shards, if there are any.
    #[inline(always)]
    pub fn shards(&self) -> Option<&Shards> {
        // SAFETY: null, or built by `make`; they stay until `finish`.
        unsafe { self.shards.load(Acquire).as_ref() }
    }

    /// Frees them.
    ///
    /// # Safety
    /// Nobody uses them, or asks for them, any more.
    pub unsafe fn finish(&self, arena: &Arena) {
        if let Some(s) = self.shards() {
            // SAFETY: nobody uses it any more.
            unsafe { arena.control_free(Addr::of(s), footprint(s.bits)) };
        }
    }
}

/// One.
#[repr(C)]
struct Shard {
    lock: Lock,
    magazines: Magazines,
}

/// Bytes that so many take.
fn footprint(bits: u32) -> Size {
    size_of::<Shards>() + (size_of::<Shard>() << bits)
}

/// They are closed with less in use than this many grains: twice what they can hold.
fn closes_at(bits: u32) -> usize {
    (2 * magazines::CAPACITY_GRAINS) << bits
}

/// They are opened from here on.
fn reopens_at(bits: u32) -> usize {
    closes_at(bits) * 2
}

/// The head of a pool's shards, which follow it in memory.
#[repr(C)]
pub struct Shards {
    /// How many, as a shift.
    bits: u32,
    open: AtomicBool,
    /// What leads from stacks to shards.
    way: AtomicUsize,
    meetings: AtomicU32,
    /// What is above is mostly read, so it has lines of memory of its own.
    _apart: [u8; 128],
}

impl Shards {
    /// Some at `at`, open, for grains of that shift.
    ///
    /// # Safety
    /// `at` is aligned to a word and has `footprint(bits)` bytes, nobody else's.
    unsafe fn build(at: Addr, bits: u32, shift: u32) -> *mut Shards {
        let s: *mut Shards = at.ptr();
        // SAFETY: the caller's promise; all zeros is good.
        unsafe {
            at.ptr::<u8>().write_bytes(0, footprint(bits));
            (*s).bits = bits;
            (*s).open.store(true, Relaxed);
            (*s).way.store(GOLDEN, Relaxed);
            let first: *mut Shard = at.add(size_of::<Shards>()).ptr();
            for k in 0..1usize << bits {
                Magazines::build(Addr::of(&raw const (*first.add(k)).magazines), shift);
            }
        }
        s
    }

    /// Of each size, a shard has at most this part of what is in use: all of them
    /// together a 16th, or of sixteen an eighth. With less, threads meet at the pool's
    /// lock more often (half of it: a third more time for two threads).
    pub fn part(&self) -> usize {
        (512usize << self.bits).min(4096)
    }

    #[inline(always)]
    fn all(&self) -> &[Shard] {
        let first: *const Shard = Addr::of(self).add(size_of::<Shards>()).ptr();
        // SAFETY: `build` made that many, behind this.
        unsafe { core::slice::from_raw_parts(first, 1 << self.bits) }
    }

    /// Are they in use?
    #[inline(always)]
    pub fn is_open(&self) -> bool {
        self.open.load(Relaxed)
    }

    /// Under the pool's lock, with so many grains in use: they are from now on, if
    /// that is enough.
    pub fn reopen(&self, live: usize) {
        if live >= reopens_at(self.bits) {
            self.open.store(true, Relaxed);
        }
    }

    /// With so many grains in use: they are not any more, if that is little. True: they
    /// were, so drain them.
    pub fn close(&self, live: usize) -> bool {
        live < closes_at(self.bits) && self.open.swap(false, Relaxed)
    }

    /// Runs `f` on the magazines of the thread's shard, if they can be had at once.
    #[inline(always)]
    pub fn quickly<R>(&self, otherwise: R, f: impl FnOnce(&Magazines) -> R) -> R {
        let here = 0u8;
        let stack = Addr::of(&raw const here).0 >> STACK_SHIFT;
        let k = stack.wrapping_mul(self.way.load(Relaxed)) >> (usize::BITS - self.bits);
        let Some(shard) = self.all().get(k) else { return otherwise };
        let Some(_held) = shard.lock.try_take() else {
            self.met();
            return otherwise;
        };
        // A thread that drains closes them first and takes this lock then: that they are
        // closed is seen now at the latest.
        if self.is_open() { f(&shard.magazines) } else { otherwise }
    }

    /// Two threads at one shard.
    #[cold]
    #[inline(never)]
    fn met(&self) {
        let n = self.meetings.fetch_add(1, Relaxed);
        if n < MEETINGS * WAYS && n % MEETINGS == MEETINGS - 1 {
            self.way.store(self.way.load(Relaxed).wrapping_mul(GOLDEN) | 1, Relaxed);
        }
    }

    /// Calls `f` with each shard's magazines in turn, under its lock. Not with the pool's lock, and not
    /// inside the instance.
    pub fn each(&self, cx: &Cx, mut f: impl FnMut(&Magazines)) {
        for shard in self.all() {
            let _held = shard.lock.take(cx);
            f(&shard.magazines);
        }
    }

    /// Bytes in them, as they are being used.
    pub fn bytes(&self) -> Size {
        self.all().iter().map(|s| s.magazines.bytes()).fold(0, Size::wrapping_add)
    }

    /// For a fork: takes all locks, if they can be had at once. False: none is taken.
    pub fn fork_lock(&self) -> bool {
        let taken = |shard: &Shard| shard.lock.try_take().map(Held::keep).is_some();
        let Some(bad) = self.all().iter().position(|s| !taken(s)) else { return true };
        for shard in self.all().iter().take(bad) {
            // SAFETY: just taken, on this thread.
            unsafe { shard.lock.release() };
        }
        false
    }

    /// Gives back what `fork_lock` took.
    ///
    /// # Safety
    /// It took them, on this thread or the one that this is the copy of.
    pub unsafe fn fork_unlock(&self) {
        for shard in self.all() {
            // SAFETY: the caller's promise.
            unsafe { shard.lock.release() };
        }
    }
}
