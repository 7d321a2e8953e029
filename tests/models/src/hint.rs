//! In place of `core::hint`.

/// A pause of the processor: nothing. Who waits says so to the port, which yields.
pub fn spin_loop() {}
