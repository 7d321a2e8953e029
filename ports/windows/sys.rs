//! Our few declarations of Windows: no more than the port calls.
//!
//! Names, numbers and layouts are those of Microsoft's documentation of the Windows API; the
//! header that has them is named at each group. tests/systems/windows.c compares them all with
//! MinGW-w64's headers.

use core::ffi::{c_char, c_void};

/// `HANDLE`, as a number.
pub type Handle = usize;

// memoryapi.h, winnt.h: "Memory Protection Constants", VirtualAlloc, VirtualFree.
/// No access.
pub const PAGE_NOACCESS: u32 = 0x01;
/// Reading.
pub const PAGE_READONLY: u32 = 0x02;
/// Reading and writing.
pub const PAGE_READWRITE: u32 = 0x04;
/// Sets memory aside, which is zero.
pub const MEM_COMMIT: u32 = 0x1000;
/// Takes addresses.
pub const MEM_RESERVE: u32 = 0x2000;
/// Gives memory back.
pub const MEM_DECOMMIT: u32 = 0x4000;
/// Gives addresses back.
pub const MEM_RELEASE: u32 = 0x8000;

// winnt.h, errhandlingapi.h: EXCEPTION_RECORD, PVECTORED_EXCEPTION_HANDLER.
/// The code of an access that was denied.
pub const EXCEPTION_ACCESS_VIOLATION: u32 = 0xC000_0005;
/// The first word of such an exception: the access was to read.
pub const ACCESS_READ: usize = 0;
/// It was to write. (8: to run what is there.)
pub const ACCESS_WRITE: usize = 1;
/// A handler's answer: run the instruction again.
pub const EXCEPTION_CONTINUE_EXECUTION: i32 = -1;
/// A handler's answer: ask the next one.
pub const EXCEPTION_CONTINUE_SEARCH: i32 = 0;

/// `EXCEPTION_RECORD`.
#[repr(C)]
pub struct ExceptionRecord {
    /// `EXCEPTION_*`.
    pub code: u32,
    /// Flags.
    pub flags: u32,
    /// Another one, that this one came of.
    pub record: *mut ExceptionRecord,
    /// The instruction.
    pub address: usize,
    /// How many of the words below there are.
    pub count: u32,
    /// Of a denied access: which, and the address.
    pub information: [usize; 15],
}

/// `EXCEPTION_POINTERS`.
#[repr(C)]
pub struct ExceptionPointers {
    /// What happened.
    pub record: *mut ExceptionRecord,
    /// Where.
    pub context: *mut c_void,
}

/// `PVECTORED_EXCEPTION_HANDLER`.
pub type VectoredHandler = unsafe extern "system" fn(*mut ExceptionPointers) -> i32;

// libloaderapi.h: GetModuleHandleExW.
/// The module is never unloaded.
pub const GET_MODULE_HANDLE_EX_FLAG_PIN: u32 = 1;
/// The name is an address in it.
pub const GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS: u32 = 4;

// handleapi.h: DuplicateHandle.
/// With the same rights.
pub const DUPLICATE_SAME_ACCESS: u32 = 2;
/// What `SuspendThread` gives when it fails (processthreadsapi.h).
pub const SUSPEND_FAILED: u32 = u32::MAX;
/// The state of a thread or an object for which a wait is over (synchapi.h).
pub const WAIT_OBJECT_0: u32 = 0;

/// `CONTEXT`: the flags that say which parts are wanted, and where the stack pointer is (winnt.h).
#[cfg(target_arch = "x86_64")]
pub mod context {
    /// All of it.
    pub const SIZE: usize = 1232;
    /// Where the flags are.
    pub const FLAGS: usize = 0x30;
    /// Where the stack pointer is.
    pub const SP: usize = 0x98;
    /// `CONTEXT_CONTROL`, `CONTEXT_INTEGER`, `CONTEXT_FLOATING_POINT`.
    pub const PLAIN: u32 = 0x10_0000 | 1 | 2 | 8;
    /// CONTEXT_XSTATE: what vector registers have beyond their first 16 bytes.
    pub const XSTATE: u32 = 0x10_0000 | 0x40;
}
/// `CONTEXT`: the flags that say which parts are wanted, and where the stack pointer is (winnt.h).
#[cfg(target_arch = "x86")]
pub mod context {
    /// All of it.
    pub const SIZE: usize = 716;
    /// Where the flags are.
    pub const FLAGS: usize = 0;
    /// Where the stack pointer is.
    pub const SP: usize = 0xC4;
    /// `CONTEXT_CONTROL`, `CONTEXT_INTEGER`, `CONTEXT_FLOATING_POINT`,
    /// `CONTEXT_EXTENDED_REGISTERS`, CONTEXT_EXCEPTION_REQUEST.
    pub const PLAIN: u32 = 0x1_0000 | 1 | 2 | 8 | 0x20 | 0x4000_0000;
    /// CONTEXT_XSTATE: what vector registers have beyond their first 16 bytes.
    pub const XSTATE: u32 = 0x1_0000 | 0x40;
    /// CONTEXT_EXCEPTION_REPORTING: the next two say something.
    pub const REPORTING: u32 = 0x8000_0000;
    /// CONTEXT_SERVICE_ACTIVE and CONTEXT_EXCEPTION_ACTIVE: the thread is in the system.
    pub const IN_SYSTEM: u32 = 0x1000_0000 | 0x0800_0000;
}
/// Vector registers beyond their first 16 bytes: `XSTATE_MASK_AVX` and the three of
/// `XSTATE_MASK_AVX512` (winnt.h).
pub const XSTATE_VECTORS: u64 = 4 | 0xE0;

/// `MEMORY_BASIC_INFORMATION` (winnt.h). A word has what the middle one needs on either
/// processor: a protection and, on 64 bits, a partition.
#[repr(C)]
pub struct MemoryInformation {
    /// Where these pages begin.
    pub base: usize,
    /// Where what VirtualAlloc gave begins.
    pub allocation_base: usize,
    _allocation_protect: usize,
    /// Their size.
    pub size: usize,
    _state: u32,
    _protect: u32,
    _kind: u32,
}

/// `SYSTEM_INFO` (sysinfoapi.h).
#[repr(C)]
pub struct SystemInformation {
    _processor: u32,
    /// The unit of protection and commitment.
    pub page_size: u32,
    _lowest: usize,
    _highest: usize,
    _processors: usize,
    _rest: [u32; 3],
    _levels: [u16; 2],
}

// fileapi.h: CreateFileA.
/// To write.
pub const GENERIC_WRITE: u32 = 0x4000_0000;
/// Others may read it meanwhile.
pub const FILE_SHARE_READ: u32 = 1;
/// Anew.
pub const CREATE_ALWAYS: u32 = 2;
/// Nothing special.
pub const FILE_ATTRIBUTE_NORMAL: u32 = 0x80;
/// What it gives when it fails.
pub const INVALID_HANDLE_VALUE: Handle = usize::MAX;

unsafe extern "system" {
    pub fn VirtualAlloc(addr: usize, size: usize, kind: u32, protect: u32) -> *mut c_void;
    pub fn VirtualFree(addr: usize, size: usize, kind: u32) -> i32;
    pub fn VirtualProtect(addr: usize, size: usize, protect: u32, old: *mut u32) -> i32;
    pub fn VirtualQuery(addr: usize, out: *mut MemoryInformation, size: usize) -> usize;
    pub fn GetSystemInfo(out: *mut SystemInformation);

    pub fn AddVectoredExceptionHandler(first: u32, handler: VectoredHandler) -> *mut c_void;
    pub fn GetModuleHandleExW(flags: u32, name: usize, out: *mut Handle) -> i32;
    fn GetLastError() -> u32;
    fn SetLastError(code: u32);

    pub fn GetCurrentProcess() -> Handle;
    pub fn GetCurrentProcessId() -> u32;
    pub fn GetCurrentThread() -> Handle;
    pub fn GetCurrentThreadId() -> u32;
    pub fn DuplicateHandle(
        from: Handle,
        handle: Handle,
        to: Handle,
        out: *mut Handle,
        access: u32,
        inherit: i32,
        options: u32,
    ) -> i32;
    pub fn CloseHandle(handle: Handle) -> i32;
    pub fn SuspendThread(thread: Handle) -> u32;
    pub fn ResumeThread(thread: Handle) -> u32;
    pub fn GetThreadContext(thread: Handle, context: *mut c_void) -> i32;
    pub fn WaitForSingleObject(handle: Handle, milliseconds: u32) -> u32;
    pub fn SwitchToThread() -> i32;
    pub fn Sleep(milliseconds: u32);

    // winbase.h; since Windows 7 with its first service pack.
    pub fn GetEnabledXStateFeatures() -> u64;
    pub fn InitializeContext(
        buffer: *mut c_void,
        flags: u32,
        out: *mut *mut c_void,
        size: *mut u32,
    ) -> i32;
    pub fn SetXStateFeaturesMask(context: *mut c_void, mask: u64) -> i32;

    pub fn QueryPerformanceCounter(out: *mut i64) -> i32;
    pub fn QueryPerformanceFrequency(out: *mut i64) -> i32;
    pub fn CreateFileA(
        name: *const c_char,
        access: u32,
        share: u32,
        security: *const c_void,
        how: u32,
        flags: u32,
        template: Handle,
    ) -> Handle;
    pub fn WriteFile(
        file: Handle,
        bytes: *const u8,
        size: u32,
        written: *mut u32,
        overlapped: *mut c_void,
    ) -> i32;
}

/// Runs `f` and leaves the calling thread's last error as it was.
#[inline]
pub fn keeping_last_error<R>(f: impl FnOnce() -> R) -> R {
    // SAFETY: no preconditions.
    let old = unsafe { GetLastError() };
    let r = f();
    // SAFETY: as above.
    unsafe { SetLastError(old) };
    r
}

/// A word of the calling thread's `NT_TIB` (winnt.h), which the segment register leads to:
/// the first is the chain of structured handlers, the second where its stack begins (its
/// highest address), the third how far down that has grown.
#[cfg(target_arch = "x86_64")]
pub fn tib<const WORD: usize>() -> usize {
    let word: usize;
    // SAFETY: each thread has its own, there from its start to its end.
    unsafe {
        core::arch::asm!("mov {}, gs:[{}]", out(reg) word, const WORD * 8,
            options(nostack, preserves_flags, readonly));
    }
    word
}
/// See above.
#[cfg(target_arch = "x86")]
pub fn tib<const WORD: usize>() -> usize {
    let word: usize;
    // SAFETY: each thread has its own, there from its start to its end.
    unsafe {
        core::arch::asm!("mov {}, fs:[{}]", out(reg) word, const WORD * 4,
            options(nostack, preserves_flags, readonly));
    }
    word
}
