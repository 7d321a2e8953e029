//! `ports/unix` is for every POSIX system: it names none, and takes what differs
//! from `ports::system`. Reads the sources; depends on nothing.

use std::fs;
use std::path::{Path, PathBuf};

/// What belongs into a system's own folder, in lower case: names of systems and of
/// their C libraries, and numbers and calls that only one of them has.
const NAMES: [&str; 15] = [
    "linux",
    "freebsd",
    "windows",
    "openbsd",
    "netbsd",
    "darwin",
    "macos",
    "apple",
    "solaris",
    "glibc",
    "musl",
    "target_os",
    "sys_",
    "/proc",
    "tgkill",
];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

/// The lines of `text` that name something of one system.
fn named(text: &str) -> Vec<(usize, &'static str)> {
    let mut found = Vec::new();
    for (i, line) in text.to_lowercase().lines().enumerate() {
        found.extend(NAMES.iter().filter(|n| line.contains(**n)).map(|n| (i + 1, *n)));
    }
    found
}

#[test]
fn unix_names_no_system() {
    let mut files = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("ports/unix"), &mut files);
    assert!(files.len() > 8, "{files:?}");
    for file in files {
        let found = named(&fs::read_to_string(&file).unwrap());
        assert!(found.is_empty(), "{}: {found:?}", file.display());
    }
}

#[test]
fn names_are_noticed() {
    assert_eq!(named("a\nuse crate::ports::linux::context;\n"), [(2, "linux")]);
    assert_eq!(named("syscall(SYS_GETTID)"), [(1, "sys_")]);
}

/// The system is chosen in one place: only there does a path name its folder.
#[test]
fn the_system_is_chosen_once() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(root.join("ports/mod.rs")).unwrap();
    assert_eq!(text.matches("use linux as system;").count(), 1);
    assert_eq!(text.matches("linux::").count(), 0);
}
