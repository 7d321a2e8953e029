#!/usr/bin/env bash
# cross.sh TARGET TARGET-DIR     builds the static library for another target,
#                                with more features if FEATURES names any
# cross.sh --binutils TARGET     prints the prefix of its binutils
# cross.sh --emulation TARGET    prints what ld -m wants for it, if anything
#
# Uses rustup's library for the target where it is installed (rustup target add
# TARGET), else builds the core library with tools/cross-toolchain.sh.
set -euo pipefail
cd "$(dirname "$0")/.."
CARGO=${CARGO:-cargo}

if [ "$1" = --binutils ]; then
    case $2 in
        "$(uname -m)"-* | i686-*) ;; # the host's own do
        aarch64-*) echo aarch64-linux-gnu- ;;
        arm* | thumb*) echo arm-none-eabi- ;;
        riscv64*) echo riscv64-linux-gnu- ;;
        *) echo "${2%%-*}-linux-gnu-" ;;
    esac
    exit 0
fi

if [ "$1" = --emulation ]; then
    case $2 in i686-*) [ "$(uname -m)" != x86_64 ] || echo elf_i386 ;; esac
    exit 0
fi

target=$1 dir=$2
case $target in
    *-linux-*) features=port-host,archive mem= ;;
    *) features=port-hooks,archive mem=-Zbuild-std-features=compiler-builtins-mem ;;
esac
features=$features${FEATURES:+,$FEATURES}
build() {
    "$CARGO" rustc --quiet --release --lib --crate-type staticlib --features $features \
        --target "$target" --target-dir "$dir" "$@"
}

sysroot=$("${RUSTC:-rustc}" --print sysroot)
if compgen -G "$sysroot/lib/rustlib/$target/lib/libcore-*.rlib" >/dev/null; then
    build
else
    RUSTC=$(tools/cross-toolchain.sh)
    export RUSTC RUSTC_BOOTSTRAP=1
    build -Zbuild-std=core,compiler_builtins $mem
fi
