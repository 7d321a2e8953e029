#!/usr/bin/env bash
# tools-test.sh -- what building says and does when something is not as it should
# be: tools that are missing or too old, targets that can't be built, a toolchain
# that can't be fetched. Tools are taken away and faked with a PATH of our own.
# And that no archive takes another's place.
set -uo pipefail
cd "$(dirname "$0")/.."
MAKE="${MAKE:-make} -s --no-print-directory"
unset NEEDS FEATURES TARGET CROSS_TOOLCHAIN RUSTC CARGO
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
passed=0 failed=0
out=$tmp/out rc=0
good() { passed=$((passed + 1)); }
bad() {
    echo "FAIL $1 (exit code $rc)"
    sed 's/^/     /' "$out"
    failed=$((failed + 1))
}
run() { "$@" >"$out" 2>&1 </dev/null; rc=$?; }
says() { # name, text
    if grep -qF -- "$2" "$out"; then good; else bad "$1: says '$2'"; fi
}
says_not() { if grep -qF -- "$2" "$out"; then bad "$1: does not say '$2'"; else good; fi; }
is() { # name, command...
    local name=$1
    shift
    if "$@"; then good; else bad "$name"; fi
}
refused() { is "$1: is refused" [ $rc != 0 ]; }
done_well() { is "$1: works" [ $rc = 0 ]; }
same() { cmp -s "$1" "$2"; }
differ() { [ -f "$1" ] && [ -f "$2" ] && ! cmp -s "$1" "$2"; }

# --- Folders of tools -------------------------------------------------------

all=$tmp/all
mkdir "$all"
IFS=: read -ra path <<<"$PATH"
for d in "${path[@]}"; do
    # The first of a name counts, as in a PATH.
    for f in "$d"/*; do
        name=${f##*/}
        [ ! -x "$f" ] || [ -d "$f" ] || [ -e "$all/$name" ] || ln -s "$f" "$all/$name"
    done
done
folders=0
tools_without() { # names, which may have wildcards; sets $bin
    folders=$((folders + 1)) bin=$tmp/bin$folders
    cp -a "$all" "$bin"
    local n
    # shellcheck disable=SC2086
    for n in "$@"; do rm -f "$bin"/$n; done
}
fake() { # name, script on standard input
    rm -f "$bin/$1"
    { echo '#!/bin/sh'; cat; } >"$bin/$1"
    chmod +x "$bin/$1"
}
user() { fake id <<<"[ \"\$1\" = -u ] && echo $1"; }
with() { run env PATH="$bin" "$@"; }

# --- needs.sh ---------------------------------------------------------------

log=$tmp/apt.log
tools_without g++ c++ python3
# What is "installed" appears in the folder; it does nothing.
fake apt-get <<END
echo "\$*" >>'$log'
case "\$*" in
*install*) [ -e '$tmp/broken' ] || for n in g++ c++ python3; do ln -sf '$all/true' '$bin'/\$n; done ;;
esac
END
user 1000
with tools/needs.sh test
refused "needs, a user"
says "needs, a user" "sudo sh -c 'apt-get update && apt-get install -y g++ python3"
is "needs, a user: nothing is installed" [ ! -e "$log" ]
user 0
with tools/needs.sh --check test
refused "needs, root, only to check"
is "needs, root, only to check: nothing is installed" [ ! -e "$log" ]
touch "$tmp/broken"
with tools/needs.sh test
refused "needs, root, a package without the command"
says "needs, root, a package without the command" "g++ python3"
rm "$tmp/broken" "$log"
with tools/needs.sh test
is "needs, root: lists are fetched first" grep -q update <(head -n 1 "$log")
is "needs, root: then the packages" grep -q 'install.* g++ python3' <(sed -n 2p "$log")
fake apt-get <<<'exit 100'
rm -f "$bin/g++"
with tools/needs.sh test
refused "needs, root, no network"
says "needs, root, no network" "apt-get update && apt-get install -y g++"
rm -f "$bin/apt-get"
with tools/needs.sh test
refused "needs, a system without apt-get"
says "needs, a system without apt-get" "what Debian calls g++"

tools_without rustc cargo
user 1000
with tools/needs.sh demo
refused "needs, no Rust"
says "needs, no Rust" "https://sh.rustup.rs"
with $MAKE demo
refused "demo, no Rust"
says "demo, no Rust" "https://sh.rustup.rs"
tools_without rustc
fake rustc <<<'echo "rustc 1.63.0 (4b91a6ea7 2022-08-08)"'
with tools/needs.sh make
refused "needs, an old Rust"
says "needs, an old Rust" "Rust is 1.63.0 here, and Cargo.toml wants"
tools_without
fake cargo <<END
[ "\$1" != fmt ] || exit 101
exec '$all/cargo' "\$@"
END
with tools/needs.sh --check test
refused "needs, no rustfmt"
says "needs, no rustfmt" "rustup component add rustfmt"

# --- Targets ----------------------------------------------------------------

# What is built already needs no tools: so with a feature that nobody builds.
no_tools() { # target, their prefix, what to install
    tools_without "$2*" clang
    user 1000
    with $MAKE lib TARGET="$1" FEATURES=variety-cool
    refused "$1 without binutils"
    says "$1 without binutils" "apt-get install -y $3"
    says_not "$1 without binutils" "nothing public"
    is "$1 without binutils: leaves no archive" [ ! -e "build/$1+variety-cool/libmps.a" ]
}
no_tools aarch64-unknown-none aarch64- "binutils-aarch64-linux-gnu gcc-aarch64-linux-gnu"
no_tools riscv64gc-unknown-none-elf riscv64- "binutils-riscv64-linux-gnu gcc-riscv64-linux-gnu"
no_tools thumbv7em-none-eabihf arm- "binutils-arm-none-eabi gcc-arm-none-eabi"
no_tools x86_64-pc-windows-gnu x86_64-w64- "gcc-mingw-w64-x86-64"
tools_without 'qemu-*' 'riscv64-*'
user 1000
with tools/needs.sh test-ports
refused "needs, nothing to run other processors' programs on"
says "needs, nothing to run other processors' programs on" "gcc-riscv64-linux-gnu"
says "needs, nothing to run other processors' programs on" "qemu-user"
refuse() { # target, word
    run $MAKE TARGET="$1"
    refused "$1"
    says "$1" "$2"
    is "$1: leaves no archive" [ ! -e "build/$1" ]
}
refuse aarch64-unknown-freebsd "lacks ports/freebsd/context/aarch64.rs"
refuse x86_64-unknown-netbsd "no port for the system netbsd"
refuse aarch64-pc-windows-msvc "Windows' port is for x86-64 and IA-32"
refuse aarch64-apple-ios "no port for the system ios"
refuse aarch64-linux-android "no port for the system android"
refuse powerpc64le-unknown-linux-gnu "arch/README.md"
refuse armv7-unknown-linux-gnueabihf "lacks ports/linux/context/arm.rs"
refuse x86_64-unknown-nonesuch "is no target that rustc knows"

# --- link/localize.mk -------------------------------------------------------

localize() { run $MAKE -f link/localize.mk IN=build/cargo/host/release/libmps-hot.a OUT="$tmp/libmps.a" "$@"; }
localize BINUTILS=nonesuch-
refused "localize without nm"
says "localize without nm" "there is no nonesuch-nm"
says_not "localize without nm" "nothing public"
# A program that knows nothing of this processor, and prints nothing.
for c in nm ld objcopy ar; do ln -s "$all/true" "$tmp/blind-$c"; done
localize BINUTILS="$tmp/blind-"
refused "localize with a foreign nm"
says "localize with a foreign nm" "sees no symbols"
echo nothing_of_ours >"$tmp/exports.txt"
localize EXPORTS="$tmp/exports.txt"
refused "localize with other exports"
says "localize with other exports" "defines nothing public"
is "localize leaves no archive" [ ! -e "$tmp/libmps.a" ]

# --- Each archive in its place ------------------------------------------------

none=x86_64-unknown-none
run $MAKE lib debug TARGET=$none
done_well "hot and debug archives for $none"
is "$none: two varieties" differ build/$none/libmps.a build/$none/libmps-debug.a
cp build/libmps.a "$tmp/hot.a"
cp build/$none/libmps.a "$tmp/none.a"
run $MAKE lib FEATURES=defmt
done_well "an archive with a feature"
is "a feature leaves the host's archive alone" same build/libmps.a "$tmp/hot.a"
is "the archive with a feature has its own place" differ build/libmps.a build/host+defmt/libmps.a
names() { $MAKE -n lib TARGET=$1 FEATURES="$2" -W Cargo.toml 2>/dev/null | sed -n 's/^echo "building \(.*\)"$/\1/p'; }
is "features have one order" [ "$(names $none 'variety-cool,defmt')" = build/$none+defmt+variety-cool/libmps.a ]
is "and may have blanks" [ "$(names $none 'defmt variety-cool')" = build/$none+defmt+variety-cool/libmps.a ]
run $MAKE install TARGET=$none PREFIX=/usr DESTDIR="$tmp/image"
done_well "install for a target"
for a in libmps.a libmps-debug.a; do
    is "install for a target: its own $a" same "$tmp/image/usr/lib/$a" build/$none/$a
done
is "install for a target: no threads in mps.pc" grep -q -- '^Libs: .*-lmps$' "$tmp/image/usr/lib/pkgconfig/mps.pc"
is "the host's archive is as before" same build/libmps.a "$tmp/hot.a"
is "the target's archive is as before" same build/$none/libmps.a "$tmp/none.a"

# --- The cross toolchain ------------------------------------------------------

tools_without
state=$tmp/state
mkdir "$state"
echo 1.96.0+dfsg1-1~deb12u2 >"$state/candidate"
fake apt-get <<END
case "\$*" in
*update) step=update ;;
*--print-uris*install\ *) step=resolve ;;
*--print-uris\ download*) step=uris ;;
*) step=download ;;
esac
echo "\$step" >>'$log'
names=\$(echo "\$*" | sed 's/.* \(install\|download\) //')
case "\$step" in
resolve) echo "'http://x/libedit2_3.1_amd64.deb' libedit2_3.1_amd64.deb 9" ;;
uris) for n in \$names; do echo "'http://x/\${n}_1_all.deb' \${n}_1_all.deb 9"; done ;;
download)
    for n in \$names; do
        [ ! -e "\${n}_1_all.deb" ] || continue
        [ ! -e '$state/broken' ] || [ "\$n" != rust-web-src ] || exit 100
        echo "fetch \$n" >>'$log'
        echo "\$n" >"\${n}_1_all.deb"
    done
    ;;
esac
END
fake apt-cache <<END
case "\$*" in
*policy*) echo policy >>'$log'; echo "  Candidate: \$(cat '$state/candidate')" ;;
*depends*libstd-rust-web-dev) echo '  Depends: libstd-rust-web-1.96' ;;
*depends*libstd-rust-web-1.96) echo '  Depends: libllvm22' ;;
esac
END
fake dpkg <<END
case \$(cat "\$2") in
rustc-web)
    mkdir -p "\$3/usr/bin"
    printf '%s\n' '#!/bin/sh' 'case "\$*" in' '--version) echo "rustc 1.96.0" ;;' \
        '*) echo "\${0%/bin/rustc}" ;;' esac >"\$3/usr/bin/rustc"
    chmod +x "\$3/usr/bin/rustc"
    [ ! -e '$state/full' ] || exit 1
    ;;
rust-web-src)
    mkdir -p "\$3/usr/lib/rustlib/src/rust/library/core/src"
    touch "\$3/usr/lib/rustlib/src/rust/library/core/src/lib.rs"
    ;;
esac
END
toolchain() { rm -f "$log"; touch "$log"; run env PATH="$bin" CROSS_TOOLCHAIN="$tmp/cross" tools/cross-toolchain.sh "$@"; }
fetches() { grep -c '^fetch' "$log"; }

toolchain --have
is "no toolchain: --have prints none" [ ! -s "$out" ]
echo 1.85.0+dfsg3-1~deb12u3 >"$state/candidate"
toolchain
refused "a toolchain too old"
says "a toolchain too old" "rustc-web is 1.85.0+dfsg3-1~deb12u3 here and"
is "a toolchain too old: is not fetched" [ "$(fetches)" = 0 ]
is "lists are fetched before they are read" [ "$(head -n 2 "$log" | tr '\n' ' ')" = "update policy " ]
echo '(none)' >"$state/candidate"
toolchain
refused "no toolchain in the lists"
says "no toolchain in the lists" "rustc-web is not in this system's package lists"
echo 1.96.0+dfsg1-1~deb12u2 >"$state/candidate"
touch "$state/broken"
toolchain
refused "the download breaks off"
first=$(fetches)
is "the download breaks off: some were fetched" [ "$first" -gt 0 ]
is "the download breaks off: no toolchain" [ ! -e "$tmp/cross" ]
rm "$state/broken"
touch "$state/full"
toolchain
refused "unpacking breaks off"
is "unpacking breaks off: only what lacked was fetched" [ $(($(fetches) + first)) = 6 ]
is "unpacking breaks off: no toolchain" [ ! -e "$tmp/cross" ]
rm "$state/full"
toolchain
done_well "the toolchain at last"
is "the toolchain at last: nothing is fetched again" [ "$(fetches)" = 0 ]
is "the toolchain at last: its path comes last" [ "$(tail -n 1 "$out")" = "$tmp/cross/rustc" ]
is "packages are not kept for ever" [ -z "$(find "$tmp/cross.debs" -name '*.deb')" ]
toolchain
is "a toolchain that is there is taken" [ ! -s "$log" ]
sed -i s/1.96.0/1.80.0/ "$tmp/cross/root/usr/bin/rustc"
toolchain --have
is "a toolchain grown old: --have prints none" [ ! -s "$out" ]
toolchain
done_well "a toolchain grown old"
is "a toolchain grown old: is fetched anew" [ "$(fetches)" = 6 ]
is "with what it needs at run time" grep -q 'fetch libedit2' "$log"
rm "$tmp/cross/root/usr/lib/rustlib/src/rust/library/core/src/lib.rs"
toolchain
done_well "a toolchain without source"
is "a toolchain without source: is fetched anew" [ "$(fetches)" = 6 ]

echo "$passed passed, $failed failed"
[ $failed = 0 ]
