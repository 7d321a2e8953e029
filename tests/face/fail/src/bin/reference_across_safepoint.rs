// E0502: a plain reference into an object
use face_fail::{new, with};

fn main() {
    with(|heap| {
        let n: &u64 = &heap.alloc(new(1)).unwrap().to_ref().number;
        heap.safepoint();
        println!("{n}");
    })
}
