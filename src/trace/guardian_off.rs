//! No finalization: in place of `guardian.rs` where the feature `finalization` is off. Nothing
//! is registered, so there is nothing to scan, and no message is ever made of it.

use crate::base::addr::{Addr, Size};
use crate::base::ptr::P;
use crate::base::res::{Res, Result};
use crate::object::cx::{Cx, Inside};
use crate::object::message::{Fifo, Message};
use crate::object::pool::Pool;
use crate::object::scan::{Ref, ScanState};
use crate::object::trace::Trace;

/// Is there finalization?
pub const PRESENT: bool = false;

/// All registrations of an instance: none.
#[derive(Default)]
pub struct Guardians {
    /// Registrations that are ready: none.
    pub ready: Fifo,
}

impl Guardians {
    /// Registers nothing.
    ///
    /// # Errors
    /// `Unimpl`, always.
    pub fn register(&self, _cx: &Cx, _a: Addr) -> Result {
        Err(Res::Unimpl)
    }

    /// There is nothing to take back.
    pub fn deregister(&self, _cx: &Cx, _a: Addr) -> bool {
        false
    }

    /// There is nothing to let go.
    pub fn pool_gone(&self, _cx: &Cx, _pool: P<Pool>) {}

    /// No message is about an object.
    pub fn message_ref(&self, _cx: Inside<'_>, _m: P<Message>) -> Addr {
        Addr::NULL
    }

    /// There is no such message.
    pub fn message_done(&self, _cx: Inside<'_>, _m: P<Message>) {}

    /// There is nothing to tidy up.
    pub fn trace_end(&self, _cx: Inside<'_>) {}

    /// There is nothing to go back to.
    pub fn rewind(&self, _t: &Trace) {}

    /// All is done.
    pub fn scan_held(&self, _t: &Trace, _cx: Inside<'_>, _ss: &ScanState) -> Option<Size> {
        None
    }

    /// All is done.
    pub fn scan_final(
        &self,
        _t: &Trace,
        _cx: Inside<'_>,
        _ss: &ScanState,
        _weak: &ScanState,
    ) -> Option<Size> {
        None
    }

    /// There is nothing to bring up to date.
    pub fn refresh(&self, _t: &Trace, _cx: Inside<'_>) -> bool {
        true
    }

    /// There are no references.
    pub fn each_ref(&self, _cx: &Cx, _f: impl FnMut(Ref<'_>)) {}
}
