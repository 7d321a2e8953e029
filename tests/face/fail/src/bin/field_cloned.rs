// E0599: a reference has no copy
use face_fail::{new, with};

fn main() {
    with(|heap| {
        let o = heap.alloc(new(1)).unwrap();
        let f = o.next.clone();
        println!("{}", f.is_null());
    })
}
