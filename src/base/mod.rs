//! Words, addresses, sets, results and checks: nothing here knows what the
//! library is for.

pub mod addr;
pub mod bits;
pub mod check;
pub mod gauge;
pub mod histogram;
pub mod list;
pub mod ptr;
pub mod registry;
pub mod res;
pub mod sets;
