#!/usr/bin/env bash
# doubles.sh ARCHIVE -- are calls refused whose doubles the library would not find?
#
# With a compiler that keeps off floating-point registers, each of doubles.c's calls must
# be refused, and all of them accepted where doubles are passed as usual. What stands in for
# them in integers must work in a program compiled like that.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
top=$here/../..
archive=$1
CC=${CC:-cc}
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
passed=0 failed=0
good() { passed=$((passed + 1)); echo "PASS $1"; }
bad() { failed=$((failed + 1)); echo "FAIL $1"; }
case $(uname -m) in
    x86_64) ;;
    *) echo "not tried: these options are of Intel's processors"; echo "0 passed, 0 failed"; exit ;;
esac

# try WANTED COMPILER FLAGS...
try() {
    local wanted=$1 compiler=$2 n wrong=
    shift 2
    if ! "$compiler" "$@" -O1 -I "$top/include" -c -o "$dir/o" "$here/doubles.c" 2>"$dir/log"; then
        # shellcheck disable=SC2015
        grep -q "bits/libc-header-start\|stubs-32\|No such file" "$dir/log" &&
            echo "not tried: $compiler $*: no headers for it here (gcc-multilib)" ||
            { cat "$dir/log"; bad "$compiler $*: integers are refused"; }
        return
    fi
    for n in 1 2 3 4 5; do
        if "$compiler" "$@" -DCALL=$n -O1 -I "$top/include" -c -o "$dir/o" "$here/doubles.c" 2>"$dir/log"; then
            [ "$wanted" = accepted ] || wrong+=" $n"
        else
            # By the header, or by the compiler itself.
            grep -qi "doubles are passed otherwise\|SSE register\|x87 register" "$dir/log" && [ "$wanted" = refused ] ||
                { cat "$dir/log"; wrong+=" $n"; }
        fi
    done
    if [ -z "$wrong" ]; then good "$compiler $*: calls with doubles are $wanted"; else bad "$compiler $*: not $wanted:$wrong"; fi
}
compilers=("$CC")
if command -v clang >/dev/null && ! "$CC" --version | grep -q clang; then compilers+=(clang); fi
for c in "${compilers[@]}"; do
    # Clang's -msoft-float changes nothing about how doubles are passed; and of the other on IA-32
    # it says nothing that a header can see (mps.h).
    soft=refused regs=refused
    if "$c" --version | grep -q clang; then soft=accepted regs=accepted; fi
    try accepted "$c" -m64
    try refused "$c" -m64 -mgeneral-regs-only
    try $soft "$c" -m64 -msoft-float
    try accepted "$c" -m32
    try $regs "$c" -m32 -mgeneral-regs-only
    try $soft "$c" -m32 -msoft-float
    try refused "$c" -m64 -mno-sse
    # There doubles go by the stack and in the x87 unit, as the library has it.
    try accepted "$c" -m32 -mno-sse
done

port=$top/examples/port/c
for flags in -mgeneral-regs-only -mno-sse -msoft-float; do
    if $CC -O2 $flags -I "$top/include" -c -o "$dir/main.o" "$here/doubles.c" &&
        $CC -std=gnu11 -O2 -I "$top/include" -o "$dir/main" "$dir/main.o" "$port/port.c" "$port/plinth.c" \
            "$archive" -lpthread && timeout 60 "$dir/main"; then
        good "$flags: what is set in integers is read"
    else
        bad "$flags: what is set in integers is read"
    fi
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
