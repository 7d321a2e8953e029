//! Messages: what the library has to tell the client, in order of posting. A client's
//! handle points to the head, which is here. What follows the head in memory depends on
//! the type of the message: `trace::guardian` has it for finalization, `mpm::message` for
//! the others.

use crate::base::check::Sig;
use crate::base::ptr::{P, Slot};
use core::cell::Cell;

/// What a message is about. The numbers are the C interface's.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum MessageType {
    /// An object would have died.
    Finalization = 0,
    /// A collection ended.
    Gc = 1,
    /// A collection began.
    GcStart = 2,
}

impl MessageType {
    /// All of them, by number.
    pub const ALL: [MessageType; 3] =
        [MessageType::Finalization, MessageType::Gc, MessageType::GcStart];

    /// The kind a client's number stands for.
    pub fn from_code(c: u32) -> Option<MessageType> {
        Self::ALL.get(c as usize).copied()
    }
}

/// The head of a message.
#[repr(C)]
pub struct Message {
    /// [`Sig::MESSAGE`] from when it is posted until it is discarded.
    pub sig: Cell<Sig>,
    /// What it is about.
    pub kind: MessageType,
    /// The client has it.
    pub taken: Cell<bool>,
    next: Slot<Message>,
    /// Its place in the order of posting, over all kinds. Of a registration that is watched: its
    /// place in the order of registration.
    pub order: Cell<usize>,
}

impl Message {
    /// A message that has not been posted.
    pub fn new(kind: MessageType) -> Message {
        Message {
            sig: Cell::new(Sig::DEAD),
            kind,
            taken: Cell::new(false),
            next: Cell::new(None),
            order: Cell::new(0),
        }
    }
}

/// Messages, first in first out.
#[derive(Default)]
pub struct Fifo {
    head: Slot<Message>,
    tail: Slot<Message>,
}

impl Fifo {
    /// The first.
    pub fn first(&self) -> Option<P<Message>> {
        self.head.get()
    }

    /// Adds a message that is in no queue.
    pub fn push(&self, m: P<Message>) {
        m.get().next.set(None);
        match self.tail.replace(Some(m)) {
            Some(last) => last.get().next.set(Some(m)),
            None => self.head.set(Some(m)),
        }
    }

    /// Takes the first out.
    pub fn pop(&self) -> Option<P<Message>> {
        let m = self.head.get()?;
        self.head.set(m.get().next.take());
        if self.head.get().is_none() {
            self.tail.set(None);
        }
        Some(m)
    }
}
