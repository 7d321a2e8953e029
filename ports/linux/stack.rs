//! The calling thread's own stack.
//!
//! The C library knows the stacks of the threads that it started. The first
//! thread's is the kernel's. It grows until it meets another mapping or the
//! resource limit, and a program may raise that limit at any time; so what counts
//! here is the mapping below, found in `/proc/self/maps`. (musl would only say how
//! far that stack has grown so far, glibc where the limit is now.)

use super::sys::{OPEN_READ, read};
use super::thread::tid;
use crate::base::addr::{Addr, Range};
use crate::ports::unix::sys::EINTR;
use crate::ports::unix::sys::{close, errno, getpid, keeping_errno, open, pthread_self};
use core::ffi::{c_int, c_ulong};
use core::sync::atomic::{AtomicUsize, Ordering};

/// Room for a `pthread_attr_t`. The largest has 64 bytes (glibc on ARM64), on IA-32 it
/// has 36.
#[repr(C)]
struct Attributes([usize; 16]);

unsafe extern "C" {
    fn getauxval(kind: c_ulong) -> c_ulong;
    fn pthread_getattr_np(thread: usize, out: *mut Attributes) -> c_int;
    fn pthread_attr_getstack(a: *const Attributes, base: *mut usize, size: *mut usize) -> c_int;
    fn pthread_attr_destroy(a: *mut Attributes) -> c_int;
}

/// The entry of the auxiliary vector (elf.h) that says where the kernel has put some random
/// bytes. These are above all frames of the first thread's stack.
const AT_RANDOM: c_ulong = 25;

/// `Port::thread_stack`.
pub fn own() -> Option<Range> {
    let local = 0u8;
    let here = Addr::of(&local);
    keeping_errno(|| {
        // SAFETY: no preconditions.
        let is_first = tid() == unsafe { getpid() } as usize;
        let holds = |s: &Range| s.contains(here);
        // After a fork the first thread may be one that the C library started.
        is_first.then(of_first).flatten().filter(holds).or_else(|| of_started().filter(holds))
    })
}

/// An address on the first thread's stack, above all its frames.
fn on_first() -> Addr {
    // SAFETY: no preconditions.
    Addr((unsafe { getauxval(AT_RANDOM) }) as usize)
}

/// The stack of a thread that the C library started.
fn of_started() -> Option<Range> {
    let mut a = Attributes([0; 16]);
    let (mut base, mut size) = (0, 0);
    // SAFETY: the calling thread, and room for its attributes.
    if unsafe { pthread_getattr_np(pthread_self(), &mut a) } != 0 {
        return None;
    }
    // SAFETY: attributes, and room for both.
    let r = unsafe { pthread_attr_getstack(&a, &mut base, &mut size) };
    // SAFETY: attributes; nobody uses them any more.
    unsafe { pthread_attr_destroy(&mut a) };
    let stack = Range::sized(Addr(base), size);
    // What is said of the first thread's is not to be relied on, see above.
    (r == 0 && !stack.contains(on_first())).then_some(stack)
}

/// The first thread's stack, found once: some 50 us, more with many mappings.
fn of_first() -> Option<Range> {
    static BASE: AtomicUsize = AtomicUsize::new(0);
    /// 0 until it is found.
    static LIMIT: AtomicUsize = AtomicUsize::new(0);

    let limit = LIMIT.load(Ordering::Acquire);
    if limit != 0 {
        return Some(Range::new(Addr(BASE.load(Ordering::Relaxed)), Addr(limit)));
    }
    let stack = find_first()?;
    // Whoever else is here at this moment finds the same.
    BASE.store(stack.base.0, Ordering::Relaxed);
    LIMIT.store(stack.limit.0, Ordering::Release);
    Some(stack)
}

fn find_first() -> Option<Range> {
    // SAFETY: a string; opened to be read it takes no mode.
    let fd = unsafe { open(c"/proc/self/maps".as_ptr(), OPEN_READ) };
    if fd < 0 {
        return None;
    }
    let mut maps = Maps::new(on_first());
    let mut room = [0u8; 1024];
    let found = loop {
        // SAFETY: a file, and that much room.
        let n = unsafe { read(fd, room.as_mut_ptr().cast(), room.len()) };
        if n < 0 && errno() == EINTR {
            continue;
        }
        let text = usize::try_from(n).ok().and_then(|n| room.get(..n)).unwrap_or_default();
        if text.is_empty() {
            break None;
        }
        if let Some(stack) = text.iter().find_map(|c| maps.next(*c)) {
            break Some(stack);
        }
    };
    // SAFETY: a file of ours.
    unsafe { close(fd) };
    found
}

/// Reads lines `base-limit and what else`, in ascending order, for the mapping that
/// holds an address.
struct Maps {
    wanted: Addr,
    /// What is being read of a line.
    part: Part,
    number: usize,
    base: Addr,
    /// Where the mapping before ends.
    before: Addr,
    /// Where the mapping before the last gap ends.
    below: Addr,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Base,
    Limit,
    Rest,
}

impl Maps {
    fn new(wanted: Addr) -> Maps {
        let none = Addr::NULL;
        Maps { wanted, part: Part::Base, number: 0, base: none, before: none, below: none }
    }

    /// Takes the next character. When it ends the limit of the mapping wanted:
    /// the range from the end of the mapping below to that limit. A mapping
    /// that adjoins is a part of the same stack, with other attributes.
    fn next(&mut self, c: u8) -> Option<Range> {
        match (self.part, c) {
            (Part::Rest, b'\n') => self.part = Part::Base,
            (Part::Rest, _) => {}
            (Part::Base, b'-') => {
                self.base = Addr(core::mem::take(&mut self.number));
                self.part = Part::Limit;
            }
            (Part::Limit, b' ') => {
                let limit = Addr(core::mem::take(&mut self.number));
                self.part = Part::Rest;
                if self.base != self.before {
                    self.below = self.before;
                }
                self.before = limit;
                if Range::new(self.base, limit).contains(self.wanted) {
                    return Some(Range::new(self.below, limit));
                }
            }
            _ => {
                let digit = (c as char).to_digit(16).unwrap_or(0);
                self.number = (self.number << 4) | digit as usize;
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str, wanted: usize) -> Option<Range> {
        let mut maps = Maps::new(Addr(wanted));
        text.bytes().find_map(|c| maps.next(c))
    }

    #[test]
    fn lines() {
        let text = "1000-3000 r-xp 00000000 08:01 1234   /bin/a-b c\n\
                    5000-6000 rw-p 00000000 00:00 0\n\
                    a000-b000 rwxp 00000000 00:00 0\n\
                    b000-f000 rw-p 00000000 00:00 0   [stack]\n\
                    f1000-f2000 r-xp 00000000 00:00 0   [vdso]\n";
        let range = |base, limit| Some(Range::new(Addr(base), Addr(limit)));
        assert_eq!(found(text, 0xb010), range(0x6000, 0xf000));
        assert_eq!(found(text, 0xa000), range(0x6000, 0xb000));
        assert_eq!(found(text, 0x1000), range(0, 0x3000));
        assert_eq!(found(text, 0xf1fff), range(0xf000, 0xf2000));
        assert_eq!((found(text, 0xf000), found(text, 0xfff)), (None, None));
        assert_eq!(found("1000-30", 0x1010), None);
    }

    /// The first thread's, from whatever thread: the runner runs tests on others.
    #[test]
    fn first() {
        let s = of_first().unwrap();
        assert_eq!((find_first(), of_first()), (Some(s), Some(s)));
        assert!(s.contains(on_first()) && s.limit.is_aligned(4096));
        // Room to grow: what it has grown to so far is some 130 KB.
        assert!(s.size() > 4 << 20, "{s:?}");
    }

    #[test]
    fn started() {
        let t = std::thread::Builder::new().stack_size(1 << 20);
        let t = t.spawn(|| {
            let local = 0u8;
            (own(), Addr::of(&local))
        });
        let (stack, local) = t.unwrap().join().unwrap();
        let stack = stack.unwrap();
        assert!(stack.contains(local));
        assert!((1 << 20..3 << 20).contains(&stack.size()), "{stack:?}");
    }
}
