//! Memory that stands for a thread's stack.

use crate::base::addr::{Addr, WORD};
use std::vec;
use std::vec::Vec;

/// A stack of words, filled with what no address is.
pub struct Stack(Vec<usize>);

impl Stack {
    /// 4,096 of them.
    pub fn new() -> Stack {
        Stack(vec![usize::MAX; 4096])
    }

    /// The lowest address.
    pub fn base(&self) -> Addr {
        Addr(self.0.as_ptr().expose_provenance())
    }

    /// Bytes.
    pub fn size(&self) -> usize {
        self.0.len() * WORD
    }

    /// The end.
    pub fn cold(&self) -> Addr {
        self.base().add(self.size())
    }

    /// Writes a value.
    pub fn put<T>(&mut self, at: Addr, value: T) {
        assert!(at >= self.base() && at.add(size_of::<T>()) <= self.cold());
        // SAFETY: inside the words.
        unsafe { at.ptr::<T>().write_unaligned(value) };
    }
}
