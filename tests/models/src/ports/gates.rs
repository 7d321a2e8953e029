//! A port whose threads stop where the model says: at [`Gates::pass`], and wherever they
//! wait for something. It stands for signals, which stop a thread anywhere. One batch in a model.

use crate::base::addr::{Addr, Size};
use crate::base::res::{Res, Result};
use crate::seam::port::{Caps, Port, ThreadSlot};
use crate::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::cell::Cell as Plain;

#[derive(Default)]
struct Gate {
    asked: AtomicBool,
    stopped: AtomicBool,
}

/// See the module. Threads are 1 to 5.
#[derive(Default)]
pub struct Gates {
    gates: [Gate; 6],
    batch: AtomicBool,
    /// Threads stopped just now.
    pub stopped: AtomicUsize,
    /// Run before threads go on; the model's check.
    pub before_resume: Plain<Option<&'static dyn Fn()>>,
}

// SAFETY: loom runs one thread at a time; elsewhere there is one only.
unsafe impl Sync for Gates {}

impl Gates {
    /// One for good.
    pub fn new() -> &'static Gates {
        let g: &'static Gates = Box::leak(Box::default());
        for gate in &g.gates {
            gate.asked.store(false, Ordering::Relaxed);
            gate.stopped.store(false, Ordering::Relaxed);
        }
        g.batch.store(false, Ordering::Relaxed);
        g.stopped.store(0, Ordering::Relaxed);
        g
    }

    /// The calling thread may be stopped here.
    pub fn pass(&self) {
        let gate = &self.gates[crate::me()];
        if gate.asked.load(Ordering::Acquire) {
            gate.stopped.store(true, Ordering::Release);
            while gate.asked.load(Ordering::Acquire) {
                loom::thread::yield_now();
            }
        }
    }

    /// The calling thread ends: it is in nobody's way any more.
    pub fn end(&self) {
        self.gates[crate::me()].stopped.store(true, Ordering::Release);
    }

    fn of(slot: &ThreadSlot) -> usize {
        slot.words[0].get()
    }

    /// Is no batch running?
    pub fn is_quiet(&self) -> bool {
        !self.batch.load(Ordering::Acquire)
    }
}

// SAFETY: there is no memory here, and threads stand still as long as they should.
unsafe impl Port for Gates {
    fn capabilities(&self) -> Caps {
        Caps::THREADS
    }
    fn page_size(&self) -> Size {
        4096
    }
    fn reserve(&self, _size: Size, _align: Size) -> Result<Addr> {
        Err(Res::Unimpl)
    }
    fn release(&self, _base: Addr, _size: Size) {}
    fn map(&self, _base: Addr, _size: Size) -> Result {
        Err(Res::Unimpl)
    }
    fn unmap(&self, _base: Addr, _size: Size) {}

    fn thread_id(&self) -> usize {
        crate::me()
    }
    unsafe fn thread_register(&self, slot: &ThreadSlot) -> Result {
        slot.words[0].set(crate::me());
        Ok(())
    }
    fn quietly(&self, f: &mut dyn FnMut()) {
        crate::steps_off(f);
    }
    fn stop_begin(&self) {
        while self.batch.swap(true, Ordering::Acquire) {
            self.relax(0);
        }
    }
    unsafe fn thread_stop(&self, slot: &ThreadSlot) -> Result {
        self.stopped.fetch_add(1, Ordering::Relaxed);
        self.gates[Gates::of(slot)].asked.store(true, Ordering::Release);
        Ok(())
    }
    unsafe fn thread_wait(&self, slot: &ThreadSlot) -> Result {
        // Outside of models there is no other thread that runs.
        let gate = &self.gates[Gates::of(slot)];
        while crate::in_model() && !gate.stopped.load(Ordering::Acquire) {
            loom::thread::yield_now();
        }
        Ok(())
    }
    unsafe fn thread_resume(&self, slot: &ThreadSlot) {
        if let Some(check) = self.before_resume.get() {
            check();
        }
        self.stopped.fetch_sub(1, Ordering::Relaxed);
        let gate = &self.gates[Gates::of(slot)];
        gate.asked.store(false, Ordering::Release);
    }
    fn stop_end(&self) {
        self.batch.store(false, Ordering::Release);
    }
    fn relax(&self, _round: u32) {
        assert!(crate::in_model(), "the one thread there is waits for itself");
        self.pass();
        loom::thread::yield_now();
    }
}
