#!/usr/bin/env bash
# test-ports.sh -- every target (make test-ports): its archive is built and held to
# the lists under link/, programs are run on its processor, and images boot.
# One line each. The last line is 'N passed, N failed'.
#
# The client programs are a few for each processor here; `make cross-test` runs them
# all. An image is a line of $images: the folder in which `make test` boots it and
# ends with a line 'N passed, N failed'.
set -uo pipefail
cd "$(dirname "$0")/.."
M="${MAKE:-make} -s --no-print-directory"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
passed=0 failed=0

# Each does what another processor can break: registers and stacks, faults,
# threads stopped by signals, weak references, fork.
programs="amc awl barrier basics finalize fork registers-O2 sigsegv stacks tell threads"
# Debug archives take as long to build again. These two are of either word size.
debug="x86_64-unknown-none thumbv7em-none-eabihf"
images="examples/kernel examples/firmware"

step() { # what it is, command...
    local name=$1 start=$SECONDS rc line p f
    shift
    "$@" >"$log" 2>&1
    rc=$?
    line=$(grep -E '^[0-9]+ passed, [0-9]+ failed$' "$log" | tail -n 1)
    read -r p _ f _ <<<"${line:-$((rc == 0)) passed, $((rc != 0)) failed}"
    [ $rc = 0 ] || [ "$f" != 0 ] || f=1
    passed=$((passed + p)) failed=$((failed + f))
    if [ "$f" = 0 ]; then
        [ -n "$line" ] || line=$(tail -n 1 "$log")
        echo "PASS $name: ${line:-done} ($((SECONDS - start)) s)"
    else
        echo "FAIL $name"
        grep -v '^PASS' "$log" | tail -n 40 | sed 's/^/     /'
    fi
}

# What can't be installed is named here, and again where it is missed.
tools/needs.sh test-ports

mapfile -t targets < <(tools/targets.sh --list)
archives=()
for t in "${targets[@]}"; do archives+=("$(tools/targets.sh --archive "$t")"); done
for t in $debug; do archives+=("build/$t/libmps-debug.a"); done
# Two at a time; linking uses one processor. What fails here fails again below, and
# says why.
$M -k -j 2 "${archives[@]}" >/dev/null 2>&1

lists() { # target, archive, bound
    case $1 in
    *-linux-*) set -- "$@" link/undefined-host.txt link/plinth.txt ;;
    *) set -- "$@" link/undefined.txt ;;
    esac
    $M "$2" || return
    BINUTILS=$(tools/cross.sh --binutils "$1") tools/check-archive.sh "${@:2}"
}

for t in "${targets[@]}"; do
    step "$t, archive" lists "$t" "$(tools/targets.sh --archive "$t")" "$t"
    [[ " $debug " != *" $t "* ]] ||
        step "$t, debug archive" lists "$t" "build/$t/libmps-debug.a" debug
    case $t in
    # Those that `make client-test` runs all.
    "$(uname -m)"-unknown-linux-gnu) ;;
    *-linux-*) step "$t, client programs" tools/cross-test.sh "$t" "$programs" ;;
    *) step "$t, freestanding programs" tools/cross-test.sh "$t" ;;
    esac
done
for i in $images; do
    step "$i" $M -C "$i" test
done

echo "$passed passed, $failed failed"
[ $failed = 0 ]
