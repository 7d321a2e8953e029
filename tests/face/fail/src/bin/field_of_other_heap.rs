// E0521: a reference from one heap into another
use face_fail::{new, with};

fn main() {
    with(|a| {
        with(|b| {
            let o = a.alloc(new(1)).unwrap();
            o.set(|o| &o.next, Some(b.alloc(new(2)).unwrap()));
        })
    })
}
