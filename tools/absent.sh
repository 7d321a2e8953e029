#!/usr/bin/env bash
# absent.sh -- the names that docs/STATUS.md says are still missing from the
# archive, one a line: the words between its two absent markers.
cd "$(dirname "$0")/.." || exit 2
[ -f docs/STATUS.md ] || exit 0
sed -n '/<!-- absent:begin -->/,/<!-- absent:end -->/p' docs/STATUS.md \
    | grep -oE '\b_?mps_[A-Za-z0-9_]+' | LC_ALL=C sort -u
