// E0521: a root of one heap is asked by another
use face_fail::{new, with};

fn main() {
    with(|a| {
        with(|b| {
            let r = a.root(a.alloc(new(1)).unwrap()).unwrap();
            println!("{}", r.get(b).number);
        })
    })
}
