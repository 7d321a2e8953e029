//! Running models, and the words and cells that take part in them.

use crate::base::ptr::P;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// Where the fence of a sequentially consistent access is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fences {
    /// Before it.
    Before,
    /// After it.
    After,
}

/// What is made weaker than the library's files say.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Weak {
    /// Nothing.
    None,
    /// `SeqCst` is acquire and release: of all accesses,
    SeqCst,
    /// of loads,
    SeqCstLoad,
    /// of stores,
    SeqCstStore,
    /// of read-modify-writes.
    SeqCstUpdate,
    /// Every store is relaxed.
    Store,
    /// Acquire is relaxed, but for what is `SeqCst`.
    Acquire,
    /// Release is relaxed, but for what is `SeqCst`.
    Release,
}

std::thread_local! {
    /// The number of the order that is being tried; 0 outside of a model.
    static RUN: Cell<usize> = const { Cell::new(0) };
    static FENCES: Cell<Fences> = const { Cell::new(Fences::Before) };
    static WEAK: Cell<Weak> = const { Cell::new(Weak::None) };
    /// Memory that was given back: from, to, and in which order.
    static FREED: Cell<(usize, usize, usize)> = const { Cell::new((0, 0, 0)) };
    static PLACE: Cell<&'static str> = const { Cell::new("") };
    /// loom's threads and the numbers that [`i_am`] gave them.
    static WHO: RefCell<HashMap<loom::thread::ThreadId, usize>> = RefCell::default();
    static ALONE: Cell<usize> = const { Cell::new(1) };
    /// Accesses left until the handler runs.
    static LEFT: Cell<usize> = const { Cell::new(usize::MAX) };
    static OFF: Cell<usize> = const { Cell::new(0) };
    static ALSO: Cell<Option<(usize, &'static dyn Fn())>> = const { Cell::new(None) };
    static HANDLER: Cell<Option<&'static dyn Fn()>> = const { Cell::new(None) };
}

/// Tries `f` in all orders with so many interruptions at most, if `LOOM_MAX_PREEMPTIONS`
/// does not say how many. `f` starts threads with loom's `spawn` and waits for their end. Returns how many
/// orders there were.
pub fn model(most: usize, fences: Fences, f: impl Fn() + Send + Sync + 'static) -> usize {
    let mut b = loom::model::Builder::new();
    b.preemption_bound =
        Some(std::env::var("LOOM_MAX_PREEMPTIONS").map_or(most, |n| n.parse().unwrap()));
    b.max_branches = 2_000;
    FENCES.set(fences);
    // One at a time, as the library's static words are there once.
    static TURN: Mutex<()> = Mutex::new(());
    static RUNS: AtomicUsize = AtomicUsize::new(0);
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let before = RUNS.load(Ordering::Relaxed);
    b.check(move || {
        RUN.set(RUNS.fetch_add(1, Ordering::Relaxed) + 1);
        WHO.with_borrow_mut(HashMap::clear);
        f();
    });
    RUN.set(0);
    let orders = RUNS.load(Ordering::Relaxed) - before;
    println!("{orders} orders");
    orders
}

/// Is the calling thread part of a model?
pub fn in_model() -> bool {
    RUN.get() != 0
}

/// From here on, on this thread of the system's, something is weaker.
pub fn weakly(what: Weak) {
    WEAK.set(what);
}

/// From here on the place of that name in the library's files is weakened (`build.rs`).
pub fn weaken(place: &'static str) {
    PLACE.set(place);
}

/// This memory is given back: whoever uses a word in it fails the model. One in a model.
pub fn given_back<T>(t: &T) {
    let at = std::ptr::from_ref(t).addr();
    FREED.set((at, at + size_of::<T>(), RUN.get()));
}

/// Is it?
pub fn weak(place: &str) -> bool {
    PLACE.get() == place
}

/// The calling thread of a model has this number, not 0.
pub fn i_am(n: usize) {
    if RUN.get() == 0 {
        return ALONE.set(n);
    }
    let id = loom::thread::current().id();
    WHO.with_borrow_mut(|w| w.insert(id, n));
}

/// The number of the calling thread; 1 if it was given none.
pub fn me() -> usize {
    if RUN.get() == 0 {
        return ALONE.get();
    }
    let id = loom::thread::current().id();
    WHO.with_borrow(|w| w.get(&id).copied().unwrap_or(1))
}

/// A pointer that goes with the closure of a thread.
pub struct Shared<T>(pub P<T>);

impl<T> Shared<T> {
    /// Makes one for good. (Orders are many, but what they leave is small.)
    pub fn new(t: T) -> Shared<T> {
        let p = std::ptr::NonNull::from(Box::leak(Box::new(t)));
        // SAFETY: it stays for good.
        Shared(unsafe { P::new(p) })
    }

    /// The pointer. (A closure that names the field would take only that along.)
    pub fn p(&self) -> P<T> {
        self.0
    }
}
impl<T> Clone for Shared<T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for Shared<T> {}
// SAFETY: loom runs one thread at a time, all on one thread of the system's.
unsafe impl<T> Send for Shared<T> {}
// SAFETY: as above.
unsafe impl<T> Sync for Shared<T> {}
impl<T> std::ops::Deref for Shared<T> {
    type Target = T;
    fn deref(&self) -> &T {
        self.0.get()
    }
}

// --- Handlers -------------------------------------------------------------

/// Runs `body`, with `handler` run once before the nth access to any word or cell, for
/// each n there is, from 1 on, and at last not at all. How many times that was.
pub fn at_each_step(handler: impl Fn() + 'static, mut body: impl FnMut()) -> usize {
    HANDLER.set(Some(Box::leak(Box::new(handler))));
    for n in 1.. {
        LEFT.set(n);
        ALSO.set(None);
        body();
        let left = LEFT.replace(usize::MAX);
        if left != 0 && left != usize::MAX {
            return n; // It did not come to be run.
        }
    }
    unreachable!()
}

/// Within that: runs `also` once before the access numbered `n`, as well.
pub fn at_step(n: usize, also: impl Fn() + 'static) {
    ALSO.set(Some((n, Box::leak(Box::new(also)))));
}

/// An access is about to be made: is it time for a handler?
pub fn step() {
    if RUN.get() != 0 || LEFT.get() == usize::MAX || OFF.get() != 0 {
        return;
    }
    if let Some((n, also)) = ALSO.get() {
        ALSO.set(n.checked_sub(1).map(|n| (n, also)));
        if n == 0 {
            also();
        }
    }
    if LEFT.get() != 0 {
        LEFT.set(LEFT.get() - 1);
        if LEFT.get() == 0 {
            if let Some(h) = HANDLER.get() {
                h();
            }
        }
    }
}

/// Runs `f` with no handler meanwhile: signals are blocked, or this is the model's own
/// look at the library's words.
pub fn steps_off<R>(f: impl FnOnce() -> R) -> R {
    OFF.set(OFF.get() + 1);
    let r = f();
    OFF.set(OFF.get() - 1);
    r
}

// --- Words and cells ------------------------------------------------------

/// What a run has made of a word or cell: the number of the run, and loom's part.
#[repr(C)]
struct Made<T: 'static> {
    run: Cell<usize>,
    part: Cell<Option<&'static T>>,
}

impl<T> Made<T> {
    const fn new() -> Made<T> {
        Made { run: Cell::new(0), part: Cell::new(None) }
    }

    /// loom's part, within a model. Made when it is first used: so words can be static,
    /// or all zeros.
    fn get(&self, make: impl FnOnce() -> T) -> Option<&'static T> {
        let run = RUN.get();
        if run == 0 || std::thread::panicking() {
            return None;
        }
        if self.run.replace(run) != run {
            self.part.set(Some(Box::leak(Box::new(make()))));
        }
        self.part.get()
    }
}

/// What sees two threads at once.
pub(crate) struct Watch(Made<loom::cell::UnsafeCell<()>>);

impl Watch {
    pub(crate) const fn new() -> Watch {
        Watch(Made::new())
    }

    fn part(&self) -> Option<&'static loom::cell::UnsafeCell<()>> {
        self.0.get(|| loom::cell::UnsafeCell::new(()))
    }

    pub(crate) fn read(&self) {
        if let Some(p) = self.part() {
            p.with(|_| ());
        }
    }

    pub(crate) fn write(&self) {
        if let Some(p) = self.part() {
            p.with_mut(|_| ());
        }
    }
}

/// The word of an atomic.
#[repr(C)]
pub(crate) struct Word {
    /// Its first value; outside of models, its value.
    value: Cell<usize>,
    made: Made<loom::sync::atomic::AtomicUsize>,
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Load,
    Store,
    Update,
}

/// The ordering that loom is told, and whether there is a fence.
fn ordering(o: Ordering, kind: Kind) -> (Ordering, bool) {
    use Ordering::{AcqRel, Acquire, Relaxed, Release, SeqCst};
    let weak = WEAK.get();
    let plain = match kind {
        Kind::Load => Acquire,
        Kind::Store => Release,
        Kind::Update => AcqRel,
    };
    let loses = match weak {
        Weak::SeqCst => true,
        Weak::SeqCstLoad => kind == Kind::Load,
        Weak::SeqCstStore => kind == Kind::Store,
        Weak::SeqCstUpdate => kind == Kind::Update,
        _ => false,
    };
    if weak == Weak::Store && kind == Kind::Store {
        return (Relaxed, false);
    }
    let fence = o == SeqCst && !loses;
    if o == SeqCst {
        return (plain, fence);
    }
    let o = match (weak, o) {
        (Weak::Acquire, Acquire) | (Weak::Release, Release) => Relaxed,
        (Weak::Acquire, AcqRel) => Release,
        (Weak::Release, AcqRel) => Acquire,
        _ => o,
    };
    (o, fence)
}

fn access<R>(o: Ordering, kind: Kind, f: impl FnOnce(Ordering) -> R) -> R {
    let (o, fence) = ordering(o, kind);
    let put = |side| {
        if fence && FENCES.get() == side {
            loom::sync::atomic::fence(Ordering::SeqCst);
        }
    };
    put(Fences::Before);
    let r = f(o);
    put(Fences::After);
    r
}

impl Word {
    pub(crate) const fn new(v: usize) -> Word {
        Word { value: Cell::new(v), made: Made::new() }
    }

    fn part(&self) -> Option<&'static loom::sync::atomic::AtomicUsize> {
        step();
        let (from, to, run) = FREED.get();
        let here = std::ptr::from_ref(self).addr();
        if run != 0 && run == RUN.get() && !std::thread::panicking() {
            assert!(here < from || here >= to, "memory is used that was given back");
        }
        self.made.get(|| loom::sync::atomic::AtomicUsize::new(self.value.get()))
    }

    pub(crate) fn load(&self, o: Ordering) -> usize {
        match self.part() {
            Some(a) => access(o, Kind::Load, |o| a.load(o)),
            None => self.value.get(),
        }
    }

    pub(crate) fn store(&self, v: usize, o: Ordering) {
        match self.part() {
            Some(a) => access(o, Kind::Store, |o| a.store(v, o)),
            None => self.value.set(v),
        }
    }

    pub(crate) fn swap(&self, v: usize, o: Ordering) -> usize {
        match self.part() {
            Some(a) => access(o, Kind::Update, |o| a.swap(v, o)),
            None => self.value.replace(v),
        }
    }

    pub(crate) fn fetch_add(&self, n: usize, o: Ordering) -> usize {
        match self.part() {
            Some(a) => access(o, Kind::Update, |o| a.fetch_add(n, o)),
            None => self.value.replace(self.value.get().wrapping_add(n)),
        }
    }

    pub(crate) fn fetch_sub(&self, n: usize, o: Ordering) -> usize {
        match self.part() {
            Some(a) => access(o, Kind::Update, |o| a.fetch_sub(n, o)),
            None => self.value.replace(self.value.get().wrapping_sub(n)),
        }
    }

    pub(crate) fn fetch_or(&self, n: usize, o: Ordering) -> usize {
        match self.part() {
            Some(a) => access(o, Kind::Update, |o| a.fetch_or(n, o)),
            None => self.value.replace(self.value.get() | n),
        }
    }

    pub(crate) fn compare_exchange(
        &self,
        from: usize,
        to: usize,
        good: Ordering,
        bad: Ordering,
    ) -> Result<usize, usize> {
        match self.part() {
            Some(a) => {
                let (bad, _) = ordering(bad, Kind::Load);
                access(good, Kind::Update, |o| a.compare_exchange(from, to, o, bad))
            }
            None if self.value.get() == from => Ok(self.value.replace(to)),
            None => Err(self.value.get()),
        }
    }
}

// --- What must fail -------------------------------------------------------

/// Set in the process that runs what must fail.
const CHILD: &str = "MODELS_CHILD";

/// Runs `f`, which must fail and say `why` (one of these), as a process of its own: a panic where
/// a handler of C's or a destructor is on the stack ends the process. `test` is the
/// path of the calling test.
pub fn must_fail(test: &str, why: &[&str], f: impl FnOnce()) {
    if std::env::var(CHILD).is_ok_and(|c| c == test) {
        return f();
    }
    let name = test.split_once("::").map_or(test, |(_, name)| name);
    let exe = std::env::current_exe().expect("the test knows where it is");
    let out = Command::new(exe)
        .args([name, "--exact", "--nocapture", "--test-threads=1"])
        .env(CHILD, test)
        .output()
        .expect("the test can be started again");
    let said = String::from_utf8_lossy(&out.stdout) + String::from_utf8_lossy(&out.stderr);
    let seen = why.iter().any(|w| said.contains(w));
    assert!(said.contains("running 1 test"), "{name} is one test:\n{said}");
    assert!(!out.status.success() && seen, "not caught, or not for {why:?}:\n{said}");
}

/// A test that must fail, and says why: `weakened! { name, "words of the failure" => body }`.
#[macro_export]
macro_rules! weakened {
    ($(#[doc = $doc:literal])* $name:ident, $($why:literal)|+ => $body:block) => {
        $(#[doc = $doc])*
        #[test]
        fn $name() {
            $crate::must_fail(
                concat!(module_path!(), "::", stringify!($name)),
                &[$($why),+],
                || $body,
            );
        }
    };
}
