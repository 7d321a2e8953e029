//! The two signals that stop threads and let them go, and sending signals.

use super::previous::Previous;
use super::sys::{self, Handler, SigSet, Timespec};
use crate::base::res::{Res, Result};
use crate::ports::system::thread;
use core::ffi::c_int;
use core::ptr::null_mut;
use core::sync::atomic::{AtomicI32, AtomicU8, Ordering};

static SUSPEND: AtomicI32 = AtomicI32::new(sys::SIGXFSZ);
static RESUME: AtomicI32 = AtomicI32::new(sys::SIGXCPU);

/// Have the handlers been installed? 0 no, 1 under way, or signals are being chosen, 2
/// yes, 3 refused.
static INSTALLED: AtomicU8 = AtomicU8::new(0);
/// What the suspend signal did before.
pub static BEFORE_SUSPEND: Previous = Previous::new();
/// What the resume signal did before.
pub static BEFORE_RESUME: Previous = Previous::new();

/// Chooses the signals that stop threads and let them go, real-time ones
/// included. The default is `SIGXFSZ` and `SIGXCPU`.
///
/// # Errors
/// `Fail`: a thread has been registered already. `Param`: not two different
/// signals that a program may use.
pub fn set_thread_signals(suspend: c_int, resume: c_int) -> Result {
    let usable = |s: c_int| {
        (1..=sys::SIGNAL_MAX).contains(&s)
            && !sys::SIGNALS_KEPT.contains(&s)
            && ![sys::SIGKILL, sys::SIGSTOP, sys::SIG_DENIED].contains(&s)
    };
    if !usable(suspend) || !usable(resume) || suspend == resume {
        return Err(Res::Param);
    }
    // Nobody installs handlers for one pair while another is being written.
    loop {
        match INSTALLED.compare_exchange(0, 1, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => break,
            Err(1) => pause(),
            Err(_) => return Err(Res::Fail),
        }
    }
    SUSPEND.store(suspend, Ordering::Release);
    RESUME.store(resume, Ordering::Release);
    INSTALLED.store(0, Ordering::Release);
    Ok(())
}

/// The signal that stops a thread.
pub fn suspend() -> c_int {
    SUSPEND.load(Ordering::Acquire)
}

/// The signal that lets it go.
pub fn resume() -> c_int {
    RESUME.load(Ordering::Acquire)
}

/// Takes our signals out of a set that is about to be blocked.
pub fn spare_signals(mask: &mut SigSet) {
    mask.remove(suspend());
    mask.remove(resume());
}

/// `Port::quietly`.
pub fn quietly(f: &mut dyn FnMut()) {
    /// What was blocked before. Dropping it blocks just that again.
    struct Before(SigSet);
    impl Drop for Before {
        fn drop(&mut self) {
            put_back(&self.0);
        }
    }
    let _before = Before(keep_off());
    f();
}

/// Blocks what runs handlers, but for faults and our own signals. Returns what was blocked
/// before.
pub fn keep_off() -> SigSet {
    let mut mask = SigSet::full();
    spare_signals(&mut mask);
    mask.remove(sys::SIG_DENIED);
    sys::FAULTS.iter().for_each(|fault| mask.remove(*fault));
    let mut before = SigSet::EMPTY;
    // SAFETY: two signal sets.
    unsafe { sys::pthread_sigmask(sys::SIG_BLOCK, &mask, &mut before) };
    before
}

/// Blocks just these.
pub fn put_back(before: &SigSet) {
    // SAFETY: a signal set, and nowhere to put the old one.
    unsafe { sys::pthread_sigmask(sys::SIG_SETMASK, before, null_mut()) };
}

/// The calling thread, as the C library names it.
pub fn id() -> usize {
    // SAFETY: no preconditions, and fit for signal handlers.
    unsafe { sys::pthread_self() }
}

/// The calling thread, as the system numbers it.
pub fn tid() -> usize {
    thread::tid()
}

/// Sends a signal to a thread of this process. False: there is no such thread.
pub fn send(tid: usize, sig: c_int) -> bool {
    sys::keeping_errno(|| {
        while !thread::kill(tid, sig) {
            if sys::errno() != sys::EAGAIN {
                return false;
            }
            pause(); // too many real-time signals under way
        }
        true
    })
}

/// `Port::relax`. At first it spins, for waits that are over at once. Then it lets other
/// threads run, since the thread that has the lock may not be running. A wait that is
/// longer still is one for a collection, and sleeps.
pub fn relax(round: u32) {
    match round {
        0..16 => core::hint::spin_loop(),
        // SAFETY: no preconditions.
        16..256 => drop(unsafe { sys::sched_yield() }),
        _ => pause(),
    }
}

/// Sleeps for as short a time as the system's timers allow.
fn pause() {
    let moment = Timespec { sec: 0, nsec: 50_000 };
    sys::keeping_errno(|| {
        // SAFETY: a good time, and nowhere to put the rest.
        unsafe { sys::nanosleep(&moment, null_mut()) };
    });
}

/// Installs the handlers, once; from then on the signals stay as chosen.
///
/// # Errors
/// `Fail`: the system refuses these signals.
pub fn install_once(on_suspend: Handler, on_resume: Handler) -> Result {
    loop {
        match INSTALLED.compare_exchange(0, 1, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => break,
            Err(1) => pause(),
            Err(2) => return Ok(()),
            Err(_) => return Err(Res::Fail),
        }
    }
    let (s, r) = (suspend(), resume());
    // Not on an alternate stack: those are small, and the thread's own has room.
    // SAFETY: the exchange lets one caller through.
    let ok = unsafe {
        BEFORE_SUSPEND.replace(s, on_suspend, SigSet::full(), 0)
            && BEFORE_RESUME.replace(r, on_resume, SigSet::EMPTY, 0)
    };
    INSTALLED.store(if ok { 2 } else { 3 }, Ordering::Release);
    if ok { Ok(()) } else { Err(Res::Fail) }
}

/// Unblocks the suspend signal on the calling thread, which may have begun with it blocked.
pub fn unblock_suspend() {
    let mut mine = SigSet::EMPTY;
    mine.add(suspend());
    // SAFETY: a signal set, and nowhere to put the old one.
    unsafe { sys::pthread_sigmask(sys::SIG_UNBLOCK, &mine, null_mut()) };
}

/// Waits for the resume signal, which is blocked, or for nothing.
///
/// Not `sigsuspend`: that would run a handler, which takes a second signal
/// frame on what may be a small alternate stack; and, as `sigwait`, it is a
/// point at which threads can be cancelled.
pub fn sleep_until_resume() {
    let mut wanted = SigSet::EMPTY;
    wanted.add(resume());
    thread::wait_for(&wanted);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Is this signal blocked on the calling thread?
    fn is_blocked(sig: c_int) -> bool {
        unsafe extern "C" {
            fn sigismember(set: *const SigSet, sig: c_int) -> c_int;
        }
        let mut now = SigSet::EMPTY;
        // SAFETY: a null new set only asks.
        unsafe { sys::pthread_sigmask(sys::SIG_BLOCK, core::ptr::null(), &mut now) };
        // SAFETY: a signal set.
        unsafe { sigismember(&now, sig) == 1 }
    }

    #[test]
    fn quiet_but_for_faults_and_stops() {
        let ordinary = [1, 2, 14, sys::SIGNAL_MAX];
        let mut runs = 0;
        quietly(&mut || {
            quietly(&mut || runs += 1);
            // The inner one has put back what the outer one had set.
            assert!(ordinary.iter().all(|s| is_blocked(*s)));
            assert!(!is_blocked(suspend()) && !is_blocked(resume()));
            assert!(!is_blocked(sys::SIG_DENIED));
            assert!(!sys::FAULTS.iter().any(|s| is_blocked(*s)));
        });
        assert_eq!(runs, 1);
        assert!(!ordinary.iter().any(|s| is_blocked(*s)));
    }
}
