//! Values of which only the running program knows what they are, as an interpreter has them.

use super::gate::{Local, Mode};
use super::heap::{Array, Gc, Heap, Inner};
use super::object::{HEAD, Leaf, Slot, Trace, Tracer, TypeTag, kind_at, scan_places};
use crate::base::addr::Addr;
use crate::base::ptr::P;
use crate::base::res::{Res, Result};
use crate::base::sets::Rank;
use crate::mpm::Mpm;
use crate::trace::history::Ld;
use crate::trace::root::{Root as Registered, RootKind};
use core::cell::Cell;
use core::marker::PhantomData;
use core::ptr::NonNull;
use core::sync::atomic::AtomicUsize;

/// Types that a [`Value`] can be cast to: `#[derive(Trace)]` implements it for types without
/// parameters, or with the heap's lifetime alone.
///
/// # Safety
/// [`Trace::TAG`] is a static that no other type has. The lifetime is the only parameter.
pub unsafe trait Dynamic<'id>: Trace {}

/// A word: a small integer, a mark, a managed object of any [`Dynamic`] type, or nothing. Like a
/// [`Gc`] it lives until objects may move; a [`Slot`] keeps it in an object, a [`RootArray`] outside.
///
/// ```
/// # #[cfg(feature = "derive")] fn main() -> Result<(), mps::Res> {
/// use mps::{Heap, Options, Slot, Trace, Value};
///
/// #[derive(Trace)]
/// struct Pair<'id> { first: Slot<'id>, second: Slot<'id> }
/// #[derive(Trace)]
/// struct Real(f64);
///
/// Heap::with(&Options::default(), |heap| {
///     let stack = heap.root_array(10)?;
///     let pair = heap.alloc(Pair { first: Slot::new(), second: Slot::new() })?;
///     pair.write(|p| &p.first, Value::small(7));
///     pair.write(|p| &p.second, heap.alloc(Real(0.5))?.into());
///     stack.set(0, pair.into());
///     heap.collect();
///     let pair = stack.get(heap, 0).cast::<Pair>().unwrap();
///     assert_eq!(pair.first.get(heap).as_small(), Some(7));
///     assert_eq!(pair.second.get(heap).cast::<Real>().map(|r| r.0), Some(0.5));
///     assert!(pair.second.get(heap).cast::<Pair>().is_none());
///     Ok(())
/// })?
/// # }
/// # #[cfg(not(feature = "derive"))] fn main() {}
/// ```
pub struct Value<'m, 'id> {
    word: usize,
    brand: PhantomData<(&'m &'id (), Cell<&'id ()>, *const ())>,
}

impl Clone for Value<'_, '_> {
    fn clone(&self) -> Self {
        *self
    }
}
impl Copy for Value<'_, '_> {}

/// The lowest bit of a small integer.
const SMALL: usize = 1;
/// The two lowest bits of a mark.
const MARK: usize = 2;
const TAGS: usize = 3;

impl<'m, 'id> Value<'m, 'id> {
    /// Neither an object nor anything else.
    pub const NOTHING: Self = Self::of(0);

    const fn of(word: usize) -> Self {
        Value { word, brand: PhantomData }
    }

    /// # Safety
    /// The word was one of this heap's, which is borrowed for `'m`, and the collector has kept
    /// it up to date.
    #[inline(always)]
    pub(super) unsafe fn from_word(word: usize) -> Self {
        Self::of(word)
    }

    /// The word.
    #[inline(always)]
    pub(super) fn word(self) -> usize {
        self.word
    }

    /// An integer of a bit less than a word: the highest bit is lost.
    #[inline(always)]
    pub const fn small(n: isize) -> Self {
        Self::of((n as usize) << 1 | SMALL)
    }

    /// A number of two bits less than a word that is not the integer: what it means is up to the
    /// program. The two highest bits are lost.
    #[inline(always)]
    pub const fn mark(n: usize) -> Self {
        Self::of(n << 2 | MARK)
    }

    /// The integer.
    #[inline(always)]
    pub const fn as_small(self) -> Option<isize> {
        if self.word & SMALL != 0 { Some(self.word as isize >> 1) } else { None }
    }

    /// The mark.
    #[inline(always)]
    pub const fn as_mark(self) -> Option<usize> {
        if self.word & TAGS == MARK { Some(self.word >> 2) } else { None }
    }

    /// Is it an object?
    #[inline(always)]
    pub const fn is_object(self) -> bool {
        self.word & TAGS == 0 && self.word != 0
    }

    /// The object, if it is one of this type.
    #[inline(always)]
    pub fn cast<T: Dynamic<'id>>(self) -> Option<Gc<'m, 'id, T>> {
        if self.word & TAGS != 0 {
            return None;
        }
        let head = NonNull::new(Addr(self.word).ptr::<u8>())?;
        // SAFETY: the head of an object of this heap, which is borrowed for `'m`.
        let tag = unsafe { kind_at(head) }.tag;
        let same = matches!((tag, T::TAG), (Some(a), Some(b)) if core::ptr::eq(a, b));
        // SAFETY: no other type has this tag, and a `Value` is made only of an object whose type has
        // the heap's lifetime (`From`). So a `T` is there.
        same.then(|| unsafe { Gc::from_place(head.add(HEAD).cast()) })
    }

    /// Are both the same object, integer or mark?
    #[inline(always)]
    pub const fn is(self, other: Value<'_, 'id>) -> bool {
        self.word == other.word
    }

    /// A number that no other value has: of an object until it moves. [`Moves`] says whether it has.
    pub const fn address(self) -> usize {
        self.word
    }
}

impl<'m, 'id, T: Dynamic<'id>> From<Gc<'m, 'id, T>> for Value<'m, 'id> {
    #[inline(always)]
    fn from(object: Gc<'m, 'id, T>) -> Self {
        Self::of(object.head())
    }
}

impl<'m, 'id, T> Gc<'m, 'id, T> {
    /// Changes a slot in the object, as [`Gc::set`] does a field.
    #[inline(always)]
    pub fn write(self, slot: impl FnOnce(&'m T) -> &'m Slot<'id>, to: Value<'_, 'id>)
    where
        'id: 'm,
    {
        let s = slot(self.to_ref());
        crate::aver_client!(self.has(s.place()), "slot is part of the object", ());
        // SAFETY: it is in an object.
        unsafe { s.store(to.word()) };
    }
}

static SLOTS: TypeTag = TypeTag::new();
static BYTES: TypeTag = TypeTag::new();
static CELLS: TypeTag = TypeTag::new();

/// The tags of arrays.
pub(super) const SLOTS_TAG: &TypeTag = &SLOTS;
pub(super) const BYTES_TAG: &TypeTag = &BYTES;
pub(super) const CELLS_TAG: &TypeTag = &CELLS;

macro_rules! arrays {
    ($($of:ty, $tag:expr;)*) => {$(
        // SAFETY: an array's own kind goes over its elements; this is not called, for an array is
        // never a value on its own.
        unsafe impl<'id> Trace for Array<$of> {
            const TAG: Option<&'static TypeTag> = Some($tag);
            fn trace(&self, _: &mut Tracer<'_>) {}
        }
        // SAFETY: a static of its own.
        unsafe impl<'id> Dynamic<'id> for Array<$of> {}
    )*};
}
arrays! {
    Slot<'id>, SLOTS_TAG;
    u8, BYTES_TAG;
    Cell<u8>, CELLS_TAG;
}

impl<'id, M: Mode> Heap<'id, M> {
    /// A new array of values, all of which are `fill`.
    ///
    /// # Errors
    /// As [`Heap::alloc`].
    pub fn alloc_slots(
        &self,
        len: usize,
        fill: Value<'_, 'id>,
    ) -> Result<Gc<'_, 'id, Array<Slot<'id>>>> {
        let array = self.alloc_slots_empty(len)?;
        if fill.word() != 0 {
            // SAFETY: in an object; here and below.
            array.elements().iter().for_each(|s| unsafe { s.store(fill.word()) });
        }
        Ok(array)
    }

    /// A new array of these values.
    ///
    /// # Errors
    /// As [`Heap::alloc`].
    pub fn alloc_values(&self, from: &[Value<'_, 'id>]) -> Result<Gc<'_, 'id, Array<Slot<'id>>>> {
        let array = self.alloc_slots_empty(from.len())?;
        for (s, v) in array.elements().iter().zip(from) {
            // SAFETY: as above.
            unsafe { s.store(v.word()) };
        }
        Ok(array)
    }

    /// Values outside of the heap that keep objects alive: a stack, or variables. Cost: each collection
    /// looks at all of them.
    ///
    /// # Errors
    /// `Memory`, `CommitLimit` or `Resource`: there is no room.
    pub fn root_array(&self, len: usize) -> Result<RootArray<'id, M>> {
        let bytes = len.max(1).checked_mul(size_of::<usize>()).ok_or(Res::Memory)?;
        let (m, mode) = (self.inner.m, PhantomData);
        let (base, root) = Mpm::enter(m, |e| {
            let base = e.cx.arena.control_alloc(bytes)?;
            // SAFETY: so many bytes, nobody else's; here and below.
            unsafe { base.ptr::<u8>().write_bytes(0, bytes) };
            let kind = RootKind::Area {
                base,
                limit: base.add(bytes),
                scan: scan_places,
                closure: core::ptr::null_mut(),
                splits: true,
            };
            // SAFETY: as above.
            let undo = |_: &Res| unsafe { e.cx.arena.control_free(base, bytes) };
            Ok::<_, Res>((base, e.new_root(Rank::Exact, kind, false).inspect_err(undo)?))
        })?;
        Ok(RootArray { base: base.ptr(), len, root, inner: self.inner, mode })
    }
}

/// See [`Heap::root_array`].
pub struct RootArray<'id, M: Mode = Local> {
    base: *const Slot<'id>,
    len: usize,
    root: P<Registered>,
    inner: P<Inner>,
    mode: PhantomData<*const M>,
}

impl<'id, M: Mode> RootArray<'id, M> {
    #[inline(always)]
    fn slots(&self) -> &[Slot<'id>] {
        // SAFETY: as many are there until this goes.
        unsafe { core::slice::from_raw_parts(self.base, self.len) }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Is there none?
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Value `i`; nothing, if there is none.
    #[inline(always)]
    pub fn get<'m>(&self, heap: &'m Heap<'id, M>, i: usize) -> Value<'m, 'id> {
        self.slots().get(i).map_or(Value::NOTHING, |s| s.get(heap))
    }

    /// Changes value `i`. False: there is none.
    #[inline(always)]
    pub fn set(&self, i: usize, to: Value<'_, 'id>) -> bool {
        let Some(s) = self.slots().get(i) else { return false };
        // SAFETY: the collector looks at it as at a slot in an object.
        unsafe { s.store(to.word()) };
        true
    }

    /// These values become nothing.
    pub fn clear(&self, range: core::ops::Range<usize>) {
        // SAFETY: as above.
        self.slots().get(range).into_iter().flatten().for_each(|s| unsafe { s.store(0) });
    }
}

impl<M: Mode> Drop for RootArray<'_, M> {
    fn drop(&mut self) {
        let bytes = self.len.max(1) * size_of::<usize>();
        Mpm::enter(self.inner.m, |e| {
            // SAFETY: nobody has it any more, here and below.
            unsafe { e.root_destroy(self.root) };
            // SAFETY: as above.
            unsafe { e.cx.arena.control_free(Addr::of(self.base.cast_mut()), bytes) };
        });
    }
}

/// Whether objects may have moved: for tables in the order of [`Value::address`]. May be in an object.
pub struct Moves(Ld);

// SAFETY: no field is in it.
unsafe impl Trace for Moves {
    fn trace(&self, _: &mut Tracer<'_>) {}
}
// SAFETY: as above.
unsafe impl Leaf for Moves {}

impl Default for Moves {
    fn default() -> Self {
        Moves::new()
    }
}

impl Moves {
    /// To be reset before use.
    pub const fn new() -> Self {
        Moves(Ld { epoch: AtomicUsize::new(0), zones: AtomicUsize::new(0) })
    }

    /// From here on, of no objects.
    pub fn reset<M: Mode>(&self, heap: &Heap<'_, M>) {
        heap.inner.m.get().tracer.history.reset(&self.0);
    }

    /// And of this one.
    #[inline]
    pub fn add<'id, M: Mode>(&self, heap: &Heap<'id, M>, v: Value<'_, 'id>) {
        if v.is_object() {
            let m = heap.inner.m.get();
            m.tracer.history.add(&self.0, Addr(v.word()), m.cx.arena.zone_shift());
        }
    }

    /// May one of them have moved?
    #[inline]
    pub fn is_stale<M: Mode>(&self, heap: &Heap<'_, M>) -> bool {
        heap.inner.m.get().tracer.history.is_stale(&self.0)
    }
}
