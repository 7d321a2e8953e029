//! Stopping and resuming threads by two signals.
//!
//! A stop is numbered. Who stops writes the number as `want` into the thread's
//! slot, puts the slot on the batch's list and sends the suspend signal; the
//! handler finds its slot there, leaves where it stands and the number as `seen`,
//! and sleeps until `free` holds the number. Numbers and not flags: a thread
//! may be asked again before it has woken from the time before.
//!
//! - One batch runs at a time (`stop_begin`). So there is one list and one counter.
//! - The handler reads a slot only while the slot is on the list, or while its
//!   thread is asked to stop. `deregister` waits until neither is the case; after
//!   that the slot may be freed.
//! - A thread that is registered twice is stopped once: its other slots refer to
//!   the first.
//! - After a fork, slots hold the parent's thread numbers. When a slot is used
//!   next, its number is put right, or its thread is found to be gone
//!   (`generation`).

use super::context;
use super::signals::{self, id, relax, send, tid};
use super::sys::{self, SigInfo};
use crate::base::res::{Res, Result};
use crate::ports::system::context::System;
use crate::seam::port::{Context, ThreadSlot};
use core::ffi::{c_int, c_void};
use core::ptr::null_mut;
use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicUsize, Ordering};

/// A [`ThreadSlot`] as this port uses it; all zero before registration.
#[repr(C)]
struct Slot {
    /// What `pthread_self` says on the thread.
    id: AtomicUsize,
    /// The system's number for it.
    tid: AtomicUsize,
    /// Forks this process was born through when `tid` was right.
    generation: AtomicUsize,
    /// The stop asked for, 0 if another slot stands for this one.
    want: AtomicUsize,
    /// Written by the thread: twice the stop it is in, plus 1 once it has left.
    seen: AtomicUsize,
    /// The last stop it may leave.
    free: AtomicUsize,
    /// The next slot of the batch; or the slot that stands for this one.
    link: AtomicPtr<Slot>,
    /// Where it stands, while stopped: on its own stack.
    context: AtomicPtr<Context>,
}

const _: () = assert!(size_of::<Slot>() == size_of::<ThreadSlot>());
const _: () = assert!(align_of::<Slot>() == align_of::<ThreadSlot>());

/// `seen` of a slot whose thread number now belongs to another thread.
const GONE: usize = usize::MAX;

fn slot(s: &ThreadSlot) -> &Slot {
    // SAFETY: the same size and alignment, plain words in cells on one side
    // and atomics on the other; only the port looks inside.
    unsafe { &*core::ptr::from_ref(s).cast::<Slot>() }
}

/// The slots of the current batch that a handler may look for.
static BATCH: AtomicPtr<Slot> = AtomicPtr::new(null_mut());
/// Handlers going through that list just now.
static WALKERS: AtomicUsize = AtomicUsize::new(0);
/// Is a batch running?
static STOPPING: AtomicBool = AtomicBool::new(false);
/// The number of the last stop.
static TICKET: AtomicUsize = AtomicUsize::new(0);

/// Forks behind us, and the thread that came through the last one.
static GENERATION: AtomicUsize = AtomicUsize::new(0);
static SURVIVOR: AtomicUsize = AtomicUsize::new(0);
static SURVIVOR_TID: AtomicUsize = AtomicUsize::new(0);

/// See `Port::thread_register`.
pub fn register(s: &ThreadSlot) -> Result {
    signals::install_once(on_suspend, on_resume)?;
    // Some systems have threads that no signal can be sent to. Such a one could not be stopped.
    if !send(tid(), 0) {
        return Err(Res::Fail);
    }
    let w = slot(s);
    w.id.store(id(), Ordering::Relaxed);
    w.tid.store(tid(), Ordering::Relaxed);
    w.generation.store(GENERATION.load(Ordering::Acquire), Ordering::Relaxed);
    w.want.store(0, Ordering::Relaxed);
    w.seen.store(1, Ordering::Relaxed);
    w.free.store(0, Ordering::Relaxed);
    w.link.store(null_mut(), Ordering::Relaxed);
    w.context.store(null_mut(), Ordering::Release);
    // A thread born with everything blocked would hold the collector up.
    signals::unblock_suspend();
    Ok(())
}

/// See `Port::thread_deregister`.
pub fn deregister(s: &ThreadSlot) {
    let w = slot(s);
    if w.id.load(Ordering::Relaxed) == 0 {
        return; // never registered
    }
    let mut round = 0u32;
    while WALKERS.load(Ordering::SeqCst) != 0 || still_in_handler(w) {
        relax(round);
        round = round.saturating_add(1);
    }
}

fn still_in_handler(w: &Slot) -> bool {
    w.seen.load(Ordering::Acquire) & 1 == 0
        && w.generation.load(Ordering::Relaxed) == GENERATION.load(Ordering::Acquire)
}

/// See `Port::stop_begin`. A thread that waits here holds nothing of the port's,
/// and may be stopped meanwhile.
pub fn stop_begin() {
    let mut round = 0u32;
    while STOPPING.swap(true, Ordering::Acquire) {
        relax(round);
        round = round.saturating_add(1);
    }
}

/// See `Port::stop_end`.
pub fn stop_end() {
    BATCH.store(null_mut(), Ordering::SeqCst);
    STOPPING.store(false, Ordering::Release);
}

/// Brings a slot over a fork. False: its thread stayed in the parent.
fn survive_fork(w: &Slot) -> bool {
    let now = GENERATION.load(Ordering::Acquire);
    if w.generation.load(Ordering::Relaxed) == now {
        return true;
    }
    if w.id.load(Ordering::Relaxed) != SURVIVOR.load(Ordering::Relaxed) {
        return false;
    }
    w.tid.store(SURVIVOR_TID.load(Ordering::Relaxed), Ordering::Relaxed);
    w.seen.store(1, Ordering::Relaxed);
    w.generation.store(now, Ordering::Relaxed);
    true
}

/// See `Port::thread_stop`.
pub fn stop(s: &ThreadSlot) -> Result {
    let w = slot(s);
    let me = w.id.load(Ordering::Relaxed);
    if me == id() || !survive_fork(w) {
        return Err(not_asked(w, null_mut()));
    }
    let this = core::ptr::from_ref(w).cast_mut();
    let head = BATCH.load(Ordering::Relaxed);
    let mut p = head;
    // SAFETY: slots of the running batch stay until its end.
    while let Some(other) = unsafe { p.as_ref() } {
        if other.id.load(Ordering::Relaxed) == me {
            if p != this {
                not_asked(w, p);
            }
            return Ok(());
        }
        p = other.link.load(Ordering::Relaxed);
    }
    let mut ticket = TICKET.load(Ordering::Relaxed).wrapping_add(1);
    if ticket << 1 == 0 {
        ticket = 1;
    }
    TICKET.store(ticket, Ordering::Relaxed);
    w.link.store(head, Ordering::Relaxed);
    w.want.store(ticket, Ordering::Release);
    BATCH.store(this, Ordering::SeqCst);
    if send(w.tid.load(Ordering::Relaxed), signals::suspend()) {
        return Ok(());
    }
    BATCH.store(head, Ordering::SeqCst);
    Err(not_asked(w, null_mut()))
}

/// Notes that a slot is not asked itself: another one may stand for it.
fn not_asked(w: &Slot, instead: *mut Slot) -> Res {
    w.want.store(0, Ordering::Relaxed);
    w.link.store(instead, Ordering::Relaxed);
    Res::Fail
}

/// The slot that stands for a stopped thread: its own, or an earlier one's.
fn standing_for(s: &ThreadSlot) -> &Slot {
    let w = slot(s);
    if w.want.load(Ordering::Relaxed) == 0 {
        // SAFETY: `stop` left the other slot there, for as long as the batch.
        if let Some(first) = unsafe { w.link.load(Ordering::Relaxed).as_ref() } {
            return first;
        }
    }
    w
}

/// See `Port::thread_wait`.
pub fn wait(s: &ThreadSlot) -> Result {
    let w = standing_for(s);
    let wanted = w.want.load(Ordering::Relaxed) << 1;
    if wanted == 0 {
        return Err(Res::Fail); // it was never asked
    }
    let mut round = 0u32;
    loop {
        match w.seen.load(Ordering::Acquire) {
            seen if seen == wanted => return Ok(()),
            GONE => return Err(Res::Fail),
            _ => {}
        }
        relax(round);
        round = round.saturating_add(1);
        // Signal 0 only asks whether it is there. That is a system call: so not
        // each time.
        if round.is_multiple_of(64) && !send(w.tid.load(Ordering::Relaxed), 0) {
            return Err(Res::Fail);
        }
    }
}

/// See `Port::thread_context`.
pub fn context(s: &ThreadSlot) -> Context {
    // SAFETY: `wait` has seen the thread stopped, so its handler holds this in place
    // until resumed.
    unsafe { standing_for(s).context.load(Ordering::Acquire).as_ref() }.copied().unwrap_or_default()
}

/// See `Port::thread_resume`.
pub fn resume(s: &ThreadSlot) {
    let w = slot(s);
    let ticket = w.want.load(Ordering::Relaxed);
    if ticket == 0 {
        return; // the other slot does it
    }
    w.free.store(ticket, Ordering::Release);
    if w.seen.load(Ordering::Acquire) != GONE {
        send(w.tid.load(Ordering::Relaxed), signals::resume());
    }
}

/// The slot of the batch that asks this thread to stop, and which stop.
fn asked() -> Option<(&'static Slot, usize)> {
    let (me, number) = (id(), tid());
    let mut p = BATCH.load(Ordering::SeqCst);
    // SAFETY: slots on the list stay while a handler walks it.
    while let Some(w) = unsafe { p.as_ref() } {
        let want = w.want.load(Ordering::Acquire);
        if w.tid.load(Ordering::Relaxed) == number {
            if w.id.load(Ordering::Relaxed) != me {
                // It ended, and its number came to us.
                w.seen.store(GONE, Ordering::Release);
            } else if w.seen.load(Ordering::Relaxed) | 1 != (want << 1) | 1 {
                return Some((w, want));
            }
        }
        p = w.link.load(Ordering::Relaxed);
    }
    None
}

unsafe extern "C" fn on_suspend(sig: c_int, info: *mut SigInfo, ucontext: *mut c_void) {
    sys::keeping_errno(|| {
        WALKERS.fetch_add(1, Ordering::SeqCst);
        let found = asked();
        let here; // as long as the stop
        if let Some((w, want)) = found {
            // SAFETY: the system passes it, and we stay here while anybody looks.
            here = unsafe { context::of_stopped::<System>(ucontext) };
            w.context.store(core::ptr::from_ref(&here).cast_mut(), Ordering::Relaxed);
            w.seen.store(want << 1, Ordering::Release);
        }
        WALKERS.fetch_sub(1, Ordering::SeqCst);
        let Some((w, want)) = found else {
            // Not from us: whoever had the signal before may know it. If
            // nobody had, it means nothing.
            // SAFETY: our own arguments.
            unsafe { signals::BEFORE_SUSPEND.pass_on(sig, info, ucontext) };
            return;
        };
        // All signals are blocked, so this one waits if it comes between the
        // look and the sleep.
        while w.free.load(Ordering::Acquire) != want {
            signals::sleep_until_resume();
        }
        // The last time that we touch the slot.
        w.seen.store((want << 1) | 1, Ordering::Release);
    });
}

/// Runs when the signal came after the thread had seen that it may go.
unsafe extern "C" fn on_resume(sig: c_int, info: *mut SigInfo, ucontext: *mut c_void) {
    // SAFETY: the system passes it.
    if !unsafe { (*info).is_to_thread() } {
        // Not from us.
        // SAFETY: our own arguments.
        sys::keeping_errno(|| unsafe { signals::BEFORE_RESUME.pass_on(sig, info, ucontext) });
    }
}

/// In the child of a fork, on the one thread there is.
pub fn in_child() {
    SURVIVOR.store(id(), Ordering::Relaxed);
    SURVIVOR_TID.store(tid(), Ordering::Relaxed);
    GENERATION.fetch_add(1, Ordering::AcqRel);
    BATCH.store(null_mut(), Ordering::SeqCst);
    WALKERS.store(0, Ordering::SeqCst);
    STOPPING.store(false, Ordering::Release);
}

#[cfg(test)]
mod tests;
