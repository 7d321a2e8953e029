//! Registered threads. To hold them is to stop all but the calling one.

use crate::base::addr::{Addr, Range, Size};
use crate::base::check::Sig;
use crate::base::list::{Link, Linked, List};
use crate::base::ptr::{P, Slot};
use crate::seam::parts;
use crate::seam::port::{Context, Port, ThreadSlot};
use crate::shield::fibers::Strand;
use crate::shield::region::Region;
use core::cell::Cell;

/// One registration of a thread. A thread may have several.
pub struct Thread {
    /// [`Sig::THREAD`].
    pub sig: Cell<Sig>,
    /// The instance it is registered with, as its handle.
    pub instance: usize,
    link: Link<Thread>,
    /// The port's number for it.
    pub id: usize,
    /// The thread's own stack, up to the cold end. `None`: the port did not know it when the
    /// thread registered, or the thread was on another stack then.
    pub stack: Option<Range>,
    slot: ThreadSlot,
    /// The registration that stands for the thread when it is stopped.
    lead: Slot<Thread>,
    stopped: Cell<bool>,
    /// Its blocking region, if this is the registration that stands for the thread.
    pub region: Region,
    /// Which stack it is on, if this is the registration that stands for it.
    pub strand: Strand,
    /// The thread has ended without being deregistered, or is not in this child of a fork.
    pub gone: Cell<bool>,
}

impl P<Thread> {
    /// The registration that stands for the thread that this one is of.
    pub fn lead(self) -> P<Thread> {
        self.lead.get().unwrap_or(self)
    }
}

impl Linked<0> for Thread {
    fn link(&self) -> &Link<Thread> {
        &self.link
    }
}

impl Thread {
    /// A registration of the calling thread, not yet known to anyone. `stack` is
    /// what [`Port::thread_stack`] says.
    pub fn new(instance: usize, port: &dyn Port, stack: Option<Range>) -> Thread {
        Thread {
            sig: Cell::new(Sig::DEAD),
            instance,
            link: Link::default(),
            id: port.thread_id(),
            stack,
            slot: ThreadSlot::default(),
            lead: Cell::new(None),
            stopped: Cell::new(false),
            region: Region::default(),
            strand: Strand::default(),
            gone: Cell::new(false),
        }
    }

    /// The address from which to scan a stack whose hot end is said to be `hot`. `None`:
    /// that is not on the thread's own stack. If the stack has overflowed, the hot end may
    /// lie in the page below it. There is nothing to scan there.
    pub fn scan_from(&self, hot: Addr, page: Size) -> Option<Addr> {
        match self.stack {
            None => Some(hot),
            Some(s) if s.contains(hot) => Some(hot),
            Some(s) => (hot < s.base && s.base.since(hot) <= page).then_some(s.base),
        }
    }

    /// May its stack be scanned up to `cold`? No, if it is known that `cold` is elsewhere.
    pub fn may_end_at(&self, cold: Addr) -> bool {
        self.stack.is_none_or(|s| s.base < cold && cold <= s.limit)
    }
}

/// All registrations with an instance.
#[derive(Default)]
pub struct Threads {
    list: List<Thread, 0>,
    held: Cell<bool>,
    began: Cell<bool>,
    /// Threads stopped so far, each counted every time.
    pub stops: Cell<usize>,
}

impl Threads {
    /// Are there none?
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Is the mutator held?
    #[inline]
    pub fn is_held(&self) -> bool {
        self.held.get()
    }

    /// Makes the calling thread's registration known.
    ///
    /// # Errors
    /// The port's.
    pub fn register(&self, t: P<Thread>, port: &dyn Port) -> crate::base::res::Result {
        // SAFETY: a new slot, in a structure that stays until it is deregistered.
        unsafe { port.thread_register(&t.get().slot)? };
        let lead = self.list.iter().find(|o| o.id == t.id && !o.gone.get());
        t.lead.set(Some(lead.unwrap_or(t)));
        t.sig.set(Sig::THREAD);
        self.list.push_back(t);
        Ok(())
    }

    /// Forgets a registration, from any thread.
    pub fn deregister(&self, t: P<Thread>, port: &dyn Port) {
        t.sig.set(Sig::DEAD);
        self.list.remove(t);
        if !t.gone.get() {
            // SAFETY: it was on the list, so registered.
            unsafe { port.thread_deregister(&t.get().slot) };
        }
        let mut lead = None;
        for o in self.list.iter().filter(|o| o.lead.get() == Some(t)) {
            lead = lead.or(Some(o));
            o.lead.set(lead);
            if lead == Some(o) {
                o.region.follow(&t.region);
                o.strand.follow(&t.strand);
            }
            if lead == Some(o) && t.stopped.get() {
                // Threads are not deregistered while held; if one were, this would
                // keep the other registration resumable.
                o.stopped.set(true);
            }
        }
    }

    /// Is no thread but the calling one registered, or are all others in blocking regions?
    pub fn is_alone(&self, port: &dyn Port) -> bool {
        self.others(port.thread_id()).next().is_none()
    }

    /// Stops every other registered thread, until [`Threads::release`].
    /// Calls out: the port.
    pub fn hold(&self, port: &dyn Port) {
        if !self.held.get() {
            self.hold_others(port);
        }
    }

    #[inline(never)]
    fn hold_others(&self, port: &dyn Port) {
        let me = port.thread_id();
        if !parts::THREADS
            || self.others(me).next().is_none()
            || crate::seam::fault("thread_suspension")
        {
            self.held.set(true);
            return;
        }
        port.quietly(&mut || self.stop_others(me, port));
    }

    /// Stops all but thread `me`. No handler runs meanwhile. Not inlined: the compiler
    /// makes two copies of the closure that calls this.
    #[inline(never)]
    fn stop_others(&self, me: usize, port: &dyn Port) {
        if self.held.get() || self.began.get() {
            // A handler on this thread has held them just before; or it did so in
            // `none_stopped`, which did not know of it yet.
            return;
        }
        port.stop_begin();
        for t in self.others(me) {
            // SAFETY: on the list, so registered; the batch has begun.
            match unsafe { port.thread_stop(&t.get().slot) } {
                Ok(()) => {
                    t.stopped.set(true);
                    self.stops.set(self.stops.get() + 1);
                }
                Err(_) => t.gone.set(true),
            }
        }
        for t in self.others(me) {
            // SAFETY: it was asked to stop just now.
            if t.stopped.get() && unsafe { port.thread_wait(&t.get().slot) }.is_err() {
                t.stopped.set(false);
                t.gone.set(true);
            }
        }
        self.began.set(true);
        self.held.set(true);
    }

    /// The registrations that stand for threads other than `me` that may run: not those in
    /// blocking regions.
    fn others(&self, me: usize) -> impl Iterator<Item = P<Thread>> {
        let may_run = move |t: &P<Thread>| {
            let blocked = t.region.is_open() && !crate::seam::fault("blocking");
            t.id != me && !blocked
        };
        self.leads().filter(may_run)
    }

    /// The registrations that stand for threads.
    pub fn leads(&self) -> impl Iterator<Item = P<Thread>> {
        self.list.iter().filter(|t| t.lead.get() == Some(*t) && !t.gone.get())
    }

    /// A fiber is about to go. False: a thread is on it.
    #[cfg(feature = "fibers")]
    pub fn forget_fiber(&self, f: &crate::shield::fibers::Fiber) -> bool {
        self.leads().all(|t| t.strand.forget(f))
    }

    /// Is no thread stopped? If so, the mutator counts as not held from here on.
    pub fn none_stopped(&self) -> bool {
        if parts::THREADS && self.began.get() {
            return false;
        }
        self.held.set(false);
        // A handler on this thread may have held them between these two lines.
        self.held.set(parts::THREADS && self.began.get());
        !self.held.get()
    }

    /// Lets them run again.
    #[inline(never)]
    pub fn release(&self, port: &dyn Port) {
        if self.none_stopped() {
            return;
        }
        port.quietly(&mut || self.resume_others(port));
    }

    /// Resumes what was stopped. No handler runs meanwhile.
    #[inline(never)]
    fn resume_others(&self, port: &dyn Port) {
        for t in self.list.iter() {
            if t.stopped.replace(false) {
                // SAFETY: it was stopped in the batch that ends here.
                unsafe { port.thread_resume(&t.get().slot) };
            }
        }
        port.stop_end();
        self.began.set(false);
        self.held.set(false);
    }

    /// Where a held thread stands, or where one began a blocking region; `None` if it is the
    /// caller or gone.
    pub fn context(&self, t: P<Thread>, port: &dyn Port) -> Option<Context> {
        let lead = t.lead();
        if !parts::THREADS || !lead.stopped.get() {
            return lead.get().region.context().filter(|_| !lead.gone.get());
        }
        // SAFETY: it is stopped.
        Some(unsafe { port.thread_context(&lead.get().slot) })
    }

    /// After a fork, in the child: only the calling thread is left.
    pub fn forked(&self, port: &dyn Port) {
        let me = port.thread_id();
        for t in self.list.iter() {
            if t.id != me {
                t.gone.set(true);
                t.stopped.set(false);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::bare::Bare;

    #[test]
    fn on_its_own_stack() {
        let port = Bare::new(4096);
        let stack = Range::new(Addr(0x10000), Addr(0x20000));
        let t = Thread::new(1, &port, Some(stack));
        let from = |a| t.scan_from(Addr(a), 4096).map(|a| a.0);
        assert_eq!(from(0x10000), Some(0x10000));
        assert_eq!(from(0x1fff8), Some(0x1fff8));
        // In the guard page, and below it.
        assert_eq!((from(0xf000), from(0xfff8)), (Some(0x10000), Some(0x10000)));
        assert_eq!((from(0xeff8), from(0x20000), from(0)), (None, None, None));
        assert!(t.may_end_at(Addr(0x20000)) && t.may_end_at(Addr(0x10008)));
        assert!(!t.may_end_at(Addr(0x10000)) && !t.may_end_at(Addr(0x20008)));
        let unknown = Thread::new(1, &port, None);
        assert_eq!(unknown.scan_from(Addr(8), 4096), Some(Addr(8)));
        assert!(unknown.may_end_at(Addr(8)));
    }
}
