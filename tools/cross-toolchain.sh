#!/usr/bin/env bash
# Puts a Rust compiler that can build the core library for any target under
# build/cross-toolchain, and prints the path of the rustc wrapper.
#
# For machines whose rustup lacks the target (README, "Other targets"). It
# unpacks Debian's rustc-web without installing it: it would fight with rustup.
# Version numbers in package names move, so they are looked up.
set -euo pipefail

here=$(cd "$(dirname "$0")/.." && pwd)
dir=${1:-$here/build/cross-toolchain}
wrapper=$dir/rustc

if [ -x "$wrapper" ] && "$wrapper" --version >/dev/null 2>&1; then
    echo "$wrapper"
    exit 0
fi

log() { echo "cross-toolchain: $*" >&2; }
depends() { apt-cache depends "$1" 2>/dev/null | awk '/Depends:/ {print $2}'; }

if ! command -v apt-get >/dev/null; then
    log "no apt-get here; install the target with: rustup target add TARGET"
    exit 1
fi
if [ -z "$(apt-cache policy rustc-web 2>/dev/null)" ] && [ "$(id -u)" = 0 ]; then
    apt-get update >&2
fi

libstd=$(depends libstd-rust-web-dev | grep -E '^libstd-rust-web-[0-9]' | head -n 1)
llvm=$(depends "$libstd" | grep -E '^libllvm[0-9]' | head -n 1)
if [ -z "$libstd" ] || [ -z "$llvm" ]; then
    log "rustc-web is not in this system's package lists"
    exit 1
fi

rm -rf "$dir"
mkdir -p "$dir/debs" "$dir/root"
log "fetching rustc-web libstd-rust-web-dev $libstd $llvm rust-web-src"
# The debs directory must be writable for apt's own user; it falls back to root.
(cd "$dir/debs" && apt-get download -qq rustc-web libstd-rust-web-dev "$libstd" "$llvm" rust-web-src >&2)
for d in "$dir"/debs/*.deb; do
    dpkg -x "$d" "$dir/root"
done
rm -rf "$dir/debs"

cat > "$wrapper" <<WRAP
#!/bin/sh
LD_LIBRARY_PATH='$dir/root/usr/lib/$(uname -m)-linux-gnu' exec '$dir/root/usr/bin/rustc' "\$@"
WRAP
chmod +x "$wrapper"
"$wrapper" --version >&2
echo "$wrapper"
