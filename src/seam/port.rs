//! The port: what the core needs from the machine under it.
//!
//! A port sees addresses, sizes, modes and words; never a segment, a scan
//! state or an arena. `include/mpsport.h` states the same contract for C.
//!
//! # Preconditions, once for all calls
//!
//! - Ranges are never empty and are multiples of [`Port::page_size`].
//! - Each range is in one state, and a call is made only from the state named:
//!
//!   | call      | from               | to                 |
//!   |-----------|--------------------|--------------------|
//!   | `reserve` | -                  | reserved           |
//!   | `map`     | reserved           | mapped, zeroed, readable and writable, never executable |
//!   | `protect` | mapped             | mapped, with the given accesses denied |
//!   | `unmap`   | mapped             | reserved (contents lost) |
//!   | `release` | reserved or mapped | -                  |
//!
//! - A port returns codes and decides nothing. It never calls the library, but
//!   for the fault handler and the fork hooks it was given.
//! - Calls may be made inside a fault handler, and with other threads stopped
//!   at any instruction: a port takes no lock that those threads may hold.

use crate::base::addr::{Addr, Range, Size};
use crate::base::res::{Res, Result};
use crate::base::sets::AccessSet;
use core::cell::Cell;
use core::sync::atomic::{AtomicPtr, AtomicU8, Ordering};

/// What a port can do. Read once, when an arena is created.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Caps(pub u32);

impl Caps {
    /// Nothing beyond the required group.
    pub const NONE: Caps = Caps(0);
    /// Address space can be reserved and mapped: VM arenas work.
    pub const VM: Caps = Caps(1);
    /// Memory can be protected and faults are reported: barriers work.
    pub const PROTECT: Caps = Caps(2);
    /// Other threads can be stopped and looked at.
    pub const THREADS: Caps = Caps(4);
    /// A thread is never stopped between the look at a software barrier's table and the
    /// access that the look was for ([`Port::quietly`] or the like keeps stops off).
    pub const STOPS_BETWEEN_ACCESSES: Caps = Caps(8);
    /// Protection is a table that the program looks into before each access
    /// ([`SoftTable`]), and covers memory of this arena only. So nothing may be denied
    /// while a thread is between its look and its access. No port of a client's claims
    /// this.
    pub const SOFT: Caps = Caps(1 << 31);

    /// Are all of `other` there?
    #[inline]
    pub const fn has(self, other: Caps) -> bool {
        self.0 & other.0 == other.0
    }

    /// Both.
    #[inline]
    pub const fn with(self, other: Caps) -> Caps {
        Caps(self.0 | other.0)
    }
}

/// Room for what a port knows of one registered thread. The core keeps it and
/// hands it back; the port fills it.
#[repr(C)]
#[derive(Default)]
pub struct ThreadSlot {
    /// The port's own; all zero before [`Port::thread_register`].
    pub words: [Cell<usize>; 8],
}

/// Where a stopped thread stands.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct Context {
    /// The hot end of its stack: the lowest address in use, red zone included.
    pub hot: Addr,
    /// Its saved registers, as words in memory that stay put until it resumes.
    pub regs: Addr,
    /// How many of those words there are.
    pub reg_count: usize,
}

/// What a program that looks before it accesses needs to know: `mps_x_barrier_s`. Never
/// changes once it has been shown.
#[repr(C)]
pub struct SoftTable {
    /// The lowest address that the table is for.
    pub base: usize,
    /// How many units from there on.
    pub units: usize,
    /// For each unit the accesses that are denied, as an [`AccessSet`].
    pub denied: *const AtomicU8,
    /// A unit is two to this power bytes.
    pub shift: u32,
}
// SAFETY: what it points to is atomic.
unsafe impl Sync for SoftTable {}

impl SoftTable {
    /// For an arena without a table: nothing is ever denied.
    pub const NONE: SoftTable =
        SoftTable { base: 0, units: 0, denied: core::ptr::null(), shift: 0 };

    /// Is any access of `mode` to `a` denied?
    #[inline(always)]
    pub fn denies(&self, a: Addr, mode: AccessSet) -> bool {
        let i = a.0.wrapping_sub(self.base) >> self.shift;
        // SAFETY: the table has as many bytes.
        i < self.units && unsafe { (*self.denied.add(i)).load(Ordering::Relaxed) } & mode.0 != 0
    }
}

/// Called by the port on an access to memory whose protection forbids it:
/// address, and 1 for a write or 0 for a read. Non-zero: the cause is gone,
/// run the instruction again. Zero: not ours, hand it on. The only call from
/// a port into the library but for [`ForkHooks`]. It may be called on any
/// thread that touches managed memory, and re-entered.
pub type FaultHandler = unsafe extern "C" fn(addr: usize, write: i32) -> i32;

/// What to run round a fork. All three run on the forking thread.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ForkHooks {
    /// Before: takes the locks.
    pub prepare: unsafe extern "C" fn(),
    /// After, in the parent: lets them go.
    pub parent: unsafe extern "C" fn(),
    /// After, in the child: lets them go and forgets the other threads.
    pub child: unsafe extern "C" fn(),
}

/// The services. All calls are system-call cold: nothing hot goes through here.
///
/// # Safety
///
/// Implementors promise what the table above says: ranges given out do not
/// overlap anything, mapped memory is zero and stays until unmapped or
/// released, a thread that [`Port::thread_wait`] reports as stopped
/// executes nothing until [`Port::thread_resume`], and [`Port::quietly`] runs
/// its function exactly once before it returns.
pub unsafe trait Port: Sync {
    /// What this port can do.
    fn capabilities(&self) -> Caps;

    /// The port that this one passes most calls on to, if there is one: it lasts longer.
    fn under(&self) -> Option<&'static dyn Port> {
        None
    }

    /// The unit of mapping and protection in bytes: a power of two.
    fn page_size(&self) -> Size;

    /// Takes `size` bytes of address space at a multiple of `align` (a power
    /// of two, at least a page).
    ///
    /// # Errors
    /// `Resource`: there is no such range to be had.
    fn reserve(&self, size: Size, align: Size) -> Result<Addr>;

    /// Gives address space back: exactly a range that `reserve` gave.
    fn release(&self, base: Addr, size: Size);

    /// Puts memory under reserved addresses.
    ///
    /// # Errors
    /// `Memory`: the system has none; nothing changed.
    fn map(&self, base: Addr, size: Size) -> Result;

    /// Takes the memory away again, keeping the address space.
    fn unmap(&self, base: Addr, size: Size);

    /// Denies accesses to mapped memory (the empty set: allows all).
    ///
    /// # Errors
    /// Any: nothing changed, or part of the range has the new mode.
    fn protect(&self, _base: Addr, _size: Size, _denied: AccessSet) -> Result {
        Err(Res::Unimpl)
    }

    /// Memory that a client gives joins the arena that has this port. Returns which of it
    /// the arena may use: a port may keep a part at the beginning.
    ///
    /// # Safety
    /// It is writable, and nobody else's for as long as the port is used.
    unsafe fn adopt(&self, given: Range) -> Range {
        given
    }

    /// Undoes the last [`Port::adopt`]: the arena can't use that memory after all.
    fn disown(&self, _given: Range) {}

    /// The arena is gone that this port was made for, or was not made after all. A port
    /// that serves many does nothing.
    ///
    /// # Safety
    /// If it was made for one arena, nobody uses it afterwards.
    unsafe fn retire(&self) {}

    /// Where to show the table that the program looks into, now and whenever there is a
    /// new one. A port without one leaves the word alone.
    fn show_table(&self, _at: &'static AtomicPtr<SoftTable>) {}

    /// Says where protection faults go. Called before the first instance on this
    /// port is made. If the process has instances on other ports as well, it may
    /// be called again with the same handler, which is to change nothing.
    fn install_faults(&self, _handler: FaultHandler) -> Result {
        Err(Res::Unimpl)
    }

    /// Says what to run round forks. Called until one port of the process has
    /// taken it.
    fn install_fork(&self, _hooks: &'static ForkHooks) -> Result {
        Err(Res::Unimpl)
    }

    /// A number that tells the calling thread from all others alive; not 0.
    /// Callable in a fault handler.
    fn thread_id(&self) -> usize {
        1
    }

    /// The calling thread's own stack, the one that the system gave it: from the
    /// lowest address that it may grow down to, up to its cold end. `None` if
    /// the port does not know, or if the thread is on another stack now.
    ///
    /// Called outside of the library, and not in a fault handler: unlike others,
    /// this call may allocate and take locks.
    fn thread_stack(&self) -> Option<Range> {
        None
    }

    /// Makes the calling thread known, so that others can stop it.
    ///
    /// # Safety
    ///
    /// The slot is all zero or one that was deregistered. It stays where it is
    /// until it is deregistered, and only the port changes its words.
    unsafe fn thread_register(&self, _slot: &ThreadSlot) -> Result {
        Ok(())
    }

    /// Forgets it, on any thread.
    ///
    /// # Safety
    ///
    /// The slot was registered with this port, and is not being stopped.
    unsafe fn thread_deregister(&self, _slot: &ThreadSlot) {}

    /// Runs `f`, once, while no signal's or interrupt's handler runs on this thread but
    /// for faults and for being stopped. Calls may nest. A port has this or the two
    /// below; one without handlers has none of them.
    fn quietly(&self, f: &mut dyn FnMut()) {
        let was = self.quiet_begin();
        f();
        self.quiet_end(was);
    }

    /// Keeps handlers off, on the processor that this thread runs on, until
    /// [`Port::quiet_end`] is handed what this returns: what had been the case before.
    fn quiet_begin(&self) -> usize {
        0
    }

    /// Lets handlers run again, if they did at the [`Port::quiet_begin`] that gave `was`.
    fn quiet_end(&self, _was: usize) {}

    /// Before a batch of `thread_stop`: one batch runs at a time per process.
    fn stop_begin(&self) {}

    /// Asks a registered thread, not the caller, to stop.
    ///
    /// # Errors
    /// `Fail`: it is gone.
    ///
    /// # Safety
    ///
    /// The slot is registered with this port; a batch is running.
    unsafe fn thread_stop(&self, _slot: &ThreadSlot) -> Result {
        Err(Res::Unimpl)
    }

    /// Waits until it has stopped.
    ///
    /// # Errors
    /// `Fail`: it is gone.
    ///
    /// # Safety
    ///
    /// It was asked to stop, in this batch.
    unsafe fn thread_wait(&self, _slot: &ThreadSlot) -> Result {
        Err(Res::Unimpl)
    }

    /// Where it stands.
    ///
    /// # Safety
    ///
    /// It has stopped, in this batch, and was not resumed.
    unsafe fn thread_context(&self, _slot: &ThreadSlot) -> Context {
        Context::default()
    }

    /// Lets it run.
    ///
    /// # Safety
    ///
    /// It was asked to stop, in this batch, and was not resumed.
    unsafe fn thread_resume(&self, _slot: &ThreadSlot) {}

    /// After a batch: all of it has been resumed.
    fn stop_end(&self) {}

    /// Called while waiting for a spin lock; `round` counts up from 0.
    fn relax(&self, _round: u32) {
        core::hint::spin_loop();
    }
}
