// E0521: a root is put away outside of its heap
use face_fail::{new, with};

fn main() {
    let mut v = Vec::new();
    with(|heap| v.push(heap.root(heap.alloc(new(1)).unwrap()).unwrap()));
    drop(v);
}
