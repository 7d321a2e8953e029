//! Builtin procedures.

use crate::compile::compile;
use crate::data::*;
use crate::text::{Reader, number, print, real};
use crate::vm::Vm;
use mps::{Array, Field, Gc, Moves, Slot, Value};
use std::cell::Cell;

type Args<'a, 'm, 'id> = &'a [V<'m, 'id>];
type Prim = for<'a, 'm, 'id> fn(&mut Vm, Cx<'m, 'id>, Args<'a, 'm, 'id>) -> R<'m, 'id>;
/// Any number of arguments.
const ANY: usize = usize::MAX;

// ---- numbers

fn float<'m, 'id>(v: V<'m, 'id>) -> Option<f64> {
    v.as_small().map(|n| n as f64).or_else(|| v.cast::<Real>().map(|r| r.0))
}
fn name(op: Inline) -> &'static str {
    match op {
        Inline::Add => "+",
        Inline::Sub => "-",
        Inline::Mul => "*",
        Inline::Lt => "<",
        Inline::Gt => ">",
        Inline::Le => "<=",
        Inline::Ge => ">=",
        _ => "=",
    }
}
fn two<'m, 'id>(
    cx: Cx<'m, 'id>,
    who: &str,
    a: V<'m, 'id>,
    b: V<'m, 'id>,
) -> R<'m, 'id, (f64, f64)> {
    match (float(a), float(b)) {
        (Some(x), Some(y)) => Ok((x, y)),
        (x, _) => cx.wrong(who, "number", if x.is_none() { a } else { b }),
    }
}
pub fn arithmetic<'m, 'id>(
    cx: Cx<'m, 'id>,
    op: Inline,
    a: V<'m, 'id>,
    b: V<'m, 'id>,
) -> R<'m, 'id> {
    if let (Some(x), Some(y)) = (a.as_small(), b.as_small()) {
        let n = match op {
            Inline::Add => x.checked_add(y),
            Inline::Sub => x.checked_sub(y),
            _ => x.checked_mul(y),
        };
        if let Some(n) = n.filter(|n| n << 1 >> 1 == *n) {
            return Ok(Value::small(n));
        }
    }
    let (x, y) = two(cx, name(op), a, b)?;
    cx.real(match op {
        Inline::Add => x + y,
        Inline::Sub => x - y,
        _ => x * y,
    })
}
pub fn compare<'m, 'id>(
    cx: Cx<'m, 'id>,
    op: Inline,
    a: V<'m, 'id>,
    b: V<'m, 'id>,
) -> R<'m, 'id, bool> {
    let (x, y) = two(cx, name(op), a, b)?;
    Ok(match op {
        Inline::Lt => x < y,
        Inline::Gt => x > y,
        Inline::Le => x <= y,
        Inline::Ge => x >= y,
        _ => x == y,
    })
}
fn fold<'m, 'id>(cx: Cx<'m, 'id>, op: Inline, unit: isize, a: Args<'_, 'm, 'id>) -> R<'m, 'id> {
    match a {
        [x] if op == Inline::Sub => arithmetic(cx, op, Value::small(0), *x),
        [x, rest @ ..] if op == Inline::Sub => {
            rest.iter().try_fold(*x, |x, y| arithmetic(cx, op, x, *y))
        }
        _ => a.iter().try_fold(Value::small(unit), |x, y| arithmetic(cx, op, x, *y)),
    }
}
fn ordered<'m, 'id>(cx: Cx<'m, 'id>, op: Inline, a: Args<'_, 'm, 'id>) -> R<'m, 'id> {
    for w in a.windows(2) {
        if !compare(cx, op, w[0], w[1])? {
            return Ok(k(F));
        }
    }
    Ok(k(T))
}
fn divide<'m, 'id>(cx: Cx<'m, 'id>, a: V<'m, 'id>, b: V<'m, 'id>) -> R<'m, 'id> {
    let (x, y) = two(cx, "/", a, b)?;
    match (a.as_small(), b.as_small()) {
        (Some(_), Some(0)) => cx.error("division by zero", a),
        (Some(x), Some(y)) if x % y == 0 => Ok(Value::small(x / y)),
        _ => cx.real(x / y),
    }
}
fn integral<'m, 'id>(
    cx: Cx<'m, 'id>,
    who: &str,
    a: Args<'_, 'm, 'id>,
    f: fn(isize, isize) -> isize,
    g: fn(f64, f64) -> f64,
) -> R<'m, 'id> {
    let (x, y) = two(cx, who, a[0], a[1])?;
    if y == 0.0 {
        return cx.error("division by zero", a[0]);
    }
    match (a[0].as_small(), a[1].as_small()) {
        (Some(x), Some(y)) => Ok(Value::small(f(x, y))),
        _ => cx.real(g(x, y)),
    }
}
fn real_of<'m, 'id>(cx: Cx<'m, 'id>, v: V<'m, 'id>) -> R<'m, 'id, f64> {
    float(v).map_or_else(|| cx.wrong("number", "number", v), Ok)
}
fn rounded<'m, 'id>(cx: Cx<'m, 'id>, v: V<'m, 'id>, f: fn(f64) -> f64) -> R<'m, 'id> {
    if v.as_small().is_some() { Ok(v) } else { cx.real(f(real_of(cx, v)?)) }
}
fn whole<'m, 'id>(cx: Cx<'m, 'id>, x: f64) -> R<'m, 'id> {
    if x.fract() == 0.0 && x.abs() < 4e18 { Ok(Value::small(x as isize)) } else { cx.real(x) }
}
fn extreme<'m, 'id>(cx: Cx<'m, 'id>, op: Inline, a: Args<'_, 'm, 'id>) -> R<'m, 'id> {
    let mut best = a[0];
    for x in &a[1..] {
        if compare(cx, op, *x, best)? {
            best = *x;
        }
    }
    let inexact = a.iter().any(|x| x.as_small().is_none());
    if inexact { cx.real(real_of(cx, best)?) } else { Ok(best) }
}
fn bits<'m, 'id>(a: Args<'_, 'm, 'id>, unit: isize, f: fn(isize, isize) -> isize) -> R<'m, 'id> {
    Ok(Value::small(a.iter().fold(unit, |x, y| f(x, y.as_small().unwrap_or(0)))))
}

// ---- equality, lists

pub fn eqv<'m, 'id>(a: V<'m, 'id>, b: V<'m, 'id>) -> bool {
    a.is(b) || matches!((a.cast::<Real>(), b.cast::<Real>()), (Some(x), Some(y)) if x.0 == y.0)
}
fn equal<'m, 'id>(cx: Cx<'m, 'id>, mut a: V<'m, 'id>, mut b: V<'m, 'id>) -> bool {
    while let (Some(x), Some(y)) = (a.cast::<Pair>(), b.cast::<Pair>()) {
        let (x, y) = (x.to_ref(), y.to_ref());
        if !equal(cx, x.car.get(cx.heap), y.car.get(cx.heap)) {
            return false;
        }
        (a, b) = (x.cdr.get(cx.heap), y.cdr.get(cx.heap));
    }
    if let (Some(x), Some(y)) = (cx.vec(a), cx.vec(b)) {
        return x.len() == y.len()
            && x.iter().zip(y).all(|(x, y)| equal(cx, x.get(cx.heap), y.get(cx.heap)));
    }
    eqv(a, b) || matches!((a.cast::<Array<Cell<u8>>>(), b.cast()), (Some(x), Some(y)) if same(x, y))
}
fn same<'m, 'id>(x: Str<'m, 'id>, y: Str<'m, 'id>) -> bool {
    x.elements() == y.elements()
}
/// How keys are compared: by `eq?`, `eqv?` or `equal?`.
fn alike<'m, 'id>(cx: Cx<'m, 'id>, how: u8, a: V<'m, 'id>, b: V<'m, 'id>) -> bool {
    if how == 2 { equal(cx, a, b) } else { eqv(a, b) }
}
fn member<'m, 'id>(
    cx: Cx<'m, 'id>,
    how: u8,
    x: V<'m, 'id>,
    mut list: V<'m, 'id>,
    pairs: bool,
) -> R<'m, 'id> {
    while let Some(p) = list.cast::<Pair>() {
        let item = p.to_ref().car.get(cx.heap);
        let key = if pairs { cx.car(item).unwrap_or(item) } else { item };
        if alike(cx, how, x, key) {
            return Ok(if pairs { item } else { list });
        }
        list = p.to_ref().cdr.get(cx.heap);
    }
    Ok(k(F))
}
/// `c..r`: `path` has an `a` or a `d` for each step, the last one first.
fn path<'m, 'id>(cx: Cx<'m, 'id>, path: &str, mut v: V<'m, 'id>) -> R<'m, 'id> {
    for step in path.bytes().rev() {
        let next = if step == b'a' { cx.car(v) } else { cx.cdr(v) };
        let Some(next) = next else { return cx.wrong(&format!("c{path}r"), "pair", v) };
        v = next;
    }
    Ok(v)
}
fn is_list<'m, 'id>(cx: Cx<'m, 'id>, v: V<'m, 'id>) -> bool {
    let (mut slow, mut fast) = (v, v);
    loop {
        for _ in 0..2 {
            match cx.cdr(fast) {
                Some(next) => fast = next,
                None => return is(fast, NIL),
            }
        }
        slow = cx.cdr(slow).unwrap_or(slow);
        if slow.is(fast) {
            return false;
        }
    }
}
fn tail<'m, 'id>(cx: Cx<'m, 'id>, who: &str, mut v: V<'m, 'id>, n: V<'m, 'id>) -> R<'m, 'id> {
    for _ in 0..n.as_small().unwrap_or(0) {
        v = cx.cdr(v).map_or_else(|| cx.wrong(who, "pair", v), Ok)?;
    }
    Ok(v)
}
fn size<'m, 'id>(cx: Cx<'m, 'id>, who: &str, v: V<'m, 'id>) -> R<'m, 'id, usize> {
    match v.as_small().and_then(|n| usize::try_from(n).ok()) {
        Some(n) => Ok(n),
        None => cx.error(&format!("{who}: index out of range"), v),
    }
}
/// A range of what has `len`: from the arguments.
fn range<'m, 'id>(
    cx: Cx<'m, 'id>,
    who: &str,
    len: usize,
    a: Args<'_, 'm, 'id>,
) -> R<'m, 'id, std::ops::Range<usize>> {
    let from = if a.is_empty() { 0 } else { size(cx, who, a[0])? };
    let to = if a.len() < 2 { len } else { size(cx, who, a[1])? };
    if from > to || to > len {
        cx.error(&format!("{who}: index out of range"), a[0])
    } else {
        Ok(from..to)
    }
}
fn vector<'m, 'id>(cx: Cx<'m, 'id>, who: &str, v: V<'m, 'id>) -> R<'m, 'id, &'m [Slot<'id>]> {
    cx.vec(v).map_or_else(|| cx.wrong(who, "vector", v), Ok)
}
fn values<'m, 'id>(cx: Cx<'m, 'id>, s: &'m [Slot<'id>]) -> Vec<V<'m, 'id>> {
    s.iter().map(|s| s.get(cx.heap)).collect()
}

// ---- strings

fn string<'m, 'id>(cx: Cx<'m, 'id>, who: &str, v: V<'m, 'id>) -> R<'m, 'id, Str<'m, 'id>> {
    v.cast().map_or_else(|| cx.wrong(who, "string", v), Ok)
}
fn text<'m, 'id>(cx: Cx<'m, 'id>, who: &str, v: V<'m, 'id>) -> R<'m, 'id, Vec<u8>> {
    cx.text(v).map_or_else(|| cx.wrong(who, "string", v), Ok)
}
fn char_of<'m, 'id>(cx: Cx<'m, 'id>, who: &str, v: V<'m, 'id>) -> R<'m, 'id, u8> {
    as_mark(v, CHAR).map_or_else(|| cx.wrong(who, "character", v), |c| Ok(c as u8))
}
fn character<'m, 'id>(c: u8) -> V<'m, 'id> {
    of(CHAR, c.into())
}
fn chars<'m, 'id>(cx: Cx<'m, 'id>, a: Args<'_, 'm, 'id>, f: fn(u8, u8) -> bool) -> R<'m, 'id> {
    let c = a.iter().map(|c| char_of(cx, "char", *c)).collect::<Result<Vec<_>, _>>()?;
    Ok(bool(c.windows(2).all(|w| f(w[0], w[1]))))
}
fn strings<'m, 'id>(
    cx: Cx<'m, 'id>,
    who: &str,
    a: Args<'_, 'm, 'id>,
    f: fn(&[u8], &[u8]) -> bool,
) -> R<'m, 'id> {
    let s = a.iter().map(|s| text(cx, who, *s)).collect::<Result<Vec<_>, _>>()?;
    Ok(bool(s.windows(2).all(|w| f(&w[0], &w[1]))))
}
fn index<'m, 'id>(
    cx: Cx<'m, 'id>,
    who: &str,
    s: V<'m, 'id>,
    i: V<'m, 'id>,
) -> R<'m, 'id, &'m Cell<u8>> {
    let s = string(cx, who, s)?.elements();
    match i.as_small().and_then(|i| s.get(i as usize)) {
        Some(c) => Ok(c),
        None => cx.error(&format!("{who}: index out of range"), i),
    }
}

// ---- hash tables

fn hash<'m, 'id>(cx: Cx<'m, 'id>, t: &Table<'id>, key: V<'m, 'id>, deep: usize) -> usize {
    const MIX: usize = 0x9E37_79B9_7F4A_7C15;
    let mix = |h: usize, x: usize| (h ^ x).wrapping_mul(MIX).rotate_left(29);
    if let Some(r) = key.cast::<Real>() {
        return mix(1, r.0.to_bits() as usize);
    }
    if !t.by_address && key.is_object() && deep < 8 {
        if let Some(s) = key.cast::<Array<Cell<u8>>>() {
            return s.elements().iter().fold(2, |h, c| mix(h, c.get().into()));
        }
        if let Some(p) = key.cast::<Pair>() {
            let first = hash(cx, t, p.to_ref().car.get(cx.heap), deep + 1);
            return mix(first, hash(cx, t, p.to_ref().cdr.get(cx.heap), deep + 1));
        }
        if let Some(v) = cx.vec(key) {
            return v.iter().take(8).fold(3, |h, s| mix(h, hash(cx, t, s.get(cx.heap), deep + 1)));
        }
    }
    if key.is_object() && deep < 8 {
        t.moves.add(cx.heap, key);
    }
    mix(4, if deep < 8 { key.address() } else { 0 })
}
fn seek<'m, 'id>(cx: Cx<'m, 'id>, t: Gc<'m, 'id, Table<'id>>, key: V<'m, 'id>) -> (bool, usize) {
    let keys = t.to_ref().keys.get(cx.heap).map_or(&[][..], Gc::elements);
    let mask = keys.len() - 1;
    let how = if t.by_address { 1 } else { 2 };
    let mut at = hash(cx, t.to_ref(), key, 0) & mask;
    let mut hole = None;
    loop {
        let found = keys[at].get(cx.heap);
        if is(found, EMPTY) {
            return (false, hole.unwrap_or(at));
        }
        if is(found, DELETED) {
            hole = hole.or(Some(at));
        } else if alike(cx, how, found, key) {
            return (true, at);
        }
        at = (at + 1) & mask;
    }
}
/// Makes the table anew, for so many entries.
fn rehash<'m, 'id>(cx: Cx<'m, 'id>, t: Gc<'m, 'id, Table<'id>>, entries: usize) -> R<'m, 'id, ()> {
    let len = (entries * 2).next_power_of_two().max(8);
    let old = (t.to_ref().keys.get(cx.heap), t.to_ref().values.get(cx.heap));
    let (keys, values) = (cx.heap.alloc_slots(len, k(EMPTY))?, cx.heap.alloc_slots(len, k(F))?);
    t.set(|t| &t.keys, Some(keys));
    t.set(|t| &t.values, Some(values));
    t.moves.reset(cx.heap);
    t.used.set(t.count.get());
    if let (Some(ks), Some(vs)) = old {
        for (key, value) in ks.elements().iter().zip(vs.elements()) {
            let key = key.get(cx.heap);
            if !is(key, EMPTY) && !is(key, DELETED) {
                let at = seek(cx, t, key).1;
                keys.write_at(at, key);
                values.write_at(at, value.get(cx.heap));
            }
        }
    }
    Ok(())
}
fn table<'m, 'id>(cx: Cx<'m, 'id>, v: V<'m, 'id>) -> R<'m, 'id, Gc<'m, 'id, Table<'id>>> {
    v.cast().map_or_else(|| cx.wrong("hash-table", "hash table", v), Ok)
}
/// As `seek`; what is not found may have moved.
fn find<'m, 'id>(
    cx: Cx<'m, 'id>,
    t: Gc<'m, 'id, Table<'id>>,
    key: V<'m, 'id>,
) -> R<'m, 'id, (bool, usize)> {
    // The address of the key sought does not matter to the table, unless it is put there.
    let at = seek(cx, t, key);
    if at.0 || !t.moves.is_stale(cx.heap) {
        return Ok(at);
    }
    rehash(cx, t, t.count.get() + 1)?;
    Ok(seek(cx, t, key))
}
fn new_table<'m, 'id>(cx: Cx<'m, 'id>, by_address: bool) -> R<'m, 'id> {
    let t = cx.heap.alloc(Table {
        keys: Field::null(),
        values: Field::null(),
        count: Cell::new(0),
        used: Cell::new(0),
        by_address,
        moves: Moves::new(),
    })?;
    rehash(cx, t, 0)?;
    Ok(t.into())
}
fn table_set<'m, 'id>(cx: Cx<'m, 'id>, a: Args<'_, 'm, 'id>) -> R<'m, 'id> {
    let t = table(cx, a[0])?;
    let (mut there, mut at) = find(cx, t, a[1])?;
    let room = t.to_ref().keys.get(cx.heap).map_or(0, |x| x.elements().len());
    if !there && (t.used.get() + 1) * 4 > room * 3 {
        rehash(cx, t, t.count.get() * 2 + 4)?;
        (there, at) = seek(cx, t, a[1]);
    }
    let (Some(keys), Some(values)) = (t.to_ref().keys.get(cx.heap), t.to_ref().values.get(cx.heap))
    else {
        return Ok(k(UNSPEC));
    };
    if !there {
        t.used.set(t.used.get() + usize::from(keys.get(cx.heap, at).is_some_and(|x| is(x, EMPTY))));
        t.count.set(t.count.get() + 1);
    }
    keys.write_at(at, a[1]);
    values.write_at(at, a[2]);
    Ok(k(UNSPEC))
}

// ---- ports, records

fn port<'m, 'id>(cx: Cx<'m, 'id>, bytes: Vec<u8>) -> R<'m, 'id> {
    let n = PORTS.with_borrow_mut(|p| {
        p.push(Some((bytes, 0)));
        p.len() - 1
    });
    Ok(cx.heap.alloc_final(Port(n))?.into())
}
fn with_port<'m, 'id, X>(
    cx: Cx<'m, 'id>,
    v: Option<&V<'m, 'id>>,
    f: impl FnOnce(&mut (Vec<u8>, usize)) -> X,
) -> R<'m, 'id, X> {
    let v = v.copied().unwrap_or(k(F));
    let Some(p) = v.cast::<Port>() else { return cx.wrong("port", "port", v) };
    PORTS
        .with_borrow_mut(|ports| ports[p.0].as_mut().map(f))
        .map_or_else(|| cx.error("port is closed", v), Ok)
}
fn put<'m, 'id>(vm: &mut Vm, cx: Cx<'m, 'id>, bytes: &[u8], to: Option<&V<'m, 'id>>) -> R<'m, 'id> {
    if to.is_some() {
        with_port(cx, to, |p| p.0.extend_from_slice(bytes))?;
    } else {
        vm.out.extend_from_slice(bytes);
        if vm.out.len() > 1 << 16 {
            vm.flush();
        }
    }
    Ok(k(UNSPEC))
}
fn show<'m, 'id>(vm: &mut Vm, cx: Cx<'m, 'id>, a: Args<'_, 'm, 'id>, write: bool) -> R<'m, 'id> {
    let mut out = vec![];
    print(vm, cx, &mut out, a[0], write, 0);
    put(vm, cx, &out, a.get(1))
}
fn next<'m, 'id>(cx: Cx<'m, 'id>, a: Args<'_, 'm, 'id>, step: usize) -> R<'m, 'id> {
    let c = with_port(cx, a.first(), |p| {
        p.1 += step;
        p.0.get(p.1 - step).copied()
    })?;
    Ok(c.map_or(k(EOF), character))
}
fn field<'m, 'id>(
    cx: Cx<'m, 'id>,
    a: Args<'_, 'm, 'id>,
) -> R<'m, 'id, (Gc<'m, 'id, Array<Slot<'id>>>, usize)> {
    let r = a[0].cast::<Record>().filter(|r| r.to_ref().tag.get(cx.heap).is(a[1]));
    match r.and_then(|r| r.to_ref().fields.get(cx.heap)) {
        Some(fields) => Ok((fields, size(cx, "record", a[2])?)),
        None => cx.error("not a record of the right type", a[0]),
    }
}
fn condition<'m, 'id>(cx: Cx<'m, 'id>, v: V<'m, 'id>) -> R<'m, 'id, &'m Error<'id>> {
    v.cast::<Error>().map(Gc::to_ref).map_or_else(|| cx.wrong("error-message", "error", v), Ok)
}

pub const APPLY: usize = 0;
pub const CALL_CC: usize = 1;

/// Name, least and most arguments, and what it does.
#[rustfmt::skip]
pub static PRIMS: &[(&str, usize, usize, Prim)] = &[
    ("apply", 2, ANY, |_, cx, a| cx.wrong("apply", "list", a[0])),
    ("%call/cc", 1, 1, |_, cx, a| cx.error("not a procedure", a[0])),
    ("+", 0, ANY, |_, cx, a| fold(cx, Inline::Add, 0, a)),
    ("*", 0, ANY, |_, cx, a| fold(cx, Inline::Mul, 1, a)),
    ("-", 1, ANY, |_, cx, a| fold(cx, Inline::Sub, 0, a)),
    ("/", 1, ANY, |_, cx, a| match a { [x] => divide(cx, int(1), *x), _ => a[1..].iter().try_fold(a[0], |x, y| divide(cx, x, *y)) }),
    ("=", 1, ANY, |_, cx, a| ordered(cx, Inline::NumEq, a)),
    ("<", 1, ANY, |_, cx, a| ordered(cx, Inline::Lt, a)),
    (">", 1, ANY, |_, cx, a| ordered(cx, Inline::Gt, a)),
    ("<=", 1, ANY, |_, cx, a| ordered(cx, Inline::Le, a)),
    (">=", 1, ANY, |_, cx, a| ordered(cx, Inline::Ge, a)),
    ("max", 1, ANY, |_, cx, a| extreme(cx, Inline::Gt, a)),
    ("min", 1, ANY, |_, cx, a| extreme(cx, Inline::Lt, a)),
    ("quotient", 2, 2, |_, cx, a| integral(cx, "quotient", a, |x, y| x.wrapping_div(y), |x, y| (x / y).trunc())),
    ("remainder", 2, 2, |_, cx, a| integral(cx, "remainder", a, |x, y| x.wrapping_rem(y), |x, y| x % y)),
    ("modulo", 2, 2, |_, cx, a| integral(cx, "modulo", a, |x, y| (x % y + y) % y, |x, y| (x % y + y) % y)),
    ("bitwise-and", 0, ANY, |_, _, a| bits(a, -1, |x, y| x & y)),
    ("bitwise-or", 0, ANY, |_, _, a| bits(a, 0, |x, y| x | y)),
    ("bitwise-xor", 0, ANY, |_, _, a| bits(a, 0, |x, y| x ^ y)),
    ("number?", 1, 1, |_, _, a| Ok(bool(float(a[0]).is_some()))),
    ("integer?", 1, 1, |_, _, a| Ok(bool(float(a[0]).is_some_and(|x| x.fract() == 0.0)))),
    ("exact?", 1, 1, |_, _, a| Ok(bool(a[0].as_small().is_some()))),
    ("zero?", 1, 1, |_, cx, a| compare(cx, Inline::NumEq, a[0], int(0)).map(bool)),
    ("inexact", 1, 1, |_, cx, a| cx.real(real_of(cx, a[0])?)),
    ("exact->inexact", 1, 1, |_, cx, a| cx.real(real_of(cx, a[0])?)),
    ("exact", 1, 1, |_, cx, a| whole(cx, real_of(cx, a[0])?)),
    ("floor", 1, 1, |_, cx, a| rounded(cx, a[0], f64::floor)),
    ("ceiling", 1, 1, |_, cx, a| rounded(cx, a[0], f64::ceil)),
    ("truncate", 1, 1, |_, cx, a| rounded(cx, a[0], f64::trunc)),
    ("round", 1, 1, |_, cx, a| rounded(cx, a[0], f64::round_ties_even)),
    ("sqrt", 1, 1, |_, cx, a| { let r = real_of(cx, a[0])?.sqrt(); if a[0].as_small().is_some() { whole(cx, r) } else { cx.real(r) } }),
    ("exp", 1, 1, |_, cx, a| cx.real(real_of(cx, a[0])?.exp())),
    ("log", 1, 1, |_, cx, a| cx.real(real_of(cx, a[0])?.ln())),
    ("sin", 1, 1, |_, cx, a| cx.real(real_of(cx, a[0])?.sin())),
    ("cos", 1, 1, |_, cx, a| cx.real(real_of(cx, a[0])?.cos())),
    ("tan", 1, 1, |_, cx, a| cx.real(real_of(cx, a[0])?.tan())),
    ("asin", 1, 1, |_, cx, a| cx.real(real_of(cx, a[0])?.asin())),
    ("acos", 1, 1, |_, cx, a| cx.real(real_of(cx, a[0])?.acos())),
    ("atan", 1, 1, |_, cx, a| cx.real(real_of(cx, a[0])?.atan())),
    ("expt", 2, 2, |_, cx, a| match (a[0].as_small(), a[1].as_small()) {
        (Some(x), Some(n @ 0..)) => (0..n).try_fold(int(1), |p, _| arithmetic(cx, Inline::Mul, p, Value::small(x))),
        _ => cx.real(real_of(cx, a[0])?.powf(real_of(cx, a[1])?)),
    }),
    ("number->string", 1, 2, |_, cx, a| {
        let s = match (a[0].as_small(), a.get(1).and_then(|r| r.as_small()).unwrap_or(10)) {
            (Some(n), 10) => n.to_string(),
            (Some(n), r) => {
                let (mut digits, mut m) = (vec![], n.unsigned_abs());
                while m != 0 || digits.is_empty() { digits.push(b"0123456789abcdef"[m % r as usize]); m /= r as usize; }
                if n < 0 { digits.push(b'-') }
                digits.reverse();
                return cx.string(&digits);
            }
            _ => real(real_of(cx, a[0])?),
        };
        cx.string(s.as_bytes())
    }),
    ("string->number", 1, 2, |_, cx, a| {
        let radix = a.get(1).and_then(|r| r.as_small()).unwrap_or(10) as u32;
        Ok(number(cx, &String::from_utf8_lossy(&text(cx, "string->number", a[0])?), radix)?.unwrap_or(k(F)))
    }),
    ("pair?", 1, 1, |_, _, a| Ok(bool(a[0].cast::<Pair>().is_some()))),
    ("null?", 1, 1, |_, _, a| Ok(bool(is(a[0], NIL)))),
    ("list?", 1, 1, |_, cx, a| Ok(bool(is_list(cx, a[0])))),
    ("symbol?", 1, 1, |_, _, a| Ok(bool(as_mark(a[0], SYM).is_some()))),
    ("string?", 1, 1, |_, _, a| Ok(bool(a[0].cast::<Array<Cell<u8>>>().is_some()))),
    ("vector?", 1, 1, |_, cx, a| Ok(bool(cx.vec(a[0]).is_some()))),
    ("char?", 1, 1, |_, _, a| Ok(bool(as_mark(a[0], CHAR).is_some()))),
    ("boolean?", 1, 1, |_, _, a| Ok(bool(is(a[0], T) || is(a[0], F)))),
    ("procedure?", 1, 1, |_, _, a| Ok(bool(as_mark(a[0], PRIM).is_some() || a[0].cast::<Closure>().is_some() || a[0].cast::<Continuation>().is_some()))),
    ("eof-object?", 1, 1, |_, _, a| Ok(bool(is(a[0], EOF)))),
    ("not", 1, 1, |_, _, a| Ok(bool(is(a[0], F)))),
    ("error?", 1, 1, |_, _, a| Ok(bool(a[0].cast::<Error>().is_some()))),
    ("eq?", 2, 2, |_, _, a| Ok(bool(a[0].is(a[1])))),
    ("eqv?", 2, 2, |_, _, a| Ok(bool(eqv(a[0], a[1])))),
    ("equal?", 2, 2, |_, cx, a| Ok(bool(equal(cx, a[0], a[1])))),
    ("%memv", 2, 2, |_, cx, a| member(cx, 1, a[0], a[1], false)),
    ("cons", 2, 2, |_, cx, a| cx.cons(a[0], a[1])),
    ("%cons", 2, 2, |_, cx, a| cx.cons(a[0], a[1])),
    ("set-car!", 2, 2, |_, cx, a| { let p = a[0].cast::<Pair>().map_or_else(|| cx.wrong("set-car!", "pair", a[0]), Ok)?; p.write(|p| &p.car, a[1]); Ok(k(UNSPEC)) }),
    ("set-cdr!", 2, 2, |_, cx, a| { let p = a[0].cast::<Pair>().map_or_else(|| cx.wrong("set-cdr!", "pair", a[0]), Ok)?; p.write(|p| &p.cdr, a[1]); Ok(k(UNSPEC)) }),
    ("car", 1, 1, |_, cx, a| path(cx, "a", a[0])),
    ("cdr", 1, 1, |_, cx, a| path(cx, "d", a[0])),
    ("caar", 1, 1, |_, cx, a| path(cx, "aa", a[0])),
    ("cadr", 1, 1, |_, cx, a| path(cx, "ad", a[0])),
    ("cdar", 1, 1, |_, cx, a| path(cx, "da", a[0])),
    ("cddr", 1, 1, |_, cx, a| path(cx, "dd", a[0])),
    ("caddr", 1, 1, |_, cx, a| path(cx, "add", a[0])),
    ("cdddr", 1, 1, |_, cx, a| path(cx, "ddd", a[0])),
    ("list", 0, ANY, |_, cx, a| cx.list(a)),
    ("cons*", 1, ANY, |_, cx, a| cx.list_to(&a[..a.len() - 1], a[a.len() - 1])),
    ("length", 1, 1, |_, cx, a| { let (i, end) = cx.items(a[0]); if is(end, NIL) { Ok(int(i.len())) } else { cx.wrong("length", "list", a[0]) } }),
    ("append", 0, ANY, |_, cx, a| a.iter().rev().enumerate().try_fold(k(NIL), |l, (i, x)| if i == 0 { Ok(*x) } else { cx.list_to(&cx.items(*x).0, l) })),
    ("%append", 0, ANY, |_, cx, a| a.iter().rev().enumerate().try_fold(k(NIL), |l, (i, x)| if i == 0 { Ok(*x) } else { cx.list_to(&cx.items(*x).0, l) })),
    ("reverse", 1, 1, |_, cx, a| cx.items(a[0]).0.iter().try_fold(k(NIL), |l, x| cx.cons(*x, l))),
    ("list-tail", 2, 2, |_, cx, a| tail(cx, "list-tail", a[0], a[1])),
    ("list-ref", 2, 2, |_, cx, a| path(cx, "a", tail(cx, "list-ref", a[0], a[1])?)),
    ("memq", 2, 2, |_, cx, a| member(cx, 0, a[0], a[1], false)),
    ("memv", 2, 2, |_, cx, a| member(cx, 1, a[0], a[1], false)),
    ("member", 2, 2, |_, cx, a| member(cx, 2, a[0], a[1], false)),
    ("assq", 2, 2, |_, cx, a| member(cx, 0, a[0], a[1], true)),
    ("assv", 2, 2, |_, cx, a| member(cx, 1, a[0], a[1], true)),
    ("assoc", 2, 2, |_, cx, a| member(cx, 2, a[0], a[1], true)),
    ("make-vector", 1, 2, |_, cx, a| Ok(cx.heap.alloc_slots(size(cx, "make-vector", a[0])?, *a.get(1).unwrap_or(&k(UNSPEC)))?.into())),
    ("vector", 0, ANY, |_, cx, a| Ok(cx.heap.alloc_values(a)?.into())),
    ("vector-length", 1, 1, |_, cx, a| Ok(int(vector(cx, "vector-length", a[0])?.len()))),
    ("vector-ref", 2, 2, |_, cx, a| { let v = vector(cx, "vector-ref", a[0])?; Ok(v[range(cx, "vector-ref", v.len(), &[a[1]]).and_then(|r| if r.is_empty() { cx.error("vector-ref: index out of range", a[1]) } else { Ok(r.start) })?].get(cx.heap)) }),
    ("vector-set!", 3, 3, |_, cx, a| match (a[0].cast::<Array<Slot>>(), a[1].as_small()) {
        (Some(v), Some(i)) if v.write_at(i as usize, a[2]) => Ok(k(UNSPEC)),
        (Some(_), _) => cx.error("vector-set!: index out of range", a[1]),
        _ => cx.wrong("vector-set!", "vector", a[0]),
    }),
    ("vector-fill!", 2, 4, |_, cx, a| {
        let v = vector(cx, "vector-fill!", a[0])?;
        for i in range(cx, "vector-fill!", v.len(), &a[2..])? { a[0].cast::<Array<Slot>>().map(|v| v.write_at(i, a[1])); }
        Ok(k(UNSPEC))
    }),
    ("vector->list", 1, 3, |_, cx, a| { let v = vector(cx, "vector->list", a[0])?; cx.list(&values(cx, &v[range(cx, "vector->list", v.len(), &a[1..])?])) }),
    ("list->vector", 1, 1, |_, cx, a| Ok(cx.heap.alloc_values(&cx.items(a[0]).0)?.into())),
    ("%list->vector", 1, 1, |_, cx, a| Ok(cx.heap.alloc_values(&cx.items(a[0]).0)?.into())),
    ("vector-copy", 1, 3, |_, cx, a| { let v = vector(cx, "vector-copy", a[0])?; Ok(cx.heap.alloc_values(&values(cx, &v[range(cx, "vector-copy", v.len(), &a[1..])?]))?.into()) }),
    ("symbol->string", 1, 1, |vm, cx, a| match as_mark(a[0], SYM) { Some(s) => cx.string(&vm.names[s]), None => cx.wrong("symbol->string", "symbol", a[0]) }),
    ("string->symbol", 1, 1, |vm, cx, a| { let s = vm.intern(&text(cx, "string->symbol", a[0])?); vm.known(cx, s) }),
    ("gensym", 0, 1, |vm, cx, _| { let s = vm.fresh(b"g"); vm.known(cx, s) }),
    ("%make-record", 1, ANY, |_, cx, a| {
        let r = cx.heap.alloc(Record { tag: Slot::new(), fields: Field::null() })?;
        let fields = match a { [tag, list] if is(*tag, UNDEF) => cx.items(*list).0, _ => a[1..].to_vec() };
        r.set(|r| &r.fields, Some(cx.heap.alloc_values(&fields)?));
        r.write(|r| &r.tag, a[0]);
        Ok(r.into())
    }),
    ("%record-is?", 2, 2, |_, cx, a| Ok(bool(a[0].cast::<Record>().is_some_and(|r| r.to_ref().tag.get(cx.heap).is(a[1]))))),
    ("%record-ref", 3, 3, |_, cx, a| { let (f, i) = field(cx, a)?; Ok(f.get(cx.heap, i).unwrap_or(k(F))) }),
    ("%record-set!", 4, 4, |_, cx, a| { let (f, i) = field(cx, a)?; f.write_at(i, a[3]); Ok(k(UNSPEC)) }),
    ("%make-error", 2, 2, |_, cx, a| {
        let e = cx.heap.alloc(Error { message: Slot::new(), irritants: Slot::new() })?;
        e.write(|e| &e.message, a[0]);
        e.write(|e| &e.irritants, a[1]);
        Ok(e.into())
    }),
    ("error-message", 1, 1, |_, cx, a| Ok(condition(cx, a[0])?.message.get(cx.heap))),
    ("error-irritants", 1, 1, |_, cx, a| Ok(condition(cx, a[0])?.irritants.get(cx.heap))),
    ("make-string", 1, 2, |_, cx, a| { let c = if a.len() > 1 { char_of(cx, "make-string", a[1])? } else { b' ' }; cx.string(&vec![c; size(cx, "make-string", a[0])?]) }),
    ("string", 0, ANY, |_, cx, a| { let s = a.iter().map(|c| char_of(cx, "string", *c)).collect::<Result<Vec<_>, _>>()?; cx.string(&s) }),
    ("string-length", 1, 1, |_, cx, a| Ok(int(string(cx, "string-length", a[0])?.elements().len()))),
    ("string-ref", 2, 2, |_, cx, a| Ok(character(index(cx, "string-ref", a[0], a[1])?.get()))),
    ("string-set!", 3, 3, |_, cx, a| { index(cx, "string-set!", a[0], a[1])?.set(char_of(cx, "string-set!", a[2])?); Ok(k(UNSPEC)) }),
    ("substring", 2, 3, |_, cx, a| { let s = text(cx, "substring", a[0])?; cx.string(&s[range(cx, "substring", s.len(), &a[1..])?]) }),
    ("string-copy", 1, 3, |_, cx, a| { let s = text(cx, "string-copy", a[0])?; cx.string(&s[range(cx, "string-copy", s.len(), &a[1..])?]) }),
    ("string-append", 0, ANY, |_, cx, a| { let s = a.iter().map(|s| text(cx, "string-append", *s)).collect::<Result<Vec<_>, _>>()?; cx.string(&s.concat()) }),
    ("string->list", 1, 3, |_, cx, a| {
        let s = text(cx, "string->list", a[0])?;
        let items: Vec<_> = s[range(cx, "string->list", s.len(), &a[1..])?].iter().map(|c| character(*c)).collect();
        cx.list(&items)
    }),
    ("list->string", 1, 1, |_, cx, a| { let s = cx.items(a[0]).0.iter().map(|c| char_of(cx, "list->string", *c)).collect::<Result<Vec<_>, _>>()?; cx.string(&s) }),
    ("string-fill!", 2, 2, |_, cx, a| { let c = char_of(cx, "string-fill!", a[1])?; string(cx, "string-fill!", a[0])?.elements().iter().for_each(|x| x.set(c)); Ok(k(UNSPEC)) }),
    ("string-join", 1, 2, |_, cx, a| {
        let with = if a.len() > 1 { text(cx, "string-join", a[1])? } else { b" ".to_vec() };
        let s = cx.items(a[0]).0.iter().map(|s| text(cx, "string-join", *s)).collect::<Result<Vec<_>, _>>()?;
        cx.string(&s.join(&with[..]))
    }),
    ("string-search", 2, 3, |_, cx, a| {
        let (what, s) = (text(cx, "string-search", a[0])?, text(cx, "string-search", a[1])?);
        let from = range(cx, "string-search", s.len(), &a[2..])?.start;
        Ok((from..=s.len().saturating_sub(what.len())).find(|i| s[*i..].starts_with(&what)).map_or(k(F), int))
    }),
    ("string-upcase", 1, 1, |_, cx, a| cx.string(&text(cx, "string-upcase", a[0])?.to_ascii_uppercase())),
    ("string-downcase", 1, 1, |_, cx, a| cx.string(&text(cx, "string-downcase", a[0])?.to_ascii_lowercase())),
    ("string=?", 1, ANY, |_, cx, a| strings(cx, "string=?", a, |x, y| x == y)),
    ("string<?", 1, ANY, |_, cx, a| strings(cx, "string<?", a, |x, y| x < y)),
    ("string>?", 1, ANY, |_, cx, a| strings(cx, "string>?", a, |x, y| x > y)),
    ("char->integer", 1, 1, |_, cx, a| Ok(int(char_of(cx, "char->integer", a[0])?.into()))),
    ("integer->char", 1, 1, |_, cx, a| Ok(of(CHAR, size(cx, "integer->char", a[0])? & 255))),
    ("char-upcase", 1, 1, |_, cx, a| Ok(character(char_of(cx, "char-upcase", a[0])?.to_ascii_uppercase()))),
    ("char-downcase", 1, 1, |_, cx, a| Ok(character(char_of(cx, "char-downcase", a[0])?.to_ascii_lowercase()))),
    ("char-alphabetic?", 1, 1, |_, cx, a| Ok(bool(char_of(cx, "char-alphabetic?", a[0])?.is_ascii_alphabetic()))),
    ("char-numeric?", 1, 1, |_, cx, a| Ok(bool(char_of(cx, "char-numeric?", a[0])?.is_ascii_digit()))),
    ("char-whitespace?", 1, 1, |_, cx, a| Ok(bool(char_of(cx, "char-whitespace?", a[0])?.is_ascii_whitespace()))),
    ("char=?", 1, ANY, |_, cx, a| chars(cx, a, |x, y| x == y)),
    ("char<?", 1, ANY, |_, cx, a| chars(cx, a, |x, y| x < y)),
    ("char>?", 1, ANY, |_, cx, a| chars(cx, a, |x, y| x > y)),
    ("make-eq-hashtable", 0, 1, |_, cx, _| new_table(cx, true)),
    ("make-hashtable", 0, 1, |_, cx, _| new_table(cx, false)),
    ("make-string-hashtable", 0, 1, |_, cx, _| new_table(cx, false)),
    ("hash-table?", 1, 1, |_, _, a| Ok(bool(a[0].cast::<Table>().is_some()))),
    ("hash-table-set!", 3, 3, |_, cx, a| table_set(cx, a)),
    ("hash-table-ref", 2, 3, |_, cx, a| {
        let t = table(cx, a[0])?;
        let (there, at) = find(cx, t, a[1])?;
        let value = t.to_ref().values.get(cx.heap).and_then(|v| v.get(cx.heap, at)).filter(|_| there);
        Ok(value.unwrap_or(*a.get(2).unwrap_or(&k(F))))
    }),
    ("hash-table-contains?", 2, 2, |_, cx, a| Ok(bool(find(cx, table(cx, a[0])?, a[1])?.0))),
    ("hash-table-delete!", 2, 2, |_, cx, a| {
        let t = table(cx, a[0])?;
        let (there, at) = find(cx, t, a[1])?;
        if there {
            t.count.set(t.count.get() - 1);
            t.to_ref().keys.get(cx.heap).map(|x| x.write_at(at, k(DELETED)));
            t.to_ref().values.get(cx.heap).map(|x| x.write_at(at, k(F)));
        }
        Ok(bool(there))
    }),
    ("hash-table-count", 1, 1, |_, cx, a| Ok(int(table(cx, a[0])?.count.get()))),
    ("hash-table-clear!", 1, 1, |_, cx, a| {
        let t = table(cx, a[0])?;
        t.set(|t| &t.keys, None);
        t.count.set(0);
        rehash(cx, t, 0)?;
        Ok(k(UNSPEC))
    }),
    ("hash-table->alist", 1, 1, |_, cx, a| {
        let t = table(cx, a[0])?.to_ref();
        let (Some(keys), Some(vs)) = (t.keys.get(cx.heap), t.values.get(cx.heap)) else { return Ok(k(NIL)) };
        let entries = values(cx, keys.elements()).into_iter().zip(values(cx, vs.elements()));
        let live = entries.filter(|e| !is(e.0, EMPTY) && !is(e.0, DELETED));
        let pairs = live.map(|(key, v)| cx.cons(key, v)).collect::<Result<Vec<_>, _>>()?;
        cx.list(&pairs)
    }),
    ("display", 1, 2, |vm, cx, a| show(vm, cx, a, false)),
    ("write", 1, 2, |vm, cx, a| show(vm, cx, a, true)),
    ("write-char", 1, 2, |vm, cx, a| show(vm, cx, a, false)),
    ("newline", 0, 1, |vm, cx, a| put(vm, cx, b"\n", a.first())),
    ("open-output-string", 0, 0, |_, cx, _| port(cx, vec![])),
    ("get-output-string", 1, 1, |_, cx, a| cx.string(&with_port(cx, a.first(), |p| p.0.clone())?)),
    ("open-input-string", 1, 1, |_, cx, a| port(cx, text(cx, "open-input-string", a[0])?)),
    ("open-input-file", 1, 1, |_, cx, a| match std::fs::read(String::from_utf8_lossy(&text(cx, "open-input-file", a[0])?).as_ref()) {
        Ok(bytes) => port(cx, bytes),
        Err(_) => cx.error("cannot open file", a[0]),
    }),
    ("read-char", 1, 1, |_, cx, a| next(cx, a, 1)),
    ("peek-char", 1, 1, |_, cx, a| next(cx, a, 0)),
    ("read", 1, 1, |vm, cx, a| {
        let (bytes, at) = with_port(cx, a.first(), std::mem::take)?;
        let mut reader = Reader { text: &bytes, at };
        let x = reader.read(vm, cx, 0);
        let at = reader.at;
        with_port(cx, a.first(), |p| *p = (bytes, at))?;
        vm.enough(cx)?;
        x
    }),
    ("eof-object", 0, 0, |_, _, _| Ok(k(EOF))),
    ("%compile", 1, 1, |vm, cx, a| {
        let code = compile(vm, cx, a[0])?;
        vm.enough(cx)?;
        Ok(cx.heap.alloc(Closure { code, free: Field::null() })?.into())
    }),
    ("%handlers", 0, 0, |_, cx, _| Ok(cx.roots.regs.get(cx.heap, HANDLERS))),
    ("%set-handlers!", 1, 1, |_, cx, a| { cx.roots.regs.set(HANDLERS, a[0]); Ok(k(UNSPEC)) }),
    ("%uncaught", 1, 1, |_, _, a| Err(Fail::Uncaught(a[0]))),
    ("exit", 0, 1, |_, _, a| Err(Fail::Exit(a.first().and_then(|x| x.as_small()).unwrap_or(0) as i32))),
    ("%unspecified?", 1, 1, |_, _, a| Ok(bool(is(a[0], UNSPEC)))),
    ("void", 0, ANY, |_, _, _| Ok(k(UNSPEC))),
    ("random", 1, 1, |vm, cx, a| {
        let n = size(cx, "random", a[0])?.max(1);
        vm.random = vm.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        Ok(int((vm.random >> 33) as usize % n))
    }),
    ("gc", 0, 0, |vm, _, _| { vm.gc = true; Ok(k(UNSPEC)) }),
    ("gc-start", 0, 0, |vm, _, _| { vm.gc = true; Ok(k(UNSPEC)) }),
    ("gc-stats", 0, 0, |vm, cx, _| {
        let stats = [("collections", cx.heap.collections()), ("allocated", cx.heap.allocated()), ("committed", cx.heap.committed()), ("reserved", cx.heap.reserved())];
        let pairs = stats.iter().map(|(n, x)| cx.cons(vm.symbol(n.as_bytes()), int(*x))).collect::<Result<Vec<_>, _>>()?;
        cx.list(&pairs)
    }),
    ("runtime", 0, 0, |vm, cx, _| cx.real(vm.began.elapsed().as_secs_f64())),
    ("%address", 1, 1, |_, _, a| Ok(int(a[0].address() >> 3))),
];
