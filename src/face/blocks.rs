//! Allocators for Rust programs over pools of class MVFF.

use super::{instance, mvff};
use crate::base::addr::Addr;
use crate::base::ptr::P;
use crate::base::res::Result;
use crate::mpm::Mpm;
use crate::object::pool::Pool;
use core::alloc::{GlobalAlloc, Layout};
use core::ptr::null_mut;
use core::sync::atomic::{AtomicPtr, Ordering};
use spin::mutex::SpinMutex;

/// The alignment of blocks. A larger one costs that much more memory.
const ALIGN: usize = 16;

/// A pool and its instance.
#[derive(Clone, Copy)]
struct Ground {
    m: P<Mpm>,
    pool: P<Pool>,
}

impl Ground {
    fn new(limit: usize) -> Result<Ground> {
        // There is nothing to collect, so the pause time does not matter.
        let m = instance(limit, 0.1)?;
        // SAFETY: just made, and nobody else has it.
        let pool = mvff(m, ALIGN).inspect_err(|_| unsafe { Mpm::destroy(m) })?;
        Ok(Ground { m, pool })
    }

    /// How large the pool's block is for a layout; `None`: larger than can be. Behind a block that
    /// is aligned to more than the pool's are there is room to move, and the word before it
    /// says where the pool's block begins.
    fn size(layout: Layout) -> Option<usize> {
        let more = if layout.align() > ALIGN { layout.align() + size_of::<usize>() } else { 0 };
        let size = layout.size().max(1).checked_add(more)?.checked_next_multiple_of(ALIGN)?;
        (size < isize::MAX as usize).then_some(size)
    }

    #[inline]
    fn take(self, size: usize) -> Option<Addr> {
        let a = self.pool.class.quick_alloc(self.pool, size);
        if !a.is_null() {
            return Some(a);
        }
        Mpm::alloc(self.m, self.pool, size).ok()
    }

    /// A block, or null.
    #[inline]
    fn alloc(self, layout: Layout) -> *mut u8 {
        let Some(a) = Self::size(layout).and_then(|s| self.take(s)) else { return null_mut() };
        if layout.align() <= ALIGN {
            return a.ptr();
        }
        let least = a.0 + size_of::<usize>();
        let at = a.add(least.next_multiple_of(layout.align()) - a.0);
        // SAFETY: in the block, before what the caller gets.
        unsafe { at.ptr::<usize>().sub(1).write(a.0) };
        at.ptr()
    }

    /// # Safety
    /// `alloc` gave the block, for this layout.
    #[inline]
    unsafe fn free(self, p: *mut u8, layout: Layout) {
        let Some(size) = Self::size(layout) else { return };
        let mut a = Addr::of(p);
        if layout.align() > ALIGN {
            // SAFETY: `alloc` wrote it.
            a = Addr(unsafe { a.ptr::<usize>().sub(1).read() });
        }
        if !self.pool.class.quick_free(self.pool, a, size) {
            let _ = Mpm::free(self.m, self.pool, a, size);
        }
    }

    /// Does the same block do for another size?
    fn fits(old: Layout, size: usize) -> bool {
        Layout::from_size_align(size, old.align())
            .is_ok_and(|new| Self::size(new) == Self::size(old))
    }

    /// # Safety
    /// As [`GlobalAlloc::realloc`].
    unsafe fn realloc(self, p: *mut u8, old: Layout, size: usize) -> *mut u8 {
        if Self::fits(old, size) {
            return p;
        }
        let Ok(new) = Layout::from_size_align(size, old.align()) else { return null_mut() };
        let to = self.alloc(new);
        if !to.is_null() {
            // SAFETY: both are that large, and different.
            unsafe { core::ptr::copy_nonoverlapping(p, to, old.size().min(size)) };
            // SAFETY: the caller's.
            unsafe { self.free(p, old) };
        }
        to
    }
}

/// An allocator for the whole program:
///
/// ```
/// #[global_allocator]
/// static ALLOCATOR: mps::Global = mps::Global::new();
///
/// let v: Vec<u64> = (0..1000).collect();
/// assert_eq!(v.iter().sum::<u64>(), 499_500);
/// assert!(ALLOCATOR.committed() > 8000);
/// ```
///
/// It makes its arena when it is first asked for memory, and keeps it. Threads: any. The
/// alignment of a block may be anything. Without memory it returns null.
pub struct Global {
    /// Both null until the arena is made; the pool's is set last.
    m: AtomicPtr<Mpm>,
    pool: AtomicPtr<Pool>,
    /// Who makes it.
    making: SpinMutex<()>,
}

impl Global {
    /// One that has no memory yet.
    #[allow(clippy::new_without_default)] // For a static, which can't be made by that.
    pub const fn new() -> Global {
        Global {
            m: AtomicPtr::new(null_mut()),
            pool: AtomicPtr::new(null_mut()),
            making: SpinMutex::new(()),
        }
    }

    #[inline(always)]
    fn ground(&self) -> Option<Ground> {
        let pool = self.pool.load(Ordering::Acquire);
        if pool.is_null() {
            return self.make();
        }
        // SAFETY: both were set by `make`, and stay for good.
        unsafe {
            let m = P::from_raw(self.m.load(Ordering::Relaxed))?;
            Some(Ground { m, pool: P::from_raw(pool)? })
        }
    }

    #[cold]
    fn make(&self) -> Option<Ground> {
        let _alone = self.making.lock();
        if self.pool.load(Ordering::Acquire).is_null() {
            let g = Ground::new(usize::MAX).ok()?;
            self.m.store(g.m.addr().ptr(), Ordering::Relaxed);
            self.pool.store(g.pool.addr().ptr(), Ordering::Release);
            return Some(g);
        }
        self.ground()
    }

    /// How much memory is in use, in bytes.
    pub fn committed(&self) -> usize {
        self.ground().map_or(0, |g| g.m.get().cx.arena.committed.get())
    }
}

// SAFETY: blocks are apart and as large and as aligned as asked for, from any thread; nothing here
// panics.
unsafe impl GlobalAlloc for Global {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        self.ground().map_or(null_mut(), |g| g.alloc(layout))
    }

    #[inline]
    unsafe fn dealloc(&self, p: *mut u8, layout: Layout) {
        if let Some(g) = self.ground() {
            // SAFETY: the caller's.
            unsafe { g.free(p, layout) };
        }
    }

    unsafe fn realloc(&self, p: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller's.
        self.ground().map_or(null_mut(), |g| unsafe { g.realloc(p, layout, size) })
    }
}

/// An allocator with an arena of its own, which goes when it goes, whatever is still in it. With
/// the feature `allocator-api2` a reference to it is an `allocator_api2::alloc::Allocator`.
pub struct Blocks {
    ground: Ground,
}

// SAFETY: a pool of class MVFF has a lock of its own; the instance too.
unsafe impl Send for Blocks {}
// SAFETY: as above.
unsafe impl Sync for Blocks {}

impl Blocks {
    /// One that may use `limit` bytes.
    ///
    /// # Errors
    /// Those of the system, when there is no memory for it.
    pub fn new(limit: usize) -> Result<Blocks> {
        Ok(Blocks { ground: Ground::new(limit)? })
    }

    /// How much memory is in use, in bytes.
    pub fn committed(&self) -> usize {
        self.ground.m.get().cx.arena.committed.get()
    }

    /// A block; null if there is no memory.
    pub fn alloc(&self, layout: Layout) -> *mut u8 {
        self.ground.alloc(layout)
    }

    /// Takes a block back.
    ///
    /// # Safety
    /// `alloc` of this gave it, for this layout, and nobody uses it any more.
    pub unsafe fn free(&self, p: *mut u8, layout: Layout) {
        // SAFETY: the caller's.
        unsafe { self.ground.free(p, layout) };
    }
}

impl Drop for Blocks {
    fn drop(&mut self) {
        let Ground { m, pool } = self.ground;
        // SAFETY: nobody has it any more.
        Mpm::enter(m, |e| unsafe { e.pool_destroy(pool) });
        // SAFETY: nothing is left in it.
        unsafe { Mpm::destroy(m) };
    }
}

#[cfg(feature = "allocator-api2")]
// SAFETY: blocks stay where they are, and are as asked for, until they are freed; a copy of a reference
// is the same allocator.
unsafe impl allocator_api2::alloc::Allocator for &Blocks {
    fn allocate(
        &self,
        layout: Layout,
    ) -> core::result::Result<core::ptr::NonNull<[u8]>, allocator_api2::alloc::AllocError> {
        let p = core::ptr::NonNull::new(self.alloc(layout));
        let p = p.ok_or(allocator_api2::alloc::AllocError)?;
        Ok(core::ptr::NonNull::slice_from_raw_parts(p, layout.size()))
    }

    unsafe fn deallocate(&self, p: core::ptr::NonNull<u8>, layout: Layout) {
        // SAFETY: the caller's.
        unsafe { self.free(p.as_ptr(), layout) };
    }
}
