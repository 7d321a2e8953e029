//! Objects of the program's, and how it gets at them.
//!
//! An object is four words: a head, two references, a value. The program loads from an object
//! and stores into it by [`load`] and [`store`] only, which tell the library first.

use core::ffi::c_void;
use core::ptr::{read_volatile, write_volatile};
use mps::base::addr::{Addr, Size, WORD};
use mps::base::ptr::P;
use mps::base::res::Result;
use mps::base::sets::AccessSet;
use mps::mpm::Mpm;
use mps::object::buffer::{self, Buffer};
use mps::object::format::Methods;
use mps::object::scan::{Ref, ScanState};
use mps::trace::fix;

/// Bytes of an object.
pub const SIZE: Size = 4 * WORD;
/// A reference.
pub const LEFT: usize = 1;
/// A reference.
pub const RIGHT: usize = 2;
/// A number.
pub const VALUE: usize = 3;

// What the two lowest bits of a head say.
const OBJECT: usize = 1;
const MOVED: usize = 2;
const FILLER: usize = 3;

fn word(a: Addr, i: usize) -> *mut usize {
    a.add(i * WORD).ptr()
}

/// Loads word `i` of the object at `a`.
pub fn load(m: P<Mpm>, a: Addr, i: usize) -> usize {
    Mpm::will_access(m, Addr::of(word(a, i)), AccessSet::READ);
    // SAFETY: an object of ours, and the library knows. Nothing comes between.
    unsafe { read_volatile(word(a, i)) }
}

/// Stores into word `i` of the object at `a`.
pub fn store(m: P<Mpm>, a: Addr, i: usize, w: usize) {
    Mpm::will_access(m, Addr::of(word(a, i)), AccessSet::WRITE);
    // SAFETY: as above.
    unsafe { write_volatile(word(a, i), w) }
}

/// A new object. `fields` is asked after memory has been reserved, and again if a collection
/// came between: it looks references up then.
///
/// # Errors
/// `Memory` or `CommitLimit`: there is no room.
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
        unsafe { p.ptr::<[usize; 4]>().write([id << 2 | OBJECT, left, right, value]) };
        ap.init.set(ap.alloc.get());
        if !ap.limit.get().is_null() || Mpm::enter(m, |_| buffer::trip(ap)) {
            return Ok(p);
        }
    }
}

/// Hands the references among some words to the library.
///
/// # Safety
/// `ss` is what the library handed to a scanner, and the words are there.
unsafe fn fix_words(ss: *mut c_void, words: impl Iterator<Item = *mut usize>) -> i32 {
    // SAFETY: as the caller says.
    let ss = unsafe { &*ss.cast::<ScanState>() };
    let mut seen = ss.head.ufs.get();
    for at in words {
        // SAFETY: as the caller says.
        if ss.fix1(&mut seen, unsafe { at.read() }) {
            // SAFETY: a reference stands there; it is changed if the object moves.
            if let Err(e) = fix::fix2(ss, unsafe { Ref::new(at.cast()) }) {
                return e.code();
            }
        }
    }
    ss.head.ufs.set(seen);
    0
}

/// Scans a table of references.
///
/// # Safety
/// Called by the library.
pub unsafe extern "C" fn scan_table(
    ss: *mut c_void,
    base: Addr,
    limit: Addr,
    _: *mut c_void,
) -> i32 {
    // SAFETY: the root is these words.
    unsafe { fix_words(ss, (0..limit.since(base) / WORD).map(|i| word(base, i))) }
}

unsafe extern "C" fn scan(ss: *mut c_void, base: Addr, limit: Addr) -> i32 {
    let mut at = base;
    while at < limit {
        // SAFETY: the library hands out whole objects, here and below.
        if unsafe { word(at, 0).read() } & 3 == OBJECT {
            // SAFETY: see above.
            let code = unsafe { fix_words(ss, [LEFT, RIGHT].map(|i| word(at, i)).into_iter()) };
            if code != 0 {
                return code;
            }
        }
        // SAFETY: see above.
        at = unsafe { skip(at) };
    }
    0
}

unsafe extern "C" fn skip(a: Addr) -> Addr {
    // SAFETY: the library asks about objects, and what took their places, only.
    let head = unsafe { word(a, 0).read() };
    a.add(if head & 3 == FILLER { head & !3 } else { SIZE })
}

unsafe extern "C" fn forward(old: Addr, new: Addr) {
    // SAFETY: an object that has been copied.
    unsafe { old.ptr::<[usize; 2]>().write([MOVED, new.0]) };
}

unsafe extern "C" fn forwarded(a: Addr) -> Addr {
    // SAFETY: an object, or what `forward` left.
    let [head, to] = unsafe { a.ptr::<[usize; 2]>().read() };
    if head & 3 == MOVED { Addr(to) } else { Addr::NULL }
}

unsafe extern "C" fn fill(a: Addr, size: Size) {
    // SAFETY: so much is free there, a multiple of a word.
    unsafe { word(a, 0).write(size | FILLER) };
}

/// What the library is told of our objects.
pub fn methods() -> Methods {
    Methods {
        align: WORD,
        scan,
        skip,
        fwd: forward,
        isfwd: forwarded,
        pad: fill,
        ..Methods::default()
    }
}
