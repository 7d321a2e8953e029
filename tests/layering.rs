//! Who may import whom (docs/design.md), and what must not be in the core.
//! Reads the sources; depends on nothing.

use std::fs;
use std::path::{Path, PathBuf};

/// A layer and the layers it may import. `trace` and `pools` are siblings.
const TABLE: [(&str, &[&str]); 12] = [
    ("base", &[]),
    ("seam", &["base"]),
    // Of the seam only a hint to the processor.
    ("land", &["base", "seam"]),
    ("arena", &["base", "seam", "land"]),
    ("shield", &["base", "seam"]),
    ("object", &["base", "seam", "arena", "shield"]),
    ("trace", &["base", "seam", "land", "arena", "shield", "object"]),
    ("pools", &["base", "seam", "land", "arena", "shield", "object"]),
    ("mpm", &["base", "seam", "land", "arena", "shield", "object", "trace", "pools"]),
    (
        "capi",
        &[
            "base",
            "seam",
            "object",
            "mpm",
            // What handles point to, and what the client names when it makes something.
            "arena::Params",
            "pools",
            "shield::fibers",
            "shield::threads",
            "trace::history",
            "trace::root",
            // Called by the client's scanners, on the critical path.
            "trace::fix",
            "trace::ephemeron",
            "trace::stack",
            // What a handle of the client's points to.
            "trace::handles",
            "ports::DEFAULT",
            "ports::soft",
            "ports::set_thread_signals",
        ],
    ),
    (
        "face",
        &[
            "base",
            "seam",
            "object",
            "mpm",
            "arena::Params",
            "pools",
            "shield::threads",
            "trace::history",
            "trace::root",
            // Called by scanners, on the critical path.
            "trace::fix",
            "ports::DEFAULT",
        ],
    ),
    ("ports", &["base::addr", "base::res", "base::sets", "seam::port"]),
];

/// Macros live at the crate's root; where they are defined says who owns them.
const MACROS: [&str; 6] =
    ["aver", "aver_critical", "aver_client", "not_reached", "event", "export_port"];

/// What can panic, or belongs to a host; spelled as [`tidy`] leaves it.
const BANNED: [&str; 14] = [
    "std::",
    "extern crate std",
    "extern crate alloc",
    "alloc::vec",
    ".unwrap()",
    ".expect(",
    "panic!",
    "todo!",
    "unimplemented!",
    "unreachable!",
    "clippy::unwrap_used",
    "clippy::expect_used",
    "clippy::panic",
    "clippy::indexing_slicing",
];

/// Only for the core, not for ports.
const BANNED_IN_CORE: [&str; 11] = [
    "target_os",
    "target_vendor",
    "mps_arch_",
    "cfg(windows",
    "cfg(unix",
    "cfg!(windows",
    "cfg!(unix",
    "not(windows",
    "not(unix",
    ", windows)",
    ", unix)",
];

/// The code alone: comments, strings and characters blanked, lines kept.
fn code(text: &str) -> String {
    let c: Vec<char> = text.chars().collect();
    let at = |i: usize| c.get(i).copied().unwrap_or('\0');
    let mut out = String::new();
    let mut i = 0;
    while i < c.len() {
        let end = match (at(i), at(i + 1)) {
            ('/', '/') => (i..c.len()).find(|k| at(*k) == '\n').unwrap_or(c.len()),
            ('/', '*') => (i + 2..c.len())
                .find(|k| at(*k) == '*' && at(k + 1) == '/')
                .map_or(c.len(), |k| k + 2),
            ('"', _) => {
                let mut k = i + 1;
                while k < c.len() && at(k) != '"' {
                    k += if at(k) == '\\' { 2 } else { 1 };
                }
                k + 1
            }
            ('\'', '\\') => (i + 3..c.len()).find(|k| at(*k) == '\'').map_or(c.len(), |k| k + 1),
            ('\'', _) if at(i + 2) == '\'' => i + 3,
            _ => i,
        };
        if end == i {
            out.push(at(i));
            i += 1;
        } else {
            out.extend((i..end.min(c.len())).map(|k| if at(k) == '\n' { '\n' } else { ' ' }));
            i = end;
        }
    }
    out
}

/// Blanks whatever `#[cfg(test)]` stands before: an item or a statement.
fn without_tests(code: &str) -> String {
    let mut out = code.to_string();
    let mut from = 0;
    while let Some(start) = out[from..].find("#[cfg(test)]").map(|i| from + i) {
        let (mut depth, mut end) = (0, out.len());
        for (i, ch) in out[start + 12..].char_indices() {
            match ch {
                '{' | '(' | '[' => depth += 1,
                '}' | ')' | ']' => depth -= 1,
                _ => {}
            }
            if depth == 0 && (ch == '}' || ch == ';') || depth < 0 {
                end = start + 12 + i + usize::from(depth == 0);
                break;
            }
        }
        let blank: String =
            out[start..end].chars().map(|c| if c == '\n' { '\n' } else { ' ' }).collect();
        out.replace_range(start..end, &blank);
        from = start;
    }
    out
}

/// One blank where there are several, and none round what binds names.
fn tidy(line: &str) -> String {
    let mut s = line.split_whitespace().collect::<Vec<_>>().join(" ");
    for p in ["::", ".", "(", "!"] {
        s = s.replace(&format!(" {p}"), p).replace(&format!("{p} "), p);
    }
    s
}

/// The paths from the crate's root that a file names, with their lines.
fn imports(code: &str, module: &[String]) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (word, lead) in [("crate::", 0), ("super::", 1)] {
        let mut from = 0;
        while let Some(start) = code[from..].find(word).map(|i| from + i) {
            from = start + word.len();
            let before = code[..start].chars().next_back().unwrap_or(' ');
            if before.is_alphanumeric() || before == '_' || before == ':' {
                continue;
            }
            let mut rest = &code[from..];
            let mut supers = lead;
            while lead == 1 && rest.starts_with("super::") {
                supers += 1;
                rest = &rest["super::".len()..];
            }
            if lead == 1 && supers < module.len() {
                continue; // stays inside the layer
            }
            let line = code[..start].matches('\n').count() + 1;
            leaves("", rest, &mut |p| found.push((line, p)));
        }
    }
    found
}

/// Calls `f` with each path of a use tree, as far as two names deep.
fn leaves(head: &str, rest: &str, f: &mut dyn FnMut(String)) {
    let rest = rest.trim_start();
    if let Some(group) = rest.strip_prefix('{') {
        let (mut depth, mut start) = (0i32, 0);
        for (i, ch) in group.char_indices() {
            match ch {
                '{' => depth += 1,
                ',' | '}' if depth == 0 => {
                    let item = &group[start..i];
                    if !item.trim().is_empty() {
                        leaves(head, item, f);
                    }
                    start = i + 1;
                    if ch == '}' {
                        return;
                    }
                }
                '}' => depth -= 1,
                _ => {}
            }
        }
        return;
    }
    let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
    let path =
        if head.is_empty() { rest[..end].to_string() } else { format!("{head}::{}", &rest[..end]) };
    match rest[end..].trim_start().strip_prefix("::") {
        Some(more) if head.is_empty() => leaves(&path, more, f),
        _ => f(path),
    }
}

fn allowed(layer: &str, path: &str) -> bool {
    let Some((_, may)) = TABLE.iter().find(|(l, _)| *l == layer) else { return false };
    let first = path.split("::").next().unwrap_or_default();
    first == layer
        || MACROS.contains(&first)
        || may
            .iter()
            .any(|m| path == *m || path.strip_prefix(m).is_some_and(|r| r.starts_with("::")))
}

/// What is wrong with a file of this layer, line by line.
fn complaints(layer: &str, module: &[String], text: &str) -> Vec<String> {
    let code = without_tests(&code(text));
    let mut bad = Vec::new();
    for (line, path) in imports(&code, module) {
        if !allowed(layer, &path) {
            bad.push(format!("{line}: {layer} must not import {path}"));
        }
    }
    for (i, line) in code.lines().enumerate() {
        let tight = tidy(line);
        let core = if layer == "ports" || module == ["seam", "arch"] {
            &[][..]
        } else {
            &BANNED_IN_CORE[..]
        };
        for b in BANNED.iter().chain(core) {
            let found = tight.match_indices(b).any(|(k, _)| {
                // A word of its own: `core::` of `std::`, not `xstd::`.
                let before = tight[..k].chars().next_back().unwrap_or(' ');
                b.starts_with('.') || !(before.is_alphanumeric() || before == '_')
            });
            if found {
                bad.push(format!("{}: {b}", i + 1));
            }
        }
        let asserts = tight.contains("assert!(")
            || tight.contains("assert_eq!(")
            || tight.contains("assert_ne!(");
        // What the compiler evaluates can't panic later.
        if asserts && !tight.starts_with("const _:") && !tight.contains(":() = assert!(") {
            bad.push(format!("{}: an assertion that panics", i + 1));
        }
        if tight.contains("extern {")
            && !matches!(layer, "seam" | "ports" | "capi")
            && module != ["base", "check"]
        {
            bad.push(format!("{}: declares foreign functions", i + 1));
        }
    }
    bad
}

fn sources(dir: &Path, all: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let p = entry.path();
        if p.is_dir() {
            sources(&p, all);
        } else if p.extension().is_some_and(|e| e == "rs") {
            all.push(p);
        }
    }
    all.sort();
}

#[test]
fn every_file_keeps_to_its_layer() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut all = Vec::new();
    sources(&root.join("src"), &mut all);
    sources(&root.join("ports"), &mut all);
    let mut bad = Vec::new();
    let mut read = 0;
    for file in &all {
        let name = file.strip_prefix(root).unwrap_or(file).with_extension("");
        let mut module: Vec<String> =
            name.iter().map(|s| s.to_string_lossy().into_owned()).collect();
        if module[0] == "src" {
            module.remove(0);
        }
        if module.last().is_some_and(|m| m == "mod") {
            module.pop();
        }
        let test = module.iter().any(|m| m == "tests" || m == "testing");
        if test || module == ["lib"] {
            continue;
        }
        read += 1;
        let text = fs::read_to_string(file).unwrap_or_default();
        let layer = module[0].clone();
        bad.extend(
            complaints(&layer, &module, &text).iter().map(|c| format!("{}.rs:{c}", name.display())),
        );
    }
    assert!(read > 20, "found only {read} files");
    assert!(bad.is_empty(), "\n{}", bad.join("\n"));
}

/// The check itself: what it must see, and what it must not.
#[test]
fn the_check_can_fail() {
    let check =
        |layer: &str, text: &str| complaints(layer, &[layer.to_string(), "x".to_string()], text);
    for (layer, text) in [
        ("base", "use crate::seam::port::Port;"),
        ("arena", "use crate::{base::addr::Addr, object::seg::Seg};"),
        ("arena", "fn f() { crate::mpm::enter() }"),
        ("pools", "use super::super::trace::Trace;"),
        ("trace", "use crate::pools::amc;"),
        ("capi", "use crate::trace::flip;"),
        ("ports", "use crate::base::check::fail;"),
        ("ports", "use crate::seam::{port::Port, plinth};"),
        ("mpm", "use crate::capi::x;"),
        ("mpm", "let a = b.unwrap();"),
        ("mpm", "use std::vec::Vec;"),
        ("mpm", "x . expect (1)"),
        ("mpm", "#[allow(clippy::panic)]"),
        ("mpm", "assert!(x);"),
        ("mpm", "#[cfg(target_os = \"linux\")]"),
        ("seam", "if cfg!( windows ) {"),
        ("seam", "#[cfg(all(target_arch = \"x86_64\", windows))]"),
        ("mpm", "unsafe extern \"C\" {\n fn abort();\n}"),
        ("mpm", "#[cfg(test)] mod t { fn f() {} } fn g() { panic!() }"),
    ] {
        assert!(!check(layer, text).is_empty(), "{layer}: {text}");
    }
    for (layer, text) in [
        ("base", "use super::addr::Addr; use crate::base::res;"),
        ("arena", "crate::aver!(x); // crate::mpm and std:: and .unwrap()"),
        ("capi", "use crate::trace::fix::fix2; crate::ports::DEFAULT"),
        ("mpm", "let s = \"std:: panic! \\\" crate::capi\"; let c = '\"'; let d = '\\'';"),
        ("mpm", "#[cfg(test)]\nmod t { use std::vec; fn f() { x.unwrap() } }\nfn g() {}"),
        ("mpm", "#[cfg(test)] { std::eprintln!(); }\n#[cfg(test)]\nlet x = [1; 2];"),
        ("mpm", "const _: () = assert!(true);"),
        ("object", "x.unwrap_or(3); debug_x"),
    ] {
        assert_eq!(check(layer, text), Vec::<String>::new(), "{layer}: {text}");
    }
}
