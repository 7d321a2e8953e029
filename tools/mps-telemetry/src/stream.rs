//! The stream, byte for byte: docs/telemetry.md.
//!
//! Nothing here trusts what it reads: every length is held against what is
//! there, and what makes no sense ends the reading with an [`Error`] that says
//! where.

use serde::{Serialize, Serializer};
use std::fmt;

/// What an event says.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "event")]
pub enum Event {
    /// Events were dropped here.
    Lost {
        events: u64,
    },
    ArenaCreate {
        arena: Address,
        grain: u64,
        client: bool,
    },
    ArenaDestroy {
        arena: Address,
    },
    Memory {
        arena: Address,
        reserved: u64,
        committed: u64,
        spare: u64,
    },
    PoolCreate {
        arena: Address,
        pool: Address,
        class: String,
    },
    PoolDestroy {
        pool: Address,
    },
    TraceStart {
        arena: Address,
        full: bool,
        why: String,
    },
    TraceFlip {
        arena: Address,
        condemned: u64,
        not_condemned: u64,
    },
    TraceEnd {
        arena: Address,
        condemned: u64,
        not_condemned: u64,
        live: u64,
    },
    Step {
        arena: Address,
        ticks: u64,
    },
    SegCreate {
        pool: Address,
        base: Address,
        size: u64,
    },
    SegDestroy {
        base: Address,
        size: u64,
    },
    Intern {
        label: u64,
        text: String,
    },
    Label {
        address: Address,
        label: u64,
    },
    /// Chain 0 is the top generation, which all chains share.
    Generation {
        arena: Address,
        chain: Address,
        number: u64,
        bytes: u64,
    },
    /// Ends now.
    Pause {
        arena: Address,
        ticks: u64,
        why: u64,
    },
    Work(Work),
    /// This is a child process's stream.
    Forked,
    /// A collection has ended: its work, in bytes looked at, and what was allocated meanwhile.
    Pace {
        arena: Address,
        expected: u64,
        done: u64,
        room: u64,
        allocated: u64,
        late: bool,
    },
    /// A heap snapshot begins.
    HeapBegin {
        arena: Address,
    },
    HeapPool {
        pool: Address,
        format: Address,
        bytes: u64,
        free: u64,
        class: String,
    },
    /// Generation: one more than its number, 0 for the top one.
    HeapObject {
        pool: Address,
        address: Address,
        size: u64,
        generation: u64,
    },
    HeapRoot {
        root: Address,
        rank: u64,
        kind: String,
    },
    /// References of the object or root before, as distances from the object (from 0).
    HeapRefs {
        rank: u64,
        distances: Vec<i64>,
    },
    HeapEnd {
        arena: Address,
        objects: u64,
        references: u64,
    },
    /// Of a later version of the format.
    Unknown {
        kind: u8,
        payload: u64,
    },
}

/// What an arena has done since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Work {
    pub arena: Address,
    pub moved: u64,
    pub reclaimed: u64,
    pub read_hits: u64,
    pub write_hits: u64,
    pub map_calls: u64,
    pub unmap_calls: u64,
    pub protect_calls: u64,
}

/// [`Event::Pause`]: a step of a collection was part of it.
pub const WHY_STEP: u64 = 1;
/// A read was stopped by a barrier.
pub const WHY_READ: u64 = 2;
/// A write was.
pub const WHY_WRITE: u64 = 4;

impl Event {
    /// The arena it is about, if it says so.
    pub fn arena(&self) -> Option<Address> {
        match *self {
            Event::ArenaCreate { arena, .. }
            | Event::ArenaDestroy { arena }
            | Event::Memory { arena, .. }
            | Event::PoolCreate { arena, .. }
            | Event::TraceStart { arena, .. }
            | Event::TraceFlip { arena, .. }
            | Event::TraceEnd { arena, .. }
            | Event::Step { arena, .. }
            | Event::Generation { arena, .. }
            | Event::Pause { arena, .. }
            | Event::Pace { arena, .. }
            | Event::HeapBegin { arena }
            | Event::HeapEnd { arena, .. }
            | Event::Work(Work { arena, .. }) => Some(arena),
            _ => None,
        }
    }
}

/// An address in the process that wrote the stream. In JSON it is a string, for
/// not every reader's numbers have 64 bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address(pub u64);

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}", self.0)
    }
}

impl Serialize for Address {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

/// An event and when it was.
#[derive(Clone, Debug, PartialEq)]
pub struct Timed {
    /// The plinth's clock, in ticks.
    pub clock: u64,
    pub event: Event,
}

/// One stream: what one process wrote, or one of several joined end to end.
#[derive(Clone, Debug, Default)]
pub struct Stream {
    /// Bytes in a word.
    pub word: u64,
    /// Clock ticks in a second; never 0.
    pub rate: u64,
    /// The clock as the stream began.
    pub start: u64,
    pub events: Vec<Timed>,
}

impl Stream {
    /// Seconds from the beginning of the stream to a reading of its clock.
    pub fn seconds(&self, clock: u64) -> f64 {
        clock.saturating_sub(self.start) as f64 / self.rate as f64
    }

    /// So many ticks in seconds.
    pub fn span(&self, ticks: u64) -> f64 {
        ticks as f64 / self.rate as f64
    }

    /// Is it a child process's?
    pub fn is_forked(&self) -> bool {
        self.events.iter().any(|e| e.event == Event::Forked)
    }
}

/// What is wrong, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Error {
    /// Offset of the event (or head) that is wrong.
    pub offset: usize,
    pub what: Wrong,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// There is nothing.
    Empty,
    /// It does not begin as a stream does.
    NotAStream,
    /// It is of a version that this program does not know.
    Version(u8),
    /// It ends in the middle of a head or an event.
    BreaksOff,
    /// A number has more than 64 bits.
    Number,
    /// The head makes no sense.
    Head,
    /// There is no event of kind 0.
    Kind,
    /// An event is too short for its arguments.
    TooShort(u8),
}

impl Error {
    /// Is it no more than that the end has not been written yet?
    pub fn is_cut_off(&self) -> bool {
        matches!(self.what, Wrong::Empty | Wrong::BreaksOff)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.what {
            Wrong::Empty => write!(f, "the stream is empty"),
            Wrong::NotAStream => {
                write!(f, "not an event stream (no \"MPSE\" at byte {})", self.offset)
            }
            Wrong::Version(v) => write!(
                f,
                "stream at byte {} is of version {v}, which this program does not know",
                self.offset
            ),
            Wrong::BreaksOff => {
                write!(
                    f,
                    "the stream breaks off: what begins at byte {} is not all there",
                    self.offset
                )
            }
            Wrong::Number => write!(f, "damaged: a number too large at byte {}", self.offset),
            Wrong::Head => write!(f, "damaged: no sense in the head at byte {}", self.offset),
            Wrong::Kind => write!(f, "damaged: an event of kind 0 at byte {}", self.offset),
            Wrong::TooShort(kind) => write!(
                f,
                "damaged: the event of kind {kind} at byte {} is too short for its arguments",
                self.offset
            ),
        }
    }
}

impl std::error::Error for Error {}

const MAGIC: &[u8] = b"MPSE";

/// Bytes being read.
struct Bytes<'a> {
    rest: &'a [u8],
}

impl<'a> Bytes<'a> {
    fn byte(&mut self) -> Result<u8, Wrong> {
        let (first, rest) = self.rest.split_first().ok_or(Wrong::BreaksOff)?;
        self.rest = rest;
        Ok(*first)
    }

    fn number(&mut self) -> Result<u64, Wrong> {
        let mut n = 0u64;
        for shift in (0..).step_by(7) {
            let b = self.byte()?;
            let part = u64::from(b & 0x7F);
            if shift > 63 || (part << shift) >> shift != part {
                return Err(Wrong::Number);
            }
            n |= part << shift;
            if b & 0x80 == 0 {
                break;
            }
        }
        Ok(n)
    }

    fn take(&mut self, n: u64) -> Result<&'a [u8], Wrong> {
        let n = usize::try_from(n).map_err(|_| Wrong::BreaksOff)?;
        let (first, rest) = self.rest.split_at_checked(n).ok_or(Wrong::BreaksOff)?;
        self.rest = rest;
        Ok(first)
    }
}

/// Reads all streams in `bytes`. With an error come the events before it.
pub fn read(bytes: &[u8]) -> (Vec<Stream>, Option<Error>) {
    let mut streams = Vec::new();
    let mut r = Bytes { rest: bytes };
    if bytes.is_empty() {
        return (streams, Some(Error { offset: 0, what: Wrong::Empty }));
    }
    while !r.rest.is_empty() {
        let offset = bytes.len() - r.rest.len();
        match head(&mut r) {
            Ok(s) => streams.push(s),
            Err(what) => return (streams, Some(Error { offset, what })),
        }
        let Some(stream) = streams.last_mut() else { break };
        let mut clock = stream.start;
        while !r.rest.is_empty() && !r.rest.starts_with(MAGIC) {
            let offset = bytes.len() - r.rest.len();
            match event(&mut r, &mut clock) {
                Ok(event) => stream.events.push(Timed { clock, event }),
                Err(what) => return (streams, Some(Error { offset, what })),
            }
        }
    }
    (streams, None)
}

fn head(r: &mut Bytes) -> Result<Stream, Wrong> {
    let have = r.rest.len().min(MAGIC.len());
    if r.rest.get(..have) != MAGIC.get(..have) {
        return Err(Wrong::NotAStream);
    }
    r.take(MAGIC.len() as u64)?;
    match r.byte()? {
        1 => {}
        v => return Err(Wrong::Version(v)),
    }
    let (word, rate, start) = (r.number()?, r.number()?, r.number()?);
    if !matches!(word, 1..=16) || rate == 0 {
        return Err(Wrong::Head);
    }
    Ok(Stream { word, rate, start, events: Vec::new() })
}

fn event(r: &mut Bytes, clock: &mut u64) -> Result<Event, Wrong> {
    let kind = r.byte()?;
    if kind == 0 {
        return Err(Wrong::Kind);
    }
    let len = r.number()?;
    let mut payload = Bytes { rest: r.take(len)? };
    let short = |w| if w == Wrong::BreaksOff { Wrong::TooShort(kind) } else { w };
    let since = payload.number().map_err(short)?;
    let e = arguments(kind, len, &mut payload).map_err(short)?;
    *clock = clock.saturating_add(since);
    Ok(e)
}

fn arguments(kind: u8, payload: u64, p: &mut Bytes) -> Result<Event, Wrong> {
    let address = |p: &mut Bytes| p.number().map(Address);
    let text = |p: &mut Bytes| String::from_utf8_lossy(p.rest).into_owned();
    Ok(match kind {
        1 => Event::Lost { events: p.number()? },
        2 => {
            Event::ArenaCreate { arena: address(p)?, grain: p.number()?, client: p.number()? != 0 }
        }
        3 => Event::ArenaDestroy { arena: address(p)? },
        4 => Event::Memory {
            arena: address(p)?,
            reserved: p.number()?,
            committed: p.number()?,
            spare: p.number()?,
        },
        5 => Event::PoolCreate { arena: address(p)?, pool: address(p)?, class: text(p) },
        6 => Event::PoolDestroy { pool: address(p)? },
        7 => Event::TraceStart { arena: address(p)?, full: p.number()? != 0, why: text(p) },
        8 => Event::TraceFlip {
            arena: address(p)?,
            condemned: p.number()?,
            not_condemned: p.number()?,
        },
        9 => Event::TraceEnd {
            arena: address(p)?,
            condemned: p.number()?,
            not_condemned: p.number()?,
            live: p.number()?,
        },
        10 => Event::Step { arena: address(p)?, ticks: p.number()? },
        11 => Event::SegCreate { pool: address(p)?, base: address(p)?, size: p.number()? },
        12 => Event::SegDestroy { base: address(p)?, size: p.number()? },
        13 => Event::Intern { label: p.number()?, text: text(p) },
        14 => Event::Label { address: address(p)?, label: p.number()? },
        15 => Event::Generation {
            arena: address(p)?,
            chain: address(p)?,
            number: p.number()?,
            bytes: p.number()?,
        },
        16 => Event::Pause { arena: address(p)?, ticks: p.number()?, why: p.number()? },
        17 => Event::Work(Work {
            arena: address(p)?,
            moved: p.number()?,
            reclaimed: p.number()?,
            read_hits: p.number()?,
            write_hits: p.number()?,
            map_calls: p.number()?,
            unmap_calls: p.number()?,
            protect_calls: p.number()?,
        }),
        18 => Event::Forked,
        19 => Event::Pace {
            arena: address(p)?,
            expected: p.number()?,
            done: p.number()?,
            room: p.number()?,
            allocated: p.number()?,
            late: p.number()? != 0,
        },
        20 => Event::HeapBegin { arena: address(p)? },
        21 => Event::HeapPool {
            pool: address(p)?,
            format: address(p)?,
            bytes: p.number()?,
            free: p.number()?,
            class: text(p),
        },
        22 => Event::HeapObject {
            pool: address(p)?,
            address: address(p)?,
            size: p.number()?,
            generation: p.number()?,
        },
        23 => Event::HeapRoot { root: address(p)?, rank: p.number()?, kind: text(p) },
        24 => {
            let rank = p.number()?;
            let mut distances = Vec::new();
            while !p.rest.is_empty() {
                let n = p.number()?;
                distances.push((n >> 1) as i64 ^ -((n & 1) as i64));
            }
            Event::HeapRefs { rank, distances }
        }
        25 => Event::HeapEnd { arena: address(p)?, objects: p.number()?, references: p.number()? },
        _ => Event::Unknown { kind, payload },
    })
}

/// Streams made up for tests, and random bytes.
#[cfg(test)]
pub mod testing {
    /// Writes a stream.
    #[derive(Clone)]
    pub struct Writer(pub Vec<u8>);

    pub fn varint(mut n: u64) -> Vec<u8> {
        let mut out = Vec::new();
        while n >= 0x80 {
            out.push(n as u8 | 0x80);
            n >>= 7;
        }
        out.push(n as u8);
        out
    }

    impl Writer {
        pub fn new(rate: u64, start: u64) -> Writer {
            let mut w = Writer(b"MPSE\x01\x08".to_vec());
            w.0.extend(varint(rate));
            w.0.extend(varint(start));
            w
        }

        pub fn event(&mut self, kind: u8, since: u64, args: &[u64], text: &str) -> &mut Writer {
            let mut payload = varint(since);
            args.iter().for_each(|a| payload.extend(varint(*a)));
            payload.extend(text.as_bytes());
            self.0.push(kind);
            self.0.extend(varint(payload.len() as u64));
            self.0.extend(payload);
            self
        }
    }

    /// An arena with three collections, the pauses of which are known:
    /// 1000, 10, 3000, 10, 500 ticks of a microsecond, and 20 of a barrier.
    pub fn sample() -> Vec<u8> {
        sample_of(3)
    }

    /// The same with only some of the collections.
    pub fn sample_of(collections: usize) -> Vec<u8> {
        let mut w = Writer::new(1_000_000, 5_000);
        w.event(2, 10, &[0x1000, 4096, 0], "")
            .event(5, 5, &[0x1000, 0x2000], "AMC")
            .event(13, 5, &[1], "a label")
            .event(14, 0, &[0x2000, 1], "");
        for (i, (pause, why)) in [
            (1000u64, "New objects in a generation exceed its capacity."),
            (3000, "The client asked for a full collection."),
            (500, "New objects in a generation exceed its capacity."),
        ]
        .into_iter()
        .take(collections)
        .enumerate()
        {
            let i = i as u64;
            w.event(7, 10_000, &[0x1000, i & 1], why)
                .event(4, 0, &[0x1000, 64 << 20, (4 + i) << 20, 1 << 20], "")
                .event(15, 0, &[0x1000, 0x3000, 0, 3 << 20], "")
                .event(15, 0, &[0x1000, 0, 0, i << 20], "")
                .event(8, 100, &[0x1000, 3 << 20, i << 20], "")
                .event(16, 10, &[0x1000, 10, 1], "")
                .event(16, 2_000, &[0x1000, 20, 4], "")
                .event(10, pause, &[0x1000, pause], "")
                .event(9, 0, &[0x1000, 3 << 20, i << 20, 1 << 20], "")
                .event(4, 0, &[0x1000, 64 << 20, (3 + i) << 20, 2 << 20], "")
                .event(15, 0, &[0x1000, 0x3000, 0, 0], "")
                .event(15, 0, &[0x1000, 0, 0, (i + 1) << 20], "")
                .event(17, 0, &[0x1000, (i + 1) << 20, (i + 1) << 21, 2 * i, 3 * i, 7, 8, 9], "")
                .event(16, 0, &[0x1000, pause, 1], "");
        }
        w.event(11, 1, &[0x2000, 0x8000, 4096], "")
            .event(12, 1, &[0x8000, 4096], "")
            .event(6, 10, &[0x2000], "")
            .event(3, 10, &[0x1000], "");
        w.0
    }

    /// A generator of numbers; `MPS_TEST_SEED` repeats a run.
    pub struct Random(u64);

    impl Random {
        pub fn new() -> Random {
            let given = std::env::var("MPS_TEST_SEED").ok().and_then(|s| s.parse().ok());
            let seed = given.unwrap_or_else(|| u64::from(std::process::id()) * 2_654_435_761 + 1);
            println!("MPS_TEST_SEED={seed}");
            Random(seed)
        }

        pub fn below(&mut self, n: usize) -> usize {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            (self.0 % n as u64) as usize
        }
    }
}

#[cfg(test)]
mod tests {
    use super::testing::*;
    use super::*;

    #[test]
    fn reads_what_was_written() {
        let (streams, wrong) = read(&sample());
        assert_eq!(wrong, None);
        assert_eq!(streams.len(), 1);
        let s = &streams[0];
        assert_eq!((s.word, s.rate, s.start), (8, 1_000_000, 5_000));
        assert_eq!(s.events.len(), 4 + 3 * 14 + 4);
        assert_eq!(
            s.events[1],
            Timed {
                clock: 5_015,
                event: Event::PoolCreate {
                    arena: Address(0x1000),
                    pool: Address(0x2000),
                    class: "AMC".into()
                }
            }
        );
        assert!(!s.events.iter().any(|e| matches!(e.event, Event::Unknown { .. })));
    }

    /// Whatever a stream is cut to, what was whole before the cut is there, and
    /// what is not is an error with the place.
    #[test]
    fn every_prefix() {
        let all = sample();
        let whole = read(&all).0.remove(0).events;
        let mut cuts_between = 0;
        for n in 0..all.len() {
            let (streams, wrong) = read(&all[..n]);
            match wrong {
                None => cuts_between += 1,
                Some(Error { what: Wrong::Empty, .. }) => assert_eq!(n, 0),
                Some(e) => {
                    assert_eq!(e.what, Wrong::BreaksOff, "{n}: {e}");
                    assert!(e.offset < n);
                }
            }
            let got = streams.into_iter().flat_map(|s| s.events).collect::<Vec<_>>();
            assert_eq!(got[..], whole[..got.len()], "{n}");
        }
        assert_eq!(cuts_between, whole.len());
    }

    #[test]
    fn damage_is_told_of() {
        let said = |bytes: &[u8]| read(bytes).1.unwrap().to_string();
        assert_eq!(said(b""), "the stream is empty");
        assert_eq!(said(b"\x7fELF"), "not an event stream (no \"MPSE\" at byte 0)");
        assert_eq!(said(b"MPSX"), "not an event stream (no \"MPSE\" at byte 0)");
        assert!(said(b"MPSE\x02").contains("version 2"));
        assert!(said(b"MPSE\x01\x08\x00\x00").contains("no sense in the head"));
        let head = Writer::new(1, 0).0;
        let with = |tail: &[u8]| said(&[&head[..], tail].concat());
        assert!(with(b"\x00\x01\x00").contains("kind 0 at byte 8"));
        assert!(with(b"\x04\x01\x00").contains("kind 4 at byte 8 is too short"));
        assert!(with(b"\x02\x00").contains("too short"));
        assert!(with(b"\x02\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01").contains("breaks off"));
        assert!(with(b"\x02\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02").contains("number too large"));
        assert!(
            with(b"\x02\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff").contains("number too large")
        );
    }

    #[test]
    fn what_is_not_known_is_skipped() {
        let mut w = Writer::new(1000, 0);
        w.event(200, 5, &[1, 2, 3], "later").event(3, 5, &[7, 8, 9], "").event(18, 0, &[], "");
        let (streams, wrong) = read(&w.0);
        assert_eq!(wrong, None);
        let events: Vec<_> = streams[0].events.iter().map(|e| (e.clock, e.event.clone())).collect();
        assert_eq!(
            events,
            [
                (5, Event::Unknown { kind: 200, payload: 9 }),
                (10, Event::ArenaDestroy { arena: Address(7) }),
                (10, Event::Forked),
            ]
        );
        assert!(streams[0].is_forked());
    }

    #[test]
    fn streams_joined() {
        let one = sample();
        let (streams, wrong) = read(&[&one[..], &one[..], &one[..one.len() - 1]].concat());
        assert_eq!(streams.len(), 3);
        assert_eq!(streams[0].events, streams[1].events);
        assert_eq!(wrong.map(|w| w.what), Some(Wrong::BreaksOff));
    }

    #[test]
    fn a_clock_that_runs_over() {
        let mut w = Writer::new(1, u64::MAX - 1);
        w.event(18, u64::MAX, &[], "");
        let (streams, wrong) = read(&w.0);
        assert_eq!((streams[0].events[0].clock, wrong), (u64::MAX, None));
    }

    #[test]
    fn numbers_of_all_sizes() {
        for n in [0, 1, 127, 128, 1 << 35, u64::MAX] {
            let bytes = varint(n);
            let mut r = Bytes { rest: &bytes };
            assert_eq!((r.number(), r.rest.len()), (Ok(n), 0));
        }
    }
}
