//! In place of a system's folder (`ports/linux`).

pub mod context {
    use crate::base::addr::Addr;
    use crate::seam::port::Context;
    use std::ffi::c_void;

    /// Where a thread stands: where its handler said.
    ///
    /// # Safety
    /// It is stopped.
    pub unsafe fn of_stopped(ucontext: *mut c_void) -> Context {
        Context { hot: Addr::of(ucontext), regs: Addr::NULL, reg_count: 0 }
    }
}

pub mod thread {
    use std::ffi::c_int;

    pub fn tid() -> usize {
        crate::me()
    }

    pub fn kill(_tid: usize, _sig: c_int) -> bool {
        true
    }

    pub fn wait_for<S>(_signals: &S) {}
}
