#!/usr/bin/env bash
# make test: all parts, whatever fails before. The last line is the sum.
set -uo pipefail
cd "$(dirname "$0")/.."
M="${MAKE:-make} --no-print-directory"
parts=("$M build/libmps.a build/libmps-debug.a" "$M check" "$M docs-test" "$M manual-test" "$M tools-test"
    "$M rust-test" "$M features-test" "$M package-test" "$M model-test" "$M spin-test" "$M example-test" "$M size-test" "$M abi-test" "$M facts-test"
    "$M install-test" "$M deb-test" "$M client-test" "$M soft-test" "$M scheme-test" "$M minimal-test" "$M cpp-test" "$M face-test" "$M lisp-test" "$M freestanding-test" "$M port-test"
    "$M bench-test" "$M gdb-test" "$M index-test" "$M demo-test" "$M telemetry-test" "$M test-systems" "$M test-ports")
exec tools/sum.sh "${parts[@]}"
