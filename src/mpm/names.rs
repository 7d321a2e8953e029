//! What the C shell names of the layers below: the types behind its handles,
//! and what it fills in for them. All it does with them goes through [`Mpm`].
//!
//! [`Mpm`]: super::Mpm

pub use crate::arena::Params;
pub use crate::pools;
pub use crate::shield::threads::Thread;
pub use crate::trace::history::Ld;
pub use crate::trace::root::{Kind, Root, scan as scan_root};
pub use crate::trace::stack::scan as scan_stack;
