#!/usr/bin/env bash
# run.sh [IMAGE...]    builds and boots images, all of them if none is named
# run.sh --show IMAGE  one, with all that it says
#
# An image has passed if it says OK as its last word and QEMU's exit status is the one
# of success: it powers off itself in both cases, so a crash is neither.
#
# With icount QEMU's clock goes by instructions: one is a nanosecond. So the
# longest step, in nanoseconds, is a number of instructions that is the same
# each time. Where both heaps of a processor have run, that of the eight times larger
# one must be at most twice that of the smaller one.
set -uo pipefail
cd "$(dirname "$0")"
build=../../build/kernel
show=
[ "${1:-}" != --show ] || { show=1; shift; }

every=(x86_64-{small,large,ticks,two,soft,twosoft,conform,conform3,broken})
for p in ia32 aarch64 riscv64; do every+=("$p"-{small,large,soft,conform,broken}); done

images=("$@")
[ ${#images[@]} -gt 0 ] || images=("${every[@]}")

boot() { # image
    local elf=$build/$1.elf pc options=()
    pc=(qemu-system-x86_64 -machine q35 -cpu qemu64 -device "isa-debug-exit,iobase=0xf4,iosize=4")
    case $1 in
        # Processors at once, which icount does not do.
        *-two*) options=(-smp 2 -accel "tcg,thread=multi") ;;
        *-conform3 | x86_64-broken) options=(-smp 3 -accel "tcg,thread=multi") ;;
        *) options=(-icount "shift=0") ;;
    esac
    options+=(-m 256M -nodefaults -display none -serial stdio -no-reboot -kernel "$elf")
    case $1 in
        x86_64-* | ia32-*) timeout "${TIMEOUT:-600}" "${pc[@]}" "${options[@]}" ;;
        aarch64-*)
            timeout "${TIMEOUT:-600}" qemu-system-aarch64 -M virt -cpu cortex-a57 \
                -semihosting-config "enable=on,target=native" "${options[@]}"
            ;;
        riscv64-*) timeout "${TIMEOUT:-600}" qemu-system-riscv64 -M virt "${options[@]}" ;;
    esac </dev/null
}
breaks() { make -s --no-print-directory "number-${1%%-*}"; }
success() { case $1 in x86_64-* | ia32-*) echo 33 ;; *) echo 0 ;; esac; }

passed=0 failed=0
pass() { echo "PASS $*"; passed=$((passed + 1)); }
fail() { echo "FAIL $*"; failed=$((failed + 1)); }

declare -A longest
for image in "${images[@]}"; do
    log=$build/$image.log
    mkdir -p $build
    if [[ " ${every[*]} " != *" $image "* ]]; then
        fail "$image: there is no such image"
        continue
    fi
    if ! make -s --no-print-directory "$build/$image.elf" >"$log" 2>&1; then
        fail "$image: not built"
        tail -n 20 "$log"
        continue
    fi
    if [ -n "$show" ]; then
        boot "$image" | tee "$log"
    else
        boot "$image" >"$log" 2>&1
    fi
    rc=${PIPESTATUS[0]}
    tr -d '\r' <"$log" >"$log.new" && mv "$log.new" "$log"
    case $image in
        *-broken)
            sentence=$(sed -n "s|^#.*BREAK == $(breaks "$image") /\* \(.*\) \*/$|\1|p" conform.c)
            if [ -n "$sentence" ] && grep -qF -- "broken $sentence" "$log"; then
                pass "$image: a mistake in the port is named: $sentence"
            else
                fail "$image: nobody says: $sentence"
                tail -n 12 "$log"
            fi
            continue
            ;;
        *-conform*)
            if [ "$rc" = "$(success "$image")" ] && [ "$(tail -n 1 "$log")" = OK ]; then
                pass "$image: contract of the port: $(grep ' kept, 0 broken, ' "$log")"
                sed -n 's/^none [0-9]* \(.*\): not tried: /    not tried: \1: /p' "$log"
            else
                fail "$image: exit status $rc"
                grep '^FAIL\|^broken' "$log"
                tail -n 12 "$log"
            fi
            continue
            ;;
    esac
    if [ "$rc" = "$(success "$image")" ] && [ "$(tail -n 1 "$log")" = OK ]; then
        n=$(sed -n 's/^longest step \([0-9]*\) us.*/\1/p' "$log")
        longest[$image]=$n
        hits=$(grep '^barrier hits' "$log")
        collections=$(sed -n 's/^\(collections [0-9]*\).*/\1/p' "$log")
        more=$(sed -n 's/^thread stops \([0-9]*\), ticks \([0-9]*\), objects read by them \([0-9]*\)$/, thread stops \1, ticks \2 that read \3 objects/p' "$log")
        [[ $image == *-ticks || $image == *-two* ]] || more=
        pass "$image: $collections, $hits, longest step $n us$more"
    else
        fail "$image: exit status $rc"
        tail -n 12 "$log"
    fi
done

for p in x86_64 ia32 aarch64 riscv64; do
    small=${longest[$p-small]:-} large=${longest[$p-large]:-}
    [ -n "$small" ] && [ -n "$large" ] || continue
    ratio=$(awk -v s="$small" -v l="$large" 'BEGIN { printf "%.2f", l / s }')
    text="$p: longest step in a heap eight times as large: $large,000 instructions instead of $small,000, $ratio times"
    if [ "$large" -le $((2 * small)) ]; then pass "$text"; else fail "$text"; fi
done

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
