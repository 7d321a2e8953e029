//! Copies of the library's files with places that a test can weaken: each `was`, which is
//! there exactly once, becomes one that asks `crate::weak` first. Nothing else changes but that
//! documentation of the file becomes a comment.

use std::path::Path;
use std::{env, fs};

/// File, what it says, and what it says here.
const PLACES: &[(&str, &str, &str)] = &[
    (
        "src/trace/history.rs",
        "if self.epoch.load(Ordering::Acquire) == now {",
        "if crate::weak(\"is_stale looks once\") || self.epoch.load(Ordering::Acquire) == now {",
    ),
    (
        "src/trace/history.rs",
        "self.slot(next).store(0, Ordering::Relaxed);",
        "if !crate::weak(\"flip keeps the place\") { self.slot(next).store(0, Ordering::Relaxed); }",
    ),
    (
        "src/mpm/entry.rs",
        "if self.cx.peeks.is_empty() {",
        "if crate::weak(\"leave looks once\") || self.cx.peeks.is_empty() {",
    ),
    (
        "src/mpm/entry.rs",
        "self.cx.lock.store(!me, Ordering::SeqCst);",
        "self.cx.lock.store(if crate::weak(\"no complement\") { 0 } else { !me }, Ordering::SeqCst);",
    ),
    (
        "src/mpm/entry.rs",
        "port.quietly(&mut || self.leave_quietly());",
        "if crate::weak(\"not quietly\") { self.leave_quietly() } else { port.quietly(&mut || self.leave_quietly()) }",
    ),
    (
        "src/mpm/entry.rs",
        "Err(v) if v == !me => self.let_go(me),",
        "Err(v) if v == !me && !crate::weak(\"nobody leaves\") => self.let_go(me),",
    ),
    // Not weakened: the file below comes from here, too.
    ("src/shield/mod.rs", "pub mod threads;", "weakenable!(threads, \"src-shield-threads.rs\");"),
    // Nor these: a copy has its neighbours elsewhere.
    (
        "src/shield/mod.rs",
        "#[cfg_attr(not(feature = \"fibers\"), path = \"fibers_off.rs\")]",
        concat!("#[path = \"", env!("CARGO_MANIFEST_DIR"), "/../../src/shield/fibers_off.rs\"]"),
    ),
    (
        "src/shield/mod.rs",
        "#[cfg_attr(not(feature = \"blocking\"), path = \"region_off.rs\")]",
        concat!("#[path = \"", env!("CARGO_MANIFEST_DIR"), "/../../src/shield/region_off.rs\"]"),
    ),
    // What it was before.
    (
        "src/shield/threads.rs",
        "if self.held.get() || self.began.get() {",
        "if self.held.get() || (self.began.get() && !crate::weak(\"one look before stopping\")) {",
    ),
    (
        "src/object/buffer.rs",
        "if b.trapped.get() && b.init_at_flip.get() != b.init.get() {",
        "if !crate::weak(\"trip is blind\") && b.trapped.get() && b.init_at_flip.get() != b.init.get() {",
    ),
    (
        "src/object/buffer.rs",
        "        b.limit.set(Addr::NULL);",
        "        if !crate::weak(\"flip sets no trap\") { b.limit.set(Addr::NULL); }",
    ),
    (
        "src/object/buffer.rs",
        "if !b.trapped.replace(true) {",
        "if !b.trapped.replace(true) || crate::weak(\"flip notes twice\") {",
    ),
    (
        "src/object/buffer.rs",
        "        if b.stale.get() {",
        "        if b.stale.get() && !crate::weak(\"stale room is used\") {",
    ),
    (
        "src/pools/manual/shards.rs",
        "if self.is_open() { f(",
        "if self.is_open() || crate::weak(\"no look under the lock\") { f(",
    ),
    // Not weakened: where stacks are may change from order to order, and loom wants the same
    // each time. Threads 1 and 3 have one shard, 2 and 4 the other.
    (
        "src/pools/manual/shards.rs",
        "let stack = Addr::of(&raw const here).0 >> STACK_SHIFT;",
        "let stack = usize::from(here) + (STACK_SHIFT as usize / 100) + crate::me();",
    ),
    (
        "ports/unix/threads.rs",
        "while w.free.load(Ordering::Acquire) != want {",
        "while if crate::weak(\"flags for numbers\") { w.free.load(Ordering::Acquire) == 0 } else { w.free.load(Ordering::Acquire) != want } {",
    ),
    (
        "ports/unix/threads.rs",
        "while WALKERS.load(Ordering::SeqCst) != 0 || still_in_handler(w) {",
        "while (!crate::weak(\"walkers are forgotten\") && WALKERS.load(Ordering::SeqCst) != 0) || (!crate::weak(\"leavers are forgotten\") && still_in_handler(w)) {",
    ),
    // What it was before: a look, and no claim.
    (
        "ports/unix/signals.rs",
        "match INSTALLED.compare_exchange(0, 1, Ordering::AcqRel, Ordering::Acquire) {\n            Ok(_) => break,\n            Err(1) => pause(),\n            Err(_)",
        "match if crate::weak(\"choosing after a look\") { let n = INSTALLED.load(Ordering::Acquire); if n == 0 { Ok(0) } else { Err(n) } } else { INSTALLED.compare_exchange(0, 1, Ordering::AcqRel, Ordering::Acquire) } {\n            Ok(_) => break,\n            Err(1) => pause(),\n            Err(_)",
    ),
    (
        "ports/unix/signals.rs",
        "INSTALLED.store(0, Ordering::Release);",
        "if !crate::weak(\"choosing after a look\") { INSTALLED.store(0, Ordering::Release); }",
    ),
    (
        "ports/unix/signals.rs",
        "Err(1) => pause(),\n            Err(2)",
        "Err(1) if crate::weak(\"under way is done\") => return Ok(()),\n            Err(1) => pause(),\n            Err(2)",
    ),
];

fn main() {
    let root = Path::new(&env::var("CARGO_MANIFEST_DIR").unwrap()).join("../..");
    let out = env::var("OUT_DIR").unwrap();
    println!("cargo::rerun-if-changed=build.rs");
    let mut files: Vec<_> = PLACES.iter().map(|p| p.0).collect();
    files.dedup();
    for file in files {
        let path = root.join(file);
        println!("cargo::rerun-if-changed={}", path.display());
        let mut text = fs::read_to_string(&path).unwrap();
        for (_, was, is) in PLACES.iter().filter(|p| p.0 == file) {
            let count = text.matches(was).count();
            assert_eq!(count, 1, "{file} says once {was:?}; tests/models/build.rs weakens that");
            text = text.replace(was, is);
        }
        // What is included has no documentation of its own.
        let lines = text.lines().map(|l| if l.starts_with("//!") { "" } else { l });
        let text: String = lines.flat_map(|l| [l, "\n"]).collect();
        fs::write(Path::new(&out).join(file.replace('/', "-")), text).unwrap();
    }
}
