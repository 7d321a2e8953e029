// E0502: an object in a vector, out of the collector's sight
use face_fail::{new, with};

fn main() {
    with(|heap| {
        let mut v = Vec::new();
        v.push(heap.alloc(new(1)).unwrap());
        heap.collect();
        println!("{}", v[0].number);
    })
}
