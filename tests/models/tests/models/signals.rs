//! Which signals stop threads, and installing their handlers: `ports/unix/signals.rs`
//! (`install_once`, `set_thread_signals`).
//!
//! Two threads register at once, and a third chooses other signals. Whoever comes back from
//! registering relies on both handlers being there; signals are sent as chosen.

use loom::thread::spawn;
use models::base::res::{Res, Result};
use models::ports::unix::installing::signals::{
    BEFORE_RESUME, BEFORE_SUSPEND, install_once, resume, set_thread_signals, suspend,
};
use models::ports::unix::sys::{SIGXCPU, SIGXFSZ, SigInfo};
use models::{Fences, Weak, i_am, model, weaken, weakened, weakly};
use std::ffi::{c_int, c_void};

unsafe extern "C" fn handler(_sig: c_int, _info: *mut SigInfo, _ucontext: *mut c_void) {}

/// Words are made when they are first used, and all threads are to know them: so signals
/// are chosen once before, and those by default again.
fn begin() {
    i_am(3);
    set_thread_signals(40, 41).unwrap();
    set_thread_signals(SIGXFSZ, SIGXCPU).unwrap();
    BEFORE_SUSPEND.signal.set(0);
    BEFORE_RESUME.signal.set(0);
}

/// Registering a thread, as far as signals go.
fn register() {
    install_once(handler, handler).unwrap();
    // From now on these are sent.
    assert_eq!(BEFORE_SUSPEND.signal.get(), suspend(), "a signal is sent with no handler");
    assert_eq!(BEFORE_RESUME.signal.get(), resume(), "a signal is sent with no handler");
}

fn two_register() {
    model(3, Fences::Before, || {
        begin();
        let other = spawn(|| {
            i_am(1);
            register();
        });
        register();
        other.join().unwrap();
    });
}

/// One chooses, one registers: either is first.
fn one_chooses() {
    model(3, Fences::Before, || {
        begin();
        let other = spawn(|| {
            i_am(1);
            register();
        });
        let chosen: Result = set_thread_signals(40, 41);
        other.join().unwrap();
        let now = (suspend(), resume());
        match chosen {
            Ok(()) => assert_eq!(now, (40, 41), "chosen"),
            Err(e) => assert_eq!((e, now), (Res::Fail, (SIGXFSZ, SIGXCPU)), "too late"),
        }
        assert_eq!(BEFORE_SUSPEND.signal.get(), now.0, "a signal is sent with no handler");
        assert_eq!(BEFORE_RESUME.signal.get(), now.1, "a signal is sent with no handler");
    });
}

#[test]
fn both_handlers_are_there_once_registered() {
    two_register();
}

#[test]
fn signals_are_chosen_before_or_not_at_all() {
    one_chooses();
}

#[test]
fn two_choose() {
    model(3, Fences::Before, || {
        begin();
        let other = spawn(|| {
            i_am(1);
            set_thread_signals(42, 43).unwrap();
        });
        set_thread_signals(40, 41).unwrap();
        other.join().unwrap();
        assert_eq!(suspend() + 1, resume(), "both of one choice");
    });
}

weakened! {
    /// Installing is under way on another thread.
    not_waiting, "Causality violation" | "with no handler" => {
        weaken("under way is done");
        two_register();
    }
}

weakened! {
    installing_relaxed, "Causality violation" | "with no handler" => {
        weakly(Weak::Release);
        two_register();
    }
}

weakened! {
    finding_installed_relaxed, "Causality violation" | "with no handler" => {
        weakly(Weak::Acquire);
        two_register();
    }
}

weakened! {
    /// What the code was before: it looked whether handlers are installed, and then wrote.
    choosing_while_installing, "with no handler" => {
        weaken("choosing after a look");
        one_chooses();
    }
}
