// E0502: an object is used after finalizers have run
use face_fail::{new, with};

fn main() {
    with(|heap| {
        let o = heap.alloc(new(1)).unwrap();
        heap.run_finalizers();
        println!("{}", o.number);
    })
}
