use super::*;
use crate::base::addr::Addr;
use crate::ports::unix::signals::set_thread_signals;
use core::sync::atomic::AtomicU64;
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};
use std::vec::Vec;

/// A slot that two threads of a test can see.
#[derive(Default)]
struct Shared(ThreadSlot);

// SAFETY: the cells inside are only looked at as atomics.
unsafe impl Sync for Shared {}
// SAFETY: as above.
unsafe impl Send for Shared {}

struct Batch;

impl Batch {
    fn begin() -> Batch {
        stop_begin();
        Batch
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        stop_end();
    }
}

fn words(c: Context) -> Vec<usize> {
    // SAFETY: the port says that they are there until resumed.
    unsafe { core::slice::from_raw_parts(c.regs.ptr::<usize>(), c.reg_count) }.to_vec()
}

/// Spins with `general` in r12 and `vector` in xmm9 only, until `on` is 0.
#[cfg(target_arch = "x86_64")]
fn hold(general: usize, vector: usize, on: &AtomicU64, turns: &AtomicU64) {
    // SAFETY: reads and writes what it is given; what it changes is declared.
    unsafe {
        core::arch::asm!(
            "not r12",
            "not {v}",
            "movq xmm9, {v}",
            "xor {v:e}, {v:e}",
            "2:",
            "inc qword ptr [{turns}]",
            "pause",
            "cmp qword ptr [{on}], 0",
            "jne 2b",
            "xor r12, r12",
            v = inout(reg) !vector => _,
            turns = in(reg) turns,
            on = in(reg) on,
            inout("r12") !general => _,
            out("xmm9") _,
        );
    }
}

#[test]
#[cfg(target_arch = "x86_64")]
fn stop_look_resume() {
    const N: usize = 3;
    let slots: Arc<[Shared; N]> = Arc::default();
    let on = Arc::new(AtomicU64::new(1));
    let turns: Arc<[AtomicU64; N]> = Arc::default();
    let ready = Arc::new(Barrier::new(N + 1));
    let all: Vec<_> = (0..N)
        .map(|i| {
            let (slots, on, turns, ready) =
                (slots.clone(), on.clone(), turns.clone(), ready.clone());
            thread::spawn(move || {
                register(&slots[i].0).unwrap();
                let local = 0u8;
                // SAFETY: this thread's own.
                unsafe { *sys::errno_location() = 17 };
                ready.wait();
                hold(0x1111_0000 + i, 0x2222_0000 + i, &on, &turns[i]);
                deregister(&slots[i].0);
                (Addr::of(&local).0, sys::errno())
            })
        })
        .collect();
    ready.wait();
    assert_eq!(set_thread_signals(40, 41), Err(Res::Fail));
    let mut hot = [0; N];
    for round in 0..200 {
        while turns.iter().any(|t| t.load(Ordering::Relaxed) == 0) {
            thread::yield_now();
        }
        let batch = Batch::begin();
        slots.iter().for_each(|s| stop(&s.0).unwrap());
        slots.iter().for_each(|s| wait(&s.0).unwrap());
        let before: Vec<_> = turns.iter().map(|t| t.load(Ordering::Relaxed)).collect();
        for (i, s) in slots.iter().enumerate() {
            let c = context(&s.0);
            let w = words(c);
            assert!(w.contains(&(0x1111_0000 + i)), "general register, round {round}");
            assert!(w.contains(&(0x2222_0000 + i)), "vector register, round {round}");
            hot[i] = c.hot.0;
        }
        if round == 0 {
            thread::sleep(Duration::from_millis(30));
        }
        let after: Vec<_> = turns.iter().map(|t| t.load(Ordering::Relaxed)).collect();
        assert_eq!(before, after);
        slots.iter().for_each(|s| resume(&s.0));
        drop(batch);
    }
    on.store(0, Ordering::Relaxed);
    for (t, hot) in all.into_iter().zip(hot) {
        let (local, errno) = t.join().unwrap();
        assert!(hot < local && local - hot < 1 << 20, "{hot:x} {local:x}");
        assert_eq!(errno, 17);
    }
}

#[test]
fn registered_twice_and_gone() {
    let slots: Arc<[Shared; 3]> = Arc::default();
    let quit = Arc::new(AtomicBool::new(false));
    let ready = Arc::new(Barrier::new(2));
    let t = {
        let (slots, quit, ready) = (slots.clone(), quit.clone(), ready.clone());
        thread::spawn(move || {
            slots.iter().for_each(|s| register(&s.0).unwrap());
            ready.wait();
            while !quit.load(Ordering::Relaxed) {
                core::hint::spin_loop();
            }
        })
    };
    ready.wait();
    for _ in 0..50 {
        let _batch = Batch::begin();
        slots.iter().for_each(|s| stop(&s.0).unwrap());
        slots.iter().for_each(|s| wait(&s.0).unwrap());
        let c = context(&slots[0].0);
        assert_eq!(c.regs, context(&slots[2].0).regs);
        slots.iter().for_each(|s| resume(&s.0));
    }
    quit.store(true, Ordering::Relaxed);
    t.join().unwrap();
    {
        let _batch = Batch::begin();
        // Its number may live on for a moment after `join`.
        let r = stop(&slots[0].0).and_then(|()| wait(&slots[0].0));
        assert_eq!(r, Err(Res::Fail));
        resume(&slots[0].0);
    }
    slots.iter().for_each(|s| deregister(&s.0));
}

#[test]
fn oneself_cannot_be_stopped() {
    let s = Shared::default();
    register(&s.0).unwrap();
    let batch = Batch::begin();
    assert_eq!(stop(&s.0), Err(Res::Fail));
    drop(batch);
    deregister(&s.0);
}

/// Four threads stop one another as fast as they can, as the threads of
/// several arenas would, while somebody sends them the signals for nothing.
#[test]
fn everybody_stops_everybody() {
    const N: usize = 4;
    let slots: Arc<[Shared; N]> = Arc::default();
    let ready = Arc::new(Barrier::new(N));
    let until = Instant::now() + Duration::from_millis(800);
    let done = Arc::new(Barrier::new(N));
    let all: Vec<_> = (0..N)
        .map(|i| {
            let (slots, ready, done) = (slots.clone(), ready.clone(), done.clone());
            thread::spawn(move || {
                register(&slots[i].0).unwrap();
                ready.wait();
                let mut batches = 0u64;
                while Instant::now() < until {
                    if batches.is_multiple_of(5) {
                        let other = slot(&slots[(i + 1) % N].0).tid.load(Ordering::Relaxed);
                        send(other, signals::suspend());
                        send(other, signals::resume());
                    }
                    let _batch = Batch::begin();
                    let others =
                        || slots.iter().enumerate().filter(|(k, _)| *k != i).map(|(_, s)| &s.0);
                    others().for_each(|s| stop(s).unwrap());
                    others().for_each(|s| wait(s).unwrap());
                    assert!(others().all(|s| context(s).reg_count > 20));
                    others().for_each(resume);
                    batches += 1;
                }
                done.wait();
                deregister(&slots[i].0);
                batches
            })
        })
        .collect();
    let batches: Vec<_> = all.into_iter().map(|t| t.join().unwrap()).collect();
    assert!(batches.iter().sum::<u64>() > 20, "{batches:?}");
}

/// A thread that is stopped inside a handler on an alternate stack: what it
/// was doing before is in the frame that brought it there.
#[test]
#[cfg(target_arch = "x86_64")]
fn stopped_on_an_alternate_stack() {
    static INSIDE: AtomicUsize = AtomicUsize::new(0);
    static LEAVE: AtomicBool = AtomicBool::new(false);
    const REALTIME: c_int = 50;

    unsafe extern "C" fn linger(_: c_int, _: *mut SigInfo, _: *mut c_void) {
        let local = 0u8;
        INSIDE.store(Addr::of(&local).0, Ordering::Release);
        while !LEAVE.load(Ordering::Acquire) {
            core::hint::spin_loop();
        }
    }

    let flags = sys::SA_SIGINFO | sys::SA_ONSTACK;
    let action = sys::SigAction::new(linger as *const () as usize, sys::SigSet::EMPTY, flags);
    // SAFETY: a complete action, for a signal nobody else uses.
    unsafe { sys::sigaction(REALTIME, &action, null_mut()) };

    let s: Arc<Shared> = Arc::default();
    let on = Arc::new(AtomicU64::new(1));
    let turns = Arc::new(AtomicU64::new(0));
    let t = {
        let (s, on, turns) = (s.clone(), on.clone(), turns.clone());
        thread::spawn(move || {
            register(&s.0).unwrap();
            sys::tests::big_alternate_stack();
            let local = 0u8;
            hold(0x3333_0001, 0x3333_0002, &on, &turns);
            deregister(&s.0);
            Addr::of(&local).0
        })
    };
    while turns.load(Ordering::Relaxed) == 0 {
        thread::yield_now();
    }
    assert!(send(slot(&s.0).tid.load(Ordering::Relaxed), REALTIME));
    while INSIDE.load(Ordering::Acquire) == 0 {
        thread::yield_now();
    }
    let batch = Batch::begin();
    stop(&s.0).unwrap();
    wait(&s.0).unwrap();
    let c = context(&s.0);
    let w = words(c);
    resume(&s.0);
    drop(batch);
    LEAVE.store(true, Ordering::Release);
    on.store(0, Ordering::Relaxed);
    let local = t.join().unwrap();
    assert!(w.contains(&0x3333_0001) && w.contains(&0x3333_0002));
    let inside = INSIDE.load(Ordering::Relaxed);
    assert!(
        c.regs.0 < inside && inside < c.regs.0 + 8 * c.reg_count,
        "the handler's frame is seen"
    );
    assert!(c.hot.0 < local && local - c.hot.0 < 1 << 20, "{:x} {local:x}", c.hot.0);
}

unsafe extern "C" {
    fn fork() -> c_int;
    fn waitpid(pid: c_int, status: *mut c_int, options: c_int) -> c_int;
    fn _exit(status: c_int) -> !;
    fn pthread_create(
        t: *mut usize,
        attr: *const c_void,
        f: unsafe extern "C" fn(*mut c_void) -> *mut c_void,
        arg: *mut c_void,
    ) -> c_int;
    fn pthread_join(t: usize, r: *mut *mut c_void) -> c_int;
}

/// In a process of its own: the hooks round forks are given once.
#[test]
fn after_a_fork() {
    let done = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "--test-threads=1"])
        .arg("ports::unix::threads::tests::after_a_fork_alone")
        .stdout(std::process::Stdio::null())
        .status();
    assert!(done.unwrap().success());
}

/// In a child the forking thread can be stopped through a slot of before.
#[test]
#[ignore = "started by another test"]
fn after_a_fork_alone() {
    use crate::seam::port::ForkHooks;
    static CALLS: AtomicUsize = AtomicUsize::new(0);
    unsafe extern "C" fn prepare() {
        CALLS.fetch_add(1, Ordering::Relaxed);
    }
    unsafe extern "C" fn parent() {
        CALLS.fetch_add(0x100, Ordering::Relaxed);
    }
    unsafe extern "C" fn child() {
        CALLS.fetch_add(0x1_0000, Ordering::Relaxed);
    }
    static HOOKS: ForkHooks = ForkHooks { prepare, parent, child };
    crate::ports::unix::fork::install(&HOOKS).unwrap();

    /// Stops the one thread of the child from another: 0 if that worked.
    unsafe extern "C" fn stopper(arg: *mut c_void) -> *mut c_void {
        // SAFETY: the slots of the test below, whose thread waits for us.
        let slots = unsafe { &*arg.cast::<[Shared; 2]>() };
        let _batch = Batch::begin();
        let live = stop(&slots[0].0).and_then(|()| wait(&slots[0].0));
        let dead = stop(&slots[1].0);
        resume(&slots[0].0);
        core::ptr::without_provenance_mut(usize::from(live != Ok(()) || dead != Err(Res::Fail)))
    }

    let slots: Arc<[Shared; 2]> = Arc::default();
    let s2 = slots.clone();
    let quit = Arc::new(Barrier::new(2));
    let (ready, q2) = (Arc::new(Barrier::new(2)), quit.clone());
    let r2 = ready.clone();
    let other = thread::spawn(move || {
        register(&s2[1].0).unwrap();
        r2.wait();
        q2.wait();
        deregister(&s2[1].0);
    });
    register(&slots[0].0).unwrap();
    ready.wait();
    // SAFETY: the child only makes calls that are fit for it.
    let pid = unsafe { fork() };
    if pid == 0 {
        let mut t = 0usize;
        let mut r = null_mut();
        let arg = core::ptr::from_ref(&*slots).cast_mut().cast();
        // SAFETY: the slots outlive the thread.
        unsafe {
            pthread_create(&mut t, core::ptr::null(), stopper, arg);
            pthread_join(t, &mut r);
        }
        deregister(&slots[1].0); // stayed in the parent: must not hang
        let hooked = CALLS.load(Ordering::Relaxed) == 0x1_0001;
        // SAFETY: ends the child.
        unsafe { _exit(r.addr() as c_int + if hooked { 0 } else { 2 }) }
    }
    let mut status = -1;
    // SAFETY: room for the status.
    unsafe { waitpid(pid, &mut status, 0) };
    assert_eq!(status, 0);
    assert_eq!(CALLS.load(Ordering::Relaxed), 0x101);
    quit.wait();
    other.join().unwrap();
    deregister(&slots[0].0);
}

#[test]
fn signals_must_make_sense() {
    for (s, r) in [(0, 5), (5, 65), (9, 5), (5, 19), (5, 5), (11, 5), (32, 40)] {
        assert_eq!(set_thread_signals(s, r), Err(Res::Param));
    }
}
