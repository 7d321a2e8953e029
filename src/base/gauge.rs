//! Numbers that one thread at a time changes and anyone may read.

use super::addr::Addr;
use core::sync::atomic::{AtomicUsize, Ordering};

/// A number that is written under a lock and may be read without it, from a signal
/// handler too.
///
/// A reader gets a value that was there at some time lately, and nothing follows
/// from it about any other memory. Two gauges read one after the other need not fit
/// together. Reading and writing cost what they cost with a `Cell`: one load, one
/// store, no fence.
///
/// Writers must be kept apart by a lock: `set(get() + n)` by two at once would lose
/// one of the two.
#[derive(Default)]
pub struct Gauge(AtomicUsize);

impl Gauge {
    /// A gauge that shows `n`.
    pub const fn new(n: usize) -> Gauge {
        Gauge(AtomicUsize::new(n))
    }

    /// What it shows. Any thread, with or without the lock.
    #[inline(always)]
    pub fn get(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    /// Makes it show `n`. Under the lock only.
    #[inline(always)]
    pub fn set(&self, n: usize) {
        self.0.store(n, Ordering::Relaxed);
    }
}

/// An address that the client's thread and the library change, each in its turn, and
/// that the library may read at any time: the words of an allocation point. Costs as
/// much as a `Cell`.
#[derive(Default)]
#[repr(transparent)]
pub struct SharedAddr(AtomicUsize);

impl SharedAddr {
    /// What it is.
    #[inline(always)]
    pub fn get(&self) -> Addr {
        Addr(self.0.load(Ordering::Relaxed))
    }

    /// Changes it.
    #[inline(always)]
    pub fn set(&self, a: Addr) {
        self.0.store(a.0, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One writes, under what stands for a lock, and others read meanwhile. (That this
    /// compiles is most of it: a `Cell` can't be shared.)
    #[test]
    fn one_writes_others_read() {
        static G: Gauge = Gauge::new(0);
        let readers: [_; 2] = core::array::from_fn(|_| {
            std::thread::spawn(|| {
                let mut last = 0;
                while last < 100_000 {
                    let now = G.get();
                    assert!(now >= last, "{now} after {last}");
                    last = now;
                    std::thread::yield_now();
                }
            })
        });
        for _ in 0..100_000 {
            G.set(G.get() + 1);
        }
        readers.into_iter().for_each(|r| r.join().unwrap());
    }
}
