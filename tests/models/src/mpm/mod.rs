//! The library's entering and leaving; in place of the rest as much as they use.

weakenable!(entry, "src-mpm-entry.rs");
#[path = "../../../../src/mpm/manual.rs"]
pub mod manual;
pub mod poll;

use crate::base::addr::Addr;
use crate::base::ptr::P;
use crate::cell::Cell;
use crate::object::buffer::Buffer;
use crate::object::cx::Cx;
use crate::seam::port::Port;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    Unclamped,
    Postmortem,
}

pub struct Tracer {
    pub hot: Cell<Addr>,
}

/// The instance: what entering and leaving use.
pub struct Mpm {
    pub cx: Cx,
    pub tracer: Tracer,
    pub state: Cell<State>,
}

impl Mpm {
    pub fn new(port: &'static dyn Port) -> Mpm {
        Mpm {
            cx: Cx::new(port),
            tracer: Tracer { hot: Cell::new(Addr::NULL) },
            state: Cell::new(State::Unclamped),
        }
    }

    /// Only a collection that can't be shielded asks for it.
    pub fn finish_traces(&self) -> bool {
        true
    }

    /// The end of what the client waited for, for the telemetry.
    pub fn pause_end(&self) {}

    /// # Safety
    /// As the library's.
    pub unsafe fn ap_destroy(&self, _ap: P<Buffer>) {}

    /// An access to the nth page, which is shielded: `fault_in` in `src/mpm/instances.rs`, with
    /// `barrier::peek` and `barrier::access`.
    pub fn fault_in(self_: P<Mpm>, n: usize) {
        let i = self_.get();
        let page = &i.cx.pages[n];
        if i.is_mine() {
            // `barrier::peek`
            i.cx.hold();
            i.cx.peeks.add(Addr(n + 1));
            page.real.set(false);
            return;
        }
        let _e = Mpm::claimed(self_);
        // `barrier::access`
        page.wanted.set(false);
        page.mode.set(false);
        page.real.set(false);
    }
}
