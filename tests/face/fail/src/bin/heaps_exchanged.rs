// E0521: two heaps are exchanged
use face_fail::{new, with};

fn main() {
    with(|a| with(|b| std::mem::swap(a, b)))
}
