//! The machine: the port and the plinth.

use core::ffi::{c_char, c_int, c_uint, c_ulong, c_void};
use core::sync::atomic::{AtomicUsize, Ordering};
use mps::base::addr::{Addr, Size};
use mps::base::res::{Res, Result};
use mps::seam::port::{Caps, Port};

/// The machine, as the library sees it.
pub struct Board {
    /// How deep interrupts are kept off. Yours: the processor's flag, and what it was.
    masked: AtomicUsize,
}

/// The one there is.
pub static BOARD: Board = Board { masked: AtomicUsize::new(0) };

impl Board {
    /// Are interrupts kept off?
    pub fn masked(&self) -> bool {
        self.masked.load(Ordering::Relaxed) != 0
    }
}

// The least that a port has: what is not here says in the trait that there is none of it. With
// memory of its own (`Caps::VM`) `reserve`, `release`, `map` and `unmap` do something; with
// protection (`Caps::PROTECT`) `protect` and `install_faults`; with threads
// (`Caps::THREADS`) the functions about these.
//
// SAFETY: it gives out no memory and stops no thread, so it can break no promise about these.
// `quietly` is the trait's own.
unsafe impl Port for Board {
    fn capabilities(&self) -> Caps {
        Caps::NONE
    }

    /// What memory is counted by.
    fn page_size(&self) -> Size {
        256
    }

    // Not called, as there is no `Caps::VM`.

    fn reserve(&self, _size: Size, _align: Size) -> Result<Addr> {
        Err(Res::Resource)
    }

    fn release(&self, _base: Addr, _size: Size) {}

    fn map(&self, _base: Addr, _size: Size) -> Result {
        Err(Res::Memory)
    }

    fn unmap(&self, _base: Addr, _size: Size) {}

    /// Called while threads are stopped: so not by a library without the feature `threads`,
    /// as here. Yours: reads the interrupt flag, clears it, and returns what it was.
    fn quiet_begin(&self) -> usize {
        self.masked.fetch_add(1, Ordering::Relaxed)
    }

    /// Yours: puts the flag back.
    fn quiet_end(&self, was: usize) {
        self.masked.store(was, Ordering::Relaxed);
    }
}

// ------------------------------------------------------------------ the plinth
//
// Functions that the library calls by name, as in C (include/mpslib.h, include/mpsio.h).

static TICKS: AtomicUsize = AtomicUsize::new(0);

/// How many ticks make a second.
pub const RATE: usize = 10_000;

/// What the timer's interrupt does.
pub fn tick() {
    TICKS.fetch_add(1, Ordering::Relaxed); // wraps around, as it may
}

/// How many ticks pass whenever somebody looks at the clock. For tests, whose outcome then
/// does not depend on time.
static LOOK: AtomicUsize = AtomicUsize::new(0);

/// Sets the clock, and how many ticks each look at it takes.
pub fn set_clock(ticks: usize, look: usize) {
    TICKS.store(ticks, Ordering::Relaxed);
    LOOK.store(look, Ordering::Relaxed);
}

// SAFETY, of all below: nothing else has these names; each does what the header says.

#[unsafe(no_mangle)]
extern "C" fn mps_clock() -> usize {
    TICKS.fetch_add(LOOK.load(Ordering::Relaxed), Ordering::Relaxed)
}

#[unsafe(no_mangle)]
extern "C" fn mps_clocks_per_sec() -> usize {
    RATE
}

/// Something that should hold does not. Yours: a word on the serial line, and a halt.
#[unsafe(no_mangle)]
extern "C" fn mps_lib_assert_fail(_file: *const c_char, line: c_uint, _condition: *const c_char) {
    panic!("the library: a check failed at line {line}");
}

/// No events are wanted,
#[unsafe(no_mangle)]
extern "C" fn mps_lib_telemetry_control() -> c_ulong {
    0
}

/// and there is nowhere to write them: 8 is `MPS_RES_IO`.
#[unsafe(no_mangle)]
extern "C" fn mps_io_create(_: *mut *mut c_void) -> c_int {
    8
}

#[unsafe(no_mangle)]
extern "C" fn mps_io_write(_: *mut c_void, _: *mut c_void, _: usize) -> c_int {
    8
}

#[unsafe(no_mangle)]
extern "C" fn mps_io_flush(_: *mut c_void) -> c_int {
    8
}
