#!/usr/bin/env bash
# run.sh ARCHIVE -- links the freestanding archive with ports in C on top of a
# libc, and runs collections: with memory and protection from the port, on a
# port that says where stacks are as well, and on one that has nothing.
#
# Environment: CC, CFLAGS_EXTRA, LIBS (-lpthread), RUN (an emulator), PORTS: which of
# the three ports ("full stack bare"). tools/cross-test.sh sets them for
# other processors.
set -uo pipefail
archive=$1
here=$(cd "$(dirname "$0")" && pwd)
include=$here/../../include
CC=${CC:-cc}
LIBS=${LIBS--lpthread}
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
passed=0 failed=0
for port in ${PORTS:-full stack bare}; do
    mode=
    [ "$port" = full ] || mode=-D${port^^}
    # shellcheck disable=SC2086
    if $CC -std=c99 -Wall -Wextra -O2 $mode ${CFLAGS_EXTRA-} -I "$include" -o "$dir/smoke" \
            "$here/smoke.c" "$here/port.c" "$here/plinth.c" "$archive" $LIBS &&
            timeout "${TIMEOUT:-120}" ${RUN-} "$dir/smoke"; then
        echo "PASS freestanding, $port port"
        passed=$((passed + 1))
    else
        echo "FAIL freestanding, $port port"
        failed=$((failed + 1))
    fi
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
