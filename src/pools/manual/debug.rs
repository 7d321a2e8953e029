//! MVFF debug: fences round blocks, and a pattern in free memory.
//!
//! A block is `head | fence | client's block | fence`. The heads of all blocks
//! form a list. Free memory is known by bits elsewhere, so all of it can hold
//! the pattern, cut to fit by address: joining and splitting leave it right.
//! Blocks from allocation points have no fences.

use super::class::FitPolicy;
use super::core::{self, Inner};
use super::ledger::{Rule, Wrong};
use super::mvff::Mvff;
use crate::base::addr::{Addr, Size, WORD, size_up, size_up_checked};
use crate::base::ptr::P;
use crate::base::res::{Res, Result};
use crate::object::buffer::Buffer;
use crate::object::cx::Inside;
use crate::object::lock::Lock;
use crate::object::pool::{Caching, Pool, PoolClass, Room, tell_of_block, tell_of_pool};
use crate::object::seg::Seg;
use crate::seam::args::{self, Args};
use crate::seam::client::DebugOptions;
use ::core::cell::Cell;
use ::core::ptr::NonNull;

/// The class.
pub struct MvffDebug;
/// The class.
pub static MVFF_DEBUG: MvffDebug = MvffDebug;

/// In front of every block.
#[repr(C)]
#[derive(Clone, Copy)]
struct Head {
    next: Addr,
    prev: Addr,
    size: Size,
    check: usize,
}

/// Any number that is not likely to be in memory; with it goes the place of the head.
const MAGIC: usize = 0x5FE2_C3ED;

/// What a debugging pool knows besides its core. Behind it stand the patterns'
/// bytes: for fences, then for free memory.
pub struct Debug {
    patterns: Addr,
    fence_size: Size,
    free_size: Size,
    align: Size,
    /// The first block's head.
    first: Cell<Addr>,
    /// Bytes that blocks take for their heads, which nobody is told of: they
    /// are neither a client's nor free.
    heads: Cell<Size>,
}

fn byte(a: Addr) -> u8 {
    // SAFETY: memory of the pool's, or a pattern; all of it is mapped.
    unsafe { a.ptr::<u8>().read_volatile() }
}

fn word(a: Addr) -> usize {
    // SAFETY: as for `byte`; aligned.
    unsafe { a.ptr::<usize>().read_volatile() }
}

fn put(a: Addr, b: u8) {
    // SAFETY: memory of the pool's that no client has.
    unsafe { a.ptr::<u8>().write_volatile(b) }
}

fn is_filled(base: Addr, n: Size, f: impl Fn(Addr) -> u8) -> bool {
    (0..n).all(|i| byte(base.add(i)) == f(base.add(i)))
}

impl Debug {
    /// What belongs to a pool of this class, between `init` and `finish`.
    fn of(pool: P<Pool>) -> P<Debug> {
        let d = core::of(pool).extra.get().cast::<Debug>();
        // SAFETY: set by `init`, to a `Debug` that lives until `finish`.
        unsafe { P::new(NonNull::new_unchecked(d)) }
    }

    /// Bytes that one takes, with patterns of these sizes.
    fn footprint(fence: Size, free: Size) -> Option<Size> {
        size_of::<Debug>().checked_add(fence)?.checked_add(free)
    }

    fn free_byte(&self, a: Addr) -> u8 {
        byte(self.patterns.add(self.fence_size).add(a.0.checked_rem(self.free_size).unwrap_or(0)))
    }

    /// The distance after which the pattern comes again in whole words.
    fn period(&self) -> Size {
        let twos = self.free_size.trailing_zeros().min(WORD.trailing_zeros());
        self.free_size.saturating_mul(WORD >> twos)
    }

    /// Where `n` bytes from `base` on can be taken a word at a time, each compared
    /// with, or taken from, the one a period before.
    fn words(&self, base: Addr, n: Size) -> (Addr, Addr) {
        let start = size_up_checked(base.0, WORD).and_then(|s| s.checked_add(self.period()));
        let limit = base.add(n).down(WORD);
        match start {
            Some(s) if s < limit.0 => (Addr(s), limit),
            _ => (base, base),
        }
    }

    /// Fills free memory.
    pub fn splat(&self, base: Addr, n: Size) {
        if self.free_size == 0 {
            return;
        }
        let (start, limit) = self.words(base, n);
        let slowly = |from: Addr, to: Addr| {
            for i in 0..to.since(from) {
                put(from.add(i), self.free_byte(from.add(i)));
            }
        };
        slowly(base, start);
        let mut at = start;
        while at < limit {
            // SAFETY: memory of the pool's that no client has, aligned to words.
            unsafe { at.ptr::<usize>().write_volatile(word(at.sub(self.period()))) };
            at = at.add(WORD);
        }
        slowly(limit, base.add(n));
    }

    fn is_splatted(&self, base: Addr, n: Size) -> bool {
        if self.free_size == 0 {
            return true;
        }
        let (start, limit) = self.words(base, n);
        let slowly = |from: Addr, to: Addr| is_filled(from, to.since(from), |a| self.free_byte(a));
        let mut at = start;
        let mut good = slowly(base, start) && slowly(limit, base.add(n));
        while good && at < limit {
            good = word(at) == word(at.sub(self.period()));
            at = at.add(WORD);
        }
        good
    }

    fn prefix(&self) -> Size {
        size_up(size_of::<Head>() + self.fence_size, self.align)
    }

    /// Bytes that a block takes for its head, beyond what its fence does.
    fn head_size(&self) -> Size {
        self.prefix() - size_up(self.fence_size, self.align)
    }

    /// Bytes that a block of `size` takes in all.
    fn total(&self, size: Size) -> Option<Size> {
        let tail = size.checked_add(self.fence_size)?;
        size_up_checked(self.prefix().checked_add(tail)?, self.align)
    }

    /// The same for the block with a head at `at`, if it has `size` bytes, or as many
    /// rounded up.
    fn total_of(&self, at: Addr, size: Size) -> ::core::result::Result<Size, Wrong> {
        let real = self.head(at).size;
        if size_up(real, self.align) != size_up(size, self.align) {
            return Err(Wrong::Inside);
        }
        self.total(real).ok_or(Wrong::Inside)
    }

    /// The two fences of the block at `base`, and where in the pattern each begins.
    fn fences(&self, base: Addr, size: Size) -> [(Addr, Size); 2] {
        let end = base.sub(self.prefix()).add(self.total(size).unwrap_or(0));
        let after = base.add(size);
        let n = if self.fence_size == 0 { 0 } else { end.since(after) };
        [(base.sub(self.fence_size), self.fence_size), (after, n)]
    }

    fn fence_byte(&self, start: Addr, a: Addr) -> u8 {
        byte(self.patterns.add(a.since(start).checked_rem(self.fence_size).unwrap_or(0)))
    }

    fn fence_is_good(&self, base: Addr, size: Size) -> bool {
        self.fences(base, size).iter().all(|&(at, n)| is_filled(at, n, |a| self.fence_byte(at, a)))
    }

    /// A copy of the head at `at`: of a block, or of whatever is in memory that is in
    /// use. Aligned to a word.
    fn head(&self, at: Addr) -> Head {
        // SAFETY: memory of the pool's; any bytes are a head.
        unsafe { at.ptr::<Head>().read() }
    }

    fn set_head(&self, at: Addr, head: Head) {
        // SAFETY: memory of the pool's that no client has, aligned to a word; under the
        // pool's lock.
        unsafe { at.ptr::<Head>().write(head) };
    }

    fn link(&self, at: Addr, size: Size) {
        let first = self.first.get();
        self.set_head(at, Head { next: first, prev: Addr::NULL, size, check: MAGIC ^ at.0 });
        if !first.is_null() {
            self.set_head(first, Head { prev: at, ..self.head(first) });
        }
        self.first.set(at);
        self.heads.set(self.heads.get() + self.head_size());
    }

    fn unlink(&self, at: Addr) {
        self.heads.set(self.heads.get() - self.head_size());
        let h = self.head(at);
        self.set_head(at, Head { check: 0, ..h });
        if h.prev.is_null() {
            self.first.set(h.next);
        } else {
            self.set_head(h.prev, Head { next: h.next, ..self.head(h.prev) });
        }
        if !h.next.is_null() {
            self.set_head(h.next, Head { prev: h.prev, ..self.head(h.next) });
        }
    }

    /// Are all fences as they should be (`fenceposts`), or all free memory?
    fn is_good(&self, i: &Inner, fenceposts: bool) -> bool {
        if !fenceposts {
            return i.free_runs(|base, n| self.is_splatted(base, n));
        }
        let mut at = self.first.get();
        let mut good = true;
        while !at.is_null() {
            if !self.is_head(i, at) {
                // What comes after can't be found any more.
                return false;
            }
            let h = self.head(at);
            good &= self.fence_is_good(at.add(self.prefix()), h.size);
            at = h.next;
        }
        good
    }

    /// Is there a block's head at `at`?
    fn is_head(&self, i: &Inner, at: Addr) -> bool {
        at.is_aligned(self.align)
            && i.has(at, size_of::<Head>())
            && self.head(at).check == MAGIC ^ at.0
    }
}

fn tell(good: bool, text: &str, pool: P<Pool>) {
    if !good {
        tell_of_pool(text, pool);
    }
}

const FENCE: &str = "fenceposts of a block are intact";
const FREE: &str = "free memory has not been written to";

impl PoolClass for MvffDebug {
    fn name(&self) -> &'static str {
        "MVFF debug"
    }

    fn values(&self) -> &'static str {
        "oxmlSAF\0"
    }

    fn init(&self, cx: Inside<'_>, pool: P<Pool>, args: &mut Args) -> Result {
        let arena = &cx.arena;
        let mut config = Mvff::config(pool, args)?;
        config.quick = false;
        config.ledger = true;
        let mut o = DebugOptions {
            fence: b"POST".as_ptr(),
            fence_size: 4,
            free: b"FREE".as_ptr(),
            free_size: 4,
        };
        if let Some(p) = args.pointer(&args::_mps_key_POOL_DEBUG_OPTIONS) {
            crate::aver_client!(!p.is_null(), "debug options are not null", Err(Res::Param));
            // SAFETY: the client's structure.
            o = unsafe { p.cast::<DebugOptions>().read() };
        }
        crate::aver_client!(
            (o.fence_size == 0 || !o.fence.is_null()) && (o.free_size == 0 || !o.free.is_null()),
            "debug templates are not null",
            Err(Res::Param)
        );
        let bytes = Debug::footprint(o.fence_size, o.free_size).ok_or(Res::Param)?;
        let at = arena.control_alloc(bytes)?;
        let debug: *mut Debug = at.ptr();
        let patterns = at.add(size_of::<Debug>());
        // SAFETY: control memory of that size, ours; the client's templates, of
        // the sizes it says.
        unsafe {
            ::core::ptr::copy_nonoverlapping(o.fence, patterns.ptr(), o.fence_size);
            ::core::ptr::copy_nonoverlapping(o.free, patterns.add(o.fence_size).ptr(), o.free_size);
            debug.write(Debug {
                patterns,
                fence_size: o.fence_size,
                free_size: o.free_size,
                align: config.align,
                first: Cell::new(Addr::NULL),
                heads: Cell::new(0),
            });
        }
        // SAFETY: made above, and nobody else has it yet.
        core::create(cx, pool, config).inspect_err(|_| unsafe { arena.control_free(at, bytes) })?;
        core::of(pool).extra.set(debug.cast());
        Ok(())
    }

    fn finish(&self, cx: Inside<'_>, pool: P<Pool>) {
        let arena = &cx.arena;
        let d = Debug::of(pool);
        let core = core::of(pool);
        // SAFETY: the pool is going: nobody else uses it.
        let i = unsafe { core.alone() };
        tell(d.is_good(i, true), FENCE, pool);
        tell(d.is_good(i, false), FREE, pool);
        core::finish(cx, pool);
        let bytes = Debug::footprint(d.fence_size, d.free_size).unwrap_or(0);
        // SAFETY: nobody uses it any more.
        unsafe { arena.control_free(d.addr(), bytes) };
    }

    fn has_own_lock(&self) -> bool {
        true
    }

    fn grow(&self, pool: P<Pool>, size: Size) -> Result {
        core::grow(pool, Debug::of(pool).total(size).ok_or(Res::Resource)?)
    }

    fn shrink(&self, pool: P<Pool>) {
        core::shrink(pool);
    }

    fn lock(&self, pool: P<Pool>) -> Option<P<Lock>> {
        Some(core::of(pool).lock())
    }

    fn gather(&self, pool: P<Pool>, all: bool) -> bool {
        core::gather(pool, all)
    }

    fn fork_lock(&self, pool: P<Pool>) -> bool {
        core::of(pool).fork_lock()
    }

    unsafe fn fork_unlock(&self, pool: P<Pool>) {
        // SAFETY: the caller's promise.
        unsafe { core::of(pool).fork_unlock() };
    }

    fn alloc(&self, pool: P<Pool>, size: Size) -> Result<Addr> {
        let d = Debug::of(pool);
        let total = d.total(size).ok_or(Res::Resource)?;
        let got = core::of(pool).with(pool, |i| {
            let at = i.alloc(total)?;
            let clean = d.is_splatted(at, total);
            d.link(at, size);
            let base = at.add(d.prefix());
            for (start, n) in d.fences(base, size) {
                for k in 0..n {
                    put(start.add(k), d.fence_byte(start, start.add(k)));
                }
            }
            Some((base, clean))
        });
        let (base, clean) = got.ok_or(Res::Limit)?;
        if !clean {
            tell_of_block(FREE, pool, base, size);
        }
        Ok(base)
    }

    fn free(&self, pool: P<Pool>, base: Addr, size: Size) -> Result<bool> {
        let d = Debug::of(pool);
        let done = core::of(pool).with(pool, |i| {
            let at = base.sub(d.prefix());
            if !d.is_head(i, at) {
                // From an allocation point, if it is a block at all.
                let due = i.free(base, size, Rule::Room)?;
                d.splat(base, size_up(size, d.align));
                return Ok((true, due));
            }
            let total = d.total_of(at, size)?;
            let good = d.fence_is_good(base, d.head(at).size);
            let due = i.free(at, total, Rule::Whole)?;
            d.unlink(at);
            d.splat(at, total);
            Ok((good, due))
        });
        match done {
            Ok((good, due)) => {
                if !good {
                    tell_of_block(FENCE, pool, base, size);
                }
                Ok(due)
            }
            Err(wrong) => {
                Wrong::report(wrong, pool, base, size);
                Err(Res::Param)
            }
        }
    }

    fn caches(&self, pool: P<Pool>, base: Addr, size: Size, what: Caching) -> bool {
        if !cfg!(feature = "variety-cool") {
            return true;
        }
        let d = Debug::of(pool);
        let done = core::of(pool).with(pool, |i| {
            let at = base.sub(d.prefix());
            if !d.is_head(i, at) {
                // From an allocation point, or none: caches take such blocks, too.
                return i.ledger.caches(base, size, what);
            }
            let total = d.total_of(at, size)?;
            i.ledger.caches(at, total, what)
        });
        done.unwrap_or_else(|wrong: Wrong| {
            if what == Caching::TakesIn {
                wrong.report(pool, base, size);
            }
            false
        })
    }

    fn ap_init(&self, _ap: P<Buffer>, _args: &mut Args) -> Result {
        Ok(())
    }

    fn ap_fill(&self, ap: P<Buffer>, size: Size) -> Result<Room> {
        let d = Debug::of(ap.pool);
        let rest = ap.room_limit.get().since(ap.init.get());
        // Before it is given back; the client has none of it.
        d.splat(ap.init.get(), rest);
        core::ap_fill(ap, size)
    }

    fn ap_empty(&self, ap: P<Buffer>, _seg: Option<P<Seg>>, init: Addr) {
        Debug::of(ap.pool).splat(init, ap.room_limit.get().since(init));
        core::ap_empty(ap, init);
    }

    fn total_size(&self, pool: P<Pool>) -> Size {
        let heads = core::of(pool).held(|_| Debug::of(pool).heads.get());
        pool.bytes.get() - heads
    }

    fn free_size(&self, pool: P<Pool>) -> Size {
        core::free_size(pool)
    }

    fn check(&self, pool: P<Pool>, fenceposts: bool) {
        let good = core::of(pool).held(|i| Debug::of(pool).is_good(i, fenceposts));
        tell(good, if fenceposts { FENCE } else { FREE }, pool);
    }
}
