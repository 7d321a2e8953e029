#!/usr/bin/env bash
# fail.sh [CASE] -- programs that must not compile, and do not, for the right reason: the last line is
# 'N passed, N failed'
#
# The first line of each says which: an error's number (or several, apart by |), a part of the message,
# or `none`.
set -uo pipefail
cd "$(dirname "$0")/fail" || exit
CARGO=${CARGO:-cargo}
export CARGO_TARGET_DIR=$PWD/../../../build/cargo/face
passed=0 failed=0
for f in src/bin/${1:-*}.rs; do
    name=$(basename "$f" .rs)
    first=$(sed -n '1s,^// ,,p' "$f")
    want=${first%%:*} what=${first#*: }
    out=$("$CARGO" build --quiet --color never --bin "$name" 2>&1)
    rc=$?
    if [ "$want" = none ]; then
        [ $rc = 0 ] && "$CARGO_TARGET_DIR/debug/$name"
    else
        # Nothing else may be wrong with it.
        [ $rc != 0 ] && grep -qE -- "^error.*($want)" <<<"$out" &&
            ! grep -E '^error' <<<"$out" | grep -vE -- "$want|^error: (could not compile|aborting)" | grep -q .
    fi
    if [ $? = 0 ]; then
        passed=$((passed + 1))
        echo "PASS $name: $what"
    else
        failed=$((failed + 1))
        echo "FAIL $name: $what ($want)"
        grep -E '^error|^ +-->' <<<"$out" | head -n 10
    fi
done
echo "$passed passed, $failed failed"
[ $failed = 0 ]
