// E0594: an object is overwritten
use face_fail::{new, with};

fn main() {
    with(|heap| {
        let o = heap.alloc(new(1)).unwrap();
        *o.to_ref() = new(2);
    })
}
