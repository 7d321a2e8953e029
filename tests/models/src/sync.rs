//! In place of `core::sync`.

pub mod atomic {
    //! Atomics that are loom's within a model. See the crate's documentation.

    use crate::run::Word;
    use std::marker::PhantomData;
    pub use std::sync::atomic::{Ordering, compiler_fence};

    macro_rules! atomic {
        ($name:ident $([$t:ident])?, $value:ty, $from:expr, $into:expr) => {
            /// As the one in `core`. Good as all zeros.
            #[repr(C)]
            pub struct $name$(<$t>)? {
                word: Word,
                of: PhantomData<$value>,
            }

            // SAFETY: loom runs one thread at a time, all on one thread of the system's.
            unsafe impl$(<$t>)? Sync for $name$(<$t>)? {}
            // SAFETY: as above.
            unsafe impl$(<$t>)? Send for $name$(<$t>)? {}

            #[allow(clippy::unnecessary_cast, clippy::redundant_closure_call)]
            impl$(<$t>)? $name$(<$t>)? {
                pub fn load(&self, o: Ordering) -> $value {
                    ($from)(self.word.load(o))
                }
                pub fn store(&self, v: $value, o: Ordering) {
                    self.word.store(($into)(v), o);
                }
                pub fn swap(&self, v: $value, o: Ordering) -> $value {
                    ($from)(self.word.swap(($into)(v), o))
                }
                pub fn compare_exchange(
                    &self,
                    from: $value,
                    to: $value,
                    good: Ordering,
                    bad: Ordering,
                ) -> Result<$value, $value> {
                    let done = self.word.compare_exchange(($into)(from), ($into)(to), good, bad);
                    done.map($from).map_err($from)
                }
            }
        };
    }

    macro_rules! number {
        ($name:ident, $value:ty) => {
            atomic!($name, $value, |w: usize| w as $value, |v: $value| v as usize);

            impl $name {
                pub const fn new(v: $value) -> $name {
                    $name { word: Word::new(v as usize), of: PhantomData }
                }
                pub fn fetch_add(&self, v: $value, o: Ordering) -> $value {
                    self.word.fetch_add(v as usize, o) as $value
                }
                pub fn fetch_sub(&self, v: $value, o: Ordering) -> $value {
                    self.word.fetch_sub(v as usize, o) as $value
                }
                pub fn fetch_or(&self, v: $value, o: Ordering) -> $value {
                    self.word.fetch_or(v as usize, o) as $value
                }
            }

            impl Default for $name {
                fn default() -> Self {
                    $name::new(0)
                }
            }
        };
    }

    number!(AtomicUsize, usize);
    number!(AtomicU32, u32);
    number!(AtomicU8, u8);
    number!(AtomicI32, i32);

    atomic!(AtomicBool, bool, |w: usize| w != 0, |v: bool| v as usize);
    impl AtomicBool {
        pub const fn new(v: bool) -> AtomicBool {
            AtomicBool { word: Word::new(v as usize), of: PhantomData }
        }
    }
    impl Default for AtomicBool {
        fn default() -> Self {
            AtomicBool::new(false)
        }
    }

    atomic!(AtomicPtr[T], *mut T, std::ptr::with_exposed_provenance_mut::<T>, |p: *mut T| p
        .expose_provenance());
    impl<T> AtomicPtr<T> {
        /// Null only: a pointer is no number before it is exposed, which a constant can't be.
        pub const fn new(_null: *mut T) -> AtomicPtr<T> {
            AtomicPtr { word: Word::new(0), of: PhantomData }
        }
    }
    impl<T> Default for AtomicPtr<T> {
        fn default() -> Self {
            AtomicPtr::new(std::ptr::null_mut())
        }
    }
}
