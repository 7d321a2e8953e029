// E0451|E0423: an array that has no elements says it has
use face_fail::{new, with};

fn main() {
    let a: mps::Array<u8> = mps::Array { len: 1000, of: std::marker::PhantomData };
    let _ = new(1);
    with(|_| drop(a))
}
