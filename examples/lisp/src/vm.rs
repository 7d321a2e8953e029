//! The machine. Its stack is an array of roots; when that is full, or a continuation is captured,
//! the older frames go to the heap in pieces, and come back on return.
//!
//! A frame: the procedure to return to, where in it, the distance to the frame below; then
//! arguments, where `fp` points; then variables and temporaries.

use crate::data::*;
use crate::prims::{APPLY, CALL_CC, PRIMS};
use mps::{Array, Field, Gc, Heap, Slot, Value};
use std::collections::HashMap;

/// Why the machine has stopped.
pub enum Stop {
    /// The collector wants to have its turn.
    Safepoint,
    Collect,
    Done(i32),
}

pub struct Vm {
    pub names: Vec<Box<[u8]>>,
    pub symbols: HashMap<Box<[u8]>, usize>,
    /// Which symbols are defined by the program, so that calls of them are not inlined.
    pub defined: Vec<bool>,
    pub consts: usize,
    pub out: Vec<u8>,
    pub random: u64,
    /// A collection has been asked for.
    pub gc: bool,
    /// How many calls there are between two collections that are forced. 0: none are.
    pub every: usize,
    pub calls: usize,
    /// A heap that has run out of memory once may do so again at once.
    pub low: bool,
    pub began: std::time::Instant,
    sp: usize,
    fp: usize,
    pc: usize,
    code: &'static Code,
    /// An operation that returns.
    returns: &'static Code,
    /// How many arguments the procedure in the accumulator is about to be called with.
    calling: Option<usize>,
    /// The highest slot that may have something in it.
    high: usize,
}

/// The program has not asked to end.
const GO_ON: i32 = i32::MIN;
const PIECE: usize = 4096;
/// Beyond what a procedure wants: for the call of an error's handler.
const MARGIN: usize = 8;

impl Vm {
    pub fn new() -> Vm {
        let code = Code {
            ops: vec![Op::Return],
            codes: vec![],
            required: 0,
            rest: false,
            stack: 8,
            name: 0,
        };
        let code: &Code = Box::leak(Box::new(code));
        Vm {
            names: vec![],
            symbols: HashMap::new(),
            defined: vec![],
            consts: 0,
            out: vec![],
            random: 20_240_229,
            gc: false,
            every: 0,
            calls: 0,
            low: false,
            sp: 3,
            fp: 3,
            pc: 0,
            code,
            returns: code,
            calling: None,
            high: 0,
            began: std::time::Instant::now(),
        }
    }

    pub fn intern(&mut self, name: &[u8]) -> usize {
        if let Some(s) = self.symbols.get(name) {
            return *s;
        }
        let s = self.fresh(name);
        self.symbols.insert(name.into(), s);
        s
    }
    pub fn fresh(&mut self, name: &[u8]) -> usize {
        self.names.push(name.into());
        self.defined.push(false);
        self.names.len() - 1
    }
    pub fn symbol<'m, 'id>(&mut self, name: &[u8]) -> V<'m, 'id> {
        of(SYM, self.intern(name))
    }

    /// A symbol, if there is room for its value.
    pub fn known<'m, 'id>(&self, cx: Cx<'m, 'id>, s: usize) -> R<'m, 'id> {
        if s < TABLES { Ok(of(SYM, s)) } else { cx.error("too many symbols", k(F)) }
    }
    pub fn enough<'m, 'id>(&self, cx: Cx<'m, 'id>) -> R<'m, 'id> {
        self.known(cx, self.names.len().max(self.consts))
    }

    /// Gets ready: builtin procedures have their names.
    pub fn start(&mut self, cx: Cx) -> Result<(), mps::Res> {
        for f in crate::compile::FORMS {
            self.intern(f.as_bytes());
        }
        for (i, p) in crate::prims::PRIMS.iter().enumerate() {
            cx.roots.globals.set(self.intern(p.0.as_bytes()), of(PRIM, i));
        }
        let error = cx.condition(b"out of memory", k(NIL)).map_err(|_| mps::Res::Memory)?;
        cx.roots.regs.set(NO_MEMORY, error);
        cx.roots.regs.set(RESERVE, cx.heap.alloc_slots(1 << 16, k(F))?.into());
        Ok(())
    }

    /// Runs what is in a text; the exit code.
    pub fn load<'id>(&mut self, heap: &mut Heap<'id>, roots: &Roots<'id>, text: &[u8]) -> i32 {
        let mut at = 0;
        loop {
            let cx = Cx { heap, roots };
            let mut reader = crate::text::Reader { text, at };
            let x = reader.read(self, cx, 0);
            at = reader.at;
            let code = match x {
                Ok(x) if is(x, EOF) => return 0,
                Ok(x) => crate::compile::compile(self, cx, x),
                Err(why) => Err(why),
            };
            let call = code.and_then(|code| make_closure(cx, code, 0, 0));
            match call {
                Ok(c) => drop(roots.regs.set(ACC, c)),
                Err(Fail::Raise(x)) => {
                    self.report(cx, x);
                    return 1;
                }
                Err(_) => return 2,
            }
            (self.sp, self.fp, self.calling) = (3, 3, Some(0));
            roots.stack.set(0, k(BELOW));
            roots.regs.set(CLOSURE, k(BELOW));
            roots.regs.set(SEGMENTS, k(NIL));
            roots.regs.set(HANDLERS, k(NIL));
            let code = drive(self, heap, roots);
            if code != GO_ON {
                return code;
            }
        }
    }

    /// Runs until objects may have to move. Everything is in the roots then.
    pub fn run<'m, 'id>(&mut self, cx: Cx<'m, 'id>, again: bool) -> Stop {
        let mut retried = again;
        loop {
            let fail = match self.execute(cx) {
                Ok(stop) => return stop,
                Err(fail) => fail,
            };
            let x = match fail {
                Fail::Exit(code) => return Stop::Done(code),
                Fail::Uncaught(x) => {
                    self.report(cx, x);
                    return Stop::Done(1);
                }
                Fail::Memory if !retried => return Stop::Collect,
                Fail::Memory if self.low => {
                    self.report(cx, cx.roots.regs.get(cx.heap, NO_MEMORY));
                    return Stop::Done(1);
                }
                Fail::Memory => {
                    self.low = true;
                    cx.roots.regs.set(RESERVE, Value::NOTHING);
                    cx.roots.regs.get(cx.heap, NO_MEMORY)
                }
                Fail::Raise(x) => x,
            };
            retried = false;
            // A call of `%raise` from there.
            let stack = &cx.roots.stack;
            stack.set(self.sp, cx.roots.regs.get(cx.heap, CLOSURE));
            stack.set(self.sp + 1, int(self.pc));
            stack.set(self.sp + 2, int(self.sp + 3 - self.fp));
            stack.set(self.sp + 3, x);
            self.fp = self.sp + 3;
            self.sp += 4;
            self.high = self.high.max(self.sp);
            cx.roots.regs.set(ACC, cx.roots.globals.get(cx.heap, self.intern(b"%raise")));
            self.calling = Some(1);
            if self.low {
                return Stop::Collect;
            }
        }
    }

    pub fn report<'m, 'id>(&mut self, cx: Cx<'m, 'id>, x: V<'m, 'id>) {
        let mut text = b"error: ".to_vec();
        let items = match x.cast::<Error>() {
            Some(e) => {
                crate::text::print(self, cx, &mut text, e.to_ref().message.get(cx.heap), false, 0);
                cx.items(e.to_ref().irritants.get(cx.heap)).0
            }
            None => {
                text.extend(b"uncaught object");
                vec![x]
            }
        };
        for i in items {
            text.push(b' ');
            crate::text::print(self, cx, &mut text, i, true, 0);
        }
        self.flush();
        eprintln!("{}", String::from_utf8_lossy(&text));
    }
    pub fn flush(&mut self) {
        use std::io::Write;
        let _ = std::io::stdout().write_all(&self.out);
        self.out.clear();
    }

    /// Nothing above the stack's end keeps anything alive.
    pub fn trim(&mut self, roots: &Roots) {
        roots.stack.clear(self.sp..self.high.max(self.sp));
        self.high = self.sp;
    }

    /// Moves all frames below the current one to the heap.
    fn spill<'m, 'id>(&mut self, cx: Cx<'m, 'id>) -> R<'m, 'id, ()> {
        let Cx { heap, roots: Roots { stack, regs, .. } } = cx;
        let distance = |fp: usize| stack.get(heap, fp - 1).as_small().unwrap_or(0) as usize;
        // Where pieces are cut: at the frames of the procedures that are called from there.
        let mut pieces = Vec::new();
        let (mut top, mut at) = (self.fp, self.fp);
        while at != 3 {
            at -= distance(at);
            if at == 3 || top - at >= PIECE {
                pieces.push((at, top));
                top = at;
            }
        }
        let mut next = regs.get(heap, SEGMENTS);
        for (at, top) in pieces.into_iter().rev() {
            let slots: Vec<_> = (at - 3..top - 3).map(|i| stack.get(heap, i)).collect();
            let slots = heap.alloc_values(&slots)?;
            slots.write_at(0, k(BELOW));
            let s = heap.alloc(Segment {
                next: Slot::new(),
                closure: Slot::new(),
                slots: Field::null(),
                pc: stack.get(heap, top - 2).as_small().unwrap_or(0) as usize,
                fp: top - distance(top) - (at - 3),
            })?;
            s.set(|s| &s.slots, Some(slots));
            s.write(|s| &s.closure, stack.get(heap, top - 3));
            s.write(|s| &s.next, next);
            next = s.into();
        }
        regs.set(SEGMENTS, next);
        let down = self.fp - 3;
        for i in self.fp..self.sp {
            stack.set(i - down, stack.get(heap, i));
        }
        stack.set(0, k(BELOW));
        self.fp = 3;
        self.sp -= down;
        Ok(())
    }

    fn execute<'m, 'id>(&mut self, cx: Cx<'m, 'id>) -> R<'m, 'id, Stop> {
        let Cx { heap, roots: Roots { stack, globals, consts, regs } } = cx;
        let mut acc = regs.get(heap, ACC);
        let mut closure = regs.get(heap, CLOSURE);
        let (mut sp, mut fp, mut pc, mut code) = (self.sp, self.fp, self.pc, self.code);
        let mut free: &'m [Slot<'id>] = &[];
        let mut n = 0;
        let mut calling = self.calling.is_some();
        macro_rules! free {
            ($c:expr) => {
                free = $c.to_ref().free.get(heap).map_or(&[][..], Gc::elements)
            };
        }
        if let Some(c) = closure.cast::<Closure>() {
            free!(c);
        }
        // Puts everything where it is looked for, as of the operation at `$pc`.
        macro_rules! save {
            ($pc:expr, $calling:expr) => {{
                (self.sp, self.fp, self.pc, self.code, self.calling) =
                    (sp, fp, $pc, code, $calling);
                regs.set(ACC, acc);
                regs.set(CLOSURE, closure);
            }};
        }
        macro_rules! checked {
            ($e:expr) => {
                match $e {
                    Ok(x) => x,
                    Err(why) => {
                        save!(pc - 1, None);
                        return Err(why);
                    }
                }
            };
        }
        if let Some(args) = self.calling {
            n = args;
        }
        loop {
            while calling {
                // The frame is there: calls what is in the accumulator.
                if let Some(c) = acc.cast::<Closure>() {
                    let to = c.code;
                    if heap.is_due() || self.gc || self.every != 0 {
                        self.calls += 1;
                        let forced = self.every != 0 && self.calls.is_multiple_of(self.every);
                        if heap.is_due() || self.gc || forced {
                            save!(pc, Some(n));
                            return Ok(if self.gc || forced {
                                Stop::Collect
                            } else {
                                Stop::Safepoint
                            });
                        }
                    }
                    if fp + to.stack.max(n) + MARGIN > STACK {
                        save!(pc, Some(n));
                        self.spill(cx)?;
                        (sp, fp) = (self.sp, self.fp);
                    }
                    if n != to.required || to.rest {
                        save!(pc, Some(n));
                        if n < to.required || !to.rest {
                            self.calling = None;
                            return cx.error("wrong number of arguments", acc);
                        }
                        let mut list = k(NIL);
                        for i in (to.required..n).rev() {
                            list = cx.cons(stack.get(heap, fp + i), list)?;
                        }
                        stack.set(fp + to.required, list);
                        sp = fp + to.required + 1;
                    }
                    self.high = self.high.max(fp + to.stack + MARGIN);
                    (closure, code, pc, calling) = (acc, to, 0, false);
                    free!(c);
                    break;
                }
                let prim = as_mark(acc, PRIM);
                if prim == Some(CALL_CC) && n == 1 {
                    save!(pc, Some(n));
                    self.spill(cx)?;
                    (sp, fp) = (self.sp, self.fp);
                    let kont = heap.alloc(Continuation(Slot::new()))?;
                    kont.write(|c| &c.0, regs.get(heap, SEGMENTS));
                    acc = stack.get(heap, fp);
                    stack.set(fp, kont.into());
                    continue;
                }
                if prim == Some(APPLY) && n >= 2 {
                    save!(pc, Some(n));
                    let (items, end) = cx.items(stack.get(heap, sp - 1));
                    if !is(end, NIL) {
                        self.calling = None;
                        return cx.wrong("apply", "list", end);
                    }
                    if fp + n + items.len() + MARGIN > STACK {
                        self.spill(cx)?;
                        fp = self.fp;
                        if items.len() > STACK / 2 {
                            self.calling = None;
                            return cx.error("too many arguments", k(F));
                        }
                    }
                    acc = stack.get(heap, fp);
                    for i in 1..n - 1 {
                        stack.set(fp + i - 1, stack.get(heap, fp + i));
                    }
                    n -= 2;
                    for x in items {
                        stack.set(fp + n, x);
                        n += 1;
                    }
                    sp = fp + n;
                    self.high = self.high.max(sp);
                    continue;
                }
                if let Some(c) = acc.cast::<Continuation>().filter(|_| n == 1) {
                    let value = stack.get(heap, fp);
                    regs.set(SEGMENTS, c.to_ref().0.get(heap));
                    (acc, fp, sp) = (value, 3, 4);
                    stack.set(0, k(BELOW));
                } else {
                    save!(pc, Some(n));
                    acc = match self.prim(cx, acc, fp, n) {
                        Ok(x) => x,
                        Err(why) => {
                            if !matches!(why, Fail::Memory) {
                                self.calling = None;
                            }
                            return Err(why);
                        }
                    };
                }
                // Returns.
                (calling, code, pc) = (false, self.returns, 0);
            }
            let op = code.ops[pc];
            pc += 1;
            match op {
                Op::Small(i) => acc = Value::small(i as isize),
                Op::Mark(m) => acc = k(m as usize),
                Op::Const(i) => acc = consts.get(heap, i as usize),
                Op::Local(i) => acc = stack.get(heap, fp + i as usize),
                Op::LocalBox(i) => acc = unbox(cx, stack.get(heap, fp + i as usize)),
                Op::Free(i) => acc = free[i as usize].get(heap),
                Op::FreeBox(i) => acc = unbox(cx, free[i as usize].get(heap)),
                Op::This => acc = closure,
                Op::Global(s) => {
                    acc = globals.get(heap, s as usize);
                    if acc.is(Value::NOTHING) {
                        checked!(cx.error("unbound variable", of(SYM, s as usize)))
                    }
                }
                Op::Push => {
                    stack.set(sp, acc);
                    sp += 1;
                }
                Op::PushLocal(i) => {
                    stack.set(sp, stack.get(heap, fp + i as usize));
                    sp += 1;
                }
                Op::SetLocal(i) => {
                    stack.set(fp + i as usize, acc);
                    acc = k(UNSPEC);
                }
                Op::SetLocalBox(i) => acc = set_box(stack.get(heap, fp + i as usize), acc),
                Op::SetFreeBox(i) => acc = set_box(free[i as usize].get(heap), acc),
                Op::SetGlobal(s) => {
                    if globals.get(heap, s as usize).is(Value::NOTHING) {
                        checked!(cx.error("set! of unbound variable", of(SYM, s as usize)))
                    }
                    globals.set(s as usize, acc);
                    acc = k(UNSPEC);
                }
                Op::Define(s) => {
                    globals.set(s as usize, acc);
                    acc = k(UNSPEC);
                }
                Op::Box(i) => {
                    let b = checked!(heap.alloc(Boxed(Slot::new())).map_err(Fail::from));
                    b.write(|b| &b.0, stack.get(heap, fp + i as usize));
                    stack.set(fp + i as usize, b.into());
                }
                Op::Pop(n) => sp -= n as usize,
                Op::Jump(to) => pc = to as usize,
                Op::JumpFalse(to) => {
                    if is(acc, F) {
                        pc = to as usize;
                    }
                }
                Op::JumpTrue(to) => {
                    if !is(acc, F) {
                        pc = to as usize;
                    }
                }
                Op::Frame(to) => {
                    stack.set(sp, closure);
                    stack.set(sp + 1, int(to as usize));
                    sp += 3;
                }
                Op::Call(args) => {
                    n = args as usize;
                    let to = sp - n;
                    stack.set(to - 1, int(to - fp));
                    fp = to;
                    calling = true;
                }
                Op::TailCall(args) => {
                    n = args as usize;
                    for i in 0..n {
                        stack.set(fp + i, stack.get(heap, sp - n + i));
                    }
                    sp = fp + n;
                    calling = true;
                }
                Op::Return => {
                    sp = fp - 3;
                    closure = stack.get(heap, sp);
                    if let Some(c) = closure.cast::<Closure>() {
                        pc = stack.get(heap, sp + 1).as_small().unwrap_or(0) as usize;
                        fp -= stack.get(heap, sp + 2).as_small().unwrap_or(0) as usize;
                        code = c.code;
                        free!(c);
                        continue;
                    }
                    let Some(s) = regs.get(heap, SEGMENTS).cast::<Segment>() else {
                        return Ok(Stop::Done(GO_ON));
                    };
                    let s = s.to_ref();
                    sp = 0;
                    for x in s.slots.get(heap).into_iter().flat_map(Gc::elements) {
                        stack.set(sp, x.get(heap));
                        sp += 1;
                    }
                    self.high = self.high.max(sp);
                    regs.set(SEGMENTS, s.next.get(heap));
                    (fp, pc, closure) = (s.fp, s.pc, s.closure.get(heap));
                    if let Some(c) = closure.cast::<Closure>() {
                        code = c.code;
                        free!(c);
                    }
                }
                Op::Closure(which, free) => {
                    let code = code.codes[which as usize];
                    acc = checked!(make_closure(cx, code, sp - free as usize, free as usize));
                    sp -= free as usize;
                }
                Op::AddConst(i) => {
                    let sum = acc.as_small().map(|x| x + i as isize).filter(|x| x << 1 >> 1 == *x);
                    acc = match sum {
                        Some(x) => Value::small(x),
                        None => checked!(crate::prims::arithmetic(
                            cx,
                            Inline::Add,
                            acc,
                            Value::small(i as isize)
                        )),
                    }
                }
                Op::Inline(what) => {
                    let x = stack.get(heap, sp - 1);
                    let mut used = 1;
                    acc = match what {
                        Inline::Car | Inline::Cdr => {
                            used = 0;
                            let pair = acc.cast::<Pair>().map(Gc::to_ref);
                            match (pair, what) {
                                (Some(p), Inline::Car) => p.car.get(heap),
                                (Some(p), _) => p.cdr.get(heap),
                                (None, Inline::Car) => checked!(cx.wrong("car", "pair", acc)),
                                (None, _) => checked!(cx.wrong("cdr", "pair", acc)),
                            }
                        }
                        Inline::IsNull => {
                            used = 0;
                            bool(is(acc, NIL))
                        }
                        Inline::IsPair => {
                            used = 0;
                            bool(acc.cast::<Pair>().is_some())
                        }
                        Inline::Not => {
                            used = 0;
                            bool(is(acc, F))
                        }
                        Inline::Cons => checked!(cx.cons(x, acc)),
                        Inline::Eq => bool(x.is(acc)),
                        Inline::Add | Inline::Sub | Inline::Mul => {
                            let small = match (x.as_small(), acc.as_small()) {
                                (Some(a), Some(b)) => match what {
                                    Inline::Add => Some(a + b),
                                    Inline::Sub => Some(a - b),
                                    _ => a.checked_mul(b),
                                },
                                _ => None,
                            };
                            match small.filter(|x| x << 1 >> 1 == *x) {
                                Some(x) => Value::small(x),
                                None => checked!(crate::prims::arithmetic(cx, what, x, acc)),
                            }
                        }
                        Inline::Lt | Inline::Gt | Inline::Le | Inline::Ge | Inline::NumEq => {
                            match (x.as_small(), acc.as_small()) {
                                (Some(a), Some(b)) => bool(match what {
                                    Inline::Lt => a < b,
                                    Inline::Gt => a > b,
                                    Inline::Le => a <= b,
                                    Inline::Ge => a >= b,
                                    _ => a == b,
                                }),
                                _ => bool(checked!(crate::prims::compare(cx, what, x, acc))),
                            }
                        }
                        Inline::VectorRef => {
                            let Some(v) = x.cast::<Array<Slot>>() else {
                                checked!(cx.wrong("vector-ref", "vector", x))
                            };
                            let i = acc.as_small().and_then(|i| v.get(heap, i as usize));
                            match i {
                                Some(x) => x,
                                None => checked!(cx.error("vector-ref: index out of range", acc)),
                            }
                        }
                        Inline::SetCar | Inline::SetCdr => {
                            match (x.cast::<Pair>(), what) {
                                (Some(p), Inline::SetCar) => p.write(|p| &p.car, acc),
                                (Some(p), _) => p.write(|p| &p.cdr, acc),
                                _ => checked!(cx.wrong("set-car!", "pair", x)),
                            }
                            k(UNSPEC)
                        }
                        Inline::VectorSet => {
                            used = 2;
                            let v = stack.get(heap, sp - 2);
                            let Some(to) = v.cast::<Array<Slot>>() else {
                                checked!(cx.wrong("vector-set!", "vector", v))
                            };
                            if !x.as_small().is_some_and(|i| to.write_at(i as usize, acc)) {
                                checked!(cx.error("vector-set!: index out of range", x))
                            }
                            k(UNSPEC)
                        }
                    };
                    sp -= used;
                }
            }
        }
    }

    /// Calls a builtin procedure with the arguments on the stack.
    fn prim<'m, 'id>(
        &mut self,
        cx: Cx<'m, 'id>,
        acc: V<'m, 'id>,
        at: usize,
        n: usize,
    ) -> R<'m, 'id> {
        let (stack, heap) = (&cx.roots.stack, cx.heap);
        let Some(&(_, min, max, f)) = as_mark(acc, PRIM).and_then(|p| PRIMS.get(p)) else {
            return cx.error("not a procedure", acc);
        };
        if n < min || n > max {
            return cx.error("wrong number of arguments", acc);
        }
        if n <= 4 {
            let args = [0, 1, 2, 3].map(|i| if i < n { stack.get(heap, at + i) } else { acc });
            return f(self, cx, &args[..n]);
        }
        let args: Vec<_> = (at..at + n).map(|i| stack.get(heap, i)).collect();
        f(self, cx, &args)
    }
}

fn unbox<'m, 'id>(cx: Cx<'m, 'id>, b: V<'m, 'id>) -> V<'m, 'id> {
    b.cast::<Boxed>().map_or(b, |b| b.to_ref().0.get(cx.heap))
}
fn set_box<'m, 'id>(b: V<'m, 'id>, to: V<'m, 'id>) -> V<'m, 'id> {
    if let Some(b) = b.cast::<Boxed>() {
        b.write(|b| &b.0, to);
    }
    k(UNSPEC)
}

/// A closure over the values at `at` on the stack.
fn make_closure<'m, 'id>(cx: Cx<'m, 'id>, code: &'static Code, at: usize, n: usize) -> R<'m, 'id> {
    let c = cx.heap.alloc(Closure { code, free: Field::null() })?;
    if n != 0 {
        let free = cx.heap.alloc_slots(n, Value::NOTHING)?;
        for i in 0..n {
            free.write_at(i, cx.roots.stack.get(cx.heap, at + i));
        }
        c.set(|c| &c.free, Some(free));
    }
    Ok(c.into())
}

/// Lets the collector have its turn whenever the machine stops for it; the program's exit code.
pub fn drive<'id>(vm: &mut Vm, heap: &mut Heap<'id>, roots: &Roots<'id>) -> i32 {
    let mut again = false;
    loop {
        let stop = vm.run(Cx { heap, roots }, again);
        vm.trim(roots);
        again = false;
        match stop {
            Stop::Done(code) => return code,
            Stop::Safepoint => heap.safepoint(),
            Stop::Collect => {
                again = !vm.gc;
                vm.gc = false;
                heap.collect();
            }
        }
        heap.run_finalizers();
        if !again
            && vm.low
            && let Ok(r) = heap.alloc_slots(1 << 16, k(F))
        {
            roots.regs.set(RESERVE, r.into());
            vm.low = false;
        }
    }
}
