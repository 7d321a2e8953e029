#!/usr/bin/env bash
# sanitize.sh [PART] -- the address and thread sanitizers on the Rust tests and
# on C programs with threads. Without PART all parts; the last line is the sum.
#
# Parts: address-rust, address-client, thread-rust, thread-client. What can't be
# run, and why, stands in tests/README.md, "Sanitizers".
#
# The sanitizers come with rustup's toolchain, for C as well: gcc instruments,
# and what it calls is linked from there. Rust's own library is not instrumented.
#
# Environment: TIMEOUT (seconds a program may take, 900), CLIENT (part of a
# program's name), TEST (a filter for the Rust tests).
set -uo pipefail
cd "$(dirname "$0")/.."
parts="address-rust address-client thread-rust thread-client"
if [ $# = 0 ]; then
    commands=()
    for p in $parts; do commands+=("$0 $p"); done
    exec tools/sum.sh "${commands[@]}"
fi

CARGO=${CARGO:-cargo} TIMEOUT=${TIMEOUT:-900}
part=$1
sanitizer=${part%-*}
triple=$(rustc -vV | sed -n 's/^host: //p')
dir=build/sanitize/$sanitizer
mkdir -p "$dir"
out=$dir/$part.log
runtime=$(rustc --print sysroot)/lib/rustlib/$triple/lib
runtime=$(ls "$runtime"/librustc-*_rt."${sanitizer:0:1}san.a" 2>/dev/null | head -n 1)
if [ -z "$runtime" ]; then
    echo "this Rust has no $sanitizer sanitizer"
    echo "0 passed, 1 failed"
    exit 1
fi

# Sanitizers are not yet a stable option of rustc. The core library is not
# instrumented, which rustc would otherwise refuse.
export RUSTC_BOOTSTRAP=1
export RUSTFLAGS="-Zsanitizer=$sanitizer -Cunsafe-allow-abi-mismatch=sanitizer"
case $sanitizer in
    address)
        # Stacks are scanned word by word: there must be no red zones in them.
        RUSTFLAGS+=" -Cllvm-args=-asan-stack=0"
        gcc_flags="--param asan-stack=0"
        # SIGSEGV is the barrier's, and our tests have alternate stacks of their
        # own. Ports are asked for more than there is. Managed memory is no leak.
        export ASAN_OPTIONS=allow_user_segv_handler=1:handle_segv=0:use_sigaltstack=0
        ASAN_OPTIONS+=:detect_stack_use_after_return=0:allocator_may_return_null=1:detect_leaks=0
        tests=()
        programs="manual threads fork handlers mixed"
        ;;
    thread)
        gcc_flags=
        export TSAN_OPTIONS="handle_segv=0:allow_user_segv_handler=1:report_signal_unsafe=0"
        TSAN_OPTIONS+=":suppressions=$PWD/tools/sanitize-thread.txt"
        # What stops no threads: this sanitizer holds signals back.
        tests=(crowds two_ports trace::history --test-threads 1)
        programs="manual mixed"
        ;;
esac

rust() {
    [ -z "${TEST:-}" ] || tests=("$TEST")
    "$CARGO" test --quiet --no-run --lib --features port-host --target "$triple" --target-dir "$dir" || return 1
    timeout "$TIMEOUT" "$CARGO" test --quiet --no-fail-fast --lib --features port-host --target "$triple" \
        --target-dir "$dir" -- "${tests[@]}" >"$out" 2>&1
    local rc=$?
    grep -E 'WARNING: ThreadSanitizer|ERROR: |SUMMARY' "$out"
    [ $rc = 0 ] || tail -n 25 "$out"
    awk -v rc=$rc '/^test result:/ { p += $4; f += $6 }
        END { if (rc != 0 && f == 0) f = 1; print p + 0 " passed, " f + 0 " failed" }' "$out"
    return $rc
}

client() {
    local passed=0 failed=0 program rc archive=$dir/$triple/release/libmps.a
    CARGO_PROFILE_RELEASE_LTO=off "$CARGO" rustc --quiet --release --lib --crate-type staticlib \
        --features port-host,archive --target "$triple" --target-dir "$dir" || return 1
    for program in $programs; do
        case $program in *"${CLIENT:-}"*) ;; *) continue ;; esac
        local objects=() source
        for source in $program common; do
            # shellcheck disable=SC2086
            gcc -std=gnu99 -O1 -g -DHAVE_MPSX -fsanitize="$sanitizer" $gcc_flags -I include \
                -c -o "$dir/$source.o" "tests/client/$source.c" || return 1
            objects+=("$dir/$source.o")
        done
        # The personality function is named by what can't unwind.
        gcc -o "$dir/$program" "${objects[@]}" "$archive" -Wl,--defsym=rust_eh_personality=0 \
            -Wl,--whole-archive "$runtime" -Wl,--no-whole-archive -lpthread -lm -ldl -lrt || return 1
        MPS_TEST_ARCHIVE=build/libmps.a timeout "$TIMEOUT" "$dir/$program" >"$out.$program" 2>&1 </dev/null
        rc=$?
        if [ $rc = 0 ] && ! grep -qE 'WARNING: ThreadSanitizer|ERROR: AddressSanitizer' "$out.$program"; then
            echo "PASS $sanitizer $program"
            passed=$((passed + 1))
        else
            echo "FAIL $sanitizer $program (status $rc; all of it in $out.$program)"
            grep -E '^SUMMARY' "$out.$program" | sort | uniq -c
            tail -n 12 "$out.$program" | sed 's/^/     /'
            failed=$((failed + 1))
        fi
    done
    echo "$passed passed, $failed failed"
    [ $failed = 0 ]
}

case " $parts " in
    *" $part "*) ;;
    *) echo "parts: $parts" >&2; exit 2 ;;
esac
"${part#*-}" || { rc=$?; [ -s "$out" ] || [ "${part#*-}" = client ] || echo "0 passed, 1 failed"; exit $rc; }
