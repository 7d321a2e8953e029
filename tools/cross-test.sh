#!/usr/bin/env bash
# cross-test.sh TARGET [FILTER] -- programs on another processor
#
# Linux and Windows targets: the client programs with that in their name. FILTER may be several
# names with blanks between. Bare targets: a program with its port in C, on top of the
# processor's Linux (tests/freestanding); Cortex-M has none, and the program runs
# on newlib, with an arena in memory that it has. All that this machine is not is
# emulated. tools/needs.sh knows what they want.
#
# Environment: TIMEOUT (seconds a program may take), MPS_TEST_SEED.
set -uo pipefail
cd "$(dirname "$0")/.."
target=$1
filters=${2-}
archive=build/$target/libmps.a
export CC LIBS RUN CFLAGS_EXTRA PORTS TIMEOUT=${TIMEOUT:-200}
LIBS="-static -lpthread -lm" RUN='' CFLAGS_EXTRA='' PORTS=''
case $target in
*-windows-gnu) ;;
i686-*)
    CC=${CC:-cc}
    # Beside a cross compiler Debian can't install the links that -m32 wants.
    CFLAGS_EXTRA="-m32 -idirafter /usr/include/$(uname -m)-linux-gnu"
    ;;
aarch64-*) CC=aarch64-linux-gnu-gcc RUN=qemu-aarch64 ;;
riscv64gc-*) CC=riscv64-linux-gnu-gcc RUN=qemu-riscv64 ;;
thumbv7em-none-eabihf)
    # qemu-arm can't be a Cortex-M; a Cortex-A understands its instructions too.
    CC=arm-none-eabi-gcc RUN="qemu-arm -cpu max" PORTS=bare LIBS=-Wl,--no-warn-execstack
    CFLAGS_EXTRA="-mthumb -march=armv7-a+fp -mfloat-abi=hard --specs=rdimon.specs"
    ;;
x86_64-unknown-none) CC=${CC:-cc} ;;
*)
    echo "cross-test.sh: no way known to run programs for $target"
    exit 2
    ;;
esac
if ! tools/needs.sh cross-test "$target" ||
    ! "${MAKE:-make}" -s --no-print-directory "$archive"; then
    echo "0 passed, 1 failed"
    exit 1
fi
case $target in
*-linux-*) ;;
*-windows-*)
    folder=$(mktemp -d)
    settings=$(tools/wine.sh "${target%%-*}" "$folder") || { echo "0 passed, 1 failed"; exit 1; }
    eval "$settings"
    trap 'eval "$STOP_WINE"; rm -rf "$folder"' EXIT
    ;;
*)
    # On x86 a kernel's archive has no functions with doubles.
    case $target in
    x86_64-* | i686-*) ;;
    *) CFLAGS_EXTRA="$CFLAGS_EXTRA -DDOUBLES" ;;
    esac
    if [ "${target%%-*}" = thumbv7em ]; then
        # Without the mark that only a Cortex-M may run it.
        copy=$(mktemp -d)
        trap 'rm -rf "$copy"' EXIT
        arm-none-eabi-objcopy --remove-section=.ARM.attributes "$archive" "$copy/libmps.a"
        archive=$copy/libmps.a
    fi
    tests/freestanding/run.sh "$archive"
    exit
    ;;
esac
case $target in
*-windows-*) ;;
i686-*) LIBS="-lpthread -lm" ;;&
# gcc has no instructions for atomic bytes there.
riscv64gc-*) LIBS="$LIBS -latomic" ;;&
# The emulator does not keep to limits on memory.
aarch64-* | riscv64gc-*) export MPS_TEST_NO_RLIMIT=1 ;;
esac
tests/client/run.sh "$archive" include "$filters"
