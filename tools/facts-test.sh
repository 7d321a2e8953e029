#!/usr/bin/env bash
# facts-test.sh FACTS-DIR ARCHIVE -- the published facts of the interface
# against our headers and archive. What is missing must be exactly what
# docs/STATUS.md calls absent; nothing else may deviate, but for
# MPS_RM_PROT_INNER, which has a value of its own here (include/mps.h).
set -uo pipefail
cd "$(dirname "$0")/.."
facts=$1 archive=$2
if [ ! -f "$facts/gen_check.py" ]; then
    echo "no $facts here: skipped"
    echo "0 passed, 0 failed"
    exit 0
fi
export LC_ALL=C
report=build/facts.tsv
python3 "$facts/gen_check.py" --include include --lib "$archive" --report $report \
    --ldflags "-lpthread -lm" >build/facts.log 2>&1
[ -s $report ] || { tail -n 5 build/facts.log; echo "0 passed, 1 failed"; exit 1; }

passed=$(awk -F'\t' '$2 == "pass"' $report | wc -l)
missing=$(sed -n 's/^missing: //p' build/facts.log | tr ' ' '\n' | sed '/^$/d' | sort -u)
absent=$(tools/absent.sh)
failed=0
complain() { echo "$*"; failed=$((failed + 1)); }

new=$(comm -23 <(echo "$missing") <(echo "$absent") | xargs)
[ -z "$new" ] || complain "missing, and not in docs/STATUS.md:" "$new"
done_=$(comm -13 <(echo "$missing") <(echo "$absent") | xargs)
[ -z "$done_" ] || complain "no longer missing, strike from docs/STATUS.md:" "$done_"

known_names=$(printf '%s\n' "$missing" "$absent")
# Other failures, unless an absent name is what they stumble over.
while IFS=$'\t' read -r check _ detail; do
    case $check in *MPS_RM_PROT_INNER*) continue ;; esac
    known=0
    for w in $(grep -oE '\b_?mps_[A-Za-z0-9_]+' <<<"$check $detail" | sort -u); do
        grep -qxF -- "$w" <<<"$known_names" && known=1
    done
    [ $known = 1 ] || complain "deviates: $check: $detail"
done < <(awk -F'\t' '$2 == "fail"' $report)

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
