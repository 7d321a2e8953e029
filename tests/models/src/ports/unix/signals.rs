//! In place of `ports/unix/signals.rs`: signals that wait for the thread they are sent
//! to, which takes them when the model says. A thread is its number, 1 to 4; so is its
//! number for the system.

use super::sys::{Handler, SigInfo};
use crate::base::res::Result;
use crate::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use loom::sync::Notify;
use std::cell::{Cell as Plain, RefCell};
use std::ffi::{c_int, c_void};

pub fn suspend() -> c_int {
    1
}
pub fn resume() -> c_int {
    2
}
pub fn id() -> usize {
    crate::me()
}
pub fn tid() -> usize {
    crate::me()
}

/// Signals under way, of two kinds to four threads. A second of a kind is none more, as
/// with the system's.
static PENDING: [[AtomicBool; 2]; 5] = [const { [const { AtomicBool::new(false) }; 2] }; 5];

std::thread_local! {
    /// What a thread sleeps on that waits for a signal, in the same places.
    static SLEEP: RefCell<Vec<[&'static Notify; 2]>> = const { RefCell::new(Vec::new()) };
}

fn sleep(to: usize, sig: c_int) -> &'static Notify {
    SLEEP.with_borrow(|s| s[to][sig as usize - 1])
}

fn pending(to: usize, sig: c_int) -> &'static AtomicBool {
    &PENDING[to][sig as usize - 1]
}

pub fn send(to: usize, sig: c_int) -> bool {
    if sig != 0 {
        // Not a store: loom does not know which of a store and a swap comes first.
        pending(to, sig).swap(true, Ordering::SeqCst);
        sleep(to, sig).notify();
    }
    true
}

/// Sleeps until the calling thread has such a signal, and takes it.
fn wait_for(sig: c_int) {
    let me = crate::me();
    while !pending(me, sig).swap(false, Ordering::SeqCst) {
        sleep(me, sig).wait();
    }
}

pub fn relax(_round: u32) {
    loom::thread::yield_now();
}

std::thread_local!(static HANDLER: Plain<Option<Handler>> = const { Plain::new(None) });

pub fn install_once(on_suspend: Handler, _on_resume: Handler) -> Result {
    HANDLER.set(Some(on_suspend));
    Ok(())
}

pub fn unblock_suspend() {}

/// The resume signal is blocked: it is taken here.
pub fn sleep_until_resume() {
    wait_for(resume());
}

/// Signals that were not ours.
pub static STRAY: AtomicUsize = AtomicUsize::new(0);

pub struct PassOn;
impl PassOn {
    /// # Safety
    /// None is needed.
    pub unsafe fn pass_on(&self, _sig: c_int, _info: *mut SigInfo, _u: *mut c_void) -> bool {
        STRAY.fetch_add(1, Ordering::Relaxed);
        true
    }
}
pub static BEFORE_SUSPEND: PassOn = PassOn;
pub static BEFORE_RESUME: PassOn = PassOn;

/// In the model: what must be there before threads start. (A word is made when it is first
/// used, and a second thread must know of that.)
pub fn begin() {
    let two = |_| [Notify::new(), Notify::new()].map(|n| &*Box::leak(Box::new(n)));
    SLEEP.set((0..5).map(two).collect());
    for to in 1..5 {
        pending(to, suspend()).store(false, Ordering::Relaxed);
        pending(to, resume()).store(false, Ordering::Relaxed);
    }
    STRAY.store(0, Ordering::Relaxed);
}

/// In the model: the calling thread takes a suspend signal, and waits for it.
pub fn take_suspend(ucontext: *mut c_void) {
    wait_for(suspend());
    deliver(ucontext);
}

/// In the model: the handler runs, as if the signal had come from anywhere.
pub fn deliver(ucontext: *mut c_void) {
    if let Some(h) = HANDLER.get() {
        let mut info = SigInfo { code: super::sys::CODE_TO_THREAD };
        // SAFETY: as the system would.
        unsafe { h(suspend(), &mut info, ucontext) };
    }
}
