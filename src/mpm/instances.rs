//! All instances, and what concerns them together: faults and forks.
//!
//! The list is read without a lock (a fault may come at any moment, and a
//! thread may be held while reading); `READERS` keeps a destroyer waiting.
//! Lock order: the list's, then an instance's.

use super::{Mpm, pause};
use crate::base::addr::Addr;
use crate::base::ptr::P;
use crate::object::buffer;
use crate::seam::port::{Caps, ForkHooks, Port};
use crate::seam::{event, plinth};
use crate::trace::barrier;
use core::cell::UnsafeCell;
use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicUsize, Ordering};
use spin::mutex::SpinMutex;

static HEAD: AtomicPtr<Mpm> = AtomicPtr::new(core::ptr::null_mut());
static READERS: AtomicUsize = AtomicUsize::new(0);
static CHANGE: SpinMutex<()> = SpinMutex::new(());
static PORT: ThePort =
    ThePort { known: AtomicBool::new(false), port: UnsafeCell::new(None) };

/// The port that tells threads apart and waits for all instances: the first
/// instance's. (`spin::Once` would do, but can panic.)
struct ThePort {
    known: AtomicBool,
    port: UnsafeCell<Option<&'static dyn Port>>,
}
// SAFETY: written once, under `CHANGE`, before `known` says so.
unsafe impl Sync for ThePort {}

impl ThePort {
    #[inline]
    fn get(&self) -> Option<&'static dyn Port> {
        // SAFETY: known, so written and never to be written again.
        if self.known.load(Ordering::Acquire) { unsafe { *self.port.get() } } else { None }
    }
}

static FORK: ForkHooks =
    ForkHooks { prepare: fork_prepare, parent: fork_parent, child: fork_child };

/// Once per process: says where faults and forks go.
pub fn init(port: &'static dyn Port) {
    let _guard = CHANGE.lock();
    if PORT.get().is_some() {
        return;
    }
    if port.capabilities().has(Caps::PROTECT) {
        let done = port.install_faults(on_fault);
        crate::aver!(done.is_ok(), "a port that protects reports faults");
    }
    // Without fork there is nothing to be told.
    let _ = port.install_fork(&FORK);
    // SAFETY: not known yet, so nobody reads it; and we have the lock.
    unsafe { *PORT.port.get() = Some(port) };
    PORT.known.store(true, Ordering::Release);
}

/// The calling thread's number; 1 before there is any instance.
#[inline]
pub fn thread_id() -> usize {
    PORT.get().map_or(1, |p| p.thread_id())
}

/// Waits a little.
pub fn relax(round: u32) {
    if let Some(p) = PORT.get() {
        p.relax(round);
    }
}

/// Adds an instance.
pub fn add(m: P<Mpm>) {
    let _guard = CHANGE.lock();
    m.get().next.store(HEAD.load(Ordering::Relaxed), Ordering::Relaxed);
    HEAD.store(m.as_ptr(), Ordering::Release);
}

/// Removes one, and waits until nobody can be looking at it.
pub fn remove(m: P<Mpm>) {
    let _guard = CHANGE.lock();
    let mut at = &HEAD;
    // SAFETY: instances in the list are alive; only we take any out.
    while let Some(i) = unsafe { P::from_raw(at.load(Ordering::Relaxed)) } {
        if i == m {
            at.store(m.get().next.load(Ordering::Relaxed), Ordering::Release);
            break;
        }
        at = &i.get().next;
    }
    let mut round = 0u32;
    while READERS.load(Ordering::Acquire) != 0 {
        relax(round);
        round = round.saturating_add(1);
    }
}

fn each(mut f: impl FnMut(P<Mpm>) -> bool) -> bool {
    let mut at = HEAD.load(Ordering::Acquire);
    // SAFETY: instances in the list are alive while we hold the list's lock or
    // count as a reader, as all our callers do.
    while let Some(i) = unsafe { P::from_raw(at) } {
        if f(i) {
            return true;
        }
        at = i.get().next.load(Ordering::Acquire);
    }
    false
}

unsafe extern "C" fn on_fault(a: usize, write: i32) -> i32 {
    READERS.fetch_add(1, Ordering::Acquire);
    let handled = each(|m| fault_in(m, Addr(a), write != 0));
    READERS.fetch_sub(1, Ordering::Release);
    handled as i32
}

/// A fault at `a`: is it this instance's barrier?
fn fault_in(m: P<Mpm>, a: Addr, write: bool) -> bool {
    let i = m.get();
    let arena = &i.cx.arena;
    let inside = a.0 >= arena.lowest.load(Ordering::Relaxed)
        && a.0 < arena.highest.load(Ordering::Relaxed);
    if !inside && !i.protects_roots.load(Ordering::Relaxed) {
        return false;
    }
    let nested = i.is_mine();
    if !nested {
        i.claim();
        i.pause_begin(plinth::clock(), if write { pause::WRITE_HIT } else { pause::READ_HIT });
    }
    let handled = barrier::access(&i.tracer, i.cx(), a, write, nested, i.short_pause());
    if !nested {
        if !handled {
            i.pause_forget();
        }
        i.leave();
    }
    handled
}

unsafe extern "C" fn fork_prepare() {
    core::mem::forget(CHANGE.lock());
    each(|m| {
        let i = m.get();
        i.claim();
        for pool in i.cx.pools.iter() {
            pool.class.fork_lock(pool, true);
        }
        // Held only for this: a held thread may have a lock of the C library's
        // that the fork is going to need.
        i.cx.hold();
        i.each_buffer(buffer::before_fork);
        i.cx.threads.release(i.cx.arena.port);
        false
    });
    // Last: to get here, no event is needed, and nobody who writes one waits.
    event::before_fork(relax);
}

fn fork_unlock(i: &Mpm) {
    for pool in i.cx.pools.iter() {
        pool.class.fork_lock(pool, false);
    }
}

unsafe extern "C" fn fork_parent() {
    // SAFETY: after `before_fork`, on the same thread.
    unsafe { event::after_fork(false) };
    each(|m| {
        fork_unlock(m.get());
        m.get().unclaim();
        false
    });
    // SAFETY: locked by `fork_prepare`, on this thread.
    unsafe { CHANGE.force_unlock() };
}

unsafe extern "C" fn fork_child() {
    // SAFETY: after `before_fork`, on the same thread.
    unsafe { event::after_fork(true) };
    each(|m| {
        let i = m.get();
        i.cx.threads.forked(i.cx.arena.port);
        i.each_buffer(buffer::after_fork);
        fork_unlock(i);
        i.unclaim();
        false
    });
    READERS.store(0, Ordering::Relaxed);
    // SAFETY: as above; the child has only this thread.
    unsafe { CHANGE.force_unlock() };
}
