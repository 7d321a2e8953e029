#!/usr/bin/env bash
# test.sh DIR -- builds the image, runs it, and judges what it reports.
set -uo pipefail
cd "$(dirname "$0")"
dir=$1
../../tools/needs.sh firmware || exit
passed=0 failed=0
is() { # what, 0 if it is so
    if [ "$2" = 0 ]; then
        echo "PASS firmware: $1"
        passed=$((passed + 1))
    else
        echo "FAIL firmware: $1"
        failed=$((failed + 1))
    fi
}
end() {
    echo "$passed passed, $failed failed"
    [ "$failed" = 0 ]
    exit
}
holds() { is "$1" "$((!($2)))"; }

if ! ./build.sh "$dir"; then
    is "builds" 1
    end
fi
is "builds" 0

# What of the image is the library's, by the linker's map: the crate, and what the compiler's
# own library does for it. (Their names and sizes may stand on two lines.)
flash=$(sed '1,/^Linker script and memory map/d' "$dir/firmware.map" | awk '
    /^ \.[^ ]+$/ { held = $1; next }
    held != "" { $0 = " " held " " $0; held = "" }
    /^ \.(text|rodata|data)/ && $3 ~ /^0x/ && $4 ~ /lib(mps|compiler_builtins)-/ { print $3 }' |
    { sum=0; while read -r n; do sum=$((sum + n)); done; echo "$sum"; })
holds "the library has $flash bytes of flash, at most 65536" "flash > 20000 && flash <= 65536"
ram=$(arm-none-eabi-size -A "$dir/firmware" | awk '$3 >= 536870912 && $3 < 536870912 + 4194304 { s += $2 } END { print s }')
holds "all of RAM: $ram bytes, at most 131072" "ram > 65536 && ram <= 131072"

./run.sh "$dir" >"$dir/said" 2>"$dir/errors"
code=$?
is "ends well, and all its frames can be read" $code
[ $code = 0 ] || { echo "    code $code"; tail -n 5 "$dir/said" "$dir/errors"; }
[ "$(tail -n 1 "$dir/said")" = "info report: OK" ]
is "its last word is OK" $?

collections=$(sed -n 's/^info report: \([0-9]*\) collections/\1/p' "$dir/said")
steps=$(sed -n 's/^info report: \([0-9]*\) steps.*/\1/p' "$dir/said")
longest=$(sed -n 's/^info report: .* steps, longest \([0-9]*\) us/\1/p' "$dir/said")
reads=$(sed -n 's/^info report: barrier hits: \([0-9]*\) reads.*/\1/p' "$dir/said")
writes=$(sed -n 's/^info report: barrier hits: .* \([0-9]*\) writes/\1/p' "$dir/said")
compared=$(sed -n 's/^info report: \([0-9]*\) objects compared, 0 wrong.*/\1/p' "$dir/said")
alive=$(sed -n 's/^info report: .* wrong, \([0-9]*\) alive/\1/p' "$dir/said")
moved=$(sed -n 's/^info report: \([0-9]*\) bytes moved.*/\1/p' "$dir/said")
samples=$(sed -n 's/^info report: \([0-9]*\) samples from the interrupt, 0 without a block, .*, intact: true/\1/p' "$dir/said")
used=$(sed -n 's/^info report: \([0-9]*\) bytes of stack used.*/\1/p' "$dir/said")
stack=$(sed -n 's/^info report: .* stack used, of \([0-9]*\)/\1/p' "$dir/said")
holds "$collections collections" "${collections:-0} > 20"
holds "in $steps steps, several to a collection" "${steps:-0} > 3 * ${collections:-0} && ${steps:-0} > 0"
holds "none longer than ${longest:-?} us, at most 4000" "${longest:-999999} > 0 && ${longest:-999999} <= 4000"
holds "barrier hits: $reads reads, $writes writes" "${reads:-0} > 0 && ${writes:-0} > 0"
holds "$compared objects compared, none wrong, $alive alive" "${compared:-0} > 100000 && ${alive:-0} > 100"
holds "$moved bytes moved" "${moved:-0} > 10000"
holds "$samples samples allocated in the interrupt's handler, all as they were" "${samples:-0} > 5000"
holds "$used bytes of stack used, of $stack" "${used:-0} > 500 && ${used:-99999} < ${stack:-0}"
starts=$(grep -c 'arena 0x.*: collection starts' "$dir/said")
ends=$(grep -c 'arena 0x.*: collection ends' "$dir/said")
holds "the library logged $starts beginnings and $ends ends" "starts == ends && starts == ${collections:-0}"

# Does the judge see anything? A program that forgets to tell of its accesses.
if ./build.sh "$dir" forget; then
    ./run.sh "$dir" forget >"$dir/said-forget" 2>&1
    code=$?
    wrong=$(sed -n 's/^info report: .* compared, \([0-9]*\) wrong.*/\1/p' "$dir/said-forget")
    [ $code != 0 ] && ! grep -q 'report: OK' "$dir/said-forget"
    is "without a look before each access it is found out (code $code, ${wrong:-no} objects wrong)" $?
else
    is "builds without a look before each access" 1
fi

# The port's contract; and whether a mistake in the port is seen.
if ./build.sh "$dir" conform; then
    ./run.sh "$dir" conform >"$dir/said-conform" 2>&1
    code=$?
    kept=$(sed -n 's/^info \([0-9]* kept, 0 broken, .*\)/\1/p' "$dir/said-conform")
    [ $code = 0 ] && [ -n "$kept" ] && [ "$(tail -n 1 "$dir/said-conform")" = "info conform: OK" ]
    is "contract of the port: ${kept:-not kept}" $?
    [ -n "$kept" ] || grep -v '^info \(ok\|none\|--\|trying\)' "$dir/said-conform" | tail -n 12
    sed -n 's/^info none [0-9]* \(.*\): not tried: /    not tried: \1: /p' "$dir/said-conform"
else
    is "builds with the conformance test" 1
fi
if ./build.sh "$dir" broken; then
    ./run.sh "$dir" broken >"$dir/said-broken" 2>&1
    code=$?
    sentence="mps_port_quiet_begin: handlers are kept off"
    [ $code != 0 ] && grep -qF "info broken $sentence" "$dir/said-broken"
    is "a mistake in the port is named: $sentence" $?
else
    is "builds with a mistake in the port" 1
fi
end
