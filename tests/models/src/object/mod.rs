//! The library's `object`: allocation points and the pools' lock; in place of the
//! rest as much as those use.

weakenable!(buffer, "src-object-buffer.rs");
pub mod cx;
#[path = "../../../../src/object/lock.rs"]
pub mod lock;
pub mod magazines;
pub mod pool;
pub mod seg;
