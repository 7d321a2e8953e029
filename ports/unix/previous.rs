//! Signal handlers that were there before ours, and passing signals on to them.

use super::signals;
use super::sys::{self, SigAction, SigInfo, SigSet};
use core::cell::UnsafeCell;
use core::ffi::{c_int, c_void};
use core::sync::atomic::{AtomicUsize, Ordering};

/// What a signal did before our handler took it. There is one for each signal that
/// we take. [`Previous::replace`] fills it, once; after that it is only read. The
/// function is kept apart, because a handler with `SA_RESETHAND` is used once.
pub struct Previous {
    action: UnsafeCell<SigAction>,
    handler: AtomicUsize,
}

// SAFETY: `action` is written by `replace`, which runs once and before the
// handler that reads it can run.
unsafe impl Sync for Previous {}

impl Previous {
    /// The default action, until replaced.
    pub const fn new() -> Previous {
        Previous {
            action: UnsafeCell::new(SigAction::DEFAULT),
            handler: AtomicUsize::new(sys::SIG_DFL),
        }
    }

    /// Installs `handler` for `sig` and remembers what was there. False if the
    /// system refuses, with nothing changed.
    ///
    /// # Safety
    ///
    /// Called once for each `Previous`; `handler` may run at any instruction
    /// from now on.
    pub unsafe fn replace(
        &self,
        sig: c_int,
        handler: sys::Handler,
        mask: SigSet,
        flags: c_int,
    ) -> bool {
        // First look, then install: a signal that arrives at once finds us ready.
        // SAFETY: nobody else uses the cell before the handler is installed.
        let old = unsafe { &mut *self.action.get() };
        // SAFETY: a null new action only asks.
        if unsafe { sys::sigaction(sig, core::ptr::null(), old) } != 0 {
            return false;
        }
        self.handler.store(old.handler, Ordering::Release);
        let flags = flags | sys::SA_SIGINFO | sys::SA_RESTART;
        let new = SigAction::new(handler as usize, mask, flags);
        // SAFETY: `new` is complete, and the caller vouches for the handler.
        unsafe { sys::sigaction(sig, &new, core::ptr::null_mut()) == 0 }
    }

    /// Calls the function that was there before, as the system would have. False: there was
    /// none. The signals that it wants blocked are blocked, but not `sig` itself, so that it
    /// may touch managed memory, and not those that stop threads.
    ///
    /// # Safety
    ///
    /// Called by the handler that `replace` installed, with its own arguments.
    pub unsafe fn pass_on(&self, sig: c_int, info: *mut SigInfo, ucontext: *mut c_void) -> bool {
        // SAFETY: only read since `replace`.
        let action = unsafe { &*self.action.get() };
        let handler = match action.flags & sys::SA_RESETHAND {
            0 => self.handler.load(Ordering::Acquire),
            _ => self.handler.swap(sys::SIG_DFL, Ordering::AcqRel),
        };
        if handler == sys::SIG_DFL || handler == sys::SIG_IGN {
            return false;
        }
        let mut mask = action.mask;
        mask.remove(sig);
        signals::spare_signals(&mut mask);
        let mut before = SigSet::EMPTY;
        // SAFETY: two signal sets.
        unsafe { sys::pthread_sigmask(sys::SIG_BLOCK, &mask, &mut before) };
        if action.flags & sys::SA_SIGINFO != 0 {
            // SAFETY: the action says that its function has this form.
            let f = unsafe { core::mem::transmute::<usize, sys::Handler>(handler) };
            // SAFETY: these are the system's arguments.
            unsafe { f(sig, info, ucontext) };
        } else {
            // SAFETY: the action says that its function has this form.
            let f = unsafe { core::mem::transmute::<usize, unsafe extern "C" fn(c_int)>(handler) };
            // SAFETY: as the system would.
            unsafe { f(sig) };
        }
        // SAFETY: a signal set.
        unsafe { sys::pthread_sigmask(sys::SIG_SETMASK, &before, core::ptr::null_mut()) };
        true
    }

    /// Was the signal ignored before?
    pub fn ignored(&self) -> bool {
        self.handler.load(Ordering::Acquire) == sys::SIG_IGN
    }
}

impl Default for Previous {
    fn default() -> Self {
        Previous::new()
    }
}
