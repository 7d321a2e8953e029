//! Intrusive doubly linked lists: a structure carries one [`Link`] for each
//! list it can be in, so joining and leaving never needs memory and never fails.

use super::ptr::{P, Slot};
use core::cell::Cell;

/// A place in a list.
pub struct Link<T> {
    next: Slot<T>,
    prev: Slot<T>,
    linked: Cell<bool>,
}

impl<T> Default for Link<T> {
    fn default() -> Self {
        Link { next: Cell::new(None), prev: Cell::new(None), linked: Cell::new(false) }
    }
}

impl<T> Link<T> {
    /// Is the structure in the list?
    #[inline(always)]
    pub fn is_linked(&self) -> bool {
        self.linked.get()
    }

    /// The one before it.
    pub fn prev_of(&self) -> Option<P<T>> {
        self.prev.get()
    }
}

/// Says which link of a `T` the list numbered `N` uses.
pub trait Linked<const N: usize>: Sized {
    /// That link.
    fn link(&self) -> &Link<Self>;
}

/// A list of `T`s, by their link number `N`.
pub struct List<T: Linked<N>, const N: usize> {
    head: Slot<T>,
    tail: Slot<T>,
    len: Cell<usize>,
}

impl<T: Linked<N>, const N: usize> Default for List<T, N> {
    fn default() -> Self {
        List { head: Cell::new(None), tail: Cell::new(None), len: Cell::new(0) }
    }
}

impl<T: Linked<N>, const N: usize> List<T, N> {
    /// How many there are.
    #[inline]
    pub fn len(&self) -> usize {
        self.len.get()
    }

    /// Are there none?
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.head.get().is_none()
    }

    /// The first.
    #[inline]
    pub fn first(&self) -> Option<P<T>> {
        self.head.get()
    }

    /// The last.
    #[inline]
    pub fn last(&self) -> Option<P<T>> {
        self.tail.get()
    }

    /// The one after `t`.
    #[inline]
    pub fn after(&self, t: P<T>) -> Option<P<T>> {
        t.get().link().next.get()
    }

    /// Adds at the front. `t` must not be in the list.
    pub fn push_front(&self, t: P<T>) {
        let l = t.get().link();
        crate::aver_critical!(!l.linked.get());
        l.linked.set(true);
        l.prev.set(None);
        l.next.set(self.head.get());
        match self.head.get() {
            Some(h) => h.get().link().prev.set(Some(t)),
            None => self.tail.set(Some(t)),
        }
        self.head.set(Some(t));
        self.len.set(self.len.get() + 1);
    }

    /// Adds at the back. `t` must not be in the list.
    pub fn push_back(&self, t: P<T>) {
        let l = t.get().link();
        crate::aver_critical!(!l.linked.get());
        l.linked.set(true);
        l.next.set(None);
        l.prev.set(self.tail.get());
        match self.tail.get() {
            Some(h) => h.get().link().next.set(Some(t)),
            None => self.head.set(Some(t)),
        }
        self.tail.set(Some(t));
        self.len.set(self.len.get() + 1);
    }

    /// Takes `t` out. It must be in this list.
    pub fn remove(&self, t: P<T>) {
        let l = t.get().link();
        crate::aver_critical!(l.linked.get());
        match l.prev.get() {
            Some(p) => p.get().link().next.set(l.next.get()),
            None => self.head.set(l.next.get()),
        }
        match l.next.get() {
            Some(n) => n.get().link().prev.set(l.prev.get()),
            None => self.tail.set(l.prev.get()),
        }
        l.next.set(None);
        l.prev.set(None);
        l.linked.set(false);
        self.len.set(self.len.get() - 1);
    }

    /// Takes the first out.
    pub fn pop_front(&self) -> Option<P<T>> {
        let t = self.head.get()?;
        self.remove(t);
        Some(t)
    }

    /// Goes through the list; the one just given may be removed meanwhile.
    pub fn iter(&self) -> Iter<T, N> {
        Iter { at: self.head.get() }
    }
}

/// See [`List::iter`].
pub struct Iter<T: Linked<N>, const N: usize> {
    at: Option<P<T>>,
}

impl<T: Linked<N>, const N: usize> Iterator for Iter<T, N> {
    type Item = P<T>;
    fn next(&mut self) -> Option<P<T>> {
        let t = self.at?;
        self.at = t.get().link().next.get();
        Some(t)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::ptr::NonNull;
    use std::boxed::Box;
    use std::collections::VecDeque;
    use std::vec::Vec;

    struct Node {
        n: u32,
        link: Link<Node>,
    }
    impl Linked<0> for Node {
        fn link(&self) -> &Link<Node> {
            &self.link
        }
    }
    fn node(n: u32) -> P<Node> {
        let b = Box::leak(Box::new(Node { n, link: Link::default() }));
        // SAFETY: leaked, so it lives for ever.
        unsafe { P::new(NonNull::from(b)) }
    }

    #[test]
    fn against_a_deque() {
        let list: List<Node, 0> = List::default();
        let nodes: Vec<P<Node>> = (0..64).map(node).collect();
        let mut model: VecDeque<u32> = VecDeque::new();
        let mut x: u32 = 0x2545_F491;
        for _ in 0..10_000 {
            x ^= x << 13;
            x ^= x >> 17;
            x ^= x << 5;
            let t = nodes[(x % 64) as usize];
            if t.link.is_linked() {
                list.remove(t);
                model.retain(|&m| m != t.n);
            } else if x & 64 != 0 {
                list.push_front(t);
                model.push_front(t.n);
            } else {
                list.push_back(t);
                model.push_back(t.n);
            }
            assert_eq!(list.len(), model.len());
            assert!(list.iter().map(|p| p.n).eq(model.iter().copied()));
        }
    }
}
