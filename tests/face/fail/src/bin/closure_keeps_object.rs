// E0502: an object in a closure
use face_fail::{new, with};

fn main() {
    with(|heap| {
        let o = heap.alloc(new(1)).unwrap();
        let later = || o.number;
        heap.safepoint();
        println!("{}", later());
    })
}
