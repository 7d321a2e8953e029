#!/usr/bin/env bash
# index-test.sh FACTS-DIR -- tests/INDEX.md against the tests it names and the
# behaviours it is an index of: every file is there, every case's name is in
# its file, every bullet has a row and every row a bullet, and what has no test
# is in the list at the end.
set -uo pipefail
cd "$(dirname "$0")/.."
facts=$1 index=tests/INDEX.md
passed=0 failed=0
complain() { echo "$*"; failed=$((failed + 1)); }
# A file with strings that go over several lines in one piece.
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
joined() {
    local copy=$tmp/${1//\//_}
    [ -f "$copy" ] || tr '\n' ' ' <"$1" | sed 's/" *"//g' >"$copy"
    cat "$copy"
}

# Rows: number, what, noticed by.
rows=$(sed -n 's/^| \([0-9]*\.[0-9]*\) | \(.*\) | \(.*\) |$/\1\t\3/p' $index)
# The matrix's rows have no number.
rows+=$'\n'$(sed -n '/^The property matrix/,/^## /s/^| \([^|]*\) | \([^|]*\) |$/matrix: \1\t\2/p' $index |
    grep -vE '^matrix: (property|---)')
# Nor have those of our own additions.
rows+=$'\n'$(sed -n '/^## Additions/,/^## Without/s/^| \([^|]*\) | \([^|]*\) |$/addition: \1\t\2/p' $index |
    grep -vE '^addition: (what|---)')
while IFS=$'\t' read -r number where; do
    case $where in
    none:*)
        grep -q -- "^- $number, " $index || complain "$number has no test and is not in the list at the end"
        continue
        ;;
    esac
    while IFS= read -r one; do
        file=$(sed -n 's/^ *`\([^`]*\)` *.*$/\1/p' <<<"$one")
        name=$(sed 's/^ *`[^`]*` *//' <<<"$one")
        case $file in */*) path=$file ;; *) path=tests/client/$file ;; esac
        if [ -z "$file" ] || [ ! -f "$path" ]; then
            complain "$number: no file in '$one'"
        elif [ -n "$name" ] && ! joined "$path" | grep -qF -- "$name"; then
            complain "$number: no '$name' in $path"
        else
            passed=$((passed + 1))
        fi
    done < <(sed 's/; `/\n`/g' <<<"$where")
done <<<"$rows"

if [ -f "$facts/behaviours.md" ]; then
    # Bullets by section; the last section has numbers instead.
    bullets=$(awk '/^## / { split($2, a, "."); s = a[1]; n = 0 }
        /^- / && s != "" && s != 27 { print s "." ++n }
        /^[0-9]+\. / && s == 27 { print s "." ++n }' "$facts/behaviours.md" | sort)
    numbers=$(cut -f1 <<<"$rows" | grep -E '^[0-9]+\.[0-9]+$' | sort)
    missing=$(comm -23 <(echo "$bullets") <(echo "$numbers") | xargs)
    over=$(comm -13 <(echo "$bullets") <(echo "$numbers") | xargs)
    [ -z "$missing" ] || complain "bullets without a row:" "$missing"
    [ -z "$over" ] || complain "rows without a bullet:" "$over"
    [ -n "$missing$over" ] || passed=$((passed + 1))
    echo "$(wc -l <<<"$bullets") bullets, $(grep -c $'\tnone:' <<<"$rows") without a test"
else
    echo "no $facts/behaviours.md here: whether every bullet has a row was not looked at"
fi
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
