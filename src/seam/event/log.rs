//! Events for a defmt logger.
//!
//! Called with the event buffer held, so never by two threads at once, nor again
//! from within. A logger may still be at work for the client on a thread that a
//! collection has stopped: one that locks has to cope with that.

use super::{EventKind, LONGEST};

/// Hands an event on. Levels: what a program does rarely is `info`, what goes on
/// all the time is `debug`, segments are `trace`.
pub fn event(k: EventKind, args: &[usize], text: Option<&[u8]>) {
    let mut all = [0usize; 8];
    for (to, from) in all.iter_mut().zip(args) {
        *to = *from;
    }
    let [a, b, c, d, e, f, g, h] = all;
    let text = text.unwrap_or_default();
    let text = text.split(|c| *c == 0).next().unwrap_or_default();
    let text = text.get(..LONGEST).unwrap_or(text);
    // What is not UTF-8 is the client's, and shown up to there.
    let text = match core::str::from_utf8(text) {
        Ok(s) => s,
        Err(e) => {
            text.get(..e.valid_up_to()).and_then(|t| core::str::from_utf8(t).ok()).unwrap_or("")
        }
    };
    match k {
        EventKind::Lost => defmt::warn!("{=usize} events lost", a),
        EventKind::ArenaCreate => {
            defmt::info!(
                "arena {=usize:#x}: created, grain size {=usize}, client's memory: {=bool}",
                a,
                b,
                c != 0
            )
        }
        EventKind::ArenaDestroy => defmt::info!("arena {=usize:#x}: destroyed", a),
        EventKind::Memory => defmt::debug!(
            "arena {=usize:#x}: {=usize} bytes reserved, {=usize} committed, {=usize} spare",
            a,
            b,
            c,
            d
        ),
        EventKind::PoolCreate => {
            defmt::info!("arena {=usize:#x}: pool {=usize:#x} created, class {=str}", a, b, text)
        }
        EventKind::PoolDestroy => defmt::info!("pool {=usize:#x}: destroyed", a),
        EventKind::TraceStart => {
            defmt::info!(
                "arena {=usize:#x}: collection starts, full: {=bool}; {=str}",
                a,
                b != 0,
                text
            )
        }
        EventKind::TraceFlip => defmt::debug!(
            "arena {=usize:#x}: flip, {=usize} bytes condemned, {=usize} not",
            a,
            b,
            c
        ),
        EventKind::TraceEnd => defmt::info!(
            "arena {=usize:#x}: collection ends, {=usize} bytes condemned, {=usize} not, {=usize} live",
            a,
            b,
            c,
            d
        ),
        EventKind::Step => defmt::debug!("arena {=usize:#x}: step, {=usize} ticks", a, b),
        EventKind::SegCreate => {
            defmt::trace!("pool {=usize:#x}: segment {=usize:#x} created, {=usize} bytes", a, b, c)
        }
        EventKind::SegDestroy => {
            defmt::trace!("segment {=usize:#x}: destroyed, {=usize} bytes", a, b)
        }
        EventKind::Intern => defmt::info!("label {=usize} is \"{=str}\"", a, text),
        EventKind::Label => defmt::info!("{=usize:#x} has label {=usize}", a, b),
        EventKind::Generation => defmt::debug!(
            "arena {=usize:#x}: generation {=usize} of chain {=usize:#x}: {=usize} bytes",
            a,
            c,
            b,
            d
        ),
        EventKind::Pause => {
            defmt::debug!("arena {=usize:#x}: pause, {=usize} ticks, why {=usize:#x}", a, b, c)
        }
        EventKind::Work => defmt::debug!(
            "arena {=usize:#x}: {=usize} bytes moved, {=usize} reclaimed, {=usize} read hits, {=usize} write hits, calls: {=usize} map, {=usize} unmap, {=usize} protect",
            a,
            b,
            c,
            d,
            e,
            f,
            g,
            h
        ),
        EventKind::Pace => defmt::info!(
            "arena {=usize:#x}: work expected {=usize}, done {=usize}, room {=usize}, allocated {=usize}, late {=usize}",
            a,
            b,
            c,
            d,
            e,
            f
        ),
        EventKind::Forked => defmt::info!("a child process"),
        // They are written past this: one for each object is too much for a log.
        EventKind::HeapBegin
        | EventKind::HeapPool
        | EventKind::HeapObject
        | EventKind::HeapRoot
        | EventKind::HeapRefs
        | EventKind::HeapEnd => {}
    }
}
