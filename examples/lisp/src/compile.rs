//! From data to code: derived forms become simpler ones, variables get their places, code is made.

use crate::data::*;
use crate::vm::Vm;

/// Special forms, in the order of their symbols.
pub const FORMS: [&str; 24] = [
    "quote",
    "if",
    "define",
    "set!",
    "lambda",
    "begin",
    "let",
    "and",
    "or",
    "cond",
    "case",
    "let*",
    "letrec",
    "letrec*",
    "do",
    "guard",
    "define-record-type",
    "quasiquote",
    "when",
    "unless",
    "delay",
    "cons-stream",
    "named-lambda",
    "unquote",
];
const INLINE: [(&str, Inline, usize); 21] = [
    ("car", Inline::Car, 1),
    ("cdr", Inline::Cdr, 1),
    ("null?", Inline::IsNull, 1),
    ("pair?", Inline::IsPair, 1),
    ("not", Inline::Not, 1),
    ("cons", Inline::Cons, 2),
    ("%cons", Inline::Cons, 2),
    ("eq?", Inline::Eq, 2),
    ("+", Inline::Add, 2),
    ("-", Inline::Sub, 2),
    ("*", Inline::Mul, 2),
    ("<", Inline::Lt, 2),
    (">", Inline::Gt, 2),
    ("<=", Inline::Le, 2),
    (">=", Inline::Ge, 2),
    ("=", Inline::NumEq, 2),
    ("vector-ref", Inline::VectorRef, 2),
    ("set-car!", Inline::SetCar, 2),
    ("set-cdr!", Inline::SetCdr, 2),
    ("vector-set!", Inline::VectorSet, 3),
    ("%eq?", Inline::Eq, 2),
];

struct Var {
    symbol: usize,
    fun: usize,
    captured: bool,
    set: bool,
    /// A procedure that may run before the variable has its value has captured it.
    early: bool,
    defined: bool,
}
struct Fun {
    parent: usize,
    /// The variable that this procedure is the value of.
    this: Option<usize>,
    free: Vec<usize>,
    places: Vec<(usize, usize)>,
    ops: Vec<Op>,
    codes: Vec<&'static Code>,
    depth: usize,
    most: usize,
    /// The last operation that is jumped to: what is before it stays as it is.
    target: usize,
}
enum Node<'m, 'id> {
    Lit(V<'m, 'id>),
    Var(usize),
    Global(usize),
    Set(usize, Box<Node<'m, 'id>>),
    SetGlobal(usize, Box<Node<'m, 'id>>, bool),
    If(Box<[Node<'m, 'id>; 3]>),
    Or(Vec<Node<'m, 'id>>, bool),
    Seq(Vec<Node<'m, 'id>>),
    Let(Vec<(usize, Node<'m, 'id>)>, Box<Node<'m, 'id>>),
    Lambda { fun: usize, params: Vec<usize>, rest: bool, name: usize, body: Box<Node<'m, 'id>> },
    Call(Box<Node<'m, 'id>>, Vec<Node<'m, 'id>>),
}
pub struct Compiler<'a, 'm, 'id> {
    vm: &'a mut Vm,
    cx: Cx<'m, 'id>,
    vars: Vec<Var>,
    funs: Vec<Fun>,
    scope: Vec<usize>,
    fun: usize,
    deep: usize,
}

pub fn compile<'m, 'id>(vm: &mut Vm, cx: Cx<'m, 'id>, x: V<'m, 'id>) -> R<'m, 'id, &'static Code> {
    let mut c = Compiler { vm, cx, vars: vec![], funs: vec![], scope: vec![], fun: 0, deep: 0 };
    c.new_fun(None);
    let node = c.node(x)?;
    c.body(0, vec![], false, 0, &node)
}

impl<'m, 'id> Compiler<'_, 'm, 'id> {
    fn new_fun(&mut self, this: Option<usize>) -> usize {
        let (free, places, ops, codes) = (vec![], vec![], vec![], vec![]);
        self.funs.push(Fun {
            parent: self.fun,
            this,
            free,
            places,
            ops,
            codes,
            depth: 0,
            most: 0,
            target: 0,
        });
        self.funs.len() - 1
    }
    fn var(&mut self, symbol: usize, defined: bool) -> usize {
        self.vars.push(Var {
            symbol,
            fun: self.fun,
            captured: false,
            set: false,
            early: false,
            defined,
        });
        self.vars.len() - 1
    }
    fn find(&self, symbol: usize) -> Option<usize> {
        self.scope.iter().rev().copied().find(|v| self.vars[*v].symbol == symbol)
    }
    fn bad<X>(&self, what: &str, x: V<'m, 'id>) -> R<'m, 'id, X> {
        self.cx.error(what, x)
    }
    fn s(&mut self, name: &str) -> V<'m, 'id> {
        self.vm.symbol(name.as_bytes())
    }
    fn l(&self, items: &[V<'m, 'id>]) -> R<'m, 'id> {
        self.cx.list(items)
    }
    /// `(name item ... . rest)`
    fn f(&mut self, name: &str, items: &[V<'m, 'id>], rest: V<'m, 'id>) -> R<'m, 'id> {
        let rest = self.cx.list_to(items, rest)?;
        let name = self.s(name);
        self.cx.cons(name, rest)
    }
    fn fresh(&mut self) -> V<'m, 'id> {
        of(SYM, self.vm.fresh(b"t"))
    }

    fn node(&mut self, x: V<'m, 'id>) -> R<'m, 'id, Node<'m, 'id>> {
        self.deep += 1;
        if self.deep > 2000 {
            return self.bad("expression nested too deeply", k(F));
        }
        let node = self.node_at(x);
        self.deep -= 1;
        node
    }

    fn node_at(&mut self, x: V<'m, 'id>) -> R<'m, 'id, Node<'m, 'id>> {
        if let Some(s) = as_mark(x, SYM) {
            return match self.find(s) {
                Some(v) => Ok(self.refer(v)),
                None if s < FORMS.len() => self.bad("keyword used as a variable", x),
                None => Ok(Node::Global(s)),
            };
        }
        if x.cast::<Pair>().is_none() {
            return Ok(Node::Lit(x));
        }
        let (items, end) = self.cx.items(x);
        if !is(end, NIL) {
            return self.bad("improper list as expression", x);
        }
        let form = as_mark(items[0], SYM).filter(|s| *s < FORMS.len() && self.find(*s).is_none());
        if let Some(s) = form {
            return self.special(FORMS[s], x, &items);
        }
        let f = self.node(items[0])?;
        let args = items[1..].iter().map(|a| self.node(*a)).collect::<Result<_, _>>()?;
        Ok(Node::Call(Box::new(f), args))
    }

    fn refer(&mut self, v: usize) -> Node<'m, 'id> {
        let home = self.vars[v].fun;
        let (mut at, mut own) = (self.fun, false);
        while at != home {
            own |= self.funs[at].this == Some(v);
            at = self.funs[at].parent;
        }
        let var = &mut self.vars[v];
        if self.fun != home {
            var.captured = true;
            var.early |= !var.defined && !own;
        }
        Node::Var(v)
    }

    fn special(
        &mut self,
        form: &str,
        x: V<'m, 'id>,
        i: &[V<'m, 'id>],
    ) -> R<'m, 'id, Node<'m, 'id>> {
        let n = i.len();
        let rest = |c: &Self, skip: usize| c.cx.list(&i[skip.min(n)..]);
        let again = match form {
            "quote" if n == 2 => return Ok(Node::Lit(i[1])),
            "if" if n == 3 || n == 4 => {
                let no = if n == 4 { self.node(i[3])? } else { Node::Lit(k(UNSPEC)) };
                return Ok(Node::If(Box::new([self.node(i[1])?, self.node(i[2])?, no])));
            }
            "begin" => return self.seq(&i[1..]),
            "and" | "or" => {
                let parts = i[1..].iter().map(|p| self.node(*p)).collect::<Result<Vec<_>, _>>()?;
                return Ok(match parts.is_empty() {
                    true => Node::Lit(bool(form == "and")),
                    false => Node::Or(parts, form == "or"),
                });
            }
            "set!" if n == 3 => {
                let Some(s) = as_mark(i[1], SYM) else { return self.bad("bad set!", x) };
                let value = Box::new(self.node(i[2])?);
                let Some(v) = self.find(s) else { return Ok(Node::SetGlobal(s, value, false)) };
                self.refer(v);
                self.vars[v].set = true;
                return Ok(Node::Set(v, value));
            }
            "define" if n >= 2 => {
                let (name, value) = self.definition(x, i)?;
                if self.fun != 0 || !self.scope.is_empty() {
                    return self.bad("define out of place", x);
                }
                self.vm.defined[name] = true;
                let node = self.named(value, name, None)?;
                return Ok(Node::SetGlobal(name, Box::new(node), true));
            }
            "lambda" if n >= 3 => return self.lambda(i[1], &i[2..], 0, None),
            "let" if n >= 3 && as_mark(i[1], SYM).is_some() => {
                let (names, values) = self.bindings(i[2])?;
                let lambda = self.f("lambda", &[self.l(&names)?], rest(self, 3)?)?;
                let define = self.f("define", &[i[1], lambda], k(NIL))?;
                let make = self.f("let", &[k(NIL), define, i[1]], k(NIL))?;
                self.cx.cons(make, self.l(&values)?)?
            }
            "let" if n >= 3 => {
                let (names, values) = self.bindings(i[1])?;
                let nodes = values.iter().map(|v| self.node(*v)).collect::<Result<Vec<_>, _>>()?;
                let was = self.scope.len();
                let mut vars = vec![];
                for name in names {
                    let v = self.var(as_mark(name, SYM).unwrap_or(0), true);
                    vars.push(v);
                }
                self.scope.extend(&vars);
                let body = self.sequence(&i[2..]);
                self.scope.truncate(was);
                return Ok(Node::Let(vars.into_iter().zip(nodes).collect(), Box::new(body?)));
            }
            "let*" if n >= 3 => {
                let (b, _) = self.cx.items(i[1]);
                if b.len() < 2 {
                    self.f("let", &[], rest(self, 1)?)?
                } else {
                    let inner = self.f("let*", &[self.l(&b[1..])?], rest(self, 2)?)?;
                    self.f("let", &[self.l(&b[..1])?, inner], k(NIL))?
                }
            }
            "letrec" | "letrec*" if n >= 3 => {
                let inner = self.f("let", &[k(NIL)], rest(self, 2)?)?;
                let mut body = vec![k(NIL)];
                for b in self.cx.items(i[1]).0 {
                    body.push(self.f("define", &[], b)?);
                }
                body.push(inner);
                self.f("let", &body, k(NIL))?
            }
            "cond" => self.cond(x, i)?,
            "case" if n >= 2 => {
                let tmp = self.fresh();
                let mut clauses = vec![];
                for clause in &i[2..] {
                    let (c, _) = self.cx.items(*clause);
                    if c.len() < 2 {
                        return self.bad("bad case clause", x);
                    }
                    let mut body = self.l(&c[1..])?;
                    if c[1].is(self.s("=>")) {
                        body = self.l(&[self.l(&[c[2], tmp])?])?;
                    }
                    let test = if c[0].is(self.s("else")) {
                        c[0]
                    } else {
                        let data = self.f("quote", &[c[0]], k(NIL))?;
                        self.f("%memv", &[tmp, data], k(NIL))?
                    };
                    clauses.push(self.cx.cons(test, body)?);
                }
                let cond = self.f("cond", &clauses, k(NIL))?;
                self.f("let", &[self.l(&[self.l(&[tmp, i[1]])?])?, cond], k(NIL))?
            }
            "do" if n >= 3 => {
                let again = self.fresh();
                let (mut bindings, mut steps) = (vec![], vec![again]);
                for b in self.cx.items(i[1]).0 {
                    let (b, _) = self.cx.items(b);
                    if b.len() < 2 {
                        return self.bad("bad do variable", x);
                    }
                    bindings.push(self.l(&b[..2])?);
                    steps.push(*b.get(2).unwrap_or(&b[0]));
                }
                let (exit, _) = self.cx.items(i[2]);
                let Some(test) = exit.first() else { return self.bad("bad do", x) };
                let done = self.f("begin", &exit[1..], k(NIL))?;
                let body = [&i[3..], &[self.l(&steps)?]].concat();
                let body = self.f("begin", &body, k(NIL))?;
                let choose = self.f("if", &[*test, done, body], k(NIL))?;
                self.f("let", &[again, self.l(&bindings)?, choose], k(NIL))?
            }
            "guard" if n >= 3 => {
                let (spec, _) = self.cx.items(i[1]);
                let Some(var) = spec.first().copied() else { return self.bad("bad guard", x) };
                let mut clauses = spec[1..].to_vec();
                let last = clauses.last().and_then(|c| self.cx.car(*c));
                if !last.is_some_and(|l| l.is(self.s("else"))) {
                    let raise = self.f("%raise", &[var], k(NIL))?;
                    clauses.push(self.f("else", &[raise], k(NIL))?);
                }
                let body = self.f("lambda", &[k(NIL)], rest(self, 2)?)?;
                let cond = self.f("cond", &clauses, k(NIL))?;
                let handler = self.f("lambda", &[self.l(&[var])?, cond], k(NIL))?;
                self.f("%guard", &[body, handler], k(NIL))?
            }
            "define-record-type" if n >= 4 => self.record(i)?,
            "quasiquote" if n == 2 => self.quasi(i[1], 1)?,
            "when" | "unless" if n >= 2 => {
                let body = self.f("begin", &i[2..], k(NIL))?;
                let (yes, no) = if form == "when" { (body, k(UNSPEC)) } else { (k(UNSPEC), body) };
                self.f("if", &[i[1], yes, no], k(NIL))?
            }
            "delay" => {
                let thunk = self.f("lambda", &[k(NIL)], rest(self, 1)?)?;
                self.f("%make-promise", &[thunk], k(NIL))?
            }
            "cons-stream" if n == 3 => {
                let delay = self.f("delay", &[i[2]], k(NIL))?;
                self.f("%cons", &[i[1], delay], k(NIL))?
            }
            _ => return self.bad(&format!("bad {form}"), x),
        };
        self.node(again)
    }

    fn bindings(&mut self, list: V<'m, 'id>) -> R<'m, 'id, (Vec<V<'m, 'id>>, Vec<V<'m, 'id>>)> {
        let (mut names, mut values) = (vec![], vec![]);
        for b in self.cx.items(list).0 {
            match self.cx.items(b).0[..] {
                [name, value] if as_mark(name, SYM).is_some() => {
                    names.push(name);
                    values.push(value);
                }
                _ => return self.bad("bad binding", b),
            }
        }
        Ok((names, values))
    }

    fn cond(&mut self, x: V<'m, 'id>, i: &[V<'m, 'id>]) -> R<'m, 'id> {
        let Some(clause) = i.get(1) else { return Ok(k(UNSPEC)) };
        let (c, _) = self.cx.items(*clause);
        let Some(test) = c.first().copied() else { return self.bad("bad cond clause", x) };
        let body = self.f("begin", &c[1..], k(NIL))?;
        if test.is(self.s("else")) {
            return Ok(body);
        }
        let rest = self.f("cond", &i[2..], k(NIL))?;
        if c.len() == 1 {
            return self.f("or", &[test, rest], k(NIL));
        }
        if c.len() == 3 && c[1].is(self.s("=>")) {
            let tmp = self.fresh();
            let call = self.l(&[c[2], tmp])?;
            let choose = self.f("if", &[tmp, call, rest], k(NIL))?;
            return self.f("let", &[self.l(&[self.l(&[tmp, test])?])?, choose], k(NIL));
        }
        self.f("if", &[test, body, rest], k(NIL))
    }

    fn quasi(&mut self, x: V<'m, 'id>, depth: usize) -> R<'m, 'id> {
        let tagged = |c: &mut Self, x, name: &str| match c.cx.items(x) {
            (i, end) if i.len() == 2 && is(end, NIL) && i[0].is(c.s(name)) => Some(i[1]),
            _ => None,
        };
        let Some(p) = x.cast::<Pair>() else {
            if let Some(v) = self.cx.vec(x) {
                let items: Vec<_> = v.iter().map(|s| s.get(self.cx.heap)).collect();
                let list = self.quasi(self.l(&items)?, depth)?;
                return self.f("%list->vector", &[list], k(NIL));
            }
            return self.f("quote", &[x], k(NIL));
        };
        let (car, cdr) = (p.to_ref().car.get(self.cx.heap), p.to_ref().cdr.get(self.cx.heap));
        for (name, step) in [("unquote", -1), ("quasiquote", 1)] {
            if let Some(inner) = tagged(self, x, name) {
                if step < 0 && depth == 1 {
                    return Ok(inner);
                }
                let name = self.s(name);
                let name = self.f("quote", &[name], k(NIL))?;
                let rest = self.quasi(cdr, depth.wrapping_add_signed(step))?;
                return self.f("%cons", &[name, rest], k(NIL));
            }
        }
        let rest = self.quasi(cdr, depth)?;
        if let (Some(inner), 1) = (tagged(self, car, "unquote-splicing"), depth) {
            return self.f("%append", &[inner, rest], k(NIL));
        }
        let less = usize::from(tagged(self, car, "unquote-splicing").is_some());
        let first = self.quasi(car, depth - less)?;
        self.f("%cons", &[first, rest], k(NIL))
    }

    fn record(&mut self, i: &[V<'m, 'id>]) -> R<'m, 'id> {
        let tag = self.f("quote", &[self.l(&i[1..2])?], k(NIL))?;
        let (make, _) = self.cx.items(i[2]);
        let (r, v) = (self.fresh(), self.fresh());
        let (mut args, mut all) = (vec![tag], vec![]);
        for (at, field) in i[4..].iter().enumerate() {
            let (f, _) = self.cx.items(*field);
            let given = make.iter().skip(1).any(|m| m.is(f[0]));
            args.push(if given { f[0] } else { k(F) });
            for (name, accessor, params) in
                [(1, "%record-ref", &[r][..]), (2, "%record-set!", &[r, v])]
            {
                if let Some(name) = f.get(name) {
                    let head = self.cx.cons(*name, self.l(params)?)?;
                    let call = [&[r, tag, int(at)], &params[1..]].concat();
                    let body = self.f(accessor, &call, k(NIL))?;
                    all.push(self.f("define", &[head, body], k(NIL))?);
                }
            }
        }
        let new = self.f("%make-record", &args, k(NIL))?;
        all.push(self.f("define", &[i[2], new], k(NIL))?);
        let is = self.f("%record-is?", &[r, tag], k(NIL))?;
        all.push(self.f("define", &[self.l(&[i[3], r])?, is], k(NIL))?);
        self.f("begin", &all, k(NIL))
    }

    /// The name that is defined, and an expression for its value.
    fn definition(&mut self, x: V<'m, 'id>, i: &[V<'m, 'id>]) -> R<'m, 'id, (usize, V<'m, 'id>)> {
        let (mut target, mut value) = (i[1], *i.get(2).unwrap_or(&k(UNSPEC)));
        let mut body = self.l(&i[2..])?;
        while let (Some(name), Some(params)) = (self.cx.car(target), self.cx.cdr(target)) {
            value = self.f("lambda", &[params], body)?;
            body = self.l(&[value])?;
            target = name;
        }
        match as_mark(target, SYM) {
            Some(s) if i.len() <= 3 || !target.is(i[1]) => Ok((s, value)),
            _ => self.bad("bad define", x),
        }
    }

    /// An expression; if it is a procedure, it gets a name, and knows the variable that it is the value of.
    fn named(
        &mut self,
        x: V<'m, 'id>,
        name: usize,
        this: Option<usize>,
    ) -> R<'m, 'id, Node<'m, 'id>> {
        let (i, _) = self.cx.items(x);
        let lambda = i.first().is_some_and(|f| f.is(self.s("lambda")));
        if lambda && i.len() >= 3 && self.find(as_mark(i[0], SYM).unwrap_or(0)).is_none() {
            return self.lambda(i[1], &i[2..], name, this);
        }
        self.node(x)
    }

    fn lambda(
        &mut self,
        mut p: V<'m, 'id>,
        body: &[V<'m, 'id>],
        name: usize,
        this: Option<usize>,
    ) -> R<'m, 'id, Node<'m, 'id>> {
        let (outer, was) = (self.fun, self.scope.len());
        let fun = self.new_fun(this);
        self.fun = fun;
        let mut params = vec![];
        let mut rest = false;
        while !is(p, NIL) && !rest {
            rest = p.cast::<Pair>().is_none();
            let name = self.cx.car(p).unwrap_or(p);
            let Some(s) = as_mark(name, SYM) else {
                return self.bad("parameter is not a symbol", name);
            };
            let v = self.var(s, true);
            params.push(v);
            p = self.cx.cdr(p).unwrap_or(p);
        }
        self.scope.extend(&params);
        let node = self.sequence(body)?;
        self.scope.truncate(was);
        self.fun = outer;
        Ok(Node::Lambda { fun, params, rest, name, body: Box::new(node) })
    }

    fn seq(&mut self, forms: &[V<'m, 'id>]) -> R<'m, 'id, Node<'m, 'id>> {
        if forms.is_empty() {
            return Ok(Node::Lit(k(UNSPEC)));
        }
        Ok(Node::Seq(forms.iter().map(|f| self.node(*f)).collect::<Result<_, _>>()?))
    }

    /// A body: its definitions are variables that get their values in order.
    fn sequence(&mut self, forms: &[V<'m, 'id>]) -> R<'m, 'id, Node<'m, 'id>> {
        let mut all = vec![];
        let mut todo: Vec<_> = forms.iter().rev().copied().collect();
        while let Some(x) = todo.pop() {
            let (i, _) = self.cx.items(x);
            let head = i.first().and_then(|h| as_mark(*h, SYM)).filter(|s| self.find(*s).is_none());
            match head.and_then(|s| FORMS.get(s)).copied() {
                Some("begin") => todo.extend(i[1..].iter().rev()),
                Some("define-record-type") if i.len() >= 4 => todo.push(self.record(&i)?),
                Some("define") if i.len() >= 2 => {
                    let (name, value) = self.definition(x, &i)?;
                    all.push((Some(name), value));
                }
                _ => all.push((None, x)),
            }
        }
        let was = self.scope.len();
        let mut vars = vec![];
        for name in all.iter().filter_map(|a| a.0) {
            if !self.scope[was..].iter().any(|v| self.vars[*v].symbol == name) {
                let v = self.var(name, false);
                self.scope.push(v);
                vars.push((v, Node::Lit(k(UNSPEC))));
            }
        }
        let mut nodes = vec![];
        for (name, x) in all {
            let Some(s) = name else {
                nodes.push(self.node(x)?);
                continue;
            };
            let Some(v) = self.find(s) else { continue };
            let again = self.vars[v].defined;
            self.vars[v].set |= again;
            let value = self.named(x, s, Some(v).filter(|_| !again))?;
            self.vars[v].defined = true;
            nodes.push(Node::Set(v, Box::new(value)));
        }
        self.scope.truncate(was);
        let body = if nodes.is_empty() { Node::Lit(k(UNSPEC)) } else { Node::Seq(nodes) };
        Ok(if vars.is_empty() { body } else { Node::Let(vars, Box::new(body)) })
    }

    // ---- code

    fn boxed(&self, v: usize) -> bool {
        let v = &self.vars[v];
        // One that is set is the same for all that return to where it is: not a copy on the stack.
        v.set || (v.captured && v.early)
    }

    /// The code of a procedure; the variables it takes from outside are in its `free`.
    fn body(
        &mut self,
        fun: usize,
        params: Vec<usize>,
        rest: bool,
        name: usize,
        body: &Node<'m, 'id>,
    ) -> R<'m, 'id, &'static Code> {
        let required = params.len() - usize::from(rest);
        self.funs[fun].depth = params.len();
        for (at, v) in params.into_iter().enumerate() {
            self.funs[fun].places.push((v, at));
            if self.boxed(v) {
                self.op(fun, Op::Box(at as u32));
            }
        }
        self.emit(fun, body, true)?;
        let f = &mut self.funs[fun];
        let (ops, codes) = (std::mem::take(&mut f.ops), std::mem::take(&mut f.codes));
        Ok(Box::leak(Box::new(Code { ops, codes, required, rest, stack: f.most + 8, name })))
    }
    fn op(&mut self, fun: usize, op: Op) -> usize {
        self.funs[fun].ops.push(op);
        self.funs[fun].ops.len() - 1
    }
    fn grow(&mut self, fun: usize, by: usize) {
        let f = &mut self.funs[fun];
        f.depth += by;
        f.most = f.most.max(f.depth + 8);
    }
    fn push(&mut self, fun: usize) {
        let f = &mut self.funs[fun];
        match (f.ops.last().copied(), f.ops.len() > f.target) {
            (Some(Op::Local(i)), true) => *f.ops.last_mut().unwrap() = Op::PushLocal(i),
            _ => f.ops.push(Op::Push),
        }
        self.grow(fun, 1);
    }
    fn free(&mut self, fun: usize, v: usize) -> u32 {
        let free = &mut self.funs[fun].free;
        let at = free.iter().position(|f| *f == v).unwrap_or_else(|| {
            free.push(v);
            free.len() - 1
        });
        at as u32
    }
    /// Where a variable is, as an operation that gets what is there: the box, if it has one.
    fn raw(&mut self, fun: usize, v: usize) -> Op {
        if let Some((_, at)) = self.funs[fun].places.iter().rev().find(|p| p.0 == v) {
            return Op::Local(*at as u32);
        }
        if self.funs[fun].this == Some(v) && !self.boxed(v) {
            return Op::This;
        }
        Op::Free(self.free(fun, v))
    }
    fn patch(&mut self, fun: usize, at: usize) {
        let to = self.funs[fun].ops.len() as u32;
        match &mut self.funs[fun].ops[at] {
            Op::Jump(t) | Op::JumpFalse(t) | Op::JumpTrue(t) | Op::Frame(t) => *t = to,
            _ => {}
        }
        self.funs[fun].target = to as usize;
    }

    fn emit(&mut self, f: usize, node: &Node<'m, 'id>, tail: bool) -> R<'m, 'id, ()> {
        let mut returns = tail;
        match node {
            Node::Lit(v) => {
                let op = match (v.as_small().map(i32::try_from), v.as_mark()) {
                    (Some(Ok(n)), _) => Op::Small(n),
                    (_, Some(m)) => Op::Mark(m as u32),
                    _ => {
                        if !self.cx.roots.consts.set(self.vm.consts, *v) {
                            return self.bad("too many constants", k(F));
                        }
                        self.vm.consts += 1;
                        Op::Const(self.vm.consts as u32 - 1)
                    }
                };
                self.op(f, op);
            }
            Node::Var(v) => {
                let op = match (self.raw(f, *v), self.boxed(*v)) {
                    (Op::Local(i), true) => Op::LocalBox(i),
                    (Op::Free(i), true) => Op::FreeBox(i),
                    (op, _) => op,
                };
                self.op(f, op);
            }
            Node::Global(s) => {
                self.op(f, Op::Global(*s as u32));
            }
            Node::Set(v, value) => {
                self.emit(f, value, false)?;
                let op = match (self.raw(f, *v), self.boxed(*v)) {
                    (Op::Local(i), true) => Op::SetLocalBox(i),
                    (Op::Local(i), false) => Op::SetLocal(i),
                    (Op::Free(i), _) => Op::SetFreeBox(i),
                    _ => return self.bad("bad set!", k(F)),
                };
                self.op(f, op);
            }
            Node::SetGlobal(s, value, define) => {
                self.emit(f, value, false)?;
                let s = *s as u32;
                self.op(f, if *define { Op::Define(s) } else { Op::SetGlobal(s) });
                if *define {
                    self.op(f, Op::Mark(s << 3 | SYM as u32));
                }
            }
            Node::If(parts) => {
                let [test, yes, no] = &**parts;
                self.emit(f, test, false)?;
                let other = self.op(f, Op::JumpFalse(0));
                self.emit(f, yes, tail)?;
                let end = (!tail).then(|| self.op(f, Op::Jump(0)));
                self.patch(f, other);
                self.emit(f, no, tail)?;
                if let Some(end) = end {
                    self.patch(f, end);
                }
                returns = false;
            }
            Node::Or(parts, or) => {
                let mut ends = vec![];
                for (i, p) in parts.iter().enumerate() {
                    let last = i + 1 == parts.len();
                    self.emit(f, p, tail && last)?;
                    if !last {
                        ends.push(self.op(f, if *or { Op::JumpTrue(0) } else { Op::JumpFalse(0) }));
                    }
                }
                ends.into_iter().for_each(|e| self.patch(f, e));
            }
            Node::Seq(nodes) => {
                for (i, n) in nodes.iter().enumerate() {
                    self.emit(f, n, tail && i + 1 == nodes.len())?;
                }
                returns = false;
            }
            Node::Let(vars, body) => {
                let from = self.funs[f].depth;
                for (_, value) in vars {
                    self.emit(f, value, false)?;
                    self.push(f);
                }
                for (i, (v, _)) in vars.iter().enumerate() {
                    self.funs[f].places.push((*v, from + i));
                    if self.boxed(*v) {
                        self.op(f, Op::Box((from + i) as u32));
                    }
                }
                self.emit(f, body, tail)?;
                if !tail && !vars.is_empty() {
                    self.op(f, Op::Pop(vars.len() as u32));
                }
                self.funs[f].depth = from;
                returns = false;
            }
            Node::Lambda { fun, params, rest, name, body } => {
                let code = self.body(*fun, params.clone(), *rest, *name, body)?;
                let free = std::mem::take(&mut self.funs[*fun].free);
                let n = free.len();
                for v in free {
                    let op = self.raw(f, v);
                    self.op(f, op);
                    self.push(f);
                }
                self.funs[f].depth -= n;
                self.funs[f].codes.push(code);
                let which = self.funs[f].codes.len() - 1;
                self.op(f, Op::Closure(which as u16, n as u16));
            }
            Node::Call(callee, args) => return self.call(f, callee, args, tail),
        }
        if returns {
            self.op(f, Op::Return);
        }
        Ok(())
    }

    fn call(
        &mut self,
        f: usize,
        callee: &Node<'m, 'id>,
        args: &[Node<'m, 'id>],
        tail: bool,
    ) -> R<'m, 'id, ()> {
        let name = match callee {
            Node::Global(s) if !self.vm.defined[*s] => &*self.vm.names[*s],
            _ => b"",
        };
        let inline = INLINE.iter().find(|i| i.0.as_bytes() == name && i.2 == args.len());
        if let Some((_, what, _)) = inline {
            let small = match args.last() {
                Some(Node::Lit(v)) => v.as_small().and_then(|n| i32::try_from(n).ok()),
                _ => None,
            };
            let constant = small.and_then(|n| match what {
                Inline::Add => Some(n),
                Inline::Sub => n.checked_neg(),
                _ => None,
            });
            let last = args.len() - usize::from(constant.is_some());
            for (i, a) in args[..last].iter().enumerate() {
                self.emit(f, a, false)?;
                if i + 1 != last {
                    self.push(f);
                }
            }
            self.funs[f].depth -= last - 1;
            self.op(f, constant.map_or(Op::Inline(*what), Op::AddConst));
            if tail {
                self.op(f, Op::Return);
            }
            return Ok(());
        }
        let from = self.funs[f].depth;
        let frame = (!tail).then(|| self.op(f, Op::Frame(0)));
        if frame.is_some() {
            self.grow(f, 3);
        }
        for a in args {
            self.emit(f, a, false)?;
            self.push(f);
        }
        self.emit(f, callee, false)?;
        let n = args.len() as u32;
        self.op(f, if tail { Op::TailCall(n) } else { Op::Call(n) });
        if let Some(frame) = frame {
            self.patch(f, frame);
        }
        self.funs[f].depth = from;
        Ok(())
    }
}
