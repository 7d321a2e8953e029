#!/usr/bin/env bash
# interrupts.sh ARCHIVE [RUNS] -- interrupts.c, on the port in C and the freestanding archive
#
# RUNS (2): how often. It hangs rarely if something is wrong, so use many where that is in
# doubt. With NO_QUIET=1 the port keeps no handlers off: then it should hang some time.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
top=$here/../..
archive=$1 runs=${2:-2}
CC=${CC:-cc}
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
passed=0 failed=0
port=$top/examples/port/c
quiet=()
[ -z "${NO_QUIET:-}" ] || quiet=(-Dmps_port_quiet_begin=not_used_begin -Dmps_port_quiet_end=not_used_end)
# shellcheck disable=SC2086
compile() { $CC -std=gnu11 -Wall -Wextra -O2 -g -I "$top/include" ${CFLAGS_EXTRA:-} "$@"; }
compile "${quiet[@]}" -c -o "$dir/port.o" "$port/port.c" &&
    printf '#include "mpsport.h"\nMPS_PORT_DEFINE_NO_INTERRUPTS\n' >"$dir/none.c" &&
    compile -o "$dir/interrupts" "$here/interrupts.c" "$dir/port.o" "$port/plinth.c" \
        ${NO_QUIET:+"$dir/none.c"} "$archive" -lpthread -lrt || { echo "0 passed, 1 failed"; exit 1; }
for ((i = 1; i <= runs; i++)); do
    if timeout 120 "$dir/interrupts" 2; then
        passed=$((passed + 1))
        echo "PASS handlers read managed memory, run $i"
    else
        failed=$((failed + 1))
        echo "FAIL handlers read managed memory, run $i"
    fi
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
