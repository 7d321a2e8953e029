//! The calling thread's own stack, as the C library knows it. The first thread's it knows by
//! the resource limit at the program's start, which no program can go beyond.

use crate::base::addr::{Addr, Range};
use crate::ports::unix::sys::{keeping_errno, pthread_self};

unsafe extern "C" {
    /// The cold end.
    fn pthread_get_stackaddr_np(thread: usize) -> usize;
    fn pthread_get_stacksize_np(thread: usize) -> usize;
}

/// `Port::thread_stack`.
pub fn own() -> Option<Range> {
    let local = 0u8;
    let here = Addr::of(&local);
    keeping_errno(find).filter(|s| s.contains(here))
}

fn find() -> Option<Range> {
    // SAFETY: no preconditions.
    let me = unsafe { pthread_self() };
    // SAFETY: the calling thread.
    let (cold, size) = unsafe { (pthread_get_stackaddr_np(me), pthread_get_stacksize_np(me)) };
    Some(Range::sized(Addr(cold.checked_sub(size)?), size))
}
