//! What all the programs have.

use mps::{Field, Trace};

/// A node.
#[derive(Trace)]
pub struct Node<'id> {
    /// A number.
    pub number: u64,
    /// A reference.
    pub next: Field<'id, Node<'id>>,
}

/// One with a number.
pub fn new<'id>(number: u64) -> Node<'id> {
    Node { number, next: Field::null() }
}

/// With default options.
pub fn with<R>(f: impl for<'id> FnOnce(&mut mps::Heap<'id>) -> R) -> R {
    mps::Heap::with(&mps::Options::default(), f).unwrap()
}
