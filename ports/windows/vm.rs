//! Address space and the memory under it.

use super::sys::{self, MemoryInformation, SystemInformation};
use crate::base::addr::{Addr, Size, size_up_checked};
use crate::base::res::{Res, Result};
use core::mem::MaybeUninit;
use core::sync::atomic::{AtomicUsize, Ordering};

/// The system's page size.
pub fn page_size() -> Size {
    static KNOWN: AtomicUsize = AtomicUsize::new(0);
    let known = KNOWN.load(Ordering::Relaxed);
    if known != 0 {
        return known;
    }
    let mut s = MaybeUninit::<SystemInformation>::zeroed();
    // SAFETY: room for it.
    unsafe { sys::GetSystemInfo(s.as_mut_ptr()) };
    // SAFETY: numbers, which were zero at first.
    let size = unsafe { s.assume_init_ref() }.page_size as Size;
    let size = if size.is_power_of_two() { size } else { 4096 };
    KNOWN.store(size, Ordering::Relaxed);
    size
}

/// What the system's reservations are aligned to ("System Information", dwAllocationGranularity:
/// 64 KB on all Windows there are).
const GRANULARITY: Size = 64 * 1024;

/// `Port::reserve`. A reservation can't be cut: what alignment takes stays reserved with it.
pub fn reserve(size: Size, align: Size) -> Result<Addr> {
    let extra = align.saturating_sub(GRANULARITY);
    let Some(whole) = size_up_checked(size, page_size()).and_then(|s| s.checked_add(extra)) else {
        return Err(Res::Resource);
    };
    // SAFETY: fresh addresses, wherever there is room.
    let p = unsafe { sys::VirtualAlloc(0, whole, sys::MEM_RESERVE, sys::PAGE_NOACCESS) };
    if p.is_null() {
        return Err(Res::Resource);
    }
    Ok(Addr(p.expose_provenance()).up(align.max(GRANULARITY)))
}

/// Where the allocation begins that has this address. `None`: there is none.
pub fn allocation(a: Addr) -> Option<Addr> {
    let mut m = MaybeUninit::<MemoryInformation>::zeroed();
    // SAFETY: room for it.
    let n = unsafe { sys::VirtualQuery(a.0, m.as_mut_ptr(), size_of::<MemoryInformation>()) };
    // SAFETY: numbers, which were zero at first.
    let base = unsafe { m.assume_init_ref() }.allocation_base;
    (n != 0 && base != 0).then_some(Addr(base))
}

/// `Port::release`.
pub fn release(base: Addr) {
    if let Some(whole) = allocation(base) {
        // SAFETY: the range is ours, and nobody uses it any more.
        unsafe { sys::VirtualFree(whole.0, 0, sys::MEM_RELEASE) };
    }
}

/// `Port::map`.
pub fn map(base: Addr, size: Size) -> Result {
    // SAFETY: the range is ours and reserved.
    let p = unsafe { sys::VirtualAlloc(base.0, size, sys::MEM_COMMIT, sys::PAGE_READWRITE) };
    if p.is_null() { Err(Res::Memory) } else { Ok(()) }
}

/// `Port::unmap`.
pub fn unmap(base: Addr, size: Size) {
    // SAFETY: the range is ours, and its contents may go.
    unsafe { sys::VirtualFree(base.0, size, sys::MEM_DECOMMIT) };
}
