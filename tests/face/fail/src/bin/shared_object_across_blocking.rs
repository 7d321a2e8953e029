// E0502: an object is used after others were let collect
use face_fail::new;
use mps::{Heap, Options};

fn main() {
    Heap::shared(&Options::default(), |shared| {
        shared
            .enter(|heap| {
                let o = heap.alloc(new(1)).unwrap();
                heap.blocking(|| ());
                println!("{}", o.number);
            })
            .unwrap();
    })
    .unwrap();
}
