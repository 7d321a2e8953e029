//! Objects of the program's, and how it gets at them.
//!
//! An object is four words: a head with its number, two references, a value. The program
//! loads from an object and stores into it by [`load`] and [`store`] only, which look into
//! the table of the software barrier first.

use core::ffi::c_void;
use core::ptr::{read_volatile, write_volatile};
use mps::base::addr::{Addr, WORD};
use mps::base::ptr::P;
use mps::base::res::Result;
use mps::base::sets::AccessSet;
use mps::mpm::Mpm;
use mps::object::buffer::{self, Buffer};
use mps::object::format::Methods;
use mps::object::scan::{Ref, ScanState};
use mps::trace::fix;

/// Tells the library of an access that is about to be made. The feature `forget` is for the
/// test: a program that forgets this must be found out.
#[inline(always)]
fn look(m: P<Mpm>, a: Addr, mode: AccessSet) {
    if !cfg!(feature = "forget") {
        Mpm::will_access(m, a, mode);
    }
}

/// Bytes of an object.
pub const SIZE: usize = 4 * WORD;
/// The words of an object.
pub const LEFT: usize = 1;
/// The words of an object.
pub const RIGHT: usize = 2;
/// The words of an object.
pub const VALUE: usize = 3;

// What the lowest bits of a head say.
const OBJECT: usize = 1;
const FORWARD: usize = 2;
const PAD: usize = 3;

/// The head of object `id`.
pub fn head(id: usize) -> usize {
    id << 2 | OBJECT
}

fn word(a: Addr, i: usize) -> *mut usize {
    a.add(i * WORD).ptr()
}

/// Loads word `i` of the object at `a`.
pub fn load(m: P<Mpm>, a: Addr, i: usize) -> usize {
    let at = word(a, i);
    look(m, Addr::of(at), AccessSet::READ);
    // SAFETY: an object of ours, and the library knows of the access. Nothing comes between.
    unsafe { read_volatile(at) }
}

/// Stores into word `i` of the object at `a`.
pub fn store(m: P<Mpm>, a: Addr, i: usize, w: usize) {
    let at = word(a, i);
    look(m, Addr::of(at), AccessSet::WRITE);
    // SAFETY: as above.
    unsafe { write_volatile(at, w) }
}

/// A new object. `fields` is asked for what is in it after its memory has been reserved,
/// and again if a collection comes between: references are to be read then, not before.
pub fn make(m: P<Mpm>, ap: P<Buffer>, id: usize, fields: impl Fn() -> [usize; 3]) -> Result<Addr> {
    loop {
        let (p, end) = (ap.init.get(), ap.init.get().add(SIZE));
        let p = if end > p && end <= ap.limit.get() {
            ap.alloc.set(end);
            p
        } else {
            Mpm::enter(m, |e| e.fill(ap, SIZE))?
        };
        let [left, right, value] = fields();
        // SAFETY: reserved, and nobody else's until it is committed.
        unsafe { p.ptr::<[usize; 4]>().write([head(id), left, right, value]) };
        ap.init.set(ap.alloc.get());
        // No handler here causes a flip, so there is none between the two.
        if !ap.limit.get().is_null() || Mpm::enter(m, |_| buffer::trip(ap)) {
            return Ok(p);
        }
    }
}

// ------------------------------------------------------------- the format

/// Fixes the references in the words from `base` to `limit` for which `is` says so.
fn fix_words(ss: *mut c_void, base: Addr, limit: Addr, is: impl Fn(usize) -> bool) -> i32 {
    // SAFETY: a scan state of the library's.
    let ss = unsafe { &*ss.cast::<ScanState>() };
    let mut seen = ss.head.ufs.get();
    let mut at = base;
    while at < limit {
        // SAFETY: a word of an object, or of a root.
        let w = unsafe { at.ptr::<usize>().read() };
        if is(at.since(base) / WORD) && ss.fix1(&mut seen, w) {
            // SAFETY: a reference stands there, which may change.
            if let Err(e) = fix::fix2(ss, unsafe { Ref::new(at.ptr()) }) {
                return e.code();
            }
        }
        at = at.add(WORD);
    }
    ss.head.ufs.set(seen);
    0
}

/// Scans a table of references.
pub unsafe extern "C" fn scan_table(
    ss: *mut c_void,
    base: Addr,
    limit: Addr,
    _: *mut c_void,
) -> i32 {
    fix_words(ss, base, limit, |_| true)
}

unsafe extern "C" fn scan(ss: *mut c_void, base: Addr, limit: Addr) -> i32 {
    let mut at = base;
    while at < limit {
        // SAFETY: the library hands out whole objects; so below.
        let next = unsafe { skip(at) };
        // SAFETY: as above.
        if unsafe { word(at, 0).read() } & 3 == OBJECT {
            let code = fix_words(ss, at, next, |i| i == LEFT || i == RIGHT);
            if code != 0 {
                return code;
            }
        }
        at = next;
    }
    0
}

unsafe extern "C" fn skip(a: Addr) -> Addr {
    // SAFETY: the library asks about objects, markers and padding only.
    let head = unsafe { word(a, 0).read() };
    a.add(if head & 3 == PAD { head & !3 } else { SIZE })
}

unsafe extern "C" fn forward(old: Addr, new: Addr) {
    // SAFETY: an object that has been copied.
    unsafe { old.ptr::<[usize; 2]>().write([FORWARD, new.0]) };
}

unsafe extern "C" fn forwarded(a: Addr) -> Addr {
    // SAFETY: an object or a marker.
    let [head, to] = unsafe { a.ptr::<[usize; 2]>().read() };
    if head & 3 == FORWARD { Addr(to) } else { Addr::NULL }
}

unsafe extern "C" fn pad(a: Addr, size: usize) {
    // SAFETY: so much is free there, a multiple of a word.
    unsafe { word(a, 0).write(size | PAD) };
}

/// What the library is told of our objects.
pub fn methods() -> Methods {
    Methods { align: WORD, scan, skip, fwd: forward, isfwd: forwarded, pad, ..Methods::default() }
}
