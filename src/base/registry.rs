//! A list that anyone may read at any moment without a lock: in a signal's handler,
//! or a thread that is stopped half way.
//!
//! Those who add and remove have a lock among them. Who reads counts as a reader
//! meanwhile, and who removes waits until there is none: from then on nobody can be
//! looking at what was removed.
//!
//! The reader counts itself and then reads a link; the remover writes that link and
//! then reads the count. If each could miss what the other has done, the reader would
//! walk onto what is going. So these four are sequentially consistent: with release and
//! acquire a processor may let a load pass the store before it. (Dekker's pattern;
//! `tests/models` tries all orders.)

use super::ptr::P;
use core::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

/// What is in such a list: it has the link to the next.
pub trait Listed: Sized {
    /// That link; null for the last. Touched by the list only.
    fn next(&self) -> &AtomicPtr<Self>;
}

/// A list that anyone may read at any moment without a lock.
pub struct Registry<T: Listed> {
    head: AtomicPtr<T>,
    readers: AtomicUsize,
}

impl<T: Listed> Registry<T> {
    /// An empty list.
    pub const fn new() -> Registry<T> {
        Registry { head: AtomicPtr::new(core::ptr::null_mut()), readers: AtomicUsize::new(0) }
    }

    /// Adds one in front. The caller has the writers' lock.
    pub fn add(&self, t: P<T>) {
        t.get().next().store(self.head.load(Ordering::Relaxed), Ordering::Relaxed);
        // What it is made of is seen by who sees it.
        self.head.store(t.as_ptr(), Ordering::SeqCst);
    }

    /// Takes one out, and waits until nobody can be looking at it. `relax` is called
    /// while waiting, with a number that goes up from 0. The caller has the writers'
    /// lock, and nothing that a reader may wait for.
    pub fn remove(&self, t: P<T>, mut relax: impl FnMut(u32)) {
        let mut at = &self.head;
        // SAFETY: what is in the list is alive; only we take anything out.
        while let Some(i) = unsafe { P::from_raw(at.load(Ordering::Relaxed)) } {
            if i == t {
                at.store(t.get().next().load(Ordering::Relaxed), Ordering::SeqCst);
                break;
            }
            at = i.get().next();
        }
        let mut round = 0u32;
        while self.readers.load(Ordering::SeqCst) != 0 {
            relax(round);
            round = round.saturating_add(1);
        }
    }

    /// Calls `f` with each, until it says true; did it? Any thread, any time: what is
    /// in the list stays meanwhile.
    pub fn read(&self, f: impl FnMut(P<T>) -> bool) -> bool {
        self.readers.fetch_add(1, Ordering::SeqCst);
        // SAFETY: we count as a reader.
        let found = unsafe { self.each(f) };
        self.readers.fetch_sub(1, Ordering::Release);
        found
    }

    /// The same without counting as a reader.
    ///
    /// # Safety
    /// The caller has the writers' lock, or counts as a reader.
    pub unsafe fn each(&self, mut f: impl FnMut(P<T>) -> bool) -> bool {
        let mut at = self.head.load(Ordering::SeqCst);
        // SAFETY: what is in the list is alive, by the caller's promise.
        while let Some(i) = unsafe { P::from_raw(at) } {
            if f(i) {
                return true;
            }
            at = i.get().next().load(Ordering::SeqCst);
        }
        false
    }

    /// In the child of a fork: whoever was reading is in no process any more.
    pub fn forget_readers(&self) {
        self.readers.store(0, Ordering::Relaxed);
    }
}

impl<T: Listed> Default for Registry<T> {
    fn default() -> Self {
        Registry::new()
    }
}
