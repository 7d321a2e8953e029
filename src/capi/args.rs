//! Keyword argument lists.

use crate::seam::args::{_mps_key_ARGS_END, ARGS_MAX, Arg, Key, Val};

/// A list of no arguments. Writable: callees end it anew.
#[unsafe(no_mangle)]
pub static mut mps_args_none: [Arg; 1] =
    [Arg { key: &raw const _mps_key_ARGS_END, val: Val { size: 0 } }];

#[unsafe(no_mangle)]
pub unsafe extern "C" fn _mps_args_set_key(args: *mut Arg, i: u32, key: *const Key) {
    crate::aver_client!((i as usize) < ARGS_MAX, "at most MPS_ARGS_MAX - 1 keyword arguments", ());
    // SAFETY: the client's array of MPS_ARGS_MAX.
    unsafe { (*args.add(i as usize)).key = key };
}
