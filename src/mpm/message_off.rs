//! No messages: in place of `message.rs` where the feature `messages` is off.

use super::entry::Entered;
use crate::object::trace::Trace;

/// The queues of an instance. There are none.
#[derive(Default)]
pub struct Messages;

impl Entered {
    /// A collection is about to begin. Nobody is told.
    pub(super) fn post_start(&self, _t: &Trace, _why: &'static str) {}

    /// A collection has ended. Nobody is told.
    pub(super) fn post_end(&self, _t: &Trace) {}

    /// Registered objects were found to be dying. There are none.
    pub(super) fn post_ready(&self) {}
}
