//! The operations of `micro.c`, which `build.rs` compiles and links with the archive.

use std::ffi::{CStr, c_char};

/// As in `micro.h`.
#[repr(C)]
struct Row {
    group: *const c_char,
    name: *const c_char,
    open: Option<unsafe extern "C" fn()>,
    run: Option<unsafe extern "C" fn(u64) -> u64>,
    close: Option<unsafe extern "C" fn()>,
}

unsafe extern "C" {
    static micro_all: Row;
}

/// An operation, ready to be run until it is dropped. One at a time.
pub struct Open(&'static Row);

impl Open {
    /// Nanoseconds that so many take.
    pub fn run(&mut self, iterations: u64) -> u64 {
        // SAFETY: open, and nobody else runs one.
        self.0.run.map_or(0, |f| unsafe { f(iterations) })
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        if let Some(f) = self.0.close {
            // SAFETY: open until now.
            unsafe { f() }
        }
    }
}

/// An operation that can be timed.
pub struct Operation(&'static Row);

impl Operation {
    fn text(p: *const c_char) -> &'static str {
        // SAFETY: a string of micro.c.
        unsafe { CStr::from_ptr(p) }.to_str().unwrap_or("?")
    }
    /// What it belongs to.
    pub fn group(&self) -> &'static str {
        Self::text(self.0.group)
    }
    /// Its own name.
    pub fn name(&self) -> &'static str {
        Self::text(self.0.name)
    }
    /// Prepares it.
    pub fn open(&self) -> Open {
        if let Some(f) = self.0.open {
            // SAFETY: what was open before is closed: the benchmark has one at a time.
            unsafe { f() }
        }
        Open(self.0)
    }
}

/// All of them, in micro.c's order.
pub fn all() -> Vec<Operation> {
    let mut all = Vec::new();
    let mut at = &raw const micro_all;
    loop {
        // SAFETY: an array that ends in a row of nulls, and stays.
        let row: &'static Row = unsafe { &*at };
        if row.run.is_none() {
            return all;
        }
        all.push(Operation(row));
        at = at.wrapping_add(1);
    }
}
