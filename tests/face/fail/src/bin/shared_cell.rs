// E0277|can't be in a heap that threads share: a part that two threads could change at once
use mps::{Heap, Options, Trace};

#[derive(Trace)]
struct Counter(std::cell::Cell<u64>);

fn main() {
    Heap::shared(&Options::default(), |shared| {
        shared.enter(|heap| drop(heap.alloc(Counter(std::cell::Cell::new(1))))).unwrap();
    })
    .unwrap();
}
