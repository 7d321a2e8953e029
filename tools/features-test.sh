#!/usr/bin/env bash
# features-test.sh -- do the parts of the library go one by one, and does what is left work?
#
# cargo check with each single feature off, and with a few small sets on. Then archives of
# small sets: they export what link/features.txt leaves of link/exports.txt, keep to
# link/size.txt, and a program runs on one in 32 KB of memory.
set -uo pipefail
cd "$(dirname "$0")/.."
export LC_ALL=C
CARGO=${CARGO:-cargo}
CC=${CC:-cc}
MAKE=${MAKE:-make}
tools/needs.sh firmware || exit
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0 failed=0
is() { # name, code, what to show if it is not 0
    if [ "$2" = 0 ]; then
        echo "PASS $1"
        passed=$((passed + 1))
    else
        echo "FAIL $1"
        sed 's/^/    /' <<<"${3:-}"
        failed=$((failed + 1))
    fi
}

mapfile -t all < <(sed -n '/^full = \[/,/^\]/p' Cargo.toml | grep -o '"[a-z-]*"' | tr -d '"')
# What a feature needs comes with it: it is off only if that is.
needs() { sed -n "s/^$1 = \[\(.*\)\].*/\1/p" Cargo.toml | tr -d '",'; }
[ ${#all[@]} -gt 10 ] || { echo "Cargo.toml: feature full not found"; exit 1; }

# Two checks at a time, each in a folder of its own: cargo locks that. A check is done with a name
# and features, and leaves what is wrong in a file.
checks=0
check() { # name, features...
    checks=$((checks + 1))
    printf '%s\n' "$1" >"$work/$checks.name"
    printf ',%s' "${@:2}" >"$work/$checks.features"
}
one_check() { # number, lane
    "$CARGO" check --quiet --no-default-features --features "port-hooks,capi$(cat "$work/$1.features")" \
        --target-dir "build/cargo/features$2" >"$work/$1.out" 2>&1 || echo failed >>"$work/$1.out"
}
lane() { # which: 0 or 1
    local i
    for ((i = 1 + $1; i <= checks; i += 2)); do one_check "$i" "$1"; done
}

without() { # all features but one and those that need it
    local off=$1 f on=() gone=" $1 " again=1
    while [ -n "$again" ]; do
        again=
        for f in "${all[@]}"; do
            [[ $gone == *" $f "* ]] && continue
            for n in $(needs "$f"); do
                [[ $gone != *" $n "* ]] || { gone+="$f "; again=1; break; }
            done
        done
    done
    for f in "${all[@]}"; do [[ $gone == *" $f "* ]] || on+=("$f"); done
    check "without $off" "${on[@]}"
}
for f in "${all[@]}"; do without "$f"; done
check "nothing at all"
check "AMC alone" pool-amc
check "MFS alone" pool-mfs
check "AMC and MFS, incremental" pool-amc pool-mfs incremental soft-barrier
check "MVFF with debugging" pool-mvff debug-classes texts
check "AMS with finalization" pool-ams finalization
check "the debug variety, small" pool-amc pool-mfs variety-cool
check "defmt without the event stream" pool-amc defmt
lane 0 &
lane 1
wait
for ((i = 1; i <= checks; ++i)); do
    is "$(cat "$work/$i.name")" "$(wc -c <"$work/$i.out" 2>/dev/null || echo 1)" "$(head -n 20 "$work/$i.out" 2>&1)"
done

# Archives: of this processor, and of Cortex-M if there are the tools.
archive() { # target, what is in
    local what a out rc B features list
    what="$1+only+$(tr ' ' '\n' <<<"$2" | sort | paste -sd+)"
    a=build/$what/libmps.a
    out=$($MAKE --no-print-directory -s lib TARGET="$1" ONLY="$2" 2>&1)
    rc=$?
    is "$what builds" $rc "$(tail -n 20 <<<"$out")"
    [ $rc = 0 ] || return
    B=$(tools/cross.sh --binutils "$what")
    features=" $(for w in $2; do case $w in amc | ams | snc | mfs | mvff) echo "pool-$w" ;; *) echo "$w" ;; esac; done | tr '\n' ' ')"
    # A name that any line gives to a feature that is off is absent.
    awk -v on="$features" '!/^#/ { if (!index(on, " " $1 " ")) for (i = 2; i <= NF; i++) print $i }' \
        link/features.txt | sort -u >"$work/off"
    sed -e 's/#.*//' -e '/^ *$/d' link/exports.txt | sort -u | comm -23 - "$work/off" >"$work/want"
    if [[ $1 = x86_64-unknown-none ]]; then
        # Without the registers for doubles there are no functions that take them.
        grep -vxE 'mps_arena_(step|pause_time|pause_time_set|spare|spare_set)' "$work/want" >"$work/w" && mv "$work/w" "$work/want"
    fi
    "${B}nm" --defined-only --extern-only "$a" 2>/dev/null | awk 'NF == 3 { print $3 }' | sort -u >"$work/have"
    list=$(diff "$work/want" "$work/have")
    is "$what exports what it should" $? "$list"
    if grep -q "^$what " link/size.txt; then
        out=$(BINUTILS=$B tools/check-archive.sh "$a" "$what" link/undefined.txt 2>&1)
        is "$what: $(head -n 1 <<<"$out" | sed 's/.*: //')" $? "$out"
    fi
}
# Each line of features.txt names what is exported.
sed -e 's/#.*//' -e '/^ *$/d' link/exports.txt | sort -u >"$work/exports"
out=$(awk '!/^#/ { for (i = 2; i <= NF; i++) print $i }' link/features.txt | sort -u | comm -23 - "$work/exports")
[ -z "$out" ]
is "features.txt has no other names than exports.txt" $? "$out"

archive x86_64-unknown-none "amc mfs"
archive x86_64-unknown-none "ams mvff incremental inspection tags"
archive thumbv7em-none-eabihf "amc mfs"

small=build/x86_64-unknown-none+only+amc+mfs/libmps.a
for kb in 32 48 256; do
    out=$($CC -std=c99 -Wall -Wextra -O2 -DBARE -DMEMORY=$kb -I include -o "$work/small" tests/freestanding/small.c \
        tests/freestanding/port.c tests/freestanding/plinth.c $small -lpthread 2>&1 && timeout 60 "$work/small" 2>&1)
    is "AMC and MFS in $kb KB: $(tail -n 1 <<<"$out" | sed 's/.*memory, //')" $? "$out"
done
# How deep the stack gets, on both processors and with all in and little.
out=$(tools/memory-table.sh 2>&1)
is "no function needs more than 4 KB of stack" $? "$out"
out=$(arm-none-eabi-objcopy --remove-section=.ARM.attributes build/thumbv7em-none-eabihf+only+amc+mfs/libmps.a "$work/m.a" &&
    arm-none-eabi-gcc -mthumb -march=armv7-a+fp -mfloat-abi=hard --specs=rdimon.specs -std=c99 -O2 -DBARE -DMEMORY=24 -I include \
        -o "$work/m" tests/freestanding/{small,port,plinth}.c "$work/m.a" -Wl,--no-warn-execstack 2>&1 && qemu-arm -cpu max "$work/m" 2>&1)
is "AMC and MFS in 24 KB, with Cortex-M's instructions: $(tail -n 1 <<<"$out" | sed 's/.*memory, //')" $? "$out"
# What is not in is named by the linker.
printf '#include "mpscmvff.h"\nint main(void) { return mps_class_mvff() == 0; }\n' >"$work/no.c"
out=$($CC -I include -DBARE -o "$work/no" "$work/no.c" tests/freestanding/port.c tests/freestanding/plinth.c $small 2>&1)
grep -q 'undefined reference.*mps_class_mvff' <<<"$out"
is "a class that is not in: the linker names it" $? "$out"

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
