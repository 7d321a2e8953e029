//! Arenas.

use super::{Handle, need};
use crate::arena::Params;
use crate::base::addr::{Addr, Range, Size, size_up_checked};
use crate::base::res::{Res, Result, code_of};
use crate::mpm::{Config, Mpm};
use crate::ports::soft::Soft;
use crate::seam::args::{self, Arg, Args};
use crate::seam::client::ArenaCallback;
use crate::seam::port::{Caps, Port};
use core::ffi::c_void;

/// What `mps_arena_class_t` points to.
pub struct ArenaClass {
    is_vm: bool,
}
static VM: ArenaClass = ArenaClass { is_vm: true };
static CLIENT: ArenaClass = ArenaClass { is_vm: false };

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
/// Parts of a whole, in what is given in parts per thousand.
const PARTS: f64 = 1000.0;
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
    let mut spare = a.spare().unwrap_or(0.75);
    if let Some(bytes) = a.size(&args::_mps_key_SPARE_COMMIT_LIMIT) {
        spare = if bytes >= limit { 1.0 } else { bytes as f64 / limit as f64 };
    }
    crate::aver_client!(
        (0.0..=1.0).contains(&spare),
        "MPS_KEY_SPARE is between 0.0 and 1.0",
        Err(Res::Param)
    );
    let pause_time = a.pause_time().unwrap_or(0.1);
    crate::aver_client!(pause_time >= 0.0, "MPS_KEY_PAUSE_TIME is not negative", Err(Res::Param));
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
        let given = params.base.map(|b| Range::sized(b, params.size));
        // SAFETY: the client gives this memory to the arena.
        let (over, rest) = unsafe { Soft::beneath(port, params.grain, given)? };
        port = over;
        if let Some(r) = rest {
            (params.base, params.size) = (Some(r.base), r.size());
        }
    }
    Ok((Config { params, spare, pause_time, zoned, extended, contracted }, port))
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
    let is_vm = unsafe { (*class).is_vm };
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
    mps_arena_spare_commit_limit() -> Size, 0, |m|
        (m.cx.arena.spare_fraction.get() * m.cx.arena.committed.get() as f64) as Size;
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

fn spare_set(m: &Mpm, fraction: f64) {
    let arena = &m.cx.arena;
    arena.spare_fraction.set(fraction);
    if fraction <= 0.0 {
        arena.purge(arena.spare.get(), None);
    } else {
        arena.trim();
    }
}

#[unsafe(no_mangle)]
pub extern "C" fn mps_arena_spare_commit_limit_set(arena: Handle, bytes: Size) {
    let m = need!(mpm_of(arena), "arena is valid", ());
    Mpm::enter(m, |m| {
        let committed = m.cx.arena.committed.get();
        let f = if bytes >= committed { 1.0 } else { bytes as f64 / committed as f64 };
        spare_set(m, f);
    });
}

fn step(arena: Handle, interval: f64, multiplier: f64) -> i32 {
    let m = need!(mpm_of(arena), "arena is valid", 0);
    crate::aver_client!(interval >= 0.0, "interval is not negative", 0);
    crate::aver_client!(multiplier >= 0.0, "multiplier is not negative", 0);
    Mpm::enter(m, |m| m.step(interval, multiplier) as i32)
}

fn pause_time(arena: Handle) -> f64 {
    let m = need!(mpm_of(arena), "arena is valid", 0.0);
    Mpm::enter(m, |m| m.pause_time.get())
}

fn pause_time_set(arena: Handle, seconds: f64) {
    let m = need!(mpm_of(arena), "arena is valid", ());
    crate::aver_client!(seconds >= 0.0, "pause time is not negative", ());
    Mpm::enter(m, |m| m.pause_time.set(seconds));
}

fn spare(arena: Handle) -> f64 {
    let m = need!(mpm_of(arena), "arena is valid", 0.0);
    Mpm::enter(m, |m| m.cx.arena.spare_fraction.get())
}

fn spare_fraction_set(arena: Handle, fraction: f64) {
    let m = need!(mpm_of(arena), "arena is valid", ());
    crate::aver_client!((0.0..=1.0).contains(&fraction), "spare is between 0.0 and 1.0", ());
    Mpm::enter(m, |m| spare_set(m, fraction));
}

cfg_if::cfg_if! {
    // Where the archive is made without the processor's floating registers, as for kernels
    // on Intel's processors, no C compiler passes a double where it would be looked for.
    // So these functions are not there, and a program that calls them does not link.
    if #[cfg(not(any(
        all(target_arch = "x86_64", not(target_feature = "sse2")),
        all(target_arch = "x86", not(target_feature = "sse2")),
    )))] {
        #[unsafe(no_mangle)]
        pub extern "C" fn mps_arena_step(arena: Handle, interval: f64, multiplier: f64) -> i32 {
            step(arena, interval, multiplier)
        }

        #[unsafe(no_mangle)]
        pub extern "C" fn mps_arena_pause_time(arena: Handle) -> f64 {
            pause_time(arena)
        }

        #[unsafe(no_mangle)]
        pub extern "C" fn mps_arena_pause_time_set(arena: Handle, seconds: f64) {
            pause_time_set(arena, seconds);
        }

        #[unsafe(no_mangle)]
        pub extern "C" fn mps_arena_spare(arena: Handle) -> f64 {
            spare(arena)
        }

        #[unsafe(no_mangle)]
        pub extern "C" fn mps_arena_spare_set(arena: Handle, fraction: f64) {
            spare_fraction_set(arena, fraction);
        }
    }
}

#[unsafe(no_mangle)]
pub extern "C" fn mps_x_arena_step_us(arena: Handle, interval: usize, multiplier: usize) -> i32 {
    step(arena, args::seconds(interval), multiplier as f64 / PARTS)
}

#[unsafe(no_mangle)]
pub extern "C" fn mps_x_arena_pause_time_us(arena: Handle) -> usize {
    args::microseconds(pause_time(arena))
}

#[unsafe(no_mangle)]
pub extern "C" fn mps_x_arena_pause_time_us_set(arena: Handle, us: usize) {
    pause_time_set(arena, args::seconds(us));
}

#[unsafe(no_mangle)]
pub extern "C" fn mps_x_arena_spare_permille(arena: Handle) -> usize {
    (spare(arena) * PARTS + 0.5) as usize
}

#[unsafe(no_mangle)]
pub extern "C" fn mps_x_arena_spare_permille_set(arena: Handle, parts: usize) {
    spare_fraction_set(arena, parts as f64 / PARTS);
}

/// Does not enter the arena: it may be called while the calling thread, or another that is
/// stopped, is inside.
#[unsafe(no_mangle)]
pub extern "C" fn mps_arena_postmortem(arena: Handle) {
    let m = need!(mpm_of(arena), "arena is valid", ());
    // SAFETY: the client says that nothing goes on.
    unsafe { m.get().postmortem() };
}

#[unsafe(no_mangle)]
pub extern "C" fn mps_arena_extend(arena: Handle, base: Addr, size: Size) -> i32 {
    let m = need!(mpm_of(arena), "arena is valid", Res::Param.code());
    crate::aver_client!(
        m.get().cx.arena.is_client,
        "arena being extended is a client arena",
        Res::Unimpl.code()
    );
    crate::aver_client!(!base.is_null(), "base is not null", Res::Param.code());
    Mpm::enter(m, |m| code_of(m.cx.arena.extend_client(base, size).inspect(|()| m.tune())))
}

#[unsafe(no_mangle)]
pub extern "C" fn mps_arena_vm_growth(arena: Handle, desired: Size, minimum: Size) -> i32 {
    let m = need!(mpm_of(arena), "arena is valid", Res::Param.code());
    crate::aver_client!(!m.get().cx.arena.is_client, "arena is a VM arena", Res::Param.code());
    crate::aver_client!(
        desired >= minimum,
        "desired growth is at least the minimum",
        Res::Param.code()
    );
    Mpm::enter(m, |m| m.cx.arena.growth.set(desired));
    Res::OK
}

#[unsafe(no_mangle)]
pub extern "C" fn mps_arena_has_addr(arena: Handle, a: Addr) -> i32 {
    let m = need!(mpm_of(arena), "arena is valid", 0);
    Mpm::look(m, |m| m.cx.arena.has_addr(a)) as i32
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn mps_addr_pool(pool_o: *mut Handle, arena: Handle, a: Addr) -> i32 {
    let m = need!(mpm_of(arena), "arena is valid", 0);
    crate::aver_client!(!pool_o.is_null(), "pool_o is not null", 0);
    let pool = Mpm::look(m, |m| m.pool_of(a));
    // SAFETY: not null, the client's.
    pool.map(|p| unsafe { pool_o.write(p.as_ptr().cast()) }).is_some() as i32
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn mps_addr_fmt(fmt_o: *mut Handle, arena: Handle, a: Addr) -> i32 {
    let m = need!(mpm_of(arena), "arena is valid", 0);
    crate::aver_client!(!fmt_o.is_null(), "fmt_o is not null", 0);
    let fmt = Mpm::look(m, |m| m.pool_of(a).and_then(|p| p.format.get()));
    // SAFETY: not null, the client's.
    fmt.map(|f| unsafe { fmt_o.write(f.as_ptr().cast()) }).is_some() as i32
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn mps_addr_object(p_o: *mut Addr, arena: Handle, a: Addr) -> i32 {
    let m = need!(mpm_of(arena), "arena is valid", Res::Param.code());
    crate::aver_client!(!p_o.is_null(), "p_o is not null", Res::Param.code());
    let p = Mpm::enter(m, |m| m.object_of(a));
    // SAFETY: not null, the client's.
    unsafe { super::give(p_o, p) }
}
