// lifetime may not live long enough|E0521: an object is used when its thread has left the heap
use face_fail::new;
use mps::{Heap, Options};

fn main() {
    Heap::shared(&Options::default(), |shared| {
        let o = shared.enter(|heap| heap.alloc(new(1)).unwrap()).unwrap();
        println!("{}", o.number);
    })
    .unwrap();
}
