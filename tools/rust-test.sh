#!/usr/bin/env bash
# rust-test.sh [FILTER] -- the tests written in Rust: with nextest where it is
# installed, which gives each a process, and with cargo's own runner else.
set -uo pipefail
cd "$(dirname "$0")/.."
CARGO=${CARGO:-cargo}
features=${FEATURES:-port-host}
out=$(mktemp)
trap 'rm -f "$out"' EXIT
if "$CARGO" nextest --version >/dev/null 2>&1; then
    "$CARGO" nextest run --no-fail-fast --status-level fail --final-status-level fail \
        --features "$features" --no-tests pass --target-dir build/cargo/test "$@" 2>&1 | tee "$out"
    rc=${PIPESTATUS[0]}
    line=$(sed 's/\x1b\[[0-9;]*m//g' "$out" | grep -E '^ *Summary' | tail -n 1)
    passed=$(echo "$line" | grep -oE '[0-9]+ passed' | awk '{ print $1 }')
    failed=$(echo "$line" | grep -oE '[0-9]+ (failed|timed out)' | awk '{ s += $1 } END { print s + 0 }')
else
    "$CARGO" test --no-fail-fast --lib --tests --features "$features" \
        --target-dir build/cargo/test -- "$@" 2>&1 | tee "$out"
    rc=${PIPESTATUS[0]}
    passed=$(awk '/^test result:/ { s += $4 } END { print s + 0 }' "$out")
    failed=$(awk '/^test result:/ { s += $6 } END { print s + 0 }' "$out")
fi
passed=${passed:-0} failed=${failed:-0}
[ "$rc" = 0 ] || [ "$failed" != 0 ] || failed=1
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
