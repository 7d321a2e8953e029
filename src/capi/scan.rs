//! Fix for clients' scanners, and the library's own area scanners.

use super::{Handle, need};
use crate::base::addr::{Addr, WORD};
use crate::base::res::code_of;
use crate::object::scan::{Ref, ScanState};
use crate::seam::client::ScanTag;
#[cfg(feature = "ephemerons")]
use crate::trace::ephemeron::{self, Keep};
use crate::trace::{fix, stack};
use core::ffi::c_void;

/// Stage 2 of fix. This is the critical path.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _mps_fix2(ss: &ScanState, ref_io: *mut Addr) -> i32 {
    // SAFETY: a reference that the client's scanner has met; so below.
    code_of(fix::fix2(ss, unsafe { Ref::new(ref_io) }))
}

/// Defines a fix of a pair of references in an ephemeron; the object that they are in is not
/// needed.
#[cfg(feature = "ephemerons")]
macro_rules! pairs {
    ($($f:ident $keep:ident;)*) => {$(
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $f(
            ss: &ScanState,
            _object: Addr,
            key: *mut Addr,
            value: *mut Addr,
        ) -> i32 {
            // SAFETY: as above, two of them.
            let (key, value) = unsafe { (Ref::new(key), Ref::new(value)) };
            code_of(ephemeron::fix_pair(ss, Keep::$keep, key, value))
        }
    )*};
}

#[cfg(feature = "ephemerons")]
pairs! {
    mps_fix_weak_pair Key;
    mps_fix_weak_or_pair Either;
    mps_fix_weak_and_pair Both;
}

/// Goes over the words of an area. `strip` gives the reference that is in a word and the
/// tag to put back, or `None` for a word without a reference.
#[inline(always)]
pub(super) fn area(
    ss: &ScanState,
    base: Addr,
    limit: Addr,
    strip: impl Fn(usize) -> Option<(usize, usize)>,
) -> i32 {
    let mut ufs = ss.head.ufs.get();
    let mut at = base;
    while at < limit {
        let p: *mut usize = at.ptr();
        // SAFETY: a word of the client's area.
        let word = unsafe { p.read() };
        if let Some((reference, tag)) = strip(word) {
            if ss.fix1(&mut ufs, reference) {
                let mut r = Addr(reference);
                // SAFETY: our own variable.
                if let Err(e) = fix::fix2(ss, unsafe { Ref::new(&raw mut r) }) {
                    return e.code();
                }
                if r.0 != reference {
                    // SAFETY: as above; only exact references change.
                    unsafe { p.write(r.0 | tag) };
                }
            }
        }
        at = at.add(WORD);
    }
    ss.head.ufs.set(ufs);
    0
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn mps_scan_area(
    ss: *mut c_void,
    base: Addr,
    limit: Addr,
    _: *mut c_void,
) -> i32 {
    // SAFETY: a scan state of ours, handed on by the client; so below.
    let ss = unsafe { &*ss.cast::<ScanState>() };
    if ss.hook.is_some() {
        return in_place(ss, base, limit);
    }
    area(ss, base, limit, |w| Some((w, 0)))
}

/// Goes over the words of an area for a hook that wants to know where references are: each
/// is passed in its place.
fn in_place(ss: &ScanState, base: Addr, limit: Addr) -> i32 {
    let mut ufs = ss.head.ufs.get();
    let mut at = base;
    while at < limit {
        // SAFETY: a word of the client's area.
        let word = unsafe { at.ptr::<usize>().read() };
        if ss.fix1(&mut ufs, word) {
            // SAFETY: as above.
            if let Err(e) = fix::fix2(ss, unsafe { Ref::new(at.ptr()) }) {
                return e.code();
            }
        }
        at = at.add(WORD);
    }
    ss.head.ufs.set(ufs);
    0
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn mps_scan_area_tagged(
    ss: *mut c_void,
    base: Addr,
    limit: Addr,
    tag: *mut c_void,
) -> i32 {
    // SAFETY: as above.
    let (ss, tag) = unsafe { (&*ss.cast::<ScanState>(), *tag.cast::<ScanTag>()) };
    area(ss, base, limit, |w| {
        if w & tag.mask == tag.pattern { Some((w & !tag.mask, tag.pattern)) } else { None }
    })
}

/// Scans a thread, for register roots. `p` is the cold end of its stack.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mps_stack_scan_ambig(
    ss: *mut c_void,
    thr: Handle,
    p: *mut c_void,
    _s: usize,
) -> i32 {
    let t = need!(thread_of(thr), "thread is valid", crate::base::res::Res::Param.code());
    // SAFETY: as above.
    let state = unsafe { &*ss.cast::<ScanState>() };
    let m = super::instance(t.instance);
    let tag = ScanTag { mask: WORD - 1, pattern: 0 };
    let closure: *mut c_void = core::ptr::from_ref(&tag).cast_mut().cast();
    let cold = Addr(p as usize);
    // SAFETY: we are called in the scan of a root of that thread, with its cold end.
    code_of(unsafe { stack::scan(state, &m.get().tracer, t, cold, mps_scan_area_tagged, closure) })
}
