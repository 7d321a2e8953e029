// E0507: a reference is taken out of an object
use face_fail::{new, with};

fn main() {
    with(|heap| {
        let o = heap.alloc(new(1)).unwrap();
        let f = o.to_ref().next;
        heap.collect();
        println!("{}", f.is_null());
    })
}
