#!/usr/bin/env bash
# check-archive.sh ARCHIVE BOUND-NAME UNDEFINED-LIST [PLINTH-LIST]
#
# Prints the archive's loaded bytes, and fails if they break the bound in
# link/size.txt; if it has more than one member; if a symbol is called
# anything with `panicking`; if a global symbol is not in link/exports.txt (or
# the plinth's list); if a plinth symbol is not weak; or if it leaves a symbol
# undefined that the list does not name. BINUTILS is a prefix. In an archive for Windows each
# plinth function is not weak, but in a member of its own, which jumps into a table
# (ports/plinth.rs). Of one for macOS tools/macho.rs tells what is in it.
set -uo pipefail
archive=$1 bound=$2 undefined=$3 plinth=${4:-}
cd "$(dirname "$0")/.." || exit 2
export LC_ALL=C
B=${BINUTILS:-}
bad=0
complain() { echo "$archive: $*"; bad=1; }
names() { sed -e 's/#.*//' -e '/^ *$/d' "$@" | sort -u; }
format=$("${B}objdump" -f "$archive" 2>/dev/null | sed -n 's/.*file format //p' | head -n 1)
pe=
case $format in
    pe-x86-64) pe=1; plain() { cat; } ;;
    # C's names begin with an underscore there, those of Windows' functions end with a number.
    pe-i386) pe=1; plain() { sed -e 's/^_//' -e 's/@[0-9]*$//'; } ;;
    *) plain() { cat; } ;;
esac

[ -f "$archive" ] || { echo "$archive: not there"; exit 1; }

# macOS's: binutils can't read it. One object of Rust, one of C.
if [ "$(tools/macho.sh --list "$archive" 2>/dev/null | awk '$2 == "size"' | wc -l)" != 0 ]; then
    listed=$(tools/macho.sh --list "$archive")
    of() { awk -v how="$1" '$2 == how { print $3 }' <<<"$listed" | sort -u; }
    bytes=$(awk '$2 == "size" { n += $3 } END { print n }' <<<"$listed")
    limit=$(awk -v b="$bound" '$1 == b { print $2 }' link/size.txt)
    echo "$archive: $bytes bytes loaded, bound $limit"
    [ "$bytes" -le "$limit" ] || complain "over the bound for $bound in link/size.txt"
    [ "$(of size | wc -l)" = 2 ] || complain "not two objects"
    extra=$({ of global; of weak; } | sort -u | comm -23 - <(names link/exports.txt $plinth))
    [ -z "$extra" ] || complain "global but not public:" $extra
    missing=$(comm -23 <(names link/exports.txt $plinth) <({ of global; of weak; } | sort -u))
    [ -z "$missing" ] || complain "public and not there:" $missing
    # What the one object has for the other: functions of ours, by name.
    extra=$(of private | grep -v '^mps_int_')
    [ -z "$extra" ] || complain "private but not for the object of C:" $extra
    strong=$(comm -23 <(names "$plinth") <(of weak))
    [ -z "$strong" ] || complain "plinth functions that are not weak symbols:" $strong
    wild=$(of undefined | comm -23 - <({ names "$undefined"; of global; of private; } | sort -u))
    [ -z "$wild" ] || complain "undefined and not in $undefined:" $wild
    ! grep -q panicking "$archive" || complain "panics get in"
    exit $bad
fi

bytes=$("${B}size" -B -t "$archive" | awk '/TOTALS/ { print $4 }')
limit=$(awk -v b="$bound" '$1 == b { print $2 }' link/size.txt)
echo "$archive: $bytes bytes loaded, bound $limit"
[ "$bytes" -le "$limit" ] || complain "over the bound for $bound in link/size.txt"

members=$("${B}ar" t "$archive" | wc -l)
own=0
[ -z "$pe" ] || own=$(names "$plinth" | wc -l)
[ "$members" = $((1 + own)) ] || complain "$members members, not $((1 + own))"

panics=$("${B}nm" "$archive" 2>/dev/null | grep panicking)
[ -z "$panics" ] || complain "$(printf 'panics get in:\n%s' "$panics")"

extra=$("${B}nm" --defined-only --extern-only "$archive" 2>/dev/null | awk 'NF == 3 { print $3 }' | plain | sort -u \
    | comm -23 - <({ names link/exports.txt $plinth; [ -z "$pe" ] || echo mps_int_plinth; } | sort -u))
[ -z "$extra" ] || complain "global but not public:" $extra

wild=$("${B}nm" --undefined-only "$archive" 2>/dev/null | awk 'NF == 2 { print $2 }' \
    | grep -v '^_GLOBAL_OFFSET_TABLE_$' | plain | sort -u \
    | comm -23 - <({ names "$undefined"; [ -z "$pe" ] || { echo mps_int_plinth; names "$plinth"; }; } | sort -u))
[ -z "$wild" ] || complain "undefined and not in $undefined:" $wild

if [ -n "$pe" ]; then
    # The same names as elsewhere, and each of the plinth's alone in its member.
    missing=$(comm -23 <(names link/exports.txt $plinth) \
        <("${B}nm" --defined-only --extern-only "$archive" 2>/dev/null | awk 'NF == 3 { print $3 }' | plain | sort -u))
    [ -z "$missing" ] || complain "public and not there:" $missing
    member=$(mktemp)
    for f in $(names "$plinth"); do
        "${B}ar" p "$archive" "$f.o" >"$member" 2>/dev/null
        [ "$("${B}nm" --defined-only --extern-only "$member" 2>/dev/null |
            awk 'NF == 3 { print $3 }' | plain)" = "$f" ] || complain "$f is not alone in its member"
    done
    rm -f "$member"
    exit $bad
fi

if [ -n "$plinth" ]; then
    weak=$("${B}nm" --defined-only "$archive" 2>/dev/null | awk '$2 ~ /^[WV]$/ { print $3 }' | sort -u)
    strong=$(comm -23 <(names "$plinth") <(echo "$weak"))
    [ -z "$strong" ] || complain "plinth functions that are not weak symbols:" $strong
fi

exec_stack=$("${B}readelf" -SW "$archive" 2>/dev/null | grep -c '\.note\.GNU-stack')
[ "$exec_stack" -ge 1 ] || complain "no .note.GNU-stack: programs would get an executable stack"
exit $bad
