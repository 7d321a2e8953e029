#!/usr/bin/env bash
# test-faults.sh -- can the tests fail?
#
# Builds the hot library with one mechanism switched off at a time (see
# `fault` in src/seam/mod.rs) and shows which client programs notice. First the
# same build with nothing switched off: there all of them must pass, and one
# that does not counts as noticing nothing. One seed serves for all.
#
# Environment:
#   FAULTS         which mechanisms (all that src/ names)
#   CLIENT         part of the names of the programs to run (all)
#   TIMEOUT        seconds a program may take (40)
#   MPS_TEST_SEED  seed of the random numbers
set -uo pipefail
cd "$(dirname "$0")/.."
CARGO=${CARGO:-cargo}
TIMEOUT=${TIMEOUT:-40}
seed=${MPS_TEST_SEED:-$(date +%s)}
all=$(grep -rhoE 'seam::fault\("[a-z_]+"\)' src | sed 's/.*"\(.*\)".*/\1/' | sort -u)
FAULTS=${FAULTS:-$all}
dir=build/faults
mkdir -p "$dir"
[ -n "$FAULTS" ] || { echo "no mechanism can be switched off"; exit 1; }

build() { # mechanism -> $dir/<mechanism>/libmps.a
    mkdir -p "$dir/$1"
    rm -f "$dir/$1/libmps.a"
    RUSTFLAGS='--cfg mps_fault_any' MPS_FAULT=$1 "$CARGO" rustc --quiet --release --lib \
        --crate-type staticlib --features port-host,archive --target-dir "$dir/$1/cargo" \
        >"$dir/$1/build.log" 2>&1 || { cat "$dir/$1/build.log"; return 1; }
    make -s -f link/localize.mk IN="$dir/$1/cargo/release/libmps.a" OUT="$dir/$1/libmps.a" \
        EXPORTS="link/exports.txt link/plinth.txt"
}

run() { # mechanism -> names of the programs that failed, one a line
    MPS_TEST_SEED=$seed TIMEOUT=$TIMEOUT \
        tests/client/run.sh "$dir/$1/libmps.a" include "${CLIENT:-}" >"$dir/$1/log" 2>&1
    awk '/^FAIL / { print $2 }' "$dir/$1/log" | sort -u
}

echo "seed MPS_TEST_SEED=$seed"
uncaught=0 caught=0
build none || { echo "does not build"; exit 1; }
wrong=$(run none)
grep -q '^PASS' "$dir/none/log" || { cat "$dir/none/log"; echo "no program ran"; exit 1; }
if [ -n "$wrong" ]; then
    echo "with nothing switched off these fail (see $dir/none/log):" $wrong
    uncaught=$((uncaught + 1))
fi
printf '%-24s%s\n' "switched off" "noticed by"
for f in $FAULTS; do
    if ! build "$f"; then
        echo "$f: does not build"
        uncaught=$((uncaught + 1))
        continue
    fi
    who=$(comm -23 <(run "$f") <(echo "$wrong" | sort -u) | xargs)
    if [ -n "$who" ]; then caught=$((caught + 1)); else uncaught=$((uncaught + 1)); fi
    printf '%-24s%s\n' "$f" "${who:-NOBODY}"
done
echo "$caught passed, $uncaught failed"
[ $uncaught = 0 ]
