// E0277: a part that has to be dropped
use mps::{Field, Trace};

#[allow(dead_code)]
struct Other<'id>(Field<'id, Node<'id>>);

#[derive(Trace)]
struct Node<'id> {
    text: String,
    next: Field<'id, Node<'id>>,
}

fn main() {
    let _ = Other(Field::null());
    face_fail::with(|heap| {
        drop(heap.alloc(Node { next: Field::null(), text: String::new() }).unwrap())
    })
}
