//! Forks: calls the library's hooks, and in a child forgets what the port knew of the
//! other threads.

use super::{sys, threads};
use crate::base::res::{Res, Result};
use crate::seam::port::ForkHooks;
use core::ptr::null_mut;
use core::sync::atomic::{AtomicPtr, Ordering};

static HOOKS: AtomicPtr<ForkHooks> = AtomicPtr::new(null_mut());

/// `Port::install_fork`.
pub fn install(hooks: &'static ForkHooks) -> Result {
    let new = core::ptr::from_ref(hooks).cast_mut();
    if HOOKS.compare_exchange(null_mut(), new, Ordering::AcqRel, Ordering::Acquire).is_err() {
        return Err(Res::Fail); // once per process
    }
    // SAFETY: the three functions are good for as long as the process.
    match unsafe { sys::pthread_atfork(Some(prepare), Some(parent), Some(child)) } {
        0 => Ok(()),
        _ => Err(Res::Memory),
    }
}

fn hooks() -> Option<&'static ForkHooks> {
    // SAFETY: null or what `install` was given, which is there for ever.
    unsafe { HOOKS.load(Ordering::Acquire).as_ref() }
}

unsafe extern "C" fn prepare() {
    if let Some(h) = hooks() {
        // SAFETY: on the forking thread, before the fork.
        unsafe { (h.prepare)() };
    }
}

unsafe extern "C" fn parent() {
    if let Some(h) = hooks() {
        // SAFETY: on the forking thread, in the parent.
        unsafe { (h.parent)() };
    }
}

unsafe extern "C" fn child() {
    threads::in_child();
    if let Some(h) = hooks() {
        // SAFETY: on the forking thread, in the child.
        unsafe { (h.child)() };
    }
}
