fn main() {
    // What a frame says is the address of a symbol in a section that this puts at
    // the bottom of the address space; so the program may not be moved either.
    println!("cargo:rerun-if-changed=host.x");
    println!("cargo:rustc-link-arg=-T{}/host.x", env!("CARGO_MANIFEST_DIR"));
    println!("cargo:rustc-link-arg=-no-pie");
    // Not every linker takes the last line of that file.
    println!("cargo:rustc-link-arg=-fuse-ld=bfd");
}
