#!/usr/bin/env bash
# dist.sh [TARGET...] -- packs what `make install` installs, for each target (default: the host), as
# build/dist/mps-VERSION-TARGET.tar.gz, with the licence; and the packs' checksums beside. The same
# tree gives the same packs.
#
# Where a pack is unpacked does not matter: mps.pc and the CMake package find the rest from
# where they are.
set -euo pipefail
cd "$(dirname "$0")/.."
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml)
# Files are as old as the last commit; without a history as old as Cargo.toml.
when=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || stat -c %Y Cargo.toml)}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p build/dist
[ $# != 0 ] || set -- host
packs=()
for target in "$@"; do
    args=("TARGET=$target")
    if [ "$target" = host ]; then
        target=$("${RUSTC:-rustc}" -vV | sed -n 's/^host: //p')
        args=()
    fi
    name=mps-$version-$target
    # The prefix is written into mps.pc, which knows its own folder.
    "${MAKE:-make}" -s --no-print-directory install "${args[@]}" DESTDIR="$work/$name" PREFIX=
    sed -i 's|^prefix=$|prefix=${pcfiledir}/../..|' "$work/$name/lib/pkgconfig/mps.pc"
    install -m 644 LICENSE CHANGELOG.md "$work/$name"
    tar --sort=name --mtime="@$when" --owner=0 --group=0 --numeric-owner -C "$work" -cf - "$name" |
        gzip -9n >"build/dist/$name.tar.gz"
    packs+=("$name.tar.gz")
    echo "build/dist/$name.tar.gz"
done
(cd build/dist && sha256sum "${packs[@]}" >SHA256SUMS)
