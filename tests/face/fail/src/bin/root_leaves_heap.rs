// lifetime may not live long enough: a root leaves its heap
use face_fail::{new, with};

fn main() {
    let r = with(|heap| heap.root(heap.alloc(new(1)).unwrap()).unwrap());
    drop(r);
}
