// E0277: what one thread has of a heap is used by another
use mps::{Heap, Options};

fn main() {
    Heap::shared(&Options::default(), |shared| {
        shared
            .enter(|heap| {
                std::thread::scope(|s| {
                    s.spawn(|| heap.safepoint());
                });
            })
            .unwrap();
    })
    .unwrap();
}
