//! The edges of the library, declared: what the core needs from the machine (`port`,
//! `arch`), from the C library (`plinth`) and from the client (`client`, `args`), and the
//! stream of events (`event`).

pub mod arch;
pub mod args;
pub mod client;
pub mod event;
pub mod parts;
pub mod plinth;
pub mod port;

/// Is the named mechanism switched off? It can be only in builds of `make test-faults`,
/// which show that the tests notice. In all other builds this is false at compile time.
#[inline(always)]
pub const fn fault(_name: &str) -> bool {
    #[cfg(mps_fault_any)]
    {
        return same(_name, env!("MPS_FAULT"));
    }
    #[cfg(not(mps_fault_any))]
    false
}

#[cfg(mps_fault_any)]
const fn same(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    if a.len() != b.len() {
        return false;
    }
    let mut i = 0;
    while i < a.len() {
        if a[i] != b[i] {
            return false;
        }
        i += 1;
    }
    true
}
