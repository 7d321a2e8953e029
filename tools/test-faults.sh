#!/usr/bin/env bash
# make test-faults: builds the library with one mechanism switched off at a
# time (--cfg mps_fault="...") and shows which tests notice.
#
# FAULTS (names) and SUITES (of "rust client scheme") narrow it down.
set -uo pipefail
cd "$(dirname "$0")/.."
CARGO=${CARGO:-cargo}
all=$(grep -rhoE 'mps_fault *= *"[a-z_-]+"' src ports | sed 's/.*"\(.*\)"/\1/' | sort -u)
FAULTS=${FAULTS:-$all}
SUITES=${SUITES:-rust client scheme}
[ -n "$FAULTS" ] || { echo "no mechanism can be switched off yet"; exit 1; }

dir=build/faults
mkdir -p $dir
failures() { # the log of a suite -> names of what failed, a few
    sed 's/\x1b\[[0-9;]*m//g' "$1" | awk '/^FAIL|^ *FAIL |SIGABRT|SIGSEGV|SIGILL|TIMEOUT/ {
        for (i = NF; i > 0; i--) if ($i ~ /^[A-Za-z_].*[a-z]/ && $i !~ /^(status|ms|FAIL)/) { print $i; break } }' | sort -u
}

uncaught=0 caught=0
: >$dir/table
for f in $FAULTS; do
    echo "=== $f"
    export RUSTFLAGS="--cfg mps_fault=\"$f\""
    who=
    lib=$dir/libmps-$f.a
    # The variety of everyday use: the cool one would notice by its own checks.
    if ! $CARGO rustc --quiet --release --lib --crate-type staticlib --features port-host,archive \
            --target-dir $dir/cargo ||
       ! make -s -f link/localize.mk IN=$dir/cargo/release/libmps.a OUT="$lib" \
            EXPORTS="link/exports.txt link/plinth.txt" >/dev/null; then
        echo "does not build with $f off"; uncaught=$((uncaught + 1)); continue
    fi
    for s in $SUITES; do
        log=$dir/$f-$s.log
        case $s in
            rust) timeout 900 $CARGO nextest run --no-fail-fast --features port-host --target-dir $dir/cargo-test >"$log" 2>&1 ;;
            client) timeout 900 tests/client/run.sh "$lib" include >"$log" 2>&1 ;;
            scheme) timeout 900 make -s -C examples/scheme test BUILD="$PWD/$dir/scheme-$f" MPS_LIB="$PWD/$lib" >"$log" 2>&1 ;;
        esac
        rc=$?
        if [ $rc != 0 ]; then
            names=$(failures "$log" | head -n 4 | xargs)
            who="$who $s(${names:-status $rc})"
        fi
    done
    unset RUSTFLAGS
    if [ -n "$who" ]; then caught=$((caught + 1)); else uncaught=$((uncaught + 1)); fi
    printf '%-22s %s\n' "$f" "${who:-NOBODY NOTICED}" >>$dir/table
done
echo
echo "switched off           noticed by"
cat $dir/table
echo "$caught passed, $uncaught failed"
[ $uncaught = 0 ]
