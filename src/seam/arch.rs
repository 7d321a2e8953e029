//! The processor's part: `arch/*.S`, one symbol each.

use core::ffi::c_void;

// In Mach-O an object can't be joined to others by a linker that is at hand everywhere. So
// the shim is assembled into the object that the compiler makes. C's names begin with an underscore
// there, and no section says what a stack may be.
#[cfg(mach_o)]
macro_rules! shim {
    ($align:literal, $first:literal, $file:literal $(, $option:ident)?) => {
        core::arch::global_asm!(
            ".text",
            ".globl _mps_arch_with_registers",
            ".private_extern _mps_arch_with_registers",
            concat!(".p2align ", $align),
            "_mps_arch_with_registers:",
            ".cfi_startproc",
            $first,
            include_str!(concat!("../../arch/", $file)),
            ".cfi_endproc",
            $(options($option),)?
        );
    };
}
#[cfg(all(mach_o, target_arch = "x86_64"))]
shim!("4", "", "x86_64.inc", att_syntax);
// `L`: a name for the assembler alone.
#[cfg(all(mach_o, target_arch = "aarch64"))]
shim!("2", ".set L_DOUBLES, 1", "aarch64.inc");

unsafe extern "C" {
    /// Spills every callee-saved register to the stack and calls
    /// `f(hot, closure)`, where `hot` is the address of the hottest word
    /// spilled: the stack from `hot` to its cold end then holds all that the
    /// caller's registers held. Returns what `f` returned.
    pub(crate) fn mps_arch_with_registers(
        f: unsafe extern "C" fn(hot: *const usize, closure: *mut c_void) -> usize,
        closure: *mut c_void,
    ) -> usize;
}

/// Runs `f` with the calling thread's callee-saved registers in memory, and
/// tells it the hot end of the stack that holds them.
#[inline(always)]
pub fn with_registers<R, F: FnOnce(*const usize) -> R>(f: F) -> R {
    struct Job<R, F> {
        f: Option<F>,
        r: Option<R>,
    }
    unsafe extern "C" fn run<R, F: FnOnce(*const usize) -> R>(
        hot: *const usize,
        closure: *mut c_void,
    ) -> usize {
        // SAFETY: `closure` is the `Job` below, alive and unshared until the
        // shim returns.
        let job = unsafe { &mut *closure.cast::<Job<R, F>>() };
        if let Some(f) = job.f.take() {
            job.r = Some(f(hot));
        }
        0
    }
    let mut job = Job { f: Some(f), r: None };
    // SAFETY: the shim calls `run` once, with the closure it was given.
    unsafe { mps_arch_with_registers(run::<R, F>, (&raw mut job).cast()) };
    match job.r {
        Some(r) => r,
        None => unreachable_shim(),
    }
}

/// The shim always calls; a processor that did not would not get this far.
#[cold]
fn unreachable_shim() -> ! {
    loop {
        core::hint::spin_loop();
    }
}

/// How many words lie between the hot end that the shim reports and the stack pointer of its
/// caller: the registers, the return address and padding, as in `arch/*.S`. On IA-32 also what
/// `with_registers_of_caller` pushes.
#[cfg(feature = "blocking")]
// ARM with an FPU has 10 words and 8 doubles.
pub const SPILLED: usize = if cfg!(all(target_arch = "x86_64", microsoft_abi)) {
    // Ten registers of two words, 8 words, and one of padding.
    30
} else if cfg!(target_arch = "x86_64") {
    8
} else if cfg!(target_arch = "x86") {
    5 + 4
} else if cfg!(target_arch = "aarch64") {
    20
} else if cfg!(any(target_arch = "riscv64", target_abi = "eabihf")) {
    26
} else {
    10
};

/// Defines a function of the C interface with one argument, a pointer, and no result. It calls
/// `f(hot, argument)` by way of the shim and of nothing else. So the words from `hot` on are
/// the registers of its own caller, and [`SPILLED`] words further its caller's stack begins.
/// With [`with_registers`] there are frames between, with some of the registers in them.
#[cfg(all(feature = "blocking", feature = "capi"))]
macro_rules! with_registers_of_caller {
    ($name:ident, $f:path) => {
        #[unsafe(no_mangle)]
        #[unsafe(naked)]
        pub unsafe extern "C" fn $name(_argument: *mut core::ffi::c_void) {
            #[cfg(all(target_arch = "x86_64", microsoft_abi))]
            core::arch::naked_asm!(
                "endbr64",
                "mov rdx, rcx",
                "lea rcx, [rip + {f}]",
                "jmp {shim}",
                f = sym $f,
                shim = sym $crate::seam::arch::mps_arch_with_registers,
            );
            #[cfg(all(target_arch = "x86_64", not(microsoft_abi)))]
            core::arch::naked_asm!(
                "endbr64",
                "mov rsi, rdi",
                "lea rdi, [rip + {f}]",
                "jmp {shim}",
                f = sym $f,
                shim = sym $crate::seam::arch::mps_arch_with_registers,
            );
            // Arguments are on the stack, and calls want it at 16n. There is no other way to
            // an address relative to the code.
            #[cfg(target_arch = "x86")]
            core::arch::naked_asm!(
                "endbr32",
                "subl $4, %esp",
                "pushl 8(%esp)",
                "call 2f",
                "2:",
                "popl %eax",
                "leal {f} - 2b(%eax), %eax",
                "pushl %eax",
                "call {shim}",
                "addl $12, %esp",
                "ret",
                f = sym $f,
                shim = sym $crate::seam::arch::mps_arch_with_registers,
                options(att_syntax),
            );
            #[cfg(all(target_arch = "aarch64", mach_o))]
            core::arch::naked_asm!(
                "mov x1, x0",
                "adrp x0, {f}@PAGE",
                "add x0, x0, {f}@PAGEOFF",
                "b {shim}",
                f = sym $f,
                shim = sym $crate::seam::arch::mps_arch_with_registers,
            );
            #[cfg(all(target_arch = "aarch64", not(mach_o)))]
            core::arch::naked_asm!(
                "hint #34",
                "mov x1, x0",
                "adrp x0, {f}",
                "add x0, x0, :lo12:{f}",
                "b {shim}",
                f = sym $f,
                shim = sym $crate::seam::arch::mps_arch_with_registers,
            );
            #[cfg(target_arch = "riscv64")]
            core::arch::naked_asm!(
                "mv a1, a0",
                "lla a0, {f}",
                "tail {shim}",
                f = sym $f,
                shim = sym $crate::seam::arch::mps_arch_with_registers,
            );
            #[cfg(target_arch = "arm")]
            core::arch::naked_asm!(
                "mov r1, r0",
                "movw r0, :lower16:{f}",
                "movt r0, :upper16:{f}",
                "b.w {shim}",
                f = sym $f,
                shim = sym $crate::seam::arch::mps_arch_with_registers,
            );
        }
    };
}
#[cfg(all(feature = "blocking", feature = "capi"))]
pub(crate) use with_registers_of_caller;

/// Says that the line at `a` is likely to be written soon. A hint: never faults.
#[inline(always)]
pub fn expect_write(a: crate::base::addr::Addr) {
    cfg_if::cfg_if! {
        if #[cfg(all(target_arch = "x86_64", not(miri)))] {
            // SAFETY: a hint; touches nothing that the program can see.
            unsafe {
                core::arch::asm!("prefetchw [{}]", in(reg) a.0, options(nostack, preserves_flags, readonly));
            }
        } else if #[cfg(all(target_arch = "aarch64", not(miri)))] {
            // SAFETY: a hint; touches nothing that the program can see.
            unsafe {
                core::arch::asm!("prfm pstl1keep, [{}]", in(reg) a.0, options(nostack, preserves_flags, readonly));
            }
        } else {
            let _ = a;
        }
    }
}

/// Says that the line at `a` is likely to be read soon. A hint: never faults.
#[inline(always)]
pub fn expect_read(a: crate::base::addr::Addr) {
    cfg_if::cfg_if! {
        if #[cfg(all(target_arch = "x86_64", not(miri)))] {
            // SAFETY: a hint; touches nothing that the program can see.
            unsafe {
                core::arch::asm!("prefetcht0 [{}]", in(reg) a.0, options(nostack, preserves_flags, readonly));
            }
        } else if #[cfg(all(target_arch = "aarch64", not(miri)))] {
            // SAFETY: a hint; touches nothing that the program can see.
            unsafe {
                core::arch::asm!("prfm pldl1keep, [{}]", in(reg) a.0, options(nostack, preserves_flags, readonly));
            }
        } else {
            let _ = a;
        }
    }
}
