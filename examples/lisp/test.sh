#!/usr/bin/env bash
# test.sh -- the Lisp in Rust: the Scheme example's programs print the same, also with a collection
# forced every so many calls, and its suites pass. The last line is 'N passed, N failed'.
#
# Not run: t-weak and t-ports, for it has neither weak tables nor files that are written; and what
# the C one does when memory has run out, for this one does not get out of that (docs/STATUS.md).
set -uo pipefail
cd "$(dirname "$0")/../scheme" || exit
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
built=$PWD/../../build/cargo/lisp
"${CARGO:-cargo}" build --quiet --release --manifest-path ../lisp/Cargo.toml --target-dir "$built" ||
    { echo "0 passed, 1 failed" && exit 1; }
lisp=$built/release/lisp
passed=0 failed=0
is() { # name, what went wrong
    if [ -z "$2" ]; then
        echo "PASS $1" && passed=$((passed + 1))
    else
        echo "FAIL $1: $2" && failed=$((failed + 1))
    fi
}
for mode in "" "-g 20000"; do
    for p in programs/*.scm; do
        name=$(basename "$p" .scm)
        case "$name $mode" in
            garbage\ -*) continue ;; # half a minute each
            deep\ -g*) continue ;;   # a collection of a deep stack every 20,000 calls: minutes
        esac
        # shellcheck disable=SC2086
        "$lisp" $mode "$p" >"$out/out" 2>&1
        is "$name $mode" "$(diff "$out/out" "expected/$name.out" | head -n 5)"
    done
    for t in core control data heap barrier; do
        # shellcheck disable=SC2086
        "$lisp" $mode tests/harness.scm "tests/t-$t.scm" tests/report.scm >"$out/out" 2>&1
        rc=$?
        wrong=$([ $rc = 0 ] || tail -n 5 "$out/out")
        is "suite $t $mode" "$wrong"
    done
done
is "no unsafe code" "$(grep -nw unsafe ../lisp/src/*.rs | grep -v '//!')"
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
