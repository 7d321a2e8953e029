// lifetime may not live long enough|E0521|E0308: a finalizer puts the object away outside of its heap
use mps::{Finalize, Gc, Heap, Trace};

#[derive(Trace)]
struct Mortal(u64);

thread_local!(static KEPT: std::cell::Cell<Option<Gc<'static, 'static, Mortal>>> = const { std::cell::Cell::new(None) });

impl<'id> Finalize<'id> for Mortal {
    fn finalize<'m>(m: Gc<'m, 'id, Self>, _: &'m Heap<'id>) {
        KEPT.set(Some(m));
    }
}

fn main() {}
