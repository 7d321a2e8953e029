//! FreeBSD: what `ports/unix` leaves to the system. That is the numbers and
//! layouts of its C library ([`sys`]), threads by their numbers ([`thread`]),
//! where their stacks are ([`stack`]) and what a signal frame looks like
//! ([`context`]).
//!
//! tests/systems/freebsd.c compares each number and layout with the system's headers.

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
pub struct FreeBsd;

/// The one there is.
pub static FREEBSD: FreeBsd = FreeBsd;

/// What `ports` calls the port of whatever system it was built for.
#[cfg(feature = "port-host")]
pub(crate) use self::FREEBSD as PORT;

// Its 128 signals are more than a number has bits: so it has only `quietly`.
unix_port! {
    FreeBsd;
}
