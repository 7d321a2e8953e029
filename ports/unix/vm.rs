//! Address space and the memory under it.
//!
//! A reserved range is a private mapping that allows no access, for which the system sets
//! no memory aside. Memory comes by allowing reads and writes; if that fails, the range is
//! as before. It goes by mapping an empty range over it. Nothing is ever executable.

use super::sys;
use crate::base::addr::{Addr, Size, size_up_checked};
use crate::base::res::{Res, Result};
use core::sync::atomic::{AtomicUsize, Ordering};

/// The system's page size.
pub fn page_size() -> Size {
    // SAFETY: no preconditions.
    let n = unsafe { sys::sysconf(sys::SC_PAGESIZE) };
    if n > 0 { n as Size } else { 4096 }
}

/// `Port::reserve`.
pub fn reserve(size: Size, align: Size) -> Result<Addr> {
    let page = page_size();
    // More than asked for by as much as alignment may take.
    let extra = align.saturating_sub(page);
    let Some(whole) = size_up_checked(size, page).and_then(|s| s.checked_add(extra)) else {
        return Err(Res::Resource);
    };
    // SAFETY: a fresh mapping, wherever there is room for it.
    let p = unsafe { sys::mmap(0, whole, sys::PROT_NONE, sys::MAP_ADDRESSES, -1, 0) };
    let got = p.expose_provenance();
    if got == sys::MAP_FAILED {
        return Err(Res::Resource);
    }
    let base = Addr(got).up(align.max(page));
    let limit = base.add(size);
    release_if_any(Addr(got), base);
    release_if_any(limit, Addr(got).add(whole));
    note(base, size);
    Ok(base)
}

fn release_if_any(base: Addr, limit: Addr) {
    if base < limit {
        // SAFETY: the range is ours, and nobody uses it.
        unsafe { sys::munmap(base.0, limit.since(base)) };
    }
}

/// `Port::release`.
pub fn release(base: Addr, size: Size) {
    forget(base);
    // SAFETY: the range is ours, and nobody uses it any more.
    unsafe { sys::munmap(base.0, size) };
}

/// What is reserved, for [`is_reserved`]: a base, or 0, and a size. Ranges for
/// which there is no more room here go unnoted. (256 ranges are as many chunks: an
/// arena has one to begin with, and each new one is at least a quarter of what it
/// has.)
static RESERVED: [(AtomicUsize, AtomicUsize); 256] =
    [const { (AtomicUsize::new(0), AtomicUsize::new(0)) }; 256];

fn note(base: Addr, size: Size) {
    for (b, s) in &RESERVED {
        // 1: taken, and nobody's address.
        if b.compare_exchange(0, 1, Ordering::AcqRel, Ordering::Relaxed).is_ok() {
            s.store(size, Ordering::Relaxed);
            b.store(base.0, Ordering::Release);
            return;
        }
    }
}

fn forget(base: Addr) {
    for (b, _) in &RESERVED {
        if b.load(Ordering::Relaxed) == base.0 {
            b.store(0, Ordering::Release);
            return;
        }
    }
}

/// Is this an address in one of the first 256 ranges reserved? Locks nothing.
pub fn is_reserved(a: Addr) -> bool {
    RESERVED.iter().any(|(b, s)| {
        let base = b.load(Ordering::Acquire);
        base > 1 && a.since(Addr(base)) < s.load(Ordering::Relaxed)
    })
}

/// Of what is mapped in pieces of up to this size the pages are set aside at once: it will be
/// used soon, and one call takes less time than a page fault for each page. That is as
/// much as an arena maps for small objects. A larger block may be used only in part.
const PRESENT_MOST: Size = 256 * 1024;

/// `Port::map`.
pub fn map(base: Addr, size: Size) -> Result {
    // No new mapping is put over the old one: if that failed half way, others could get
    // the range.
    // SAFETY: the range is ours and reserved.
    match unsafe { sys::mprotect(base.0, size, sys::PROT_READ | sys::PROT_WRITE) } {
        0 => {
            if size <= PRESENT_MOST {
                // SAFETY: as above; the contents stay.
                unsafe { sys::set_aside(base.0, size) };
            }
            Ok(())
        }
        _ => {
            // A failure may come after the first of several mappings.
            // SAFETY: as above; the part already changed was never used.
            unsafe { sys::mprotect(base.0, size, sys::PROT_NONE) };
            Err(Res::Memory)
        }
    }
}

/// `Port::unmap`.
pub fn unmap(base: Addr, size: Size) {
    let flags = sys::MAP_ADDRESSES | sys::MAP_FIXED;
    // SAFETY: the range is ours, and its contents may go.
    let p = unsafe { sys::mmap(base.0, size, sys::PROT_NONE, flags, -1, 0) };
    if p.addr() == sys::MAP_FAILED {
        // The system allows no more mappings. The memory is given back in another way.
        // SAFETY: as above.
        unsafe { sys::clear(base.0, size) };
        // SAFETY: as above.
        unsafe { sys::mprotect(base.0, size, sys::PROT_NONE) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states() {
        let page = page_size();
        let base = reserve(64 * page, 1 << 20).unwrap();
        assert!(base.is_aligned(1 << 20));
        assert!(is_reserved(base.add(64 * page - 1)) && !is_reserved(base.add(64 * page)));
        map(base.add(page), 2 * page).unwrap();
        let p = base.add(page).ptr::<u8>();
        // SAFETY: two pages are mapped there.
        let s = unsafe { core::slice::from_raw_parts_mut(p, 2 * page) };
        assert!(s.iter().all(|b| *b == 0));
        s.fill(0xAA);
        unmap(base.add(page), 2 * page);
        map(base.add(page), 3 * page).unwrap();
        // SAFETY: three pages are mapped there, anew.
        let s = unsafe { core::slice::from_raw_parts(p, 3 * page) };
        assert!(s.iter().all(|b| *b == 0));
        release(base, 64 * page);
        assert!(!is_reserved(base));
    }

    #[test]
    fn what_cannot_be() {
        assert_eq!(reserve(usize::MAX - 4095, 1 << 20), Err(Res::Resource));
        assert_eq!(reserve(1 << 60, 4096), Err(Res::Resource));
        // An address that nothing can be at stands in for memory refused.
        assert_eq!(map(Addr(1 << 62), page_size()), Err(Res::Memory));
    }
}
