#!/usr/bin/env bash
# needs.sh [--check] JOB [TARGET] -- is all here that a job needs?
#
# Jobs: make, demo, test, manual, manual-test, manual-browser, deb, bench, sanitize; cross TARGET (an archive for another
# target) and cross-test TARGET (programs that run on it); test-ports (all of those);
# test-systems (tools/test-systems.sh); spin (tools/spin-test.sh); firmware (examples/firmware and
# tools/features-test.sh); kernel (examples/kernel under QEMU); ziglang (what tools/test-systems.sh
# links for FreeBSD and macOS with).
#
# As root on a system with apt-get it installs what is missing. Otherwise, and
# with --check (or NEEDS=check in the environment), it changes nothing: it ends
# with exit code 1 and one line to type. What apt-get has no package for (Rust)
# is named and never installed.
set -uo pipefail
cd "$(dirname "$0")/.."
CC=${CC:-cc}
only_check=
[ "${NEEDS:-}" != check ] || only_check=1
[ "${1:-}" != --check ] || { only_check=1; shift; }
job=${1:-} target=${2:-}

packages=() # to install
commands=() # to type besides
why=()

have() { command -v "$1" >/dev/null 2>&1; }
want() { # package, then the commands (or files with a slash) that it has
    local package=$1 c
    shift
    for c in "$@"; do
        case $c in
            */*) [ -e "$c" ] && continue ;;
            *) have "$c" && continue ;;
        esac
        packages+=("$package")
        return
    done
}
by_hand() { # command, reason
    commands+=("$1")
    why+=("$2")
}

# at_least HAVE MINIMUM, for numbers with points
at_least() { [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]; }

minimum=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)

# Rust by rustup: no package, since Debian's own is too old.
rust() { # components of rustup beside the compiler
    local rustc=${RUSTC:-rustc} cargo=${CARGO:-cargo} version component reason
    local rustup='curl -sSf https://sh.rustup.rs | sh'
    if ! have "$rustc" || ! have "$cargo"; then
        want curl curl
        by_hand "$rustup" "there is no Rust"
        return 1
    fi
    version=$("$rustc" --version 2>/dev/null | awk '{ print $2 }')
    reason="Rust is ${version:-not usable} here, and Cargo.toml wants $minimum"
    if [ -z "$version" ] || ! at_least "${version%%-*}" "$minimum"; then
        if have rustup; then
            by_hand "rustup default stable && rustup update stable" "$reason"
        else
            want curl curl
            by_hand "$rustup" "$reason"
        fi
        return 1
    fi
    for component in "$@"; do
        case $component in
            rustfmt) "$cargo" fmt --version ;;
            *) "$cargo" "$component" --version ;;
        esac >/dev/null 2>&1 || by_hand "rustup component add $component" "there is no $component"
    done
}

# A C compiler, binutils and make: all jobs.
base() {
    want make make
    want gcc cc gcc "${CC%% *}"
    want binutils ld nm objcopy ar size readelf
    want libc6-dev /usr/include/stdio.h
}

# What builds the manual. The rest comes from PyPI (tools/manual.sh).
manual() {
    want python3 python3
    want doxygen doxygen
    # Debian has python3 without what a virtual environment needs.
    python3 -c 'import ensurepip, venv' >/dev/null 2>&1 || packages+=(python3-venv)
}

# What compiles the assembly and makes the archive of one object.
cross() {
    local prefix debian compiler variable
    rust || return
    prefix=$(tools/cross.sh --binutils "$target") || exit 1
    case $target in
        *-windows-gnu)
            want make make
            want "$(mingw "$target")" "$prefix"{gcc,ld,nm,objcopy,ar,as}
            core_library
            return
            ;;
        *-windows-msvc)
            want make make
            # For what ld -r joins no other tools do; clang and lld stand in for Microsoft's.
            want "$(mingw "$target")" "$prefix"{ld,nm,objcopy,as}
            want clang clang
            want lld lld-link
            core_library
            return
            ;;
    esac
    if [ -n "$(tools/cross.sh --macho "$target")" ]; then
        want make make
        [ "$(uname -s)" = Darwin ] || want clang clang
        core_library
        return
    fi
    debian=$(sed 's/-$//; s/_/-/g' <<<"$prefix")
    variable=CC_${target//-/_}
    want make make
    if [ -n "$prefix" ]; then
        # Debian spells the processor with a dash.
        want "binutils-$debian" "$prefix"{ld,nm,objcopy,ar}
        compiler="gcc-$debian"
    else
        want binutils ld nm objcopy ar
        compiler=gcc
    fi
    # arch/build.rs takes clang as well, and what CC_<target> names.
    if [ -z "${!variable:-}${TARGET_CC:-}" ] && ! have clang; then
        want "$compiler" "${prefix}gcc"
    fi
    core_library
}

core_library() {
    if ! tools/cross.sh --has-library "$target" && [ -z "$(tools/cross-toolchain.sh --have)" ] &&
        ! have apt-get; then
        by_hand "rustup target add $target" "there is no core library for $target"
    fi
}

# Debian's package of MinGW-w64 for a target.
mingw() {
    case $1 in
        x86_64-*) echo gcc-mingw-w64-x86-64 ;;
        *) echo gcc-mingw-w64-i686 ;;
    esac
}

# What programs for Windows run on; the 32-bit half of Wine is fetched by tools/wine.sh, and wants
# the C library that gcc -m32 has.
wine() {
    want wine64 /usr/lib/wine/wine64
    want libc6-i386 /lib/ld-linux.so.2
}

# And what runs programs there.
run_on() {
    cross
    case $target in
        i686-*-linux-* | i686-unknown-none)
            # gcc-multilib itself can't stand beside a cross compiler.
            if ! echo 'int main(void) { return 0; }' | gcc -m32 -x c -o /dev/null - 2>/dev/null; then
                packages+=("gcc-$(gcc -dumpversion 2>/dev/null | sed 's/\..*//')-multilib")
            fi
            ;;
        aarch64-*)
            want gcc-aarch64-linux-gnu aarch64-linux-gnu-gcc
            want libc6-dev-arm64-cross /usr/aarch64-linux-gnu/include/stdio.h
            want qemu-user qemu-aarch64
            ;;
        riscv64gc-*)
            want gcc-riscv64-linux-gnu riscv64-linux-gnu-gcc
            want libc6-dev-riscv64-cross /usr/riscv64-linux-gnu/include/stdio.h
            want qemu-user qemu-riscv64
            ;;
        thumbv7em-*)
            want gcc-arm-none-eabi arm-none-eabi-gcc
            want libnewlib-arm-none-eabi /usr/include/newlib/stdio.h
            want qemu-user qemu-arm
            ;;
    esac
    case $target in *-windows-*) wine ;; esac
}

# This machine's own archive is no cross build.
[ "$job $target" != "cross host" ] || job=make target=
case $job in
    make | demo)
        base
        rust
        ;;
    spin)
        want spin spin
        ;;
    test)
        base
        want spin spin
        want g++ c++ g++
        want python3 python3
        manual
        want pkg-config pkg-config
        want cmake cmake
        want gdb gdb
        want chromium chromium
        want chromium-driver chromedriver
        rust clippy rustfmt
        ;;
    manual)
        base
        manual
        rust
        ;;
    deb)
        want dpkg dpkg-deb dpkg
        want gzip gzip
        want pkg-config pkg-config
        want cmake cmake
        ;;
    manual-test)
        base
        manual
        want g++ c++ g++
        rust
        ;;
    manual-browser)
        want chromium chromium
        want chromium-driver chromedriver
        ;;
    bench)
        base
        rust
        want python3 python3
        want gnuplot-nox gnuplot
        # What is compared with. `make bench` goes on without, and names what is missing.
        want libgc-dev /usr/include/gc.h
        want libmimalloc-dev /usr/include/mimalloc.h
        want libjemalloc-dev /usr/include/jemalloc/jemalloc.h
        ;;
    sanitize)
        base
        rust
        ;;
    firmware)
        # examples/firmware, and the small archives of features-test.
        target=thumbv7em-none-eabihf
        base
        cross
        want gcc-arm-none-eabi arm-none-eabi-gcc
        want libnewlib-arm-none-eabi /usr/include/newlib/stdio.h
        want qemu-user qemu-arm
        want qemu-system-arm qemu-system-arm
        ;;
    cross)
        [ -n "$target" ] || { echo "needs.sh: cross wants a target" >&2; exit 2; }
        cross
        ;;
    cross-test)
        [ -n "$target" ] || { echo "needs.sh: cross-test wants a target" >&2; exit 2; }
        run_on
        ;;
    kernel)
        base
        want qemu-system-x86 qemu-system-x86_64
        want qemu-system-arm qemu-system-aarch64
        want qemu-system-misc qemu-system-riscv64
        want opensbi /usr/share/qemu/opensbi-riscv64-generic-fw_dynamic.bin
        want gcc-aarch64-linux-gnu aarch64-linux-gnu-gcc
        want gcc-riscv64-linux-gnu riscv64-linux-gnu-gcc
        for target in {x86_64,i686,aarch64}-unknown-none riscv64gc-unknown-none-elf; do cross; done
        target=
        ;;
    test-systems)
        base
        rust
        want clang clang
        want lld ld.lld
        want binutils ld.bfd ld.gold
        want musl-tools musl-gcc
        want python3 python3
        python3 -m pip --version >/dev/null 2>&1 || packages+=(python3-pip)
        # For FreeBSD's archives.
        for target in {x86_64,i686}-unknown-freebsd; do cross; done
        # For macOS's.
        for target in {x86_64,aarch64}-apple-darwin; do cross; done
        # For Windows'.
        for target in {x86_64,i686}-pc-windows-{gnu,msvc}; do cross; done
        wine
        target=
        ;;
    ziglang)
        # tools/test-systems.sh fetches it where that can be done.
        python3 -m ziglang version >/dev/null 2>&1 ||
            by_hand "python3 -m pip install ziglang" "PyPI's ziglang is missing, which has the headers and symbols of FreeBSD and macOS"
        ;;
    test-ports)
        while read -r target; do run_on; done < <(tools/targets.sh --list)
        target=
        ;;
    *)
        sed -n '2,14s/^# \{0,1\}//p' "$0" >&2
        exit 2
        ;;
esac

stop() {
    local line='' c install
    if [ ${#packages[@]} -gt 0 ]; then
        why=("these packages are missing: ${packages[*]}" "${why[@]}")
        install="apt-get update && apt-get install -y ${packages[*]}"
        if ! have apt-get; then
            # Another system has other names for them.
            line="# install what Debian calls ${packages[*]}"
        elif [ "$(id -u)" = 0 ]; then
            line=$install
        else
            line="sudo sh -c '$install'"
        fi
    fi
    for c in "${commands[@]}"; do line=${line:+$line && }$c; done
    printf '%s\n' "${why[@]/#/$job${target:+ $target}: }" "To get it:" "    $line" >&2
    exit 1
}

# The names in the order in which they came, each once.
mapfile -t packages < <([ ${#packages[@]} = 0 ] || printf '%s\n' "${packages[@]}" | awk '!seen[$0]++')
[ ${#commands[@]} = 0 ] || stop
[ ${#packages[@]} -gt 0 ] || exit 0
if [ -n "$only_check" ] || [ "$(id -u)" != 0 ] || ! have apt-get; then stop; fi

echo "$job needs ${packages[*]}: installing" >&2
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if apt-get update -qq >"$log" 2>&1 && apt-get install -y -qq "${packages[@]}" >>"$log" 2>&1; then
    # Are they now there? One that is not would otherwise be found much later.
    NEEDS=check exec "$0" "$job" ${target:+"$target"}
fi
tail -n 20 "$log" >&2
stop
