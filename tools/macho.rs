//! The archive for macOS out of the one that rustc writes; and what is in such an archive.
//!
//! macho EXPORTS IN OUT   EXPORTS has a public name in each line. In OUT these are global, and
//!                        all others local to their object. What one of the objects needs of another
//!                        is private: seen by a linker, and in no program's list of symbols.
//! macho --list ARCHIVE   for each name a line: the object, how the name is bound, the name.
//!                        The first line of an object is its size: the bytes loaded.
//!
//! What `ld -r` and objcopy do for ELF (link/localize.mk). There is no such linker for Mach-O on
//! other systems than its own, and what must change is little: rustc makes one object of
//! all Rust code. So the table of symbols is put into its new order in place, and relocations
//! are told. The layouts are from the system's headers mach-o/loader.h, nlist.h, reloc.h and ranlib.h.
//!
//! The compiler's own functions (compiler_builtins) are left out: the system's C library has them.

use std::collections::BTreeSet;
use std::{env, fs, process};

type Result<T> = std::result::Result<T, String>;

fn u32_at(b: &[u8], at: usize) -> Result<u32> {
    let bytes = b.get(at..at + 4).ok_or("the file ends too early")?;
    Ok(u32::from_le_bytes(bytes.try_into().map_err(|_| "four bytes")?))
}

fn put_u32(b: &mut [u8], at: usize, value: u32) {
    b[at..at + 4].copy_from_slice(&value.to_le_bytes());
}

fn string_at(b: &[u8], at: usize, most: usize) -> String {
    let all = b.get(at..).unwrap_or_default();
    let end = all.iter().take(most).position(|c| *c == 0).unwrap_or(most.min(all.len()));
    String::from_utf8_lossy(&all[..end]).into_owned()
}

/// A member of an archive.
struct Member {
    name: String,
    data: Vec<u8>,
}

const MAGIC: &[u8] = b"!<arch>\n";

fn members(archive: &[u8]) -> Result<Vec<Member>> {
    if !archive.starts_with(MAGIC) {
        return Err("not an archive".into());
    }
    let mut found = Vec::new();
    let mut at = MAGIC.len();
    while let Some(head) = archive.get(at..at + 60) {
        let text = |r: std::ops::Range<usize>| String::from_utf8_lossy(&head[r]).trim().to_owned();
        let size: usize = text(48..58).parse().map_err(|_| "a member without a size")?;
        let all = archive.get(at + 60..at + 60 + size).ok_or("a member is cut off")?;
        let mut name = text(0..16);
        let mut data = all;
        if let Some(n) = name.strip_prefix("#1/").and_then(|n| n.parse().ok()) {
            name = string_at(all, 0, n);
            data = all.get(n..).ok_or("a name is cut off")?;
        }
        if !name.starts_with("__.SYMDEF") && !name.starts_with('/') {
            found.push(Member { name: name.trim_end_matches('/').into(), data: data.to_vec() });
        }
        at += 60 + size + size % 2;
    }
    Ok(found)
}

/// How a name is bound.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Bound {
    Local,
    Private,
    Global,
    Weak,
    Undefined,
}

/// Bits of a symbol's type: seen outside of the object; private; the rest, of which none means undefined;
/// of a debugger.
const N_EXT: u8 = 0x01;
const N_PEXT: u8 = 0x10;
const N_TYPE: u8 = 0x0e;
const N_STAB: u8 = 0xe0;
/// Bit of its description: gives way to another definition.
const N_WEAK_DEF: u16 = 0x80;
/// Bytes of a symbol.
const SYMBOL: usize = 16;
/// Bytes of a section's header.
const SECTION: usize = 80;
/// A section's bit that says: for a debugger.
const DEBUG: u32 = 0x0200_0000;
/// The bit of a relocation that says "of a symbol"; what is below has the symbol's number in
/// 24 bits.
const OF_SYMBOL: u32 = 1 << 27;
const NUMBER: u32 = 0x00ff_ffff;

/// Where things are in an object.
struct Object {
    symbols: usize,
    count: usize,
    strings: usize,
    /// The command that says which symbols are local, defined and undefined.
    ranges: usize,
    /// Sections: where their headers are.
    sections: Vec<usize>,
}

impl Object {
    fn read(b: &[u8]) -> Result<Object> {
        const MAGIC_64: u32 = 0xfeed_facf;
        if u32_at(b, 0)? != MAGIC_64 {
            return Err("not an object of 64 bits in Mach-O".into());
        }
        let mut o = Object { symbols: 0, count: 0, strings: 0, ranges: 0, sections: Vec::new() };
        let mut at = 32;
        for _ in 0..u32_at(b, 16)? {
            let word = |i: usize| u32_at(b, at + 4 * i).map(|n| n as usize);
            match word(0)? {
                // LC_SEGMENT_64
                0x19 => o.sections.extend((0..word(16)?).map(|i| at + 72 + i * SECTION)),
                // LC_SYMTAB
                2 => (o.symbols, o.count, o.strings) = (word(2)?, word(3)?, word(4)?),
                // LC_DYSYMTAB
                0xb => o.ranges = at,
                _ => {}
            }
            at += word(1)?;
        }
        if o.ranges == 0 || b.len() < o.symbols + o.count * SYMBOL {
            return Err("an object without a table of symbols".into());
        }
        Ok(o)
    }

    fn name(&self, b: &[u8], i: usize) -> Result<String> {
        let at = u32_at(b, self.symbols + i * SYMBOL)? as usize;
        Ok(string_at(b, self.strings + at, usize::MAX))
    }

    fn bound(&self, b: &[u8], i: usize) -> Bound {
        let at = self.symbols + i * SYMBOL;
        let kind = b[at + 4];
        let weak = u16::from_le_bytes([b[at + 6], b[at + 7]]) & N_WEAK_DEF != 0;
        if kind & N_STAB != 0 || kind & N_EXT == 0 {
            Bound::Local
        } else if kind & N_TYPE == 0 {
            Bound::Undefined
        } else if kind & N_PEXT != 0 {
            Bound::Private
        } else if weak {
            Bound::Weak
        } else {
            Bound::Global
        }
    }

    /// All names that are not local.
    fn names(&self, b: &[u8]) -> Result<Vec<(Bound, String)>> {
        let seen = (0..self.count).map(|i| Ok((self.bound(b, i), self.name(b, i)?)));
        seen.filter(|s| !matches!(s, Ok((Bound::Local, _)))).collect()
    }

    /// Bytes loaded: all sections but a debugger's and the linker's own.
    fn loaded(&self, b: &[u8]) -> Result<u64> {
        let mut sum = 0;
        for s in &self.sections {
            let own = string_at(b, s + 16, 16) == "__LD";
            if !own && u32_at(b, s + 64)? & DEBUG == 0 {
                sum += u64::from(u32_at(b, s + 40)?);
            }
        }
        Ok(sum)
    }

    /// Binds each name as `how` says, and puts the table into the order that this wants:
    /// local ones, then those defined, then the others.
    fn bind(&self, b: &mut [u8], how: impl Fn(&str, Bound) -> Bound) -> Result<()> {
        let mut groups: [Vec<(usize, [u8; SYMBOL])>; 3] = Default::default();
        for i in 0..self.count {
            let at = self.symbols + i * SYMBOL;
            let mut symbol: [u8; SYMBOL] = [0; SYMBOL];
            symbol.copy_from_slice(&b[at..at + SYMBOL]);
            let was = self.bound(b, i);
            let is = match was {
                Bound::Local | Bound::Undefined => was,
                _ => how(&self.name(b, i)?, was),
            };
            match is {
                Bound::Local if was != Bound::Local => {
                    symbol[4] &= !(N_EXT | N_PEXT);
                    let desc = u16::from_le_bytes([symbol[6], symbol[7]]) & !N_WEAK_DEF;
                    symbol[6..8].copy_from_slice(&desc.to_le_bytes());
                }
                Bound::Private => symbol[4] |= N_PEXT,
                _ => {}
            }
            let group = match is {
                Bound::Local => 0,
                Bound::Undefined => 2,
                _ => 1,
            };
            groups[group].push((i, symbol));
        }
        let mut number = vec![0u32; self.count];
        let order = groups.iter().flatten();
        for (new, (old, symbol)) in order.enumerate() {
            let at = self.symbols + new * SYMBOL;
            b[at..at + SYMBOL].copy_from_slice(symbol);
            number[*old] = new as u32;
        }
        let mut first = 0;
        for (i, group) in groups.iter().enumerate() {
            put_u32(b, self.ranges + 8 + 8 * i, first);
            put_u32(b, self.ranges + 12 + 8 * i, group.len() as u32);
            first += group.len() as u32;
        }
        let new_number = |old: u32| number.get(old as usize).copied().ok_or("no such symbol");
        for s in &self.sections {
            let (relocations, n) = (u32_at(b, s + 56)? as usize, u32_at(b, s + 60)? as usize);
            for at in (0..n).map(|i| relocations + 8 * i + 4) {
                let info = u32_at(b, at)?;
                if info & OF_SYMBOL != 0 {
                    put_u32(b, at, info & !NUMBER | new_number(info & NUMBER)?);
                }
            }
        }
        // Symbols that sections refer to by number: all but those that are none (INDIRECT_SYMBOL_*).
        let (at, n) =
            (u32_at(b, self.ranges + 56)? as usize, u32_at(b, self.ranges + 60)? as usize);
        for at in (0..n).map(|i| at + 4 * i) {
            let old = u32_at(b, at)?;
            if old & 0xc000_0000 == 0 {
                put_u32(b, at, new_number(old)?);
            }
        }
        Ok(())
    }
}

/// A member as it stands in the archive, its name in front so that the data is at a multiple of 8.
fn push_member(out: &mut Vec<u8>, name: &str, data: &[u8]) {
    let room = (name.len() + 1 + 60 + out.len()).next_multiple_of(8) - 60 - out.len();
    let size = (room + data.len()).next_multiple_of(8);
    let long = format!("#1/{room}");
    out.extend(format!("{long:<16}{:<12}{:<6}{:<6}{:<8}{size:<10}`\n", 0, 0, 0, 644).bytes());
    let end = out.len() + size;
    out.extend(name.bytes());
    out.resize(end - size + room, 0);
    out.extend(data);
    out.resize(end, b'\n');
}

/// An archive whose first member says which names are where.
fn archive(all: &[Member]) -> Result<Vec<u8>> {
    let mut table = Vec::new(); // name, member
    for (i, m) in all.iter().enumerate() {
        for (bound, name) in Object::read(&m.data)?.names(&m.data)? {
            if bound != Bound::Undefined {
                table.push((name, i));
            }
        }
    }
    table.sort();
    let strings: usize = table.iter().map(|(name, _)| name.len() + 1).sum();
    let mut places = vec![0u32; all.len()];
    let build = |places: &[u32]| {
        let mut index = ((8 * table.len()) as u32).to_le_bytes().to_vec();
        let mut names = Vec::new();
        for (name, member) in &table {
            index.extend((names.len() as u32).to_le_bytes());
            index.extend(places[*member].to_le_bytes());
            names.extend(name.bytes());
            names.push(0);
        }
        names.resize(strings.next_multiple_of(8), 0);
        index.extend((names.len() as u32).to_le_bytes());
        index.extend(names);
        let mut out = MAGIC.to_vec();
        push_member(&mut out, "__.SYMDEF SORTED", &index);
        let mut places = Vec::new();
        for m in all {
            places.push(out.len() as u32);
            push_member(&mut out, &m.name, &m.data);
        }
        (out, places)
    };
    // How long the index is does not depend on what it says.
    (_, places) = build(&places);
    Ok(build(&places).0)
}

fn make(exports: &str, input: &[u8]) -> Result<Vec<u8>> {
    // In C's names there is an underscore in front.
    let wanted: BTreeSet<String> = exports.split_whitespace().map(|n| format!("_{n}")).collect();
    let mut all = members(input)?;
    all.retain(|m| !m.name.starts_with("compiler_builtins-"));
    let mut needed = BTreeSet::new();
    let mut public = 0;
    for m in &all {
        for (bound, name) in Object::read(&m.data)?.names(&m.data)? {
            if bound == Bound::Undefined {
                needed.insert(name);
            } else if wanted.contains(&name) {
                public += 1;
            }
        }
    }
    if public == 0 {
        return Err("it defines nothing public".into());
    }
    for (i, m) in all.iter_mut().enumerate() {
        Object::read(&m.data)?.bind(&mut m.data, |name, was| {
            if wanted.contains(name) {
                was
            } else if needed.contains(name) {
                Bound::Private
            } else {
                Bound::Local
            }
        })?;
        // The names that rustc and Cargo make differ from machine to machine.
        m.name = if i == 0 { "mps.o".into() } else { format!("mps_{i}.o") };
    }
    archive(&all)
}

fn list(input: &[u8]) -> Result<()> {
    for m in members(input)? {
        let o = Object::read(&m.data)?;
        println!("{} size {}", m.name, o.loaded(&m.data)?);
        for (bound, name) in o.names(&m.data)? {
            let how = match bound {
                Bound::Private => "private",
                Bound::Weak => "weak",
                Bound::Undefined => "undefined",
                _ => "global",
            };
            println!("{} {how} {}", m.name, name.strip_prefix('_').unwrap_or(&name));
        }
    }
    Ok(())
}

fn run(args: &[String]) -> Result<()> {
    let read = |p: &String| fs::read(p).map_err(|e| format!("{p}: {e}"));
    match args {
        [option, path] if option == "--list" => list(&read(path)?),
        [exports, input, out] => {
            let names = String::from_utf8_lossy(&read(exports)?).into_owned();
            let made = make(&names, &read(input)?).map_err(|e| format!("{input}: {e}"))?;
            fs::write(out, made).map_err(|e| format!("{out}: {e}"))
        }
        _ => Err("usage: macho EXPORTS IN OUT, or macho --list ARCHIVE".into()),
    }
}

fn main() {
    let args: Vec<String> = env::args().skip(1).collect();
    if let Err(e) = run(&args) {
        eprintln!("macho: {e}");
        process::exit(1);
    }
}
