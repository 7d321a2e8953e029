//! What a managed object consists of, and how the collector finds references in it.

use super::gate::Mode;
use super::heap::{Gc, Heap};
use super::value::Value;
use crate::base::addr::Addr;
use crate::base::res::{Result, code_of};
use crate::object::format::Methods;
use crate::object::scan::{Ref, ScanState};
use crate::trace::fix;
use core::cell::Cell;
use core::ffi::c_void;
use core::marker::PhantomData;
use core::mem::needs_drop;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicUsize, Ordering};

/// The alignment of objects, and the largest that a managed type may have.
pub(super) const ALIGN: usize = 8;

/// Stands before each object. The word is the address of its [`Kind`], or has one of the two
/// lowest bits set.
#[repr(C, align(8))]
pub(super) struct Head(usize);

/// Bytes of it.
pub(super) const HEAD: usize = size_of::<Head>();
/// The object has moved: the rest of the word is where to.
const MOVED: usize = 1;
/// There is none: the rest is how many bytes, times 4.
const FILLER: usize = 2;
const TAGS: usize = 3;

/// What the collector knows of the objects of one type.
pub(super) struct Kind {
    /// Bytes of such an object without elements, head included; a multiple of [`ALIGN`].
    pub fixed: usize,
    /// Bytes of an element. How many there are stands in the first word. 0: no elements.
    pub element: usize,
    /// Visits the references in an object, given the address of what follows the head.
    pub trace: unsafe fn(*const u8, &mut Tracer<'_>),
    /// Calls the finalizer, given the heap and the head.
    pub finalize: Option<unsafe fn(*const (), NonNull<u8>)>,
    /// The type, if a [`super::Value`] may be cast to it.
    pub tag: Option<&'static TypeTag>,
}

/// Stands for a type: a static of which there is one.
#[doc(hidden)]
pub struct TypeTag(#[allow(dead_code)] u8);

impl TypeTag {
    #[doc(hidden)]
    #[allow(clippy::new_without_default)] // For statics.
    pub const fn new() -> TypeTag {
        // Of some size, so that no two are at one address.
        TypeTag(0)
    }
}

/// The kind of `T`.
pub(super) struct Of<T>(PhantomData<T>);

impl<T> Of<T> {
    /// Evaluated where objects of the type, or arrays of it, are made.
    pub const ALIGNED: () = assert!(align_of::<T>() <= ALIGN, "aligned to 8 at most");
    /// As above, for objects.
    const PLAIN: () = assert!(!needs_drop::<T>(), "nothing is dropped in an object");
}

impl<T: Trace> Of<T> {
    /// The kind of `T`.
    pub const KIND: &'static Kind = {
        let () = Self::ALIGNED;
        let () = Self::PLAIN;
        // At least a word behind the head, for `forward`.
        let rest = size_of::<T>().next_multiple_of(ALIGN);
        let rest = if rest == 0 { ALIGN } else { rest };
        &Kind { fixed: HEAD + rest, element: 0, trace: trace::<T>, finalize: None, tag: T::TAG }
    };
}

/// # Safety
/// A `T` is there.
unsafe fn trace<T: Trace>(p: *const u8, t: &mut Tracer<'_>) {
    // SAFETY: the caller's. The program is not running, so nobody changes it.
    unsafe { &*p.cast::<T>() }.trace(t);
}

/// # Safety
/// None needed: nothing is read.
pub(super) unsafe fn trace_nothing(_: *const u8, _: &mut Tracer<'_>) {}

/// What an array of references begins with: how many there are.
pub(super) const COUNT: usize = ALIGN;

/// # Safety
/// An array of references is there, behind its length.
pub(super) unsafe fn trace_references(p: *const u8, t: &mut Tracer<'_>) {
    // SAFETY: the caller's.
    let len = unsafe { p.cast::<usize>().read() };
    for i in 0..len {
        // SAFETY: as many follow.
        t.fix(unsafe { p.add(COUNT).cast::<Cell<usize>>().add(i) });
    }
}

/// # Safety
/// An array of slots is there, behind its length.
pub(super) unsafe fn trace_slots(p: *const u8, t: &mut Tracer<'_>) {
    // SAFETY: the caller's.
    let len = unsafe { p.cast::<usize>().read() };
    for i in 0..len {
        // SAFETY: as many follow.
        t.fix_value(unsafe { p.add(COUNT).cast::<Cell<usize>>().add(i) });
    }
}

/// The whole size of a live object of `kind` at `p`.
///
/// # Safety
/// There is one.
unsafe fn size(kind: &Kind, p: Addr) -> usize {
    if kind.element == 0 {
        return kind.fixed;
    }
    // SAFETY: the caller's; the first word is how many elements there are.
    let len = unsafe { p.add(HEAD).ptr::<usize>().read() };
    kind.fixed + (len * kind.element).next_multiple_of(ALIGN)
}

/// Goes over the references in an object: what [`Trace::trace`] is given.
pub struct Tracer<'a> {
    state: &'a ScanState,
    seen: usize,
    result: Result,
}

impl Tracer<'_> {
    /// Goes over what stands from `base` to `limit`: `one` looks at what is there, and says where
    /// the next begins. The C code of how it ended.
    ///
    /// # Safety
    /// `ss` is what the library has handed to a scanner.
    unsafe fn over(
        ss: *mut c_void,
        base: Addr,
        limit: Addr,
        one: impl Fn(&mut Tracer<'_>, Addr) -> Addr,
    ) -> i32 {
        // SAFETY: the caller's.
        let state = unsafe { &*ss.cast::<ScanState>() };
        let mut t = Tracer { state, seen: state.head.ufs.get(), result: Ok(()) };
        let mut at = base;
        while at < limit {
            at = one(&mut t, at);
        }
        state.head.ufs.set(t.seen);
        code_of(t.result)
    }

    /// Visits a reference.
    #[inline(always)]
    pub fn visit<T>(&mut self, f: &Field<'_, T>) {
        self.fix(&raw const f.at);
    }

    /// Visits a value.
    #[inline(always)]
    pub fn visit_slot(&mut self, s: &Slot<'_>) {
        self.fix_value(&raw const s.at);
    }

    /// As `fix`, if there is a reference.
    #[inline(always)]
    fn fix_value(&mut self, at: *const Cell<usize>) {
        // SAFETY: as there.
        if unsafe { &*at }.get() & TAGS == 0 {
            self.fix(at);
        }
    }

    #[inline(always)]
    fn fix(&mut self, at: *const Cell<usize>) {
        // SAFETY: a field of an object that the collector looks at.
        let word = unsafe { &*at }.get();
        if self.state.fix1(&mut self.seen, word) && self.result.is_ok() {
            // SAFETY: a reference, or 0, stands there; it may change, for it is in a cell.
            self.result = fix::fix2(self.state, unsafe { Ref::new(at.cast_mut().cast()) });
        }
    }
}

/// Values that can be managed objects, or parts of such.
///
/// `#[derive(Trace)]` (feature `derive`) implements it for structures and enumerations all parts
/// of which have it.
///
/// # Safety
/// `trace` calls [`Tracer::visit`] for every [`Field`] in the value and [`Tracer::visit_slot`] for
/// every [`Slot`], each time, and does nothing else; it does not panic. No field can be taken out of a value, or exchanged, by who has a
/// shared reference to it: so there is no implementation for `RefCell`, nor for what has its
/// fields in other memory, as `Box` and `Vec`.
pub unsafe trait Trace {
    #[doc(hidden)]
    const TAG: Option<&'static TypeTag> = None;

    /// Visits every reference in the value.
    fn trace(&self, t: &mut Tracer<'_>);
}

/// Plain values, in which there is no [`Field`].
///
/// # Safety
/// So it is.
pub unsafe trait Leaf: Trace {
    #[doc(hidden)]
    const ARRAY: Option<&'static TypeTag> = None;
}

macro_rules! leaves {
    ($($t:ty)*) => {$(
        // SAFETY: no field is in it.
        unsafe impl Trace for $t {
            #[inline(always)]
            fn trace(&self, _: &mut Tracer<'_>) {}
        }
        // SAFETY: as above.
        unsafe impl Leaf for $t {}
    )*};
}
leaves!(() bool char u16 u32 u64 u128 usize i8 i16 i32 i64 i128 isize f32 f64);

// SAFETY: no field is in it.
unsafe impl Trace for u8 {
    #[inline(always)]
    fn trace(&self, _: &mut Tracer<'_>) {}
}
// SAFETY: as above.
unsafe impl Leaf for u8 {
    const ARRAY: Option<&'static TypeTag> = Some(super::value::BYTES_TAG);
}

// SAFETY: what is behind it is not part of the value.
unsafe impl<T: ?Sized> Trace for &'static T {
    #[inline(always)]
    fn trace(&self, _: &mut Tracer<'_>) {}
}
// SAFETY: as above.
unsafe impl<T: ?Sized> Leaf for &'static T {}
// SAFETY: no field is in it.
unsafe impl<T: ?Sized> Trace for PhantomData<T> {
    #[inline(always)]
    fn trace(&self, _: &mut Tracer<'_>) {}
}
// SAFETY: as above.
unsafe impl<T: ?Sized> Leaf for PhantomData<T> {}
// SAFETY: a leaf has no field that could be taken out.
unsafe impl<T: Leaf + Copy> Trace for Cell<T> {
    #[inline(always)]
    fn trace(&self, _: &mut Tracer<'_>) {}
}
// SAFETY: as above.
unsafe impl<T: Leaf + Copy> Leaf for Cell<T> {}
// SAFETY: each of them is visited.
unsafe impl<T: Trace, const N: usize> Trace for [T; N] {
    #[inline]
    fn trace(&self, t: &mut Tracer<'_>) {
        self.iter().for_each(|x| x.trace(t));
    }
}
// SAFETY: none of them has a field.
unsafe impl<T: Leaf, const N: usize> Leaf for [T; N] {}
// SAFETY: what is there is visited.
unsafe impl<T: Trace> Trace for Option<T> {
    #[inline]
    fn trace(&self, t: &mut Tracer<'_>) {
        if let Some(x) = self {
            x.trace(t);
        }
    }
}
// SAFETY: as above.
unsafe impl<T: Leaf> Leaf for Option<T> {}
// SAFETY: both are visited.
unsafe impl<A: Trace, B: Trace> Trace for (A, B) {
    #[inline]
    fn trace(&self, t: &mut Tracer<'_>) {
        self.0.trace(t);
        self.1.trace(t);
    }
}
// SAFETY: neither has a field.
unsafe impl<A: Leaf, B: Leaf> Leaf for (A, B) {}

/// A [`Value`](super::Value) in a managed object. [`Gc::write`] alone changes it; one that is anywhere else
/// is nothing.
#[repr(transparent)]
pub struct Slot<'id> {
    at: Cell<usize>,
    brand: PhantomData<Cell<&'id ()>>,
}

impl<'id> Slot<'id> {
    /// One with nothing in it.
    #[inline(always)]
    pub const fn new() -> Self {
        Slot { at: Cell::new(0), brand: PhantomData }
    }

    /// See [`Field::word`].
    #[inline(always)]
    fn word(&self) -> &AtomicUsize {
        // SAFETY: as there.
        unsafe { &*(&raw const self.at).cast::<AtomicUsize>() }
    }

    /// What it is.
    #[inline(always)]
    pub fn get<'m, M: Mode>(&self, _: &'m Heap<'id, M>) -> Value<'m, 'id> {
        // SAFETY: nothing, or in an object, where the collector keeps it up to date.
        unsafe { Value::from_word(self.word().load(Ordering::Acquire)) }
    }

    /// # Safety
    /// The slot is where the collector looks at it, and `to` the word of a value of this heap.
    #[inline(always)]
    pub(super) unsafe fn store(&self, to: usize) {
        self.word().store(to, Ordering::Release);
    }

    /// Where it is.
    #[inline(always)]
    pub(super) fn place(&self) -> usize {
        (&raw const self.at).addr()
    }
}

impl Default for Slot<'_> {
    fn default() -> Self {
        Slot::new()
    }
}

// SAFETY: as of a `Field`.
unsafe impl Sync for Slot<'_> {}

// SAFETY: as of a `Field`.
unsafe impl Trace for Slot<'_> {
    #[inline(always)]
    fn trace(&self, t: &mut Tracer<'_>) {
        t.visit_slot(self);
    }
}

/// A reference from one managed object to another, or none. The collector changes it when the
/// other moves.
///
/// A new one refers to nothing, and [`Gc::set`] alone changes it, which wants it to be in an
/// object. So one that is anywhere else refers to nothing.
#[repr(transparent)]
pub struct Field<'id, T> {
    at: Cell<usize>,
    /// Of the heap `'id` alone; neither lifetimes nor the type can be exchanged for others.
    brand: PhantomData<(Cell<&'id ()>, Cell<*const T>)>,
}

impl<'id, T> Field<'id, T> {
    /// One that refers to nothing.
    pub const fn null() -> Self {
        Field { at: Cell::new(0), brand: PhantomData }
    }

    /// As threads see it: what was written before a store is there after the load. On x86 these are plain
    /// moves.
    #[inline(always)]
    fn word(&self) -> &AtomicUsize {
        // SAFETY: as large and as aligned. Only the collector writes to it otherwise, when no
        // thread reads it.
        unsafe { &*(&raw const self.at).cast::<AtomicUsize>() }
    }

    /// Does it refer to nothing?
    pub fn is_null(&self) -> bool {
        self.word().load(Ordering::Relaxed) == 0
    }

    /// What it refers to.
    #[inline]
    pub fn get<'m, M: Mode>(&self, heap: &'m Heap<'id, M>) -> Option<Gc<'m, 'id, T>> {
        let at = NonNull::new(Addr(self.word().load(Ordering::Acquire)).ptr::<u8>())?;
        // SAFETY: not null, so it is in an object, where the collector keeps it up to date. A `T`
        // is there, which stays while the heap is borrowed.
        Some(unsafe { Gc::from_head(heap, at) })
    }

    /// # Safety
    /// The field is in an object, and `to` 0 or the head of a `T` of the same heap.
    pub(super) unsafe fn store(&self, to: usize) {
        self.word().store(to, Ordering::Release);
    }

    /// Where it is.
    pub(super) fn place(&self) -> usize {
        (&raw const self.at).addr()
    }
}

// SAFETY: it is read and written as an atomic. To get at the object takes a heap, and in one that
// threads share all values are `Sync` (`Holds`).
unsafe impl<T> Sync for Field<'_, T> {}

impl<T> Default for Field<'_, T> {
    fn default() -> Self {
        Field::null()
    }
}

// SAFETY: it is visited. It is no `Copy` type and no `Clone` one, and `Gc::set` checks that it is in
// an object.
unsafe impl<T> Trace for Field<'_, T> {
    #[inline(always)]
    fn trace(&self, t: &mut Tracer<'_>) {
        t.visit(self);
    }
}

// ------------------------------------------------------------- the format

/// The head at `p`.
///
/// # Safety
/// One is there.
unsafe fn head(p: Addr) -> usize {
    // SAFETY: the caller's.
    unsafe { p.ptr::<usize>().read() }
}

/// The kind of the live object with the head `word`.
///
/// # Safety
/// `word` is the head of one.
unsafe fn kind_of(word: usize) -> &'static Kind {
    // SAFETY: `init` wrote it.
    unsafe { &*core::ptr::with_exposed_provenance::<Kind>(word) }
}

/// The kind of the object whose head is there.
///
/// # Safety
/// It is one that has not moved away.
pub(super) unsafe fn kind_at(p: NonNull<u8>) -> &'static Kind {
    // SAFETY: the caller's.
    unsafe { kind_of(head(Addr::of(p.as_ptr()))) }
}

/// Makes the block at `p` an object of a kind.
///
/// # Safety
/// The block is reserved, and nobody else's.
pub(super) unsafe fn init(p: Addr, kind: &'static Kind) {
    // SAFETY: the caller's.
    unsafe { p.ptr::<usize>().write(core::ptr::from_ref(kind).expose_provenance()) };
}

unsafe extern "C" fn scan(ss: *mut c_void, base: Addr, limit: Addr) -> i32 {
    // SAFETY: a scan state of the library's.
    unsafe {
        Tracer::over(ss, base, limit, |t, at| {
            // SAFETY: the library asks about whole objects; here and below.
            let word = head(at);
            if word & TAGS == 0 {
                (kind_of(word).trace)(at.add(HEAD).ptr(), t);
            }
            skip(at)
        })
    }
}

/// Scans the places of roots, and root arrays: 0 and words with tags are no references.
pub(super) unsafe extern "C" fn scan_places(
    ss: *mut c_void,
    base: Addr,
    limit: Addr,
    _: *mut c_void,
) -> i32 {
    // SAFETY: a scan state of the library's.
    unsafe {
        Tracer::over(ss, base, limit, |t, at| {
            let place = at.ptr::<Cell<usize>>();
            // SAFETY: the root consists of such places.
            let word = (*place).get();
            if word != 0 && word & TAGS == 0 {
                t.fix(place);
            }
            at.add(size_of::<usize>())
        })
    }
}

unsafe extern "C" fn skip(p: Addr) -> Addr {
    // SAFETY: the library asks about objects, and what took their places.
    let word = unsafe { head(p) };
    let bytes = match word & TAGS {
        FILLER => word >> 2,
        // SAFETY: `forward` has left it there.
        MOVED => unsafe { p.add(HEAD).ptr::<usize>().read() },
        // SAFETY: a live object.
        _ => unsafe { size(kind_of(word), p) },
    };
    p.add(bytes)
}

unsafe extern "C" fn forward(old: Addr, new: Addr) {
    // SAFETY: an object that has been copied. Its size is kept where its first word was, because
    // the copy may be out of reach.
    unsafe {
        let bytes = size(kind_of(head(old)), old);
        old.add(HEAD).ptr::<usize>().write(bytes);
        old.ptr::<usize>().write(new.0 | MOVED);
    }
}

unsafe extern "C" fn forwarded(p: Addr) -> Addr {
    // SAFETY: an object, or what `forward` left.
    let word = unsafe { head(p) };
    if word & TAGS == MOVED { Addr(word & !TAGS) } else { Addr::NULL }
}

unsafe extern "C" fn pad(p: Addr, bytes: usize) {
    // SAFETY: so many bytes are there, and nobody's.
    unsafe { p.ptr::<usize>().write(bytes << 2 | FILLER) };
}

/// The format of managed objects.
pub(super) fn methods() -> Methods {
    Methods { align: ALIGN, scan, skip, fwd: forward, isfwd: forwarded, pad, ..Methods::default() }
}
