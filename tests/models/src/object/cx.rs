//! In place of `src/object/cx.rs`: the parts that entering, leaving and locking use.

use crate::arena::Arena;
use crate::base::ptr::P;
use crate::base::sets::TraceSet;
use crate::cell::Cell;
use crate::object::seg::Page;
use crate::seam::port::Port;
use crate::shield::Peeks;
use crate::shield::threads::Threads;
use crate::sync::atomic::{AtomicUsize, Ordering};

pub struct Cx {
    pub arena: Arena,
    pub lock: AtomicUsize,
    pub threads: Threads,
    pub flipped: Cell<TraceSet>,
    pub shields: Cell<bool>,
    pub peeks: Peeks,
    /// All the managed memory there is.
    pub pages: [Page; 2],
}

impl Cx {
    pub fn new(port: &'static dyn Port) -> Cx {
        Cx {
            arena: Arena { port },
            lock: AtomicUsize::new(0),
            threads: Threads::default(),
            flipped: Cell::new(TraceSet::EMPTY),
            shields: Cell::new(true),
            peeks: Peeks::default(),
            pages: Default::default(),
        }
    }

    pub fn can_shield(&self) -> bool {
        self.shields.get()
    }

    pub fn is_inside(&self) -> bool {
        self.lock.load(Ordering::Relaxed) == self.arena.port.thread_id()
    }

    pub fn hold(&self) {
        if !self.threads.is_held() {
            self.threads.hold(self.arena.port);
        }
    }
}

#[derive(Clone, Copy)]
pub struct Inside<'a>(&'a Cx);

impl<'a> Inside<'a> {
    /// # Safety
    /// The calling thread has the lock of the instance.
    pub unsafe fn new(cx: &'a Cx) -> Inside<'a> {
        Inside(cx)
    }

    pub fn cx(self) -> &'a Cx {
        self.0
    }

    pub fn p(self) -> P<Cx> {
        // SAFETY: it stays where it is.
        unsafe { P::new(std::ptr::NonNull::from(self.0)) }
    }
}

impl std::ops::Deref for Inside<'_> {
    type Target = Cx;
    fn deref(&self) -> &Cx {
        self.0
    }
}
