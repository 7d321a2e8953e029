// E0502: an object that a root keeps may move all the same
use face_fail::{new, with};

fn main() {
    with(|heap| {
        let r = heap.root(heap.alloc(new(1)).unwrap()).unwrap();
        let o = r.get(heap);
        heap.collect();
        println!("{}", o.number);
    })
}
