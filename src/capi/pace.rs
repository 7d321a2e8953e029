//! How fast collections go on: pause times and steps. Without barriers there are neither.

use super::{Handle, need};
use crate::mpm::Mpm;
use crate::seam::args;

/// Parts of a whole, in what is given in parts per thousand.
const PARTS: f64 = 1000.0;

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
pub extern "C" fn mps_x_arena_utilisation_permille(arena: Handle) -> usize {
    let m = need!(mpm_of(arena), "arena is valid", 0);
    Mpm::enter(m, |m| m.kept_share().unwrap_or(0))
}

#[unsafe(no_mangle)]
pub extern "C" fn mps_x_arena_utilisation_permille_set(arena: Handle, parts: usize) {
    let m = need!(mpm_of(arena), "arena is valid", ());
    crate::aver_client!(parts <= 1000, "utilisation is at most 1000", ());
    Mpm::enter(m, |m| m.utilisation.set(Some(parts)));
}
