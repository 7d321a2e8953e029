#!/usr/bin/env bash
# memory-table.sh -- how much stack the library's functions need, and how much memory its
# structures, with everything in and with the pools AMC and MFS only: the tables of
# docs/memory.md.
set -uo pipefail
cd "$(dirname "$0")/.."
CC=${CC:-cc}
MAKE=${MAKE:-make}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
T=tests/freestanding
bad=0
run() { # program, number, what, more for the compiler
    local program=$1 n=$2 a=build/$3/libmps.a
    shift 2
    local rest="-std=c99 -Wall -Wextra -Werror -O2 -DBARE $2 -I include -o $work/p $T/$program.c $T/port.c $T/plinth.c"
    if [[ $1 = thumb* ]]; then
        # As tools/cross-test.sh does it: a Cortex-A runs what a Cortex-M runs.
        arm-none-eabi-objcopy --remove-section=.ARM.attributes "$a" "$work/libmps.a"
        # shellcheck disable=SC2086
        arm-none-eabi-gcc -mthumb -march=armv7-a+fp -mfloat-abi=hard --specs=rdimon.specs $rest "$work/libmps.a" \
            -Wl,--no-warn-execstack && qemu-arm -cpu max "$work/p" >"$work/$n" || bad=1
    else
        # shellcheck disable=SC2086
        $CC $rest "$a" -lpthread && "$work/p" >"$work/$n" || bad=1
    fi
    [ $bad = 0 ] || { echo "$1:"; tail -n 3 "$work/$n"; }
}
columns=()
for t in x86_64-unknown-none thumbv7em-none-eabihf; do
    columns+=("$t" "$t+only+amc+mfs")
    $MAKE --no-print-directory -s lib TARGET=$t >/dev/null || bad=1
    $MAKE --no-print-directory -s lib TARGET=$t ONLY="amc mfs" >/dev/null || bad=1
done
table() { # program, what its first column has
    local n name line
    for n in "${!columns[@]}"; do
        case ${columns[n]} in *only*) run "$1" "$n" "${columns[n]}" -DSMALL ;; *) run "$1" "$n" "${columns[n]}" '' ;; esac
    done
    printf '|'; printf ' %s |' "$2" "${columns[@]}"; echo
    printf '| --- |'; printf ' ---: |%.0s' "${columns[@]}"; echo
    sed 's/^ *[0-9]* //' "$work/0" | while read -r name; do
        line="| $name |"
        for n in "${!columns[@]}"; do
            line+=" $(awk -v f="$name" '{ d = $1; sub(/^ *[0-9]+ /, "") } $0 == f { print d }' "$work/$n") |"
        done
        echo "$line"
    done
}
table stack "bytes of stack"
echo
table control "bytes of memory"
exit $bad
