//! Allocation points: `src/object/buffer.rs`, with `mps_reserve` and `mps_commit` of
//! `src/capi/ap.rs` (and of `mps.h`, which has the same as macros) taken to steps.
//!
//! The client's thread is stopped at any of its steps and a flip runs as a whole there.
//! What the thread has done before is seen by who stopped it, in the order of its
//! program (`compiler_fence` in `mps_commit`; the handshake of stopping does the rest). So
//! this needs no loom: all pairs of places for two flips are tried.

use models::base::addr::{Addr, Size};
use models::base::ptr::P;
use models::base::res::Result;
use models::base::sets::TraceSet;
use models::cell::Cell;
use models::object::buffer::{self, Buffer};
use models::object::cx::Cx;
use models::object::pool::{Pool, PoolClass, Room};
use models::object::seg::Seg;
use models::ports::gates::Gates;
use models::{Shared, at_each_step, steps_off, weaken, weakened};
use std::cell::{Cell as Plain, RefCell};

/// Bytes of a block; a room has three.
const SIZE: Size = 16;

/// What really is so, of all objects the client has made.
#[derive(Default)]
struct Truth {
    /// Where rooms were given out, the last one last.
    rooms: Vec<Shared<Seg>>,
    /// Committed, and commit said true.
    objects: Vec<Addr>,
    /// What each flip took for objects: from, to.
    seen: Vec<(Addr, Addr)>,
    /// The same of flips with the room white, which ends its use.
    white: Vec<(Addr, Addr)>,
}

std::thread_local! {
    static TRUTH: RefCell<Truth> = RefCell::default();
    static CHECKS: Plain<usize> = const { Plain::new(0) };
}

/// Room by room, each at a place of its own.
struct Rooms;

fn room_base(n: usize) -> Addr {
    Addr(0x10000 * n)
}

impl PoolClass for Rooms {
    fn ap_fill(&self, _ap: P<Buffer>, _size: Size) -> Result<Room> {
        TRUTH.with_borrow_mut(|t| {
            let seg = Shared::new(Seg::default());
            t.rooms.push(seg);
            let base = room_base(t.rooms.len());
            Ok(Room { seg: Some(seg.p()), base, limit: base.add(3 * SIZE) })
        })
    }
}

/// How the client goes about it.
#[derive(Clone, Copy, PartialEq)]
enum Client {
    /// As it should.
    Good,
    /// Commit looks at `limit` and then sets `init`.
    LooksFirst,
    /// Commit does not look at `limit`.
    NeverLooks,
}

/// `mps_reserve`, a step at a time.
fn reserve(b: P<Buffer>) -> Addr {
    let end = b.alloc.get().add(SIZE);
    let limit = b.limit.get();
    if end > b.alloc.get() && end <= limit {
        b.alloc.set(end);
        return b.init.get();
    }
    // Inside the instance: no flip but its own comes.
    steps_off(|| buffer::fill(b, SIZE)).expect("there is always room")
}

/// `mps_commit`.
fn commit(client: Client, b: P<Buffer>, p: Addr) -> bool {
    assert!(p == b.init.get() && p.add(SIZE) == b.alloc.get(), "the block reserved");
    if client == Client::LooksFirst {
        let trapped = b.limit.get().is_null();
        b.init.set(b.alloc.get());
        return !trapped || steps_off(|| buffer::trip(b));
    }
    b.init.set(b.alloc.get());
    if b.limit.get().is_null() && client != Client::NeverLooks {
        return steps_off(|| buffer::trip(b));
    }
    true
}

/// A flip, with the client's thread stopped. `white`: its segment is condemned.
fn flip(b: P<Buffer>, white: bool) {
    steps_off(|| {
        let base = b.base.get();
        if let Some(s) = b.seg.get().filter(|_| white) {
            s.white.set(TraceSet(1));
        }
        buffer::flip(b);
        // What the collector takes for objects, it will scan.
        let end = b.objects_end();
        TRUTH.with_borrow_mut(|t| {
            t.seen.push((base, end));
            if white {
                t.white.push((base, end));
            }
        });
    });
}

/// Makes three objects, reserving as often as commit asks for it; then all must be good.
fn work(client: Client, b: P<Buffer>) {
    for _ in 0..3 {
        loop {
            let before = TRUTH.with_borrow(|t| t.seen.len());
            let p = reserve(b);
            // What it writes from now on it has in hand now.
            let reserved = TRUTH.with_borrow(|t| t.seen.len());
            // (Here the client initializes the block: a step in which a flip may come.)
            models::step();
            let end = p.add(SIZE);
            let done = commit(client, b, p);
            steps_off(|| {
                TRUTH.with_borrow_mut(|t| {
                    CHECKS.set(CHECKS.get() + 1);
                    let flips = &t.seen[reserved..];
                    let covers = |s: &(Addr, Addr)| s.0 <= p && end <= s.1;
                    if done {
                        // It refers to what it was given before a flip: each flip since
                        // then must have taken it for an object.
                        assert!(flips.iter().all(covers), "a flip has missed an object");
                        t.objects.push(p);
                    } else {
                        assert!(t.seen.len() > before, "refused without a flip");
                        assert!(!flips.iter().any(covers), "an object is lost");
                    }
                    // In a room that was white at a flip nothing new may be.
                    let base = p.down(0x10000);
                    let ended = t.white.iter().find(|s| s.0 == base);
                    let old = ended.is_none_or(|s| s.1 >= end);
                    assert!(!done || old, "new object, white room");
                });
            });
            if done {
                break;
            }
        }
    }
    steps_off(|| {
        TRUTH.with_borrow(|t| {
            let mut all = t.objects.clone();
            all.sort();
            all.dedup();
            assert_eq!(all.len(), 3, "no place twice");
        });
    });
}

/// All pairs of places for two flips, the first white or not, the second too.
fn all(client: Client) {
    let port = Gates::new();
    let cx = Shared::new(Cx::new(port));
    let pool =
        Shared::new(Pool { class: &Rooms, cx: cx.p(), own_lock: false, align: Cell::new(SIZE) });
    let now: &'static Plain<Option<P<Buffer>>> = Box::leak(Box::default());
    for first in [None, Some(false), Some(true)] {
        for white in [false, true] {
            for at in 0..if first.is_some() { 80 } else { 1 } {
                // One flip comes before step `at`, the other before each in turn.
                at_each_step(
                    move || now.get().into_iter().for_each(|b| flip(b, white)),
                    || {
                        TRUTH.set(Truth::default());
                        let b = Shared::new(Buffer::new(pool.p())).p();
                        now.set(Some(b));
                        models::at_step(at, move || {
                            if let Some(white) = first {
                                flip(b, white);
                            }
                        });
                        work(client, b);
                    },
                );
            }
        }
    }
    println!("{} commits", CHECKS.get());
    assert!(CHECKS.get() > 10_000, "flips come at all places");
}

#[test]
fn no_flip_misses_an_object() {
    all(Client::Good);
}

weakened! {
    looking_before_committing, "a flip has missed an object" => {
        all(Client::LooksFirst);
    }
}

weakened! {
    not_looking, "a flip has missed an object" | "new object, white room" => {
        all(Client::NeverLooks);
    }
}

weakened! {
    setting_no_trap, "a flip has missed an object" | "new object, white room" => {
        weaken("flip sets no trap");
        all(Client::Good);
    }
}

weakened! {
    tripping_blindly, "a flip has missed an object" => {
        weaken("trip is blind");
        all(Client::Good);
    }
}

weakened! {
    /// At the second flip `init` is beyond what was good at the first.
    noting_twice, "a flip has missed an object" => {
        weaken("flip notes twice");
        all(Client::Good);
    }
}

weakened! {
    using_stale_room, "new object, white room" => {
        weaken("stale room is used");
        all(Client::Good);
    }
}
