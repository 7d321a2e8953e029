// E0594|E0596: a reference in an object is exchanged
use face_fail::{new, with};

fn main() {
    with(|heap| {
        let o = heap.alloc(new(1)).unwrap();
        std::mem::swap(&mut o.to_ref().next, &mut new(2).next);
    })
}
