//! Assembles the one file of the target's processor, and compiles the few lines
//! of the C shell that have to be C. No other build logic.

use std::env;
use std::process::{Command, Stdio};

fn main() {
    let target = var("TARGET");
    let arch = var("CARGO_CFG_TARGET_ARCH");
    println!("cargo::rerun-if-changed=arch");

    let file = match arch.as_str() {
        "x86_64" => "arch/x86_64.S",
        "x86" => "arch/ia32.S",
        "aarch64" => "arch/aarch64.S",
        other => {
            println!("cargo::error=no arch/*.S for {other}: see arch/README.md");
            return;
        }
    };

    compile(&target, &arch, "mps_arch", file);
    if env::var_os("CARGO_FEATURE_CAPI").is_some() {
        // Functions with variable argument lists can only be defined in C.
        println!("cargo::rerun-if-changed=src/capi/varargs.c");
        println!("cargo::rerun-if-changed=include");
        compile(&target, &arch, "mps_varargs", "src/capi/varargs.c");
    }
}

fn compile(target: &str, arch: &str, name: &str, file: &str) {
    let mut build = cc::Build::new();
    build.file(file).include("include").warnings(false);
    build.flag_if_supported("-ffunction-sections").flag_if_supported("-fno-stack-protector");
    if let Some((compiler, flags)) = compiler_for(target, arch) {
        // Its defaults for bare targets name compilers that few have.
        build.compiler(compiler).no_default_flags(true);
        for f in flags {
            build.flag(f);
        }
    }
    build.compile(name);
}

/// A compiler for a target that the user has named none for; `None` leaves the
/// choice to the cc crate.
fn compiler_for(target: &str, arch: &str) -> Option<(String, Vec<String>)> {
    let host = var("HOST");
    let named = [format!("CC_{target}"), format!("CC_{}", target.replace('-', "_"))];
    for v in named.iter().map(String::as_str).chain(["TARGET_CC"]) {
        println!("cargo::rerun-if-env-changed={v}");
        if env::var_os(v).is_some() {
            return None;
        }
    }
    if host == target {
        return None;
    }
    let host_arch = host.split('-').next().unwrap_or_default();
    let elf = var("CARGO_CFG_TARGET_OS") == "none"
        || target.contains("linux")
        || target.contains("freebsd");
    if !elf {
        return None;
    }
    // There is no library and no system in it, so any compiler for the
    // processor and object format does.
    let bare = var("CARGO_CFG_TARGET_OS") == "none";
    let own = |flags: &[&str]| {
        let common = ["-ffreestanding", "-O2", "-fPIC"];
        let kernel = if bare && arch == "x86_64" { &["-mno-red-zone"][..] } else { &[] };
        common.iter().chain(kernel).chain(flags).map(|f| f.to_string()).collect::<Vec<_>>()
    };
    match (host_arch, arch) {
        ("x86_64", "x86_64") if works("gcc") => return Some(("gcc".into(), own(&["-m64"]))),
        ("x86_64", "x86") if works("gcc") => return Some(("gcc".into(), own(&["-m32"]))),
        (a, b) if a == b && works("gcc") => return Some(("gcc".into(), own(&[]))),
        _ => {}
    }
    let gnu = match arch {
        "x86" => "i686-linux-gnu-gcc".to_string(),
        a => format!("{a}-linux-gnu-gcc"),
    };
    if works(&gnu) {
        return Some((gnu, own(&[])));
    }
    if works("clang") {
        let triple =
            if arch == "x86" { "i686-none-elf".to_string() } else { format!("{arch}-none-elf") };
        return Some(("clang".into(), own(&[&format!("--target={triple}")])));
    }
    None
}

fn works(compiler: &str) -> bool {
    Command::new(compiler)
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|s| s.success())
}

fn var(name: &str) -> String {
    env::var(name).unwrap_or_default()
}
