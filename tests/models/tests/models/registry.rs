//! The list of instances: `src/base/registry.rs`, as `src/mpm/instances.rs` uses it.
//!
//! A fault handler goes through the list and uses what it finds, while another thread
//! adds an instance, or takes one out and destroys it.

use loom::thread::spawn;
use models::base::registry::{Listed, Registry};
use models::cell::Cell;
use models::sync::atomic::AtomicPtr;
use models::{Fences, Shared, Weak, model, weakened, weakly};

struct Instance {
    next: AtomicPtr<Instance>,
    /// False once it is destroyed. Whoever writes is alone with it.
    good: Cell<bool>,
}

impl Listed for Instance {
    fn next(&self) -> &AtomicPtr<Instance> {
        &self.next
    }
}

fn instance() -> Shared<Instance> {
    let i = Shared::new(Instance { next: AtomicPtr::default(), good: Cell::default() });
    i.good.set(true);
    i
}

/// What a fault handler does. `found`: the first one is the one it looks for.
fn look(all: Shared<Registry<Instance>>, found: bool) {
    all.read(|i| {
        assert!(i.good.get(), "an instance that was destroyed");
        found
    });
}

fn destruction(fences: Fences) {
    model(3, fences, || {
        let all = Shared::new(Registry::new());
        let (first, last) = (instance(), instance());
        all.add(last.p());
        all.add(first.p());
        look(all, false);
        let faults = [true, false].map(|found| spawn(move || look(all, found)));
        for gone in [last, first] {
            all.remove(gone.p(), |_| loom::thread::yield_now());
            gone.good.set(false);
        }
        faults.into_iter().for_each(|t| t.join().unwrap());
    });
}

#[test]
fn nobody_is_at_what_is_destroyed() {
    destruction(Fences::Before);
    destruction(Fences::After);
}

fn addition() {
    model(3, Fences::Before, || {
        let all = Shared::new(Registry::new());
        all.add(instance().p());
        look(all, false);
        let fault = spawn(move || look(all, false));
        all.add(instance().p());
        fault.join().unwrap();
    });
}

#[test]
fn what_is_added_is_ready() {
    addition();
}

weakened! {
    added_relaxed, "Causality violation" => {
        weakly(Weak::Store);
        addition();
    }
}

weakened! {
    /// What the code was before: a load may pass the store before it.
    acquire_and_release, "instance that was destroyed" | "Causality violation" => {
        weakly(Weak::SeqCst);
        destruction(Fences::Before);
    }
}

weakened! {
    acquire_loads, "instance that was destroyed" | "Causality violation" => {
        weakly(Weak::SeqCstLoad);
        destruction(Fences::Before);
    }
}

weakened! {
    release_stores, "instance that was destroyed" | "Causality violation" => {
        weakly(Weak::SeqCstStore);
        destruction(Fences::After);
    }
}

weakened! {
    acquire_and_release_counting, "instance that was destroyed" | "Causality violation" => {
        weakly(Weak::SeqCstUpdate);
        destruction(Fences::After);
    }
}

weakened! {
    /// The reader's last look is not seen to be before the destruction.
    relaxed_leaving, "Causality violation" => {
        weakly(Weak::Release);
        destruction(Fences::Before);
    }
}
