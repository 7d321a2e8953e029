//! The calling thread's own stack: that of the fiber it runs, if it runs one.

use super::{sys, vm};
use crate::base::addr::{Addr, Range};

/// `Port::thread_stack`. The system says where a stack begins and how far it has grown; what it
/// may grow to is all of the allocation.
pub fn own() -> Option<Range> {
    let local = 0u8;
    let here = Addr::of(&local);
    let base = sys::keeping_last_error(|| vm::allocation(here))?;
    let limit = Addr(sys::tib::<1>());
    (base < limit).then(|| Range::new(base, limit)).filter(|s| s.contains(here))
}
