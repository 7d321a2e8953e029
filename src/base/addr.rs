//! Addresses as plain numbers.
//!
//! An [`Addr`] is a client's or the system's address with no claim that
//! anything lives there. This file is the only place where a number becomes a
//! pointer ([`Addr::ptr`]): managed memory, client roots and stacks all arrive
//! from outside Rust, so their provenance is the exposed one.

use core::fmt;

/// Bytes.
pub type Size = usize;

/// Bits in a machine word.
pub const WORD_BITS: u32 = usize::BITS;

/// Bytes in a machine word.
pub const WORD: usize = size_of::<usize>();

/// An address: arithmetic only, never dereferenced as such.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
#[repr(transparent)]
pub struct Addr(pub usize);

impl fmt::Debug for Addr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::LowerHex::fmt(&self.0, f)
    }
}

impl Addr {
    /// The null address; it never denotes a block.
    pub const NULL: Addr = Addr(0);

    /// The address of something Rust can see. Exposes its provenance.
    #[inline(always)]
    pub fn of<T: ?Sized>(p: *const T) -> Addr {
        Addr(p.cast::<u8>().expose_provenance())
    }

    /// A pointer to whatever the caller knows is there.
    #[inline(always)]
    pub fn ptr<T>(self) -> *mut T {
        core::ptr::with_exposed_provenance_mut(self.0)
    }

    /// Is it null?
    #[inline(always)]
    pub fn is_null(self) -> bool {
        self.0 == 0
    }

    /// `self + n`, wrapping: callers that take sizes from clients check first.
    #[inline(always)]
    #[allow(clippy::should_implement_trait)]
    pub fn add(self, n: Size) -> Addr {
        Addr(self.0.wrapping_add(n))
    }

    /// `self - n`.
    #[inline(always)]
    #[allow(clippy::should_implement_trait)]
    pub fn sub(self, n: Size) -> Addr {
        Addr(self.0.wrapping_sub(n))
    }

    /// Bytes from `lower` up to `self`.
    #[inline(always)]
    pub fn since(self, lower: Addr) -> Size {
        self.0.wrapping_sub(lower.0)
    }

    /// Rounded up to a power of two; wraps to zero past the top.
    #[inline(always)]
    pub fn up(self, align: Size) -> Addr {
        Addr(size_up(self.0, align))
    }

    /// Rounded down to a power of two.
    #[inline(always)]
    pub fn down(self, align: Size) -> Addr {
        Addr(self.0 & !align.wrapping_sub(1))
    }

    /// Is it a multiple of the power of two `align`?
    #[inline(always)]
    pub fn is_aligned(self, align: Size) -> bool {
        self.0 & align.wrapping_sub(1) == 0
    }
}

/// `n` rounded up to a multiple of the power of two `align`; wraps past the top.
#[inline(always)]
pub const fn size_up(n: Size, align: Size) -> Size {
    n.wrapping_add(align.wrapping_sub(1)) & !align.wrapping_sub(1)
}

/// `n` rounded up to a multiple of the power of two `align`, or `None` past the top.
#[inline]
pub const fn size_up_checked(n: Size, align: Size) -> Option<Size> {
    match n.checked_add(align.wrapping_sub(1)) {
        Some(m) => Some(m & !align.wrapping_sub(1)),
        None => None,
    }
}

/// The half-open range of addresses `base..limit`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Range {
    /// First address in it.
    pub base: Addr,
    /// First address past it.
    pub limit: Addr,
}

impl Range {
    /// From `base` up to `limit`.
    #[inline(always)]
    pub const fn new(base: Addr, limit: Addr) -> Range {
        Range { base, limit }
    }

    /// `size` bytes from `base`.
    #[inline(always)]
    pub fn sized(base: Addr, size: Size) -> Range {
        Range { base, limit: base.add(size) }
    }

    /// Bytes in it.
    #[inline(always)]
    pub fn size(self) -> Size {
        self.limit.since(self.base)
    }

    /// Does it contain `a`?
    #[inline(always)]
    pub fn contains(self, a: Addr) -> bool {
        a.since(self.base) < self.size()
    }

    /// Is it empty (or upside down)?
    #[inline(always)]
    pub fn is_empty(self) -> bool {
        self.base >= self.limit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounding() {
        assert_eq!(Addr(17).up(16), Addr(32));
        assert_eq!(Addr(32).up(16), Addr(32));
        assert_eq!(Addr(31).down(16), Addr(16));
        assert_eq!(size_up_checked(usize::MAX, 8), None);
        assert_eq!(size_up_checked(9, 8), Some(16));
    }

    #[test]
    fn ranges() {
        let r = Range::sized(Addr(100), 10);
        assert!(r.contains(Addr(100)) && r.contains(Addr(109)));
        assert!(!r.contains(Addr(110)) && !r.contains(Addr(99)));
        assert!(Range::new(Addr(5), Addr(5)).is_empty());
    }
}
