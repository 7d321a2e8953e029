//! The port that a client links in: the functions `mps_port_*` that `include/mpsport.h`
//! declares. [`export_port`](crate::export_port) defines them by a port in Rust.

use crate::base::addr::{Addr, Range, Size};
use crate::base::res::{Res, Result, of_code};
use crate::base::sets::AccessSet;
use crate::seam::port::{Caps, Context, FaultHandler, ForkHooks, Port, ThreadSlot};
use core::ffi::{c_int, c_uint};

unsafe extern "C" {
    static mps_port_abi_2: c_int;
    fn mps_port_capabilities() -> c_uint;
    fn mps_port_page_size() -> usize;
    fn mps_port_reserve(base_o: *mut usize, size: usize, align: usize) -> c_int;
    fn mps_port_release(base: usize, size: usize);
    fn mps_port_map(base: usize, size: usize) -> c_int;
    fn mps_port_unmap(base: usize, size: usize);
    fn mps_port_protect(base: usize, size: usize, denied: c_int) -> c_int;
    fn mps_port_install_faults(handler: FaultHandler) -> c_int;
    fn mps_port_install_fork(hooks: *const ForkHooks) -> c_int;
    fn mps_port_thread_id() -> usize;
    fn mps_port_thread_register(thread: *const ThreadSlot) -> c_int;
    fn mps_port_thread_deregister(thread: *const ThreadSlot);
    fn mps_port_quiet_begin() -> usize;
    fn mps_port_quiet_end(was: usize);
    fn mps_port_stop_begin();
    fn mps_port_thread_stop(thread: *const ThreadSlot) -> c_int;
    fn mps_port_thread_wait(thread: *const ThreadSlot) -> c_int;
    fn mps_port_thread_context(thread: *const ThreadSlot, context_o: *mut Context);
    fn mps_port_thread_resume(thread: *const ThreadSlot);
    fn mps_port_stop_end();
    fn mps_port_relax(round: c_uint);
}

/// `mps_port_thread_stack`. A port may do without: the symbol is weak, and where
/// nothing defines it the word below is null. Rust has no such symbols, hence
/// the assembler. (Elsewhere than in ELF the hook is not asked for.)
mod optional {
    use core::ffi::c_int;

    /// `mps_port_thread_stack`, as `mpsport.h` declares it.
    pub type ThreadStack = unsafe extern "C" fn(base: *mut usize, limit: *mut usize) -> c_int;

    cfg_if::cfg_if! {
        if #[cfg(any(target_vendor = "apple", windows))] {
            pub fn thread_stack() -> Option<ThreadStack> {
                None
            }
        } else {
            #[cfg(target_pointer_width = "64")]
            macro_rules! word { () => { ".quad mps_port_thread_stack" } }
            #[cfg(target_pointer_width = "32")]
            macro_rules! word { () => { ".long mps_port_thread_stack" } }

            core::arch::global_asm!(
                ".pushsection .data.rel.ro.mps_hook_thread_stack,\"aw\"",
                ".balign 8",
                ".weak mps_port_thread_stack",
                ".globl mps_hook_thread_stack",
                ".hidden mps_hook_thread_stack",
                "mps_hook_thread_stack:",
                word!(),
                ".popsection",
            );

            unsafe extern "C" {
                static mps_hook_thread_stack: Option<ThreadStack>;
            }

            pub fn thread_stack() -> Option<ThreadStack> {
                // SAFETY: the word above, which the linker fills.
                unsafe { mps_hook_thread_stack }
            }
        }
    }
}

/// The port that calls the functions `mps_port_*` of the program.
#[derive(Clone, Copy, Debug)]
pub struct Hooks;

/// The one there is.
pub static HOOKS: Hooks = Hooks;

/// The signals that stop threads: here the choice is the port's own.
///
/// # Errors
/// `Unimpl`, always.
pub fn set_thread_signals(_suspend: c_int, _resume: c_int) -> Result {
    Err(Res::Unimpl)
}

// SAFETY: mpsport.h asks of whoever writes the hooks what the trait asks. In
// every call below the arguments are those that the core passed under the
// trait's preconditions, which are the header's.
unsafe impl Port for Hooks {
    fn capabilities(&self) -> Caps {
        // Read so that a port of another version does not link.
        // SAFETY: a constant of the port's.
        let _ = unsafe { (&raw const mps_port_abi_2).read_volatile() };
        // SAFETY: see above.
        Caps(unsafe { mps_port_capabilities() })
    }

    fn page_size(&self) -> Size {
        // SAFETY: see above.
        unsafe { mps_port_page_size() }
    }

    fn reserve(&self, size: Size, align: Size) -> Result<Addr> {
        let mut base = 0;
        // SAFETY: see above.
        of_code(unsafe { mps_port_reserve(&mut base, size, align) })?;
        Ok(Addr(base))
    }

    fn release(&self, base: Addr, size: Size) {
        // SAFETY: see above.
        unsafe { mps_port_release(base.0, size) }
    }

    fn map(&self, base: Addr, size: Size) -> Result {
        // SAFETY: see above.
        of_code(unsafe { mps_port_map(base.0, size) })
    }

    fn unmap(&self, base: Addr, size: Size) {
        // SAFETY: see above.
        unsafe { mps_port_unmap(base.0, size) }
    }

    fn protect(&self, base: Addr, size: Size, denied: AccessSet) -> Result {
        // SAFETY: see above.
        of_code(unsafe { mps_port_protect(base.0, size, c_int::from(denied.0)) })
    }

    fn install_faults(&self, handler: FaultHandler) -> Result {
        // SAFETY: see above.
        of_code(unsafe { mps_port_install_faults(handler) })
    }

    fn install_fork(&self, hooks: &'static ForkHooks) -> Result {
        // SAFETY: see above.
        of_code(unsafe { mps_port_install_fork(hooks) })
    }

    fn thread_id(&self) -> usize {
        // SAFETY: see above.
        unsafe { mps_port_thread_id() }
    }

    fn thread_stack(&self) -> Option<Range> {
        let (mut base, mut limit) = (0, 0);
        // SAFETY: see above.
        let res = unsafe { optional::thread_stack()?(&mut base, &mut limit) };
        of_code(res).is_ok().then_some(Range::new(Addr(base), Addr(limit)))
    }

    unsafe fn thread_register(&self, slot: &ThreadSlot) -> Result {
        // SAFETY: see above.
        of_code(unsafe { mps_port_thread_register(slot) })
    }

    unsafe fn thread_deregister(&self, slot: &ThreadSlot) {
        // SAFETY: see above.
        unsafe { mps_port_thread_deregister(slot) }
    }

    fn quiet_begin(&self) -> usize {
        // SAFETY: see above.
        unsafe { mps_port_quiet_begin() }
    }

    fn quiet_end(&self, was: usize) {
        // SAFETY: see above.
        unsafe { mps_port_quiet_end(was) }
    }

    fn stop_begin(&self) {
        // SAFETY: see above.
        unsafe { mps_port_stop_begin() }
    }

    unsafe fn thread_stop(&self, slot: &ThreadSlot) -> Result {
        // SAFETY: see above.
        of_code(unsafe { mps_port_thread_stop(slot) })
    }

    unsafe fn thread_wait(&self, slot: &ThreadSlot) -> Result {
        // SAFETY: see above.
        of_code(unsafe { mps_port_thread_wait(slot) })
    }

    unsafe fn thread_context(&self, slot: &ThreadSlot) -> Context {
        let mut context = Context::default();
        // SAFETY: see above.
        unsafe { mps_port_thread_context(slot, &mut context) };
        context
    }

    unsafe fn thread_resume(&self, slot: &ThreadSlot) {
        // SAFETY: see above.
        unsafe { mps_port_thread_resume(slot) }
    }

    fn stop_end(&self) {
        // SAFETY: see above.
        unsafe { mps_port_stop_end() }
    }

    fn relax(&self, round: u32) {
        // SAFETY: see above.
        unsafe { mps_port_relax(round) }
    }
}

/// Defines the `mps_port_*` symbols as calls of a Rust port, in the crate that
/// uses it: `export_port!(MY_PORT);` with `static MY_PORT: MyPort`.
#[macro_export]
macro_rules! export_port {
    ($port:path) => {
        #[doc(hidden)]
        mod mps_port_exported {
            use super::*;
            use $crate::base::addr::Addr;
            use $crate::base::res::{Res, code_of};
            use $crate::base::sets::AccessSet;
            use $crate::seam::port::{Context, FaultHandler, ForkHooks, Port, ThreadSlot};

            static PORT: &dyn Port = &$port;

            #[unsafe(no_mangle)]
            static mps_port_abi_2: i32 = 2;
            #[unsafe(no_mangle)]
            extern "C" fn mps_port_capabilities() -> u32 {
                PORT.capabilities().0
            }
            #[unsafe(no_mangle)]
            extern "C" fn mps_port_page_size() -> usize {
                PORT.page_size()
            }
            #[unsafe(no_mangle)]
            extern "C" fn mps_port_reserve(base: &mut usize, size: usize, align: usize) -> i32 {
                match PORT.reserve(size, align) {
                    Ok(a) => {
                        *base = a.0;
                        Res::OK
                    }
                    Err(e) => e.code(),
                }
            }
            #[unsafe(no_mangle)]
            extern "C" fn mps_port_release(base: usize, size: usize) {
                PORT.release(Addr(base), size);
            }
            #[unsafe(no_mangle)]
            extern "C" fn mps_port_map(base: usize, size: usize) -> i32 {
                code_of(PORT.map(Addr(base), size))
            }
            #[unsafe(no_mangle)]
            extern "C" fn mps_port_unmap(base: usize, size: usize) {
                PORT.unmap(Addr(base), size);
            }
            #[unsafe(no_mangle)]
            extern "C" fn mps_port_protect(base: usize, size: usize, denied: i32) -> i32 {
                code_of(PORT.protect(Addr(base), size, AccessSet(denied as u8)))
            }
            #[unsafe(no_mangle)]
            extern "C" fn mps_port_install_faults(handler: FaultHandler) -> i32 {
                code_of(PORT.install_faults(handler))
            }
            #[unsafe(no_mangle)]
            extern "C" fn mps_port_install_fork(hooks: &'static ForkHooks) -> i32 {
                code_of(PORT.install_fork(hooks))
            }
            #[unsafe(no_mangle)]
            extern "C" fn mps_port_thread_id() -> usize {
                PORT.thread_id()
            }
            #[unsafe(no_mangle)]
            extern "C" fn mps_port_thread_stack(base: &mut usize, limit: &mut usize) -> i32 {
                let Some(stack) = PORT.thread_stack() else { return Res::Unimpl.code() };
                *base = stack.base.0;
                *limit = stack.limit.0;
                Res::OK
            }
            #[unsafe(no_mangle)]
            extern "C" fn mps_port_thread_register(slot: &ThreadSlot) -> i32 {
                // SAFETY: the library calls this as the trait says.
                code_of(unsafe { PORT.thread_register(slot) })
            }
            #[unsafe(no_mangle)]
            extern "C" fn mps_port_thread_deregister(slot: &ThreadSlot) {
                // SAFETY: the library calls this as the trait says.
                unsafe { PORT.thread_deregister(slot) };
            }
            #[unsafe(no_mangle)]
            extern "C" fn mps_port_quiet_begin() -> usize {
                PORT.quiet_begin()
            }
            #[unsafe(no_mangle)]
            extern "C" fn mps_port_quiet_end(was: usize) {
                PORT.quiet_end(was);
            }
            #[unsafe(no_mangle)]
            extern "C" fn mps_port_stop_begin() {
                PORT.stop_begin();
            }
            #[unsafe(no_mangle)]
            extern "C" fn mps_port_thread_stop(slot: &ThreadSlot) -> i32 {
                // SAFETY: the library calls this as the trait says.
                code_of(unsafe { PORT.thread_stop(slot) })
            }
            #[unsafe(no_mangle)]
            extern "C" fn mps_port_thread_wait(slot: &ThreadSlot) -> i32 {
                // SAFETY: the library calls this as the trait says.
                code_of(unsafe { PORT.thread_wait(slot) })
            }
            #[unsafe(no_mangle)]
            extern "C" fn mps_port_thread_context(slot: &ThreadSlot, context: &mut Context) {
                // SAFETY: the library calls this as the trait says.
                *context = unsafe { PORT.thread_context(slot) };
            }
            #[unsafe(no_mangle)]
            extern "C" fn mps_port_thread_resume(slot: &ThreadSlot) {
                // SAFETY: the library calls this as the trait says.
                unsafe { PORT.thread_resume(slot) };
            }
            #[unsafe(no_mangle)]
            extern "C" fn mps_port_stop_end() {
                PORT.stop_end();
            }
            #[unsafe(no_mangle)]
            extern "C" fn mps_port_relax(round: u32) {
                PORT.relax(round);
            }
        }
    };
}

#[cfg(test)]
mod tests {
    use super::HOOKS;
    use crate::base::res::Res;
    use crate::ports::bare::Bare;
    use crate::seam::port::{Caps, Port};

    #[repr(align(4096))]
    struct Memory(#[expect(dead_code, reason = "room")] [u8; 64 * 1024]);

    static BARE: Bare = Bare::new(4096);
    crate::export_port!(BARE);

    /// Core to hooks to C symbols to a Rust port, and back.
    #[test]
    fn round_trip() {
        let memory = std::boxed::Box::leak(std::boxed::Box::new(Memory([0; 64 * 1024])));
        // SAFETY: nobody else's, for ever.
        unsafe { BARE.give(core::ptr::from_mut(memory).cast(), 64 * 1024) };
        assert_eq!(HOOKS.capabilities(), Caps::VM);
        let size = HOOKS.page_size();
        let a = HOOKS.reserve(4 * size, size).unwrap();
        assert_eq!(HOOKS.reserve(100 * size, size), Err(Res::Resource));
        HOOKS.map(a, size).unwrap();
        // SAFETY: mapped.
        unsafe { a.ptr::<u32>().write(7) };
        HOOKS.unmap(a, size);
        assert_eq!(HOOKS.protect(a, size, crate::base::sets::AccessSet::WRITE), Err(Res::Unimpl));
        assert_eq!(HOOKS.thread_id(), 1);
        HOOKS.release(a, 4 * size);
        HOOKS.relax(0);
    }
}
