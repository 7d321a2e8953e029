// E0308|E0521|lifetime may not live long enough: a root of a heap for many threads is asked of another one
use face_fail::{new, with};
use mps::{Heap, Options};

fn main() {
    Heap::shared(&Options::default(), |shared| {
        let root = shared.enter(|heap| heap.root(heap.alloc(new(1)).unwrap()).unwrap()).unwrap();
        with(|heap| println!("{}", root.get(heap).number));
    })
    .unwrap();
}
