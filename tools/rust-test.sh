#!/usr/bin/env bash
# rust-test.sh [FILTER] -- the tests written in Rust: with nextest where it is
# installed, which gives each a process, and with cargo's own runner else.
#
# Environment:
#   MANIFEST  the crate (Cargo.toml, the library's)
#   FEATURES  what to turn on (port-host)
#   OUT       folder for what is built (build/cargo/test)
set -uo pipefail
cd "$(dirname "$0")/.."
CARGO=${CARGO:-cargo}
manifest=${MANIFEST:-Cargo.toml}
features=${FEATURES-port-host}
target=${OUT:-build/cargo/test}
out=$(mktemp)
trap 'rm -f "$out"' EXIT
if "$CARGO" nextest --version >/dev/null 2>&1; then
    "$CARGO" nextest run --no-fail-fast --status-level fail --final-status-level fail \
        --manifest-path "$manifest" --features "$features" --no-tests pass --target-dir "$target" "$@" 2>&1 | tee "$out"
    rc=${PIPESTATUS[0]}
    line=$(sed 's/\x1b\[[0-9;]*m//g' "$out" | grep -E '^ *Summary' | tail -n 1)
    passed=$(echo "$line" | grep -oE '[0-9]+ passed' | awk '{ print $1 }')
    failed=$(echo "$line" | grep -oE '[0-9]+ (failed|timed out)' | awk '{ s += $1 } END { print s + 0 }')
else
    "$CARGO" test --no-fail-fast --tests --manifest-path "$manifest" \
        --features "$features" --target-dir "$target" -- "$@" 2>&1 | tee "$out"
    rc=${PIPESTATUS[0]}
    passed=$(awk '/^test result:/ { s += $4 } END { print s + 0 }' "$out")
    failed=$(awk '/^test result:/ { s += $6 } END { print s + 0 }' "$out")
fi
passed=${passed:-0} failed=${failed:-0}
[ "$rc" = 0 ] || [ "$failed" != 0 ] || failed=1
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
