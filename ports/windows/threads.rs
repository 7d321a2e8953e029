//! Stopping and resuming threads.
//!
//! A registered thread has a handle of its own, which outlasts the thread: once the thread has
//! ended, stopping it fails, and its number may be another's. The system counts how often a
//! thread was suspended, so that several registrations, and a debugger, do not meet.
//!
//! `SuspendThread` only asks. The thread stands still when `GetThreadContext` has answered.
//!
//! A thread may be stopped while it has a lock of the system's in the process, such as the heap's
//! or the loader's. What is called here between `stop_begin` and `stop_end` takes none: these are
//! system calls.

use super::sys::{self, context};
use crate::base::addr::{Addr, Size, WORD};
use crate::base::res::{Res, Result};
use crate::seam::port::{Context, ThreadSlot};
use core::cell::Cell;
use core::ffi::{c_int, c_void};
use core::ptr::null_mut;
use core::sync::atomic::{AtomicBool, Ordering};

/// A [`ThreadSlot`] as this port uses it; all zero before registration.
#[repr(C)]
struct Slot {
    /// The thread's number.
    id: Cell<usize>,
    /// A handle of ours.
    handle: Cell<usize>,
    /// Memory for its registers.
    memory: Cell<usize>,
    /// Bytes of it.
    size: Cell<usize>,
    /// The `CONTEXT` there.
    context: Cell<usize>,
    /// Its `NT_TIB`.
    tib: Cell<usize>,
    _more: [Cell<usize>; 2],
}

const _: () = assert!(size_of::<Slot>() == size_of::<ThreadSlot>());
const _: () = assert!(align_of::<Slot>() == align_of::<ThreadSlot>());

fn slot(s: &ThreadSlot) -> &Slot {
    // SAFETY: the same size and alignment, words in cells on both sides.
    unsafe { &*core::ptr::from_ref(s).cast::<Slot>() }
}

/// For ports that stop threads by signals.
///
/// # Errors
/// `Unimpl`, always.
pub fn set_thread_signals(_suspend: c_int, _resume: c_int) -> Result {
    Err(Res::Unimpl)
}

/// The calling thread's number. Numbers are not 0.
pub fn id() -> usize {
    // SAFETY: no preconditions.
    (unsafe { sys::GetCurrentThreadId() }) as usize
}

/// See `Port::thread_register`.
pub fn register(s: &ThreadSlot) -> Result {
    let w = slot(s);
    let size = room();
    let kind = sys::MEM_RESERVE | sys::MEM_COMMIT;
    // Not from the heap, whose lock a stopped thread may have: this is one of the two calls by
    // which such memory comes and goes, and no caller need think of it.
    // SAFETY: fresh memory.
    let memory = unsafe { sys::VirtualAlloc(0, size, kind, sys::PAGE_READWRITE) };
    if memory.is_null() {
        return Err(Res::Memory);
    }
    let mut handle = 0;
    // SAFETY: handles that are always there, and room for one.
    let ok = unsafe {
        let process = sys::GetCurrentProcess();
        let thread = sys::GetCurrentThread();
        let how = sys::DUPLICATE_SAME_ACCESS;
        sys::DuplicateHandle(process, thread, process, &mut handle, 0, 0, how)
    };
    if ok == 0 {
        // SAFETY: as it was got above.
        unsafe { sys::VirtualFree(memory.addr(), 0, sys::MEM_RELEASE) };
        return Err(Res::Resource);
    }
    w.id.set(id());
    w.handle.set(handle);
    w.memory.set(memory.expose_provenance());
    w.size.set(size);
    w.context.set(0);
    // The sixth word is the structure's own address.
    w.tib.set(sys::tib::<6>());
    Ok(())
}

/// See `Port::thread_deregister`.
pub fn deregister(s: &ThreadSlot) {
    let w = slot(s);
    if w.id.get() == 0 {
        return; // never registered
    }
    // SAFETY: got at registration, and nobody uses them any more.
    unsafe {
        sys::CloseHandle(w.handle.get());
        sys::VirtualFree(w.memory.get(), 0, sys::MEM_RELEASE);
    }
    w.id.set(0);
}

/// Is a batch running?
static STOPPING: AtomicBool = AtomicBool::new(false);

/// See `Port::stop_begin`. A thread that waits here holds nothing of the port's,
/// and may be stopped meanwhile.
pub fn stop_begin() {
    let mut round = 0u32;
    while STOPPING.swap(true, Ordering::Acquire) {
        relax(round);
        round = round.saturating_add(1);
    }
}

/// See `Port::stop_end`.
pub fn stop_end() {
    STOPPING.store(false, Ordering::Release);
}

/// See `Port::thread_stop`.
pub fn stop(s: &ThreadSlot) -> Result {
    let w = slot(s);
    if w.id.get() == id() {
        return Err(Res::Fail);
    }
    // SAFETY: a handle of ours.
    match unsafe { sys::SuspendThread(w.handle.get()) } {
        sys::SUSPEND_FAILED => Err(Res::Fail), // it has ended
        _ => Ok(()),
    }
}

/// See `Port::thread_wait`.
pub fn wait(s: &ThreadSlot) -> Result {
    let w = slot(s);
    let mut round = 0u32;
    loop {
        for vectors in [true, false] {
            w.context.set(prepare(w, vectors).addr());
            // SAFETY: a handle of ours, and a context ready to be filled.
            if unsafe { sys::GetThreadContext(w.handle.get(), at(w)) } != 0 {
                return Ok(());
            }
        }
        // SAFETY: a handle of ours.
        if unsafe { sys::WaitForSingleObject(w.handle.get(), 0) } == sys::WAIT_OBJECT_0 {
            return Err(Res::Fail); // another thread has ended it
        }
        relax(round);
        round = round.saturating_add(1);
    }
}

fn at(w: &Slot) -> *mut c_void {
    Addr(w.context.get()).ptr::<c_void>()
}

/// Vector registers beyond their first 16 bytes, those that this system has. 0: none.
fn vectors() -> u64 {
    // SAFETY: no preconditions.
    unsafe { sys::GetEnabledXStateFeatures() & sys::XSTATE_VECTORS }
}

/// How much memory a context takes.
fn room() -> Size {
    let mut size = 0;
    if vectors() != 0 {
        let mut none = null_mut();
        let flags = context::PLAIN | context::XSTATE;
        // SAFETY: without a buffer it only says how large that has to be.
        unsafe { sys::InitializeContext(null_mut(), flags, &mut none, &mut size) };
    }
    // With room for a context alone, and for its alignment.
    (size as Size).max(context::SIZE + 64)
}

/// Makes a context ready to be filled. What is not filled is zero, and so refers to nothing.
fn prepare(w: &Slot, wide: bool) -> *mut c_void {
    let memory = Addr(w.memory.get()).ptr::<c_void>();
    // SAFETY: memory of ours.
    unsafe { memory.cast::<u8>().write_bytes(0, w.size.get()) };
    let vectors = if wide { vectors() } else { 0 };
    if vectors != 0 {
        let mut out = null_mut();
        let mut size = w.size.get() as u32;
        let flags = context::PLAIN | context::XSTATE;
        // SAFETY: memory of ours, of the size that this wants.
        let ok = unsafe {
            sys::InitializeContext(memory, flags, &mut out, &mut size) != 0
                && sys::SetXStateFeaturesMask(out, vectors) != 0
        };
        if ok {
            return out;
        }
    }
    // SAFETY: memory of ours, aligned to a page, with room for a context.
    unsafe { memory.byte_add(context::FLAGS).cast::<u32>().write(context::PLAIN) };
    memory
}

/// See `Port::thread_context`.
pub fn context(s: &ThreadSlot) -> Context {
    let w = slot(s);
    let here = Addr(w.context.get());
    if here.is_null() {
        return Context::default();
    }
    // SAFETY: `wait` has filled it.
    let mut hot = Addr(unsafe { here.add(context::SP).ptr::<usize>().read() });
    if is_stale(here) {
        // SAFETY: the thread is there, and so is this.
        hot = Addr(unsafe { Addr(w.tib.get()).add(2 * WORD).ptr::<usize>().read() });
    }
    // There is no red zone ("x64 stack usage": all beyond the stack pointer is volatile).
    let regs = Addr(w.memory.get());
    Context { hot: hot.down(WORD), regs, reg_count: w.size.get() / WORD }
}

/// Can the registers be of an earlier time? They can in a 32-bit program on a 64-bit system,
/// while its thread is in the system; all of the stack is looked at then. (This is what Boehm's
/// collector does: "WoW64 workaround" in its win32_threads.c.)
#[cfg(target_arch = "x86")]
fn is_stale(context: Addr) -> bool {
    // SAFETY: a context.
    let flags = unsafe { context.add(context::FLAGS).ptr::<u32>().read() };
    flags & context::REPORTING != 0 && flags & context::IN_SYSTEM != 0
}
/// There is no such thing.
#[cfg(not(target_arch = "x86"))]
fn is_stale(_context: Addr) -> bool {
    false
}

/// See `Port::thread_resume`.
pub fn resume(s: &ThreadSlot) {
    // SAFETY: a handle of ours.
    unsafe { sys::ResumeThread(slot(s).handle.get()) };
}

/// `Port::relax`. At first it spins, for waits that are over at once. Then it lets other
/// threads run, since the thread that has the lock may not be running. A wait that is
/// longer still is one for a collection, or for a thread of lower priority, and sleeps.
pub fn relax(round: u32) {
    match round {
        0..16 => core::hint::spin_loop(),
        // SAFETY: no preconditions.
        16..256 => drop(unsafe { sys::SwitchToThread() }),
        // SAFETY: no preconditions.
        _ => unsafe { sys::Sleep(1) },
    }
}
