//! Reading and printing.

use crate::data::*;
use crate::vm::Vm;
use mps::{Array, Slot, Value};
use std::cell::Cell;

const DEEP: usize = 2000;
const NAMES: [(&str, u8); 10] = [
    ("space", 32),
    ("newline", 10),
    ("tab", 9),
    ("return", 13),
    ("null", 0),
    ("delete", 127),
    ("nul", 0),
    ("linefeed", 10),
    ("backspace", 8),
    ("escape", 27),
];
const QUOTES: [(&str, &str); 4] =
    [("'", "quote"), ("`", "quasiquote"), (",@", "unquote-splicing"), (",", "unquote")];

pub fn number<'m, 'id>(cx: Cx<'m, 'id>, s: &str, radix: u32) -> R<'m, 'id, Option<V<'m, 'id>>> {
    let digits = s.strip_prefix(['+', '-']).unwrap_or(s);
    if let Ok(n) = i64::from_str_radix(s, radix) {
        let small = n << 1 >> 1 == n;
        return Ok(Some(if small { Value::small(n as isize) } else { cx.real(n as f64)? }));
    }
    let starts = digits.starts_with(|c: char| c.is_ascii_digit() || c == '.');
    match s.parse::<f64>() {
        Ok(x) if radix == 10 && starts => cx.real(x).map(Some),
        _ => Ok(None),
    }
}

pub struct Reader<'a> {
    pub text: &'a [u8],
    pub at: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }
    fn space(&mut self) {
        while let Some(c) = self.peek() {
            if c == b';' {
                while self.peek().is_some_and(|c| c != b'\n') {
                    self.at += 1;
                }
            } else if self.text[self.at..].starts_with(b"#|") {
                let mut depth = 0;
                while self.at < self.text.len() {
                    match &self.text[self.at..(self.at + 2).min(self.text.len())] {
                        b"#|" => depth += 1,
                        b"|#" => depth -= 1,
                        _ => {
                            self.at += 1;
                            continue;
                        }
                    }
                    self.at += 2;
                    if depth == 0 {
                        break;
                    }
                }
            } else if c.is_ascii_whitespace() {
                self.at += 1;
            } else {
                break;
            }
        }
    }

    /// The next datum, or the end of the text.
    pub fn read<'m, 'id>(&mut self, vm: &mut Vm, cx: Cx<'m, 'id>, deep: usize) -> R<'m, 'id> {
        if deep > DEEP {
            return cx.error("data nested too deeply", k(F));
        }
        self.space();
        let Some(c) = self.peek() else { return Ok(k(EOF)) };
        for (mark, name) in QUOTES {
            if self.text[self.at..].starts_with(mark.as_bytes()) {
                self.at += mark.len();
                let x = self.read(vm, cx, deep + 1)?;
                return cx.list(&[vm.symbol(name.as_bytes()), x]);
            }
        }
        self.at += 1;
        match c {
            b'(' | b'[' => self.list(vm, cx, deep),
            b')' | b']' => cx.error("unbalanced )", k(F)),
            b'"' => {
                let mut s = Vec::new();
                loop {
                    let Some(c) = self.peek() else {
                        return cx.error("end of input inside a string", k(F));
                    };
                    self.at += 1;
                    match c {
                        b'"' => return cx.string(&s),
                        b'\\' => {
                            let c = self.peek().unwrap_or(0);
                            self.at += 1;
                            match c {
                                b'n' => s.push(b'\n'),
                                b't' => s.push(b'\t'),
                                b'r' => s.push(b'\r'),
                                b'0' => s.push(0),
                                b'\n' => {
                                    while self.peek().is_some_and(|c| c == b' ' || c == b'\t') {
                                        self.at += 1;
                                    }
                                }
                                _ => s.push(c),
                            }
                        }
                        _ => s.push(c),
                    }
                }
            }
            b'#' if self.peek() == Some(b'(') => {
                self.at += 1;
                let list = self.list(vm, cx, deep)?;
                Ok(cx.heap.alloc_values(&cx.items(list).0)?.into())
            }
            b'#' if self.peek() == Some(b';') => {
                self.at += 1;
                self.read(vm, cx, deep + 1)?;
                self.read(vm, cx, deep)
            }
            _ => {
                let start = self.at - 1;
                if self.text[start..].starts_with(b"#\\") {
                    self.at += 2;
                }
                while self
                    .peek()
                    .is_some_and(|c| !c.is_ascii_whitespace() && !b"()[]\";'".contains(&c))
                {
                    self.at += 1;
                }
                let word = &self.text[start..self.at.min(self.text.len())];
                let s = std::str::from_utf8(word).unwrap_or("?");
                if let Some(name) = s.strip_prefix("#\\") {
                    let known = NAMES.iter().find(|n| n.0 == name).map(|n| n.1);
                    return Ok(of(CHAR, known.unwrap_or(word.get(2).copied().unwrap_or(0)).into()));
                }
                let radix = match &s[..2.min(s.len())] {
                    "#x" => 16,
                    "#b" => 2,
                    "#o" => 8,
                    _ => 0,
                };
                match s {
                    "#t" | "#true" => Ok(k(T)),
                    "#f" | "#false" => Ok(k(F)),
                    _ if radix != 0 => Ok(number(cx, &s[2..], radix)?.unwrap_or(k(F))),
                    _ if s.starts_with('#') => cx.error("unknown # syntax", k(F)),
                    _ => Ok(number(cx, s, 10)?.unwrap_or_else(|| vm.symbol(word))),
                }
            }
        }
    }

    fn list<'m, 'id>(&mut self, vm: &mut Vm, cx: Cx<'m, 'id>, deep: usize) -> R<'m, 'id> {
        let (mut items, mut end) = (Vec::new(), k(NIL));
        loop {
            self.space();
            let rest = &self.text[self.at..];
            match rest.first() {
                None => return cx.error("end of input inside a list", k(F)),
                Some(b')' | b']') => {
                    self.at += 1;
                    return cx.list_to(&items, end);
                }
                Some(b'.') if rest.get(1).is_none_or(|c| c.is_ascii_whitespace()) => {
                    self.at += 1;
                    end = self.read(vm, cx, deep + 1)?;
                }
                Some(b'#') if rest.starts_with(b"#;") => {
                    self.at += 2;
                    self.read(vm, cx, deep + 1)?;
                }
                _ => items.push(self.read(vm, cx, deep + 1)?),
            }
        }
    }
}

pub fn real(x: f64) -> String {
    if !x.is_finite() {
        return if x.is_nan() {
            "+nan.0"
        } else if x > 0.0 {
            "+inf.0"
        } else {
            "-inf.0"
        }
        .into();
    }
    let exponent = x.abs().log10().floor();
    if x != 0.0 && !(-7.0..21.0).contains(&exponent) {
        return format!("{x:e}").replace("e", if exponent > 0.0 { "e+" } else { "e" });
    }
    format!("{x:?}")
}

pub fn print<'m, 'id>(
    vm: &Vm,
    cx: Cx<'m, 'id>,
    out: &mut Vec<u8>,
    x: V<'m, 'id>,
    write: bool,
    deep: usize,
) {
    let mut put = |s: &str| out.extend_from_slice(s.as_bytes());
    if deep > DEEP {
        return put("...");
    }
    if let Some(n) = x.as_small() {
        put(&n.to_string());
    } else if let Some(s) = as_mark(x, SYM) {
        out.extend_from_slice(&vm.names[s]);
    } else if let Some(c) = as_mark(x, CHAR) {
        match NAMES.iter().find(|n| usize::from(n.1) == c).filter(|_| write) {
            Some((name, _)) => put(&format!("#\\{name}")),
            None if write => out.extend_from_slice(&[b'#', b'\\', c as u8]),
            None => out.push(c as u8),
        }
    } else if let Some(p) = as_mark(x, PRIM) {
        put(&format!("#<procedure {}>", crate::prims::PRIMS[p].0));
    } else if let Some(m) = x.as_mark() {
        put(match m {
            F => "#f",
            T => "#t",
            NIL => "()",
            UNSPEC => "#<unspecified>",
            EOF => "#<eof>",
            _ => "#<undefined>",
        });
    } else if let Some(r) = x.cast::<Real>() {
        put(&real(r.0));
    } else if let Some(s) = x.cast::<Array<Cell<u8>>>() {
        if !write {
            return out.extend(s.elements().iter().map(Cell::get));
        }
        out.push(b'"');
        for c in s.elements() {
            match c.get() {
                b'\n' => out.extend(b"\\n"),
                b'\t' => out.extend(b"\\t"),
                c @ (b'"' | b'\\') => out.extend([b'\\', c]),
                c => out.push(c),
            }
        }
        out.push(b'"');
    } else if let Some(v) = x.cast::<Array<Slot>>() {
        put("#(");
        for (i, s) in v.elements().iter().enumerate() {
            if i > 0 {
                out.push(b' ');
            }
            print(vm, cx, out, s.get(cx.heap), write, deep + 1);
        }
        out.push(b')');
    } else if x.cast::<Pair>().is_some() {
        let (items, end) = cx.items(x);
        let quote = as_mark(items[0], SYM)
            .and_then(|s| QUOTES.iter().find(|q| q.1.as_bytes() == &*vm.names[s]));
        if let (Some((mark, _)), 2, true) = (quote, items.len(), is(end, NIL)) {
            put(mark);
            return print(vm, cx, out, items[1], write, deep + 1);
        }
        out.push(b'(');
        for (i, x) in items.iter().enumerate() {
            if i > 0 {
                out.push(b' ');
            }
            print(vm, cx, out, *x, write, deep + 1);
        }
        if !is(end, NIL) {
            out.extend(b" . ");
            print(vm, cx, out, end, write, deep + 1);
        }
        out.push(b')');
    } else if let Some(e) = x.cast::<Error>() {
        put("#<error ");
        print(vm, cx, out, e.to_ref().message.get(cx.heap), write, deep + 1);
        out.push(b'>');
    } else if let Some(r) = x.cast::<Record>() {
        put("#<record ");
        let tag = r.to_ref().tag.get(cx.heap);
        print(vm, cx, out, cx.car(tag).unwrap_or(tag), false, deep + 1);
        out.push(b'>');
    } else if let Some(c) = x.cast::<Closure>() {
        put("#<procedure");
        if c.code.name != 0 {
            out.push(b' ');
            out.extend_from_slice(&vm.names[c.code.name]);
        }
        out.push(b'>');
    } else {
        put(if x.cast::<Table>().is_some() { "#<hash-table>" } else { "#<object>" });
    }
}
