// E0277: an object goes from one thread of a heap to another
use face_fail::new;
use mps::{Heap, Options};

fn main() {
    Heap::shared(&Options::default(), |shared| {
        shared
            .enter(|heap| {
                let o = heap.alloc(new(1)).unwrap();
                std::thread::scope(|s| {
                    s.spawn(move || println!("{}", o.number));
                });
            })
            .unwrap();
    })
    .unwrap();
}
