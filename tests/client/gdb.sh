#!/usr/bin/env bash
# gdb.sh ARCHIVE INCLUDE -- programs run under gdb with two settings
#
#   handle SIGSEGV nostop noprint pass
#   handle SIGXFSZ SIGXCPU nostop noprint pass
#
# The first is for the barrier's faults, the second for the signals that stop
# and restart registered threads (mps_x_thread_signals chooses others). The
# Scheme demo and a client program with threads must run to their end with
# them; without the one that they need they must not, or this would show
# nothing. With a breakpoint, managed memory can be looked at and the program
# goes on.
set -uo pipefail
if [ $# -lt 2 ]; then
    sed -n '2,14s/^# \{0,1\}//p' "$0" >&2
    exit 2
fi
archive=$(realpath "$1") include=$(realpath "$2")
cd "$(dirname "$0")/../.."
if ! command -v gdb >/dev/null 2>&1; then
    echo "no gdb here: not tried"
    echo "0 passed, 0 failed"
    exit 0
fi
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
passed=0 failed=0
good() { echo "PASS $1"; passed=$((passed + 1)); }
bad() {
    echo "FAIL $1"
    tail -n 12 "$dir/out" | sed 's/^/     /'
    failed=$((failed + 1))
}

# expect NAME yes|no TEXT GDB-COMMAND... -- PROGRAM...
expect() {
    local name=$1 wanted=$2 text=$3 args=()
    shift 3
    while [ "$1" != -- ]; do
        args+=(-ex "$1")
        shift
    done
    shift
    timeout 120 gdb --batch -nx -ex 'set confirm off' "${args[@]}" --args "$@" \
        >"$dir/out" 2>&1 </dev/null
    if { grep -q -- "$text" "$dir/out" && [ "$wanted" = yes ]; } ||
        { ! grep -q -- "$text" "$dir/out" && [ "$wanted" = no ]; }; then
        good "$name"
    else
        bad "$name"
    fi
}

segv='handle SIGSEGV nostop noprint pass'
threads='handle SIGXFSZ SIGXCPU nostop noprint pass'
ended='exited normally'

# gdb does not count as a debugger if it can't start anything.
cc -o "$dir/true" -x c - <<<'int main(void) { return 0; }'
expect "gdb runs a program at all" yes "$ended" run -- "$dir/true"

make -s --no-print-directory -C examples/scheme all BUILD="$dir/scheme" \
    MPS_LIB="$archive" MPS_INC="$include" >"$dir/out" 2>&1 || bad "the demo builds"
scheme=$dir/scheme/scheme
cd examples/scheme
for p in tables garbage; do
    expect "the demo's $p" yes "$ended" "$segv" "$threads" run -- "$scheme" -m "programs/$p.scm"
done
expect "the demo without the first setting stops" no "$ended" "$threads" run -- \
    "$scheme" -m programs/garbage.scm
expect "the demo with a breakpoint in the collector" yes "$ended" "$segv" "$threads" \
    'break mps_ap_fill' 'run' 'backtrace 1' 'ignore 1 50' 'continue' 'finish' \
    'delete' 'continue' -- "$scheme" -m programs/tables.scm
cd ../..

cc -std=gnu99 -O2 -g -DHAVE_MPSX -I "$include" -o "$dir/threads" tests/client/threads.c \
    tests/client/common.c "$archive" -lpthread -lm >"$dir/out" 2>&1 || bad "threads builds"
expect "a program with threads" yes "$ended" "$segv" "$threads" run -- "$dir/threads" 1 3
expect "a program with threads without the second setting stops" no "$ended" "$segv" run -- \
    "$dir/threads" 1 3
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
