//! Finalizers.

use super::gate::{Local, Mode};
use super::heap::{Gc, Heap};
use super::object::{Kind, Of, Trace, kind_at};
use core::ptr::NonNull;

/// Objects that have something to do before they go: see [`Heap::alloc_final`].
///
/// ```
/// use mps::{Finalize, Gc, Heap, Options, Trace, Tracer};
/// use std::cell::RefCell;
///
/// thread_local!(static CLOSED: RefCell<Vec<u32>> = RefCell::default());
///
/// struct File(u32);
/// // SAFETY: no field is in it.
/// unsafe impl Trace for File {
///     fn trace(&self, _: &mut Tracer<'_>) {}
/// }
/// impl<'id> Finalize<'id> for File {
///     fn finalize<'m>(file: Gc<'m, 'id, File>, _: &'m Heap<'id>) {
///         CLOSED.with_borrow_mut(|c| c.push(file.0));
///     }
/// }
///
/// Heap::with(&Options::default(), |heap| {
///     let kept = heap.root(heap.alloc_final(File(1))?)?;
///     heap.alloc_final(File(2))?;
///     heap.collect();
///     assert_eq!(heap.run_finalizers(), 1);
///     assert_eq!(CLOSED.take(), [2]);
///     assert_eq!(kept.get(heap).0, 1);
///     Ok::<_, mps::Res>(())
/// })??;
/// # Ok::<_, mps::Res>(())
/// ```
pub trait Finalize<'id, M: Mode = Local>: Trace + Sized {
    /// Called once for each object, in [`Heap::run_finalizers`], in no particular order.
    fn finalize<'m>(object: Gc<'m, 'id, Self>, heap: &'m Heap<'id, M>);
}

impl<T: Trace> Of<T> {
    /// The kind of a `T` with a finalizer. Kinds may be one and the same if all in them is,
    /// the function too: so it does not matter.
    pub(super) fn final_kind<'id, M: Mode>() -> &'static Kind
    where
        T: Finalize<'id, M>,
    {
        const { &Kind { finalize: Some(call::<T, M>), ..*Self::KIND } }
    }
}

/// # Safety
/// `heap` is a heap of that mode, and the head of a `T` of its is there, which stays while it
/// is borrowed.
unsafe fn call<'id, T: Finalize<'id, M>, M: Mode>(heap: *const (), head: NonNull<u8>) {
    // SAFETY: the caller's.
    let heap = unsafe { &*heap.cast::<Heap<'id, M>>() };
    // SAFETY: the caller's.
    T::finalize(unsafe { Gc::from_head(heap, head) }, heap);
}

/// Calls the finalizer of the object.
///
/// # Safety
/// One of this heap has its head there.
pub(super) unsafe fn run<M: Mode>(heap: &Heap<'_, M>, head: NonNull<u8>) {
    // SAFETY: the caller's. Only `alloc_final` of a heap of this brand, and so of this mode, makes
    // registered objects.
    unsafe {
        if let Some(f) = kind_at(head).finalize {
            f(core::ptr::from_ref(heap).cast(), head);
        }
    }
}
