//! Generations (memory for objects of one age) and chains of generations.

use crate::arena::Home;
use crate::base::addr::Size;
use crate::base::check::Sig;
use crate::base::list::{Link, Linked, List};
use crate::base::ptr::P;
use crate::base::sets::TraceSet;
use crate::object::cx::Inside;
use crate::object::seg::Seg;
use core::cell::Cell;

/// One generation, across the pools that share its chain.
pub struct Gen {
    /// Its memory.
    pub home: Home,
    /// New bytes that make it worth collecting.
    pub capacity: Cell<Size>,
    /// Bytes allocated in it or promoted to it since it was last condemned.
    pub new_size: Cell<Size>,
    /// Bytes allocated in it during ramps that have not ended.
    pub ramp_size: Cell<Size>,
    /// Bytes in its segments.
    pub total: Cell<Size>,
    /// Its segments that are not white.
    pub segs: List<Seg, 0>,
    /// How many of these, from the first on, are bulk: the next trace condemns them,
    /// whatever else it condemns. See `set_bulk` of a segment.
    pub bulk: Cell<usize>,
    /// The trace that is turning its segments white, if one is.
    pub condemned_by: Cell<TraceSet>,
    in_trace: Link<Gen>,
}

impl Linked<1> for Gen {
    fn link(&self) -> &Link<Gen> {
        &self.in_trace
    }
}

impl Gen {
    /// An empty generation.
    pub fn new(capacity: Size) -> Gen {
        Gen {
            home: Home::default(),
            capacity: Cell::new(capacity),
            new_size: Cell::new(0),
            ramp_size: Cell::new(0),
            total: Cell::new(0),
            segs: List::default(),
            bulk: Cell::new(0),
            condemned_by: Cell::new(TraceSet::EMPTY),
            in_trace: Link::default(),
        }
    }

    /// How many new bytes count towards a collection. What is allocated during a ramp
    /// counts when the ramp ends, because most of it dies then. Until then an eighth
    /// of it counts, so that a ramp that never ends does not fill memory. (An eighth is a
    /// guess: a ramp may then grow to eight times the generation's capacity.)
    pub fn counted(&self) -> Size {
        const RAMP_PART: Size = 8;
        self.new_size.get().saturating_add(self.ramp_size.get() / RAMP_PART)
    }

    /// Its home.
    pub fn home(&self) -> P<Home> {
        // SAFETY: generations stay where they are, and are retired only after
        // their home has been (`Arena::retire`).
        unsafe { P::new(core::ptr::NonNull::from(&self.home)) }
    }
}

/// Generations in order of age, youngest first.
pub struct Chain {
    /// [`Sig::CHAIN`].
    pub sig: Cell<Sig>,
    /// The instance, as its handle.
    pub instance: usize,
    link: Link<Chain>,
    gens: P<Gen>,
    /// How many there are.
    pub len: usize,
    /// Pools that use it.
    pub users: Cell<usize>,
    /// Allocation points in a ramp on it.
    pub ramps: Cell<usize>,
}

impl Linked<0> for Chain {
    fn link(&self) -> &Link<Chain> {
        &self.link
    }
}

impl Chain {
    /// A chain over an array of `len` generations.
    pub fn new(instance: usize, gens: P<Gen>, len: usize) -> Chain {
        Chain {
            sig: Cell::new(Sig::CHAIN),
            instance,
            link: Link::default(),
            gens,
            len,
            users: Cell::new(0),
            ramps: Cell::new(0),
        }
    }

    /// The array.
    pub fn array(&self) -> P<Gen> {
        self.gens
    }

    /// Called when the last ramp on it has ended: what was allocated during ramps counts.
    pub fn ramps_over(&self) {
        for g in self.generations() {
            let new = &g.get().new_size;
            new.set(new.get().saturating_add(g.get().ramp_size.replace(0)));
        }
    }

    /// Generation `i`, if there are as many.
    pub fn generation(&self, i: usize) -> Option<P<Gen>> {
        if i >= self.len {
            return None;
        }
        // SAFETY: inside the array, which lives as long as the chain.
        unsafe { P::from_raw(self.gens.as_ptr().add(i)) }
    }

    /// Prepares its end: takes its generations out of every trace, and their memory out
    /// of their homes.
    ///
    /// # Safety
    /// No pool uses it any more.
    pub unsafe fn retire(&self, cx: Inside<'_>) {
        self.sig.set(Sig::DEAD);
        for g in self.generations() {
            for t in cx.traces_of(g.condemned_by.replace(TraceSet::EMPTY)) {
                t.forget(g);
            }
            // SAFETY: nothing of it is used any more.
            unsafe { cx.arena.retire(g.get().home()) };
        }
    }

    /// All its generations, youngest first.
    pub fn generations(&self) -> impl Iterator<Item = P<Gen>> {
        (0..self.len).filter_map(|i| self.generation(i))
    }
}
