// none: what the others get wrong, done right
use face_fail::{new, with};

fn main() {
    let sum = with(|a| {
        with(|b| {
            let r = a.root(a.alloc(new(1)).unwrap()).unwrap();
            let s = b.root(b.alloc(new(2)).unwrap()).unwrap();
            let o = a.alloc(new(3)).unwrap();
            o.set(|o| &o.next, Some(r.get(a)));
            r.set(o);
            a.collect();
            b.safepoint();
            r.get(a).number + r.get(a).next.get(a).unwrap().number + s.get(b).number
        })
    });
    assert_eq!(sum, 6);
}
