//! Entering and leaving, and a signal's handler on the same thread: `src/mpm/entry.rs`,
//! `src/shield/mod.rs` (`Peeks`) and `src/shield/threads.rs`.
//!
//! A handler of the client's comes between any two steps of one thread that enters the
//! instance and leaves it, runs to its end, and looks at memory that is shielded. It is
//! one thread, so this needs no loom: all pairs of places for two handlers are tried.

use models::base::ptr::P;
use models::mpm::Mpm;
use models::object::seg::Page;
use models::ports::gates::Gates;
use models::shield::threads::Thread;
use models::sync::atomic::Ordering;
use models::{Shared, at_each_step, at_step, i_am, steps_off, weaken, weakened};
use std::cell::Cell as Plain;

/// What the entered thread does inside.
#[derive(Clone, Copy, PartialEq)]
enum Work {
    /// Nothing.
    Nothing,
    /// It stops the other threads, as a flip does.
    Holds,
    /// It looks at shielded memory itself, as a scanner may.
    Peeks,
}

std::thread_local!(static NOW: Plain<Option<(P<Mpm>, &'static Gates)>> = const { Plain::new(None) });

/// The handler: looks at the nth page, which is a fault if that is shielded.
fn handler(n: usize) {
    let Some((m, port)) = NOW.get() else { return };
    steps_off(|| {
        let page = &m.cx.pages[n];
        if page.real.get() {
            Mpm::fault_in(m, n);
            assert!(!page.real.get(), "it sees what it looks at");
        }
        hidden(m, port);
    });
}

/// Other threads that run do not see what they must not.
fn hidden(m: P<Mpm>, port: &Gates) {
    let stopped = port.stopped.load(Ordering::Relaxed) != 0;
    let good = |p: &Page| p.real.get() || !p.wanted.get();
    assert!(stopped || m.get().cx.pages.iter().all(good), "others see what they must not");
}

fn register(m: P<Mpm>, port: &'static Gates, n: usize) {
    i_am(n);
    let t = Shared::new(Thread::new(1, port, None));
    m.cx.threads.register(t.p(), port).unwrap();
    i_am(1);
}

fn enter_and_leave(work: Work) {
    let port = Gates::new();
    let m = Shared::new(Mpm::new(port)).p();
    steps_off(|| {
        register(m, port, 1);
        register(m, port, 2);
        for page in &m.get().cx.pages {
            [&page.wanted, &page.mode, &page.real].iter().for_each(|p| p.set(true));
        }
    });
    port.before_resume.set(Some(Box::leak(Box::new(move || hidden(m, port)))));
    NOW.set(Some((m, port)));
    Mpm::enter(m, |e| match work {
        Work::Nothing => {}
        Work::Holds => e.cx.hold(),
        Work::Peeks => Mpm::fault_in(m, 0),
    });
    NOW.set(None);
    steps_off(|| {
        assert_eq!(m.cx.lock.load(Ordering::Relaxed), 0, "nobody is inside");
        assert!(m.cx.peeks.is_empty(), "a look was forgotten");
        assert!(!m.cx.threads.is_held() && port.is_quiet(), "the others run");
        assert_eq!(port.stopped.load(Ordering::Relaxed), 0, "all of them");
        hidden(m, port);
        // All is as it was: once more, without handlers.
        Mpm::enter(m, |_| ());
    });
}

fn all() {
    let mut places = 0;
    for work in [Work::Nothing, Work::Holds, Work::Peeks] {
        for (also, page) in (0..200).flat_map(|n| [(n, 0), (n, 1)]) {
            places += at_each_step(
                || handler(0),
                || {
                    at_step(also, move || handler(page));
                    enter_and_leave(work);
                },
            );
        }
    }
    println!("{places} places");
    assert!(places > 10_000, "handlers come between any two steps");
}

#[test]
fn a_look_is_seen_to_before_others_run() {
    all();
}

weakened! {
    /// A handler between the look at the notes and the change of the lock's word.
    looking_once, "a look was forgotten" | "others see what they must not" => {
        weaken("leave looks once");
        all();
    }
}

weakened! {
    /// Without the complement nobody can tell who has the lock after the change.
    giving_the_lock_back_at_once, "a look was forgotten" | "others see what they must not" => {
        weaken("no complement");
        all();
    }
}

weakened! {
    /// A handler after the last look, and before the others run again.
    not_quietly, "a look was forgotten" | "others see what they must not" => {
        weaken("not quietly");
        all();
    }
}

weakened! {
    /// A handler finds the lock taken by the thread that it has interrupted, and waits.
    waiting_for_who_leaves, "waits for itself" => {
        weaken("nobody leaves");
        all();
    }
}

weakened! {
    /// What the code was before: between two steps of `none_stopped` a handler that has
    /// just stopped the others is not known of, and a second one stops them once more.
    looking_once_before_stopping, "waits for itself" => {
        weaken("one look before stopping");
        all();
    }
}
