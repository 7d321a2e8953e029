//! Pools, and what a pool class has to do.

use crate::base::addr::{Addr, Size};
use crate::base::check::Sig;
use crate::base::list::{Link, Linked, List};
use crate::base::ptr::{P, Slot};
use crate::base::res::{Res, Result};
use crate::object::buffer::Buffer;
use crate::object::cx::Cx;
use crate::object::format::Format;
use crate::object::scan::ScanState;
use crate::object::seg::Seg;
use crate::seam::args::Args;
use core::cell::Cell;

/// What a class hands an allocation point: a segment (if the class has them)
/// and the room in it.
pub struct Room {
    /// The segment the room is in.
    pub seg: Option<P<Seg>>,
    /// Where allocation goes on.
    pub base: Addr,
    /// Where it ends.
    pub limit: Addr,
}

/// A pool class: how its pools manage memory. The tracer and the allocation
/// point code reach pools only through this.
///
/// All methods run under the instance's lock. On `Err` nothing has changed.
/// A class keeps its own data behind [`Pool::data`].
pub trait PoolClass: Sync {
    /// Its name, for messages.
    fn name(&self) -> &'static str;

    /// The arguments of its variadic creation, as letters of `varargs.c`; ends
    /// in a NUL.
    fn values(&self) -> &'static str {
        "\0"
    }

    /// The same for allocation points.
    fn ap_values(&self) -> &'static str {
        "\0"
    }

    /// Reads the arguments it knows and sets the pool up. The format, if any,
    /// is already in place.
    fn init(&self, pool: P<Pool>, args: &mut Args) -> Result;

    /// Gives back everything. No allocation points are left.
    fn finish(&self, pool: P<Pool>);

    /// Does it need `MPS_KEY_FORMAT`?
    fn needs_format(&self) -> bool {
        false
    }

    /// Is it garbage collected?
    fn is_automatic(&self) -> bool {
        false
    }

    /// Do its objects move, leaving forwarding markers?
    fn moves(&self) -> bool {
        false
    }

    /// Does it give out and take back blocks under a lock of its own
    /// ([`super::lock`])? Then `alloc`, `free`, `ap_fill` and `ap_empty` are
    /// called from outside the instance, by several threads at once; the first
    /// and the third answer `Limit` when they need [`PoolClass::grow`].
    fn has_own_lock(&self) -> bool {
        false
    }

    /// Inside the instance: sees to it that a block of `size` bytes can be had.
    fn grow(&self, _pool: P<Pool>, _size: Size) -> Result {
        Err(Res::Unimpl)
    }

    /// Inside the instance: gives back the memory that `free` said there is
    /// too much of.
    fn shrink(&self, _pool: P<Pool>) {}

    /// Takes the pool's own lock for a fork, or gives it back.
    fn fork_lock(&self, _pool: P<Pool>, _take: bool) {}

    /// Checks what a debugging class can check: fenceposts, or free memory.
    fn check(&self, _pool: P<Pool>, _fenceposts: bool) {}

    /// `mps_alloc`.
    fn alloc(&self, _pool: P<Pool>, _size: Size) -> Result<Addr> {
        Err(Res::Unimpl)
    }

    /// A block of `size` bytes, if the class, with a lock of its own, can find
    /// one with no more than a look at what it has at hand. Null: `alloc` has
    /// not been tried. Outside the instance.
    #[inline]
    fn quick_alloc(&self, _pool: P<Pool>, _size: Size) -> Addr {
        Addr::NULL
    }

    /// Frees a block, if that is as little work. False: nothing was done.
    #[inline]
    fn quick_free(&self, _pool: P<Pool>, _base: Addr, _size: Size) -> bool {
        false
    }

    /// `mps_free`. True: there is memory to give back (`shrink`).
    fn free(&self, _pool: P<Pool>, _base: Addr, _size: Size) -> Result<bool> {
        Err(Res::Unimpl)
    }

    /// Sets up an allocation point: reads the arguments it knows.
    fn ap_init(&self, _ap: P<Buffer>, _args: &mut Args) -> Result {
        Err(Res::Unimpl)
    }

    /// Finds room for at least `size` bytes (a multiple of the alignment). A
    /// class with its own lock takes back what is left of the old room, from
    /// `init` on, if it succeeds; from others the allocation point has no room.
    fn ap_fill(&self, _ap: P<Buffer>, _size: Size) -> Result<Room> {
        Err(Res::Unimpl)
    }

    /// Takes back the room from `init` on; what is before it is in use.
    fn ap_empty(&self, _ap: P<Buffer>, _seg: Option<P<Seg>>, _init: Addr) {}

    /// An allocation point is about to go; its room has been taken back.
    fn ap_finish(&self, _ap: P<Buffer>) {}

    /// An allocation pattern begins on an allocation point.
    fn ramp_begin(&self, _ap: P<Buffer>) {}

    /// The last of them ends.
    fn ramp_end(&self, _ap: P<Buffer>) {}

    /// Pushes an allocation frame. Nothing is reserved. A class that does not
    /// manage memory by frames gives a frame that means nothing.
    fn frame_push(&self, _ap: P<Buffer>) -> Result<Addr> {
        Ok(Addr::NULL)
    }

    /// Pops to a frame.
    fn frame_pop(&self, _ap: P<Buffer>, _frame: Addr) -> Result {
        Ok(())
    }

    /// Is about to be condemned. False: leave it out.
    fn whiten(&self, _seg: P<Seg>) -> bool {
        true
    }

    /// Fixes a reference to a white segment. Hot.
    fn fix(&self, _seg: P<Seg>, _ss: &ScanState, _ref_io: *mut Addr) -> Result {
        Ok(())
    }

    /// Scans what is grey in a segment, exposed. True if nothing grey is left;
    /// then the scan state's summary is that of the whole segment unless the
    /// scan was only of a part (`Ok(Part)`).
    fn scan(&self, _seg: P<Seg>, _ss: &ScanState) -> Result<Scanned> {
        Ok(Scanned::All)
    }

    /// Takes back what is still white in a segment; it is no longer white, and
    /// no longer in any generation's list, when this is called. The class puts
    /// it back into one, or frees it.
    fn reclaim(&self, _seg: P<Seg>) {}

    /// Tells the class that a trace has ended.
    fn trace_done(&self, _pool: P<Pool>) {}

    /// Calls `f` for ranges (bases) that cover all objects of the pool, and no
    /// forwarding markers. The arena is parked.
    fn areas(
        &self,
        _pool: P<Pool>,
        _f: &mut dyn FnMut(P<Seg>, Addr, Addr) -> Result,
    ) -> Result {
        Ok(())
    }

    /// Calls `f(base, limit)` for every object of a segment, exposed, no trace
    /// being under way. Calls out: format.
    fn objects(&self, seg: P<Seg>, f: &mut dyn FnMut(Addr, Addr)) {
        let Some(fmt) = seg.pool.format.get() else { return };
        let end = seg.get().objects_end();
        let mut base = seg.base;
        while base < end {
            let next = base.add(fmt.get().size(base.add(fmt.m.header)));
            crate::aver!(next > base && next <= end, "objects fill their segment");
            f(base, next);
            base = next;
        }
    }

    /// The base of the object that an ambiguous reference `a` keeps alive, no
    /// trace being under way.
    fn held_by(&self, seg: P<Seg>, a: Addr) -> Option<Addr> {
        let header = seg.pool.format.get().map_or(0, |f| f.m.header);
        self.object_at(seg, a).ok().map(|p| p.sub(header))
    }

    /// The object (client pointer) that `a` lies in. `Fail`: none.
    fn object_at(&self, _seg: P<Seg>, _a: Addr) -> Result<Addr> {
        Err(Res::Unimpl)
    }

    /// `mps_pool_total_size`.
    fn total_size(&self, pool: P<Pool>) -> Size {
        pool.get().bytes.get()
    }

    /// `mps_pool_free_size`.
    fn free_size(&self, _pool: P<Pool>) -> Size {
        0
    }
}

/// What a client's class handle points to.
pub struct ClassHandle {
    /// [`Sig::CLASS`].
    pub sig: Sig,
    /// The class.
    pub class: &'static dyn PoolClass,
}

impl ClassHandle {
    /// A handle on a class.
    pub const fn new(class: &'static dyn PoolClass) -> ClassHandle {
        ClassHandle { sig: Sig::CLASS, class }
    }
}

/// How much of a segment a scan dealt with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Scanned {
    /// All of it: the summary found is the segment's.
    All,
    /// The part that was grey: the summary found adds to the segment's.
    Part,
    /// The scan was broken off: it is still grey.
    Unfinished,
}

/// A pool.
pub struct Pool {
    /// [`Sig::POOL`].
    pub sig: Cell<Sig>,
    /// How it manages memory.
    pub class: &'static dyn PoolClass,
    /// The parts of its instance.
    pub cx: P<Cx>,
    link: Link<Pool>,
    /// The format of its objects.
    pub format: Slot<Format>,
    /// [`PoolClass::has_own_lock`].
    pub own_lock: bool,
    /// Alignment of blocks.
    pub align: Cell<Size>,
    /// Its segments.
    pub segs: List<Seg, 2>,
    /// Its allocation points.
    pub buffers: List<Buffer, 0>,
    /// Bytes it has from the arena for blocks.
    pub bytes: Cell<Size>,
    /// The class's own.
    pub data: Cell<*mut ()>,
}

impl Linked<0> for Pool {
    fn link(&self) -> &Link<Pool> {
        &self.link
    }
}

impl Pool {
    /// A pool of a class, not yet set up.
    pub fn new(class: &'static dyn PoolClass, cx: P<Cx>, format: Option<P<Format>>) -> Pool {
        Pool {
            sig: Cell::new(Sig::DEAD),
            class,
            cx,
            link: Link::default(),
            format: Cell::new(format),
            own_lock: class.has_own_lock(),
            align: Cell::new(format.map_or(crate::seam::client::PF_ALIGN, |f| f.m.align)),
            segs: List::default(),
            buffers: List::default(),
            bytes: Cell::new(0),
            data: Cell::new(core::ptr::null_mut()),
        }
    }
}
