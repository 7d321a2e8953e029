//! The event stream: what happened in the library, to be looked at later.
//!
//! An event site costs one load and one branch while its category is off. While it is
//! on, the site appends a few bytes to a buffer, which is written by the plinth's
//! `mps_io_*`. docs/telemetry.md has the format: numbers of variable length, and with each
//! event its length, so that readers can skip events that they don't know.
//!
//! Any thread may write events, and a collection may stop any thread at any instruction.
//! So nobody waits long for the buffer: if it can't be had, the event is dropped and
//! counted.
//!
//! A child process starts a stream of its own: what its parent had buffered is
//! its parent's, and so is its parent's open stream.
//!
//! With feature `defmt` the same events go to a defmt logger as well. They go while the
//! buffer is locked, so one at a time.

use super::plinth;
#[cfg(feature = "snapshot")]
use crate::base::res::{Res, Result};
use core::ffi::c_void;
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use spin::mutex::SpinMutex;

/// A category of events: its bit in the filter.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Category {
    /// Arenas.
    Arena = 0,
    /// Pools.
    Pool = 1,
    /// Collections.
    Trace = 2,
    /// Segments.
    Seg = 3,
    /// The client's own.
    User = 6,
}

/// The kinds of event, with their arguments in order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum EventKind {
    /// Events were dropped: how many.
    Lost = 1,
    /// Arena; grain size; 1 for a client arena.
    ArenaCreate = 2,
    /// Arena.
    ArenaDestroy = 3,
    /// Arena; bytes reserved, committed, spare.
    Memory = 4,
    /// Arena; pool; then the class's name.
    PoolCreate = 5,
    /// Pool.
    PoolDestroy = 6,
    /// Arena; 1 for a full collection; then why.
    TraceStart = 7,
    /// Arena; bytes condemned, not condemned.
    TraceFlip = 8,
    /// Arena; bytes condemned, not condemned, live.
    TraceEnd = 9,
    /// Arena; clock ticks that a step took.
    Step = 10,
    /// Pool; base; size.
    SegCreate = 11,
    /// Base; size.
    SegDestroy = 12,
    /// Label; then the string.
    Intern = 13,
    /// Address; label.
    Label = 14,
    /// Arena; chain (0: the top generation); number; bytes in it.
    Generation = 15,
    /// Arena; clock ticks that the mutator waited until now; why (bits of
    /// `mpm::pause`).
    Pause = 16,
    /// Arena; since it was made: bytes moved, reclaimed; barrier hits by reads,
    /// by writes; calls to map, to unmap, to protect.
    Work = 17,
    /// This process is the child of one that had a stream.
    Forked = 18,
    /// Arena; of a trace that has ended: the work expected, the work done (bytes looked at);
    /// how many bytes might be allocated meanwhile, how many were; 1 if those were too many.
    Pace = 19,
    /// A heap snapshot begins (`mpm::snapshot`): arena.
    HeapBegin = 20,
    /// Pool; format, or 0; bytes it has, of them free; then the class's name.
    HeapPool = 21,
    /// Pool; address; size; one more than the number of its generation, 0 for the top one.
    HeapObject = 22,
    /// Root; rank; then what kind of root it is.
    HeapRoot = 23,
    /// Of the object or root before: rank; then references, in an object as distances from there.
    HeapRefs = 24,
    /// A snapshot is complete: arena; how many objects, references.
    HeapEnd = 25,
}

static FILTER: AtomicUsize = AtomicUsize::new(0);
static CONSULTED: AtomicBool = AtomicBool::new(false);
static LABELS: AtomicUsize = AtomicUsize::new(0);
static LOST: AtomicUsize = AtomicUsize::new(0);
static STREAM: SpinMutex<Stream> = SpinMutex::new(Stream::EMPTY);

/// Is there an event stream?
const STREAMED: bool = cfg!(feature = "telemetry");
/// Does anybody hear of events?
const HEARD: bool = STREAMED || cfg!(feature = "defmt");
/// Bytes of the buffer: some hundreds of events for each call of the plinth. A guess.
const BUFFER_BYTES: usize = if STREAMED { 4096 } else { 0 };
/// The longest string in an event.
pub const LONGEST: usize = 255;
/// How often a thread looks whether the buffer is free before it drops an event. A guess: some
/// ten microseconds, longer than others need to put an event in.
const BUFFER_LOOKS: u32 = 1000;

struct Stream {
    bytes: [u8; BUFFER_BYTES],
    len: usize,
    /// The plinth's stream, once there is one.
    io: Option<usize>,
    /// It could not be opened, or written to.
    failed: bool,
    /// The clock at the last event.
    clock: usize,
    /// In a child: its stream is still to say so.
    forked: bool,
}

/// The categories that are on, as bits. Any thread.
pub fn filter() -> usize {
    FILTER.load(Ordering::Relaxed)
}

/// Switches categories on.
pub fn set(mask: usize) {
    FILTER.fetch_or(mask, Ordering::Relaxed);
}

/// Switches categories off.
pub fn reset(mask: usize) {
    FILTER.fetch_and(!mask, Ordering::Relaxed);
}

/// Asks the plinth which categories are to be on. Does so once in a process, when the
/// first arena is made.
pub fn consult() {
    if HEARD && !CONSULTED.swap(true, Ordering::Relaxed) {
        set(plinth::telemetry_control());
    }
}

/// Is a category on?
#[inline(always)]
pub fn is_on(c: Category) -> bool {
    HEARD && FILTER.load(Ordering::Relaxed) & (1 << c as u8) != 0
}

/// Notes an event.
#[inline(always)]
pub fn event(c: Category, k: EventKind, args: &[usize]) {
    if is_on(c) {
        write(k, args, None);
    }
}

/// Notes an event with a string, up to its end or the first NUL.
#[inline(always)]
pub fn event_text(c: Category, k: EventKind, args: &[usize], text: &[u8]) {
    if is_on(c) {
        write(k, args, Some(text));
    }
}

/// A new label for a string.
pub fn intern(text: &[u8]) -> usize {
    let label = LABELS.fetch_add(1, Ordering::Relaxed) + 1;
    event_text(Category::User, EventKind::Intern, &[label], text);
    label
}

/// The buffer, locked. `None`: another thread has it for too long.
fn stream() -> Option<spin::mutex::SpinMutexGuard<'static, Stream>> {
    for _ in 0..BUFFER_LOOKS {
        if let Some(s) = STREAM.try_lock() {
            return Some(s);
        }
        core::hint::spin_loop();
    }
    None
}

#[cold]
#[inline(never)]
fn write(k: EventKind, args: &[usize], text: Option<&[u8]>) {
    let Some(mut s) = stream() else {
        LOST.fetch_add(1, Ordering::Relaxed);
        return;
    };
    let lost = LOST.swap(0, Ordering::Relaxed);
    if lost != 0 {
        s.event(EventKind::Lost, &[lost], None);
    }
    s.event(k, args, text);
}

/// Writes out what is buffered. `all`: and has the plinth do the same.
pub fn flush() {
    if !STREAMED {
        return;
    }
    if let Some(mut s) = stream() {
        s.drain();
        if let Some(io) = s.io {
            // What can't be flushed is lost; there is nobody to tell.
            let _ = plinth::io_flush(io as *mut c_void);
        }
    }
}

/// The stream for one writer, who loses nothing. What others want to write meanwhile is
/// dropped and counted.
#[cfg(feature = "snapshot")]
pub struct Whole(spin::mutex::SpinMutexGuard<'static, Stream>);

#[cfg(feature = "snapshot")]
impl Whole {
    /// Takes it, opened and empty, whatever the filter says.
    ///
    /// # Errors
    /// `Fail`: another thread has it for too long; `Io`: the plinth's.
    pub fn begin() -> Result<Whole> {
        let mut s = stream().ok_or(Res::Fail)?;
        if s.io.is_none() && s.len == 0 && !s.failed {
            s.open();
        }
        s.drain();
        if s.failed { Err(Res::Io) } else { Ok(Whole(s)) }
    }

    /// Writes an event. Its time is that of the one before: there are millions of them, and
    /// to read the clock would take longer than all the rest.
    pub fn put(&mut self, k: EventKind, args: &[usize], text: &[u8]) {
        let s = &mut self.0;
        if !s.failed {
            let now = s.clock;
            s.add_at(now, k, args, Some(text));
        }
    }

    /// Gives it back, written out.
    ///
    /// # Errors
    /// `Io`: the plinth did not take all.
    pub fn end(mut self) -> Result {
        let s = &mut self.0;
        s.drain();
        if let Some(io) = s.io.filter(|_| !s.failed) {
            return plinth::io_flush(io as *mut c_void);
        }
        Err(Res::Io)
    }
}

/// Before a fork: nobody is writing an event, nor will until [`after_fork`].
/// `relax` waits a little.
pub fn before_fork(relax: impl Fn(u32)) {
    if !HEARD {
        return;
    }
    let mut round = 0u32;
    loop {
        if let Some(s) = STREAM.try_lock() {
            core::mem::forget(s);
            return;
        }
        relax(round);
        round = round.saturating_add(1);
    }
}

/// After it, on the same thread, in either process.
///
/// # Safety
/// 1. This thread called [`before_fork`], and has not called this since.
pub unsafe fn after_fork(is_child: bool) {
    if !HEARD {
        return;
    }
    // SAFETY: locked by `before_fork`, and this is the thread that did (1).
    unsafe { STREAM.force_unlock() };
    if is_child {
        let mut s = STREAM.lock();
        s.forked |= s.io.is_some() || s.len != 0;
        s.len = 0;
        // Not destroyed: a plinth that buffers would write out what is the
        // parent's to write.
        s.io = None;
        s.failed = false;
        LOST.store(0, Ordering::Relaxed);
    }
}

/// Bytes of a varint.
fn width(n: usize) -> usize {
    let bits = (usize::BITS - n.leading_zeros()).max(1);
    bits.div_ceil(7) as usize
}

impl Stream {
    const EMPTY: Stream = Stream {
        bytes: [0; BUFFER_BYTES],
        len: 0,
        io: None,
        failed: false,
        clock: 0,
        forked: false,
    };

    fn byte(&mut self, b: u8) {
        if let Some(p) = self.bytes.get_mut(self.len) {
            *p = b;
            self.len += 1;
        }
    }

    fn number(&mut self, mut n: usize) {
        while n >= 0x80 {
            self.byte(n as u8 | 0x80);
            n >>= 7;
        }
        self.byte(n as u8);
    }

    fn event(&mut self, k: EventKind, args: &[usize], text: Option<&[u8]>) {
        #[cfg(feature = "defmt")]
        log::event(k, args, text);
        if self.failed || !STREAMED {
            return;
        }
        if self.io.is_none() && self.len == 0 {
            self.open();
        }
        self.add(k, args, text);
    }

    /// Begins the stream.
    fn open(&mut self) {
        self.begin();
        if core::mem::take(&mut self.forked) {
            self.add(EventKind::Forked, &[], None);
        }
    }

    /// Adds an event to what is buffered.
    fn add(&mut self, k: EventKind, args: &[usize], text: Option<&[u8]>) {
        self.add_at(plinth::clock(), k, args, text);
    }

    fn add_at(&mut self, now: usize, k: EventKind, args: &[usize], text: Option<&[u8]>) {
        let since = plinth::passed(self.clock, now);
        let text = text.map(|t| {
            let end = t.iter().position(|b| *b == 0).unwrap_or(t.len());
            t.get(..end.min(LONGEST)).unwrap_or_default()
        });
        let numbers = args.iter().map(|n| width(*n)).fold(width(since), usize::wrapping_add);
        let payload = numbers + text.map_or(0, <[u8]>::len);
        if self.len + payload + 8 > BUFFER_BYTES {
            self.drain();
        }
        self.clock = self.clock.wrapping_add(since);
        self.byte(k as u8);
        self.number(payload);
        self.number(since);
        for n in args {
            self.number(*n);
        }
        for b in text.unwrap_or_default() {
            self.byte(*b);
        }
    }

    /// The head of the stream.
    fn begin(&mut self) {
        for b in b"MPSE\x01" {
            self.byte(*b);
        }
        self.number(size_of::<usize>());
        self.number(plinth::clocks_per_sec());
        self.clock = plinth::clock();
        self.number(self.clock);
    }

    /// Sends out what there is.
    fn drain(&mut self) {
        if self.len == 0 {
            return;
        }
        if self.io.is_none() && !self.failed {
            match plinth::io_create() {
                Ok(io) => self.io = Some(io as usize),
                Err(_) => self.failed = true,
            }
        }
        if let Some(io) = self.io {
            let bytes = self.bytes.as_mut_ptr().cast();
            if plinth::io_write(io as *mut c_void, bytes, self.len).is_err() {
                self.failed = true;
            }
        }
        self.len = 0;
    }
}

#[cfg(feature = "defmt")]
mod log;

#[cfg(test)]
#[cfg(feature = "telemetry")]
mod tests {
    use super::*;

    #[test]
    fn widths() {
        let mut s = Stream::EMPTY;
        for n in [0, 1, 127, 128, 16383, 16384, usize::MAX] {
            s.len = 0;
            s.number(n);
            assert_eq!(s.len, width(n));
        }
    }

    #[test]
    fn an_event_is_as_long_as_it_says() {
        let mut s = Stream::EMPTY;
        s.event(EventKind::Intern, &[300], Some(b"hello\0"));
        let head = 5 + 1 + width(plinth::clocks_per_sec()) + width(s.clock);
        assert_eq!(s.bytes[head], EventKind::Intern as u8);
        let payload = s.bytes[head + 1] as usize;
        assert_eq!(s.len, head + 2 + payload);
        assert_eq!(&s.bytes[s.len - 5..s.len], b"hello");
    }

    #[test]
    fn a_childs_stream_says_so_first() {
        let mut s = Stream { forked: true, ..Stream::EMPTY };
        s.event(EventKind::Step, &[1, 2], None);
        s.event(EventKind::Step, &[1, 2], None);
        let head = 5 + 1 + width(plinth::clocks_per_sec()) + width(plinth::clock());
        assert_eq!(s.bytes[head], EventKind::Forked as u8);
        let next = head + 2 + s.bytes[head + 1] as usize;
        assert_eq!(s.bytes[next], EventKind::Step as u8);
        let next = next + 2 + s.bytes[next + 1] as usize;
        assert_eq!(s.bytes[next], EventKind::Step as u8);
    }
}
