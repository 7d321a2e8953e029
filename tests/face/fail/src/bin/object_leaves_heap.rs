// lifetime may not live long enough: an object leaves its heap
use face_fail::{new, with};

fn main() {
    let o = with(|heap| heap.alloc(new(1)).unwrap());
    println!("{}", o.number);
}
