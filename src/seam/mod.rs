//! The declared edges of the world: what the core needs from below (port,
//! arch), beside (plinth) and above (client).

pub mod arch;
pub mod args;
pub mod client;
pub mod event;
pub mod plinth;
pub mod port;

/// Is the named mechanism switched off? Only ever in the builds that
/// `make test-faults` makes, to see that the tests notice.
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
