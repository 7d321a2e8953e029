//! Objects that are collected and moved, for safe programs.

use super::finalize::Finalize;
use super::gate::{self, Gate, Holds, Local, Mode, Shared, Threads, Wanted};
use super::object::{ALIGN, COUNT, Field, HEAD, Kind, Leaf, Of, Slot, Trace, trace_slots};
use super::object::{init, methods, scan_places, trace_nothing, trace_references};
use super::value::Value;
use crate::base::addr::{Addr, size_up_checked};
use crate::base::ptr::P;
use crate::base::res::{Res, Result};
use crate::base::sets::Rank;
use crate::mpm::Mpm;
use crate::object::buffer::{self, Buffer};
use crate::object::format::Format;
use crate::object::message::MessageType;
use crate::object::pool::{ClassHandle, Pool};
use crate::pools::amc::AMC;
use crate::seam::args;
use crate::shield::threads::Thread;
use crate::trace::root::{Root as Registered, RootKind};
use core::cell::Cell;
use core::marker::PhantomData;
use core::ops::Deref;
use core::ptr::{NonNull, null, null_mut};
use core::sync::atomic::{AtomicUsize, Ordering};

/// How to make a [`Heap`].
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// How long a step of a collection may take, in seconds. More makes for less work in all.
    pub pause_time: f64,
    /// How much memory it may use, in bytes.
    pub limit: usize,
}

impl Default for Options {
    fn default() -> Self {
        Options { pause_time: 0.01, limit: usize::MAX }
    }
}

/// Places of roots of a rank: those in use have a reference; a free one has the address of the
/// next free one, with the lowest bit set.
struct Places {
    rank: Rank,
    free: Cell<*const Cell<usize>>,
    slabs: Cell<*const Slab>,
}

/// How many places are added at once: with what stands before them, half a kilobyte.
const PLACES: usize = 62;

/// Some places of roots, registered as a root.
#[repr(C)]
struct Slab {
    root: P<Registered>,
    next: *const Slab,
    places: [Cell<usize>; PLACES],
}

/// A place as threads share it: any of them may look while another one writes.
#[inline(always)]
fn word(place: &Cell<usize>) -> &AtomicUsize {
    // SAFETY: as large and as aligned. Nobody writes to it otherwise but who has it alone.
    unsafe { &*core::ptr::from_ref(place).cast::<AtomicUsize>() }
}

impl Places {
    const fn new(rank: Rank) -> Places {
        Places { rank, free: Cell::new(null()), slabs: Cell::new(null()) }
    }

    /// Adds a slab of free ones.
    #[cold]
    fn grow(&self, m: P<Mpm>) -> Result {
        let at = Mpm::enter(m, |e| e.cx.arena.control_alloc(size_of::<Slab>()))?;
        let slab = at.ptr::<Slab>();
        // SAFETY: room for one, ours; here and below.
        let places = unsafe { &raw mut (*slab).places }.cast::<Cell<usize>>();
        let mut next = self.free.get();
        for i in (0..PLACES).rev() {
            // SAFETY: one of the array.
            let p = unsafe { places.add(i) };
            // SAFETY: as above.
            unsafe { p.write(Cell::new(next.expose_provenance() | 1)) };
            next = p;
        }
        let base = Addr::of(places);
        let kind = RootKind::Area {
            base,
            limit: base.add(PLACES * size_of::<usize>()),
            scan: scan_places,
            closure: null_mut(),
            splits: true,
        };
        let root = Mpm::enter(m, |e| {
            e.new_root(self.rank, kind, false)
                // SAFETY: allocated above, and nobody else has it.
                .inspect_err(|_| unsafe { e.cx.arena.control_free(at, size_of::<Slab>()) })
        })?;
        // SAFETY: as above.
        unsafe {
            (&raw mut (*slab).root).write(root);
            (&raw mut (*slab).next).write(self.slabs.get());
        }
        self.slabs.set(slab);
        self.free.set(next);
        Ok(())
    }

    /// A place, with a reference in it.
    fn take(&self, m: P<Mpm>, reference: usize) -> Result<*const Cell<usize>> {
        if self.free.get().is_null() {
            self.grow(m)?;
        }
        let p = self.free.get();
        // SAFETY: a free place.
        let place = unsafe { &*p };
        self.free.set(core::ptr::with_exposed_provenance(place.get() & !1));
        word(place).store(reference, Ordering::Release);
        Ok(p)
    }

    /// Takes a place back.
    fn give(&self, p: *const Cell<usize>) {
        // SAFETY: a place in use, whose owner is gone.
        unsafe { &*p }.set(self.free.get().expose_provenance() | 1);
        self.free.set(p);
    }

    /// Gives back all slabs.
    fn finish(&self, m: P<Mpm>) {
        while !self.slabs.get().is_null() {
            let at = self.slabs.get();
            // SAFETY: one of ours.
            let (root, next) = unsafe { ((*at).root, (*at).next) };
            self.slabs.set(next);
            Mpm::enter(m, |e| {
                // SAFETY: nobody has a root in it any more, here and below.
                unsafe { e.root_destroy(root) };
                // SAFETY: as above.
                unsafe { e.cx.arena.control_free(Addr::of(at.cast_mut()), size_of::<Slab>()) };
            });
        }
    }
}

/// What a heap consists of. It stands in control memory, since roots point to it.
pub(super) struct Inner {
    pub m: P<Mpm>,
    pool: P<Pool>,
    strong: Places,
    weak: Places,
    /// Where threads meet, if there may be many.
    pub gate: Gate,
}

impl Inner {
    /// Runs `f` while no collection looks at roots and nobody else changes them.
    fn alone<R>(&self, shared: bool, f: impl FnOnce(&Inner) -> R) -> R {
        if shared {
            let _held = self.gate.enter_still(self.m);
            return f(self);
        }
        f(self)
    }
}

/// Managed objects: collected in steps, by generations, and moved. Those of one thread
/// ([`Heap::with`]), or of many ([`Heap::shared`]); then this is what one of them has.
///
/// # What keeps it safe
///
/// A [`Gc`] borrows the heap. Objects move, and are collected, only in functions that take the heap
/// as `&mut`: [`Heap::safepoint`] and [`Heap::collect`]. So the compiler sees to it that no `Gc`
/// lives across one of these; a [`Root`] does. The lifetime `'id` is another for each heap, so
/// that references of one are never put into another.
///
/// ```
/// use mps::{Field, Heap, Options, Trace, Tracer};
///
/// struct Cell<'id> {
///     value: u64,
///     next: Field<'id, Cell<'id>>,
/// }
/// // SAFETY: the only field is visited. (The feature `derive` writes this.)
/// unsafe impl Trace for Cell<'_> {
///     fn trace(&self, t: &mut Tracer<'_>) {
///         self.next.trace(t);
///     }
/// }
///
/// let sum = Heap::with(&Options::default(), |heap| {
///     let first = heap.alloc(Cell { value: 1, next: Field::null() })?;
///     let list = heap.root(first)?;
///     for value in 2..=1000 {
///         let cell = heap.alloc(Cell { value, next: Field::null() })?;
///         cell.set(|c| &c.next, Some(list.get(heap)));
///         list.set(cell);
///         heap.safepoint();
///     }
///     let mut sum = 0;
///     let mut at = Some(list.get(heap));
///     while let Some(cell) = at {
///         sum += cell.value;
///         at = cell.next.get(heap);
///     }
///     Ok::<_, mps::Res>(sum)
/// });
/// assert_eq!(sum, Ok(Ok(500_500)));
/// ```
pub struct Heap<'id, M: Mode = Local> {
    pub(super) inner: P<Inner>,
    ap: P<Buffer>,
    /// Memory has been asked for since the last safepoint.
    due: Cell<bool>,
    /// The thread, if there may be many.
    thread: Option<P<Thread>>,
    /// Of this heap alone, and of this thread.
    brand: PhantomData<(Cell<&'id ()>, *const M)>,
}

impl Heap<'_> {
    /// Makes a heap, calls `f` with it, and destroys it. Cost: some system calls, and the
    /// registers of three pages.
    ///
    /// # Errors
    /// Those of the system, when there is no memory for it. What `f` returns is inside.
    pub fn with<R>(options: &Options, f: impl for<'id> FnOnce(&mut Heap<'id>) -> R) -> Result<R> {
        let made = Made::new(options)?;
        let mut heap = Heap::new(made.inner, None)?;
        Ok(f(&mut heap))
    }

    /// Makes a heap for many threads and calls `f` with it; each thread that wants to use it calls
    /// [`Shared::enter`]. When `f` returns, the heap is destroyed.
    ///
    /// # What keeps it safe
    ///
    /// Objects move while no thread is in the heap but in functions that take its [`Heap`] as `&mut`:
    /// [`Heap::safepoint`], [`Heap::collect`] and [`Heap::blocking`]. Threads meet there, and one
    /// does the work. So no thread has a [`Gc`] then. The values of objects are `Sync`
    /// ([`Holds`]), since each thread that reaches one has it by reference; a [`Field`] is. What one thread
    /// writes into an object before it stores a reference to it, another that loads the
    /// reference sees.
    ///
    /// So each thread has to come to a safepoint every now and then, or be in
    /// [`Heap::blocking`]: the others wait for it, as soon as one wants to collect.
    ///
    /// ```
    /// use mps::{Field, Heap, Options, Trace};
    /// # use mps::Tracer;
    /// struct Cell<'id> {
    ///     value: u64,
    ///     next: Field<'id, Cell<'id>>,
    /// }
    /// # // SAFETY: the only field is visited.
    /// # unsafe impl Trace for Cell<'_> {
    /// #     fn trace(&self, t: &mut Tracer<'_>) { self.next.trace(t); }
    /// # }
    /// let sum = Heap::shared(&Options::default(), |shared| {
    ///     // An object with a place for each thread.
    ///     let table = shared.enter(|heap| {
    ///         heap.root(heap.alloc_array::<Cell<'_>>(4).unwrap()).unwrap()
    ///     }).unwrap();
    ///     std::thread::scope(|s| {
    ///         for i in 0..4 {
    ///             let table = &table;
    ///             s.spawn(move || shared.enter(|heap| {
    ///                 for value in 0..1000 {
    ///                     let cell = heap.alloc(Cell { value, next: Field::null() }).unwrap();
    ///                     let table = table.get(heap);
    ///                     cell.set(|c| &c.next, table.get(heap, i));
    ///                     table.put(i, Some(cell));
    ///                     heap.safepoint();
    ///                 }
    ///             }));
    ///         }
    ///     });
    ///     shared.enter(|heap| {
    ///         let mut sum = 0;
    ///         for i in 0..4 {
    ///             let mut at = table.get(heap).get(heap, i);
    ///             while let Some(cell) = at {
    ///                 sum += cell.value;
    ///                 at = cell.next.get(heap);
    ///             }
    ///         }
    ///         sum
    ///     }).unwrap()
    /// });
    /// assert_eq!(sum, Ok(4 * 499_500));
    /// ```
    ///
    /// # Errors
    /// As [`Heap::with`].
    pub fn shared<R>(options: &Options, f: impl for<'id> FnOnce(&Shared<'id>) -> R) -> Result<R> {
        let made = Made::new(options)?;
        Ok(f(&Shared { inner: made.inner, brand: PhantomData }))
    }
}

/// What there is of a heap, to be undone in the end.
struct Made {
    inner: P<Inner>,
    /// Dropped last.
    undo: Undo,
}

/// What a heap stands on.
struct Undo {
    m: P<Mpm>,
    format: Option<P<Format>>,
    pool: Option<P<Pool>>,
}

impl Drop for Undo {
    fn drop(&mut self) {
        let m = self.m;
        Mpm::enter(m, |e| {
            e.park();
            // SAFETY: nobody uses these any more.
            unsafe { self.pool.into_iter().for_each(|p| e.pool_destroy(p)) };
            if let Some(f) = self.format {
                e.formats.remove(f);
                // SAFETY: as above; no pool has it.
                unsafe { e.cx.arena.control_drop(f) };
            }
        });
        // SAFETY: nothing is left in it.
        unsafe { Mpm::destroy(m) };
    }
}

impl Made {
    fn new(options: &Options) -> Result<Made> {
        static CLASS: ClassHandle = ClassHandle::new(&AMC);
        let m = super::instance(options.limit, options.pause_time)?;
        // Whatever has been made so far is undone, should something be refused.
        let mut undo = Undo { m, format: None, pool: None };
        let format = Mpm::enter(m, |e| {
            e.clamp();
            e.message_enable(MessageType::Finalization);
            let f = e.cx.arena.control_new(Format::new(m.addr().0, methods()))?;
            e.formats.push_back(f);
            Ok::<_, Res>(f)
        })?;
        undo.format = Some(format);
        let pool = args::with(&[], |a| Mpm::enter(m, |e| e.new_pool(&CLASS, Some(format), a)))?;
        undo.pool = Some(pool);
        let inner = Inner {
            m,
            pool,
            strong: Places::new(Rank::Exact),
            weak: Places::new(Rank::Weak),
            gate: Gate::new(),
        };
        let inner = Mpm::enter(m, |e| e.cx.arena.control_new(inner))?;
        Ok(Made { inner, undo })
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        let m = self.undo.m;
        Mpm::enter(m, |e| e.park());
        self.inner.strong.finish(m);
        self.inner.weak.finish(m);
        // SAFETY: nobody uses it any more: roots and references have the brand, and are gone.
        Mpm::enter(m, |e| unsafe { e.cx.arena.control_drop(self.inner) });
    }
}

impl<M: Mode> Drop for Heap<'_, M> {
    fn drop(&mut self) {
        Mpm::enter(self.inner.m, |e| {
            // SAFETY: nobody else has it, and nothing is reserved on it; so below.
            unsafe { e.ap_destroy(self.ap) };
            // SAFETY: as above.
            unsafe { self.thread.into_iter().for_each(|t| e.thread_destroy(t)) };
        });
        if M::SHARED {
            self.inner.gate.leave();
        }
    }
}

impl<'id, M: Mode> Heap<'id, M> {
    /// What a thread needs to use a heap. If there may be many of them, it has gone through the gate.
    pub(super) fn new(inner: P<Inner>, thread: Option<P<Thread>>) -> Result<Self> {
        let (m, pool) = (inner.m, inner.pool);
        let ap = args::with(&[], |a| Mpm::enter(m, |e| e.new_ap(pool, a)))?;
        Ok(Heap { inner, ap, due: Cell::new(false), thread, brand: PhantomData })
    }

    /// A new object. Nothing is collected here. Cost: a dozen instructions, mostly.
    ///
    /// # Errors
    /// `Memory`, `CommitLimit` or `Resource`: there is no room. A [`Heap::collect`] may help.
    #[inline]
    pub fn alloc<T: Trace>(&self, value: T) -> Result<Gc<'_, 'id, T>>
    where
        M: Holds<T>,
    {
        self.alloc_of(Of::<T>::KIND, value)
    }

    /// A new object with a finalizer. When nothing refers to it any more but weak roots,
    /// [`Heap::run_finalizers`] calls [`Finalize::finalize`]. That may let other objects refer to it:
    /// it lives on then, and is not finalized again. What is alive when the heap is
    /// destroyed is not finalized. Cost: as `alloc`, the lock, and three words.
    ///
    /// # Errors
    /// As [`Heap::alloc`].
    pub fn alloc_final<T: Finalize<'id, M>>(&self, value: T) -> Result<Gc<'_, 'id, T>>
    where
        M: Holds<T>,
    {
        let object = self.alloc_of(Of::<T>::final_kind::<M>(), value)?;
        let at = Addr(object.head());
        // SAFETY: there it is.
        Mpm::enter(self.inner.m, |e| unsafe { e.finalize(&raw const at) })?;
        Ok(object)
    }

    /// Calls the finalizers of objects that a collection has found to be dead; how many.
    pub fn run_finalizers(&mut self) -> usize {
        let mut ran = 0;
        while let Some(head) = self.take_dead() {
            // SAFETY: an object of this heap, which stays while `self` is borrowed.
            unsafe { super::finalize::run(self, head) };
            ran += 1;
        }
        ran
    }

    /// The next of them.
    fn take_dead(&self) -> Option<NonNull<u8>> {
        Mpm::enter(self.inner.m, |e| {
            let message = e.messages.take(MessageType::Finalization)?;
            let mut at = Addr::NULL;
            // SAFETY: a message just taken, which is discarded once; nothing is collected before the
            // object has another reference.
            unsafe {
                e.message_ref(message, &raw mut at);
                e.message_discard(message);
            }
            NonNull::new(at.ptr())
        })
    }

    #[inline(always)]
    fn alloc_of<T>(&self, kind: &'static Kind, value: T) -> Result<Gc<'_, 'id, T>> {
        let head = self.reserve(kind, kind.fixed)?;
        // SAFETY: room for a `T` behind the head, aligned, nobody else's.
        unsafe { head.add(HEAD).ptr::<T>().write(value) };
        self.commit()?;
        // SAFETY: just made.
        Ok(unsafe { Gc::from_head(self, NonNull::new_unchecked(head.ptr())) })
    }

    /// A new array of references to nothing. Cost: as `alloc`, and a word for each.
    ///
    /// # Errors
    /// As [`Heap::alloc`].
    pub fn alloc_array<T>(&self, len: usize) -> Result<Gc<'_, 'id, Array<Field<'id, T>>>> {
        static KIND: Kind = Kind {
            fixed: HEAD + COUNT,
            element: size_of::<usize>(),
            trace: trace_references,
            finalize: None,
            tag: None,
        };
        // SAFETY: zeros are references to nothing.
        unsafe { self.alloc_elements(&KIND, len, |_| ()) }
    }

    /// A new array with copies of plain values. Cost: as `alloc`, and the copy.
    ///
    /// # Errors
    /// As [`Heap::alloc`].
    pub fn alloc_copy<T: Leaf + Copy>(&self, from: &[T]) -> Result<Gc<'_, 'id, Array<T>>>
    where
        M: Holds<T>,
    {
        let () = Of::<T>::ALIGNED;
        let kind = const {
            &Kind {
                fixed: HEAD + COUNT,
                element: size_of::<T>(),
                trace: trace_nothing,
                finalize: None,
                tag: T::ARRAY,
            }
        };
        // SAFETY: as many elements as are copied, aligned.
        unsafe {
            self.alloc_elements(kind, from.len(), |to| {
                core::ptr::copy_nonoverlapping(from.as_ptr(), to.cast::<T>(), from.len());
            })
        }
    }

    /// A new array with copies of plain values, which can be changed.
    ///
    /// # Errors
    /// As [`Heap::alloc`].
    pub fn alloc_cells(&self, from: &[u8]) -> Result<Gc<'_, 'id, Array<Cell<u8>>>>
    where
        M: Holds<Cell<u8>>,
    {
        static KIND: Kind = Kind {
            fixed: HEAD + COUNT,
            element: 1,
            trace: trace_nothing,
            finalize: None,
            tag: Some(super::value::CELLS_TAG),
        };
        // SAFETY: as many elements as are copied.
        unsafe {
            self.alloc_elements(&KIND, from.len(), |to| {
                core::ptr::copy_nonoverlapping(from.as_ptr(), to, from.len());
            })
        }
    }

    /// An array of slots that are nothing.
    pub(super) fn alloc_slots_empty(&self, len: usize) -> Result<Gc<'_, 'id, Array<Slot<'id>>>> {
        static KIND: Kind = Kind {
            fixed: HEAD + COUNT,
            element: size_of::<usize>(),
            trace: trace_slots,
            finalize: None,
            tag: Some(super::value::SLOTS_TAG),
        };
        // SAFETY: zeros are slots that are nothing.
        unsafe { self.alloc_elements(&KIND, len, |_| ()) }
    }

    /// # Safety
    /// After `fill` has written there, zeros before, the elements are those of an array of `T`.
    unsafe fn alloc_elements<T>(
        &self,
        kind: &'static Kind,
        len: usize,
        fill: impl FnOnce(*mut u8),
    ) -> Result<Gc<'_, 'id, Array<T>>> {
        let bytes = len.checked_mul(kind.element).and_then(|b| size_up_checked(b, ALIGN));
        // So much that addresses can be added to it.
        let bytes = bytes.filter(|b| *b < isize::MAX as usize / 2).ok_or(Res::Memory)?;
        let head = self.reserve(kind, kind.fixed + bytes)?;
        let at = head.add(HEAD);
        // SAFETY: reserved, nobody else's.
        unsafe {
            at.ptr::<usize>().write(len);
            at.add(COUNT).ptr::<u8>().write_bytes(0, bytes);
        }
        fill(at.add(COUNT).ptr());
        self.commit()?;
        // SAFETY: just made.
        Ok(unsafe { Gc::from_head(self, NonNull::new_unchecked(head.ptr())) })
    }

    /// Reserves an object of a kind, with its head.
    #[inline]
    fn reserve(&self, kind: &'static Kind, bytes: usize) -> Result<Addr> {
        let ap = self.ap;
        let (p, end) = (ap.init.get(), ap.init.get().0.wrapping_add(bytes));
        let p = if end > p.0 && end <= ap.limit.get().0 {
            ap.alloc.set(Addr(end));
            p
        } else {
            self.reserve_slowly(bytes)?
        };
        // SAFETY: reserved.
        unsafe { init(p, kind) };
        Ok(p)
    }

    #[cold]
    #[inline(never)]
    fn reserve_slowly(&self, bytes: usize) -> Result<Addr> {
        self.due.set(true);
        Mpm::enter(self.inner.m, |e| e.fill(self.ap, bytes))
    }

    /// What has been reserved is an object.
    #[inline]
    fn commit(&self) -> Result {
        let ap = self.ap;
        ap.init.set(ap.alloc.get());
        // No collection begins but in a safepoint, so it is always good.
        if !ap.limit.get().is_null() || Mpm::enter(self.inner.m, |_| buffer::trip(ap)) {
            return Ok(());
        }
        Err(Res::Fail)
    }

    /// A root: keeps an object alive across safepoints.
    ///
    /// # Errors
    /// `Memory`, `CommitLimit` or `Resource`: there is no room.
    pub fn root<T>(&self, object: Gc<'_, 'id, T>) -> Result<Root<'id, T, M>> {
        let at = object.head();
        let place = self.inner.alone(M::SHARED, |i| i.strong.take(i.m, at))?;
        Ok(Root(Place { place, inner: self.inner, brand: PhantomData }))
    }

    /// A weak root: refers to an object for as long as something else keeps that alive.
    ///
    /// # Errors
    /// As [`Heap::root`].
    pub fn weak<T>(&self, object: Gc<'_, 'id, T>) -> Result<WeakRoot<'id, T, M>> {
        let at = object.head();
        let place = self.inner.alone(M::SHARED, |i| i.weak.take(i.m, at))?;
        Ok(WeakRoot(Place { place, inner: self.inner, brand: PhantomData }))
    }

    /// Would [`Heap::safepoint`] do something? For a program that has to put its references away first.
    #[inline(always)]
    pub fn is_due(&self) -> bool {
        self.due.get() || (M::SHARED && self.inner.gate.is_wanted())
    }

    /// Lets the collector have its turn, for about the pause time at most. To be called often: in
    /// each round of an interpreter, say; between two calls the heap only grows. Cost: a load, if
    /// little has been allocated since the last call.
    #[inline]
    pub fn safepoint(&mut self) {
        if self.is_due() {
            self.poll();
        }
    }

    #[cold]
    #[inline(never)]
    fn poll(&mut self) {
        self.due.set(false);
        let m = self.inner.m;
        if M::SHARED {
            return self.inner.gate.meet(m, Wanted::Step);
        }
        gate::step(m);
    }

    /// Collects everything.
    pub fn collect(&mut self) {
        let m = self.inner.m;
        if M::SHARED {
            return self.inner.gate.meet(m, Wanted::All);
        }
        gate::collect(m);
    }

    /// How many collections have ended.
    pub fn collections(&self) -> usize {
        Mpm::enter(self.inner.m, |e| e.cx.stats.collections.get())
    }

    /// How many bytes have been taken for objects so far.
    pub fn allocated(&self) -> usize {
        let room = self.ap.limit.get().0.saturating_sub(self.ap.init.get().0);
        Mpm::enter_briefly(self.inner.m, |e| e.allocated.get()).wrapping_sub(room)
    }

    /// How much address space it has, in bytes.
    pub fn reserved(&self) -> usize {
        Mpm::enter_briefly(self.inner.m, |e| e.cx.arena.reserved.get())
    }

    /// How much memory is in use, in bytes.
    pub fn committed(&self) -> usize {
        Mpm::enter_briefly(self.inner.m, |e| e.cx.arena.committed.get())
    }
}

/// A managed object, for as long as nothing is collected. A copy is another name for the same
/// object.
pub struct Gc<'m, 'id, T> {
    at: NonNull<T>,
    brand: PhantomData<(&'m T, &'m &'id (), Cell<&'id ()>, Cell<*const T>)>,
}

impl<T> Clone for Gc<'_, '_, T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for Gc<'_, '_, T> {}

impl<T> Deref for Gc<'_, '_, T> {
    type Target = T;
    #[inline]
    fn deref(&self) -> &T {
        self.to_ref()
    }
}

impl<'m, 'id, T> Gc<'m, 'id, T> {
    /// # Safety
    /// A live `T` has its head there, in this heap, which is borrowed for `'m`.
    #[inline]
    pub(super) unsafe fn from_head<M: Mode>(_: &'m Heap<'id, M>, head: NonNull<u8>) -> Self {
        // SAFETY: the caller's.
        Gc { at: unsafe { head.add(HEAD) }.cast(), brand: PhantomData }
    }

    /// # Safety
    /// A live `T` is there, in a heap with this brand, which is borrowed for `'m`.
    #[inline(always)]
    pub(super) unsafe fn from_place(at: NonNull<T>) -> Self {
        Gc { at, brand: PhantomData }
    }

    /// Is there a part of the object?
    #[inline(always)]
    pub(super) fn has(self, place: usize) -> bool {
        place.wrapping_sub(self.at.as_ptr().addr()) < size_of::<T>()
    }

    #[inline(always)]
    pub(super) fn head(self) -> usize {
        self.at.as_ptr().expose_provenance() - HEAD
    }

    /// The object itself.
    #[inline]
    pub fn to_ref(self) -> &'m T {
        // SAFETY: a `T` is there. It neither moves nor dies while the heap is borrowed. What
        // changes in it is in cells; if a barrier is in the way, the collector makes way.
        unsafe { self.at.as_ref() }
    }

    /// Are the two the same object?
    pub fn is(self, other: Gc<'_, 'id, T>) -> bool {
        self.at == other.at
    }

    /// Changes a reference in the object. `field` shows which: it is given the object. If it
    /// gives back one that is not part of the object, that is a mistake, which is reported
    /// (`mps_lib_assert_fail`), and nothing is changed.
    #[inline]
    pub fn set<U>(self, field: impl FnOnce(&'m T) -> &'m Field<'id, U>, to: Option<Gc<'_, 'id, U>>)
    where
        U: 'm,
    {
        let f = field(self.to_ref());
        crate::aver_client!(self.has(f.place()), "field is part of the object", ());
        // SAFETY: it is in an object.
        unsafe { f.store(to.map_or(0, Gc::head)) };
    }
}

/// The elements of an array: see [`Heap::alloc_array`] and [`Heap::alloc_copy`].
#[repr(C, align(8))]
pub struct Array<T> {
    /// How many there are; they stand behind this.
    len: usize,
    of: PhantomData<Cell<T>>,
}

impl<'m, T> Gc<'m, '_, Array<T>> {
    /// The elements.
    #[inline]
    pub fn elements(self) -> &'m [T] {
        let at: *const Array<T> = self.at.as_ptr();
        // SAFETY: as many follow; see `to_ref`.
        unsafe { core::slice::from_raw_parts(at.cast::<u8>().add(COUNT).cast(), (*at).len) }
    }
}

impl<'m, 'id, T> Gc<'m, 'id, Array<Field<'id, T>>> {
    /// Element `i`, if there is one and it refers to something.
    #[inline]
    pub fn get<M: Mode>(self, heap: &'m Heap<'id, M>, i: usize) -> Option<Gc<'m, 'id, T>> {
        self.elements().get(i)?.get(heap)
    }

    /// Changes element `i`. False: there is none.
    #[inline]
    pub fn put(self, i: usize, to: Option<Gc<'_, 'id, T>>) -> bool {
        let Some(f) = self.elements().get(i) else { return false };
        // SAFETY: it is in an object.
        unsafe { f.store(to.map_or(0, Gc::head)) };
        true
    }
}

impl<'m, 'id> Gc<'m, 'id, Array<Slot<'id>>> {
    /// Value `i`, if there is one.
    #[inline(always)]
    pub fn get<M: Mode>(self, heap: &'m Heap<'id, M>, i: usize) -> Option<Value<'m, 'id>> {
        Some(self.elements().get(i)?.get(heap))
    }

    /// Changes value `i`. False: there is none.
    #[inline(always)]
    pub fn write_at(self, i: usize, to: Value<'_, 'id>) -> bool {
        let Some(s) = self.elements().get(i) else { return false };
        // SAFETY: it is in an object.
        unsafe { s.store(to.word()) };
        true
    }
}

/// A place of a root, with what it belongs to.
struct Place<'id, T, M> {
    place: *const Cell<usize>,
    inner: P<Inner>,
    brand: PhantomData<(Cell<&'id ()>, Cell<*const T>, *const M)>,
}

impl<'id, T, M: Mode> Place<'id, T, M> {
    #[inline]
    fn get<'m>(&self, heap: &'m Heap<'id, M>) -> Option<Gc<'m, 'id, T>> {
        // SAFETY: the place stays as long as the heap, which the brand says is this one.
        let at = word(unsafe { &*self.place }).load(Ordering::Acquire);
        // SAFETY: the collector keeps it up to date.
        Some(unsafe { Gc::from_head(heap, NonNull::new(Addr(at).ptr::<u8>())?) })
    }

    #[inline]
    fn set(&self, object: Gc<'_, 'id, T>) {
        // SAFETY: as above. The object is borrowed, so nothing is collected.
        word(unsafe { &*self.place }).store(object.head(), Ordering::Release);
    }
}

/// Keeps an object alive, wherever it moves. Made by [`Heap::root`].
pub struct Root<'id, T, M: Mode = Local>(Place<'id, T, M>);

// SAFETY: the place is read and written as an atomic, and given back while nothing is collected; the
// object is `Sync` ([`Holds`]). To get at it takes the thread's own `Heap`.
unsafe impl<T> Send for Root<'_, T, Threads> {}
// SAFETY: as above.
unsafe impl<T> Sync for Root<'_, T, Threads> {}

impl<'id, T, M: Mode> Root<'id, T, M> {
    /// The object.
    #[inline]
    pub fn get<'m>(&self, heap: &'m Heap<'id, M>) -> Gc<'m, 'id, T> {
        match self.0.get(heap) {
            Some(o) => o,
            // It has been given one, and keeps it.
            None => crate::base::check::stop(),
        }
    }

    /// Keeps another object instead.
    #[inline]
    pub fn set(&self, object: Gc<'_, 'id, T>) {
        self.0.set(object);
    }
}

impl<T, M: Mode> Drop for Root<'_, T, M> {
    fn drop(&mut self) {
        self.0.inner.alone(M::SHARED, |i| i.strong.give(self.0.place));
    }
}

/// Refers to an object and does not keep it alive. Made by [`Heap::weak`].
pub struct WeakRoot<'id, T, M: Mode = Local>(Place<'id, T, M>);

// SAFETY: as of a `Root`.
unsafe impl<T> Send for WeakRoot<'_, T, Threads> {}
// SAFETY: as above.
unsafe impl<T> Sync for WeakRoot<'_, T, Threads> {}

impl<'id, T, M: Mode> WeakRoot<'id, T, M> {
    /// The object, if it has not been collected.
    pub fn get<'m>(&self, heap: &'m Heap<'id, M>) -> Option<Gc<'m, 'id, T>> {
        self.0.get(heap)
    }

    /// Refers to another object instead.
    pub fn set(&self, object: Gc<'_, 'id, T>) {
        self.0.set(object);
    }
}

impl<T, M: Mode> Drop for WeakRoot<'_, T, M> {
    fn drop(&mut self) {
        self.0.inner.alone(M::SHARED, |i| i.weak.give(self.0.place));
    }
}
