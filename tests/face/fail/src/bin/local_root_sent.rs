// E0277: a root of a heap for one thread is shared by two
use face_fail::{new, with};

fn main() {
    with(|heap| {
        let root = heap.root(heap.alloc(new(1)).unwrap()).unwrap();
        std::thread::scope(|s| {
            s.spawn(|| drop(&root));
        });
    })
}
