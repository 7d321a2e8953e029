//! The instance: what a client's `mps_arena_t` points to. `entry` says how it is entered.

pub mod entry;
#[cfg(feature = "expose")]
mod expose;
pub mod finalize;
pub mod instances;
#[cfg(any(feature = "handles", feature = "pins"))]
mod keep;
pub mod manual;
#[cfg_attr(not(feature = "messages"), path = "message_off.rs")]
pub mod message;
pub mod pace;
pub mod pause;
pub mod poll;
pub mod postmortem;
#[cfg(feature = "snapshot")]
pub mod snapshot;
#[cfg(feature = "transforms")]
pub mod transform;
#[cfg(feature = "walks")]
pub mod walk;

use crate::arena::{Arena, Boot, Params};
use crate::base::addr::{Addr, Range, Size};
use crate::base::check::Sig;
use crate::base::histogram::Histogram;
use crate::base::list::List;
use crate::base::ptr::P;
use crate::base::res::{Res, Result};
use crate::object::cx::Cx;
use crate::object::format::Format;
use crate::object::locus::{Chain, Gen};
use crate::object::pool::{ClassHandle, Pool};
use crate::object::{buffer, seg};
use crate::seam::args::Args;
use crate::seam::event::{self, Category, EventKind, event};
use crate::seam::port::{Port, SoftTable};
use crate::shield::threads::Thread;
use crate::trace::Tracer;
use crate::trace::root::{Root, RootKind};
use core::cell::Cell;
use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicU8, Ordering};
use entry::Entered;

/// Whether collections may start, and whether their effects may be seen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum State {
    /// Collections start as needed.
    Unclamped,
    /// No collection starts. One in progress may go on where that can't be seen.
    Clamped,
    /// No collection starts, and none is in progress.
    Parked,
    /// Nothing is protected and nothing goes on: for a debugger.
    Postmortem,
}

/// An instance's [`State`]. Changed inside; a debugger may do so from anywhere, and
/// anyone may look.
pub struct StateCell(AtomicU8);

impl StateCell {
    /// What it is.
    #[inline(always)]
    pub fn get(&self) -> State {
        const CLAMPED: u8 = State::Clamped as u8;
        const PARKED: u8 = State::Parked as u8;
        const POSTMORTEM: u8 = State::Postmortem as u8;
        match self.0.load(Ordering::Relaxed) {
            CLAMPED => State::Clamped,
            PARKED => State::Parked,
            POSTMORTEM => State::Postmortem,
            _ => State::Unclamped,
        }
    }

    /// Changes it.
    pub fn set(&self, s: State) {
        self.0.store(s as u8, Ordering::Relaxed);
    }
}

/// An instance.
#[repr(C)]
pub struct Mpm {
    /// What a program that looks before it accesses looks into; the word at the beginning
    /// is where the macros of `mpsx.h` find it.
    table: AtomicPtr<SoftTable>,
    /// [`Sig::ARENA`].
    pub sig: Cell<Sig>,
    /// The next in the list of all.
    next: AtomicPtr<Mpm>,
    /// Are there roots that are write protected? (Read without the lock.)
    protects_roots: AtomicBool,
    /// The parts.
    pub cx: Cx,
    /// The tracer.
    pub tracer: Tracer,
    /// Messages for the client.
    pub messages: message::Messages,
    /// Formats.
    pub formats: List<Format, 0>,
    /// Whether collections may start.
    pub state: StateCell,
    /// How long a step of a collection may take, in seconds.
    pub pause_time: Cell<f64>,
    /// The share of its time that the program keeps, in parts per thousand. 0: there is no
    /// limit. `None`: that depends on the pause time ([`Mpm::kept_share`]).
    pub utilisation: Cell<Option<usize>>,
    /// Time that the collector has taken lately.
    pub lately: pace::Lately,
    /// How much work the last trace of some generations and the last full one were, and how
    /// many bytes there were in all.
    last_work: [Cell<(Size, Size)>; 2],
    /// A collection of everything was asked for while another was under way.
    pub full_wanted: Cell<bool>,
    /// Bytes handed to allocation points so far.
    pub allocated: Cell<Size>,
    /// The value of `allocated` when collection work was last done.
    pub last_step: Cell<Size>,
    /// The value of `allocated` when a collection of everything last began.
    pub last_full: Cell<Size>,
    /// How many clock ticks traces have taken so far.
    pub trace_ticks: Cell<usize>,
    /// How many bytes the traces that have ended had condemned.
    pub trace_bytes: Cell<usize>,
    /// The clock's reading when the mutator began to wait for the collector, if it waits.
    waiting: Cell<Option<usize>>,
    /// Why the mutator waits: bits of [`pause`].
    why_waiting: Cell<usize>,
    /// How long the mutator waited each time, in clock ticks.
    pub pauses: Histogram,
}

// SAFETY: everything but the atomics is used under the lock only (`entry`).
unsafe impl Sync for Mpm {}

const _: () = assert!(core::mem::offset_of!(Mpm, table) == 0);

static NO_TABLE: SoftTable = SoftTable::NONE;

/// How to make an instance.
pub struct Config {
    /// How to make its arena.
    pub params: Params,
    /// Fraction of committed memory that may be spare.
    pub spare: f64,
    /// How long a step of a collection may take, in seconds.
    pub pause_time: f64,
    /// See [`Mpm::utilisation`].
    pub utilisation: Option<usize>,
    /// Is memory to be placed by zones?
    pub zoned: bool,
    /// The client's function that is called after a chunk has been taken.
    pub extended: Option<crate::seam::client::ArenaCallback>,
    /// The client's function that is called before a chunk is given back.
    pub contracted: Option<crate::seam::client::ArenaCallback>,
}

impl Config {
    /// [`Config::spare`], if nobody says otherwise.
    pub const SPARE: f64 = crate::arena::DEFAULT_SPARE;
    /// [`Config::pause_time`], if nobody says otherwise.
    pub const PAUSE_TIME: f64 = 0.1;

    /// With the defaults of `mps_arena_create_k`.
    pub fn new(params: Params) -> Config {
        Config {
            params,
            spare: Config::SPARE,
            pause_time: Config::PAUSE_TIME,
            utilisation: None,
            zoned: true,
            extended: None,
            contracted: None,
        }
    }
}

impl Mpm {
    /// Makes an instance over a port. Any thread that is in no instance.
    ///
    /// # Errors
    /// Those of [`Boot::new`]: `Resource`, `Memory` or `CommitLimit`.
    pub fn create(port: &'static dyn Port, config: &Config) -> Result<P<Mpm>> {
        instances::init(port);
        event::consult();
        let mut params = config.params;
        params.extra = size_of::<Mpm>();
        let boot = Boot::new(port, &params)?;
        let p: *mut Mpm = boot.extra.ptr();
        // SAFETY: room for it in the first chunk, aligned to 64, ours.
        unsafe { Mpm::place(p, port, &params, &boot, config) };
        // SAFETY: just written; stays until `destroy`.
        let Some(m) = (unsafe { P::from_raw(p) }) else { return Err(Res::Memory) };
        let arena = &m.get().cx.arena;
        m.cx.instance.set(m.addr().0);
        // SAFETY: the word stays until `destroy`, after which the port is not used.
        port.show_table(unsafe { &(*p).table });
        arena.handle.set(p.cast());
        arena.extended.set(config.extended);
        arena.contracted.set(config.contracted);
        arena.spare_fraction.set(config.spare);
        arena.zoned.set(config.zoned);
        arena.start(&boot);
        let made = Mpm::enter(m, |e| {
            // Its capacity follows what is alive and the size of the arena (`tune`).
            let c = e.new_chain(1, |_| 0)?;
            e.cx.default_chain.set(Some(c));
            e.tune();
            Ok(())
        });
        if let Err(e) = made {
            arena.finish();
            // Too small for the library's own structures.
            return Err(if e == Res::Resource { Res::Memory } else { e });
        }
        m.sig.set(Sig::ARENA);
        instances::add(m);
        event(
            Category::Arena,
            EventKind::ArenaCreate,
            &[m.addr().0, m.cx.arena.grain(), m.cx.arena.is_client() as usize],
        );
        Ok(m)
    }

    /// Writes a new one, with all its parts. A function of its own, because it is made on
    /// the stack first: nothing deeper is called while that much of the stack is in use.
    ///
    /// # Safety
    /// `p` is aligned, and room for it.
    #[inline(never)]
    unsafe fn place(
        p: *mut Mpm,
        port: &'static dyn Port,
        params: &Params,
        boot: &Boot,
        config: &Config,
    ) {
        // SAFETY: the caller's. Not a variable first, which would be a copy more.
        unsafe {
            p.write(Mpm {
                table: AtomicPtr::new(core::ptr::from_ref(&NO_TABLE).cast_mut()),
                sig: Cell::new(Sig::DEAD),
                next: AtomicPtr::new(core::ptr::null_mut()),
                protects_roots: AtomicBool::new(false),
                cx: Cx::new(Arena::new(port, params, boot)),
                tracer: Tracer::default(),
                messages: message::Messages::default(),
                formats: List::default(),
                state: StateCell(AtomicU8::new(State::Unclamped as u8)),
                pause_time: Cell::new(config.pause_time),
                utilisation: Cell::new(config.utilisation),
                lately: pace::Lately::default(),
                last_work: Default::default(),
                full_wanted: Cell::new(false),
                allocated: Cell::new(0),
                last_step: Cell::new(0),
                last_full: Cell::new(0),
                trace_ticks: Cell::new(0),
                trace_bytes: Cell::new(0),
                waiting: Cell::new(None),
                why_waiting: Cell::new(0),
                pauses: Histogram::default(),
            });
        }
    }

    /// What of the client's is left in the instance, as a text for a report; ends in a NUL.
    pub fn leftover(&self) -> Option<&'static str> {
        if !self.cx.pools.is_empty() {
            Some("arena being destroyed has no pools\0")
        } else if self.tracer.roots.iter().any(|r| !r.get().is_own()) {
            Some("arena being destroyed has no roots\0")
        } else if !self.cx.threads.is_empty() {
            Some("arena being destroyed has no registered threads\0")
        } else if self.cx.chains.len() > 1 {
            Some("arena being destroyed has no generation chains\0")
        } else if !self.formats.is_empty() {
            Some("arena being destroyed has no formats\0")
        } else {
            None
        }
    }

    /// Destroys the instance and gives back all its memory. Nothing of the client's is left
    /// in it, and nobody is inside.
    ///
    /// # Safety
    /// Nobody uses it afterwards.
    pub unsafe fn destroy(self_: P<Mpm>) {
        self_.report_work();
        event(Category::Arena, EventKind::ArenaDestroy, &[self_.addr().0]);
        event::flush();
        instances::remove(self_);
        self_.sig.set(Sig::DEAD);
        self_.get().cx.arena.finish();
    }

    /// The pool that `a` is in.
    pub fn pool_of(&self, a: Addr) -> Option<P<Pool>> {
        seg::of_addr(&self.cx, a).map(|s| s.pool)
    }

    /// Calls `f` with every allocation point.
    fn each_buffer(&self, f: impl Fn(P<buffer::Buffer>)) {
        for pool in self.cx.pools.iter() {
            pool.get().buffers.iter().for_each(&f);
        }
    }
}

/// Functions that make and finish the parts of an instance. A part that is finished must not
/// be used any more, and nothing that uses it may be left. The C interface checks that.
impl Entered {
    /// Makes a chain of `len` generations. `capacity` gives the capacity of each, in bytes.
    ///
    /// # Errors
    /// The arena's.
    pub fn new_chain(&self, len: usize, capacity: impl Fn(usize) -> Size) -> Result<P<Chain>> {
        let arena = &self.cx.arena;
        let bytes = len.checked_mul(size_of::<Gen>()).ok_or(Res::Memory)?;
        let gens: *mut Gen = arena.control_alloc(bytes)?.ptr();
        for i in 0..len {
            // SAFETY: an array of as many, just allocated.
            unsafe { gens.add(i).write(Gen::new(capacity(i))) };
        }
        // SAFETY: control memory, until `chain_destroy`.
        let Some(array) = (unsafe { P::from_raw(gens) }) else { return Err(Res::Memory) };
        let chain = arena
            .control_new(Chain::new(self.mpm().addr().0, array, len))
            // SAFETY: made above, and nobody else has it yet.
            .inspect_err(|_| unsafe { arena.control_free(Addr::of(gens), bytes) })?;
        self.cx.chains.push_back(chain);
        Ok(chain)
    }

    /// Finishes a chain.
    ///
    /// # Safety
    /// No pool uses it, and nobody else will.
    pub unsafe fn chain_destroy(&self, c: P<Chain>) {
        let arena = &self.cx.arena;
        // SAFETY: nothing of it is used any more.
        unsafe { c.get().retire(self.inside()) };
        self.cx.chains.remove(c);
        let bytes = c.len * size_of::<Gen>();
        // SAFETY: nobody uses it any more.
        unsafe { arena.control_free(c.array().addr(), bytes) };
        // SAFETY: nobody uses it any more.
        unsafe { arena.control_drop(c) };
    }

    /// Makes a pool of a class, with the arguments that the class takes out of `args`.
    ///
    /// # Errors
    /// Those of the arena, and of the class's `init`.
    pub fn new_pool(
        &self,
        class: &ClassHandle,
        format: Option<P<Format>>,
        args: &mut Args,
    ) -> Result<P<Pool>> {
        let arena = &self.cx.arena;
        let pool = arena.control_new(Pool::new(class.class, self.inside().p(), format))?;
        if let Err(e) = class.class.init(self.inside(), pool, args) {
            // SAFETY: made above, and nobody else has it yet.
            unsafe { arena.control_drop(pool) };
            return Err(e);
        }
        if let Some(f) = format {
            crate::object::cx::bump(&f.get().users, 1);
        }
        pool.sig.set(Sig::POOL);
        self.cx.pools.push_back(pool);
        event::event_text(
            Category::Pool,
            EventKind::PoolCreate,
            &[self.mpm().addr().0, pool.addr().0],
            class.class.name().as_bytes(),
        );
        Ok(pool)
    }

    /// Finishes a pool. A trace in progress is finished first if it might know
    /// the pool's objects.
    ///
    /// # Safety
    /// It has no allocation points, and nobody uses it or its blocks afterwards.
    pub unsafe fn pool_destroy(&self, pool: P<Pool>) {
        if pool.class.is_automatic() {
            let _ = self.finish_traces();
            self.tracer.guardians.pool_gone(&self.cx, pool);
        }
        pool.sig.set(Sig::DEAD);
        self.cx.pools.remove(pool);
        pool.class.finish(self.inside(), pool);
        event(Category::Pool, EventKind::PoolDestroy, &[pool.addr().0]);
        if let Some(f) = pool.format.get() {
            f.get().users.set(f.get().users.get() - 1);
        }
        // SAFETY: nobody uses it any more.
        unsafe { self.cx.arena.control_drop(pool) };
    }

    /// Makes an allocation point. If the class has a lock of its own, the caller has it
    /// (`Mpm::enter_for`).
    ///
    /// # Errors
    /// Those of the arena, and of the class's `ap_init`.
    pub fn new_ap(&self, pool: P<Pool>, args: &mut Args) -> Result<P<buffer::Buffer>> {
        let ap = self.cx.arena.control_new(buffer::Buffer::new(pool))?;
        if let Err(e) = pool.class.ap_init(ap, args) {
            // SAFETY: made above, and nobody else has it yet.
            unsafe { self.cx.arena.control_drop(ap) };
            return Err(e);
        }
        pool.get().buffers.push_back(ap);
        Ok(ap)
    }

    /// Finishes an allocation point.
    ///
    /// # Safety
    /// Nothing is reserved on it, and nobody uses it afterwards.
    pub unsafe fn ap_destroy(&self, ap: P<buffer::Buffer>) {
        buffer::detach(ap);
        if ap.pool.own_lock {
            ap.pool.class.shrink(ap.pool);
        }
        self.ramp_reset(ap);
        ap.pool.class.ap_finish(ap);
        ap.sig.set(Sig::DEAD);
        ap.pool.get().buffers.remove(ap);
        // SAFETY: nobody uses it any more.
        unsafe { self.cx.arena.control_drop(ap) };
    }

    /// Ends all ramps on an allocation point.
    pub fn ramp_reset(&self, ap: P<buffer::Buffer>) {
        if ap.ramps.replace(0) != 0 {
            ap.pool.class.ramp_end(ap);
        }
        ap.ramps_collect_all.set(0);
    }

    /// Makes a root. `may_protect`: the client allows that it is protected.
    ///
    /// # Errors
    /// The arena's.
    pub fn new_root(
        &self,
        rank: crate::base::sets::Rank,
        kind: RootKind,
        may_protect: bool,
    ) -> Result<P<Root>> {
        let root = Root::new(&self.cx, rank, kind, may_protect);
        if !root.inner.is_empty() {
            self.protects_roots.store(true, Ordering::Relaxed);
        }
        let r = self.cx.arena.control_new(root)?;
        self.tracer.roots.push_back(r);
        Ok(r)
    }

    /// Finishes a root.
    ///
    /// # Safety
    /// Nobody uses its handle afterwards.
    pub unsafe fn root_destroy(&self, r: P<Root>) {
        r.get().expose(self.inside());
        r.sig.set(Sig::DEAD);
        self.tracer.roots.remove(r);
        // SAFETY: nobody uses it any more.
        unsafe { self.cx.arena.control_drop(r) };
    }

    /// Registers the calling thread. `stack` is the result of [`Port::thread_stack`], which
    /// the caller has asked before it entered.
    ///
    /// [`Port::thread_stack`]: crate::seam::port::Port::thread_stack
    ///
    /// # Errors
    /// The arena's or the port's.
    pub fn new_thread(&self, stack: Option<Range>) -> Result<P<Thread>> {
        let port = self.cx.arena.port;
        let t = self.cx.arena.control_new(Thread::new(self.mpm().addr().0, port, stack))?;
        self.cx
            .threads
            .register(t, port)
            // SAFETY: made above, and nobody else has it yet.
            .inspect_err(|_| unsafe { self.cx.arena.control_drop(t) })?;
        Ok(t)
    }

    /// Ends the registration of a thread.
    ///
    /// # Safety
    /// Nobody uses its handle afterwards, and no root on it is left.
    pub unsafe fn thread_destroy(&self, t: P<Thread>) {
        self.cx.threads.deregister(t, self.cx.arena.port);
        // SAFETY: nobody uses it any more.
        unsafe { self.cx.arena.control_drop(t) };
    }

    /// The object that `a` lies in, as a client pointer.
    ///
    /// # Errors
    /// `Fail`: none. `Unimpl`: the pool's class can't tell.
    pub fn object_of(&self, a: Addr) -> Result<Addr> {
        let s = seg::of_addr(&self.cx, a).ok_or(Res::Fail)?;
        s.class.object_at(self.inside(), s, a)
    }
}

#[cfg(test)]
#[cfg(feature = "full")]
mod tests;
