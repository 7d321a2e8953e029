//! An image that puts the board's port through the contract of `mpsport.h`, sentence by
//! sentence (`tests/port/conform.c`), and logs what it finds. Here is what that wants of the
//! machine, `tests/port/conform.h`: interrupts and another stack; the rest there is not.
#![no_std]
#![no_main]

#[allow(dead_code, reason = "the other image uses it all")]
mod board;

use core::arch::global_asm;
use core::ffi::{CStr, c_char, c_int, c_uint, c_void};
use core::ptr::null_mut;
use core::sync::atomic::{AtomicPtr, Ordering};

mps::export_port!(crate::board::BOARD);

unsafe extern "C" {
    /// Returns how many sentences are broken.
    fn conform() -> c_uint;
}

/// What the timer's interrupt calls.
mod samples {
    pub fn on_tick(_now: usize) {
        crate::interrupted();
    }
}

static HANDLER: AtomicPtr<()> = AtomicPtr::new(null_mut());

fn interrupted() {
    let f = HANDLER.load(Ordering::Relaxed);
    if !f.is_null() {
        // SAFETY: it was one when it was put there.
        let f: extern "C" fn() = unsafe { core::mem::transmute(f) };
        f();
    }
}

#[unsafe(no_mangle)]
extern "C" fn host_interrupts(handler: extern "C" fn()) -> c_int {
    HANDLER.store(handler as *mut (), Ordering::Relaxed);
    0
}

#[unsafe(no_mangle)]
extern "C" fn host_interrupt() {
    board::provoke_tick();
}

/// A line that is not yet complete: one at a time, there is one thread.
static mut LINE: ([u8; 256], usize) = ([0; 256], 0);

#[unsafe(no_mangle)]
unsafe extern "C" fn host_print(text: *const c_char) {
    // SAFETY: ends in a NUL; nobody else has the line.
    let (text, (line, n)) = unsafe { (CStr::from_ptr(text), &mut *(&raw mut LINE)) };
    for b in text.to_bytes() {
        if *b == b'\n' {
            let all = line.get(..*n).unwrap_or_default();
            defmt::info!("{=str}", core::str::from_utf8(all).unwrap_or("not UTF-8"));
            *n = 0;
        } else if let Some(to) = line.get_mut(*n) {
            *to = *b;
            *n += 1;
        }
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn host_trying(sentence: *const c_char) {
    // SAFETY: ends in a NUL.
    let sentence = unsafe { CStr::from_ptr(sentence) };
    defmt::info!("trying {=str}", sentence.to_str().unwrap_or("?"));
}

#[unsafe(no_mangle)]
unsafe extern "C" fn host_broken(sentence: *const c_char) {
    // SAFETY: ends in a NUL.
    let sentence = unsafe { CStr::from_ptr(sentence) };
    defmt::info!("broken {=str}", sentence.to_str().unwrap_or("?"));
}

#[unsafe(no_mangle)]
extern "C" fn host_thread(_f: extern "C" fn(*mut c_void), _arg: *mut c_void) -> c_int {
    -1
}

#[unsafe(no_mangle)]
extern "C" fn host_join(_thread: c_int) {}

#[unsafe(no_mangle)]
extern "C" fn host_pause() {}

#[unsafe(no_mangle)]
extern "C" fn host_fork(_child: extern "C" fn() -> c_int) -> c_int {
    -1
}

#[unsafe(no_mangle)]
extern "C" fn host_dies(_f: extern "C" fn()) -> c_int {
    -1
}

#[unsafe(no_mangle)]
extern "C" fn host_executable(_p: *const c_void) -> c_int {
    -1
}

#[unsafe(no_mangle)]
extern "C" fn host_scarce(_on: c_int) -> c_int {
    -1
}

global_asm!(
    ".section .text.on_stack, \"ax\"",
    ".thumb_func",
    ".global on_stack",
    "on_stack:",
    "push {{r4, lr}}",
    "mov r4, sp",
    "mov sp, r2",
    "mov r3, r0",
    "mov r0, r1",
    "blx r3",
    "mov sp, r4",
    "pop {{r4, pc}}",
);

unsafe extern "C" {
    /// Calls f(arg) with the stack below `top`.
    fn on_stack(f: extern "C" fn(*mut c_void), arg: *mut c_void, top: *mut u8);
}

#[unsafe(no_mangle)]
extern "C" fn host_other_stack(f: extern "C" fn(*mut c_void), arg: *mut c_void) -> c_int {
    const SIZE: usize = 4096;
    #[repr(C, align(8))]
    struct Room([u8; SIZE]);
    static mut ROOM: Room = Room([0; SIZE]);
    // SAFETY: the room is used by one call at a time, and is large enough for what is called.
    unsafe { on_stack(f, arg, (&raw mut ROOM).cast::<u8>().add(SIZE)) };
    0
}

/// A mistake: nothing is kept off. The linker puts it in the place of the port's.
#[cfg(feature = "broken")]
#[unsafe(no_mangle)]
extern "C" fn __wrap_mps_port_quiet_begin() -> usize {
    0
}

fn main() -> ! {
    // SAFETY: once, on the only thread.
    let broken = unsafe { conform() };
    if broken == 0 {
        defmt::info!("conform: OK");
    }
    board::exit((broken != 0).into())
}
