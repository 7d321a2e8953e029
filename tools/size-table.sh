#!/usr/bin/env bash
# size-table.sh -- how many bytes the freestanding library has, loaded (text, data and
# bss), with what in it: a table for README. Builds the archives that are not there; for
# a target without tools it says what is missing.
set -uo pipefail
cd "$(dirname "$0")/.."
MAKE=${MAKE:-make}
targets="x86_64-unknown-none thumbv7em-none-eabihf"
sets=("everything" "everything" # what it is called, what is in
    "AMC, MFS" "amc mfs"
    "AMC, MFS, texts" "amc mfs texts"
    "AMC, MFS, incremental" "amc incremental mfs soft-barrier"
    "AMC, MFS, incremental, texts, statistics, telemetry" "amc incremental mfs soft-barrier statistics telemetry texts"
    "AMC, MVFF" "amc mvff"
    "MVFF" "mvff"
    "MFS" "mfs")
have=()
for t in $targets; do
    if out=$(tools/needs.sh --check cross "$t" 2>&1); then have+=("$t"); else echo "$t: not measured: ${out%%$'\n'*}" >&2; fi
done
printf '| what is in |'; printf ' %s |' "${have[@]}"; echo
printf '| --- |'; for _ in "${have[@]}"; do printf ' ---: |'; done; echo
bad=0
for ((i = 0; i < ${#sets[@]}; i += 2)); do
    line="| ${sets[i]} |"
    for t in "${have[@]}"; do
        in=${sets[i + 1]} what=$t
        [ "$in" = everything ] && in= || what=$t+only+${in// /+}
        if out=$($MAKE --no-print-directory -s lib TARGET="$t" ONLY="$in" 2>&1); then
            bytes=$("$(tools/cross.sh --binutils "$what")size" -B -t "build/$what/libmps.a" | awk '/TOTALS/ { print $4 }')
        else
            echo "$what: $(tail -n 1 <<<"$out")" >&2
            bytes=- bad=1
        fi
        line+=" $(sed ':a;s/\B[0-9]\{3\}\>/,&/;ta' <<<"$bytes") |"
    done
    echo "$line"
done
exit $bad
