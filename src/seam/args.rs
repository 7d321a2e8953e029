//! Keyword arguments as C passes them, and the keys.

use crate::base::addr::Addr;
use core::ffi::c_void;
use core::marker::PhantomData;

/// A keyword. Only its address counts; the name is for debuggers.
#[repr(C)]
pub struct Key {
    name: *const u8,
}
// SAFETY: never written, and the name is static.
unsafe impl Sync for Key {}

impl Key {
    /// Makes a keyword for a pool class from outside the library.
    pub const fn new(name: &'static core::ffi::CStr) -> Key {
        Key { name: name.as_ptr().cast() }
    }
}

macro_rules! keys {
    ($($sym:ident $name:literal)*) => {$(
        #[doc = concat!("`MPS_KEY_", $name, "`.")]
        #[unsafe(no_mangle)]
        #[allow(non_upper_case_globals)]
        pub static $sym: Key = Key { name: concat!($name, "\0").as_ptr() };
    )*};
}

keys! {
    _mps_key_ARGS_END "ARGS_END"
    _mps_key_ARENA_GRAIN_SIZE "ARENA_GRAIN_SIZE"
    _mps_key_ARENA_SIZE "ARENA_SIZE"
    _mps_key_ARENA_ZONED "ARENA_ZONED"
    _mps_key_arena_extended "ARENA_EXTENDED"
    _mps_key_arena_contracted "ARENA_CONTRACTED"
    _mps_key_FORMAT "FORMAT"
    _mps_key_CHAIN "CHAIN"
    _mps_key_GEN "GEN"
    _mps_key_RANK "RANK"
    _mps_key_COMMIT_LIMIT "COMMIT_LIMIT"
    _mps_key_SPARE_COMMIT_LIMIT "SPARE_COMMIT_LIMIT"
    _mps_key_PAUSE_TIME "PAUSE_TIME"
    _mps_key_EXTEND_BY "EXTEND_BY"
    _mps_key_LARGE_SIZE "LARGE_SIZE"
    _mps_key_MIN_SIZE "MIN_SIZE"
    _mps_key_MEAN_SIZE "MEAN_SIZE"
    _mps_key_MAX_SIZE "MAX_SIZE"
    _mps_key_ALIGN "ALIGN"
    _mps_key_SPARE "SPARE"
    _mps_key_INTERIOR "INTERIOR"
    _mps_key_VMW3_TOP_DOWN "VMW3_TOP_DOWN"
    _mps_key_FMT_ALIGN "FMT_ALIGN"
    _mps_key_FMT_HEADER_SIZE "FMT_HEADER_SIZE"
    _mps_key_FMT_SCAN "FMT_SCAN"
    _mps_key_FMT_SKIP "FMT_SKIP"
    _mps_key_FMT_FWD "FMT_FWD"
    _mps_key_FMT_ISFWD "FMT_ISFWD"
    _mps_key_FMT_PAD "FMT_PAD"
    _mps_key_FMT_CLASS "FMT_CLASS"
    _mps_key_ap_hash_arrays "AP_HASH_ARRAYS"
    _mps_key_POOL_DEBUG_OPTIONS "POOL_DEBUG_OPTIONS"
    _mps_key_ARENA_CL_BASE "ARENA_CL_BASE"
    _mps_key_AMS_SUPPORT_AMBIGUOUS "AMS_SUPPORT_AMBIGUOUS"
    _mps_key_AWL_FIND_DEPENDENT "AWL_FIND_DEPENDENT"
    _mps_key_MFS_UNIT_SIZE "MFS_UNIT_SIZE"
    _mps_key_MVFF_SLOT_HIGH "MVFF_SLOT_HIGH"
    _mps_key_MVFF_ARENA_HIGH "MVFF_ARENA_HIGH"
    _mps_key_MVFF_FIRST_FIT "MVFF_FIRST_FIT"
    _mps_key_MVT_RESERVE_DEPTH "MVT_RESERVE_DEPTH"
    _mps_key_MVT_FRAG_LIMIT "MVT_FRAG_LIMIT"
    _mps_key_x_SOFT_BARRIER "X_SOFT_BARRIER"
    _mps_key_x_PAUSE_TIME_US "X_PAUSE_TIME_US"
    _mps_key_x_FMT_SCAN_PART "X_FMT_SCAN_PART"
    _mps_key_x_SPARE_PERMILLE "X_SPARE_PERMILLE"
    _mps_key_x_UTILISATION "X_UTILISATION"
    _mps_key_x_UTILISATION_PERMILLE "X_UTILISATION_PERMILLE"
}

/// The value half of `mps_arg_s`.
#[repr(C)]
#[derive(Clone, Copy)]
pub union Val {
    /// Boolean.
    pub b: i32,
    /// Unsigned.
    pub u: u32,
    /// Floating.
    pub d: f64,
    /// Size, alignment, count or word.
    pub size: usize,
    /// Address.
    pub addr: Addr,
    /// `mps_awl_find_dependent_t`.
    pub find_dependent: Option<super::client::FindDependent>,
    /// Any pointer: function, format, chain.
    pub p: *mut c_void,
}

/// `mps_arg_s`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Arg {
    /// Which.
    pub key: *const Key,
    /// What.
    pub val: Val,
}

/// `MPS_ARGS_MAX`, terminator included.
pub const ARGS_MAX: usize = 32;

/// Microseconds in seconds; the most there can be stands for no limit at all.
pub fn seconds(us: usize) -> f64 {
    if us == usize::MAX { f64::INFINITY } else { us as f64 / 1e6 }
}

/// Seconds in whole microseconds. What does not fit, infinity too, is `usize::MAX`.
pub fn microseconds(seconds: f64) -> usize {
    // Half a microsecond more, since what was given in microseconds comes back as it was.
    (seconds * 1e6 + 0.5) as usize
}

/// A client's argument list, writable and ended by the end key.
pub struct Args<'a> {
    at: *mut Arg,
    list: PhantomData<&'a mut [Arg]>,
}

/// Calls `f` with a list of these arguments, fewer than [`ARGS_MAX`].
pub fn with<R>(list: &[(&'static Key, Val)], f: impl FnOnce(&mut Args) -> R) -> R {
    let end = Arg { key: &raw const _mps_key_ARGS_END, val: Val { size: 0 } };
    let mut all = [end; ARGS_MAX];
    crate::aver!(list.len() < ARGS_MAX, "fewer arguments than MPS_ARGS_MAX");
    for (to, (key, val)) in all.iter_mut().take(ARGS_MAX - 1).zip(list) {
        *to = Arg { key: core::ptr::from_ref(*key), val: *val };
    }
    // SAFETY: ended by the end key; this call's alone.
    f(&mut unsafe { Args::new(all.as_mut_ptr()) })
}

impl Args<'_> {
    /// # Safety
    /// `at` points to an array that ends with the end key, and is the result's alone for as long
    /// as that is used.
    pub unsafe fn new(at: *mut Arg) -> Self {
        Args { at, list: PhantomData }
    }

    /// Takes the first argument of this key out of the list; the rest moves
    /// down.
    pub fn take(&mut self, key: &'static Key) -> Option<Val> {
        let end: *const Key = &raw const _mps_key_ARGS_END;
        let mut p = self.at;
        // SAFETY: the list is ended by the end key, and we stop there.
        unsafe {
            loop {
                if (*p).key == end {
                    return None;
                }
                if core::ptr::eq((*p).key, key) {
                    break;
                }
                p = p.add(1);
            }
            let val = (*p).val;
            loop {
                let next = p.add(1);
                (*p).key = (*next).key;
                if (*next).key == end {
                    return Some(val);
                }
                (*p).val = (*next).val;
                p = next;
            }
        }
    }

    /// A boolean.
    pub fn bool(&mut self, key: &'static Key) -> Option<bool> {
        // SAFETY: the key says which member was stored; so below.
        self.take(key).map(|v| unsafe { v.b } != 0)
    }

    /// An unsigned.
    pub fn unsigned(&mut self, key: &'static Key) -> Option<u32> {
        // SAFETY: as above.
        self.take(key).map(|v| unsafe { v.u })
    }

    /// A size, alignment or count.
    pub fn size(&mut self, key: &'static Key) -> Option<usize> {
        // SAFETY: as above.
        self.take(key).map(|v| unsafe { v.size })
    }

    /// A floating number.
    pub fn double(&mut self, key: &'static Key) -> Option<f64> {
        // SAFETY: as above.
        self.take(key).map(|v| unsafe { v.d })
    }

    /// A fraction: by its key, as a floating number, or by our own, in parts per thousand.
    pub fn spare(&mut self) -> Option<f64> {
        let parts = self.size(&_mps_key_x_SPARE_PERMILLE).map(|n| n as f64 / 1000.0);
        self.double(&_mps_key_SPARE).or(parts)
    }

    /// What share of its time the program keeps: as a floating number, or in parts per
    /// thousand.
    pub fn utilisation(&mut self) -> Option<f64> {
        let parts = self.size(&_mps_key_x_UTILISATION_PERMILLE).map(|n| n as f64 / 1000.0);
        self.double(&_mps_key_x_UTILISATION).or(parts)
    }

    /// A time in seconds: by its key, or by our own, in microseconds.
    pub fn pause_time(&mut self) -> Option<f64> {
        let time = self.size(&_mps_key_x_PAUSE_TIME_US).map(seconds);
        self.double(&_mps_key_PAUSE_TIME).or(time)
    }

    /// An address or any other pointer.
    pub fn pointer(&mut self, key: &'static Key) -> Option<*mut c_void> {
        // SAFETY: as above.
        self.take(key).map(|v| unsafe { v.p })
    }
}
