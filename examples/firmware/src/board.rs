//! The board, QEMU's mps2-an386: a Cortex-M4F at 25 MHz. Start, interrupts, time, a serial
//! line for defmt's frames, the way out; and the port and the plinth for the library.

use core::arch::{asm, global_asm};
use core::ptr::{read_volatile, write_volatile};
use core::sync::atomic::{AtomicUsize, Ordering};
use mps::base::addr::{Addr, Size};
use mps::base::res::{Res, Result};
use mps::seam::port::{Caps, Port};

/// The processor's clock, by which the system timer counts.
const HERTZ: usize = 25_000_000;
/// Cycles from one interrupt of the timer to the next: 10,000 in a second.
const RELOAD: usize = HERTZ / 10_000;

const SYST_CSR: *mut u32 = 0xE000_E010 as *mut u32;
const SYST_RVR: *mut u32 = 0xE000_E014 as *mut u32;
const SYST_CVR: *mut u32 = 0xE000_E018 as *mut u32;
const ICSR: *mut u32 = 0xE000_ED04 as *mut u32;
const PENDSTSET: u32 = 1 << 26;
const UART: usize = 0x4000_4000;

// ------------------------------------------------------------------- start

unsafe extern "C" {
    static mut __data_start: u32;
    static __data_end: u32;
    static __data_load: u32;
    static mut __bss_start: u32;
    static __bss_end: u32;
    static mut __stack_base: u32;
    static __stack_top: u32;
}

// The floating point registers are off after reset, and Rust code may use them at once.
global_asm!(
    ".section .text.reset, \"ax\"",
    ".global reset",
    ".thumb_func",
    "reset:",
    "ldr r0, =0xE000ED88",
    "ldr r1, [r0]",
    "orr r1, r1, #0xF00000",
    "str r1, [r0]",
    "dsb",
    "isb",
    "b {start}",
    start = sym start,
);

/// What the stack is filled with, to see later how far it was used.
const PAINT: u32 = 0x5AFE_57AC;

unsafe extern "C" fn start() -> ! {
    // SAFETY: the linker script's own bounds, word aligned. Nobody else runs, and nothing
    // of this function's is in the part of the stack that is painted.
    unsafe {
        let (mut to, end) = (&raw mut __data_start, &raw const __data_end);
        let mut from = &raw const __data_load;
        while to.cast_const() < end {
            write_volatile(to, read_volatile(from));
            (to, from) = (to.add(1), from.add(1));
        }
        let (mut to, end) = (&raw mut __bss_start, &raw const __bss_end);
        while to.cast_const() < end {
            write_volatile(to, 0);
            to = to.add(1);
        }
        let here: *const u32;
        asm!("mov {}, sp", out(reg) here);
        let (mut to, end) = (&raw mut __stack_base, here.sub(16));
        while to.cast_const() < end {
            write_volatile(to, PAINT);
            to = to.add(1);
        }
    }
    crate::main()
}

/// Bytes of the stack that were ever used, and bytes that there are.
pub fn stack_used() -> (usize, usize) {
    let (base, top) = (&raw const __stack_base, &raw const __stack_top);
    let mut at = base;
    // SAFETY: within the stack.
    while at < top && unsafe { read_volatile(at) } == PAINT {
        at = at.wrapping_add(1);
    }
    (top as usize - at as usize, top as usize - base as usize)
}

/// The vector table, which the processor reads at address 0.
#[repr(C)]
pub struct Vectors {
    stack: *const u32,
    reset: unsafe extern "C" fn(),
    exceptions: [Option<unsafe extern "C" fn()>; 13],
    tick: unsafe extern "C" fn(),
}
// SAFETY: never written.
unsafe impl Sync for Vectors {}

unsafe extern "C" {
    fn reset();
}

const FAULT: Option<unsafe extern "C" fn()> = Some(fault);

#[used]
#[unsafe(link_section = ".vectors")]
static VECTORS: Vectors = Vectors {
    stack: &raw const __stack_top,
    reset,
    exceptions: [
        FAULT, FAULT, FAULT, FAULT, FAULT, None, None, None, None, FAULT, FAULT, None, FAULT,
    ],
    tick,
};

unsafe extern "C" fn fault() {
    defmt::error!("an exception that nobody expects");
    exit(1);
}

// -------------------------------------------------------------- interrupts

static TICKS: AtomicUsize = AtomicUsize::new(0);

unsafe extern "C" fn tick() {
    let now = TICKS.load(Ordering::Relaxed).wrapping_add(1);
    TICKS.store(now, Ordering::Relaxed);
    crate::samples::on_tick(now);
}

/// Lets the timer interrupt, from now on.
pub fn start_ticks() {
    // SAFETY: the system timer's registers, which nothing else here writes.
    unsafe {
        write_volatile(SYST_RVR, RELOAD as u32 - 1);
        write_volatile(SYST_CVR, 0);
        write_volatile(SYST_CSR, 7);
    }
}

/// Provokes the timer interrupt, once.
#[cfg(feature = "conform")]
pub fn provoke_tick() {
    // SAFETY: this bit alone does something when it is written.
    unsafe { write_volatile(ICSR, PENDSTSET) };
}

/// Runs `f` with interrupts off.
pub fn quietly<R>(f: impl FnOnce() -> R) -> R {
    let was = BOARD.quiet_begin();
    let r = f();
    BOARD.quiet_end(was);
    r
}

// -------------------------------------------------------------------- time

/// Cycles since [`start_ticks`]. Right with interrupts off too, for a tick's time.
fn cycles() -> usize {
    loop {
        let ticks = TICKS.load(Ordering::Relaxed);
        // SAFETY: registers, which may be read at any time.
        let (first, pending, left) =
            unsafe { (read_volatile(SYST_CVR), read_volatile(ICSR), read_volatile(SYST_CVR)) };
        if left <= first && TICKS.load(Ordering::Relaxed) == ticks {
            // One that is waiting has not been counted.
            let ticks = ticks + (pending & PENDSTSET != 0) as usize;
            return ticks * RELOAD + (RELOAD - 1).saturating_sub(left as usize);
        }
    }
}

// ------------------------------------------------------- the plinth, in Rust

#[unsafe(no_mangle)]
extern "C" fn mps_clock() -> usize {
    cycles()
}

#[unsafe(no_mangle)]
extern "C" fn mps_clocks_per_sec() -> usize {
    HERTZ
}

/// All categories of events but segments, which would be thousands.
#[unsafe(no_mangle)]
extern "C" fn mps_lib_telemetry_control() -> core::ffi::c_ulong {
    0b111
}

#[unsafe(no_mangle)]
unsafe extern "C" fn mps_lib_assert_fail(
    file: *const core::ffi::c_char,
    line: u32,
    text: *const core::ffi::c_char,
) {
    // SAFETY: both end in a NUL, and stay.
    let (file, text) =
        unsafe { (core::ffi::CStr::from_ptr(file), core::ffi::CStr::from_ptr(text)) };
    defmt::error!(
        "{=str}:{=u32}: {=str}",
        file.to_str().unwrap_or("?"),
        line,
        text.to_str().unwrap_or("?")
    );
    exit(2);
}

// ---------------------------------------------------------------- the port

/// The machine: no memory of its own to give, no MMU, one thread, interrupts.
pub struct Board;
/// It.
pub static BOARD: Board = Board;

// SAFETY: it gives out no memory and has no threads; `quietly` is the trait's own.
unsafe impl Port for Board {
    fn capabilities(&self) -> Caps {
        Caps::NONE
    }

    fn page_size(&self) -> Size {
        // There are no pages. A software barrier is told its unit by the arena.
        256
    }

    fn reserve(&self, _size: Size, _align: Size) -> Result<Addr> {
        Err(Res::Resource)
    }

    fn release(&self, _base: Addr, _size: Size) {}

    fn map(&self, _base: Addr, _size: Size) -> Result {
        Err(Res::Memory)
    }

    fn unmap(&self, _base: Addr, _size: Size) {}

    /// An interrupt's handler counts as a thread of its own: it must not be taken for the
    /// one that it interrupted, which may be inside the library.
    fn thread_id(&self) -> usize {
        let number: usize;
        // SAFETY: reads a register.
        unsafe { asm!("mrs {}, IPSR", out(reg) number, options(nomem, nostack)) };
        number + 1
    }

    fn quiet_begin(&self) -> usize {
        let was: usize;
        // SAFETY: no memory is used. Accesses must not move past it, so it is not `nomem`.
        unsafe { asm!("mrs {}, PRIMASK", "cpsid i", out(reg) was, options(nostack)) };
        was
    }

    fn quiet_end(&self, was: usize) {
        // SAFETY: as above.
        unsafe { asm!("msr PRIMASK, {}", in(reg) was, options(nostack)) };
    }
}

// ------------------------------------------------------------- the way out

/// Asks the debugger, or QEMU in its place, to end the program.
pub fn exit(code: u32) -> ! {
    let block = [0x20026u32, code];
    loop {
        // SAFETY: semihosting's call for "the application has ended", with its code.
        unsafe { asm!("bkpt #0xAB", in("r0") 0x20u32, in("r1") block.as_ptr(), options(nostack)) };
    }
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    defmt::error!("panic");
    exit(3)
}

// ----------------------------------------------------------------- logging

/// Sends frames to the serial line, with interrupts off from a frame's beginning to its
/// end: so frames of a handler and of the program don't mix.
#[defmt::global_logger]
struct Serial;

static WAS: AtomicUsize = AtomicUsize::new(0);
static mut ENCODER: defmt::Encoder = defmt::Encoder::new();

fn send(bytes: &[u8]) {
    for b in bytes {
        // SAFETY: the serial line's registers. It is ready when its buffer is not full.
        unsafe {
            write_volatile((UART + 0x10) as *mut u32, 16);
            write_volatile((UART + 8) as *mut u32, 1);
            while read_volatile((UART + 4) as *mut u32) & 1 != 0 {}
            write_volatile(UART as *mut u32, u32::from(*b));
        }
    }
}

// SAFETY: interrupts are off between `acquire` and `release`, and there is one thread.
unsafe impl defmt::Logger for Serial {
    fn acquire() {
        let was = BOARD.quiet_begin();
        WAS.store(was, Ordering::Relaxed);
        // SAFETY: nobody else has it: see above.
        unsafe { (*(&raw mut ENCODER)).start_frame(send) };
    }

    unsafe fn flush() {}

    unsafe fn release() {
        // SAFETY: as above.
        unsafe { (*(&raw mut ENCODER)).end_frame(send) };
        BOARD.quiet_end(WAS.load(Ordering::Relaxed));
    }

    unsafe fn write(bytes: &[u8]) {
        // SAFETY: as above.
        unsafe { (*(&raw mut ENCODER)).write(bytes, send) };
    }
}
