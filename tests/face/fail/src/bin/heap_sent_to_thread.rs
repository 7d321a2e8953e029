// E0277: a heap is used by another thread
use face_fail::{new, with};

fn main() {
    with(|heap| {
        std::thread::scope(|s| {
            s.spawn(|| {
                heap.alloc(new(1)).unwrap();
            });
        });
    })
}
