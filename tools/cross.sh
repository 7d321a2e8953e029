#!/usr/bin/env bash
# cross.sh WHAT hot|debug TARGET-DIR   builds the static library, and prints
#                                      the path of what Cargo wrote
# cross.sh --binutils WHAT      prints the prefix of its binutils
# cross.sh --emulation WHAT     prints what ld -m wants for it, if anything
# cross.sh --exports WHAT       prints the lists of what its archive exports
# cross.sh --pe WHAT            prints the processor if the system is Windows, else nothing
# cross.sh --macho WHAT         prints a word if the system is macOS, else nothing
# cross.sh --has-library WHAT   has rustup the target's core library?
#
# WHAT is a target, or "host" for this machine's own; `+` and the name of a
# feature may follow, several times: x86_64-unknown-none+defmt. Each WHAT has a
# folder of its own under build/, so that no archive takes another's place. With the
# word `only` among them nothing else is in: thumbv7em-none-eabihf+only+amc+mfs. (Pool
# classes go without their pool- there.) Such an archive is made as small as can be.
#
# Uses rustup's library for the target where it is installed (rustup target add
# TARGET), else builds the core library with tools/cross-toolchain.sh.
#
# i686-unknown-none is a target of our own: rustc has no IA-32 without a system.
set -euo pipefail
cd "$(dirname "$0")/.."
CARGO=${CARGO:-cargo}
# Of make's job server Cargo would only say that it can't reach it.
unset MAKEFLAGS MFLAGS
die() { echo "$*" >&2; exit 1; }

option=
case $1 in --*) option=$1; shift ;; esac
what=$1
target=${what%%+*}
# The features there are, and what was asked for of them.
known=$(sed -n '/^\[features\]/,/^\[dep/s/^\([a-z][a-z-]*\) = .*/\1/p' Cargo.toml)
only=
more=
IFS=+ read -ra words <<<"$what"
for w in "${words[@]:1}"; do
    case $w in
        only) only=1; continue ;;
        amc | ams | snc | mfs | mvff) w=pool-$w ;;
    esac
    grep -qx -e "$w" <<<"$known" ||
        die "$what: there is no feature $w; there are" $(grep -vxE 'default|capi|archive|port-.*' <<<"$known")
    more=$more,$w
done

command -v "${RUSTC:-rustc}" >/dev/null || tools/needs.sh --check make
host=$(uname -m)
ours=i686-unknown-none
if [ "$target" = host ]; then
    os=linux processor=$host
    [ "$(uname -s)" = Linux ] || os=$(uname -s)
elif [ "$target" = $ours ]; then
    os=none processor=x86
else
    # What the compiler says of the target; the name alone may mislead.
    facts=$("${RUSTC:-rustc}" --print cfg --target "$target" 2>&1) ||
        die "$target is no target that rustc knows (rustc --print target-list names them)"
    os=$(sed -n 's/^target_os="\(.*\)"/\1/p' <<<"$facts")
    processor=$(sed -n 's/^target_arch="\(.*\)"/\1/p' <<<"$facts")
fi

# Refuse what can't be before anything is fetched or built.
case $processor in
    x86_64 | aarch64) assembly=$processor ;;
    x86 | i686) processor=x86 assembly=ia32 ;;
    arm) assembly=thumb ;;
    *) assembly=$processor ;;
esac
[ -f "arch/$assembly.S" ] ||
    die "$target: no arch/*.S for the processor $processor; arch/README.md says what it has to do"
case $os in
    linux)
        features=port-host,archive mem=
        context=${assembly/thumb/arm}
        [ -f "ports/linux/context/$context.rs" ] ||
            die "$target: Linux's port lacks ports/linux/context/$context.rs"
        ;;
    freebsd)
        features=port-host,archive mem=
        [ -f "ports/freebsd/context/$assembly.rs" ] ||
            die "$target: FreeBSD's port lacks ports/freebsd/context/$assembly.rs"
        ;;
    macos)
        features=port-host,archive mem=
        [ -f "arch/$assembly.inc" ] || die "$target: macOS's port is for x86-64 and ARM64"
        ;;
    windows)
        features=port-host,archive mem=
        case $processor in
            x86_64 | x86) ;;
            *) die "$target: Windows' port is for x86-64 and IA-32" ;;
        esac
        ;;
    none) features=port-hooks,archive mem=-Zbuild-std-features=compiler-builtins-mem${only:+,optimize_for_size} ;;
    *) die "$target: there is no port for the system $os; there is one for linux, freebsd, macos and windows, and for bare targets (such as x86_64-unknown-none) an archive that asks you for the system's part" ;;
esac

# The first of these prefixes for which there are binutils, else the first.
first_there() {
    local p
    for p in "$@"; do
        ! command -v "${p}ld" >/dev/null || { echo "$p"; return; }
    done
    echo "$1"
}

case $option in
    --binutils)
        case $os-$processor in
            windows-x86_64) echo x86_64-w64-mingw32-; exit 0 ;;
            windows-x86) echo i686-w64-mingw32-; exit 0 ;;
        esac
        case $host-$processor in
            x86_64-x86 | "$processor-$processor") ;; # the host's own do
            *-x86) echo i686-linux-gnu- ;;
            *-arm) first_there arm-none-eabi- arm-linux-gnueabihf- ;;
            *-riscv64) first_there riscv64-linux-gnu- riscv64-unknown-elf- ;;
            *-aarch64) first_there aarch64-linux-gnu- aarch64-none-elf- ;;
            *) echo "$processor-linux-gnu-" ;;
        esac
        exit 0
        ;;
    --emulation)
        [ "$os" = windows ] || [ "$host-$processor" != x86_64-x86 ] || echo elf_i386
        exit 0
        ;;
    --exports)
        # A hosted archive has the default plinth.
        echo "link/exports.txt$([ $os = none ] || [ $os = windows ] || echo ' link/plinth.txt')"
        exit 0
        ;;
    --macho)
        [ $os != macos ] || echo macho
        exit 0
        ;;
    --pe)
        [ $os != windows ] || echo "$processor"
        exit 0
        ;;
esac

sysroot=$("${RUSTC:-rustc}" --print sysroot)
has_library() { [ "$target" = host ] || compgen -G "$sysroot/lib/rustlib/$target/lib/libcore-*.rlib" >/dev/null; }
if [ "$option" = --has-library ]; then
    has_library
    exit
fi

variety=$2 dir=$3
features=$features$more
case $variety in
    hot) ;;
    debug) features=$features,variety-cool ;;
    *) die "no variety $variety" ;;
esac
for_target=()
[ "$target" = host ] || for_target=(--target "$target")
tools/needs.sh --check cross "$target"
# All builds for a target share a folder, and with it the core library, but what Cargo
# writes has one name.
mkdir -p "$dir"
exec 8>"$dir/lock"
flock 8
if [ $os = macos ] && [ "$variety" = hot ]; then
    export CARGO_PROFILE_RELEASE_DEBUG=0 # elsewhere link/localize.mk takes it out
fi
# What is not marked to be inlined mostly is not. Measured: 4.9 KB of the freestanding archive;
# by callgrind 0.05 to 0.15 % more instructions in benches/tree and benches/alloc.
shrink=(-C llvm-args=-inline-threshold=10)
if [ -n "$only" ]; then
    shrink=() # what opt-level z does is less still
    for_target+=(--no-default-features)
    export CARGO_PROFILE_RELEASE_OPT_LEVEL=z
fi
build() {
    "$CARGO" rustc --quiet --release --lib --crate-type staticlib --features "$features" \
        "${for_target[@]}" --target-dir "$dir" ${JOBS:+-j "$JOBS"} "$@" -- "${shrink[@]}" >&2
}
if has_library; then
    build
else
    RUSTC=$(tools/cross-toolchain.sh)
    export RUSTC RUSTC_BOOTSTRAP=1
    if [ "$target" = $ours ]; then
        link/i686-unknown-none.sh >"$dir/$ours.json"
        for_target[1]=$dir/$ours.json
        for_target+=(-Zjson-target-spec)
    fi
    parts=()
    # Functions have no sections of their own there, so each takes with it what is in its object.
    [ $os != windows ] || parts=(--config 'profile.release.package.compiler_builtins.codegen-units=10000')
    # shellcheck disable=SC2086
    build -Zbuild-std=core,compiler_builtins $mem "${parts[@]}"
fi
built=$dir/release
[ "$target" = host ] || built=$dir/$target/release
# A name of its own: another may be built before this one is read.
own=$built/libmps-$variety${what#"$target"}.a
archive=libmps.a
[ "${target%-msvc}" = "$target" ] || archive=mps.lib
ln -f "$built/$archive" "$own"
echo "$own"
