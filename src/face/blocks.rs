//! Allocators for Rust programs over pools of the classes MVFF, MFS and MVT.

use super::{instance, pool};
use crate::base::addr::Addr;
use crate::base::ptr::P;
use crate::base::res::{Res, Result};
use crate::mpm::Mpm;
use crate::object::buffer::Buffer;
use crate::object::pool::{ClassHandle, Pool};
use crate::pools::manual::{mfs::MFS, mvff::MVFF, mvt::MVT};
use crate::seam::args::{self, Key, Val};
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
        static CLASS: ClassHandle = ClassHandle::new(&MVFF);
        Self::with(limit, &CLASS, &[(&args::_mps_key_ALIGN, Val { size: ALIGN })])
    }

    fn with(
        limit: usize,
        class: &'static ClassHandle,
        args: &[(&'static Key, Val)],
    ) -> Result<Ground> {
        // There is nothing to collect, so the pause time does not matter.
        let m = instance(limit, 0.1)?;
        // SAFETY: just made, and nobody else has it.
        let pool = pool(m, class, args).inspect_err(|_| unsafe { Mpm::destroy(m) })?;
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
        Self::alloc_by(layout, |size| self.take(size))
    }

    /// As `alloc`; `take` gets a block of the pool's of a size.
    #[inline]
    fn alloc_by(layout: Layout, take: impl FnOnce(usize) -> Option<Addr>) -> *mut u8 {
        let Some(a) = Self::size(layout).and_then(take) else { return null_mut() };
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
        self.ground().map_or(0, |g| Mpm::enter_briefly(g.m, |e| e.cx.arena.committed.get()))
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

/// How blocks are got.
enum Way {
    /// MVFF: any size.
    Calls,
    /// MFS: of this size and alignment at most.
    Units(Layout),
    /// MVT: any size, on an allocation point, of which one thread at a time has the use.
    Point(SpinMutex<P<Buffer>>),
}

/// What sizes an MVT pool expects: see [`Blocks::mvt`].
#[derive(Clone, Copy, Debug)]
pub struct Sizes {
    /// The smallest block in bytes.
    pub min: usize,
    /// What most have.
    pub mean: usize,
    /// The largest of the usual ones. Larger ones work, and cost more.
    pub max: usize,
}

/// An allocator with an arena of its own, which goes when it goes, whatever is still in it. With
/// the feature `allocator-api2` a reference to it is an `allocator_api2::alloc::Allocator`.
pub struct Blocks {
    ground: Ground,
    way: Way,
}

// SAFETY: the pools have locks of their own; so has the allocation point, and the instance.
unsafe impl Send for Blocks {}
// SAFETY: as above.
unsafe impl Sync for Blocks {}

impl Blocks {
    /// Blocks of any size, in a pool of class MVFF that may use `limit` bytes.
    ///
    /// # Errors
    /// Those of the system, when there is no memory for it.
    pub fn new(limit: usize) -> Result<Blocks> {
        Ok(Blocks { ground: Ground::new(limit)?, way: Way::Calls })
    }

    /// Blocks that are as large and as aligned as `unit`, or less, in a pool of class MFS that may use
    /// `limit` bytes. Others are refused. Cost: less than the other classes have, and no memory
    /// between blocks.
    ///
    /// # Errors
    /// `Param`: `unit` is aligned to more than a page. Others as [`Blocks::new`].
    pub fn mfs(limit: usize, unit: Layout) -> Result<Blocks> {
        static CLASS: ClassHandle = ClassHandle::new(&MFS);
        // Segments begin at pages, and blocks follow each other: so multiples are aligned.
        if unit.align() > super::page() {
            return Err(Res::Param);
        }
        let align = unit.align().max(ALIGN);
        let size = unit.size().max(1).checked_next_multiple_of(align).ok_or(Res::Param)?;
        let unit = Layout::from_size_align(size, align).map_err(|_| Res::Param)?;
        let args = [(&args::_mps_key_MFS_UNIT_SIZE, Val { size })];
        Ok(Blocks { ground: Ground::with(limit, &CLASS, &args)?, way: Way::Units(unit) })
    }

    /// Blocks of any size, in a pool of class MVT that may use `limit` bytes: blocks that are
    /// allocated one after another lie together. One thread allocates at a time.
    ///
    /// # Errors
    /// `Param`: the sizes are not in order, or 0. Others as [`Blocks::new`].
    pub fn mvt(limit: usize, sizes: Sizes) -> Result<Blocks> {
        static CLASS: ClassHandle = ClassHandle::new(&MVT);
        let Sizes { min, mean, max } = sizes;
        if min == 0 || min > mean || mean > max {
            return Err(Res::Param);
        }
        let args = [
            (&args::_mps_key_ALIGN, Val { size: ALIGN }),
            (&args::_mps_key_MIN_SIZE, Val { size: min }),
            (&args::_mps_key_MEAN_SIZE, Val { size: mean }),
            (&args::_mps_key_MAX_SIZE, Val { size: max }),
        ];
        let ground = Ground::with(limit, &CLASS, &args)?;
        let mut blocks = Blocks { ground, way: Way::Calls };
        let ap = args::with(&[], |a| {
            Mpm::enter_for(ground.m, ground.pool, |e| e.new_ap(ground.pool, a))
        })?;
        blocks.way = Way::Point(SpinMutex::new(ap));
        Ok(blocks)
    }

    /// How much memory is in use, in bytes.
    pub fn committed(&self) -> usize {
        Mpm::enter_briefly(self.ground.m, |e| e.cx.arena.committed.get())
    }

    /// A block; null if there is no memory, or if the pool does not have such blocks.
    pub fn alloc(&self, layout: Layout) -> *mut u8 {
        match &self.way {
            Way::Calls => self.ground.alloc(layout),
            Way::Units(unit) => {
                let fits = layout.size() <= unit.size() && layout.align() <= unit.align();
                let block = if fits { self.ground.take(unit.size()) } else { None };
                block.map_or(null_mut(), |a| a.ptr())
            }
            Way::Point(ap) => Ground::alloc_by(layout, |size| {
                // Nobody else uses the point meanwhile.
                let ap = ap.lock();
                let (p, end) = (ap.init.get(), ap.init.get().0.wrapping_add(size));
                let p = if end > p.0 && end <= ap.limit.get().0 {
                    ap.alloc.set(Addr(end));
                    p
                } else {
                    Mpm::fill_outside(self.ground.m, *ap, size).ok()?
                };
                ap.init.set(ap.alloc.get());
                Some(p)
            }),
        }
    }

    /// Takes a block back.
    ///
    /// # Safety
    /// `alloc` of this gave it, for this layout, and nobody uses it any more.
    pub unsafe fn free(&self, p: *mut u8, layout: Layout) {
        if let Way::Units(unit) = self.way {
            let Ground { m, pool } = self.ground;
            if !pool.class.quick_free(pool, Addr::of(p), unit.size()) {
                let _ = Mpm::free(m, pool, Addr::of(p), unit.size());
            }
            return;
        }
        // SAFETY: the caller's.
        unsafe { self.ground.free(p, layout) };
    }

    /// Does the same block do for another layout?
    #[cfg(feature = "allocator-api2")]
    fn stays(&self, old: Layout, new: Layout) -> bool {
        match self.way {
            Way::Units(unit) => new.size() <= unit.size() && new.align() <= unit.align(),
            _ => old.align() == new.align() && Ground::fits(old, new.size()),
        }
    }
}

impl Drop for Blocks {
    fn drop(&mut self) {
        let Ground { m, pool } = self.ground;
        if let Way::Point(ap) = &self.way {
            // SAFETY: nobody has it any more; nothing is reserved. So below.
            unsafe { Mpm::finish_ap(m, *ap.lock()) };
        }
        // SAFETY: as above.
        Mpm::enter(m, |e| unsafe { e.pool_destroy(pool) });
        // SAFETY: nothing is left in it.
        unsafe { Mpm::destroy(m) };
    }
}

#[cfg(feature = "allocator-api2")]
mod api2 {
    use super::Blocks;
    use allocator_api2::alloc::{AllocError, Allocator};
    use core::alloc::Layout;
    use core::ptr::NonNull;

    type Block = Result<NonNull<[u8]>, AllocError>;

    fn block(p: Option<NonNull<u8>>, size: usize) -> Block {
        Ok(NonNull::slice_from_raw_parts(p.ok_or(AllocError)?, size))
    }

    impl Blocks {
        /// # Safety
        /// As of `grow` and `shrink`.
        unsafe fn change(&self, p: NonNull<u8>, old: Layout, new: Layout) -> Block {
            if self.stays(old, new) {
                return block(Some(p), new.size());
            }
            let to = NonNull::new(self.alloc(new)).ok_or(AllocError)?;
            // SAFETY: both are that large, and different blocks.
            unsafe { p.copy_to_nonoverlapping(to, old.size().min(new.size())) };
            // SAFETY: the caller's.
            unsafe { self.free(p.as_ptr(), old) };
            block(Some(to), new.size())
        }
    }

    // SAFETY: blocks stay where they are, and are as asked for, until they are freed; a copy of a
    // reference is the same allocator.
    unsafe impl Allocator for &Blocks {
        fn allocate(&self, layout: Layout) -> Block {
            block(NonNull::new(self.alloc(layout)), layout.size())
        }

        unsafe fn deallocate(&self, p: NonNull<u8>, layout: Layout) {
            // SAFETY: the caller's.
            unsafe { self.free(p.as_ptr(), layout) };
        }

        unsafe fn grow(&self, p: NonNull<u8>, old: Layout, new: Layout) -> Block {
            // SAFETY: the caller's.
            unsafe { self.change(p, old, new) }
        }

        unsafe fn shrink(&self, p: NonNull<u8>, old: Layout, new: Layout) -> Block {
            // SAFETY: the caller's.
            unsafe { self.change(p, old, new) }
        }
    }
}
