//! Shards: `src/pools/manual/shards.rs`, as `src/pools/manual/core.rs` uses them (`settle`
//! and `drain`, and what is done with a block that a shard has no place for).
//!
//! A thread takes blocks from its shard and puts them back, while another closes the shards
//! and empties them into the pool.

use loom::thread::spawn;
use models::arena::Arena;
use models::base::addr::Addr;
use models::cell::Cell;
use models::object::cx::Cx;
use models::object::lock::Lock;
use models::pools::shards::{Crowd, Shards};
use models::ports::gates::Gates;
use models::{Fences, Shared, Weak, i_am, model, weaken, weakened, weakly};
use std::cell::Cell as Plain;

/// More than any pool has: shards open.
const MANY: usize = 1 << 20;
const SIZE: usize = 8;
/// Blocks 1 to 3.
const BLOCKS: usize = 3;

struct Pool {
    cx: Cx,
    lock: Lock,
    /// The pool's own free blocks, a bit each; under its lock.
    free: Cell<usize>,
    crowd: Crowd,
    /// Who owns which block, for the model: bits that are 1 with an owner.
    owned: Plain<usize>,
}

impl Pool {
    fn shards(&self) -> &Shards {
        self.crowd.shards().unwrap()
    }

    /// `free_own`: back to the pool, which must not have it.
    fn give(&self, a: Addr) {
        let _held = self.lock.take(&self.cx);
        assert_eq!(self.free.get() & 1 << a.0, 0, "a block is in two places");
        self.free.set(self.free.get() | 1 << a.0);
    }

    /// A block of the pool's own.
    fn take_own(&self) -> Addr {
        let _held = self.lock.take(&self.cx);
        let free = self.free.get();
        let n = if free == 0 { 0 } else { free.trailing_zeros() as usize };
        self.free.set(free & !(1 << n));
        Addr(n)
    }

    /// The client gets a block, from the shard or from the pool.
    fn alloc(&self) -> Addr {
        let mut a = self.shards().quickly(Addr::NULL, |s| s.take(SIZE));
        if a.is_null() {
            a = self.take_own();
        }
        if !a.is_null() {
            assert_eq!(self.owned.get() & 1 << a.0, 0, "a block with two owners");
            self.owned.set(self.owned.get() | 1 << a.0);
        }
        a
    }

    fn free(&self, a: Addr) {
        self.owned.set(self.owned.get() & !(1 << a.0));
        if !self.shards().quickly(false, |s| s.put(SIZE, a)) {
            self.give(a);
        }
    }

    /// `drain`.
    fn drain(&self) {
        self.shards().each(&self.cx, |s| {
            while let Some(a) = Some(s.take(SIZE)).filter(|a| !a.is_null()) {
                self.give(a);
            }
        });
    }
}

/// Threads that have one shard.
const NUMBERS: [usize; 2] = [1, 3];
/// The main thread, which has the other.
const MAIN: usize = 4;

fn pool() -> Shared<Pool> {
    i_am(NUMBERS[0]);
    let port = Gates::new();
    let cx = Cx::new(port);
    let crowd = Crowd::default();
    crowd.make(&Arena { port }, MANY, 3);
    let p = Shared::new(Pool {
        cx,
        lock: Lock::default(),
        free: Cell::default(),
        crowd,
        owned: Plain::default(),
    });
    // Words are made when they are first used, and all threads are to know them: those of
    // a thread that finds its shard taken, too.
    let s = p.shards();
    assert!(s.fork_lock() && s.quickly(true, |_| false));
    // SAFETY: just taken.
    unsafe { s.fork_unlock() };
    s.each(&p.cx, |s| assert_eq!(s.bytes(), 0));
    assert!(s.is_open() && !p.lock.is_taken());
    assert!(!p.cx.is_inside());
    (1..=BLOCKS).for_each(|n| p.give(Addr(n)));
    // One is in the users' shard.
    let a = p.take_own();
    assert!(s.quickly(false, |s| s.put(SIZE, a)));
    i_am(MAIN);
    p
}

/// All blocks are in the pool or with a client, and none is in a shard.
fn all_there(p: &Pool) {
    assert!(!p.shards().is_open());
    p.shards().each(&p.cx, |s| assert_eq!(s.bytes(), 0, "a block in a shard that is closed"));
    assert_eq!(p.free.get() | p.owned.get(), 0b1110, "a block is lost");
    assert_eq!(p.free.get() & p.owned.get(), 0, "a block is free and owned");
}

/// One takes two blocks and puts one back; the main thread closes.
fn closing(close: fn(&Pool)) {
    model(3, Fences::Before, move || {
        let p = pool();
        let user = spawn(move || {
            i_am(NUMBERS[0]);
            let (a, b) = (p.alloc(), p.alloc());
            p.free(if b.is_null() { a } else { b });
        });
        close(&p);
        user.join().unwrap();
        all_there(&p);
    });
}

/// `settle`.
fn settle(p: &Pool) {
    if p.shards().close(0) {
        p.drain();
    }
}

#[test]
fn nothing_is_left_in_what_is_closed() {
    closing(settle);
}

/// Two users of one shard, who keep what they can't put into it. (loom would try without end
/// which of two that wait for the pool's lock looks first.)
#[test]
fn with_two_users() {
    model(3, Fences::Before, || {
        let p = pool();
        let users = NUMBERS.map(|n| {
            spawn(move || {
                i_am(n);
                let a = p.shards().quickly(Addr::NULL, |s| s.take(SIZE));
                if !a.is_null() {
                    assert_eq!(p.owned.get() & 1 << a.0, 0, "a block with two owners");
                    p.owned.set(p.owned.get() | 1 << a.0);
                    let back = 1 << a.0;
                    p.shards().quickly((), |s| {
                        if s.put(SIZE, a) {
                            p.owned.set(p.owned.get() & !back);
                        }
                    });
                }
            })
        });
        settle(&p);
        users.into_iter().for_each(|u| u.join().unwrap());
        all_there(&p);
    });
}

#[test]
fn two_that_close() {
    model(3, Fences::Before, || {
        let p = pool();
        let other = spawn(move || {
            i_am(NUMBERS[0]);
            let a = p.alloc();
            settle(&p);
            p.free(a);
        });
        settle(&p);
        other.join().unwrap();
        all_there(&p);
    });
}

/// Opened again, under the pool's lock, while they are being emptied: what is in them then is
/// found by the next who closes them.
#[test]
fn opened_again_meanwhile() {
    model(3, Fences::Before, || {
        let p = pool();
        let user = spawn(move || {
            i_am(NUMBERS[0]);
            let a = p.alloc();
            {
                let _held = p.lock.take(&p.cx);
                p.shards().reopen(MANY);
            }
            p.free(a);
        });
        settle(&p);
        user.join().unwrap();
        settle(&p);
        all_there(&p);
    });
}

weakened! {
    /// Who finds the shards open before it has the lock may put a block in behind the
    /// back of who empties them.
    not_looking_under_the_lock, "a block in a shard that is closed" => {
        weaken("no look under the lock");
        closing(settle);
    }
}

weakened! {
    draining_first, "a block in a shard that is closed" => {
        closing(|p| {
            p.drain();
            p.shards().close(0);
        });
    }
}

weakened! {
    shards_given_back_relaxed, "Causality violation" => {
        weakly(Weak::Release);
        closing(settle);
    }
}

weakened! {
    shards_taken_relaxed, "Causality violation" => {
        weakly(Weak::Acquire);
        closing(settle);
    }
}
