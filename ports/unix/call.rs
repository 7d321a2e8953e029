//! Calls on another stack: what the processors' calling conventions say, which all the
//! systems here share.

use crate::base::addr::Addr;
use core::ffi::c_void;

/// Calls `f(arg)` with the stack pointer at `sp`.
///
/// # Safety
/// `sp` is aligned, with room below; `f` may be called and returns.
#[cfg(target_arch = "x86_64")]
pub unsafe fn call_on(sp: Addr, f: unsafe extern "C" fn(*mut c_void), arg: *mut c_void) {
    // SAFETY: as the caller says; the old stack pointer survives in a register
    // that `f` preserves.
    unsafe {
        core::arch::asm!(
            "xchg r12, rsp",
            "call r13",
            "mov rsp, r12",
            inout("r12") sp.0 => _,
            in("r13") f,
            inout("rdi") arg => _,
            clobber_abi("C"),
        );
    }
}

/// Calls `f(arg)` with the stack pointer at `sp`.
///
/// # Safety
/// `sp` is aligned, with room below; `f` may be called and returns.
#[cfg(target_arch = "x86")]
pub unsafe fn call_on(sp: Addr, f: unsafe extern "C" fn(*mut c_void), arg: *mut c_void) {
    // SAFETY: as the caller says; the old stack pointer survives in a register
    // that `f` preserves.
    unsafe {
        core::arch::asm!(
            "xchg edi, esp",
            "sub esp, 12",
            "push eax",
            "call ecx",
            "mov esp, edi",
            inout("edi") sp.0 => _,
            inout("ecx") f => _,
            inout("eax") arg => _,
            clobber_abi("C"),
        );
    }
}

/// Calls `f(arg)` with the stack pointer at `sp`.
///
/// # Safety
/// `sp` is aligned, with room below; `f` may be called and returns.
#[cfg(target_arch = "aarch64")]
pub unsafe fn call_on(sp: Addr, f: unsafe extern "C" fn(*mut c_void), arg: *mut c_void) {
    // SAFETY: as the caller says; the old stack pointer survives in a register
    // that `f` preserves.
    unsafe {
        core::arch::asm!(
            "mov x20, sp",
            "mov sp, x21",
            "blr x22",
            "mov sp, x20",
            out("x20") _,
            in("x21") sp.0,
            in("x22") f,
            inout("x0") arg => _,
            clobber_abi("C"),
        );
    }
}

/// Calls `f(arg)` with the stack pointer at `sp`.
///
/// # Safety
/// `sp` is aligned, with room below; `f` may be called and returns.
#[cfg(target_arch = "riscv64")]
pub unsafe fn call_on(sp: Addr, f: unsafe extern "C" fn(*mut c_void), arg: *mut c_void) {
    // SAFETY: as the caller says; the old stack pointer survives in a register
    // that `f` preserves.
    unsafe {
        core::arch::asm!(
            "mv s2, sp",
            "mv sp, s3",
            "jalr s4",
            "mv sp, s2",
            out("s2") _,
            in("s3") sp.0,
            in("s4") f,
            inout("a0") arg => _,
            clobber_abi("C"),
        );
    }
}
