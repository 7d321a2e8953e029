//! Words, addresses, sets, results and checks: nothing here knows what the
//! library is for.

pub mod addr;
pub mod bits;
pub mod check;
pub mod gauge;
#[cfg_attr(not(feature = "statistics"), path = "histogram_off.rs")]
pub mod histogram;
pub mod list;
pub mod ptr;
pub mod registry;
pub mod res;
pub mod sets;
