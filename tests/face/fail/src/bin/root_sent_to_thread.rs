// E0277: a root goes to another thread
use face_fail::{new, with};

fn main() {
    with(|heap| {
        let r = heap.root(heap.alloc(new(1)).unwrap()).unwrap();
        std::thread::scope(|s| {
            s.spawn(move || drop(r));
        });
    })
}
