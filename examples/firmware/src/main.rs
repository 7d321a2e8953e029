//! A program on a microcontroller whose objects are collected, a step at a time, while an
//! interrupt's handler takes samples. At its end it reports what it saw.
//!
//! The objects are a random graph that changes all the time. A copy of it in plain arrays,
//! the shadow, says what should be there: every object that the program meets, and at
//! times all of them, is compared.
#![no_std]
#![no_main]

mod board;
mod heap;
mod samples;

use heap::{LEFT, RIGHT, VALUE, load, make, store};
use mps::arena::Params;
use mps::base::addr::{Addr, Range, WORD};
use mps::base::ptr::P;
use mps::base::res::Result;
use mps::base::sets::Rank;
use mps::mpm::{Config, Mpm};
use mps::object::buffer::Buffer;
use mps::object::format::Format;
use mps::object::pool::{ClassHandle, Pool};
use mps::pools::amc::AMC;
use mps::pools::manual::mfs::MFS;
use mps::ports::soft::Soft;
use mps::seam::args::{self, Val};
use mps::trace::root::RootKind;

/// The arena's memory, all that is ever collected.
const ARENA: usize = 88 * 1024;
/// The arena's grain, and the unit of the software barrier.
const GRAIN: usize = 1024;
/// Objects that may be alive.
const NODES: usize = 900;
/// References that the program holds.
const ROOTS: usize = 40;
/// How long a step of a collection may take, in seconds. Shorter than one object's scan is
/// no use, and the look at the clock costs too.
const PAUSE: f64 = 0.0005;
/// What the program does to its graph.
const OPERATIONS: usize = 60_000;
/// How often everything is compared.
const COMPARE_EVERY: usize = 4_000;

/// At a multiple of grains: the linker script puts it there.
#[unsafe(link_section = ".arena")]
static mut MEMORY: [u8; ARENA] = [0; ARENA];

/// The references: an exact root.
static mut TABLE: [usize; ROOTS] = [0; ROOTS];

/// What should be in the heap. Object 0 stands for none.
struct Shadow {
    left: [u16; NODES],
    right: [u16; NODES],
    value: [u32; NODES],
    /// In use, or found alive.
    used: [bool; NODES],
    roots: [u16; ROOTS],
    /// Room for the objects that are still to be looked at.
    todo: [(u16, usize); NODES],
}
static mut SHADOW: Shadow = Shadow {
    left: [0; NODES],
    right: [0; NODES],
    value: [0; NODES],
    used: [false; NODES],
    roots: [0; ROOTS],
    todo: [(0, 0); NODES],
};

/// The program: the arena, and what should be in it.
struct Program {
    m: P<Mpm>,
    ap: P<Buffer>,
    shadow: &'static mut Shadow,
    seed: u32,
    compared: usize,
    wrong: usize,
}

fn root(i: usize) -> usize {
    // SAFETY: only the program and, inside the library, a scan use the table.
    unsafe { (*(&raw const TABLE)).get(i).copied().unwrap_or(0) }
}

fn root_set(i: usize, a: usize) {
    // SAFETY: as above.
    if let Some(r) = unsafe { (*(&raw mut TABLE)).get_mut(i) } {
        *r = a;
    }
}

impl Program {
    fn random(&mut self, below: usize) -> usize {
        self.seed ^= self.seed << 13;
        self.seed ^= self.seed >> 17;
        self.seed ^= self.seed << 5;
        self.seed as usize % below
    }

    /// The object at `a` should be `id`.
    fn meet(&mut self, id: u16, a: usize) -> bool {
        self.compared += 1;
        let (m, a) = (self.m, Addr(a));
        let good = load(m, a, 0) == heap::head(usize::from(id))
            && load(m, a, VALUE) == self.shadow.value[usize::from(id)] as usize;
        self.wrong += !good as usize;
        good
    }

    /// A step from an object, to the left or the right.
    fn follow(&mut self, id: u16, a: usize, left: bool) -> (u16, usize) {
        let s = &self.shadow;
        let next = if left { s.left[usize::from(id)] } else { s.right[usize::from(id)] };
        let to = load(self.m, Addr(a), if left { LEFT } else { RIGHT });
        if (next == 0) != (to == 0) {
            self.wrong += 1;
            return (0, 0);
        }
        (next, to)
    }

    /// Goes some steps from a random root, comparing. Where it ends.
    fn walk(&mut self, steps: usize) -> (u16, usize) {
        let i = self.random(ROOTS);
        let (mut id, mut a) = (self.shadow.roots[i], root(i));
        if id == 0 || !self.meet(id, a) {
            return (0, 0);
        }
        for _ in 0..steps {
            let left = self.random(2) == 0;
            let (next, to) = self.follow(id, a, left);
            if next == 0 || !self.meet(next, to) {
                break;
            }
            (id, a) = (next, to);
        }
        (id, a)
    }

    /// Goes over all that should be alive. With `compare` the heap is looked at too. Objects
    /// not met may be used again. How many are alive.
    fn everything(&mut self, compare: bool) -> usize {
        self.shadow.used = [false; NODES];
        let (mut n, mut met) = (0, 0);
        for i in 0..ROOTS {
            self.push(&mut n, self.shadow.roots[i], root(i));
        }
        while n > 0 {
            n -= 1;
            met += 1;
            let (id, a) = self.shadow.todo[n];
            if compare && !self.meet(id, a) {
                continue;
            }
            for left in [true, false] {
                let (next, to) = if compare {
                    self.follow(id, a, left)
                } else {
                    let s = &self.shadow;
                    (if left { s.left[usize::from(id)] } else { s.right[usize::from(id)] }, 0)
                };
                self.push(&mut n, next, to);
            }
        }
        met
    }

    fn push(&mut self, n: &mut usize, id: u16, a: usize) {
        let used = &mut self.shadow.used[usize::from(id)];
        if id != 0 && !*used {
            *used = true;
            self.shadow.todo[*n] = (id, a);
            *n += 1;
        }
    }

    /// A number that no object has that is alive.
    fn free_id(&mut self) -> u16 {
        loop {
            if let Some(id) = (1..NODES).find(|i| !self.shadow.used[*i]) {
                return id as u16;
            }
            // Enough is let go of, so that there will be some.
            if self.everything(false) > NODES * 3 / 4 {
                for _ in 0..ROOTS / 4 {
                    let i = self.random(ROOTS);
                    self.shadow.roots[i] = 0;
                    root_set(i, 0);
                }
                self.everything(false);
            }
        }
    }

    /// A new object with two old ones in it, in a root.
    fn grow(&mut self) -> Result {
        let id = self.free_id();
        let (i, j, k) = (self.random(ROOTS), self.random(ROOTS), self.random(ROOTS));
        let value = self.random(1 << 30);
        let a = make(self.m, self.ap, usize::from(id), || [root(j), root(k), value])?;
        let s = &mut self.shadow;
        let n = usize::from(id);
        s.used[n] = true;
        s.value[n] = value as u32;
        s.left[n] = s.roots[j];
        s.right[n] = s.roots[k];
        s.roots[i] = id;
        root_set(i, a.0);
        Ok(())
    }

    /// Changes a reference, and a value, in an old object.
    fn change(&mut self) {
        let steps = self.random(6);
        let (id, a) = self.walk(steps);
        if id == 0 {
            return;
        }
        let (i, left, value) = (self.random(ROOTS), self.random(2) == 0, self.random(1 << 30));
        store(self.m, Addr(a), if left { LEFT } else { RIGHT }, root(i));
        store(self.m, Addr(a), VALUE, value);
        let (n, to) = (usize::from(id), self.shadow.roots[i]);
        let s = &mut self.shadow;
        if left {
            s.left[n] = to
        } else {
            s.right[n] = to
        }
        s.value[n] = value as u32;
    }
}

static MOVING: ClassHandle = ClassHandle::new(&AMC);
static MANUAL: ClassHandle = ClassHandle::new(&MFS);

/// An arena with a software barrier, and a pool of each kind in it.
fn set_up() -> Result<(P<Mpm>, P<Buffer>, P<Pool>)> {
    let given = Range::sized(Addr::of(&raw mut MEMORY), ARENA);
    // SAFETY: the memory is the arena's alone, for good.
    let (port, rest) = unsafe { Soft::beneath(&board::BOARD, GRAIN, Some(given))? };
    let rest = rest.unwrap_or(given);
    let base = Some(rest.base);
    let params = Params { grain: GRAIN, size: rest.size(), base, limit: usize::MAX, extra: 0 };
    let config = Config { spare: 0.0, pause_time: PAUSE, ..Config::new(params) };
    let m = Mpm::create(port, &config)?;
    let format: P<Format> = Mpm::enter(m, |e| {
        let f = e.cx.arena.control_new(Format::new(m.addr().0, heap::methods()))?;
        e.formats.push_back(f);
        Ok(f)
    })?;
    let table = Range::sized(Addr::of(&raw mut TABLE), ROOTS * WORD);
    let kind = RootKind::Area {
        base: table.base,
        limit: table.limit,
        scan: heap::scan_table,
        closure: core::ptr::null_mut(),
        splits: true,
    };
    Mpm::enter(m, |e| e.new_root(Rank::Exact, kind, false))?;
    let moving = args::with(&[], |a| Mpm::enter(m, |e| e.new_pool(&MOVING, Some(format), a)))?;
    let ap = args::with(&[], |a| Mpm::enter(m, |e| e.new_ap(moving, a)))?;
    let unit = (&args::_mps_key_MFS_UNIT_SIZE, Val { size: size_of::<samples::Sample>() });
    let by = (&args::_mps_key_EXTEND_BY, Val { size: 2 * GRAIN });
    let manual = args::with(&[unit, by], |a| Mpm::enter(m, |e| e.new_pool(&MANUAL, None, a)))?;
    Ok((m, ap, manual))
}

fn run() -> Result<bool> {
    let (m, ap, manual) = set_up()?;
    let began = samples::begin(m, manual);
    board::start_ticks();
    // SAFETY: taken once.
    let shadow = unsafe { &mut *(&raw mut SHADOW) };
    let mut p = Program { m, ap, shadow, seed: 0x2545_F491, compared: 0, wrong: 0 };
    let mut samples = 0;
    let mut intact = began;
    for n in 0..OPERATIONS {
        match p.random(4) {
            0 | 1 => p.grow()?,
            2 => p.change(),
            _ => {
                p.walk(10);
            }
        }
        if n % 16 == 0 {
            match samples::drain(m, manual) {
                Some(k) => samples += k,
                None => intact = false,
            }
        }
        if n % COMPARE_EVERY == 0 {
            p.everything(true);
        }
    }
    // The collection that is asked for comes after: it is one long step.
    let s = &m.cx.stats;
    let (steps, longest) = (s.steps.get(), s.longest.get());
    let (pauses, p99, most) = (m.pauses.count(), m.pauses.percentile(990), m.pauses.max());
    Mpm::enter(m, |e| e.collect())?;
    let alive = p.everything(true);

    let us = |ticks: usize| ticks / 25;
    let (missed, late) = samples::missed();
    let (used, stack) = board::stack_used();
    defmt::info!("report: {=usize} collections", s.collections.get());
    defmt::info!("report: {=usize} steps, longest {=usize} us", steps, us(longest));
    defmt::info!(
        "report: barrier hits: {=usize} reads, {=usize} writes",
        s.read_hits.get(),
        s.write_hits.get()
    );
    defmt::info!(
        "report: {=usize} pauses, 99 of 100 at most {=usize} us, longest {=usize} us",
        pauses,
        us(p99),
        us(most)
    );
    defmt::info!(
        "report: {=usize} bytes moved, {=usize} reclaimed",
        s.copied.get(),
        s.reclaimed.get()
    );
    defmt::info!(
        "report: {=usize} objects compared, {=usize} wrong, {=usize} alive",
        p.compared,
        p.wrong,
        alive
    );
    defmt::info!(
        "report: {=usize} samples from the interrupt, {=usize} without a block, {=usize} too late, intact: {=bool}",
        samples,
        missed,
        late,
        intact
    );
    defmt::info!(
        "report: arena of {=usize} bytes, {=usize} in use",
        ARENA,
        m.cx.arena.committed.get()
    );
    defmt::info!("report: {=usize} bytes of stack used, of {=usize}", used, stack);
    Ok(p.wrong == 0 && intact && missed == 0)
}

fn main() -> ! {
    match run() {
        Ok(true) => {
            defmt::info!("report: OK");
            board::exit(0)
        }
        Ok(false) => board::exit(4),
        Err(e) => {
            defmt::error!("the library refused: {=i32}", e.code());
            board::exit(5)
        }
    }
}
