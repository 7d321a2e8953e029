//! The library's protocols between threads, tried in all orders.
//!
//! README.md says for each model what it is of, what must hold and what it was seen
//! to catch. Here: how the library's own files come to run in a model.
//!
//! # The library's files, unchanged
//!
//! The modules `base`, `object`, `mpm`, `shield`, `trace`, `pools` and `ports` include
//! the library's files by `#[path]`. What those import from files that can't be
//! included is a small stand-in at the same place, which says what it stands for.
//!
//! The files say `core::sync::atomic` and `core::cell::Cell`. In this crate `core` is the
//! crate itself: the line `extern crate self as core` below. So they get [`sync::atomic`]
//! and [`cell`], whose words and cells do three things:
//!
//! - Within [`model`] each atomic is one of loom's, which tries all orders of threads
//!   and, as the orderings allow, all values that a load may see.
//! - Within [`model`] each `Cell` is watched: two threads that use it at once, one of
//!   them writing, fail the model. So what should be under a lock is seen to be.
//! - Elsewhere they call [`step`] before each access. A test makes that run a signal's
//!   handler at the nth access, for every n ([`at_each_step`]).
//!
//! # What is bounded
//!
//! - loom tries all orders in which threads are interrupted at most three times in all, in
//!   one model twice (`LOOM_MAX_PREEMPTIONS` changes that for all). Waiting, yielding
//!   and ending do not count.
//! - loom remembers the last seven values of a word.
//! - loom has no sequentially consistent order but that of fences. An access that is
//!   `SeqCst` is made one with a fence on one side: before it ([`Fences::Before`]) or after
//!   it ([`Fences::After`]). Both are what compilers make of it on some processor. A
//!   model that needs the order runs with both: an access weakened to acquire and
//!   release loses its fence, and the fence on one side of its neighbour does not
//!   replace it in at least one of the two.
//! - loom has no one order of stores and read-modify-writes of a word, but of
//!   read-modify-writes only. So the stand-in for signals uses these.
//! - A lock's wait looks once and not 64 times between yields (`cfg(loom)` in the file).
//! - The history of epochs has 3 places and not 256 (the same).

#[cfg(not(loom))]
compile_error!("build this with RUSTFLAGS='--cfg loom', as `make model-test` does");

extern crate self as core;

/// Includes a file of the library in which `build.rs` has marked what can be weakened.
macro_rules! weakenable {
    ($name:ident, $file:literal) => {
        pub mod $name {
            include!(concat!(env!("OUT_DIR"), "/", $file));
        }
    };
}

// What the library's files use of `core`, beside `cell`, `hint` and `sync`.
pub use std::{array, cmp, convert, ffi, fmt, iter, marker, mem, ops, option, ptr, result, slice};

pub mod cell;
pub mod hint;
mod run;
pub mod sync;

pub mod arena;
pub mod base;
pub mod mpm;
pub mod object;
pub mod pools;
pub mod ports;
pub mod seam;
weakenable!(shield, "src-shield-mod.rs");
pub mod trace;

pub use run::{
    Fences, Shared, Weak, at_each_step, at_step, given_back, i_am, in_model, me, model, must_fail,
    step, steps_off, weak, weaken, weakly,
};
