//! Linux: what `ports/unix` leaves to the system. That is the numbers and
//! layouts of its C library (`sys`), threads by their numbers (`thread`),
//! where their stacks are (`stack`) and what a signal frame looks like
//! (`context`).

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
pub struct Linux;

/// The one there is.
pub static LINUX: Linux = Linux;

/// What `ports` calls the port of whatever system it was built for.
#[cfg(feature = "port-host")]
pub(crate) use self::LINUX as PORT;

unix_port! {
    Linux;

    // For `export_port!`. Where 64 signals are more than a number has bits, it has only
    // `quietly`.
    #[cfg(target_pointer_width = "64")]
    fn quiet_begin(&self) -> usize {
        signals::keep_off().bits()
    }

    #[cfg(target_pointer_width = "64")]
    fn quiet_end(&self, was: usize) {
        signals::put_back(&sys::SigSet::of_bits(was));
    }
}

#[cfg(test)]
mod tests {
    use super::vm::{map, page_size, release, reserve};
    use std::vec::Vec;

    #[test]
    fn never_executable_and_never_more_than_asked() {
        let page = page_size();
        let base = reserve(8 * page, 4 * page).unwrap();
        map(base, 2 * page).unwrap();
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
        let mut modes = Vec::new();
        for line in maps.lines() {
            let (range, rest) = line.split_once(' ').unwrap();
            let (lo, hi) = range.split_once('-').unwrap();
            let lo = usize::from_str_radix(lo, 16).unwrap();
            let hi = usize::from_str_radix(hi, 16).unwrap();
            if lo < base.0 + 8 * page && base.0 < hi {
                assert!(!rest[..4].contains('x'), "{line}");
                modes.push(&rest[..4]);
            }
        }
        assert!(modes.contains(&"rw-p") && modes.contains(&"---p"), "{modes:?}");
        release(base, 8 * page);
    }
}
