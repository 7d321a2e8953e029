//! In place of `core::cell`: cells that notice when two threads use them at once.

use crate::run::{self, Watch};
use std::cell::Cell as Plain;

/// As `core::cell::Cell`; see the crate's documentation. Good as all zeros, if its
/// value is.
#[repr(C)]
pub struct Cell<T> {
    value: Plain<T>,
    watch: Watch,
}

impl<T: Default> Default for Cell<T> {
    fn default() -> Self {
        Cell::new(T::default())
    }
}

impl<T> Cell<T> {
    pub const fn new(value: T) -> Cell<T> {
        Cell { value: Plain::new(value), watch: Watch::new() }
    }

    pub fn set(&self, value: T) {
        self.replace(value);
    }

    pub fn replace(&self, value: T) -> T {
        run::step();
        self.watch.write();
        self.value.replace(value)
    }

    pub fn get(&self) -> T
    where
        T: Copy,
    {
        run::step();
        self.watch.read();
        self.value.get()
    }

    pub fn take(&self) -> T
    where
        T: Default,
    {
        self.replace(T::default())
    }
}
