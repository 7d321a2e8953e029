#!/usr/bin/env bash
# run.sh [PORT] -- the conformance test on our own ports, and on ports that are broken
#
# Each of our ports must keep every sentence of include/mpsport.h; of each broken one
# (broken.c) the test must name the sentence that it breaks. With VERBOSE=1 the
# verdicts on all sentences are shown, else a line for each port. PORT: that one only.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
top=$here/../..
CC=${CC:-cc} CARGO=${CARGO:-cargo}
only=${1:-}
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
passed=0 failed=0
# shellcheck disable=SC2086
compile() { $CC -std=gnu11 -Wall -Wextra -O2 -g -I "$top/include" ${CFLAGS_EXTRA:-} "$@" -lpthread; }
good() { passed=$((passed + 1)); echo "PASS $1"; }
bad() { failed=$((failed + 1)); echo "FAIL $1"; }
wanted() { [ -z "$only" ] || [ "$only" = "$1" ]; }

for f in conform host; do
    compile -c -o "$dir/$f.o" "$here/$f.c" || { echo "0 passed, 1 failed"; exit 1; }
done
# For ports with MPS_PORT_DEFINE_NO_INTERRUPTS; and for one that has its memory already.
# Some broken ports hang.
compile -DPATIENCE=8 -c -o "$dir/host-hasty.o" "$here/host.c"
compile -DNO_INTERRUPTS -c -o "$dir/host-calm.o" "$here/host.c"
compile -DNO_INTERRUPTS -DNEVER_SCARCE -c -o "$dir/host-plenty.o" "$here/host.c"

# judge NAME PROGRAM: all sentences kept.
judge() {
    local rc
    timeout 300 "$2" >"$dir/log" 2>&1
    rc=$?
    [ -z "${VERBOSE:-}" ] || cat "$dir/log"
    if [ $rc = 0 ] && grep -q ' 0 broken' "$dir/log"; then
        [ -n "${VERBOSE:-}" ] || grep '^none' "$dir/log" | sed 's/^none [0-9]*/    not tried:/; s/: not tried: /: /'
        good "port $1: $(tail -n 1 "$dir/log")"
    else
        grep -v '^ok' "$dir/log"
        bad "port $1"
    fi
}

# --- Our own ---
c_port() { # NAME HOST FILES...
    wanted "$1" || return
    if compile -o "$dir/$1" "$dir/conform.o" "$dir/$2.o" "${@:3}"; then judge "$1" "$dir/$1"; else bad "port $1"; fi
}
c_port example host "$top/examples/port/c/port.c"
c_port freestanding host-calm "$top/tests/freestanding/port.c"
c_port nothing host-calm -DBARE "$top/tests/freestanding/port.c"

rust_port() { # NAME HOST
    local lib plinth=
    wanted "$1" || return
    if "$CARGO" build --quiet --release --locked --manifest-path "$here/rust/Cargo.toml" --features "$1" \
        --target-dir "$top/build/cargo/port-$1" ${JOBS:+-j "$JOBS"}; then
        lib=$top/build/cargo/port-$1/release/libconform_ports.a
        # The crate calls a plinth, which `linux` has of its own; the port does not.
        [ "$1" = linux ] || plinth=$top/examples/port/c/plinth.c
        c_port "$1" "$2" "$lib" ${plinth:+"$plinth"}
    else
        bad "port $1"
    fi
}
rust_port linux host
rust_port bare host-plenty

# --- Broken ones ---
# Two at a time: many of them only wait for something that never comes.
broken() { # N, tab, SENTENCE
    local n=${1%%$'\t'*} sentence=${1#*$'\t'}
    local program=$dir/broken-$n log=$dir/log-$n
    if ! compile -DBREAK="$n" -w -o "$program" "$dir/conform.o" "$dir/host-hasty.o" "$here/broken.c"; then
        echo "FAIL broken port $n does not compile"
        return
    fi
    timeout 300 "$program" >"$log" 2>&1
    if grep '^FAIL' "$log" | sed 's/^FAIL [0-9]* *//' | grep -qF -- "$sentence"; then
        echo "PASS broken port $n is named: $sentence"
    else
        grep -v '^ok\|^none\|^--' "$log" | sed 's/^/     /'
        echo "FAIL broken port $n: nobody says: $sentence"
    fi
}
export -f broken compile
export dir here top CC
sed -n 's|^#.*BREAK [!=]= \([0-9]*\) /\* \(.*\) \*/$|\1\t\2|p' "$here/broken.c" |
    while IFS=$'\t' read -r n sentence; do
        ! wanted "broken-$n" || printf '%s\t%s\0' "$n" "$sentence"
    done | xargs -0 -r -n 1 -P 2 bash -c 'broken "$1"' broken >"$dir/broken-all"
cat "$dir/broken-all"
passed=$((passed + $(grep -c '^PASS' "$dir/broken-all")))
failed=$((failed + $(grep -c '^FAIL' "$dir/broken-all")))
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
