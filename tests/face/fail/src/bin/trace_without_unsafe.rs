// E0200: an implementation by hand is a promise
struct Node(u64);

impl mps::Trace for Node {
    fn trace(&self, _: &mut mps::Tracer<'_>) {}
}

fn main() {
    face_fail::with(|heap| drop(heap.alloc(Node(1)).map(|o| o.0)))
}
