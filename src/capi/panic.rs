//! What an archive must have and never reaches: the core has no operation that
//! panics (`make size` looks for the symbols).

#[cfg(all(feature = "archive", not(test)))]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    crate::base::check::stop()
}
