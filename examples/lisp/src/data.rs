//! What values are: words, and objects on the heap.

use mps::{Array, Field, Finalize, Gc, Heap, Moves, Res, RootArray, Slot, Trace, Value};
use std::cell::{Cell, RefCell};

pub type V<'m, 'id> = Value<'m, 'id>;
pub type Str<'m, 'id> = Gc<'m, 'id, Array<Cell<u8>>>;

/// Why something has no value: what was raised, want of memory, or the end of the program.
pub enum Fail<'m, 'id> {
    Raise(V<'m, 'id>),
    Memory,
    Uncaught(V<'m, 'id>),
    Exit(i32),
}
pub type R<'m, 'id, T = V<'m, 'id>> = Result<T, Fail<'m, 'id>>;

impl From<Res> for Fail<'_, '_> {
    fn from(_: Res) -> Self {
        Fail::Memory
    }
}

// Marks: a constant, a character, a symbol or a builtin procedure.
pub const F: usize = 0;
pub const T: usize = 8;
pub const NIL: usize = 16;
pub const UNSPEC: usize = 24;
pub const EOF: usize = 32;
pub const UNDEF: usize = 40;
pub const EMPTY: usize = 48;
pub const DELETED: usize = 56;
/// In place of the procedure to return to: the frame below is on the heap.
pub const BELOW: usize = 64;
pub const CHAR: usize = 1;
pub const SYM: usize = 2;
pub const PRIM: usize = 3;

pub fn k<'m, 'id>(mark: usize) -> V<'m, 'id> {
    Value::mark(mark)
}
pub fn of<'m, 'id>(what: usize, n: usize) -> V<'m, 'id> {
    Value::mark(n << 3 | what)
}
pub fn bool<'m, 'id>(b: bool) -> V<'m, 'id> {
    k(if b { T } else { F })
}
pub fn int<'m, 'id>(n: usize) -> V<'m, 'id> {
    Value::small(n as isize)
}
#[inline(always)]
pub fn is(v: V, mark: usize) -> bool {
    v.is(k(mark))
}
pub fn as_mark(v: V, what: usize) -> Option<usize> {
    v.as_mark().filter(|m| m & 7 == what).map(|m| m >> 3)
}

#[derive(Trace)]
pub struct Pair<'id> {
    pub car: Slot<'id>,
    pub cdr: Slot<'id>,
}
#[derive(Trace)]
pub struct Real(pub f64);
#[derive(Trace)]
pub struct Boxed<'id>(pub Slot<'id>);
#[derive(Trace)]
pub struct Closure<'id> {
    pub code: &'static Code,
    pub free: Field<'id, Array<Slot<'id>>>,
}
#[derive(Trace)]
pub struct Record<'id> {
    pub tag: Slot<'id>,
    pub fields: Field<'id, Array<Slot<'id>>>,
}
#[derive(Trace)]
pub struct Error<'id> {
    pub message: Slot<'id>,
    pub irritants: Slot<'id>,
}
/// A part of the stack, and how to go on in its topmost frame.
#[derive(Trace)]
pub struct Segment<'id> {
    pub next: Slot<'id>,
    pub closure: Slot<'id>,
    pub slots: Field<'id, Array<Slot<'id>>>,
    pub pc: usize,
    pub fp: usize,
}
#[derive(Trace)]
pub struct Continuation<'id>(pub Slot<'id>);
/// Open addressing; if by address, it has to be put in order when keys may have moved.
#[derive(Trace)]
pub struct Table<'id> {
    pub keys: Field<'id, Array<Slot<'id>>>,
    pub values: Field<'id, Array<Slot<'id>>>,
    pub count: Cell<usize>,
    pub used: Cell<usize>,
    pub by_address: bool,
    pub moves: Moves,
}
/// Its text is in [`PORTS`], until a collection finds that the port is gone.
#[derive(Trace)]
pub struct Port(pub usize);

/// A port's text, and how much of it has been read.
pub type Text = Option<(Vec<u8>, usize)>;
thread_local!(pub static PORTS: RefCell<Vec<Text>> = const { RefCell::new(Vec::new()) });

impl<'id> Finalize<'id> for Port {
    fn finalize<'m>(port: Gc<'m, 'id, Port>, _: &'m Heap<'id>) {
        PORTS.with_borrow_mut(|p| p[port.0] = None);
    }
}

/// The body of a procedure. There is no end to its life.
pub struct Code {
    pub ops: Vec<Op>,
    pub codes: Vec<&'static Code>,
    pub required: usize,
    pub rest: bool,
    pub stack: usize,
    pub name: usize,
}

/// Operations have their last operand in the accumulator, and others on the stack.
#[derive(Clone, Copy, Debug)]
pub enum Op {
    Small(i32),
    Mark(u32),
    Const(u32),
    Local(u32),
    LocalBox(u32),
    Free(u32),
    FreeBox(u32),
    This,
    Global(u32),
    Push,
    PushLocal(u32),
    SetLocal(u32),
    SetLocalBox(u32),
    SetFreeBox(u32),
    SetGlobal(u32),
    Define(u32),
    Box(u32),
    Pop(u32),
    Jump(u32),
    JumpFalse(u32),
    JumpTrue(u32),
    Frame(u32),
    Call(u32),
    TailCall(u32),
    Return,
    Closure(u16, u16),
    AddConst(i32),
    Inline(Inline),
}
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Inline {
    Car,
    Cdr,
    IsNull,
    IsPair,
    Not,
    Cons,
    Eq,
    Add,
    Sub,
    Mul,
    Lt,
    Gt,
    Le,
    Ge,
    NumEq,
    VectorRef,
    SetCar,
    SetCdr,
    VectorSet,
}

/// What is outside of the heap and keeps objects alive.
pub struct Roots<'id> {
    pub stack: RootArray<'id>,
    pub globals: RootArray<'id>,
    pub consts: RootArray<'id>,
    pub regs: RootArray<'id>,
}
pub const STACK: usize = 128 * 1024;
/// How many symbols there may be, and how many constants that are objects.
pub const TABLES: usize = 32 * 1024;
// Registers.
pub const ACC: usize = 0;
pub const CLOSURE: usize = 1;
pub const SEGMENTS: usize = 2;
pub const HANDLERS: usize = 3;
pub const NO_MEMORY: usize = 4;
pub const RESERVE: usize = 5;

/// The heap, while objects stay where they are.
#[derive(Clone, Copy)]
pub struct Cx<'m, 'id> {
    pub heap: &'m Heap<'id>,
    pub roots: &'m Roots<'id>,
}

impl<'m, 'id> Cx<'m, 'id> {
    #[inline(always)]
    pub fn cons(self, car: V<'m, 'id>, cdr: V<'m, 'id>) -> R<'m, 'id> {
        let p = self.heap.alloc(Pair { car: Slot::new(), cdr: Slot::new() })?;
        p.write(|p| &p.car, car);
        p.write(|p| &p.cdr, cdr);
        Ok(p.into())
    }
    pub fn list(self, items: &[V<'m, 'id>]) -> R<'m, 'id> {
        self.list_to(items, k(NIL))
    }
    pub fn list_to(self, items: &[V<'m, 'id>], end: V<'m, 'id>) -> R<'m, 'id> {
        items.iter().rev().try_fold(end, |l, x| self.cons(*x, l))
    }
    pub fn string(self, bytes: &[u8]) -> R<'m, 'id> {
        Ok(self.heap.alloc_cells(bytes)?.into())
    }
    pub fn real(self, x: f64) -> R<'m, 'id> {
        Ok(self.heap.alloc(Real(x))?.into())
    }
    pub fn condition(self, message: &[u8], irritants: V<'m, 'id>) -> R<'m, 'id> {
        let e = self.heap.alloc(Error { message: Slot::new(), irritants: Slot::new() })?;
        e.write(|e| &e.message, self.string(message)?);
        e.write(|e| &e.irritants, irritants);
        Ok(e.into())
    }
    pub fn error<X>(self, message: &str, irritant: V<'m, 'id>) -> R<'m, 'id, X> {
        Err(Fail::Raise(self.condition(message.as_bytes(), self.list(&[irritant])?)?))
    }
    pub fn wrong<X>(self, who: &str, wanted: &str, got: V<'m, 'id>) -> R<'m, 'id, X> {
        self.error(&format!("{who}: expected a {wanted}"), got)
    }
    #[inline(always)]
    pub fn car(self, v: V<'m, 'id>) -> Option<V<'m, 'id>> {
        Some(v.cast::<Pair>()?.to_ref().car.get(self.heap))
    }
    #[inline(always)]
    pub fn cdr(self, v: V<'m, 'id>) -> Option<V<'m, 'id>> {
        Some(v.cast::<Pair>()?.to_ref().cdr.get(self.heap))
    }
    pub fn vec(self, v: V<'m, 'id>) -> Option<&'m [Slot<'id>]> {
        v.cast::<Array<Slot>>().map(Gc::elements)
    }
    /// The items of a list, and its end.
    pub fn items(self, mut v: V<'m, 'id>) -> (Vec<V<'m, 'id>>, V<'m, 'id>) {
        let mut items = Vec::new();
        while let Some(p) = v.cast::<Pair>() {
            items.push(p.to_ref().car.get(self.heap));
            v = p.to_ref().cdr.get(self.heap);
        }
        (items, v)
    }
    pub fn text(self, v: V<'m, 'id>) -> Option<Vec<u8>> {
        Some(v.cast::<Array<Cell<u8>>>()?.elements().iter().map(Cell::get).collect())
    }
}
