// E0080: an object with a destructor, which nobody would call
use mps::{Field, Trace};

#[derive(Trace)]
struct Node<'id> {
    next: Field<'id, Node<'id>>,
}

impl Drop for Node<'_> {
    fn drop(&mut self) {}
}

fn main() {
    face_fail::with(|heap| drop(heap.alloc(Node { next: Field::null() }).map(|_| ())))
}
