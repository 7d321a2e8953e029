//! Our own additions: `mpsx.h`.

use super::{Handle, need, root};
use crate::base::addr::{Addr, Size, WORD};
use crate::base::res::{Res, code_of};
use crate::base::sets::{AccessSet, Rank};
use crate::mpm::Mpm;
use crate::seam::plinth;

/// `mps_x_stats_s`.
#[cfg(feature = "statistics")]
#[repr(C)]
pub struct Stats {
    struct_size: Size,
    counters: [usize; 11],
    longest: f64,
    more: [usize; 2],
    /// The sum of all pauses; the 50th, 99th and 99.9th percentile; the longest.
    pauses: [f64; 5],
    /// The longest slice and the pauses again, in microseconds.
    us: [usize; 6],
    /// Collections that were late; the most time taken within a window, in microseconds.
    pace: [usize; 2],
}

#[cfg(feature = "statistics")]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mps_x_stats(arena: Handle, out: *mut Stats) -> i32 {
    let m = need!(mpm_of(arena), "arena is valid", Res::Param.code());
    crate::aver_client!(!out.is_null(), "stats is not null", Res::Param.code());
    // SAFETY: the client's structure; its first word is always there.
    let room = unsafe { out.cast::<usize>().read() };
    if room < size_of::<usize>() {
        return Res::Param.code();
    }
    let s = Mpm::enter(m, |m| {
        let rate = plinth::clocks_per_sec();
        let seconds = |ticks| ticks as f64 / rate as f64;
        // In two parts, so that nothing overflows that fits at the end.
        let us = |ticks: usize| {
            let more = (ticks % rate) as u64 * 1_000_000 / rate as u64;
            (ticks / rate).saturating_mul(1_000_000).saturating_add(more as usize)
        };
        let p = &m.pauses;
        let s = &m.cx.stats;
        let calls = &m.cx.arena.calls;
        Stats {
            struct_size: room,
            counters: [
                s.collections.get(),
                s.read_hits.get(),
                s.write_hits.get(),
                s.condemned.get(),
                s.copied.get(),
                s.reclaimed.get(),
                calls.map.get(),
                calls.unmap.get(),
                calls.protect.get(),
                s.steps.get(),
                s.flips.get(),
            ],
            longest: seconds(s.longest.get()),
            more: [p.count(), m.cx.threads.stops.get()],
            pauses: [
                seconds(p.sum()),
                seconds(p.percentile(500)),
                seconds(p.percentile(990)),
                seconds(p.percentile(999)),
                seconds(p.max()),
            ],
            us: [
                us(s.longest.get()),
                us(p.sum()),
                us(p.percentile(500)),
                us(p.percentile(990)),
                us(p.percentile(999)),
                us(p.max()),
            ],
            pace: [s.late.get(), us(m.lately.most.get())],
        }
    });
    let ours = size_of::<Stats>();
    // SAFETY: the client says that there are `room` bytes; what we don't have is zeroed.
    unsafe {
        core::ptr::copy_nonoverlapping((&raw const s).cast::<u8>(), out.cast(), ours.min(room));
        if room > ours {
            out.cast::<u8>().add(ours).write_bytes(0, room - ours);
        }
    }
    Res::OK
}

#[unsafe(no_mangle)]
pub extern "C" fn mps_x_thread_signals(suspend: i32, resume: i32) -> i32 {
    code_of(crate::ports::set_thread_signals(suspend, resume))
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn mps_x_root_create_stack(
    root_o: *mut Handle,
    arena: Handle,
    thread: Handle,
) -> i32 {
    let t = need!(thread_of(thread), "thread is valid", Res::Param.code());
    let Some(stack) = t.stack else { return Res::Unimpl.code() };
    let kind = root::stack_kind(t, stack.limit.down(WORD));
    // SAFETY: as for ourselves; the thread is registered.
    unsafe { root::create(root_o, arena, Rank::Ambig as u32, 0, kind) }
}

#[unsafe(no_mangle)]
pub extern "C" fn mps_x_barrier_hit(arena: Handle, a: Addr, mode: u32) {
    let m = need!(mpm_of(arena), "arena is valid", ());
    Mpm::access_denied(m, a, AccessSet(mode as u8));
}
