//! Object formats: the functions with which the client describes its objects.

use crate::base::addr::{Addr, Size};
use crate::base::check::Sig;
use crate::base::list::{Link, Linked};
use crate::seam::client::{FmtClass, FmtFwd, FmtIsFwd, FmtPad, FmtScan, FmtScanPart, FmtSkip};
use core::cell::Cell;

/// The functions, as the client gave them (or the defaults, which assert).
#[derive(Clone, Copy)]
pub struct Methods {
    /// Alignment of objects: a power of two.
    pub align: Size,
    /// Bytes of in-band header before the address that clients use.
    pub header: Size,
    /// Fixes the references of the objects in a range.
    pub scan: FmtScan,
    /// The end of an object.
    pub skip: FmtSkip,
    /// Leaves a forwarding marker.
    pub fwd: FmtFwd,
    /// Where an object was forwarded to, or null.
    pub isfwd: FmtIsFwd,
    /// Makes a padding object.
    pub pad: FmtPad,
    /// The class of an object, for telemetry.
    pub class: FmtClass,
    /// Fixes the references in a part of an object, if the client can.
    pub part: Option<FmtScanPart>,
}

unsafe extern "C" fn no_scan(_: *mut core::ffi::c_void, _: Addr, _: Addr) -> i32 {
    crate::aver!(false, "format has a scan method");
    crate::base::res::Res::Fail.code()
}
unsafe extern "C" fn no_skip(a: Addr) -> Addr {
    crate::aver!(false, "format has a skip method");
    a
}
unsafe extern "C" fn no_fwd(_: Addr, _: Addr) {
    crate::aver!(false, "format has a forward method");
}
unsafe extern "C" fn no_isfwd(_: Addr) -> Addr {
    crate::aver!(false, "format has an is-forwarded method");
    Addr::NULL
}
unsafe extern "C" fn no_pad(_: Addr, _: usize) {
    crate::aver!(false, "format has a padding method");
}
unsafe extern "C" fn no_class(_: Addr) -> Addr {
    Addr::NULL
}

impl Default for Methods {
    fn default() -> Self {
        Methods {
            align: crate::seam::client::PF_ALIGN,
            header: 0,
            scan: no_scan,
            skip: no_skip,
            fwd: no_fwd,
            isfwd: no_isfwd,
            pad: no_pad,
            class: no_class,
            part: None,
        }
    }
}

/// A format. Addresses called `p` are client pointers (past the header),
/// addresses called `base` are where the object begins.
pub struct Format {
    /// [`Sig::FORMAT`].
    pub sig: Cell<Sig>,
    /// The instance, as its handle.
    pub instance: usize,
    /// The functions.
    pub m: Methods,
    /// Pools that use it.
    pub users: Cell<usize>,
    link: Link<Format>,
}

impl Linked<0> for Format {
    fn link(&self) -> &Link<Format> {
        &self.link
    }
}

impl Format {
    /// A format with these methods.
    pub fn new(instance: usize, m: Methods) -> Format {
        Format {
            sig: Cell::new(Sig::FORMAT),
            instance,
            m,
            users: Cell::new(0),
            link: Link::default(),
        }
    }

    /// The size of the object at `p`, header included. Calls out: format.
    #[inline(always)]
    pub fn size(&self, p: Addr) -> Size {
        // SAFETY: the client's method, on an object of its format, exposed.
        unsafe { (self.m.skip)(p) }.since(p)
    }

    /// Where the object at `p` went. Calls out: format.
    #[inline(always)]
    pub fn forwarded(&self, p: Addr) -> Addr {
        // SAFETY: as above.
        unsafe { (self.m.isfwd)(p) }
    }

    /// Marks the object at `old` as gone to `new`. Calls out: format.
    #[inline(always)]
    pub fn forward(&self, old: Addr, new: Addr) {
        // SAFETY: as above; `new` is a copy of it.
        unsafe { (self.m.fwd)(old, new) }
    }

    /// Fills `size` bytes with padding objects. Calls out: format.
    pub fn pad(&self, base: Addr, size: Size) {
        // SAFETY: memory that no live object is in, exposed.
        unsafe { (self.m.pad)(base, size) }
    }
}
