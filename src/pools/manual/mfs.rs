//! MFS: blocks of one size, reused last in first out. Memory never used so far
//! is cut from the front of the newest segment; memory stays with the pool.

use crate::base::addr::{Addr, Size, size_up, size_up_checked};
use crate::base::ptr::P;
use crate::base::res::{Res, Result};
use crate::base::sets::RankSet;
use crate::land::mag::Mag;
use crate::object::cx::Inside;
use crate::object::lock::{Held, Lock};
use crate::object::pool::{Pool, PoolClass};
use crate::object::seg::Seg;
use crate::seam::args::{self, Args};
use core::cell::UnsafeCell;
use core::ptr::NonNull;

/// The class.
pub struct Mfs;
/// The class.
pub static MFS: Mfs = Mfs;

const EXTEND_BY: Size = 64 * 1024;
/// Segments grow with the pool up to this.
const SEG_MAX: Size = 1 << 20;

struct Inner {
    /// Freed blocks.
    free: Mag<62>,
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

impl Inner {
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
        let unit = size_up(size, size_of::<usize>());
        let inner = Inner { free: Mag::new(), fresh: Addr::NULL, fresh_limit: Addr::NULL, live: 0 };
        let d = cx.arena.control_new(Data {
            lock: Lock::default(),
            unit,
            extend_by,
            inner: UnsafeCell::new(inner),
        })?;
        pool.get().data.set(d.as_ptr().cast());
        Ok(())
    }

    fn finish(&self, cx: Inside<'_>, pool: P<Pool>) {
        while let Some(seg) = pool.segs.first() {
            // SAFETY: the pool goes, with all that is in it.
            unsafe { seg.destroy(cx) };
        }
        cx.arena.control_drop(data(pool));
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
        let make = |bytes: Size| {
            let bytes = size_up_checked(bytes, arena.grain()).ok_or(Res::Resource)?;
            Seg::create(cx, pool, arena.control_home(), None, bytes, RankSet::EMPTY)
        };
        let wish = d.extend_by.max((pool.bytes.get() / 16).min(SEG_MAX));
        let seg = match make(wish.max(d.unit)) {
            Err(_) if wish > d.unit => make(d.unit)?,
            other => other?,
        };
        d.held(|i| {
            i.fresh = seg.base;
            i.fresh_limit = seg.limit;
        });
        Ok(())
    }

    fn lock(&self, pool: P<Pool>) -> Option<P<Lock>> {
        let d = data(pool);
        // SAFETY: part of the data, which stays where it is until `finish`.
        Some(unsafe { P::new(NonNull::from(&d.lock)) })
    }

    fn fork_lock(&self, pool: P<Pool>) -> bool {
        data(pool).lock.try_take().map(Held::keep).is_some()
    }

    unsafe fn fork_unlock(&self, pool: P<Pool>) {
        // SAFETY: the caller's promise.
        unsafe { data(pool).lock.release() };
    }

    #[inline]
    fn quick_alloc(&self, pool: P<Pool>, size: Size) -> Addr {
        let d = data(pool);
        if size_up(size, size_of::<usize>()) != d.unit {
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
        if size_up(size, size_of::<usize>()) != d.unit || !base.is_aligned(size_of::<usize>()) {
            return false;
        }
        crate::seam::arch::expect_write(base);
        d.quickly(false, |i| {
            if i.free.newest() == base || i.live == 0 {
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
            size_up(size, size_of::<usize>()) == d.unit,
            "size to allocate is the unit size of the MFS pool",
            Err(Res::Param)
        );
        d.with(pool, |i| {
            let a = match i.free.pop(d.unit / size_of::<usize>()) {
                Some(a) => a,
                None if i.has_fresh(d.unit) => {
                    let a = i.fresh;
                    i.fresh = a.add(d.unit);
                    a
                }
                None => return Err(Res::Limit),
            };
            i.live += 1;
            Ok(a)
        })
    }

    fn free(&self, pool: P<Pool>, base: Addr, size: Size) -> Result<bool> {
        let d = data(pool);
        crate::aver_client!(
            size_up(size, size_of::<usize>()) == d.unit,
            "size to free is the unit size of the MFS pool",
            Err(Res::Param)
        );
        crate::seam::arch::expect_write(base);
        let good = base.is_aligned(size_of::<usize>())
            && d.with(pool, |i| {
                if i.free.newest() == base || i.live == 0 {
                    return false;
                }
                // SAFETY: the client's no longer.
                unsafe { i.free.push(base, d.unit / size_of::<usize>()) };
                i.live -= 1;
                true
            });
        crate::aver_client!(good, "block being freed is in use in the pool", Err(Res::Param));
        Ok(false)
    }

    fn free_size(&self, pool: P<Pool>) -> Size {
        let d = data(pool);
        let live = d.held(|i| i.live);
        pool.bytes.get() - live * d.unit
    }
}
