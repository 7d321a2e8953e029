//! Each case installs handlers for good, so each runs in a process of its own:
//! this very test program, started again with the name of the case.

use super::*;
use core::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus};

fn in_a_process(case: &str) -> ExitStatus {
    let name = std::format!("ports::unix::prot::tests::cases::{case}");
    Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "--test-threads=1", &name])
        .stdout(std::process::Stdio::null())
        .status()
        .unwrap()
}

#[test]
fn ours_are_answered() {
    assert!(in_a_process("barrier").success());
    #[cfg(target_arch = "x86_64")]
    assert!(in_a_process("stopped_in_the_library").success());
}

#[test]
fn others_go_to_whoever_was_there() {
    assert!(in_a_process("with_info").success());
    assert!(in_a_process("plain").success());
}

#[test]
fn nobody_there_means_death_by_the_same_signal() {
    for case in ["default", "ignored", "default_sent"] {
        assert_eq!(in_a_process(case).signal(), Some(sys::SIG_DENIED), "{case}");
    }
    assert!(in_a_process("ignored_sent").success());
}

/// The handler of a second library.
unsafe extern "C" fn another(_: usize, _: i32) -> i32 {
    0
}

static BASE: AtomicUsize = AtomicUsize::new(0);
static READS: AtomicU32 = AtomicU32::new(0);
static WRITES: AtomicU32 = AtomicU32::new(0);

/// A library that owns one page at `BASE`.
unsafe extern "C" fn library(addr: usize, write: i32) -> i32 {
    let base = BASE.load(Ordering::Relaxed);
    let page = vm::page_size();
    if addr.wrapping_sub(base) >= page {
        return 0;
    }
    if write != 0 {
        WRITES.fetch_add(1, Ordering::Relaxed);
        protect(Addr(base), page, AccessSet::EMPTY).unwrap();
    } else {
        READS.fetch_add(1, Ordering::Relaxed);
        protect(Addr(base), page, AccessSet::WRITE).unwrap();
    }
    let local = 0u8;
    INSIDE.store(Addr::of(&local).0, Ordering::Release);
    while LINGER.load(Ordering::Acquire) {
        core::hint::spin_loop();
    }
    // SAFETY: as a library that does something would.
    unsafe { *sys::errno_location() = 99 };
    1
}

/// Three pages mapped, the first of them the library's.
fn pages() -> (Addr, Size) {
    let page = vm::page_size();
    let base = vm::reserve(3 * page, page).unwrap();
    vm::map(base, 3 * page).unwrap();
    BASE.store(base.0, Ordering::Relaxed);
    (base, page)
}

fn write(a: Addr, v: u32) {
    // SAFETY: mapped, and a handler answers for what is protected.
    unsafe { a.ptr::<u32>().write_volatile(v) };
}

fn read(a: Addr) -> u32 {
    // SAFETY: as in `write`.
    unsafe { a.ptr::<u32>().read_volatile() }
}

fn set_handler(handler: usize, flags: c_int) {
    let action = SigAction::new(handler, SigSet::EMPTY, flags);
    // SAFETY: a complete action.
    unsafe { sys::sigaction(sys::SIG_DENIED, &action, core::ptr::null_mut()) };
}

static LINGER: AtomicBool = AtomicBool::new(false);
/// Where the library's stack frame was.
static INSIDE: AtomicUsize = AtomicUsize::new(0);
static SEEN: AtomicUsize = AtomicUsize::new(0);
static GOOD: AtomicBool = AtomicBool::new(false);

unsafe extern "C" fn earlier(sig: c_int, info: *mut SigInfo, ucontext: *mut c_void) {
    // SAFETY: what the system passed.
    let (addr, denied) = unsafe { ((*info).addr, (*info).is_denied()) };
    // SAFETY: as above.
    let w = unsafe { context::is_write::<System>(ucontext) };
    GOOD.store(sig == sys::SIG_DENIED && denied && w, Ordering::Relaxed);
    SEEN.store(addr, Ordering::Relaxed);
    // It may itself touch what the library protects.
    write(Addr(BASE.load(Ordering::Relaxed)), 5);
    protect(Addr(addr).down(4096), 4096, AccessSet::EMPTY).unwrap();
}

unsafe extern "C" fn earlier_plain(sig: c_int) {
    GOOD.store(sig == sys::SIG_DENIED, Ordering::Relaxed);
    let (base, page) = (Addr(BASE.load(Ordering::Relaxed)), vm::page_size());
    protect(base.add(page), page, AccessSet::EMPTY).unwrap();
}

mod cases {
    use super::*;

    #[test]
    #[ignore = "started by another test"]
    fn barrier() {
        install(library).unwrap();
        assert_eq!((install(library), install(another)), (Ok(()), Err(Res::Fail)));
        let (base, page) = pages();
        write(base, 7);
        protect(base, page, AccessSet::READ_WRITE).unwrap();
        // SAFETY: this thread's own.
        unsafe { *sys::errno_location() = 42 };
        assert_eq!(read(base), 7);
        assert_eq!((READS.load(Ordering::Relaxed), WRITES.load(Ordering::Relaxed)), (1, 0));
        write(base.add(8), 8);
        assert_eq!(sys::errno(), 42);
        assert_eq!((READS.load(Ordering::Relaxed), WRITES.load(Ordering::Relaxed)), (1, 1));
        assert_eq!((read(base), read(base.add(8))), (7, 8));
        // It was called on this stack, though the test's thread has another.
        let local = 0u8;
        let here = Addr::of(&local).0;
        let there = INSIDE.load(Ordering::Relaxed);
        assert!(there < here && here - there < 1 << 16, "{there:x} {here:x}");
        let mut stack = SigStack { sp: 0, flags: 0, size: 0 };
        // SAFETY: a null new stack only asks.
        unsafe { sys::sigaltstack(core::ptr::null(), &mut stack) };
        assert!(stack.flags == 0 && stack.size >= 4096);
    }

    /// What the faulting thread had in registers that a handler need not keep
    /// is on its stack for whoever stops it in the library.
    #[test]
    #[ignore = "started by another test"]
    #[cfg(target_arch = "x86_64")]
    fn stopped_in_the_library() {
        use crate::ports::unix::threads;
        use crate::seam::port::ThreadSlot;
        struct Shared(ThreadSlot);
        // SAFETY: the cells inside are only looked at as atomics.
        unsafe impl Sync for Shared {}
        let slot = Shared(ThreadSlot::default());
        install(library).unwrap();
        let (base, page) = pages();
        protect(base, page, AccessSet::READ_WRITE).unwrap();
        LINGER.store(true, Ordering::Relaxed);
        // Where the thread's stack was when the fault came.
        let cold = AtomicUsize::new(0);
        std::thread::scope(|s| {
            let (slot, cold) = (&slot, &cold);
            let t = s.spawn(move || {
                let local = 0usize;
                cold.store(Addr::of(&local).0, Ordering::Relaxed);
                threads::register(&slot.0).unwrap();
                // SAFETY: writes to the page; what it changes is declared.
                unsafe {
                    core::arch::asm!(
                        "not r11",
                        "movq xmm9, r10",
                        "xor r10, r10",
                        "mov [rdi], eax",
                        "xor r11, r11",
                        inout("r11") !0x4444_0001usize => _,
                        inout("r10") 0x4444_0002usize => _,
                        in("rdi") base.0,
                        in("eax") 3,
                        out("xmm9") _,
                    );
                }
                threads::deregister(&slot.0);
            });
            while INSIDE.load(Ordering::Acquire) == 0 {
                std::thread::yield_now();
            }
            threads::stop_begin();
            threads::stop(&slot.0).unwrap();
            threads::wait(&slot.0).unwrap();
            let c = threads::context(&slot.0);
            let len = (cold.load(Ordering::Relaxed) - c.hot.0) / size_of::<usize>();
            // SAFETY: what a stopped thread has of its stack in use.
            let w = unsafe { core::slice::from_raw_parts(c.hot.ptr::<usize>(), len) }.to_vec();
            threads::resume(&slot.0);
            threads::stop_end();
            LINGER.store(false, Ordering::Release);
            t.join().unwrap();
            assert!(c.hot.0 < INSIDE.load(Ordering::Relaxed));
            assert!(w.contains(&0x4444_0001) && w.contains(&0x4444_0002));
        });
        assert_eq!(read(base), 3);
    }

    #[test]
    #[ignore = "started by another test"]
    fn with_info() {
        // It touches protected memory, which takes a second signal frame; the
        // stack that Rust gives its threads has no room for two.
        crate::ports::unix::sys::tests::big_alternate_stack();
        set_handler(earlier as *const () as usize, sys::SA_SIGINFO);
        install(library).unwrap();
        let (base, page) = pages();
        protect(base, 2 * page, AccessSet::WRITE).unwrap();
        write(base.add(page).add(12), 1);
        assert!(GOOD.load(Ordering::Relaxed));
        assert_eq!(SEEN.load(Ordering::Relaxed), base.0 + page + 12);
        assert_eq!(WRITES.load(Ordering::Relaxed), 1);
        assert_eq!((read(base), read(base.add(page).add(12))), (5, 1));
    }

    #[test]
    #[ignore = "started by another test"]
    fn plain() {
        set_handler(earlier_plain as *const () as usize, 0);
        install(library).unwrap();
        let (base, page) = pages();
        protect(base.add(page), page, AccessSet::READ).unwrap();
        assert_eq!(read(base.add(page)), 0);
        assert!(GOOD.load(Ordering::Relaxed));
    }

    fn fault_after(handler: usize) {
        set_handler(handler, 0);
        install(library).unwrap();
        let (base, page) = pages();
        protect(base.add(page), page, AccessSet::READ).unwrap();
        read(base.add(page));
    }

    #[test]
    #[ignore = "started by another test"]
    fn default() {
        fault_after(sys::SIG_DFL);
    }

    #[test]
    #[ignore = "started by another test"]
    fn ignored() {
        fault_after(sys::SIG_IGN);
    }

    #[test]
    #[ignore = "started by another test"]
    fn default_sent() {
        set_handler(sys::SIG_DFL, 0);
        install(library).unwrap();
        signals::send(signals::tid(), sys::SIG_DENIED);
    }

    #[test]
    #[ignore = "started by another test"]
    fn ignored_sent() {
        set_handler(sys::SIG_IGN, 0);
        install(library).unwrap();
        signals::send(signals::tid(), sys::SIG_DENIED);
    }
}
