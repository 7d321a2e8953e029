//! The C shell: it translates and does nothing else. Each function tests its handle and its
//! arguments, enters the instance, makes one call of the core, leaves and stores the
//! result.
//!
//! `include/mps.h` documents the functions for their callers. Comments here say only what
//! is not obvious. Out parameters are written only if the call succeeds.
#![allow(missing_docs, clippy::missing_safety_doc)]

mod ap;
mod arena;
mod args;
mod chain;
mod finalize;
mod fmt;
#[cfg(feature = "old-forms")]
mod fmt_old;
#[cfg(feature = "inspection")]
mod inspect;
#[cfg(any(feature = "handles", feature = "pins"))]
mod keep;
#[cfg(feature = "dependency")]
mod ld;
#[cfg(feature = "messages")]
mod message;
#[cfg(feature = "incremental")]
mod pace;
mod panic;
#[cfg(feature = "patterns")]
mod pattern;
mod pool;
mod root;
#[cfg(any(feature = "blocking", feature = "expose", feature = "fibers"))]
mod runtime;
#[cfg(feature = "caches")]
mod sac;
mod scan;
#[cfg(feature = "vm-arenas")]
mod spare;
#[cfg(feature = "tags")]
mod tags;
#[cfg(any(feature = "telemetry", feature = "defmt"))]
mod telemetry;
mod thread;
#[cfg(feature = "transforms")]
mod transform;
#[cfg(feature = "old-forms")]
mod varargs;
#[cfg(feature = "walks")]
mod walk;
mod x;

use crate::base::check::Sig;
use crate::base::ptr::P;
use crate::mpm::Mpm;
#[cfg(feature = "transforms")]
use crate::mpm::transform::Transform;
use crate::object::buffer::Buffer;
use crate::object::format::Format;
use crate::object::locus::Chain;
use crate::object::message::Message;
use crate::object::pool::Pool;
use crate::shield::threads::Thread;
use crate::trace::root::Root;
use core::ffi::c_void;
#[cfg(feature = "fibers")]
pub(crate) use runtime::fiber_of;
#[cfg(feature = "caches")]
pub(crate) use sac::sac_of;

/// A handle that a client has passed. It should point to one of the library's structures.
pub(crate) type Handle = *mut c_void;

macro_rules! handles {
    // A call, not a copy in each function of the interface, but on the way of each allocation.
    ($($(#[$if:meta])* $f:ident $t:ty, $sig:ident;)*) => {$(
        $(#[$if])*
        /// The structure that a handle points to. `None`: it points to none of this kind.
        pub(crate) fn $f(h: Handle) -> Option<P<$t>> {
            // SAFETY: a client's handle: from us, or null; a stray one is
            // caught by the signature if it can be read at all.
            let p: P<$t> = unsafe { P::from_raw(h.cast()) }?;
            if !(h as usize).is_multiple_of(align_of::<usize>()) || p.sig.get() != Sig::$sig {
                return None;
            }
            Some(p)
        }
    )*};
}

handles! {
    #[inline(never)]
    mpm_of Mpm, ARENA;
    #[inline]
    pool_of Pool, POOL;
    #[inline(never)]
    fmt_of Format, FORMAT;
    #[inline]
    ap_of Buffer, BUFFER;
    #[inline(never)]
    root_of Root, ROOT;
    #[inline(never)]
    thread_of Thread, THREAD;
    #[inline(never)]
    chain_of Chain, CHAIN;
    #[inline(never)]
    message_of Message, MESSAGE;
    #[cfg(feature = "transforms")]
    transform_of Transform, TRANSFORM;
}

/// The instance that a structure says it belongs to.
pub(crate) fn instance(handle: usize) -> P<Mpm> {
    // SAFETY: written from the instance's own address when the structure was
    // made; the instance outlives it.
    match unsafe { P::from_raw(crate::base::addr::Addr(handle).ptr::<Mpm>()) } {
        Some(m) => m,
        None => crate::base::check::stop(),
    }
}

/// The structure that a handle points to. If there is none, reports a failed check that names
/// the argument, and returns from the function.
macro_rules! need {
    ($get:ident($h:expr), $text:literal, $otherwise:expr) => {
        match crate::capi::$get($h.cast()) {
            Some(p) => p,
            None => {
                crate::base::check::report(concat!(file!(), "\0"), line!(), concat!($text, "\0"));
                return $otherwise;
            }
        }
    };
}
pub(crate) use need;

/// Stores a result.
///
/// # Safety
/// `out` is writable.
#[inline]
pub(crate) unsafe fn give<T>(out: *mut T, r: crate::base::res::Result<T>) -> i32 {
    match r {
        Ok(v) => {
            // SAFETY: the caller's promise.
            unsafe { out.write(v) };
            0
        }
        Err(e) => e.code(),
    }
}
