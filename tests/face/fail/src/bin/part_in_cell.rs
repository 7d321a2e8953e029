// E0277: a part that could be taken out
use mps::{Field, Trace};

#[allow(dead_code)]
struct Other<'id>(Field<'id, Node<'id>>);

#[derive(Trace)]
struct Node<'id> {
    next: std::cell::Cell<Field<'id, Node<'id>>>,
}

fn main() {
    let _ = Other(Field::null());
    face_fail::with(|heap| drop(heap.alloc(Node { next: Default::default() }).unwrap()))
}
