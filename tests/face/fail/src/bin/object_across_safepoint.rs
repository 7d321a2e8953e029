// E0502: an object is used after the collector has had its turn
use face_fail::{new, with};

fn main() {
    with(|heap| {
        let o = heap.alloc(new(1)).unwrap();
        heap.safepoint();
        println!("{}", o.number);
    })
}
