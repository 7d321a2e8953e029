//! MFS: blocks of one size, reused last in first out. Memory never used so far
//! is cut from the front of the newest segment; memory stays with the pool.

use super::ledger::{Ledger, Rule, Wrong};
use crate::base::addr::{Addr, Size, WORD, size_up, size_up_checked};
use crate::base::ptr::P;
use crate::base::res::{Res, Result};
use crate::base::sets::RankSet;
use crate::land::bounds::Bounds;
use crate::land::free_stack::{Damaged, FreeStack};
use crate::object::cx::Inside;
use crate::object::lock::Lock;
use crate::object::pool::{Caching, Pool, PoolClass, tell_of_block};
use crate::object::seg::Seg;
use crate::seam::args::{self, Args};
use core::cell::UnsafeCell;
use core::ptr::NonNull;

/// The class.
pub struct Mfs;
/// The class.
pub static MFS: Mfs = Mfs;

/// What a pool gets from the arena at a time, unless it is told: the reference's value.
const EXTEND_BY: Size = 64 * 1024;
/// Segments grow with the pool, to a sixteenth of it, up to this: as much as the arena
/// has in one region.
const SEG_MAX: Size = 1 << 20;
const SEG_PART: Size = 16;
/// Free blocks that stand in an array: with its head eight lines of memory.
const AT_HAND: usize = 60;
/// The debug archive knows which blocks are in use.
const LEDGER: bool = cfg!(feature = "variety-cool");

struct Inner {
    /// Freed blocks.
    free: FreeStack<AT_HAND>,
    /// Where there may be blocks.
    bounds: Bounds,
    ledger: Ledger,
    /// Memory that was never in use.
    fresh: Addr,
    fresh_limit: Addr,
    live: usize,
}

struct Data {
    lock: Lock,
    /// The distance between blocks.
    unit: Size,
    extend_by: Size,
    inner: UnsafeCell<Inner>,
}

/// The data of a pool of this class, between `init` and `finish`.
#[inline(always)]
fn data(pool: P<Pool>) -> P<Data> {
    // SAFETY: set by `init`, to a `Data` that lives until `finish`. Only this class
    // calls this, for its own pools.
    unsafe { P::new(NonNull::new_unchecked(pool.data.get().cast::<Data>())) }
}

impl Data {
    /// Runs `f` under the lock, which is taken and given back; not inside the
    /// instance.
    #[inline(always)]
    fn with<R>(&self, pool: P<Pool>, f: impl FnOnce(&mut Inner) -> R) -> R {
        let _held = self.lock.take(pool.cx.get());
        // SAFETY: under the lock; `f` is one of the closures below, none of
        // which takes it again.
        f(unsafe { &mut *self.inner.get() })
    }

    /// What is under the lock, for a method that is called with it
    /// ([`PoolClass::has_own_lock`]).
    fn held<R>(&self, f: impl FnOnce(&mut Inner) -> R) -> R {
        crate::aver!(self.lock.is_taken(), "the pool's lock was taken before the instance's");
        // SAFETY: under the lock, which this thread has; `f` does not come here again.
        f(unsafe { &mut *self.inner.get() })
    }

    /// As `with`, if the lock can be had at once.
    #[inline(always)]
    fn quickly<R>(&self, otherwise: R, f: impl FnOnce(&mut Inner) -> R) -> R {
        let Some(_held) = self.lock.try_take() else { return otherwise };
        // SAFETY: as in `with`.
        f(unsafe { &mut *self.inner.get() })
    }
}

/// What is wrong with a block of a client's that is to be freed, as far as can be seen
/// at once.
fn looks_wrong(i: &Inner, base: Addr) -> Option<Wrong> {
    if i.free.newest() == base || i.live == 0 {
        Some(Wrong::NotInUse)
    } else if !i.bounds.allow(base) {
        let aligned = i.bounds.is_aligned(base);
        Some(if aligned { Wrong::Elsewhere } else { Wrong::Misaligned })
    } else {
        None
    }
}

impl Inner {
    /// A block, if there is any.
    ///
    /// # Errors
    /// A client wrote to one that is free. Some are lost; ask again.
    fn take(&mut self, unit: Size) -> core::result::Result<Option<Addr>, Damaged> {
        // SAFETY: all blocks are of that size, and inside the bounds.
        let mut a = unsafe { self.free.pop(unit / WORD, &self.bounds)? };
        if a.is_none() && self.has_fresh(unit) {
            a = Some(self.fresh);
            self.fresh = self.fresh.add(unit);
        }
        let Some(block) = a else { return Ok(None) };
        if LEDGER && self.ledger.grant(block, unit, false).is_err() {
            // It is no block, or another owner's.
            return Err(Damaged(block));
        }
        self.live += 1;
        Ok(a)
    }

    fn has_fresh(&self, unit: Size) -> bool {
        self.fresh_limit.since(self.fresh) >= unit
    }
}

impl PoolClass for Mfs {
    fn name(&self) -> &'static str {
        "MFS"
    }

    fn values(&self) -> &'static str {
        "xu\0"
    }

    fn init(&self, cx: Inside<'_>, pool: P<Pool>, args: &mut Args) -> Result {
        let extend_by = args.size(&args::_mps_key_EXTEND_BY).unwrap_or(EXTEND_BY);
        let size = args.size(&args::_mps_key_MFS_UNIT_SIZE).unwrap_or(0);
        crate::aver_client!(
            size != 0 && size <= isize::MAX as Size,
            "MPS_KEY_MFS_UNIT_SIZE is given and positive",
            Err(Res::Param)
        );
        crate::aver_client!(extend_by != 0, "MPS_KEY_EXTEND_BY is positive", Err(Res::Param));
        let unit = size_up(size, WORD);
        // Segments are aligned to grains, so units that are powers of two, and not
        // larger, are aligned to their size.
        let exact = unit.is_power_of_two() && unit <= cx.arena.grain();
        let shift = if exact { unit } else { WORD }.trailing_zeros();
        let inner = Inner {
            free: FreeStack::new(0),
            bounds: Bounds::new(shift),
            ledger: Ledger::new(LEDGER),
            fresh: Addr::NULL,
            fresh_limit: Addr::NULL,
            live: 0,
        };
        let d = cx.arena.control_new(Data {
            lock: Lock::default(),
            unit,
            extend_by,
            inner: UnsafeCell::new(inner),
        })?;
        // SAFETY: nobody else knows of it yet.
        let i = unsafe { &mut *d.inner.get() };
        // Pools that are there at the same time have different keys.
        i.free = FreeStack::new(d.addr().0);
        pool.get().data.set(d.as_ptr().cast());
        Ok(())
    }

    fn finish(&self, cx: Inside<'_>, pool: P<Pool>) {
        while let Some(seg) = pool.segs.first() {
            // SAFETY: the pool goes, with all that is in it.
            unsafe { seg.destroy(cx) };
        }
        let (arena, d) = (&cx.arena, data(pool));
        if LEDGER {
            // SAFETY: the pool is going: nobody else uses it.
            unsafe { (*d.inner.get()).ledger.finish(arena) };
        }
        // SAFETY: nobody uses it any more.
        unsafe { arena.control_drop(d) };
    }

    fn has_own_lock(&self) -> bool {
        true
    }

    fn grow(&self, pool: P<Pool>, _size: Size) -> Result {
        let d = data(pool);
        // Another thread may have been faster.
        if d.held(|i| !i.free.is_empty() || i.has_fresh(d.unit)) {
            return Ok(());
        }
        // SAFETY: `grow` is called inside.
        let cx = unsafe { pool.inside() };
        let arena = &cx.arena;
        d.held(|i| {
            let mut make = |bytes: Size| {
                let bytes = size_up_checked(bytes, arena.grain()).ok_or(Res::Resource)?;
                let seg = Seg::create(cx, pool, arena.control_home(), None, bytes, RankSet::EMPTY)?;
                if LEDGER {
                    let known = i.ledger.add(arena, seg.base, seg.get().size(), d.unit);
                    // SAFETY: just made, and empty.
                    known.inspect_err(|_| unsafe { seg.destroy(cx) })?;
                }
                Ok(seg)
            };
            let wish = d.extend_by.max((pool.bytes.get() / SEG_PART).min(SEG_MAX));
            let seg = match make(wish.max(d.unit)) {
                Err(_) if wish > d.unit => make(d.unit)?,
                other => other?,
            };
            i.fresh = seg.base;
            i.fresh_limit = seg.limit;
            i.bounds.widen(seg.base, seg.limit);
            Ok(())
        })
    }

    fn lock(&self, pool: P<Pool>) -> Option<P<Lock>> {
        let d = data(pool);
        // SAFETY: part of the data, which stays where it is until `finish`.
        Some(unsafe { P::new(NonNull::from(&d.lock)) })
    }

    #[inline]
    fn quick_alloc(&self, pool: P<Pool>, size: Size) -> Addr {
        let d = data(pool);
        if LEDGER || size_up(size, WORD) != d.unit {
            return Addr::NULL;
        }
        d.quickly(Addr::NULL, |i| {
            let a = i.free.pop_newest();
            i.live += !a.is_null() as usize;
            a
        })
    }

    #[inline]
    fn quick_free(&self, pool: P<Pool>, base: Addr, size: Size) -> bool {
        let d = data(pool);
        if LEDGER || size_up(size, WORD) != d.unit {
            return false;
        }
        crate::seam::arch::expect_write(base);
        d.quickly(false, |i| {
            if i.free.newest() == base || i.live == 0 || !i.bounds.allow(base) {
                return false;
            }
            // SAFETY: the client's no longer.
            let done = unsafe { i.free.push_newest(base) };
            i.live -= done as usize;
            done
        })
    }

    fn alloc(&self, pool: P<Pool>, size: Size) -> Result<Addr> {
        let d = data(pool);
        crate::aver_client!(
            size_up(size, WORD) == d.unit,
            "size to allocate is the unit size of the MFS pool",
            Err(Res::Param)
        );
        loop {
            match d.with(pool, |i| i.take(d.unit)) {
                Ok(a) => return a.ok_or(Res::Limit),
                Err(Damaged(a)) => {
                    tell_of_block("free block has not been written to", pool, a, d.unit);
                }
            }
        }
    }

    fn free(&self, pool: P<Pool>, base: Addr, size: Size) -> Result<bool> {
        let d = data(pool);
        crate::aver_client!(
            size_up(size, WORD) == d.unit,
            "size to free is the unit size of the MFS pool",
            Err(Res::Param)
        );
        crate::seam::arch::expect_write(base);
        let done = d.with(pool, |i| {
            if LEDGER {
                i.ledger.release(base, d.unit, Rule::Whole)?;
            }
            if let Some(wrong) = looks_wrong(i, base) {
                return Err(wrong);
            }
            // SAFETY: the client's no longer.
            unsafe { i.free.push(base, d.unit / WORD) };
            i.live -= 1;
            Ok(())
        });
        done.map(|()| false).map_err(|wrong| {
            wrong.report(pool, base, size);
            Res::Param
        })
    }

    fn caches(&self, pool: P<Pool>, base: Addr, size: Size, what: Caching) -> bool {
        if !LEDGER {
            return true;
        }
        let d = data(pool);
        let done = d.with(pool, |i| i.ledger.caches(base, size, what));
        done.unwrap_or_else(|wrong| {
            wrong.report(pool, base, size);
            false
        })
    }

    fn free_size(&self, pool: P<Pool>) -> Size {
        let d = data(pool);
        let live = d.held(|i| i.live);
        pool.bytes.get() - live * d.unit
    }
}
