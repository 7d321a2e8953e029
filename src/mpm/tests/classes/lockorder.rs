//! Nobody waits for a pool's lock inside the instance ([`crate::object::lock`]): for
//! another thread may have that lock, and wait for the instance in a signal's handler
//! of the client's, or be stopped because this thread's handler looked at an object.
//!
//! A second thread does everything that needs both locks. This one has one of them
//! meanwhile, and looks where the other waits: it counts the port's `relax`. Nothing
//! depends on time. (With real signals: tests/client/handlers.c.)

use super::*;
use crate::ports::linux::LINUX;
use core::sync::atomic::AtomicUsize;
use std::thread;

/// The system's port without protection and signals. It counts how often a thread
/// that waits was here.
struct Watched {
    waits: AtomicUsize,
}

static PORT: Watched = Watched { waits: AtomicUsize::new(0) };

impl Watched {
    fn waits(&self) -> usize {
        self.waits.load(Ordering::SeqCst)
    }
}

// SAFETY: all of it is the system's port.
unsafe impl Port for Watched {
    fn capabilities(&self) -> Caps {
        Caps(0)
    }
    fn page_size(&self) -> Size {
        LINUX.page_size()
    }
    fn reserve(&self, size: Size, align: Size) -> Result<Addr> {
        LINUX.reserve(size, align)
    }
    fn release(&self, base: Addr, size: Size) {
        LINUX.release(base, size);
    }
    fn map(&self, base: Addr, size: Size) -> Result {
        LINUX.map(base, size)
    }
    fn unmap(&self, base: Addr, size: Size) {
        LINUX.unmap(base, size);
    }
    fn thread_id(&self) -> usize {
        LINUX.thread_id()
    }
    fn relax(&self, round: u32) {
        self.waits.fetch_add(1, Ordering::SeqCst);
        LINUX.relax(round);
    }
}

/// What the second thread works on.
#[derive(Clone, Copy)]
struct Site {
    m: P<Mpm>,
    p: P<Pool>,
    /// Blocks by calls?
    calls: bool,
    /// A block that is a large part of the pool, or null.
    block: Addr,
    /// An allocation point with a block on it, if the class has them.
    ap: Option<P<Buffer>>,
}

// SAFETY: handed to one other thread, which uses it as any client's thread would.
unsafe impl Send for Site {}

/// More than pools have at first, so that they grow for it, and give it back.
const LARGE: Size = 3 << 20;

/// Something that needs the pool's lock and the instance, and what puts it right again.
type Op = (&'static str, fn(Site), fn(&mut Site));

fn nothing(_: &mut Site) {}

static OPS: [Op; 6] = [
    (
        "sizes",
        |s| {
            Mpm::enter_for(s.m, s.p, |_| (s.p.class.total_size(s.p), s.p.class.free_size(s.p)));
        },
        nothing,
    ),
    ("check", |s| Mpm::enter_for(s.m, s.p, |_| s.p.class.check(s.p, false)), nothing),
    (
        "grow",
        |s| {
            // It stays in use until the pool goes.
            if s.calls {
                Mpm::alloc(s.m, s.p, s.block_size()).unwrap();
            } else if let Some(b) = s.ap {
                Mpm::fill_outside(s.m, b, LARGE).unwrap();
                b.init.set(b.alloc.get());
            }
        },
        nothing,
    ),
    (
        "shrink",
        |s| {
            if !s.block.is_null() {
                Mpm::free(s.m, s.p, s.block, s.block_size()).unwrap();
            }
            // Also where that gave nothing back.
            Mpm::enter_for(s.m, s.p, |_| s.p.class.shrink(s.p));
        },
        |s| s.take_block(),
    ),
    (
        "allocation point",
        |s| {
            if let Some(b) = s.ap {
                // SAFETY: not used any more.
                unsafe { Mpm::finish_ap(s.m, b) };
            }
            // Also where there are none.
            Mpm::enter_for(s.m, s.p, |_| ());
        },
        |s| s.ap = s.ap.map(|_| s.new_ap()),
    ),
    (
        "fork",
        |_| {
            let hooks = &instances::FORK;
            // SAFETY: one after the other, on one thread.
            unsafe {
                (hooks.prepare)();
                (hooks.parent)();
            }
        },
        nothing,
    ),
];

impl Site {
    fn block_size(&self) -> Size {
        if self.p.class.name() == "MFS" { UNIT } else { LARGE }
    }

    fn take_block(&mut self) {
        if self.calls {
            self.block = Mpm::alloc(self.m, self.p, self.block_size()).unwrap();
        }
    }

    fn new_ap(&self) -> P<Buffer> {
        args::with(&[], |a| Mpm::enter_for(self.m, self.p, |m| m.new_ap(self.p, a))).unwrap()
    }

    /// Nobody is inside, or not for long (a fork tries).
    fn can_be_entered(&self) -> bool {
        (0..1000).any(|_| {
            let got = self.m.try_claim();
            if got {
                self.m.unclaim();
            } else {
                thread::yield_now();
            }
            got
        })
    }

    fn pool_lock(&self) -> bool {
        self.p.class.fork_lock(self.p)
    }

    fn pool_unlock(&self) {
        // SAFETY: taken by `pool_lock`, on this thread.
        unsafe { self.p.class.fork_unlock(self.p) };
    }
}

/// The other thread, at work.
fn start(s: Site, f: fn(Site)) -> thread::JoinHandle<()> {
    thread::spawn(move || {
        // All of it, not its fields, which can't be sent.
        let s = s;
        f(s);
    })
}

/// Waits until the other thread has waited so often, or is done.
fn has_waited(t: &thread::JoinHandle<()>, times: usize) -> bool {
    while PORT.waits() < times {
        if t.is_finished() {
            return false;
        }
        thread::yield_now();
    }
    true
}

/// This thread has the pool's lock: the other waits outside.
fn with_pool_lock(s: Site, (name, f, _): &Op) {
    assert!(s.pool_lock());
    let from = PORT.waits();
    let t = start(s, *f);
    assert!(has_waited(&t, from + 1), "{name} takes the pool's lock");
    assert!(s.can_be_entered(), "{name} waits for the pool's lock inside");
    s.pool_unlock();
    t.join().unwrap();
}

/// This thread is inside, and takes the pool's lock if the other has not got that.
fn with_instance(s: Site, (name, f, _): &Op) {
    s.m.claim();
    let from = PORT.waits();
    let t = start(s, *f);
    assert!(has_waited(&t, from + 1), "{name} enters");
    let got = s.pool_lock();
    s.m.unclaim();
    if got {
        // The first of the two may have begun before we left.
        has_waited(&t, PORT.waits() + 2);
        assert!(s.can_be_entered(), "{name} waits for the pool's lock inside");
        s.pool_unlock();
    }
    t.join().unwrap();
}

#[test]
fn nobody_inside_waits_for_a_pool() {
    let _one = Machine::none();
    let config = Config {
        spare: 0.0,
        pause_time: 0.0,
        // Steps must not depend on the time, or runs would differ.
        utilisation: Some(0),
        ..Config::new(Params {
            grain: 4096,
            size: 1 << 20,
            base: None,
            limit: usize::MAX,
            extra: 0,
        })
    };
    let m = Mpm::create(&PORT, &config).unwrap();
    let mut classes = 0;
    for c in TABLE.iter().filter(|c| c.handle.class.has_own_lock()) {
        classes += 1;
        let list = [(&key::_mps_key_MFS_UNIT_SIZE, size(UNIT)), (&key::_mps_key_SPARE, real(0.0))];
        let p = args::with(&list, |a| Mpm::enter(m, |e| e.new_pool(&c.handle, None, a)));
        let p = p.unwrap();
        let mut s = Site { m, p, calls: c.alloc, block: Addr::NULL, ap: None };
        s.ap = c.aps.then(|| s.new_ap());
        s.take_block();
        for op in &OPS {
            for with in [with_pool_lock, with_instance] {
                if c.unit.is_some() && op.0 == "grow" {
                    // Units come many at a time: use them up first.
                    while p.class.alloc(p, UNIT).is_ok() {}
                }
                with(s, op);
                (op.2)(&mut s);
            }
        }
        if let Some(b) = s.ap {
            // SAFETY: not used any more.
            unsafe { Mpm::finish_ap(m, b) };
        }
        // SAFETY: not used any more.
        Mpm::enter(m, |m| unsafe { m.pool_destroy(s.p) });
    }
    assert_eq!(classes, 4);
    assert_eq!(m.get().leftover(), None);
    // SAFETY: not used any more.
    unsafe { Mpm::destroy(m) };
}
