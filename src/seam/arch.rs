//! The processor's part: `arch/*.S`, one symbol each.

use core::ffi::c_void;

unsafe extern "C" {
    /// Spills every callee-saved register to the stack and calls
    /// `f(hot, closure)`, where `hot` is the address of the hottest word
    /// spilled: the stack from `hot` to its cold end then holds all that the
    /// caller's registers held. Returns what `f` returned.
    fn mps_arch_with_registers(
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
