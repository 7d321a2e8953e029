//! The calling thread's own stack, as the C library knows it. The first thread's it knows by
//! the resource limit at the program's start, which no program can go beyond.

use crate::base::addr::{Addr, Range};
use crate::ports::unix::sys::{keeping_errno, pthread_self};
use core::ffi::c_int;

/// `pthread_attr_t`: a pointer.
type Attributes = usize;

unsafe extern "C" {
    fn pthread_attr_init(a: *mut Attributes) -> c_int;
    fn pthread_attr_get_np(thread: usize, out: *mut Attributes) -> c_int;
    fn pthread_attr_getstack(a: *const Attributes, base: *mut usize, size: *mut usize) -> c_int;
    fn pthread_attr_destroy(a: *mut Attributes) -> c_int;
}

/// `Port::thread_stack`.
pub fn own() -> Option<Range> {
    let local = 0u8;
    let here = Addr::of(&local);
    keeping_errno(find).filter(|s| s.contains(here))
}

fn find() -> Option<Range> {
    let mut a: Attributes = 0;
    let (mut base, mut size) = (0, 0);
    // SAFETY: room for attributes.
    if unsafe { pthread_attr_init(&mut a) } != 0 {
        return None;
    }
    // SAFETY: the calling thread, and attributes.
    let known = unsafe { pthread_attr_get_np(pthread_self(), &mut a) } == 0
        // SAFETY: attributes, and room for both.
        && unsafe { pthread_attr_getstack(&a, &mut base, &mut size) } == 0;
    // SAFETY: attributes; nobody uses them any more.
    unsafe { pthread_attr_destroy(&mut a) };
    known.then_some(Range::sized(Addr(base), size))
}
