#!/usr/bin/env bash
# sum.sh COMMAND... -- runs shell commands one after the other and adds up the
# lines 'N passed, M failed' that they end in. A command without such a line,
# or one that fails though its line says 0, counts as one. What each took is said, in seconds.
set -uo pipefail
passed=0 failed=0
for c in "$@"; do
    echo "--- $c"
    out=$(mktemp) start=$SECONDS
    bash -c "$c" 2>&1 | tee "$out"
    rc=${PIPESTATUS[0]}
    line=$(grep -E '^[0-9]+ passed, [0-9]+ failed' "$out" | tail -n 1)
    rm -f "$out"
    if [ -n "$line" ]; then
        p=$(echo "$line" | awk '{ print $1 }') f=$(echo "$line" | awk '{ print $3 }')
        [ "$rc" = 0 ] || [ "$f" != 0 ] || f=1
    elif [ "$rc" = 0 ]; then
        p=1 f=0
    else
        p=0 f=1
    fi
    echo "    took $((SECONDS - start)) s"
    [ "$f" = 0 ] || echo "FAILED: $c"
    passed=$((passed + p)) failed=$((failed + f))
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
