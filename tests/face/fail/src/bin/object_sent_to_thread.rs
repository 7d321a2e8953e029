// E0277: an object goes to another thread
use face_fail::{new, with};

fn main() {
    with(|heap| {
        let o = heap.alloc(new(1)).unwrap();
        std::thread::scope(|s| {
            s.spawn(|| println!("{}", o.number));
        });
    })
}
