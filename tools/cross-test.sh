#!/usr/bin/env bash
# cross-test.sh TARGET [FILTER] -- the client programs on another processor
#
# Targets: i686-unknown-linux-gnu; by emulation aarch64-unknown-linux-gnu and
# riscv64gc-unknown-linux-gnu.
# tools/needs.sh knows what they want.
#
# Environment: TIMEOUT (seconds a program may take), MPS_TEST_SEED.
set -uo pipefail
cd "$(dirname "$0")/.."
target=$1
archive=build/$target/libmps.a
export CC LIBS RUN CFLAGS_EXTRA TIMEOUT=${TIMEOUT:-200}
case $target in
i686-*)
    CC=${CC:-cc} LIBS="-lpthread -lm" RUN=
    # Beside a cross compiler Debian can't install the links that -m32 wants.
    CFLAGS_EXTRA="-m32 -idirafter /usr/include/$(uname -m)-linux-gnu"
    ;;
aarch64-*)
    CC=aarch64-linux-gnu-gcc LIBS="-static -lpthread -lm" RUN=qemu-aarch64 CFLAGS_EXTRA=
    # The emulator does not keep to limits on memory.
    export MPS_TEST_NO_RLIMIT=1
    ;;
riscv64gc-*)
    CC=riscv64-linux-gnu-gcc LIBS="-static -lpthread -lm" RUN=qemu-riscv64 CFLAGS_EXTRA=
    export MPS_TEST_NO_RLIMIT=1
    ;;
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
exec tests/client/run.sh "$archive" include "${2-}"
