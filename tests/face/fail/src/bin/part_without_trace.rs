// E0277: a part of a type that has no Trace
use mps::{Field, Trace};

#[allow(dead_code)]
struct Other<'id>(Field<'id, Node<'id>>);

#[derive(Trace)]
struct Node<'id> {
    next: Other<'id>,
}

fn main() {
    let _ = Other(Field::null());
    face_fail::with(|heap| drop(heap.alloc(Node { next: Other(Field::null()) }).unwrap()))
}
