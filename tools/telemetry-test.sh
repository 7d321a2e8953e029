#!/usr/bin/env bash
# telemetry-test.sh HOT DEBUG FREESTANDING -- the event stream from end to end:
# the tool's own tests; the tool on streams of a program that is linked with the
# hot archive, and its page in Chromium; the demonstration's page; events in defmt
# frames. And the archives know nothing of defmt.
set -uo pipefail
cd "$(dirname "$0")/.."
export CARGO=${CARGO:-cargo} PYTHONDONTWRITEBYTECODE=1
dir=build/telemetry
mkdir -p $dir

tool_tests() {
    "$CARGO" test --quiet --locked --manifest-path tools/mps-telemetry/Cargo.toml \
        --target-dir build/cargo/telemetry 2>&1 | tee $dir/tool.log
    local rc=${PIPESTATUS[0]}
    awk '/^test result:/ { p += $4; f += $6 }
         END { print p + 0 " passed, " f + 0 " failed" }' $dir/tool.log
    return "$rc"
}

program_tests() {
    local tool
    tool=$(tools/telemetry-tool.sh) || return 1
    # shellcheck disable=SC2086
    ${CC:-cc} -std=gnu99 -O2 -g -Wall -Wextra -I include -o $dir/work \
        tests/telemetry/work.c tests/client/common.c "$1" ${LIBS:--lpthread -lm} || return 1
    python3 tests/telemetry/run.py "$tool" $dir/work
}

# A program that runs, in a pseudo terminal. What program_tests has built is what it looks at.
watch_tests() {
    local tool
    tool=$(tools/telemetry-tool.sh) || return 1
    python3 tests/telemetry/watch.py "$tool" $dir/work
}

# Eight programs, an arena each.
demo_page() {
    local page
    page=$("${MAKE:-make}" -s --no-print-directory demo MODE=telemetry 2>$dir/demo.log | tail -n 1)
    [ -f "$page" ] || { cat $dir/demo.log; echo "no page: $page"; return 1; }
    python3 tests/telemetry/page.py "$page" 8
}

# What is decoded are this program's own frames; a stream it has no need of.
defmt_frames() {
    DEFMT_LOG=trace MPS_TELEMETRY_FILENAME=/dev/null "$CARGO" run --quiet --locked \
        --manifest-path tests/defmt/Cargo.toml --target-dir build/cargo/defmt
}

# With the feature an archive wants a logger, also where there is no system;
# without, none does.
defmt_archives() {
    local passed=0 failed=0 a
    one() { if "${@:2}"; then passed=$((passed + 1)); else failed=$((failed + 1)); echo "FAIL $1"; fi; }
    names() { nm -a "$1" 2>/dev/null | grep -ci "$2"; }
    wants() { [ "$(names "$1" ' U _defmt_acquire$')" -gt 0 ]; }
    spared() { [ "$(names "$1" '_\?mps_arena_create')" -gt 0 ] && [ "$(names "$1" defmt)" = 0 ]; }
    for a in "$@"; do one "$a: nothing of defmt in it" spared "$a"; done
    a=$(DEFMT_LOG=trace tools/cross.sh x86_64-unknown-none+defmt hot $dir/cargo) || return 1
    one "freestanding, with the feature" wants "$a"
    echo "$passed passed, $failed failed"
    [ $failed = 0 ]
}

case ${1:-} in
    --part) "${@:2}" ;;
    *) exec tools/sum.sh "$0 --part tool_tests" "$0 --part program_tests $1" \
        "$0 --part watch_tests" "$0 --part demo_page" "$0 --part defmt_frames" "$0 --part defmt_archives $1 $2 $3" ;;
esac
