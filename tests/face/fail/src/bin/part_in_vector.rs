// E0277: a part whose references are in other memory
use mps::{Field, Trace};

#[allow(dead_code)]
struct Other<'id>(Field<'id, Node<'id>>);

#[derive(Trace)]
struct Node<'id> {
    next: Vec<Field<'id, Node<'id>>>,
}

fn main() {
    let _ = Other(Field::null());
    face_fail::with(|heap| drop(heap.alloc(Node { next: Vec::new() }).unwrap()))
}
