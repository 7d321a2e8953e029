//! The library's `base`, but for `check`: a failed check is a panic here.

#[path = "../../../../src/base/addr.rs"]
pub mod addr;
pub mod check;
#[path = "../../../../src/base/gauge.rs"]
pub mod gauge;
#[path = "../../../../src/base/list.rs"]
pub mod list;
#[path = "../../../../src/base/ptr.rs"]
pub mod ptr;
#[path = "../../../../src/base/registry.rs"]
pub mod registry;
#[path = "../../../../src/base/res.rs"]
pub mod res;
#[path = "../../../../src/base/sets.rs"]
pub mod sets;
