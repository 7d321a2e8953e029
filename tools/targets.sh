#!/usr/bin/env bash
# targets.sh -- one line for each target: the archive's loaded bytes and what our
#               tests run it on, or why it is not built (make targets)
# targets.sh --list            the names of those that `make test-ports` runs
# targets.sh --archive TARGET  where its archive is: this machine's own is the host's
#
# What is built already is not built anew.
set -uo pipefail
cd "$(dirname "$0")/.."
M="${MAKE:-make} -s --no-print-directory"

# What `make test-ports` and `make cross-test` run programs on.
list() {
    cat <<END
x86_64-unknown-linux-gnu           $(on x86_64)
i686-unknown-linux-gnu             $(on x86)
aarch64-unknown-linux-gnu          qemu-aarch64
riscv64gc-unknown-linux-gnu        qemu-riscv64
x86_64-unknown-none                $(on x86_64), on top of Linux
i686-unknown-none                  $(on x86), on top of Linux
aarch64-unknown-none               qemu-aarch64, on top of Linux
riscv64gc-unknown-none-elf         qemu-riscv64, on top of Linux
thumbv7em-none-eabihf              qemu-arm, on top of newlib
END
}
# What `make test-systems` links, and runs where it can.
systems() {
    cat <<END
x86_64-pc-windows-gnu              Wine
i686-pc-windows-gnu                Wine
x86_64-pc-windows-msvc             Wine
i686-pc-windows-msvc               Wine
x86_64-apple-darwin                nothing here; it is linked
aarch64-apple-darwin               nothing here; it is linked
x86_64-unknown-freebsd             nothing here; it is linked
i686-unknown-freebsd               nothing here; it is linked
END
}
on() {
    case $(uname -m)-$1 in
    x86_64-x86*) echo "this machine" ;;
    *) echo "nothing here: it wants an x86-64 machine" ;;
    esac
}

if [ "${1:-}" = --list ]; then
    list | awk '{ print $1 }'
    exit
fi

archive() { # target
    case $1 in *-msvc)
        echo "build/$1/mps.lib"
        return
        ;;
    esac
    if [ "$1" = "$(uname -m)-unknown-linux-gnu" ]; then echo build/libmps.a; else echo "build/$1/libmps.a"; fi
}
if [ "${1:-}" = --archive ]; then
    archive "$2"
    exit
fi

log=$(mktemp)
trap 'rm -f "$log"' EXIT
failed=0
while read -r target ran; do
    archive=$(archive "$target")
    if $M "$archive" >"$log" 2>&1; then
        if [ -n "$(tools/cross.sh --macho "$target")" ]; then
            bytes=$(tools/macho.sh --list "$archive" | awk '$2 == "size" { n += $3 } END { print n }')
        else
            bytes=$("$(tools/cross.sh --binutils "$target")size" -B -t "$archive" | awk '/TOTALS/ { print $4 }')
        fi
        printf '%-28s  %7s bytes loaded; runs on %s\n' "$target" "$bytes" "$ran"
    else
        failed=1
        # Make's own last line says only that it failed.
        printf '%-28s  not built: %s\n' "$target" \
            "$(grep -Ev '^(building |make|$)' "$log" | head -n 3 | tr '\n' ' ')"
    fi
done < <(
    list
    systems
)
exit $failed
