//! All instances, and what concerns them together: faults and forks.
//!
//! The list is read without a lock: a fault may come at any moment, and a thread may be
//! stopped while it reads.
//!
//! Lock order: the lock on changes of the list first, then those of
//! [`crate::object::lock`].

use super::{Mpm, pause};
use crate::base::addr::Addr;
use crate::base::ptr::P;
use crate::base::registry::{Listed, Registry};
use crate::base::sets::AccessSet;
use crate::object::buffer;
use crate::object::cx::Inside;
use crate::object::pool::Pool;
use crate::seam::parts;
use crate::seam::port::{Caps, ForkHooks, Port};
use crate::seam::{event, plinth};
use crate::trace::barrier;
use core::sync::atomic::{AtomicBool, AtomicPtr, Ordering};
use spin::mutex::SpinMutex;

static ALL: Registry<Mpm> = Registry::new();
/// The lock on changes: who adds or removes an instance has it.
static CHANGE: SpinMutex<()> = SpinMutex::new(());
/// The port of the first instance, or the one under it.
static FIRST: SpinMutex<Option<&'static dyn Port>> = SpinMutex::new(None);
/// The first port that was told where faults go. Most processes have no other. It is told
/// once, however many instances are made later.
static TOLD: SpinMutex<Option<&'static dyn Port>> = SpinMutex::new(None);
/// Has a port taken the fork hooks?
static FORKS: AtomicBool = AtomicBool::new(false);

pub(super) static FORK: ForkHooks =
    ForkHooks { prepare: fork_prepare, parent: fork_parent, child: fork_child };

impl Listed for Mpm {
    fn next(&self) -> &AtomicPtr<Mpm> {
        &self.next
    }
}

/// Tells a port that does not know yet where faults and forks go.
pub fn init(port: &'static dyn Port) {
    let _guard = CHANGE.lock();
    // Both halves of the pointer: ports without fields may share an address. A
    // table of methods may exist twice; then the port is told once more.
    #[allow(ambiguous_wide_pointer_comparisons)]
    let same = |p: &'static dyn Port| core::ptr::eq(p, port);
    let mut told = TOLD.lock();
    // SAFETY: we have the lock.
    if told.is_some_and(same) || unsafe { ALL.each(|m| same(m.cx.arena.port)) } {
        return;
    }
    let caps = port.capabilities();
    // Before accesses that a table denies, the program calls: those are no faults.
    if parts::BARRIERS && caps.has(Caps::PROTECT) && !caps.has(Caps::SOFT) {
        let done = port.install_faults(on_fault);
        crate::aver!(done.is_ok(), "a port that protects reports faults");
        told.get_or_insert(port);
    }
    // One report of a fork is enough; where there is none, nothing is told.
    if parts::THREADS && !FORKS.load(Ordering::Relaxed) {
        FORKS.store(port.install_fork(&FORK).is_ok(), Ordering::Relaxed);
    }
    FIRST.lock().get_or_insert(port.under().unwrap_or(port));
}

/// Calls `f` with each instance until it returns true. True: it did. The calling thread
/// has the lock on changes.
fn each_locked(f: impl FnMut(P<Mpm>) -> bool) -> bool {
    // SAFETY: as said: all callers are between taking and giving back `CHANGE`.
    unsafe { ALL.each(f) }
}

/// Adds an instance.
pub fn add(m: P<Mpm>) {
    let _guard = CHANGE.lock();
    ALL.add(m);
}

/// Removes an instance, and waits until no reader can be looking at it.
pub fn remove(m: P<Mpm>) {
    let _guard = CHANGE.lock();
    ALL.remove(m, |round| m.cx.arena.port.relax(round));
}

impl Mpm {
    /// The program is about to access an object at `a`: what it does first in an arena with
    /// a software barrier, and may do in any. Between this and the access the thread must
    /// not be stopped ([`Caps::STOPS_BETWEEN_ACCESSES`]), and calls nothing of the library.
    /// Any thread. Cost: a handful of instructions, unless the access is denied; then what
    /// a barrier hit costs.
    #[inline(always)]
    pub fn will_access(self_: P<Mpm>, a: Addr, mode: AccessSet) {
        // SAFETY: shown by the port, for as long as the instance.
        let table = unsafe { &*self_.get().table.load(Ordering::Acquire) };
        if table.denies(a, mode) {
            Mpm::access_denied(self_, a, mode);
        }
    }

    /// A denied access to `a` is about to be made, as the program saw in the table.
    #[cold]
    #[inline(never)]
    pub fn access_denied(self_: P<Mpm>, a: Addr, mode: AccessSet) {
        fault_in(self_, a, mode.meets(AccessSet::WRITE));
    }
}

unsafe extern "C" fn on_fault(a: usize, write: i32) -> i32 {
    ALL.read(|m| fault_in(m, Addr(a), write != 0)) as i32
}

/// Handles a fault at `a`, if it is a barrier hit of this instance. False: it is not.
fn fault_in(m: P<Mpm>, a: Addr, write: bool) -> bool {
    if !parts::BARRIERS {
        return false;
    }
    let i = m.get();
    let arena = &i.cx.arena;
    let inside =
        a.0 >= arena.lowest.load(Ordering::Relaxed) && a.0 < arena.highest.load(Ordering::Relaxed);
    if !inside && !i.protects_roots.load(Ordering::Relaxed) {
        return false;
    }
    if i.is_mine() {
        // SAFETY: it is this thread that is inside, interrupted there or in a
        // client's function that was called from there.
        let cx = unsafe { Inside::new(&i.cx) };
        return barrier::peek(&i.tracer, cx, a, write);
    }
    let e = Mpm::claimed(m);
    i.pause_begin(plinth::clock(), if write { pause::WRITE_HIT } else { pause::READ_HIT });
    let handled = barrier::access(&i.tracer, e.inside(), a, write, i.short_pause());
    if !handled {
        i.pause_forget();
    }
    handled
}

/// Takes the locks of all instances and of all their pools, if all can be had. The order
/// of locks can't be kept here. So while this has any of them it waits for none.
/// `first` is the one instance that it waits for, before it takes any other lock.
///
/// # Errors
/// The instance to wait for next time. Nothing is held.
fn fork_lock_all(first: Option<P<Mpm>>) -> core::result::Result<(), P<Mpm>> {
    if let Some(m) = first {
        m.claim();
    }
    let mut failed = None;
    each_locked(|m| {
        if first != Some(m) && !m.try_claim() {
            failed = Some(m);
        } else if !fork_lock(m.get()) {
            m.unclaim();
            failed = Some(m);
        }
        failed.is_some()
    });
    let Some(bad) = failed else { return Ok(()) };
    // Those before it have everything; `first` may come after it.
    let mut after = false;
    each_locked(|m| {
        after |= m == bad;
        if !after {
            fork_unlock(m.get());
            m.unclaim();
        } else if first == Some(m) && m != bad {
            m.unclaim();
        }
        false
    });
    Err(bad)
}

/// How often a fork tries to take the locks of one pool. An estimate: that takes some
/// microseconds, as long as a call that allocates has them.
const FORK_TRIES: usize = 200;

/// Takes the locks of all pools of an instance, or none. Inside.
fn fork_lock(i: &Mpm) -> bool {
    let taken = |p: P<Pool>| {
        (0..FORK_TRIES).any(|_| {
            core::hint::spin_loop();
            p.class.fork_lock(p)
        })
    };
    let bad = i.cx.pools.iter().find(|p| !taken(*p));
    if let Some(bad) = bad {
        for pool in i.cx.pools.iter().take_while(|p| *p != bad) {
            // SAFETY: just taken, on this thread.
            unsafe { pool.class.fork_unlock(pool) };
        }
    }
    bad.is_none()
}

unsafe extern "C" fn fork_prepare() {
    core::mem::forget(CHANGE.lock());
    let mut first = None;
    let mut round = 0u32;
    while let Err(m) = fork_lock_all(first) {
        first = Some(m);
        m.cx.arena.port.relax(round);
        round = round.saturating_add(1);
    }
    each_locked(|m| {
        let i = m.get();
        // The threads are held only for this: one of them may have a lock of the C
        // library that the fork needs.
        i.cx.hold();
        i.each_buffer(buffer::before_fork);
        i.cx.threads.release(i.cx.arena.port);
        false
    });
    // The event stream comes last: nothing here writes events, and who writes one does
    // not wait for a lock.
    event::before_fork(|round| {
        if let Some(p) = *FIRST.lock() {
            p.relax(round);
        }
    });
}

fn fork_unlock(i: &Mpm) {
    for pool in i.cx.pools.iter() {
        // SAFETY: `fork_lock` took them, on this thread or, in a child, on the one
        // that it is the copy of.
        unsafe { pool.class.fork_unlock(pool) };
    }
}

unsafe extern "C" fn fork_parent() {
    // SAFETY: after `before_fork`, on the same thread.
    unsafe { event::after_fork(false) };
    each_locked(|m| {
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
    each_locked(|m| {
        let i = m.get();
        i.cx.threads.forked(i.cx.arena.port);
        i.each_buffer(buffer::after_fork);
        fork_unlock(i);
        i.unclaim();
        false
    });
    ALL.forget_readers();
    // SAFETY: as above; the child has only this thread.
    unsafe { CHANGE.force_unlock() };
}
