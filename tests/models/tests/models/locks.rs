//! The order of locks: a pool's, then the instance's. `src/object/lock.rs`,
//! `src/mpm/manual.rs` (`alloc`, `make_room`, `enter_for`), `src/mpm/entry.rs` and
//! `src/shield/threads.rs` (`hold`).
//!
//! Threads allocate in a pool with a lock of its own, and make it grow. A handler of the
//! client's looks at shielded memory: on a thread that has the pool's lock, so that
//! it waits for the instance; or on one that is inside, so that it stops all others until
//! it leaves.

use loom::thread::spawn;
use models::base::addr::{Addr, Size};
use models::base::check;
use models::base::ptr::P;
use models::base::res::{Res, Result};
use models::cell::Cell;
use models::mpm::Mpm;
use models::object::lock::Lock;
use models::object::pool::{Pool, PoolClass};
use models::ports::gates::Gates;
use models::shield::threads::Thread;
use models::{Fences, Shared, Weak, i_am, model, weakened, weakly};

/// Where a handler comes.
#[derive(Clone, Copy, PartialEq)]
enum Handler {
    No,
    /// With the pool's lock, outside.
    Locked,
    /// Inside, with the pool's lock.
    Inside,
}

/// The class: some free blocks, under its lock, and the instance has some more.
struct Class {
    m: P<Mpm>,
    port: &'static Gates,
    lock: Lock,
    free: Cell<usize>,
    /// Under the instance's lock.
    spare: Cell<usize>,
    handler: Handler,
}

impl Class {
    /// What a handler does that looks at shielded memory.
    fn handle(&self, at: Handler) {
        self.port.pass();
        if self.handler == at {
            Mpm::fault_in(self.m, 0);
        }
    }
}

impl PoolClass for Class {
    fn lock(&self, _pool: P<Pool>) -> Option<P<Lock>> {
        // SAFETY: a class stays where it is.
        Some(unsafe { P::new(std::ptr::NonNull::from(&self.lock)) })
    }

    fn alloc(&self, pool: P<Pool>, _size: Size) -> Result<Addr> {
        let _held = self.lock.take(pool.cx.get());
        self.handle(Handler::Locked);
        let n = self.free.get();
        if n == 0 {
            return Err(Res::Limit);
        }
        self.free.set(n - 1);
        Ok(Addr(n))
    }

    fn grow(&self, _pool: P<Pool>, _size: Size) -> Result {
        assert!(self.lock.is_taken() && self.m.is_mine(), "both locks");
        if self.handler == Handler::Inside {
            Mpm::fault_in(self.m, 0);
        }
        self.spare.set(self.spare.get() - 1);
        self.free.set(self.free.get() + 1);
        Ok(())
    }
}

struct All {
    m: P<Mpm>,
    pool: Shared<Pool>,
    class: &'static Class,
    port: &'static Gates,
}

/// An instance with two threads and a pool with `free` blocks.
fn all(free: usize, handler: Handler) -> Shared<All> {
    let port = Gates::new();
    let m = Shared::new(Mpm::new(port)).p();
    for n in [1, 2] {
        i_am(n);
        let t = Shared::new(Thread::new(1, port, None));
        m.cx.threads.register(t.p(), port).unwrap();
    }
    i_am(3);
    let lock = Lock::default();
    assert!(!lock.is_taken());
    let class: &'static Class = Box::leak(Box::new(Class {
        m,
        port,
        lock: Lock::default(),
        free: Cell::new(free),
        spare: Cell::new(2),
        handler,
    }));
    // Words are made when they are first used, and all threads are to know them.
    assert!(!class.lock.is_taken() && !m.is_busy() && m.cx.peeks.is_empty());
    class.free.set(free);
    class.spare.set(2);
    Mpm::enter(m, |_| ());
    // SAFETY: part of the instance.
    let cx = unsafe { P::new(std::ptr::NonNull::from(&m.get().cx)) };
    let pool = Shared::new(Pool { class, cx, own_lock: true, align: Cell::new(8) });
    Shared::new(All { m, pool, class, port })
}

/// Runs `f` as thread `n`, which is in nobody's way afterwards.
fn run(n: usize, a: Shared<All>, f: impl FnOnce(&All) + 'static) {
    i_am(n);
    f(&a);
    a.port.end();
}

/// Two threads at work; the second on a thread of its own.
fn both(free: usize, handler: Handler, second: fn(&All)) {
    model(3, Fences::Before, move || {
        let a = all(free, handler);
        let one = spawn(move || run(2, a, second));
        run(1, a, |a| {
            Mpm::alloc(a.m, a.pool.p(), 8).unwrap();
        });
        one.join().unwrap();
    });
}

/// Allocates.
fn allocates(a: &All) {
    Mpm::alloc(a.m, a.pool.p(), 8).unwrap();
}

/// Stops all other threads for a while, as a step of a collection does.
fn collects(a: &All) {
    Mpm::enter(a.m, |e| e.cx.hold());
}

/// How a pool grew once: inside first, and then with the pool's lock. A handler may
/// look at shielded memory before.
fn grew_once(a: &All) {
    Mpm::enter(a.m, |_| {
        if a.class.handler == Handler::Inside {
            Mpm::fault_in(a.m, 0);
        }
        let _held = a.class.lock.take(&a.m.cx);
        a.class.free.set(a.class.free.get() + 1);
    });
}

#[test]
fn two_that_grow() {
    both(0, Handler::No, allocates);
}

#[test]
fn handlers_with_the_pools_lock() {
    both(1, Handler::Locked, allocates);
}

#[test]
fn handlers_inside() {
    both(1, Handler::Inside, allocates);
}

#[test]
fn a_collection_and_handlers_with_the_pools_lock() {
    both(1, Handler::Locked, collects);
}

weakened! {
    /// One thread waits for the instance with the pool's lock, the other the other way round.
    old_order_and_a_handler_with_the_lock, "maximum number of branches" => {
        check::hot();
        both(1, Handler::Locked, grew_once);
    }
}

weakened! {
    /// The thread that has the pool's lock is stopped by the one that wants it.
    old_order_and_a_handler_inside, "maximum number of branches" => {
        check::hot();
        both(1, Handler::Inside, grew_once);
    }
}

weakened! {
    /// The debug archive says so at once.
    old_order_in_the_debug_archive, "does not wait for a pool's lock" => {
        both(1, Handler::No, grew_once);
    }
}

weakened! {
    locks_taken_relaxed, "Causality violation" => {
        weakly(Weak::Acquire);
        both(0, Handler::No, allocates);
    }
}

weakened! {
    locks_given_back_relaxed, "Causality violation" => {
        weakly(Weak::Release);
        both(0, Handler::No, allocates);
    }
}
