//! Stopping threads: `ports/unix/threads.rs` (`stop`, `wait`, `resume`, `deregister` and the
//! handler), on signals that a thread takes when the model says.
//!
//! One thread stops another, twice in a row, and looks at what that one was doing.
//! Slots are deregistered, and used for something else, while handlers may be on their
//! way out, or look through the list because of a signal that was not ours.

use loom::thread::spawn;
use models::cell::Cell;
use models::ports::unix::{signals, threads};
use models::seam::port::ThreadSlot;
use models::sync::atomic::{AtomicBool, Ordering};
use models::{Fences, Shared, Weak, given_back, i_am, model, weaken, weakened, weakly};
use std::ffi::c_void;

/// Numbers of threads.
const STOPPER: usize = 1;
const TARGET: usize = 2;
const BYSTANDER: usize = 3;

struct Target {
    slot: ThreadSlot,
    /// What its stack stands for: it writes there, and who stopped it reads and writes.
    work: Cell<usize>,
    /// Is it stopped, as who stops it sees it?
    held: AtomicBool,
    /// Nothing is left for it to do.
    over: AtomicBool,
}

impl Target {
    fn at(&self) -> *mut c_void {
        std::ptr::from_ref(self).cast_mut().cast()
    }

    /// A step of its own. It is not held.
    fn step(&self) {
        assert!(!self.held.load(Ordering::Relaxed), "it runs while it is held");
        self.work.set(self.work.get() + 1);
    }
}

/// A target, registered as thread `n`.
fn target(n: usize) -> Shared<Target> {
    let t = Shared::new(Target {
        slot: ThreadSlot::default(),
        work: Cell::default(),
        held: AtomicBool::default(),
        over: AtomicBool::default(),
    });
    i_am(n);
    threads::register(&t.slot).unwrap();
    t.work.set(0);
    t.held.store(false, Ordering::Relaxed);
    t.over.store(false, Ordering::Relaxed);
    i_am(STOPPER);
    t
}

/// Words are made when they are first used, and all threads are to know them: one batch
/// of a thread that takes its signals at once.
fn begin() {
    signals::begin();
    let t = target(TARGET);
    threads::stop_begin();
    threads::stop(&t.slot).unwrap();
    i_am(TARGET);
    threads::resume(&t.slot);
    signals::take_suspend(t.at());
    i_am(STOPPER);
    threads::stop_end();
    threads::deregister(&t.slot);
}

/// Stops a target, looks at it, and lets it go.
fn stop_and_look(t: &Target) {
    threads::stop_begin();
    threads::stop(&t.slot).unwrap();
    threads::wait(&t.slot).unwrap();
    t.held.store(true, Ordering::Relaxed);
    let there = threads::context(&t.slot).hot;
    assert_eq!(there.ptr(), t.at(), "it stands where its handler says");
    t.work.set(t.work.get() + 10);
    t.held.store(false, Ordering::Relaxed);
    threads::resume(&t.slot);
    threads::stop_end();
}

/// The target's thread: works, and takes so many suspend signals.
fn live(t: Shared<Target>, stops: usize) {
    i_am(TARGET);
    for _ in 0..stops {
        t.step();
        signals::take_suspend(t.at());
        t.step();
    }
}

fn stopped(stops: usize) {
    model(3, Fences::Before, move || {
        begin();
        let t = target(TARGET);
        let other = spawn(move || live(t, stops));
        (0..stops).for_each(|_| stop_and_look(&t));
        other.join().unwrap();
        assert_eq!(t.work.get(), stops * 12, "no step is lost");
    });
}

/// After a stop the slot is deregistered by the stopper, and used for something else.
fn deregistered() {
    model(3, Fences::Before, || {
        begin();
        let t = target(TARGET);
        let other = spawn(move || live(t, 1));
        stop_and_look(&t);
        threads::deregister(&t.slot);
        given_back(&t.slot);
        other.join().unwrap();
    });
}

/// The same, while a third thread has a suspend signal from elsewhere, whose handler looks
/// through the list.
fn looked_through(fences: Fences) {
    model(2, fences, || {
        begin();
        let t = target(TARGET);
        let other = spawn(move || live(t, 1));
        let third = spawn(|| {
            i_am(BYSTANDER);
            signals::deliver(std::ptr::null_mut());
        });
        stop_and_look(&t);
        threads::deregister(&t.slot);
        given_back(&t.slot);
        other.join().unwrap();
        third.join().unwrap();
        assert_eq!(signals::STRAY.load(Ordering::Relaxed), 1, "it is passed on");
    });
}

#[test]
fn a_stopped_thread_stands_still() {
    stopped(1);
}

#[test]
fn twice_in_a_row() {
    stopped(2);
}

#[test]
fn a_slot_is_free_once_deregistered() {
    deregistered();
}

#[test]
fn handlers_from_elsewhere_keep_slots() {
    looked_through(Fences::Before);
    looked_through(Fences::After);
}

/// Two registrations of one thread: it is stopped once, and both have its place.
#[test]
fn registered_twice() {
    model(3, Fences::Before, || {
        begin();
        let t = target(TARGET);
        let second = target(TARGET);
        let other = spawn(move || live(t, 1));
        threads::stop_begin();
        threads::stop(&t.slot).unwrap();
        threads::stop(&second.slot).unwrap();
        threads::wait(&t.slot).unwrap();
        threads::wait(&second.slot).unwrap();
        assert_eq!(threads::context(&second.slot).hot.ptr(), t.at());
        t.work.set(t.work.get() + 10);
        threads::resume(&t.slot);
        threads::resume(&second.slot);
        threads::stop_end();
        other.join().unwrap();
        assert_eq!(t.work.get(), 12);
    });
}

weakened! {
    /// A flag that says "go" would still be there at the second stop. (Where the thread said it
    /// stands is on its stack, so that may be gone.)
    flags_for_numbers, "it runs while it is held" | "Causality violation" | "it stands where its handler says" => {
        weaken("flags for numbers");
        stopped(2);
    }
}

weakened! {
    /// A handler on its way out writes once more.
    leavers_are_forgotten, "memory is used that was given back" => {
        weaken("leavers are forgotten");
        deregistered();
    }
}

weakened! {
    /// A handler that looks through the list reads what it finds.
    walkers_are_forgotten, "memory is used that was given back" => {
        weaken("walkers are forgotten");
        looked_through(Fences::Before);
    }
}

weakened! {
    stopping_relaxed, "Causality violation" | "stands where its handler says" => {
        weakly(Weak::Release);
        stopped(1);
    }
}

weakened! {
    waiting_relaxed, "Causality violation" | "stands where its handler says" => {
        weakly(Weak::Acquire);
        stopped(1);
    }
}

weakened! {
    /// A handler counts itself and looks at the list; who deregisters has emptied that and
    /// looks at the count. With acquire and release each may miss the other.
    looking_through_with_acquire_and_release, "memory is used that was given back" => {
        weakly(Weak::SeqCst);
        looked_through(Fences::Before);
    }
}
