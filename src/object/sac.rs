//! Segregated allocation caches: free blocks by size class, taken and put back
//! by macros in the client's own code.
//!
//! The client sees [`Public`] and what follows it: lists for sizes above
//! `middle` at even places, ascending (each with its block size, the last a
//! sentinel for sizes above all classes), and for sizes up to `middle` at odd
//! places, descending (each with the block size of the next smaller class, so
//! the last has 0). Lists past the last of either kind continue that, so that
//! who looks for one may count those that don't fit instead of stopping at the
//! first that does. Blocks are chained through their first word.
//!
//! In the debug archive the client's macros find every list both empty and full. So
//! each block comes through here, where the pool is asked about it
//! ([`PoolClass::caches`](crate::object::pool::PoolClass::caches)) before its memory is
//! looked at; the blocks are in lists of our own, behind those.

use crate::arena::Arena;
use crate::base::addr::{Addr, Size, size_up};
use crate::base::check::Sig;
use crate::base::ptr::P;
use crate::base::res::{Res, Result};
use crate::object::pool::{Caching, Pool, tell_of_block};
use core::cell::Cell;

/// `MPS_SAC_CLASS_LIMIT` of the interface: the client's macros look at this many lists on
/// either side of the middle. There may be more.
const CLASS_LIMIT: usize = 8;
/// Is each block checked when it goes into a cache or comes out of it?
const CHECKED: bool = cfg!(feature = "variety-cool");
/// The value of `trapped` that tells the macros that there are at least that many lists on
/// either side.
const PADDED: i32 = 2;

/// `mps_sac_class_s`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct SizeClass {
    /// Size of its blocks.
    pub block_size: Size,
    /// How many to keep.
    pub cached_count: Size,
    /// How often it is asked for, compared with the others.
    pub frequency: u32,
}

/// `_mps_sac_freelist_block_s`.
#[repr(C)]
pub struct FreeList {
    size: Cell<Size>,
    count: Cell<Size>,
    count_max: Cell<Size>,
    blocks: Cell<Addr>,
}

/// The start of `_mps_sac_s`.
#[repr(C)]
pub struct Public {
    middle: Cell<Size>,
    trapped: Cell<i32>,
}

/// A cache: what only we see of it. Followed by its lists.
#[repr(C)]
pub struct Sac {
    /// [`Sig::SAC`].
    pub sig: Cell<Sig>,
    /// Where its blocks come from.
    pub pool: P<Pool>,
    lists: usize,
    bytes: Size,
    public: Public,
}

const PUBLIC: Size = core::mem::offset_of!(Sac, public);
const FIRST_LIST: Size = size_of::<Sac>();

/// Classes as a client gives them.
pub struct SizeClasses {
    at: *const SizeClass,
    len: usize,
}

impl SizeClasses {
    /// # Safety
    /// `at` points to `len` of them, while this is used.
    pub unsafe fn new(at: *const SizeClass, len: usize) -> SizeClasses {
        SizeClasses { at, len }
    }

    fn get(&self, i: usize) -> SizeClass {
        // SAFETY: promised; callers stay below `len`.
        unsafe { self.at.add(i).read() }
    }

    /// Are there any, in order, and of sizes that a pool of this alignment can
    /// have, with room for a link?
    pub fn are_good(&self, align: Size) -> bool {
        let mut last = 0;
        (0..self.len).all(|i| {
            let s = self.get(i).block_size;
            let good = s > last && s >= size_of::<Addr>() && s & (align - 1) == 0;
            last = s;
            good
        }) && self.len != 0
    }
}

impl Sac {
    /// Makes a cache. The classes are good.
    ///
    /// # Errors
    /// The arena's. `Limit`: there are too many classes.
    pub fn create(arena: &Arena, pool: P<Pool>, classes: &SizeClasses) -> Result<P<Sac>> {
        let n = classes.len;
        // The middle is where half of the requests are below.
        let weight = |i: usize| u64::from(classes.get(i).frequency);
        let all: u64 = (0..n).map(weight).fold(0, u64::saturating_add);
        let mut sum = 0u64;
        let middle = (0..n)
            .find(|&i| {
                sum = sum.saturating_add(weight(i));
                sum >= all - sum
            })
            .unwrap_or(0);
        let below = middle + 1;
        // Those above, and the sentinel.
        let above = n - below + 1;
        let lists = below.max(above).max(CLASS_LIMIT) * 2;
        let bytes = lists
            .checked_mul(size_of::<FreeList>() << CHECKED as u32)
            .and_then(|b| b.checked_add(FIRST_LIST))
            .ok_or(Res::Limit)?;
        let at = arena.control_alloc(bytes)?;
        let p: *mut Sac = at.ptr();
        let public = Public {
            middle: Cell::new(classes.get(middle).block_size),
            trapped: Cell::new(PADDED),
        };
        // SAFETY: control memory of that size, ours.
        unsafe { p.write(Sac { sig: Cell::new(Sig::DEAD), pool, lists, bytes, public }) };
        // SAFETY: just written; stays until `destroy`.
        let sac = unsafe { P::new(core::ptr::NonNull::new_unchecked(p)) };
        for i in 0..lists {
            sac.set(i, if i % 2 == 0 { Size::MAX } else { 0 }, 0);
        }
        for i in 0..below {
            let size = match middle.checked_sub(i).and_then(|k| k.checked_sub(1)) {
                Some(k) => classes.get(k).block_size,
                None => 0,
            };
            let c = classes.get(middle - i);
            sac.set(i * 2 + 1, size, c.cached_count);
        }
        for i in 0..above {
            let k = below + i;
            if k < n {
                let c = classes.get(k);
                sac.set(i * 2, c.block_size, c.cached_count);
            } else {
                sac.set(i * 2, Size::MAX, 0);
            }
        }
        sac.sig.set(Sig::SAC);
        Ok(sac)
    }

    /// What the client is given.
    pub fn public(self_: P<Sac>) -> Addr {
        self_.addr().add(PUBLIC)
    }

    /// The cache behind what the client was given. Not looked at.
    pub fn of_public(a: Addr) -> Addr {
        a.sub(PUBLIC)
    }

    fn set(&self, i: usize, size: Size, count_max: Size) {
        // Two lists in the debug archive, else one and the same.
        for l in [self.list_at(i), self.blocks_of(i)] {
            l.size.set(size);
            l.count.set(0);
            l.count_max.set(0);
            l.blocks.set(Addr::NULL);
        }
        self.blocks_of(i).count_max.set(count_max);
    }

    fn list_at(&self, i: usize) -> &FreeList {
        crate::aver!(i < self.lists, "allocation cache is intact");
        // SAFETY: `create` made so many.
        unsafe { self.raw_list(i) }
    }

    /// The list that the blocks for list `i` are in.
    fn blocks_of(&self, i: usize) -> &FreeList {
        crate::aver!(i < self.lists, "allocation cache is intact");
        // SAFETY: `create` made twice as many in the debug archive.
        unsafe { self.raw_list(if CHECKED { self.lists + i } else { i }) }
    }

    /// # Safety
    /// `create` made more than `i`.
    unsafe fn raw_list(&self, i: usize) -> &FreeList {
        let first: *mut FreeList = Addr::of(self).add(FIRST_LIST).ptr();
        // SAFETY: they follow the cache. (The address comes from control memory, whose
        // provenance is the exposed one.)
        unsafe { &*first.add(i) }
    }

    /// The list for blocks of `size` bytes, and how large they really are.
    pub fn list(&self, size: Size) -> (&FreeList, Size) {
        let middle = self.public.middle.get();
        if size > middle {
            let mut i = 0usize;
            while size > self.list_at(i).size.get() {
                i += 2;
            }
            let most = self.list_at(i).size.get();
            let whole = size_up(size, self.pool.align.get());
            return (self.blocks_of(i), if most == Size::MAX { whole } else { most });
        }
        let mut i = 1usize;
        let mut block = middle;
        while size <= self.list_at(i).size.get() {
            block = self.list_at(i).size.get();
            i += 2;
        }
        (self.blocks_of(i), block)
    }

    /// Takes a block of `size` bytes out of its list.
    pub fn take(&self, list: &FreeList, size: Size) -> Option<Addr> {
        let a = list.pop()?;
        if !CHECKED {
            return Some(a);
        }
        // What its first word says about the next is a client's, if that wrote to a
        // block after it had freed it.
        let next = list.blocks.get();
        let last = list.count.get() == 0;
        let good = next.is_null() == last
            && (last || self.pool.class.caches(self.pool, next, size, Caching::Has))
            && self.pool.class.caches(self.pool, a, size, Caching::GivesOut);
        if !good {
            list.count.set(0);
            list.blocks.set(Addr::NULL);
            tell_of_block("free block in a cache has not been written to", self.pool, a, size);
            return None;
        }
        Some(a)
    }

    /// Puts a block of `size` bytes into its list. False: it is full.
    ///
    /// # Errors
    /// `Param`, reported: the block is not one, or is in a cache already.
    ///
    /// # Safety
    /// `a` is a block of that size, of the cache's pool, that the client has no more
    /// use for. In the debug archive it need not be.
    pub unsafe fn put(&self, list: &FreeList, a: Addr, size: Size) -> Result<bool> {
        if list.count.get() != 0 && list.blocks.get() == a {
            tell_of_block("block being freed is not in a cache already", self.pool, a, size);
            return Err(Res::Param);
        }
        if list.count.get() >= list.count_max.get() {
            return Ok(false);
        }
        if CHECKED && !self.pool.class.caches(self.pool, a, size, Caching::TakesIn) {
            return Err(Res::Param);
        }
        // SAFETY: the caller's promise, or looked at.
        unsafe { list.push(a) };
        Ok(true)
    }

    /// Takes any block out: its address and size. For a flush.
    pub fn take_any(&self) -> Option<(Addr, Size)> {
        let take = |i: usize, size: Size| {
            let l = self.blocks_of(i);
            self.take(l, size).map(|a| (a, size))
        };
        let mut larger = self.public.middle.get();
        for i in (1..self.lists).step_by(2) {
            if let Some(block) = take(i, larger) {
                return Some(block);
            }
            larger = self.list_at(i).size.get();
        }
        (0..self.lists).step_by(2).find_map(|i| take(i, self.list_at(i).size.get()))
    }

    /// Gives back an empty cache's memory.
    ///
    /// # Safety
    /// Nobody uses it any more.
    pub unsafe fn destroy(self_: P<Sac>, arena: &Arena) {
        self_.sig.set(Sig::DEAD);
        let bytes = self_.bytes;
        // SAFETY: nobody uses it any more.
        unsafe { arena.control_free(self_.addr(), bytes) };
    }
}

impl FreeList {
    /// Takes a block.
    fn pop(&self) -> Option<Addr> {
        let n = self.count.get().checked_sub(1)?;
        let a = self.blocks.get();
        if a.is_null() {
            return None;
        }
        // SAFETY: a free block of the client's cache; its first word links.
        self.blocks.set(unsafe { a.ptr::<Addr>().read() });
        self.count.set(n);
        Some(a)
    }

    /// Puts a block in.
    ///
    /// # Safety
    /// `a` is a block of the list's size, of the cache's pool, that the client
    /// has no more use for.
    unsafe fn push(&self, a: Addr) {
        // SAFETY: the caller's promise.
        unsafe { a.ptr::<Addr>().write(self.blocks.get()) };
        self.blocks.set(a);
        self.count.set(self.count.get() + 1);
    }

    /// How many to move at a time between the cache and the pool, beyond the
    /// one that is asked for.
    pub fn batch(&self) -> usize {
        (self.count_max.get() / 4).min(64)
    }
}
