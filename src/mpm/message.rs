//! The message queues: one for each type, with a common order.
//!
//! Messages about collections are in control memory. The message about the end of a
//! collection is made when the collection begins. If there is no memory for it, there is
//! no message, and the collection goes on.

use super::entry::Entered;
use crate::base::addr::{Addr, Size};
use crate::base::check::Sig;
use crate::base::ptr::{P, Slot};
#[cfg(feature = "runtime")]
use crate::base::res::{Res, Result};
use crate::object::cx::bump;
use crate::object::message::{Fifo, Message, MessageType};
use crate::object::trace::{TRACES, Trace};
use crate::seam::plinth;
use core::cell::Cell;

/// A message about a collection.
#[repr(C)]
pub struct GcMessage {
    head: Message,
    /// When it was posted, by the plinth's clock.
    pub clock: Cell<usize>,
    /// Why the collection began; ends in a NUL.
    pub why: Cell<&'static str>,
    /// Bytes that survived.
    pub live: Cell<Size>,
    /// Bytes condemned.
    pub condemned: Cell<Size>,
    /// Bytes not condemned.
    pub not_condemned: Cell<Size>,
}

/// The queues of an instance.
#[derive(Default)]
pub struct Messages {
    queues: [Fifo; 3],
    enabled: [Cell<bool>; 3],
    posted: Cell<usize>,
    /// The messages about the end of each collection in progress, by trace.
    ends: [Slot<GcMessage>; TRACES],
}

impl Messages {
    fn queue(&self, k: MessageType) -> Option<&Fifo> {
        self.queues.get(k as usize)
    }

    fn is_enabled(&self, k: MessageType) -> bool {
        self.enabled.get(k as usize).is_some_and(Cell::get)
    }

    fn set_enabled(&self, k: MessageType, on: bool) {
        if let Some(c) = self.enabled.get(k as usize) {
            c.set(on);
        }
    }

    fn post(&self, m: P<Message>) {
        bump(&self.posted, 1);
        m.order.set(self.posted.get());
        m.sig.set(Sig::MESSAGE);
        if let Some(q) = self.queue(m.kind) {
            q.push(m);
        }
    }

    /// The kind of the first message.
    pub fn first(&self) -> Option<MessageType> {
        let heads = self.queues.iter().filter_map(Fifo::first);
        heads.min_by_key(|m| m.order.get()).map(|m| m.kind)
    }

    /// Takes the first message of a kind.
    pub fn take(&self, k: MessageType) -> Option<P<Message>> {
        let m = self.queue(k)?.pop()?;
        m.taken.set(true);
        Some(m)
    }
}

/// The rest of a message about a collection.
pub fn gc_message(m: P<Message>) -> Option<P<GcMessage>> {
    if m.kind == MessageType::Finalization {
        return None;
    }
    // SAFETY: messages of the other kinds are made by `new_gc` only.
    unsafe { P::from_raw(m.as_ptr().cast()) }
}

fn head(m: P<GcMessage>) -> P<Message> {
    // SAFETY: its head comes first.
    unsafe { P::new(core::ptr::NonNull::from(&m.get().head)) }
}

impl Entered {
    fn new_gc(&self, kind: MessageType) -> Option<P<GcMessage>> {
        let m = GcMessage {
            head: Message::new(kind),
            clock: Cell::new(0),
            why: Cell::new("\0"),
            live: Cell::new(0),
            condemned: Cell::new(0),
            not_condemned: Cell::new(0),
        };
        self.cx.arena.control_new(m).ok()
    }

    /// A collection is about to begin, as this trace.
    pub(super) fn post_start(&self, t: &Trace, why: &'static str) {
        let q = &self.messages;
        if q.is_enabled(MessageType::GcStart) {
            if let Some(m) = self.new_gc(MessageType::GcStart) {
                m.why.set(why);
                m.clock.set(plinth::clock());
                q.post(head(m));
            }
        }
        if let Some(end) = q.ends.get(t.index()).filter(|e| e.get().is_none()) {
            if q.is_enabled(MessageType::Gc) {
                end.set(self.new_gc(MessageType::Gc));
            }
        }
    }

    /// A collection has ended.
    pub(super) fn post_end(&self, t: &Trace) {
        let q = &self.messages;
        if !q.is_enabled(MessageType::Gc) {
            return;
        }
        let prepared = q.ends.get(t.index()).and_then(Cell::take);
        let Some(m) = prepared.or_else(|| self.new_gc(MessageType::Gc)) else { return };
        m.clock.set(plinth::clock());
        m.live.set(t.live.get());
        m.condemned.set(t.condemned.get());
        m.not_condemned.set(t.not_condemned.get());
        q.post(head(m));
    }

    /// Registered objects were found to be dying.
    pub(super) fn post_ready(&self) {
        while let Some(m) = self.tracer.guardians.ready.pop() {
            if self.messages.is_enabled(MessageType::Finalization)
                && !crate::seam::fault("finalization")
            {
                if crate::seam::fault("finalization_twice") {
                    let a = self.tracer.guardians.message_ref(self.inside(), m);
                    let _ = self.tracer.guardians.register(&self.cx, a);
                }
                self.messages.post(m);
            } else {
                self.tracer.guardians.message_done(self.inside(), m);
            }
        }
    }

    /// Posts a message for each registration, in the order of registration.
    ///
    /// # Errors
    /// `Fail`: such messages are not enabled.
    #[cfg(feature = "runtime")]
    pub fn finalize_all(&self) -> Result {
        if !self.messages.is_enabled(MessageType::Finalization) {
            return Err(Res::Fail);
        }
        if crate::seam::fault("finalize_all") {
            return Ok(());
        }
        self.tracer.guardians.ready_all(self.inside());
        self.post_ready();
        Ok(())
    }

    /// From now on messages of a kind are posted.
    pub fn message_enable(&self, k: MessageType) {
        self.messages.set_enabled(k, true);
    }

    /// Messages of a kind are posted no longer, and those waiting are dropped.
    pub fn message_disable(&self, k: MessageType) {
        self.messages.set_enabled(k, false);
        while let Some(m) = self.messages.queue(k).and_then(Fifo::pop) {
            // SAFETY: just taken from the queue; no client has seen it.
            unsafe { self.message_discard(m) };
        }
    }

    /// A message is no longer needed.
    ///
    /// # Safety
    /// Nobody uses its handle afterwards; it is in no queue.
    pub unsafe fn message_discard(&self, m: P<Message>) {
        m.sig.set(Sig::DEAD);
        match gc_message(m) {
            // SAFETY: nobody uses it any more.
            Some(m) => unsafe { self.cx.arena.control_drop(m) },
            None => self.tracer.guardians.message_done(self.inside(), m),
        }
    }

    /// What a finalization message is about, stored where the client wants it.
    ///
    /// # Safety
    /// As for [`Entered::poke`].
    pub unsafe fn message_ref(&self, m: P<Message>, out: *mut Addr) {
        let a = self.tracer.guardians.message_ref(self.inside(), m);
        // SAFETY: the caller's promise.
        unsafe { self.poke(out, a) };
    }
}
