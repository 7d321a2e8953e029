//! macOS: what `ports/unix` leaves to the system. That is the numbers and
//! layouts of its C library ([`sys`]), threads by the names of their ports ([`thread`]),
//! where their stacks are ([`stack`]) and what a signal frame looks like
//! ([`context`]).
//!
//! tests/systems/macos.c compares each number and layout with the system's headers. What those
//! don't say is from the kernel's published source: what is in `siginfo_t` and where a frame
//! is put (`sendsig`), and which signal an exception turns into.

pub(crate) mod context;
pub(crate) mod stack;
pub(crate) mod sys;
pub(crate) mod thread;

use super::unix::port::unix_port;
use super::unix::{fork, prot, signals, threads, vm};
use crate::base::addr::{Addr, Range, Size};
use crate::base::res::Result;
use crate::base::sets::AccessSet;
use crate::seam::port::{Caps, Context, FaultHandler, ForkHooks, Port, ThreadSlot};

/// The port of the system this was built for. It holds nothing itself: what
/// there is to know is per process, and in `ports/unix`.
#[derive(Clone, Copy, Debug)]
pub struct MacOs;

/// The one there is.
pub static MACOS: MacOs = MacOs;

/// What `ports` calls the port of whatever system it was built for.
#[cfg(feature = "port-host")]
pub(crate) use self::MACOS as PORT;

unix_port! {
    MacOs;

    // For `export_port!`.
    fn quiet_begin(&self) -> usize {
        signals::keep_off().bits()
    }

    fn quiet_end(&self, was: usize) {
        signals::put_back(&sys::SigSet::of_bits(was));
    }
}
