#!/usr/bin/env bash
# spin-test.sh -- the model of two traces (tests/models/two-traces.pml), all of it, by Spin; then
# with each rule left out, when Spin must find an error. One line a case.
set -uo pipefail
cd "$(dirname "$0")/.."
model=$PWD/tests/models/two-traces.pml
CC=${CC:-cc}
passed=0 failed=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

tools/needs.sh spin || { echo "0 passed, 1 failed"; exit 1; }

verify() { # option of the model; what the verifier says goes to $work/out
    (cd "$work" && spin -a ${1:+"-D$1"} "$model" &&
        $CC -O2 -w -DSAFETY -DCOLLAPSE -DNOREDUCE -o pan pan.c && ./pan -m3000000 -n) >"$work/out" 2>&1
}
is() { # name, found (0 or 1), expected
    if [ "$2" = "$3" ]; then
        echo "PASS $1"
        passed=$((passed + 1))
    else
        echo "FAIL $1"
        sed 's/^/     /' "$work/out"
        failed=$((failed + 1))
    fi
}
errors() { sed -n 's/.*errors: \([0-9]*\)$/\1/p' "$work/out"; }

verify ""
states=$(sed -n 's/^ *\([0-9]*\) states, stored.*/\1/p' "$work/out")
# A search that was cut short says so, and has not seen everything.
cut=$(grep -c "max search depth too small\|not completed\|out of memory" "$work/out")
is "two traces: $states states, whole" "$(errors) $cut" "0 0"
for rule in NO_COLOUR NO_COPIES NO_WHITE NO_HIT NO_BIRTH NO_WRITE; do
    verify $rule
    is "without a rule, an error is found ($rule)" "$(errors)" 1
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
