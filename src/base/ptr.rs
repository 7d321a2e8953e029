//! Pointers to the library's own structures.

use super::addr::Addr;
use core::ops::Deref;
use core::ptr::NonNull;

/// A shared pointer to one of the library's own structures, which live in
/// control memory until they are finished explicitly.
///
/// Fields of such structures are `Cell`s (everything reachable from a callback
/// is used by shared reference), so `P<T>` only ever lends `&T`.
///
/// The promise is made once, where a `P` is made ([`P::new`]): whoever finishes
/// the structure takes it out of every list first, under the lock of its arena.
#[repr(transparent)]
pub struct P<T>(NonNull<T>);

impl<T> Clone for P<T> {
    #[inline(always)]
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for P<T> {}

impl<T> PartialEq for P<T> {
    #[inline(always)]
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}
impl<T> Eq for P<T> {}

impl<T> core::fmt::Debug for P<T> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.0.fmt(f)
    }
}

impl<T> P<T> {
    /// # Safety
    /// 1. `p` points to an initialized `T` that stays put, and is finished only
    ///    after every `P` to it has gone out of use.
    /// 2. No `&mut T` to it is alive while any `P` is used.
    #[inline(always)]
    pub unsafe fn new(p: NonNull<T>) -> P<T> {
        P(p)
    }

    /// As [`P::new`], `None` for null.
    ///
    /// # Safety
    /// As [`P::new`], if not null.
    #[inline(always)]
    pub unsafe fn from_raw(p: *mut T) -> Option<P<T>> {
        NonNull::new(p).map(P)
    }

    /// The pointer.
    #[inline(always)]
    pub fn as_ptr(self) -> *mut T {
        self.0.as_ptr()
    }

    /// The address.
    #[inline(always)]
    pub fn addr(self) -> Addr {
        Addr::of(self.0.as_ptr())
    }

    /// The structure, for as long as the caller's other reasons let it live.
    #[inline(always)]
    pub fn get<'a>(self) -> &'a T {
        // SAFETY: promised when this `P` was made.
        unsafe { self.0.as_ref() }
    }
}

impl<T> Deref for P<T> {
    type Target = T;
    #[inline(always)]
    fn deref(&self) -> &T {
        self.get()
    }
}

/// A cell that may hold such a pointer.
pub type Slot<T> = core::cell::Cell<Option<P<T>>>;
