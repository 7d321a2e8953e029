//! One of the library's ports, exported as the functions that `include/mpsport.h`
//! declares: what any port in Rust does to be used from C.

#[cfg(feature = "linux")]
mod port {
    use mps::ports::linux::LINUX;

    mps::export_port!(LINUX);
}

#[cfg(feature = "bare")]
mod port {
    use mps::ports::bare::Bare;

    static BARE: Bare = Bare::new(4096);

    mps::export_port!(BARE);

    /// The memory that it gives out.
    const SIZE: usize = 80 << 20;

    /// Called before the test.
    #[unsafe(no_mangle)]
    extern "C" fn port_prepare() {
        let memory = vec![0xAAu8; SIZE].leak();
        // SAFETY: leaked, so there for ever and nobody else's; nothing is reserved yet.
        unsafe { BARE.give(memory.as_mut_ptr(), SIZE) };
    }
}
