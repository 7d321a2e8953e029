// E0502: a slice of an array's elements
use face_fail::{new, with};

fn main() {
    with(|heap| {
        let s: &[u8] = heap.alloc_copy(b"text").unwrap().elements();
        heap.collect();
        println!("{}", s[0]);
    })
}
