//! Assembles the one file of the target's processor, and compiles the few lines
//! of the C shell that have to be C. No other build logic.

use std::env;
use std::process::{Command, Stdio};

fn main() {
    let target = Target::of_cargo();
    println!("cargo::rerun-if-changed=arch");

    let file = match target.arch.as_str() {
        "x86_64" if target.os == "windows" => "arch/win64.S",
        "x86_64" => "arch/x86_64.S",
        "x86" => "arch/ia32.S",
        "aarch64" => "arch/aarch64.S",
        "riscv64" => "arch/riscv64.S",
        "arm" => "arch/thumb.S",
        other => {
            println!("cargo::error=no arch/*.S for {other}: see arch/README.md");
            return;
        }
    };

    // The core knows conventions, not systems.
    println!("cargo::rustc-check-cfg=cfg(microsoft_abi)");
    println!("cargo::rustc-check-cfg=cfg(mach_o)");
    if target.os == "windows" {
        println!("cargo::rustc-cfg=microsoft_abi");
    }
    if target.is_mach_o() {
        println!("cargo::rustc-cfg=mach_o"); // and has the shim itself (src/seam/arch.rs)
    } else {
        compile(&target, "mps_arch", file);
    }
    let has = |f: &str| env::var_os(format!("CARGO_FEATURE_{f}")).is_some();
    if has("CAPI") && has("OLD_FORMS") {
        // Functions with variable argument lists can only be defined in C.
        println!("cargo::rerun-if-changed=src/capi/varargs.c");
        println!("cargo::rerun-if-changed=include");
        compile(&target, "mps_varargs", "src/capi/varargs.c");
    }
}

/// What Cargo says of the target.
struct Target {
    name: String,
    arch: String,
    os: String,
    vendor: String,
    /// What the C library is like: `msvc` for Microsoft's linker.
    env: String,
    /// The float ABI, on processors where it is a part of the ABI's name.
    abi: String,
    /// What Rust code may use of the processor.
    features: String,
}

impl Target {
    fn of_cargo() -> Target {
        Target {
            name: var("TARGET"),
            arch: var("CARGO_CFG_TARGET_ARCH"),
            os: var("CARGO_CFG_TARGET_OS"),
            vendor: var("CARGO_CFG_TARGET_VENDOR"),
            env: var("CARGO_CFG_TARGET_ENV"),
            abi: var("CARGO_CFG_TARGET_ABI"),
            features: var("CARGO_CFG_TARGET_FEATURE"),
        }
    }

    fn is_bare(&self) -> bool {
        self.os == "none"
    }

    fn is_mach_o(&self) -> bool {
        self.vendor == "apple"
    }

    fn is_msvc(&self) -> bool {
        self.env == "msvc"
    }

    fn has(&self, feature: &str) -> bool {
        self.features.split(',').any(|f| f == feature)
    }

    /// What C code has to be compiled with, to be like the Rust code. A C compiler for
    /// the processor takes a system's settings for granted otherwise: registers
    /// that a kernel does not save, addresses that it does not have.
    fn flags(&self) -> Vec<String> {
        let mut flags: Vec<String> = vec!["-ffreestanding".into(), "-O2".into()];
        // As rustc does it: only the kernels that may lie anywhere are independent of
        // their position.
        let anywhere = !self.is_bare() || self.arch == "x86_64";
        if self.is_msvc() {
            return flags; // Windows has one way
        }
        if self.is_mach_o() {
            return flags; // code lies anywhere, without asking
        }
        let mut add = |more: &[&str]| flags.extend(more.iter().map(|f| f.to_string()));
        add(if anywhere { &["-fPIC"] } else { &["-fno-pic"] });
        match self.arch.as_str() {
            "x86_64" => {
                add(&["-m64"]);
                if self.is_bare() {
                    add(&["-mno-red-zone"]);
                }
                if !self.has("sse2") {
                    add(&["-mgeneral-regs-only"]);
                }
            }
            "x86" => {
                add(&["-m32"]);
                if !self.has("sse") {
                    add(&["-mgeneral-regs-only", "-march=i686"]);
                }
            }
            "aarch64" if !self.has("neon") => add(&["-mgeneral-regs-only"]),
            "riscv64" => {
                if self.name.starts_with("riscv64gc-") {
                    add(&["-march=rv64gc", "-mabi=lp64d"]);
                } else {
                    add(&["-march=rv64imac", "-mabi=lp64"]);
                }
                // The unwinding tables of code that the linker shortens are full of
                // relocations.
                add(&["-mno-relax"]);
                if self.is_bare() {
                    add(&["-mcmodel=medany", "-DMPS_BARE"]);
                }
            }
            "arm" => {
                add(&["-mthumb", "-Wa,--noexecstack"]);
                let hard = self.abi == "eabihf";
                add(match self.name.split('-').next().unwrap_or_default() {
                    "thumbv7em" if hard => &["-mcpu=cortex-m4", "-mfpu=fpv4-sp-d16"],
                    "thumbv7em" => &["-mcpu=cortex-m4"],
                    "thumbv8m.main" if hard => &["-mcpu=cortex-m33", "-mfpu=fpv5-sp-d16"],
                    "thumbv8m.main" => &["-mcpu=cortex-m33"],
                    _ => &["-mcpu=cortex-m3"],
                });
                add(if hard { &["-mfloat-abi=hard"] } else { &["-mfloat-abi=soft"] });
            }
            _ => {}
        }
        flags
    }

    /// Compilers for the target, the best first, by the processor and what the user
    /// is likely to have. There is no library and no system in what we compile, so
    /// any compiler for the processor and the object format does.
    fn compilers(&self, host_arch: &str) -> Vec<String> {
        let gnu: &[&str] = match (host_arch, self.arch.as_str()) {
            _ if self.is_msvc() || self.is_mach_o() => &[],
            ("x86_64", "x86") => &["gcc"],
            (host, arch) if host == arch => &["gcc"],
            (_, "x86") => &["i686-linux-gnu-gcc", "x86_64-linux-gnu-gcc"],
            (_, "x86_64") => &["x86_64-linux-gnu-gcc"],
            (_, "aarch64") => &["aarch64-linux-gnu-gcc", "aarch64-none-elf-gcc"],
            (_, "riscv64") => &["riscv64-linux-gnu-gcc", "riscv64-unknown-elf-gcc"],
            (_, "arm") => &["arm-none-eabi-gcc", "arm-linux-gnueabihf-gcc"],
            _ => &[],
        };
        gnu.iter().chain(&["clang"]).map(|c| c.to_string()).collect()
    }

    /// What clang calls it.
    fn triple(&self) -> String {
        match self.arch.as_str() {
            "x86" if self.is_msvc() => "i686-pc-windows-msvc".into(),
            arch if self.is_msvc() => format!("{arch}-pc-windows-msvc"),
            // As old as the oldest that rustc builds for.
            "aarch64" if self.is_mach_o() => "arm64-apple-macosx11.0".into(),
            arch if self.is_mach_o() => format!("{arch}-apple-macosx10.12"),
            "x86" => "i686-none-elf".into(),
            "arm" => format!("arm-none-{}", self.abi),
            arch => format!("{arch}-none-elf"),
        }
    }
}

fn compile(target: &Target, name: &str, file: &str) {
    let mut build = cc::Build::new();
    build.file(file).include("include").warnings(false);
    build.flag_if_supported("-ffunction-sections").flag_if_supported("-fno-stack-protector");
    if let Some((compiler, flags)) = compiler_for(target) {
        // Its defaults for bare targets name compilers that few have.
        build.compiler(compiler).no_default_flags(true);
        if target.is_msvc() {
            // Microsoft's `lib`, as lld has it.
            build.archiver("lld-link").ar_flag("/lib");
        }
        for f in flags {
            build.flag(f);
        }
    }
    if target.os == "windows" && target.arch == "x86_64" {
        // Nothing comes from a DLL. Otherwise gcc goes through pointers in sections of which a
        // linker keeps one by name: the program's, and the archive's own is gone.
        build.flag_if_supported("-mcmodel=small");
    }
    build.compile(name);
}

/// A compiler for a target that the user has named none for; `None` leaves the
/// choice to the cc crate.
fn compiler_for(target: &Target) -> Option<(String, Vec<String>)> {
    let host = var("HOST");
    let name = &target.name;
    let named = [format!("CC_{name}"), format!("CC_{}", name.replace('-', "_"))];
    for v in named.iter().map(String::as_str).chain(["TARGET_CC"]) {
        println!("cargo::rerun-if-env-changed={v}");
        if env::var_os(v).is_some() {
            return None;
        }
    }
    if host == *name {
        return None;
    }
    // On Windows itself, and for MinGW, the cc crate finds the compiler.
    let ours = target.is_bare()
        || name.contains("linux")
        || name.contains("freebsd")
        || target.is_mach_o() && !host.contains("apple")
        || target.is_msvc() && !host.contains("windows");
    if !ours {
        return None;
    }
    let host_arch = host.split('-').next().unwrap_or_default();
    let compiler = target.compilers(host_arch).into_iter().find(|c| works(c))?;
    let mut flags = target.flags();
    if compiler == "clang" {
        flags.push(format!("--target={}", target.triple()));
    }
    Some((compiler, flags))
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
