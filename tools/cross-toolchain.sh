#!/usr/bin/env bash
# cross-toolchain.sh          prints the path of a rustc that can build the core
#                             library for any target; fetches it if need be
# cross-toolchain.sh --have   prints the path only if it is there and new enough
#
# For machines whose rustup lacks the target (README, "Bare metal, other
# systems"). It unpacks Debian's rustc-web under build/cross-toolchain without
# installing it: installed, it would fight with rustup. Version numbers in
# package names move, so they are looked up, in lists of our own that are always
# fresh: so root is not needed. Packages once fetched are kept until the
# compiler runs; a failure does not fetch them again.
#
# Environment: CROSS_TOOLCHAIN, another folder than build/cross-toolchain.
set -euo pipefail

here=$(cd "$(dirname "$0")/.." && pwd)
dir=${CROSS_TOOLCHAIN:-$here/build/cross-toolchain}
fetched=$dir.debs
minimum=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' "$here/Cargo.toml")
machine=$(uname -m)

log() { echo "cross-toolchain: $*" >&2; }
die() { log "$@"; log "with rustup: rustup target add TARGET"; exit 1; }
at_least() { [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]; }

# good DIR: does the compiler there run, is it new enough, is the source there?
good() {
    local version
    version=$("$1/rustc" --version 2>/dev/null | awk '{ print $2 }') || return 1
    [ -n "$version" ] && at_least "${version%%-*}" "$minimum" &&
        [ -f "$("$1/rustc" --print sysroot)/lib/rustlib/src/rust/library/core/src/lib.rs" ]
}

if good "$dir"; then
    echo "$dir/rustc"
    exit 0
fi
[ "${1:-}" != --have ] || exit 0

for c in apt-get apt-cache dpkg flock; do
    command -v $c >/dev/null || die "no $c here, so Debian's Rust can't be fetched"
done
mkdir -p "$fetched/apt/lists/partial" "$fetched/apt/archives/partial" "$fetched/apt/state"
# Two builds at a time: the second waits, and finds all done.
exec 9>"$fetched/lock"
flock 9
if good "$dir"; then
    echo "$dir/rustc"
    exit 0
fi

apt=(-qq -o "Dir::State=$fetched/apt/state" -o "Dir::State::lists=$fetched/apt/lists"
    -o Dir::State::status=/var/lib/dpkg/status -o "Dir::Cache=$fetched/apt"
    -o Debug::NoLocking=1 -o APT::Sandbox::User=root)
depends() { apt-cache "${apt[@]}" depends "$1" 2>/dev/null | awk '/Depends:/ { print $2 }'; }

apt-get "${apt[@]}" update >&2 || die "the package lists can't be fetched"
version=$(apt-cache "${apt[@]}" policy rustc-web | awk '/Candidate:/ { print $2 }')
case $version in
    '' | '(none)') die "rustc-web is not in this system's package lists" ;;
esac
at_least "${version%%[+~-]*}" "$minimum" ||
    die "rustc-web is $version here and $minimum is needed; Debian has newer ones in its security and updates suites"

libstd=$(depends libstd-rust-web-dev | grep -E '^libstd-rust-web-[0-9]' | head -n 1)
llvm=$(depends "$libstd" | grep -E '^libllvm[0-9]' | head -n 1)
[ -n "$libstd" ] && [ -n "$llvm" ] || die "what rustc-web depends on can't be made out"
names=(rustc-web libstd-rust-web-dev "$libstd" "$llvm" rust-web-src)
# And what those depend on and this system lacks, such as libedit2. The
# compiler's own packages are taken even where they are installed.
mapfile -t more < <(apt-get "${apt[@]}" --print-uris -y --no-install-recommends install "${names[@]}" |
    awk '$2 ~ /\.deb$/ { sub(/_.*/, "", $2); print $2 }')
mapfile -t names < <(printf '%s\n' "${names[@]}" "${more[@]}" | sed '/^$/d' | sort -u)

# Packages of another version would be unpacked too.
mapfile -t files < <(apt-get "${apt[@]}" --print-uris download "${names[@]}" | awk '{ print $2 }')
[ ${#files[@]} = ${#names[@]} ] || die "apt-get names ${#files[@]} files for ${#names[@]} packages"
for old in "$fetched"/*.deb; do
    [[ " ${files[*]} " == *" $(basename "$old") "* ]] || rm -f "$old"
done
log "fetching rustc-web $version: ${names[*]}"
# Skips those that are there already and are whole.
(cd "$fetched" && apt-get "${apt[@]}" download "${names[@]}" >&2) || die "the download failed"

new=$dir.new
rm -rf "$new"
mkdir -p "$new/root"
for f in "${files[@]}"; do
    dpkg -x "$fetched/$f" "$new/root"
done
cat >"$new/rustc" <<WRAP
#!/bin/sh
here=\$(dirname "\$(readlink -f "\$0")")
LD_LIBRARY_PATH="\$here/root/usr/lib/$machine-linux-gnu:\$here/root/lib/$machine-linux-gnu" exec "\$here/root/usr/bin/rustc" "\$@"
WRAP
chmod +x "$new/rustc"
if ! good "$new"; then
    "$new/rustc" --version >&2 || true
    die "the compiler that was unpacked in $new does not run, or lacks the core library's source"
fi
rm -rf "$dir"
mv "$new" "$dir"
rm -rf "$fetched"/*.deb "$fetched/apt"
"$dir/rustc" --version >&2
echo "$dir/rustc"
