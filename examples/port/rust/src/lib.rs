//! A port in Rust, and a small program on it.
//!
//! The machine has one processor, no MMU and one timer. The program gives the library a
//! piece of memory, a clock, and a way to keep interrupts off; it collects incrementally,
//! with a barrier in software. `docs/porting.md` says what to add for more.
//!
//! - [`board`]: the port and the plinth. For another machine, change these.
//! - [`heap`]: the program's objects, and how it gets at them.
//! - [`run`]: makes an arena, a pool and an allocation point, and has collections.
//!
//! No `std` here: `tests/run.rs` is what runs it on a host.
#![no_std]
#![warn(missing_docs)]

pub mod board;
pub mod heap;

use core::ptr::{addr_of_mut, null_mut};
use heap::{LEFT, RIGHT, VALUE};
use mps::arena::Params;
use mps::base::addr::{Addr, Range, Size, WORD};
use mps::base::ptr::P;
use mps::base::res::{Res, Result};
use mps::base::sets::Rank;
use mps::mpm::{Config, Mpm};
use mps::object::buffer::Buffer;
use mps::object::format::Format;
use mps::object::pool::{ClassHandle, Pool};
use mps::pools::amc::AMC;
use mps::ports::soft::Soft;
use mps::seam::args;
use mps::trace::root::{Root, RootKind};

static MOVING: ClassHandle = ClassHandle::new(&AMC);

/// The unit of the barrier and of the arena's bookkeeping.
const GRAIN: Size = 512;
/// How long a step of a collection may take, in seconds.
const PAUSE: f64 = 0.0002;

/// What the program keeps: a table of trees. The library is told that references stand here.
const ROOTS: usize = 32;
static mut TABLE: [usize; ROOTS] = [0; ROOTS];

/// What has happened.
#[derive(Clone, Copy, Debug, Default)]
pub struct Report {
    /// Collections.
    pub collections: usize,
    /// Steps that they took.
    pub steps: usize,
    /// Accesses of the program that met the barrier.
    pub hits: usize,
    /// Bytes moved.
    pub moved: usize,
    /// Trees looked at, and how many of them were not as they should be.
    pub compared: usize,
    /// See there.
    pub wrong: usize,
}

/// All that an arena with one pool consists of.
struct Heap {
    m: P<Mpm>,
    format: P<Format>,
    root: P<Root>,
    pool: P<Pool>,
    ap: P<Buffer>,
}

impl Heap {
    /// # Safety
    /// The memory is nobody else's until [`Heap::finish`] has returned.
    unsafe fn new(given: Range) -> Result<Heap> {
        // The port itself would do for an arena without a barrier: a collection would then
        // run to its end. `Soft` adds the barrier, and takes its table out of the memory.
        // SAFETY: as the caller says.
        let (port, rest) = unsafe { Soft::beneath(&board::BOARD, GRAIN, Some(given))? };
        let rest = rest.unwrap_or(given);
        let base = Some(rest.base);
        let params = Params { grain: GRAIN, size: rest.size(), base, limit: usize::MAX, extra: 0 };
        let config = Config { spare: 0.0, pause_time: PAUSE, ..Config::new(params) };
        let m = Mpm::create(port, &config)?;
        let format = Mpm::enter(m, |e| {
            let f = e.cx.arena.control_new(Format::new(m.addr().0, heap::methods()))?;
            e.formats.push_back(f);
            Ok::<_, Res>(f)
        })?;
        let table = Range::sized(Addr::of(addr_of_mut!(TABLE)), ROOTS * WORD);
        let kind = RootKind::Area {
            base: table.base,
            limit: table.limit,
            scan: heap::scan_table,
            closure: null_mut(),
            splits: true,
        };
        let root = Mpm::enter(m, |e| e.new_root(Rank::Exact, kind, false))?;
        let pool = args::with(&[], |a| Mpm::enter(m, |e| e.new_pool(&MOVING, Some(format), a)))?;
        let ap = args::with(&[], |a| Mpm::enter(m, |e| e.new_ap(pool, a)))?;
        Ok(Heap { m, format, root, pool, ap })
    }

    /// A complete tree, each node of which has the number `value`.
    fn tree(&self, depth: usize, value: usize) -> Result<()> {
        // References are kept where the library finds them, on a stack in the table's upper
        // half: an allocation may move what they refer to.
        fn grow(h: &Heap, depth: usize, value: usize, at: usize) -> Result<()> {
            if depth == 0 {
                set(at, 0);
                return Ok(());
            }
            grow(h, depth - 1, value, at)?;
            grow(h, depth - 1, value, at + 1)?;
            let a = heap::make(h.m, h.ap, depth, || [get(at), get(at + 1), value])?;
            set(at, a.0);
            set(at + 1, 0);
            Ok(())
        }
        grow(self, depth, value, ROOTS / 2)
    }

    /// How many nodes a tree has, each with its number; 0: it is not as it should be.
    fn count(&self, a: usize, value: usize) -> usize {
        if a == 0 {
            return 1;
        }
        let a = Addr(a);
        if heap::load(self.m, a, VALUE) != value {
            return 0;
        }
        let left = self.count(heap::load(self.m, a, LEFT), value);
        let right = self.count(heap::load(self.m, a, RIGHT), value);
        if left == 0 || right == 0 { 0 } else { left + right }
    }

    fn finish(self) {
        Mpm::enter(self.m, |e| {
            e.park();
            // SAFETY: nobody uses these any more, here and below.
            unsafe { e.ap_destroy(self.ap) };
            // SAFETY: see above.
            unsafe { e.pool_destroy(self.pool) };
            // SAFETY: see above.
            unsafe { e.root_destroy(self.root) };
            e.formats.remove(self.format);
            // SAFETY: see above; no pool has it.
            unsafe { e.cx.arena.control_drop(self.format) };
        });
        // SAFETY: nothing is left in it.
        unsafe { Mpm::destroy(self.m) };
    }
}

fn get(i: usize) -> usize {
    // SAFETY: this thread's alone but in a collection, which runs on this thread too.
    unsafe { addr_of_mut!(TABLE).cast::<usize>().add(i % ROOTS).read_volatile() }
}

fn set(i: usize, w: usize) {
    // SAFETY: as above.
    unsafe { addr_of_mut!(TABLE).cast::<usize>().add(i % ROOTS).write_volatile(w) }
}

/// Makes trees and lets go of them, so many times, in the memory given. One at a time.
///
/// # Errors
/// The library's: too little memory.
///
/// # Safety
/// The memory is nobody else's until this returns.
pub unsafe fn run(memory: &mut [u8], rounds: usize) -> Result<Report> {
    // SAFETY: as the caller says.
    let h = unsafe { Heap::new(Range::sized(Addr::of(memory.as_mut_ptr()), memory.len()))? };
    let mut report = Report::default();
    let mut values = [0; ROOTS / 2];
    for round in 1..=rounds {
        let i = round * 7 % values.len();
        h.tree(5, round)?;
        set(i, get(ROOTS / 2));
        set(ROOTS / 2, 0);
        values[i] = round;
        // An old object is written to: the library must know of that.
        if get(i) != 0 && round % 3 == 0 {
            heap::store(h.m, Addr(get(i)), LEFT, 0);
        }
        let j = round * 5 % values.len();
        if values[j] != 0 {
            report.compared += 1;
            report.wrong += usize::from(h.count(get(j), values[j]) == 0);
        }
    }
    // And one that is asked for.
    Mpm::enter(h.m, |e| {
        e.collect()?;
        e.release();
        Ok::<_, Res>(())
    })?;
    for (i, value) in values.iter().enumerate().filter(|(_, v)| **v != 0) {
        report.compared += 1;
        report.wrong += usize::from(h.count(get(i), *value) == 0);
        set(i, 0);
    }
    let s = &h.m.cx.stats;
    report.collections = s.collections.get();
    report.steps = s.steps.get();
    report.hits = s.read_hits.get() + s.write_hits.get();
    report.moved = s.copied.get();
    h.finish();
    Ok(report)
}
