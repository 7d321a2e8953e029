// E0500|E0501|E0502|E0499: the heap is used while the others do not wait for this thread
use face_fail::new;
use mps::{Heap, Options};

fn main() {
    Heap::shared(&Options::default(), |shared| {
        shared
            .enter(|heap| {
                heap.blocking(|| drop(heap.alloc(new(1))));
            })
            .unwrap();
    })
    .unwrap();
}
