//! Arenas.

use super::{Handle, need};
use crate::arena::Params;
use crate::base::addr::{Addr, Range, Size, size_up_checked};
use crate::base::res::{Res, Result, code_of};
use crate::mpm::{Config, Mpm};
use crate::ports::soft::Soft;
use crate::seam::args::{self, Arg, Args};
use crate::seam::client::ArenaCallback;
use crate::seam::parts;
use crate::seam::port::{Caps, Port};
use core::ffi::c_void;

/// What `mps_arena_class_t` points to.
pub struct ArenaClass {
    is_vm: bool,
}
static VM: ArenaClass = ArenaClass { is_vm: true };
static CLIENT: ArenaClass = ArenaClass { is_vm: false };

#[cfg(feature = "vm-arenas")]
#[unsafe(no_mangle)]
pub extern "C" fn mps_arena_class_vm() -> *const ArenaClass {
    &VM
}

#[unsafe(no_mangle)]
pub extern "C" fn mps_arena_class_cl() -> *const ArenaClass {
    &CLIENT
}

fn callback(p: Option<*mut c_void>) -> Option<ArenaCallback> {
    // SAFETY: the key's value is a function of this type, or null.
    p.and_then(|p| unsafe { core::mem::transmute::<*mut c_void, Option<ArenaCallback>>(p) })
}

/// The least grain. Below 1 KB what the library keeps about a grain would become a large part
/// of it, and regions of 256 grains would become too many. A guess.
const GRAIN_LEAST: Size = 1024;
/// The grain of a client arena of 1 MB or more: the reference's default.
const GRAIN_USUAL: Size = 8192;

/// The grain of a client arena that was given `size` bytes, if no key says otherwise: a
/// 128th of that, so that rounding a structure up to grains costs less than a hundredth of
/// the arena; from 1 MB on [`GRAIN_USUAL`].
fn client_grain(size: Size) -> Size {
    let part = (size / 128).max(1);
    let power = 1usize << (Size::BITS - 1 - part.leading_zeros());
    power.clamp(GRAIN_LEAST, GRAIN_USUAL)
}

/// The fraction of committed memory that may be spare.
fn spare(a: &mut Args, limit: Size) -> Result<f64> {
    let mut spare = a.spare().unwrap_or(Config::SPARE);
    if let Some(bytes) = a.size(&args::_mps_key_SPARE_COMMIT_LIMIT) {
        spare = if bytes >= limit { 1.0 } else { bytes as f64 / limit as f64 };
    }
    crate::aver_client!(
        (0.0..=1.0).contains(&spare),
        "MPS_KEY_SPARE is between 0.0 and 1.0",
        Err(Res::Param)
    );
    Ok(spare)
}

/// How long a step of a collection may take, in seconds.
fn pause_time(a: &mut Args) -> Result<f64> {
    let pause_time = a.pause_time().unwrap_or(Config::PAUSE_TIME);
    crate::aver_client!(pause_time >= 0.0, "MPS_KEY_PAUSE_TIME is not negative", Err(Res::Param));
    Ok(pause_time)
}

/// The share of its time that the program keeps, in parts per thousand, if it says so.
fn utilisation(a: &mut Args) -> Result<Option<usize>> {
    let Some(share) = a.utilisation() else { return Ok(None) };
    crate::aver_client!(
        (0.0..=1.0).contains(&share),
        "MPS_KEY_X_UTILISATION is between 0.0 and 1.0",
        Err(Res::Param)
    );
    Ok(Some((share * 1000.0 + 0.5) as usize))
}

/// How to make an arena, and the port for it.
fn config(is_vm: bool, a: &mut Args) -> Result<(Config, &'static dyn Port)> {
    let mut port = crate::ports::DEFAULT;
    let page = port.page_size();
    let (size, base) = if is_vm {
        (a.size(&args::_mps_key_ARENA_SIZE).unwrap_or(1 << 28), None)
    } else {
        let size = a.size(&args::_mps_key_ARENA_SIZE);
        crate::aver_client!(
            size.is_some(),
            "MPS_KEY_ARENA_SIZE is given for a client arena",
            Err(Res::Param)
        );
        let base = a.pointer(&args::_mps_key_ARENA_CL_BASE);
        crate::aver_client!(
            base.is_some_and(|b| !b.is_null()),
            "MPS_KEY_ARENA_CL_BASE is given for a client arena",
            Err(Res::Param)
        );
        (size.unwrap_or(0), base.map(|b| Addr(b as usize)))
    };
    let grain = a.size(&args::_mps_key_ARENA_GRAIN_SIZE);
    let grain = grain.unwrap_or(if is_vm { page } else { client_grain(size) });
    crate::aver_client!(
        grain.is_power_of_two(),
        "MPS_KEY_ARENA_GRAIN_SIZE is a power of two",
        Err(Res::Param)
    );
    crate::aver_client!(
        is_vm || grain >= size_of::<usize>(),
        "MPS_KEY_ARENA_GRAIN_SIZE is at least the size of a pointer",
        Err(Res::Param)
    );
    let grain = if is_vm { grain.max(page) } else { grain.max(GRAIN_LEAST) };
    let zoned = a.bool(&args::_mps_key_ARENA_ZONED).unwrap_or(true);
    let limit = a.size(&args::_mps_key_COMMIT_LIMIT).unwrap_or(usize::MAX);
    // A client arena has no spare memory, and without barriers there are no steps.
    let spare = if parts::VM_ARENAS { spare(a, limit)? } else { Config::SPARE };
    let pause_time = if parts::BARRIERS { pause_time(a)? } else { Config::PAUSE_TIME };
    let utilisation = if parts::BARRIERS { utilisation(a)? } else { None };
    let (extended, contracted) = if is_vm {
        (
            callback(a.pointer(&args::_mps_key_arena_extended)),
            callback(a.pointer(&args::_mps_key_arena_contracted)),
        )
    } else {
        (None, None)
    };
    let size = if is_vm {
        // The least is a word's worth of grains.
        let least = grain.checked_mul(usize::BITS as usize).ok_or(Res::Resource)?;
        size_up_checked(size.max(least), grain).ok_or(Res::Resource)?
    } else {
        size
    };
    let mut params = Params { grain, size, base, limit, extra: 0 };
    if a.bool(&args::_mps_key_x_SOFT_BARRIER).unwrap_or(false) {
        if !cfg!(feature = "soft-barrier") {
            return Err(Res::Unimpl);
        }
        let given = params.base.map(|b| Range::sized(b, params.size));
        // SAFETY: the client gives this memory to the arena.
        let (over, rest) = unsafe { Soft::beneath(port, params.grain, given)? };
        port = over;
        if let Some(r) = rest {
            (params.base, params.size) = (Some(r.base), r.size());
        }
    }
    Ok((Config { params, spare, pause_time, utilisation, zoned, extended, contracted }, port))
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn mps_arena_create_k(
    arena_o: *mut Handle,
    class: *const ArenaClass,
    list: *mut Arg,
) -> i32 {
    crate::aver_client!(!arena_o.is_null(), "arena_o is not null", Res::Param.code());
    crate::aver_client!(
        core::ptr::eq(class, &VM) || core::ptr::eq(class, &CLIENT),
        "arena class is valid",
        Res::Param.code()
    );
    // SAFETY: one of our two classes.
    let is_vm = parts::VM_ARENAS && unsafe { (*class).is_vm };
    if is_vm && !crate::ports::DEFAULT.capabilities().has(Caps::VM) {
        return Res::Unimpl.code();
    }
    // SAFETY: the client's argument list.
    let mut a = unsafe { Args::new(list) };
    let made = config(is_vm, &mut a).and_then(|(c, port)| {
        // SAFETY: there is no arena that uses it.
        Mpm::create(port, &c).inspect_err(|_| unsafe { port.retire() })
    });
    // SAFETY: not null, the client's.
    unsafe { super::give(arena_o, made.map(|m| m.as_ptr().cast())) }
}

#[unsafe(no_mangle)]
pub extern "C" fn mps_arena_destroy(arena: Handle) {
    let m = need!(mpm_of(arena), "arena is valid", ());
    if let Some(text) = m.get().leftover() {
        crate::base::check::report(concat!(file!(), "\0"), line!(), text);
        return;
    }
    let _ = Mpm::enter(m, |m| m.finish_traces());
    let port = m.get().cx.arena.port;
    // SAFETY: nothing is left in it, and the client says that nobody uses it.
    unsafe { Mpm::destroy(m) };
    // SAFETY: the arena was the only one with a port that goes with it.
    unsafe { port.retire() };
}

macro_rules! simple {
    ($($name:ident($($arg:ident: $ty:ty),*) -> $ret:ty, $otherwise:expr, |$m:ident| $body:expr;)*) => {$(
        #[unsafe(no_mangle)]
        pub extern "C" fn $name(arena: Handle $(, $arg: $ty)*) -> $ret {
            let m = need!(mpm_of(arena), "arena is valid", $otherwise);
            Mpm::enter(m, |$m| $body)
        }
    )*};
}

simple! {
    mps_arena_clamp() -> (), (), |m| m.clamp();
    mps_arena_release() -> (), (), |m| m.release();
    mps_arena_park() -> (), (), |m| m.park();
    mps_arena_collect() -> i32, Res::Param.code(), |m| code_of(m.collect());
    mps_arena_start_collect() -> i32, Res::Param.code(), |m| code_of(m.start_collect());
    mps_arena_commit_limit_set(limit: Size) -> i32, Res::Param.code(), |m|
        code_of(m.cx.arena.set_limit(limit).inspect(|()| m.tune()));
    mps_collections() -> usize, 0, |m| m.cx.stats.collections.get();
}

/// Functions that any thread may call at any time, in format methods and signal handlers
/// too. They read one word of the arena and do not enter it.
macro_rules! gauges {
    ($($name:ident: $field:ident;)*) => {$(
        #[unsafe(no_mangle)]
        pub extern "C" fn $name(arena: Handle) -> Size {
            let m = need!(mpm_of(arena), "arena is valid", 0);
            m.get().cx.arena.$field.get()
        }
    )*};
}

gauges! {
    mps_arena_reserved: reserved;
    mps_arena_committed: committed;
    mps_arena_spare_committed: spare;
    mps_arena_commit_limit: limit;
}

#[unsafe(no_mangle)]
pub extern "C" fn mps_arena_busy(arena: Handle) -> i32 {
    let m = need!(mpm_of(arena), "arena is valid", 0);
    m.get().is_busy() as i32
}

#[unsafe(no_mangle)]
pub extern "C" fn mps_arena_extend(arena: Handle, base: Addr, size: Size) -> i32 {
    let m = need!(mpm_of(arena), "arena is valid", Res::Param.code());
    crate::aver_client!(
        m.get().cx.arena.is_client(),
        "arena being extended is a client arena",
        Res::Unimpl.code()
    );
    crate::aver_client!(!base.is_null(), "base is not null", Res::Param.code());
    Mpm::enter(m, |m| code_of(m.cx.arena.extend_client(base, size).inspect(|()| m.tune())))
}

#[cfg(feature = "vm-arenas")]
#[unsafe(no_mangle)]
pub extern "C" fn mps_arena_vm_growth(arena: Handle, desired: Size, minimum: Size) -> i32 {
    let m = need!(mpm_of(arena), "arena is valid", Res::Param.code());
    crate::aver_client!(!m.get().cx.arena.is_client(), "arena is a VM arena", Res::Param.code());
    crate::aver_client!(
        desired >= minimum,
        "desired growth is at least the minimum",
        Res::Param.code()
    );
    Mpm::enter(m, |m| m.cx.arena.growth.set(desired));
    Res::OK
}
