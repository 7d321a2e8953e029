//! In place of `src/seam/arch.rs`: registers are of no matter here.

pub fn with_registers<R>(f: impl FnOnce(*const usize) -> R) -> R {
    let hot = 0usize;
    f(&hot)
}
