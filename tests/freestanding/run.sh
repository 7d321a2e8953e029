#!/usr/bin/env bash
# run.sh ARCHIVE -- links the freestanding archive with ports in C on top of the
# host's libc, and runs collections: with memory and protection from the port, on a
# port that says where stacks are as well, and on one that has nothing.
set -uo pipefail
archive=$1
here=$(cd "$(dirname "$0")" && pwd)
include=$here/../../include
CC=${CC:-cc}
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
passed=0 failed=0
for mode in '' -DSTACK -DBARE; do
    name="freestanding ${mode:-full port}"
    # shellcheck disable=SC2086
    if $CC -std=c99 -Wall -Wextra -O2 $mode -I "$include" -o "$dir/smoke" \
            "$here/smoke.c" "$here/port.c" "$here/plinth.c" "$archive" -lpthread && timeout 120 "$dir/smoke"; then
        echo "PASS $name"
        passed=$((passed + 1))
    else
        echo "FAIL $name"
        failed=$((failed + 1))
    fi
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
