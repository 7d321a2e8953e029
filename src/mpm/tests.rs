//! A client in Rust, over the port of pure memory: random graphs of objects
//! with a shadow copy in the test's own memory, compared object by object.
//!
//! The mutator asks the mock machine before each of its accesses, which faults
//! as hardware would; the format methods ask it whether the collector itself
//! touches what it has shielded. Steps with no time are done between any two
//! accesses. Addresses of objects are never kept across a call that may flip.
//!
//! One such client runs at a time: the fault handler is the process's.

mod classes;

use super::*;
use crate::arena::tests::Rng;
use crate::base::addr::WORD;
use crate::base::check::testing::caught;
use crate::base::res::Result;
use crate::base::sets::{AccessSet, Rank};
use crate::object::buffer::Buffer;
use crate::object::format::Methods;
use crate::object::scan::{Ref, ScanState};
use crate::pools::amc;
use crate::ports::soft::Soft;
use crate::ports::testing::faulty::Faulty;
use crate::ports::testing::mock::{Mock, PAGE};
use crate::seam::args::{self, Key, Val as ArgVal};
use crate::seam::port::{Caps, FaultHandler, ForkHooks, ThreadSlot};
use crate::trace::history::Ld;
use crate::trace::{fix, sanity};
use core::ffi::c_void;
use core::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::boxed::Box;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::vec::Vec;

// -------------------------------------------------------------- the machine

static ONE: Mutex<()> = Mutex::new(());
static MACHINE: AtomicPtr<Mock> = AtomicPtr::new(core::ptr::null_mut());
/// A port that may refuse to deny accesses, having done half of it.
struct Balky {
    inner: &'static Faulty<'static>,
    /// Refuses one call in so many; 0: none.
    one_in: AtomicU64,
    calls: AtomicU64,
    refused: AtomicU64,
}

// SAFETY: does what the inner port does, or the part of it that the contract
// of `protect` allows on an error.
unsafe impl Port for Balky {
    fn capabilities(&self) -> Caps {
        self.inner.capabilities()
    }
    fn page_size(&self) -> Size {
        self.inner.page_size()
    }
    fn reserve(&self, size: Size, align: Size) -> Result<Addr> {
        self.inner.reserve(size, align)
    }
    fn release(&self, base: Addr, size: Size) {
        self.inner.release(base, size);
    }
    fn map(&self, base: Addr, size: Size) -> Result {
        self.inner.map(base, size)
    }
    fn unmap(&self, base: Addr, size: Size) {
        self.inner.unmap(base, size);
    }
    fn protect(&self, base: Addr, size: Size, denied: AccessSet) -> Result {
        let n = self.calls.fetch_add(1, Ordering::Relaxed) + 1;
        let one_in = self.one_in.load(Ordering::Relaxed);
        if one_in != 0 && !denied.is_empty() && n.is_multiple_of(one_in) {
            self.refused.fetch_add(1, Ordering::Relaxed);
            let half = (size / 2) & !(PAGE - 1);
            if half != 0 {
                self.inner.protect(base, half, denied)?;
            }
            return Err(Res::Resource);
        }
        self.inner.protect(base, size, denied)
    }
    fn install_faults(&self, handler: FaultHandler) -> Result {
        self.inner.install_faults(handler)
    }
    fn install_fork(&self, hooks: &'static ForkHooks) -> Result {
        self.inner.install_fork(hooks)
    }
    unsafe fn thread_register(&self, slot: &ThreadSlot) -> Result {
        // SAFETY: as the caller says.
        unsafe { self.inner.thread_register(slot) }
    }
}

/// Everything under a client, and the right to be the only one.
struct Machine {
    mock: &'static Mock,
    faulty: &'static Faulty<'static>,
    port: &'static Balky,
    _one: Option<MutexGuard<'static, ()>>,
}

impl Machine {
    fn new(mock: Mock) -> Machine {
        let one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
        let m = Machine { _one: Some(one), ..Machine::another(mock) };
        MACHINE.store(core::ptr::from_ref(m.mock).cast_mut(), Ordering::Relaxed);
        m
    }

    /// None of that: for a client of the system's own port.
    fn none() -> MutexGuard<'static, ()> {
        let one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
        MACHINE.store(core::ptr::null_mut(), Ordering::Relaxed);
        one
    }

    /// A second one, for whoever has the first.
    fn another(mock: Mock) -> Machine {
        let mock: &'static Mock = Box::leak(Box::new(mock));
        let faulty = Box::leak(Box::new(Faulty::new(mock)));
        let none = || AtomicU64::new(0);
        let port = Balky { inner: faulty, one_in: none(), calls: none(), refused: none() };
        Machine { mock, faulty, port: Box::leak(Box::new(port)), _one: None }
    }
}

/// The library is about to touch `a`.
fn exposed(a: Addr, write: bool) {
    // SAFETY: null or leaked.
    if let Some(m) = unsafe { MACHINE.load(Ordering::Relaxed).as_ref() } {
        if m.page(a).is_some() {
            assert!(!m.would_fault(a, write), "the collector touches {a:?}, which is shielded");
        }
    }
}

// --------------------------------------------------------------- the format

const VECTOR: usize = 1;
const LEAF: usize = 2;
const FWD: usize = 3;
const PAD: usize = 4;
const MAGIC: usize = 0x4845_4144_4552_0007;
const SLOTS: Size = 2 * WORD;

fn get(a: Addr) -> usize {
    // SAFETY: the tests' objects and tables, in memory of the mock machine.
    unsafe { a.ptr::<usize>().read() }
}
fn put(a: Addr, w: usize) {
    // SAFETY: as above.
    unsafe { a.ptr::<usize>().write(w) }
}

/// Its kind and its size, header included.
fn look<const H: usize>(p: Addr) -> (usize, Size) {
    exposed(p, false);
    if H != 0 {
        let front = get(p.sub(H));
        if front & 7 == PAD {
            return (PAD, (front >> 3) * WORD);
        }
        assert_eq!(front, MAGIC, "no header at {p:?}");
    }
    let head = get(p);
    let kind = head & 7;
    assert!((VECTOR..=PAD).contains(&kind) && head >> 3 != 0, "no object at {p:?}: {head:x}");
    (kind, (head >> 3) * WORD + H)
}

unsafe extern "C" fn skip<const H: usize>(p: Addr) -> Addr {
    p.add(look::<H>(p).1)
}

unsafe extern "C" fn isfwd<const H: usize>(p: Addr) -> Addr {
    let (kind, _) = look::<H>(p);
    if kind == FWD { Addr(get(p.add(WORD))) } else { Addr::NULL }
}

unsafe extern "C" fn fwd<const H: usize>(old: Addr, new: Addr) {
    let (kind, size) = look::<H>(old);
    assert!(kind == VECTOR || kind == LEAF, "forwarding a {kind}");
    exposed(old, true);
    put(old, ((size - H) / WORD) << 3 | FWD);
    put(old.add(WORD), new.0);
}

unsafe extern "C" fn pad(base: Addr, size: Size) {
    assert!(size >= WORD && size.is_multiple_of(WORD), "padding of {size}");
    exposed(base, true);
    put(base, (size / WORD) << 3 | PAD);
}

unsafe extern "C" fn scan<const H: usize>(ss: *mut c_void, base: Addr, limit: Addr) -> i32 {
    // SAFETY: what the library hands to scanners.
    let ss = unsafe { &*ss.cast::<ScanState>() };
    let mut ufs = ss.head.ufs.get();
    let mut p = base;
    while p < limit {
        let (kind, size) = look::<H>(p);
        if kind == VECTOR {
            exposed(p, true);
            let end = p.sub(H).add(size);
            let mut at = p.add(SLOTS);
            while at < end {
                if let Err(code) = fix_word(ss, &mut ufs, at) {
                    return code;
                }
                at = at.add(WORD);
            }
        }
        p = p.add(size);
    }
    ss.head.ufs.set(ufs);
    0
}

/// How many parts of objects have been scanned.
static PARTS: AtomicUsize = AtomicUsize::new(0);

unsafe extern "C" fn scan_part(ss: *mut c_void, p: Addr, base: Addr, limit: Addr) -> i32 {
    // SAFETY: what the library hands to scanners.
    let ss = unsafe { &*ss.cast::<ScanState>() };
    PARTS.fetch_add(1, Ordering::Relaxed);
    let (kind, size) = look::<16>(p);
    let end = p.sub(16).add(size);
    assert!(p.sub(16) <= base && base < limit && limit <= end, "{p:?}: {base:?} to {limit:?}");
    assert!(base == p.sub(16) || base.is_aligned(4096));
    if kind == VECTOR {
        exposed(base, true);
        let mut ufs = ss.head.ufs.get();
        let mut at = base.max(p.add(SLOTS));
        while at < limit {
            if let Err(code) = fix_word(ss, &mut ufs, at) {
                return code;
            }
            at = at.add(WORD);
        }
        ss.head.ufs.set(ufs);
    }
    0
}

fn fix2(ss: &ScanState, at: *mut Addr) -> Result {
    // SAFETY: a reference that one of the scanners here has met.
    fix::fix2(ss, unsafe { Ref::new(at) })
}

fn fix_word(ss: &ScanState, ufs: &mut usize, at: Addr) -> core::result::Result<(), i32> {
    let w = get(at);
    if w & 1 == 0 && w != 0 {
        let (mut r, tag) = (Addr(w & !2), w & 2);
        if ss.fix1(ufs, r.0) {
            if tag == 0 {
                // In place.
                return fix2(ss, at.ptr()).map_err(Res::code);
            }
            fix2(ss, &raw mut r).map_err(Res::code)?;
            if r.0 | tag != w {
                exposed(at, true);
                put(at, r.0 | tag);
            }
        }
    }
    Ok(())
}

/// A table of exact references.
unsafe extern "C" fn scan_exact(ss: *mut c_void, base: Addr, limit: Addr, _: *mut c_void) -> i32 {
    // SAFETY: as above.
    let ss = unsafe { &*ss.cast::<ScanState>() };
    let mut ufs = ss.head.ufs.get();
    let mut at = base;
    while at < limit {
        exposed(at, true);
        if let Err(code) = fix_word(ss, &mut ufs, at) {
            return code;
        }
        at = at.add(WORD);
    }
    ss.head.ufs.set(ufs);
    0
}

/// Words that may be anything.
unsafe extern "C" fn scan_ambig(ss: *mut c_void, base: Addr, limit: Addr, _: *mut c_void) -> i32 {
    // SAFETY: as above.
    let ss = unsafe { &*ss.cast::<ScanState>() };
    let mut ufs = ss.head.ufs.get();
    let mut at = base;
    while at < limit {
        let w = get(at);
        let mut r = Addr(w);
        if ss.fix1(&mut ufs, w) {
            if let Err(e) = fix2(ss, &raw mut r) {
                return e.code();
            }
        }
        assert_eq!(r.0, w, "an ambiguous reference was changed");
        at = at.add(WORD);
    }
    ss.head.ufs.set(ufs);
    0
}

fn methods(header: Size) -> Methods {
    let d = Methods { align: WORD, header, pad, ..Methods::default() };
    match header {
        0 => Methods { scan: scan::<0>, skip: skip::<0>, fwd: fwd::<0>, isfwd: isfwd::<0>, ..d },
        // Objects with a header can be scanned in parts besides.
        _ => Methods {
            scan: scan::<16>,
            skip: skip::<16>,
            fwd: fwd::<16>,
            isfwd: isfwd::<16>,
            part: Some(scan_part),
            ..d
        },
    }
}

// --------------------------------------------------------------- the client

/// How a client is to be.
#[derive(Clone, Copy)]
struct Setup {
    grain: Size,
    size: Size,
    header: Size,
    interior: bool,
    limit: Size,
    spare: f64,
    /// Memory handed over, beginning at an odd place, instead of taken.
    given: bool,
    protected_roots: bool,
    /// A software barrier: the mutator asks the library, not the machine.
    soft: bool,
    roots: usize,
    pinned: usize,
    /// Most slots of an ordinary object.
    slots: usize,
}

const PLAIN: Setup = Setup {
    grain: 4096,
    size: 1 << 20,
    header: 0,
    interior: true,
    limit: usize::MAX,
    spare: 0.75,
    given: false,
    protected_roots: false,
    soft: false,
    roots: 1500,
    pinned: 20,
    slots: 12,
};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Val {
    Null,
    Num(usize),
    /// To this object, with this tag.
    Ref(usize, usize),
}

/// What an object should be.
struct Shadow {
    kind: usize,
    vals: Vec<Val>,
    seen: usize,
}

fn leaf_word(id: usize, i: usize) -> usize {
    (id ^ i).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

#[derive(Default, Debug)]
struct Counts {
    allocs: usize,
    tripped: usize,
    writes: usize,
    reads: usize,
    verified: usize,
    sanity: usize,
    refused: Vec<Res>,
    stale: usize,
}

static AMC_CLASS: ClassHandle = ClassHandle::new(&amc::AMC);
static AMCZ_CLASS: ClassHandle = ClassHandle::new(&amc::AMCZ);

struct Client {
    s: Setup,
    mock: &'static Mock,
    rng: Rng,
    m: Option<P<Mpm>>,
    format: Option<P<Format>>,
    chain: Option<P<Chain>>,
    pools: Vec<P<Pool>>,
    /// The last is for leaves.
    aps: Vec<P<Buffer>>,
    registered: Vec<P<Root>>,
    /// The table of exact roots: memory of the machine.
    roots: Addr,
    root_ids: Vec<usize>,
    /// Ambiguous words, what they hold on to (0: nothing), and where it is.
    pins: Vec<usize>,
    pin_ids: Vec<(usize, Addr)>,
    junk: bool,
    given: Addr,
    shadow: HashMap<usize, Shadow>,
    /// Location dependencies, and the addresses they were told.
    lds: Vec<(Ld, Vec<(usize, Addr)>)>,
    next: usize,
    round: usize,
    checked_at: usize,
    n: Counts,
}

const ROOT_PAGES: Size = 5 * PAGE;

impl Client {
    /// All that is on the test's side; nothing of the library's yet.
    fn new(machine: &Machine, s: Setup, rng: Rng) -> Client {
        let mock = machine.mock;
        let roots = mock.reserve(ROOT_PAGES, PAGE).unwrap();
        mock.map(roots, ROOT_PAGES).unwrap();
        let mut given = Addr::NULL;
        if s.given {
            given = mock.reserve(s.size + PAGE, PAGE).unwrap();
            mock.map(given, s.size + PAGE).unwrap();
            // A client's memory is not clean.
            // SAFETY: just mapped.
            unsafe { given.ptr::<u8>().write_bytes(0xA7, s.size + PAGE) };
        }
        assert!(s.roots * WORD + 4 * WORD <= ROOT_PAGES);
        Client {
            s,
            mock,
            rng,
            m: None,
            format: None,
            chain: None,
            pools: Vec::new(),
            aps: Vec::new(),
            registered: Vec::new(),
            // So that the table's ends share pages with something else.
            roots: roots.add(4 * WORD),
            root_ids: std::vec![0; s.roots],
            pins: std::vec![0; s.pinned],
            pin_ids: std::vec![(0, Addr::NULL); s.pinned],
            junk: false,
            given,
            shadow: HashMap::new(),
            lds: (0..4).map(|_| (ld(), Vec::new())).collect(),
            next: 1,
            round: 0,
            checked_at: 0,
            n: Counts::default(),
        }
    }

    /// The instance, pools, roots. After an error `finish` takes down what
    /// there is.
    fn build(&mut self, port: &'static dyn Port) -> Result {
        let s = self.s;
        let (mut base, mut size) =
            if s.given { (Some(self.given.add(40)), s.size) } else { (None, s.size) };
        let mut port = port;
        if s.soft {
            let given = base.map(|b| Range::sized(b, size));
            // SAFETY: this client's alone, for as long as the instance.
            let (soft, rest) = unsafe { Soft::beneath(port, s.grain, given)? };
            port = soft;
            if let Some(r) = rest {
                (base, size) = (Some(r.base), r.size());
            }
        }
        let config = Config {
            spare: s.spare,
            pause_time: 0.0,
            // Steps must not depend on the time, or runs would differ.
            utilisation: Some(0),
            ..Config::new(Params { grain: s.grain, size, base, limit: s.limit, extra: 0 })
        };
        let m = Mpm::create(port, &config)?;
        self.m = Some(m);
        let gens: &[(Size, f64)] = &[(96 << 10, 0.8), (192 << 10, 0.5)];
        self.chain = Some(Mpm::enter(m, |e| e.new_chain(gens.len(), |i| gens[i].0))?);
        let format = Mpm::enter(m, |e| {
            let f = e.cx.arena.control_new(Format::new(m.addr().0, methods(s.header)))?;
            e.formats.push_back(f);
            Ok(f)
        })?;
        self.format = Some(format);
        for class in [&AMC_CLASS, &AMCZ_CLASS] {
            let list = [
                (&args::_mps_key_CHAIN, ArgVal { p: self.chain.unwrap().as_ptr().cast() }),
                (&args::_mps_key_INTERIOR, ArgVal { b: s.interior as i32 }),
            ];
            let pool =
                args::with(&list, |a| Mpm::enter(m, |e| e.new_pool(class, Some(format), a)))?;
            self.pools.push(pool);
        }
        for pool in [self.pools[0], self.pools[0], self.pools[1]] {
            self.aps.push(args::with(&[], |a| Mpm::enter(m, |e| e.new_ap(pool, a)))?);
        }
        let null = core::ptr::null_mut();
        let table = RootKind::Area {
            base: self.roots,
            limit: self.roots.add(s.roots * WORD),
            scan: scan_exact,
            closure: null,
            splits: true,
        };
        let pins = Addr::of(self.pins.as_ptr());
        let words = RootKind::Area {
            base: pins,
            limit: pins.add(s.pinned * WORD),
            scan: scan_ambig,
            closure: null,
            splits: true,
        };
        let r = Mpm::enter(m, |e| e.new_root(Rank::Exact, table, s.protected_roots))?;
        self.registered.push(r);
        let r = Mpm::enter(m, |e| e.new_root(Rank::Ambig, words, false))?;
        self.registered.push(r);
        Ok(())
    }

    fn made(machine: &Machine, s: Setup, rng: Rng) -> Client {
        let mut c = Client::new(machine, s, rng);
        c.build(machine.port).unwrap();
        c
    }

    fn m(&self) -> P<Mpm> {
        self.m.unwrap()
    }

    fn cx(&self) -> &'static Cx {
        &self.m().get().cx
    }

    fn flips(&self) -> usize {
        self.cx().stats.flips.get()
    }

    /// Takes everything down again and looks that nothing is left.
    fn finish(mut self) {
        if let Some(m) = self.m {
            Mpm::enter(m, |e| e.park());
            for r in self.registered.drain(..) {
                // SAFETY: not used any more.
                Mpm::enter(m, |e| unsafe { e.root_destroy(r) });
            }
            for b in self.aps.drain(..) {
                // SAFETY: not used any more.
                Mpm::enter(m, |e| unsafe { e.ap_destroy(b) });
            }
            for p in self.pools.drain(..) {
                // SAFETY: not used any more.
                Mpm::enter(m, |e| unsafe { e.pool_destroy(p) });
            }
            if let Some(f) = self.format {
                assert_eq!(f.users.get(), 0);
                Mpm::enter(m, |e| {
                    e.formats.remove(f);
                    // SAFETY: not used any more.
                    unsafe { e.cx.arena.control_drop(f) };
                });
            }
            if let Some(c) = self.chain {
                assert_eq!(c.users.get(), 0);
                let left: Size = c.get().generations().map(|g| g.get().total.get()).sum();
                assert_eq!((left, self.cx().top.total.get()), (0, 0), "bytes in no segment");
                // SAFETY: not used any more.
                Mpm::enter(m, |e| unsafe { e.chain_destroy(c) });
            }
            assert_eq!(m.get().leftover(), None);
            let port = self.cx().arena.port;
            // SAFETY: not used any more.
            unsafe { Mpm::destroy(m) };
            // SAFETY: not used any more, if it was this instance's.
            unsafe { port.retire() };
        }
        for i in 0..ROOT_PAGES / PAGE {
            let a = self.roots.down(PAGE).add(i * PAGE);
            assert!(!self.mock.would_fault(a, true), "a root was left protected");
        }
        self.mock.release(self.roots.down(PAGE), ROOT_PAGES);
        if self.s.given {
            let mut a = self.given;
            while a < self.given.add(self.s.size + PAGE) {
                assert!(!self.mock.would_fault(a, true), "given memory was left protected");
                a = a.add(PAGE);
            }
            self.mock.release(self.given, self.s.size + PAGE);
        }
        assert_eq!((self.mock.reservations(), self.mock.mapped().0), (0, 0));
    }

    // ------------------------------------------------- the mutator's accesses

    fn load(&mut self, a: Addr) -> usize {
        self.n.reads += 1;
        Mpm::will_access(self.m(), a, AccessSet::READ);
        assert!(self.mock.access(a, false), "reading {a:?} faults");
        get(a)
    }

    fn store(&mut self, a: Addr, w: usize) {
        self.n.writes += 1;
        Mpm::will_access(self.m(), a, AccessSet::WRITE);
        assert!(self.mock.access(a, true), "writing {a:?} faults");
        put(a, w);
    }

    /// What is at `p` must be this object.
    fn meet(&mut self, id: usize, p: Addr) {
        let s = &self.shadow[&id];
        let head = (s.vals.len() + 2) << 3 | s.kind;
        assert_eq!(self.load(p), head, "object {id} at {p:?}");
        assert_eq!(self.load(p.add(WORD)), id, "object at {p:?}");
        if self.s.header != 0 {
            assert_eq!(self.load(p.sub(2 * WORD)), MAGIC);
            assert_eq!(self.load(p.sub(WORD)), id);
        }
    }

    fn root(&self, r: usize) -> Addr {
        self.roots.add(r * WORD)
    }

    /// Walks at random. The address is good until the next call that may flip.
    fn pick(&mut self) -> Option<(usize, Addr)> {
        let n = self.rng.below(self.s.roots + self.s.pinned);
        let (mut id, mut p) = if n < self.s.roots {
            let a = self.root(n);
            (self.root_ids[n], Addr(self.load(a)))
        } else {
            self.pin_ids[n - self.s.roots]
        };
        if id == 0 {
            return None;
        }
        self.meet(id, p);
        for _ in 0..self.rng.below(8) {
            let s = &self.shadow[&id];
            if s.kind == LEAF || s.vals.is_empty() {
                break;
            }
            let i = self.rng.below(s.vals.len());
            let val = self.shadow[&id].vals[i];
            let word = self.load(p.add(SLOTS + i * WORD));
            let Val::Ref(to, tag) = val else {
                assert_eq!(word, encode(val), "slot {i} of {id}");
                break;
            };
            assert_eq!(word & 7, tag);
            (id, p) = (to, Addr(word - tag));
            self.meet(id, p);
        }
        Some((id, p))
    }

    /// A value for a slot, and the word that stands for it now.
    fn value(&mut self) -> (Val, usize) {
        match self.rng.below(4) {
            0 => (Val::Null, 0),
            1 => {
                let n = self.rng.word();
                (Val::Num(n), encode(Val::Num(n)))
            }
            _ => match self.pick() {
                Some((id, p)) => {
                    let tag = self.rng.word() & 2;
                    (Val::Ref(id, tag), p.0 | tag)
                }
                None => (Val::Null, 0),
            },
        }
    }

    fn write(&mut self) {
        let Some((id, p)) = self.pick() else { return };
        let s = &self.shadow[&id];
        if s.kind == LEAF || s.vals.is_empty() {
            return;
        }
        let i = self.rng.below(s.vals.len());
        let (val, word) = self.value();
        self.store(p.add(SLOTS + i * WORD), word);
        self.shadow.get_mut(&id).unwrap().vals[i] = val;
    }

    fn set_root(&mut self, r: usize, id: usize, p: Addr) {
        let a = self.root(r);
        self.store(a, p.0);
        self.root_ids[r] = id;
    }

    /// Depends on where some objects are, or on where some more are.
    fn depend(&mut self) {
        let i = self.rng.below(self.lds.len());
        let picked: Vec<(usize, Addr)> = (0..4).filter_map(|_| self.pick()).collect();
        let (shift, reset) = (self.cx().arena.zone_shift(), self.rng.one_in(2));
        let history = &self.m().get().tracer.history;
        let (ld, known) = &mut self.lds[i];
        if reset {
            history.reset(ld);
            known.clear();
        }
        for &(id, p) in &picked {
            history.add(ld, p, shift);
            known.push((id, p));
        }
        assert!(!reset || !history.is_stale(ld), "nothing has moved since");
    }

    /// `at` is where objects are: what has moved must be known to have.
    fn check_dependencies(&mut self, at: &HashMap<usize, Addr>) {
        let history = &self.m().get().tracer.history;
        for (ld, known) in &self.lds {
            let stale = history.is_stale(ld);
            self.n.stale += stale as usize;
            for (id, p) in known {
                assert!(stale || at.get(id).is_none_or(|q| q == p), "object {id} moved unseen");
            }
        }
    }

    fn change_root(&mut self) {
        let r = self.rng.below(self.s.roots);
        match self.pick() {
            Some((id, p)) if !self.rng.one_in(3) => self.set_root(r, id, p),
            _ => self.set_root(r, 0, Addr::NULL),
        }
    }

    /// Pins something, or lets go of something, or puts junk there.
    fn change_pin(&mut self) {
        let i = self.rng.below(self.s.pinned);
        self.pins[i] = 0;
        self.pin_ids[i] = (0, Addr::NULL);
        match self.rng.below(4) {
            0 => {}
            1 if self.junk => {
                let arena = &self.cx().arena;
                let low = arena.lowest.load(Ordering::Relaxed);
                let span = arena.highest.load(Ordering::Relaxed) - low;
                self.pins[i] = low + self.rng.word() * 977 % span;
            }
            _ => {
                if let Some((id, p)) = self.pick() {
                    let size = (self.shadow[&id].vals.len() + 2) * WORD;
                    let off = if self.s.interior { self.rng.below(size) } else { 0 };
                    self.pins[i] = p.0 + off;
                    self.pin_ids[i] = (id, p);
                }
            }
        }
    }

    /// From now on, may there be junk among the ambiguous words?
    fn set_junk(&mut self, junk: bool) {
        self.junk = junk;
        for (word, (id, _)) in self.pins.iter_mut().zip(&self.pin_ids) {
            if *id == 0 {
                *word = 0;
            }
        }
    }

    // ------------------------------------------------------------ allocation

    fn reserve(&self, b: P<Buffer>, size: Size) -> Result<Addr> {
        let end = b.alloc.get().add(size);
        if end > b.alloc.get() && end <= b.limit.get() {
            b.alloc.set(end);
            return Ok(b.init.get());
        }
        Mpm::enter(self.m(), |m| m.fill(b, size))
    }

    fn commit(&self, b: P<Buffer>, base: Addr, size: Size) -> bool {
        assert_eq!((b.init.get(), b.alloc.get()), (base, base.add(size)));
        b.init.set(b.alloc.get());
        if b.limit.get().is_null() {
            return Mpm::enter(self.m(), |_| buffer::trip(b));
        }
        true
    }

    /// An object, referred to by root `r` afterwards.
    fn alloc_into(&mut self, r: usize, kind: usize, slots: usize) -> Result<usize> {
        let h = self.s.header;
        let size = h + SLOTS + slots * WORD;
        let b = if kind == LEAF { self.aps[2] } else { self.aps[self.rng.below(2)] };
        let id = self.next;
        self.next += 1;
        loop {
            let base = self.reserve(b, size)?;
            let flips = self.flips();
            let p = base.add(h);
            if h != 0 {
                self.store(base, MAGIC);
                self.store(base.add(WORD), id);
            }
            self.store(p, (slots + 2) << 3 | kind);
            self.store(p.add(WORD), id);
            let mut vals = std::vec![Val::Null; slots];
            for (i, v) in vals.iter_mut().enumerate() {
                let (val, word) = match kind {
                    LEAF => (Val::Null, leaf_word(id, i)),
                    // Sparse ones, if large, or the test would do nothing else.
                    _ if slots > 64 && !self.rng.one_in(slots / 32) => (Val::Null, 0),
                    _ => self.value(),
                };
                self.store(p.add(SLOTS + i * WORD), word);
                *v = val;
            }
            // Whatever was read so far is of no use after a flip.
            if self.rng.one_in(6) {
                self.step();
            }
            let good = self.commit(b, base, size);
            assert_eq!(good, self.flips() == flips, "commit fails exactly if there was a flip");
            if !good {
                self.n.tripped += 1;
                continue;
            }
            self.shadow.insert(id, Shadow { kind, vals, seen: 0 });
            self.set_root(r, id, p);
            self.n.allocs += 1;
            return Ok(id);
        }
    }

    fn alloc(&mut self) -> Result {
        let r = self.rng.below(self.s.roots);
        let kind = if self.rng.one_in(4) { LEAF } else { VECTOR };
        let slots = match self.rng.below(400) {
            0 => self.rng.below(9000),
            1..8 => self.rng.below(40 * self.s.slots),
            _ => self.rng.below(self.s.slots),
        };
        self.alloc_into(r, kind, slots).map(|_| ())
    }

    // ------------------------------------------------------------ collections

    fn step(&mut self) {
        Mpm::enter(self.m(), |m| m.step(0.0, 0.0));
        self.check_sanity();
    }

    /// After each trace: the library's second opinion.
    fn check_sanity(&mut self) {
        if self.cx().busy.get().is_empty() && self.checked_at != self.flips() {
            self.checked_at = self.flips();
            if Mpm::enter(self.m(), |m| sanity::check(&m.tracer, m.inside())).is_some() {
                self.n.sanity += 1;
            }
        }
    }

    /// Compares everything reachable; forgets what is not. How many objects?
    fn verify(&mut self) -> usize {
        self.round += 1;
        let round = self.round;
        let mut at: HashMap<usize, Addr> = HashMap::new();
        let mut todo: Vec<(usize, Addr)> = Vec::new();
        for r in 0..self.s.roots {
            let a = self.root(r);
            let p = Addr(self.load(a));
            match self.root_ids[r] {
                0 => assert!(p.is_null(), "root {r}"),
                id => todo.push((id, p)),
            }
        }
        todo.extend(self.pin_ids.iter().copied().filter(|(id, _)| *id != 0));
        while let Some((id, p)) = todo.pop() {
            if let Some(&q) = at.get(&id) {
                assert_eq!(q, p, "object {id} is in two places");
                continue;
            }
            at.insert(id, p);
            self.meet(id, p);
            let s = self.shadow.get_mut(&id).unwrap();
            s.seen = round;
            let (kind, vals) = (s.kind, s.vals.clone());
            for (i, val) in vals.into_iter().enumerate() {
                let word = self.load(p.add(SLOTS + i * WORD));
                match val {
                    _ if kind == LEAF => assert_eq!(word, leaf_word(id, i), "leaf {id}"),
                    Val::Ref(to, tag) => {
                        assert_eq!(word & 7, tag, "slot {i} of {id}");
                        todo.push((to, Addr(word - tag)));
                    }
                    _ => assert_eq!(word, encode(val), "slot {i} of {id}"),
                }
            }
        }
        self.shadow.retain(|_, s| s.seen == round);
        self.check_dependencies(&at);
        self.n.verified += at.len();
        if self.cx().busy.get().is_empty() && !self.junk {
            let found = Mpm::enter(self.m(), |m| sanity::check(&m.tracer, m.inside()));
            assert!(
                found.is_none_or(|n| n == at.len()),
                "sanity finds {found:?}, not {}",
                at.len()
            );
        }
        at.len()
    }

    /// Where every object is.
    fn places(&mut self) -> HashMap<usize, Addr> {
        assert!(self.cx().busy.get().is_empty());
        let mut at: HashMap<usize, Addr> = HashMap::new();
        let mut todo: Vec<(usize, Addr)> = Vec::new();
        for r in 0..self.s.roots {
            if self.root_ids[r] != 0 {
                todo.push((self.root_ids[r], Addr(get(self.root(r)))));
            }
        }
        todo.extend(self.pin_ids.iter().copied().filter(|(id, _)| *id != 0));
        while let Some((id, p)) = todo.pop() {
            if at.insert(id, p).is_none() && self.shadow[&id].kind == VECTOR {
                for (i, val) in self.shadow[&id].vals.iter().enumerate() {
                    if let Val::Ref(to, tag) = val {
                        todo.push((*to, Addr(get(p.add(SLOTS + i * WORD)) - tag)));
                    }
                }
            }
        }
        at
    }

    /// One thing or another. Errors are those of allocation.
    fn act(&mut self) -> Result {
        match self.rng.below(1000) {
            0..450 => {
                let got = self.alloc();
                self.check_sanity();
                return got;
            }
            450..700 => self.write(),
            700..900 => {
                self.pick();
            }
            900..950 => self.change_root(),
            950..960 if self.s.pinned != 0 => self.change_pin(),
            960..990 => self.step(),
            990 => {
                let _ = Mpm::enter(self.m(), |m| m.start_collect());
                self.check_sanity();
            }
            992..995 => self.depend(),
            991 if self.rng.one_in(4) => {
                self.verify();
            }
            _ => {}
        }
        Ok(())
    }

    /// Many things; refusals are counted, and nothing else may come of them.
    fn acts(&mut self, n: usize) {
        for _ in 0..n {
            if let Err(e) = self.act() {
                self.n.refused.push(e);
                // Make some room.
                for _ in 0..self.s.roots / 8 {
                    let r = self.rng.below(self.s.roots);
                    self.set_root(r, 0, Addr::NULL);
                }
            }
        }
        self.verify();
    }

    fn collect(&mut self) {
        let done = Mpm::enter(self.m(), |m| {
            let done = m.collect();
            m.release();
            done
        });
        assert_eq!(done, Ok(()));
        self.check_sanity();
    }

    /// Everything dies, and its memory comes back.
    fn let_go(&mut self) {
        for r in 0..self.s.roots {
            self.set_root(r, 0, Addr::NULL);
        }
        self.pins.fill(0);
        self.pin_ids.fill((0, Addr::NULL));
        self.collect_nothing();
        for &b in &self.aps {
            Mpm::enter(self.m(), |_| buffer::detach(b));
        }
        self.collect_nothing();
        let left: Size = self.pools.iter().map(|p| p.bytes.get()).sum();
        assert_eq!(left, 0, "garbage is left");
        assert_eq!(self.verify(), 0);
    }

    /// Collects, and does not mind if there is nothing.
    fn collect_nothing(&mut self) {
        let done = Mpm::enter(self.m(), |m| {
            let done = m.collect();
            m.release();
            done
        });
        assert!(matches!(done, Ok(()) | Err(Res::Fail)));
    }
}

fn ld() -> Ld {
    Ld { epoch: AtomicUsize::new(0), zones: AtomicUsize::new(0) }
}

fn encode(v: Val) -> usize {
    match v {
        Val::Num(n) => n << 1 | 1,
        _ => 0,
    }
}

// ------------------------------------------------------------------- the tests

/// `full`: until there is no more room, too.
fn random_graph(name: &str, s: Setup, mock: Mock, acts: usize, full: bool) -> Counts {
    let machine = Machine::new(mock);
    let mut c = Client::made(&machine, s, Rng::new(name));
    let stats = &c.cx().stats;
    let shields = s.soft || machine.mock.capabilities().has(Caps::PROTECT);
    // Until everything has happened that is to be tested.
    for round in 0.. {
        c.set_junk(round % 3 == 2);
        c.acts(acts / 4);
        let hits = [stats.read_hits.get(), stats.write_hits.get()];
        assert!(shields || hits == [0, 0]);
        if round >= 4
            && (!full || !c.n.refused.is_empty())
            && (c.n.tripped > 0 && c.n.sanity > 0 && c.n.stale > 0)
            && (stats.flips.get() > 10 && stats.copied.get() > 0 && stats.reclaimed.get() > 0)
            && (!shields || hits.iter().all(|n| *n > 0))
        {
            break;
        }
        assert!(round < 100, "{:?} {hits:?} {}", c.n, stats.flips.get());
    }
    c.set_junk(false);
    c.let_go();
    let n = core::mem::take(&mut c.n);
    c.finish();
    n
}

#[test]
fn graph() {
    random_graph("graph", PLAIN, Mock::new(), 6_000, false);
}

#[test]
fn graph_with_headers() {
    random_graph("graph_with_headers", Setup { header: 16, ..PLAIN }, Mock::new(), 6_000, false);
}

#[test]
fn graph_without_interior_pointers() {
    let s = Setup { interior: false, header: 16, grain: 8192, ..PLAIN };
    random_graph("graph_without_interior_pointers", s, Mock::new(), 6_000, false);
}

#[test]
fn graph_with_protected_roots() {
    let s = Setup { protected_roots: true, roots: 2500, pinned: 5, ..PLAIN };
    random_graph("graph_with_protected_roots", s, Mock::new(), 6_000, false);
}

#[test]
fn graph_in_large_grains() {
    let s = Setup { grain: 64 << 10, ..PLAIN };
    random_graph("graph_in_large_grains", s, Mock::new(), 6_000, false);
}

#[test]
fn graph_in_given_memory() {
    let s = Setup { given: true, size: 24 << 20, ..PLAIN };
    let n = random_graph("graph_in_given_memory", s, Mock::new(), 6_000, false);
    assert_eq!(n.refused, []);
}

#[test]
fn graph_in_little_given_memory() {
    let s = Setup { given: true, size: 1 << 20, roots: 600, ..PLAIN };
    random_graph("graph_in_little_given_memory", s, Mock::new(), 6_000, true);
}

#[test]
fn graph_without_protection() {
    random_graph("graph_without_protection", PLAIN, Mock::with(Caps::VM), 6_000, false);
}

/// On machines without protection; one that has it must never be asked for it.
#[test]
fn graph_with_a_soft_barrier() {
    let bare = || Mock::with(Caps::VM);
    let s = Setup { soft: true, ..PLAIN };
    random_graph("graph_with_a_soft_barrier", s, bare(), 6_000, false);
    let s = Setup { soft: true, grain: 64 << 10, header: 16, ..PLAIN };
    random_graph("graph_with_a_soft_barrier, large grains", s, bare(), 6_000, false);
    let s = Setup { soft: true, given: true, size: 1 << 20, grain: 1024, roots: 600, ..PLAIN };
    random_graph("graph_with_a_soft_barrier, given memory", s, bare(), 6_000, true);
    let mock = Mock::new();
    let machine = Machine::new(mock);
    let s = Setup { soft: true, protected_roots: true, ..PLAIN };
    let mut c = Client::made(&machine, s, Rng::new("graph_with_a_soft_barrier, with an MMU"));
    c.acts(6_000);
    assert!(machine.mock.take_protections().is_empty() && c.flips() > 0);
    c.let_go();
    c.finish();
}

/// What is forgotten before an access is found, and the object is named.
#[test]
fn accesses_without_a_look() {
    let machine = Machine::new(Mock::with(Caps::VM));
    // One chunk, which the table is sure to cover.
    let s = Setup { soft: true, size: 16 << 20, ..PLAIN };
    let mut c = Client::made(&machine, s, Rng::new("accesses_without_a_look"));
    let old = c.alloc_into(0, VECTOR, 4).unwrap();
    // Old, known to refer to nothing, and write protected.
    (0..8).for_each(|_| c.collect());
    assert!(wants_write(&c));
    let young = c.alloc_into(1, LEAF, 3).unwrap();
    let (p, q) = (Addr(c.load(c.root(0))), Addr(c.load(c.root(1))));
    put(p.add(SLOTS), q.0);
    c.shadow.get_mut(&old).unwrap().vals[0] = Val::Ref(young, 0);
    let (_, said) = caught(|| Mpm::enter(c.m(), |m| sanity::check(&m.tracer, m.inside())));
    let first = said.first().unwrap();
    assert!(first.contains("sanity: an object changes only where"), "{first}");
    assert!(first.contains(&std::format!("object {:#x}", p.0)), "{first}");
    // With a look all is well.
    c.store(p.add(SLOTS), q.0);
    c.collect();
    c.verify();
    c.let_go();
    c.finish();
}

/// Is the object of the first root write protected?
fn wants_write(c: &Client) -> bool {
    let s = seg::of_addr(c.cx(), Addr(get(c.root(0)))).unwrap();
    s.wanted(c.cx()) == AccessSet::WRITE
}

#[test]
fn graph_on_a_port_that_refuses_to_protect() {
    for (one_in, protected_roots) in [(1, false), (2, false), (7, false), (3, true)] {
        let machine = Machine::new(Mock::new());
        machine.port.one_in.store(one_in, Ordering::Relaxed);
        let s = Setup { protected_roots, roots: 2500, ..PLAIN };
        let mut c = Client::made(&machine, s, Rng::new("graph_on_a_port_that_refuses"));
        c.acts(4_000);
        for round in 0.. {
            let refused = machine.port.refused.load(Ordering::Relaxed);
            if refused > 10 && c.flips() > 5 {
                break;
            }
            assert!(round < 100, "{refused} {}", c.flips());
            c.acts(1_000);
        }
        c.let_go();
        c.finish();
    }
}

#[test]
fn two_instances() {
    let one = Machine::new(Mock::new());
    let two = Machine::another(Mock::new());
    let s = Setup { roots: 600, ..PLAIN };
    let mut a = Client::made(&one, s, Rng::new("two_instances"));
    let b_rng = Rng(a.rng.0 ^ 0x5555_AAAA);
    let mut b = Client::made(&two, Setup { header: 16, grain: 8192, ..s }, b_rng);
    let mut n = 0;
    while n < 6_000 || a.flips() < 3 || b.flips() < 3 {
        a.act().unwrap();
        b.act().unwrap();
        n += 1;
        assert!(n < 200_000);
    }
    // What is one's own is not the other's.
    let (_, p) = core::iter::repeat_with(|| a.pick()).flatten().next().unwrap();
    assert!(a.cx().arena.has_addr(p) && !b.cx().arena.has_addr(p));
    assert!(b.m().get().pool_of(p).is_none() && Mpm::enter(b.m(), |m| m.object_of(p)).is_err());
    a.verify();
    a.let_go();
    a.finish();
    b.acts(500);
    b.let_go();
    b.finish();
}

/// Runs a client for each n, with the nth fallible call of the port (or, if
/// `for_good`, all from the nth on) failing.
fn failing(name: &str, for_good: bool, s: Setup) {
    let seed = Rng::new(name).0;
    let mut refused = 0;
    let mut broken = 0;
    for n in 0.. {
        let machine = Machine::new(Mock::new());
        let mut c = Client::new(&machine, s, Rng(seed));
        if for_good {
            machine.faulty.fail_from(n);
        } else {
            machine.faulty.fail_after(n);
        }
        if c.build(machine.port).is_err() {
            assert!(machine.faulty.has_failed());
            broken += 1;
            c.finish();
            continue;
        }
        c.acts(300);
        for i in 0..16 {
            let kind = if i % 2 == 0 { LEAF } else { VECTOR };
            if let Err(e) = c.alloc_into(i, kind, 1000 + 600 * i) {
                c.n.refused.push(e);
            }
            if i % 4 == 3 {
                (i - 3..i).for_each(|r| c.set_root(r, 0, Addr::NULL));
                c.collect_nothing();
            }
        }
        c.acts(100);
        let failed = machine.faulty.has_failed();
        refused += c.n.refused.len();
        assert!(failed || c.n.refused.is_empty());
        assert!(
            c.n.refused.iter().all(|e| matches!(e, Res::Memory | Res::Resource)),
            "{:?}",
            c.n.refused
        );
        machine.faulty.fail_nothing();
        c.n.refused.clear();
        c.acts(100);
        assert_eq!(c.n.refused, [], "after failure {n}");
        c.let_go();
        c.finish();
        if !failed {
            assert!(n > 8 && broken > 1 && (refused > 0 || !for_good), "{n} {broken} {refused}");
            return;
        }
    }
}

/// Little address space at a time and little spare memory: many calls.
const BUSY: Setup = Setup { size: 64 << 10, spare: 0.02, slots: 40, roots: 120, ..PLAIN };

#[test]
fn the_nth_port_call_fails() {
    failing("the_nth_port_call_fails", false, BUSY);
}

#[test]
fn all_port_calls_fail_from_the_nth_on() {
    failing("all_port_calls_fail_from_the_nth_on", true, BUSY);
}

#[test]
fn the_nth_port_call_fails_in_large_grains() {
    failing("the_nth_port_call_fails_in_large_grains", false, Setup { grain: 64 << 10, ..BUSY });
}

#[test]
fn the_nth_port_call_fails_with_cards() {
    let before = PARTS.load(Ordering::Relaxed);
    failing("the_nth_port_call_fails_with_cards", false, Setup { header: 16, ..BUSY });
    failing("all_port_calls_fail_with_cards", true, Setup { header: 16, ..BUSY });
    assert!(PARTS.load(Ordering::Relaxed) > before, "no object was scanned in parts");
}

/// A large object is scanned in parts; what the mutator looks at meanwhile has
/// been scanned, and what is still to be scanned is shielded.
#[test]
fn a_large_object_in_parts() {
    const SLOTS_OF_IT: usize = 40_000;
    let machine = Machine::new(Mock::new());
    let mut c = Client::made(&machine, PLAIN, Rng::new("a_large_object_in_parts"));
    Mpm::enter(c.m(), |m| m.clamp());
    let big = c.alloc_into(0, VECTOR, SLOTS_OF_IT).unwrap();
    for i in 0..SLOTS_OF_IT {
        let id = c.alloc_into(1, LEAF, 1).unwrap();
        let (p, q) = (Addr(c.load(c.root(0))), Addr(c.load(c.root(1))));
        c.store(p.add(SLOTS + i * WORD), q.0);
        c.shadow.get_mut(&big).unwrap().vals[i] = Val::Ref(id, 0);
    }
    c.set_root(1, 0, Addr::NULL);
    for touch in [false, true] {
        // Not what a step began while the object was being filled.
        Mpm::enter(c.m(), |m| m.park());
        Mpm::enter(c.m(), |m| m.start_collect()).unwrap();
        let (mut parts, mut windows) = (0, 0);
        while !c.cx().busy.get().is_empty() {
            c.step();
            let p = Addr(get(c.root(0)));
            let s = seg::of_addr(c.cx(), p).unwrap();
            if !s.large.get() || !s.is_grey() || c.cx().flipped.get().is_empty() {
                continue;
            }
            parts += 1;
            let slot = |i: usize| p.add(SLOTS + i * WORD);
            let all = [0, SLOTS_OF_IT / 2, SLOTS_OF_IT - 1];
            assert!(all.iter().all(|i| machine.mock.would_fault(slot(*i), false)), "not shielded");
            for _ in 0..if touch { 3 } else { 0 } {
                let i = c.rng.below(SLOTS_OF_IT);
                if let Val::Ref(id, tag) = c.shadow[&big].vals[i] {
                    let to = Addr(c.load(slot(i)) - tag);
                    c.meet(id, to);
                }
                let (val, word) = c.value();
                c.store(slot(i), word);
                c.shadow.get_mut(&big).unwrap().vals[i] = val;
                let far = if i < SLOTS_OF_IT / 2 { SLOTS_OF_IT - 1 } else { 0 };
                if s.is_grey() {
                    windows += 1;
                    assert!(!machine.mock.would_fault(slot(i), true));
                    assert!(machine.mock.would_fault(slot(far), false), "the rest is not shielded");
                }
            }
        }
        assert!((touch || parts > 2) && (windows > 0) == touch, "{parts} parts, {windows} windows");
        c.verify();
    }
    // What was written through the windows is remembered.
    for _ in 0..3 {
        c.acts(2_000);
    }
    c.let_go();
    c.finish();
}

/// What a flip does to a block between reserve and commit.
#[test]
fn flips_and_allocation_points() {
    let machine = Machine::new(Mock::new());
    let mut c = Client::made(&machine, PLAIN, Rng::new("flips_and_allocation_points"));
    for slots in [0, 5, 5000] {
        for flips in 0..3 {
            for before in [false, true] {
                let kept = c.alloc_into(0, LEAF, 3).unwrap();
                let (b, size) = (c.aps[0], SLOTS + slots * WORD);
                let base = c.reserve(b, size).unwrap();
                c.store(base, (slots + 2) << 3 | VECTOR);
                let id = c.next;
                c.next += 1;
                c.store(base.add(WORD), id);
                for i in 0..slots {
                    c.store(base.add(SLOTS + i * WORD), 0);
                }
                if before {
                    // The first half of commit; the flip comes then.
                    b.init.set(b.alloc.get());
                    c.shadow.insert(
                        id,
                        Shadow { kind: VECTOR, vals: std::vec![Val::Null; slots], seen: 0 },
                    );
                    // Held on to, as by a register.
                    (c.pins[0], c.pin_ids[0]) = (base.0, (id, base));
                }
                for _ in 0..flips {
                    c.collect();
                }
                let good = if before {
                    !b.limit.get().is_null() || Mpm::enter(c.m(), |_| buffer::trip(b))
                } else {
                    c.commit(b, base, size)
                };
                assert_eq!(good, before || flips == 0);
                assert!(!b.get().is_reserved());
                c.verify();
                assert!(c.shadow.contains_key(&kept));
                // And it goes on.
                c.alloc_into(1, VECTOR, 4).unwrap();
                c.verify();
                (c.pins[0], c.pin_ids[0]) = (0, (0, Addr::NULL));
            }
        }
    }
    c.let_go();
    c.finish();
}

/// An object that only a local variable holds, found by way of the stack.
#[test]
fn own_stack() {
    let machine = Machine::new(Mock::new());
    let mut c = Client::made(&machine, PLAIN, Rng::new("own_stack"));
    let cold = [0usize; 2];
    let thread = Mpm::enter(c.m(), |e| e.new_thread(None)).unwrap();
    let kind = RootKind::Stack {
        thread,
        cold: Addr::of(&raw const cold).add(2 * WORD),
        scan: scan_ambig,
        closure: core::ptr::null_mut(),
    };
    let root = Mpm::enter(c.m(), |m| m.new_root(Rank::Ambig, kind, false)).unwrap();
    for i in 0..20 {
        let id = c.alloc_into(0, LEAF, i * 30).unwrap();
        let p = core::hint::black_box(Addr(c.load(c.root(0))));
        c.set_root(0, 0, Addr::NULL);
        c.collect();
        c.meet(id, core::hint::black_box(p));
        assert_eq!(Mpm::enter(c.m(), |m| m.object_of(p)), Ok(p), "it is gone");
    }
    let m = c.m();
    // SAFETY: not used any more.
    Mpm::enter(m, |e| unsafe { e.root_destroy(root) });
    // SAFETY: not used any more.
    Mpm::enter(m, |e| unsafe { e.thread_destroy(thread) });
    c.let_go();
    c.finish();
}
