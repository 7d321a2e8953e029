//! The implementation of [`Port`](crate::seam::port::Port), by what this folder has.

/// Implements it for `$port`. `$more`: methods that not all systems have.
macro_rules! unix_port {
    ($port:ty; $($more:tt)*) => {
        // SAFETY: `vm` hands out mappings of its own, whose memory the kernel clears;
        // `threads` reports a thread as stopped only from inside its handler, which
        // leaves when resumed.
        unsafe impl Port for $port {
            fn capabilities(&self) -> Caps {
                Caps::VM.with(Caps::PROTECT).with(Caps::THREADS)
            }

            fn page_size(&self) -> Size {
                vm::page_size()
            }

            fn reserve(&self, size: Size, align: Size) -> Result<Addr> {
                vm::reserve(size, align)
            }

            fn release(&self, base: Addr, size: Size) {
                vm::release(base, size);
            }

            fn map(&self, base: Addr, size: Size) -> Result {
                vm::map(base, size)
            }

            fn unmap(&self, base: Addr, size: Size) {
                vm::unmap(base, size);
            }

            fn protect(&self, base: Addr, size: Size, denied: AccessSet) -> Result {
                prot::protect(base, size, denied)
            }

            fn install_faults(&self, handler: FaultHandler) -> Result {
                prot::install(handler)
            }

            fn install_fork(&self, hooks: &'static ForkHooks) -> Result {
                fork::install(hooks)
            }

            fn thread_id(&self) -> usize {
                signals::id()
            }

            fn thread_stack(&self) -> Option<Range> {
                $crate::ports::system::stack::own()
            }

            unsafe fn thread_register(&self, slot: &ThreadSlot) -> Result {
                threads::register(slot)
            }

            unsafe fn thread_deregister(&self, slot: &ThreadSlot) {
                threads::deregister(slot);
            }

            fn quietly(&self, f: &mut dyn FnMut()) {
                signals::quietly(f);
            }

            fn stop_begin(&self) {
                threads::stop_begin();
            }

            unsafe fn thread_stop(&self, slot: &ThreadSlot) -> Result {
                threads::stop(slot)
            }

            unsafe fn thread_wait(&self, slot: &ThreadSlot) -> Result {
                threads::wait(slot)
            }

            unsafe fn thread_context(&self, slot: &ThreadSlot) -> Context {
                threads::context(slot)
            }

            unsafe fn thread_resume(&self, slot: &ThreadSlot) {
                threads::resume(slot);
            }

            fn stop_end(&self) {
                threads::stop_end();
            }

            fn relax(&self, round: u32) {
                signals::relax(round);
            }

            $($more)*
        }
    };
}
pub(crate) use unix_port;
