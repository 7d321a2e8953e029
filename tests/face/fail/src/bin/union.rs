// E0277|nobody knows: a union, in which nobody knows what there is
#[derive(mps::Trace)]
union Either {
    a: u32,
    b: f32,
}

fn main() {
    face_fail::with(|heap| drop(heap.alloc(Either { a: 1 }).map(|_| ())))
}
