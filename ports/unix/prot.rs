//! Protection, and the faults that come of it.
//!
//! The handler handles only accesses that a protection forbids, and of these only the ones
//! that the library says are its own. All other faults go to the handler that was there
//! before, as they would without this port.
//!
//! A client that recovers from stack overflow gives its threads alternate stacks, so the
//! handler must run on those. They are small (Rust's have 8 KB, and the signal frame
//! takes half of that), and a scan needs more. So for an address in reserved memory the
//! library is called on the interrupted stack.

use super::previous::Previous;
use super::sys::{self, SigAction, SigInfo, SigSet, SigStack};
use super::{context, signals, vm};
use crate::base::addr::{Addr, Size};
use crate::base::res::{Res, Result};
use crate::base::sets::AccessSet;
use crate::ports::faults;
use crate::ports::system::context::System;
use crate::seam::port::FaultHandler;
use core::ffi::{c_int, c_void};

/// `Port::protect`. Memory that can't be read can't be written to either.
pub fn protect(base: Addr, size: Size, denied: AccessSet) -> Result {
    let mode = if denied.meets(AccessSet::READ) {
        sys::PROT_NONE
    } else if denied.meets(AccessSet::WRITE) {
        sys::PROT_READ
    } else {
        sys::PROT_READ | sys::PROT_WRITE
    };
    // SAFETY: the range is ours and mapped.
    let change = || unsafe { sys::mprotect(base.0, size, mode) } == 0;
    if change() || denied.is_empty() && reserve::give_up() && change() {
        return Ok(());
    }
    Err(Res::Memory)
}

/// A few mappings that are kept in reserve. When the system allows no more mappings, these are
/// given up, so that protection can be taken off where that cuts a mapping in two.
mod reserve {
    use super::{sys, vm};
    use core::sync::atomic::{AtomicUsize, Ordering};

    /// Every second page has another protection, so this many mappings. One change
    /// of protection needs two more at most; the rest is for what comes until
    /// the trace is finished.
    const RESERVE_PAGES: usize = 33;
    static BASE: AtomicUsize = AtomicUsize::new(0);

    /// Makes them. If the system refuses, there is no reserve.
    pub fn make() {
        let page = vm::page_size();
        // SAFETY: a fresh mapping, wherever there is room for it.
        let p = unsafe {
            sys::mmap(0, RESERVE_PAGES * page, sys::PROT_NONE, sys::MAP_ADDRESSES, -1, 0)
        };
        let base = p.addr();
        if base == sys::MAP_FAILED {
            return;
        }
        for i in (1..RESERVE_PAGES).step_by(2) {
            // SAFETY: a page of it.
            unsafe { sys::mprotect(base + i * page, page, sys::PROT_READ) };
        }
        BASE.store(base, Ordering::Release);
    }

    /// Gives them up. False: there are none any more.
    pub fn give_up() -> bool {
        let base = BASE.swap(0, Ordering::AcqRel);
        // SAFETY: nobody uses it.
        base != 0 && unsafe { sys::munmap(base, RESERVE_PAGES * vm::page_size()) } == 0
    }
}

static PREVIOUS: Previous = Previous::new();

/// `Port::install_faults`.
pub fn install(handler: FaultHandler) -> Result {
    faults::install(handler, || {
        // Nothing is masked: the library can be stopped while it waits for a lock
        // in there, and an access it makes may fault again.
        let flags = sys::SA_ONSTACK | sys::SA_NODEFER;
        // SAFETY: one caller comes here.
        let done = unsafe { PREVIOUS.replace(sys::SIG_DENIED, on_fault, SigSet::EMPTY, flags) };
        if done {
            reserve::make();
        }
        done
    })
}

unsafe extern "C" fn on_fault(sig: c_int, info: *mut SigInfo, ucontext: *mut c_void) {
    sys::keeping_errno(|| {
        // SAFETY: the system passes both, good until we return.
        if unsafe { ours(info, ucontext) } {
            return;
        }
        // SAFETY: our own arguments.
        if unsafe { PREVIOUS.pass_on(sig, info, ucontext) } {
            return;
        }
        // SAFETY: the system passes it.
        by_default(sig, unsafe { (*info).is_sent() });
    });
}

/// Asks the library.
///
/// # Safety
///
/// The arguments of [`on_fault`].
unsafe fn ours(info: *mut SigInfo, ucontext: *mut c_void) -> bool {
    // SAFETY: as the caller says.
    let info = unsafe { &*info };
    if !info.is_denied() {
        return false;
    }
    // SAFETY: as the caller says.
    let write = unsafe { context::is_write::<System>(ucontext) };
    let mut ask = Ask { addr: info.addr, write, stack: None, blocked: SigSet::EMPTY, ours: false };
    // SAFETY: as the caller says.
    ask.stack = unsafe { context::alternate_stack::<System>(ucontext) };
    if ask.stack.is_none() || !vm::is_reserved(Addr(info.addr)) {
        ask_library(&mut ask);
        return ask.ours;
    }
    // While the thread is off the alternate stack, the system would put the
    // next signal's frame over ours: no signals, until it knows of no such
    // stack.
    let all = SigSet::full();
    // SAFETY: two signal sets.
    unsafe { sys::pthread_sigmask(sys::SIG_BLOCK, &all, &mut ask.blocked) };
    let arg: *mut c_void = core::ptr::from_mut(&mut ask).cast();
    // SAFETY: the interrupted stack is sound: the fault was elsewhere.
    unsafe { context::on_interrupted_stack::<System>(ucontext, away, arg) };
    // SAFETY: a signal set.
    unsafe { sys::pthread_sigmask(sys::SIG_SETMASK, &ask.blocked, core::ptr::null_mut()) };
    ask.ours
}

/// A fault, and what the library says of it.
struct Ask {
    addr: usize,
    write: bool,
    /// The alternate stack we came from.
    stack: Option<SigStack>,
    /// What was blocked at the fault.
    blocked: SigSet,
    ours: bool,
}

fn ask_library(ask: &mut Ask) {
    let Some(handler) = faults::handler() else { return };
    // SAFETY: this is what it is for.
    ask.ours = unsafe { handler(ask.addr, i32::from(ask.write)) != 0 };
}

/// On the interrupted stack, all signals blocked.
///
/// # Safety
/// `arg` is an [`Ask`] with a stack.
unsafe extern "C" fn away(arg: *mut c_void) {
    // SAFETY: as the caller says.
    let ask = unsafe { &mut *arg.cast::<Ask>() };
    let none = SigStack { sp: 0, flags: sys::SS_DISABLE, size: 0 };
    let mut all = SigSet::EMPTY;
    // SAFETY: not on the alternate stack; it is brought back below.
    unsafe {
        sys::sigaltstack(&none, core::ptr::null_mut());
        sys::pthread_sigmask(sys::SIG_SETMASK, &ask.blocked, &mut all);
    }
    ask_library(ask);
    if let Some(stack) = &ask.stack {
        // SAFETY: as it was, in the opposite order.
        unsafe {
            sys::pthread_sigmask(sys::SIG_SETMASK, &all, core::ptr::null_mut());
            sys::sigaltstack(stack, core::ptr::null_mut());
        }
    }
}

/// Called when there was no handler before: has the system do what it does by default.
/// `sent`: a process has sent the signal, so returning does not repeat it.
fn by_default(sig: c_int, sent: bool) {
    if sent && PREVIOUS.ignored() {
        return;
    }
    // SAFETY: a complete action; the instruction at fault runs again and ends
    // the process, by this very signal.
    unsafe { sys::sigaction(sig, &SigAction::DEFAULT, core::ptr::null_mut()) };
    if sent {
        signals::send(signals::tid(), sig);
    }
}

#[cfg(test)]
mod tests;
