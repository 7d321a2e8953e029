// E0080: an object that wants to be aligned to more than the heap's are
#[derive(mps::Trace)]
#[repr(align(32))]
struct Wide(u64);

fn main() {
    face_fail::with(|heap| drop(heap.alloc(Wide(1)).map(|o| o.0)))
}
