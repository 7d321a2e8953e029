//! Compiles `micro.c` and links it with `build/libmps.a` (or `MPS_ARCHIVE`), the archive that
//! programs use.

use std::path::PathBuf;

fn main() {
    let root = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR").unwrap()).join("../..");
    let archive = std::env::var("MPS_ARCHIVE")
        .map_or_else(|_| root.join("build/libmps.a"), PathBuf::from)
        .canonicalize()
        .expect("the archive is there: make bench-micro builds it");
    cc::Build::new()
        .file("micro.c")
        .include(root.join("include"))
        .flag("-std=gnu11")
        .opt_level(2)
        .warnings(true)
        .extra_warnings(true)
        .compile("micro");
    println!("cargo::rustc-link-search=native={}", archive.parent().unwrap().display());
    // After libmicro.a, which asks for what is in it; all of it is one object.
    println!("cargo::rustc-link-lib=static:-bundle=mps");
    println!("cargo::rerun-if-changed={}", archive.display());
    println!("cargo::rerun-if-env-changed=MPS_ARCHIVE");
    for f in ["micro.c", "micro.h"] {
        println!("cargo::rerun-if-changed={f}");
    }
}
