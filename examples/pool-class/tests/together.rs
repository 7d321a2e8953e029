//! Both classes on the system's own port, in one arena with AMC and AWL: a
//! random graph of objects across the pools with a shadow copy here, compared
//! object by object while collections come and go.

use mps::arena::Params;
use mps::base::addr::{Addr, Size};
use mps::base::ptr::P;
use mps::base::res::{Res, Result};
use mps::base::sets::Rank;
use mps::mpm::{Config, Mpm};
use mps::object::buffer::{self, Buffer};
use mps::object::format::{Format, Methods};
use mps::object::message::MessageType;
use mps::object::pool::{ClassHandle, Pool};
use mps::object::scan::{Ref, ScanState};
use mps::pools::{amc, marksweep};
use mps::ports::linux::LINUX;
use mps::seam::args::{self, Key, Val};
use mps::trace::fix::fix2;
use mps::trace::root::{Root, RootKind};
use pool_class::pages::{KEY_MOST, PAGES, objects};
use pool_class::region::REGION;
use std::collections::HashMap;
use std::ffi::c_void;

static AMC: ClassHandle = ClassHandle::new(&amc::AMC);
static AWL: ClassHandle = ClassHandle::new(&marksweep::AWL);

// --------------------------------------------------------------- the format
//
// An object is `words << 3 | kind`, its number, and slots that are null or refer.

const WORD: Size = size_of::<usize>();
const OBJECT: usize = 1;
const GONE: usize = 2;
const PAD: usize = 3;

fn get(a: Addr) -> usize {
    // SAFETY: objects and tables of this test.
    unsafe { a.ptr::<usize>().read() }
}
fn put(a: Addr, w: usize) {
    // SAFETY: as above.
    unsafe { a.ptr::<usize>().write(w) }
}
fn size_of_object(p: Addr) -> Size {
    let head = get(p);
    assert!((OBJECT..=PAD).contains(&(head & 7)) && head >> 3 != 0, "no object at {p:?}");
    (head >> 3) * WORD
}

unsafe extern "C" fn skip(p: Addr) -> Addr {
    p.add(size_of_object(p))
}
unsafe extern "C" fn isfwd(p: Addr) -> Addr {
    if get(p) & 7 == GONE { Addr(get(p.add(WORD))) } else { Addr::NULL }
}
unsafe extern "C" fn fwd(old: Addr, new: Addr) {
    put(old, (get(old) & !7) | GONE);
    put(old.add(WORD), new.0);
}
unsafe extern "C" fn pad(base: Addr, size: Size) {
    put(base, (size / WORD) << 3 | PAD);
}

/// Fixes the references in `base..limit`.
fn fix_words(ss: &ScanState, base: Addr, limit: Addr) -> Result {
    let mut ufs = ss.head.ufs.get();
    let mut at = base;
    while at < limit {
        if get(at) != 0 && ss.fix1(&mut ufs, get(at)) {
            // SAFETY: a reference of an object or of a root.
            fix2(ss, unsafe { Ref::new(at.ptr()) })?;
        }
        at = at.add(WORD);
    }
    ss.head.ufs.set(ufs);
    Ok(())
}

unsafe extern "C" fn scan(ss: *mut c_void, base: Addr, limit: Addr) -> i32 {
    // SAFETY: what the library hands to scanners.
    let ss = unsafe { &*ss.cast::<ScanState>() };
    let mut p = base;
    while p < limit {
        let next = p.add(size_of_object(p));
        let references = if get(p) & 7 == OBJECT { p.add(2 * WORD) } else { next };
        if let Err(e) = fix_words(ss, references, next) {
            return e.code();
        }
        p = next;
    }
    0
}

unsafe extern "C" fn scan_area(ss: *mut c_void, base: Addr, limit: Addr, _: *mut c_void) -> i32 {
    // SAFETY: as above.
    mps::base::res::code_of(fix_words(unsafe { &*ss.cast::<ScanState>() }, base, limit))
}

// --------------------------------------------------------------- the client

/// xorshift64*, seeded by `MPS_TEST_SEED` or the clock; printed.
struct Rng(u64);

impl Rng {
    fn new() -> Rng {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        let given = std::env::var("MPS_TEST_SEED").ok().and_then(|s| s.parse().ok());
        let seed = given.unwrap_or(now.as_micros() as u64);
        eprintln!("MPS_TEST_SEED={seed}");
        Rng(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 32) as usize % n
    }
}

const ROOTS: usize = 64;

struct Client {
    m: P<Mpm>,
    format: P<Format>,
    pools: Vec<P<Pool>>,
    aps: Vec<P<Buffer>>,
    roots: Vec<P<Root>>,
    /// Exact references, and words that may be anything.
    exact: Vec<usize>,
    ambig: Vec<usize>,
    next: usize,
}

impl Client {
    fn new() -> Client {
        let params =
            Params { grain: 4096, size: 16 << 20, base: None, limit: usize::MAX, extra: 0 };
        let config = Config { spare: 0.5, pause_time: 0.0, ..Config::new(params) };
        let m = Mpm::create(&LINUX, &config).unwrap();
        let methods = Methods { align: WORD, scan, skip, fwd, isfwd, pad, ..Methods::default() };
        let format = Mpm::enter(m, |e| {
            let f = e.cx.arena.control_new(Format::new(m.addr().0, methods)).unwrap();
            e.formats.push_back(f);
            f
        });
        let mut c = Client {
            m,
            format,
            pools: Vec::new(),
            aps: Vec::new(),
            roots: Vec::new(),
            exact: vec![0; ROOTS],
            ambig: vec![0; ROOTS],
            next: 1,
        };
        for (table, rank) in [(&c.exact, Rank::Exact), (&c.ambig, Rank::Ambig)] {
            let base = Addr::of(table.as_ptr());
            let limit = base.add(ROOTS * WORD);
            let kind = RootKind::Area {
                base,
                limit,
                scan: scan_area,
                closure: std::ptr::null_mut(),
                splits: true,
            };
            c.roots.push(Mpm::enter(m, |e| e.new_root(rank, kind, false)).unwrap());
        }
        c
    }

    fn pool(&mut self, class: &ClassHandle, list: &[(&'static Key, Val)]) -> P<Pool> {
        let format = class.class.needs_format().then_some(self.format);
        let p = args::with(list, |a| Mpm::enter(self.m, |e| e.new_pool(class, format, a)));
        self.pools.push(p.unwrap());
        p.unwrap()
    }

    fn ap(&mut self, p: P<Pool>, list: &[(&'static Key, Val)]) -> P<Buffer> {
        let b = args::with(list, |a| Mpm::enter(self.m, |e| e.new_ap(p, a))).unwrap();
        self.aps.push(b);
        b
    }

    /// An object of so many slots, all null; its number follows from the order.
    fn make(&mut self, b: P<Buffer>, slots: usize) -> Result<(Addr, usize)> {
        let size = (slots + 2) * WORD;
        self.next += 1;
        loop {
            // As the client's half of the protocol has it.
            let end = b.alloc.get().add(size);
            let p = if end > b.alloc.get() && end <= b.limit.get() {
                b.alloc.set(end);
                b.init.get()
            } else {
                Mpm::enter(self.m, |m| m.fill(b, size))?
            };
            put(p, (slots + 2) << 3 | OBJECT);
            put(p.add(WORD), self.next);
            (0..slots).for_each(|i| put(p.add((2 + i) * WORD), 0));
            b.init.set(b.alloc.get());
            if !b.limit.get().is_null() || Mpm::enter(self.m, |_| buffer::trip(b)) {
                return Ok((p, self.next));
            }
        }
    }

    fn collect(&self) {
        Mpm::enter(self.m, |m| {
            m.collect().unwrap();
            m.release();
        });
        self.is_sane();
    }

    /// The library's second opinion, when no collection is under way.
    fn is_sane(&self) {
        Mpm::enter(self.m, |m| mps::trace::sanity::check(&m.tracer, m.inside()));
    }

    fn finish(self) {
        Mpm::enter(self.m, |m| {
            m.park();
            // SAFETY: not used any more.
            self.roots.iter().for_each(|r| unsafe { m.root_destroy(*r) });
            // SAFETY: not used any more.
            self.aps.iter().for_each(|b| unsafe { m.ap_destroy(*b) });
            // SAFETY: not used any more.
            self.pools.iter().for_each(|p| unsafe { m.pool_destroy(*p) });
            assert_eq!(self.format.users.get(), 0);
            m.formats.remove(self.format);
            // SAFETY: not used any more.
            unsafe { m.cx.arena.control_drop(self.format) };
        });
        assert_eq!(self.m.get().leftover(), None);
        // SAFETY: nothing is left in it, and nobody uses it any more.
        unsafe { Mpm::destroy(self.m) };
    }
}

fn slot(p: Addr, i: usize) -> Addr {
    p.add((2 + i) * WORD)
}

// ---------------------------------------------------------------- the tests

/// What an object should be: which pool, where it is if it can't move, what its
/// slots refer to.
struct Shadow {
    fixed: Option<Addr>,
    slots: Vec<usize>,
}

/// Compares everything reachable with its shadow; forgets the rest.
fn verify(c: &Client, ids: &[usize; ROOTS], shadow: &mut HashMap<usize, Shadow>) {
    let mut met: HashMap<usize, Addr> = HashMap::new();
    let mut todo: Vec<(usize, Addr)> = Vec::new();
    for (word, id) in c.exact.iter().zip(ids) {
        assert_eq!(*word == 0, *id == 0);
        todo.push((*id, Addr(*word)));
    }
    while let Some((id, p)) = todo.pop() {
        if id == 0 {
            assert_eq!(p, Addr::NULL);
            continue;
        }
        if let Some(before) = met.insert(id, p) {
            assert_eq!(before, p, "object {id} is in two places");
            continue;
        }
        let s = &shadow[&id];
        assert_eq!((get(p), get(p.add(WORD))), ((s.slots.len() + 2) << 3 | OBJECT, id));
        assert!(s.fixed.is_none_or(|a| a == p), "object {id} has moved");
        for (i, to) in s.slots.iter().enumerate() {
            todo.push((*to, Addr(get(slot(p, i)))));
        }
    }
    shadow.retain(|id, _| met.contains_key(id));
}

#[test]
fn a_graph_across_pools() {
    let mut rng = Rng::new();
    let mut c = Client::new();
    let (pages, moving) = (c.pool(&PAGES, &[]), c.pool(&AMC, &[]));
    let aps = [c.ap(pages, &[]), c.ap(moving, &[]), c.ap(moving, &[])];
    let mut ids = [0; ROOTS];
    let mut shadow: HashMap<usize, Shadow> = HashMap::new();
    let m = c.m;
    let flips = || m.get().cx.stats.flips.get();
    let (mut made, mut most) = (0, 0);
    for step in 0..40_000 {
        if flips() > 60 && step > 8_000 {
            break;
        }
        let r = rng.below(ROOTS);
        match rng.below(10) {
            // A new object that refers to others.
            0..4 => {
                let which = rng.below(3);
                let slots = if rng.below(50) == 0 { rng.below(3000) } else { rng.below(12) };
                let (p, id) = c.make(aps[which], slots).unwrap();
                made += usize::from(which == 0);
                let mut s = Shadow { fixed: (which == 0).then_some(p), slots: vec![0; slots] };
                for (i, to) in s.slots.iter_mut().enumerate().take(12) {
                    let from = rng.below(ROOTS);
                    *to = ids[from];
                    put(slot(p, i), c.exact[from]);
                }
                shadow.insert(id, s);
                (c.exact[r], ids[r]) = (p.0, id);
            }
            // Another reference in an object; the barrier is in the way.
            4..7 if ids[r] != 0 => {
                let n = shadow[&ids[r]].slots.len();
                if n != 0 {
                    let (i, from) = (rng.below(n), rng.below(ROOTS));
                    put(slot(Addr(c.exact[r]), i), c.exact[from]);
                    shadow.get_mut(&ids[r]).unwrap().slots[i] = ids[from];
                }
            }
            // A root goes elsewhere, or nowhere.
            7 => {
                let from = rng.below(ROOTS);
                (c.exact[r], ids[r]) =
                    if rng.below(3) == 0 { (0, 0) } else { (c.exact[from], ids[from]) };
            }
            8 => drop(Mpm::enter(c.m, |m| m.step(0.0, 0.0))),
            _ if rng.below(60) == 0 => drop(Mpm::enter(c.m, |m| m.start_collect())),
            _ => {}
        }
        most = most.max(objects(pages));
        if step % 1000 == 999 {
            verify(&c, &ids, &mut shadow);
        }
    }
    assert!(flips() > 20, "{} flips", flips());
    assert!(most < made, "none of {made} objects was given back");
    c.collect();
    verify(&c, &ids, &mut shadow);
    // What is there now is what is reachable, and what the allocation point has.
    let alive = shadow.values().filter(|s| s.fixed.is_some()).count();
    c.collect();
    assert!(
        alive > 0 && (alive..=alive + 1).contains(&objects(pages)),
        "{alive} {}",
        objects(pages)
    );
    c.finish();
}

/// A pointer to anywhere in an object, found in an ambiguous root, keeps it; one
/// behind it does not.
#[test]
fn pinned_from_outside() {
    let mut c = Client::new();
    let pages = c.pool(&PAGES, &[]);
    let b = c.ap(pages, &[]);
    let mut at = Vec::new();
    for i in 0..ROOTS / 2 {
        let (p, id) = c.make(b, 100).unwrap();
        c.ambig[i] = p.add(i * 20).0;
        at.push((p, id));
    }
    let (p, _) = c.make(b, 100).unwrap();
    c.ambig[ROOTS - 1] = p.add(102 * WORD).0;
    // So that the allocation point has none of these.
    c.make(b, 1).unwrap();
    c.collect();
    assert_eq!(objects(pages), ROOTS / 2 + 1);
    for (p, id) in &at {
        assert_eq!(get(p.add(WORD)), *id);
        assert_eq!(Mpm::enter(c.m, |m| m.object_of(p.add(7))), Ok(*p));
    }
    assert!(Mpm::enter(c.m, |m| m.pool_of(p)).is_none_or(|q| q != pages));
    c.ambig.fill(0);
    c.collect();
    assert_eq!(objects(pages), 1);
    c.finish();
}

/// Weak references to objects of ours go when they do; whoever registered them
/// is told.
#[test]
fn weakness_and_finalization() {
    let mut c = Client::new();
    let (pages, weak) = (c.pool(&PAGES, &[]), c.pool(&AWL, &[]));
    let b = c.ap(pages, &[]);
    let w = c.ap(weak, &[(&args::_mps_key_RANK, Val { u: Rank::Weak as u32 })]);
    let table = c.make(w, 20).unwrap().0;
    c.exact[ROOTS - 1] = table.0;
    Mpm::enter(c.m, |m| m.message_enable(MessageType::Finalization));
    for i in 0..20 {
        let p = c.make(b, 50).unwrap().0;
        c.exact[i] = p.0;
        put(slot(table, i), p.0);
        if i % 4 == 0 {
            let at = (&raw const c.exact[i]).cast();
            // SAFETY: a place in the table.
            Mpm::enter(c.m, |m| unsafe { m.finalize(at) }).unwrap();
        }
    }
    c.make(b, 1).unwrap();
    (0..20).filter(|i| i % 2 == 0).for_each(|i| c.exact[i] = 0);
    c.collect();
    let mut told = Vec::new();
    while let Some(message) = Mpm::enter(c.m, |m| m.messages.take(MessageType::Finalization)) {
        let mut object = Addr::NULL;
        Mpm::enter(c.m, |m| {
            // SAFETY: our own variable.
            unsafe { m.message_ref(message, &raw mut object) };
            // SAFETY: not used any more.
            unsafe { m.message_discard(message) };
        });
        assert_eq!(get(object) & 7, OBJECT);
        told.push(object);
    }
    assert_eq!(told.len(), 5);
    for i in 0..20 {
        // What was registered was still there when weak references were looked at.
        let kept = i % 2 == 1 || i % 4 == 0;
        assert_eq!(get(slot(table, i)) != 0, kept, "slot {i}");
    }
    told.clear();
    c.collect();
    c.collect();
    assert_eq!(objects(pages), 11);
    (0..20).for_each(|i| assert_eq!(get(slot(table, i)), c.exact[i], "slot {i}"));
    c.finish();
}

/// A key of the class's own; a refusal that a collection can help.
#[test]
fn at_most() {
    let mut c = Client::new();
    let pages = c.pool(&PAGES, &[(&KEY_MOST, Val { size: 100 })]);
    let b = c.ap(pages, &[]);
    // Garbage: it goes on.
    for _ in 0..1000 {
        c.make(b, 600).unwrap();
        assert!(objects(pages) <= 100);
    }
    // All alive: it does not. A chain through the first slots.
    let refused = loop {
        assert!(c.next < 5000, "what should be alive is not");
        match c.make(b, 600) {
            Ok((p, _)) => {
                put(slot(p, 0), c.exact[0]);
                c.exact[0] = p.0;
            }
            Err(e) => break e,
        }
    };
    assert_eq!((refused, objects(pages)), (Res::Limit, 100));
    c.exact[0] = 0;
    c.collect();
    c.make(b, 600).unwrap();
    c.finish();
}

#[test]
fn blocks_of_a_region() {
    let mut rng = Rng::new();
    let mut c = Client::new();
    let region = c.pool(&REGION, &[(&args::_mps_key_EXTEND_BY, Val { size: 20_000 })]);
    let b = c.ap(region, &[]);
    let mut all: Vec<(Addr, Size)> = Vec::new();
    for i in 0..3000 {
        let size = if rng.below(100) == 0 { 1 + rng.below(50_000) } else { 1 + rng.below(200) };
        let (p, size) = if i % 2 == 0 {
            (Mpm::alloc(c.m, region, size).unwrap(), size)
        } else {
            let slots = size / WORD + 1;
            (c.make(b, slots).unwrap().0, (slots + 2) * WORD)
        };
        assert!(p.is_aligned(WORD));
        // SAFETY: a block of that size.
        unsafe { p.ptr::<u8>().write_bytes(i as u8, size) };
        all.push((p, size));
    }
    for (i, (p, size)) in all.iter().enumerate() {
        // SAFETY: as above.
        assert!((0..*size).all(|k| unsafe { p.add(k).ptr::<u8>().read() } == i as u8), "block {i}");
        assert!(Mpm::enter(c.m, |m| m.pool_of(*p)) == Some(region));
    }
    let used: Size = all.iter().map(|(_, s)| s).sum();
    let (total, free) = (region.class.total_size(region), region.class.free_size(region));
    assert!(
        total - free >= used && total - free < used + 3000 * WORD + 4096,
        "{total} {free} {used}"
    );
    assert_eq!(Mpm::free(c.m, region, all[0].0, all[0].1), Err(Res::Unimpl));
    c.finish();
}
