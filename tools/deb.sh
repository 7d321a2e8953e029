#!/usr/bin/env bash
# deb.sh -- packs what `make install` installs as Debian's package libmps-dev, for this machine's kind:
# build/deb/libmps-dev_VERSION_KIND.deb. The same tree gives the same package.
#
# Both archives have their debug symbols: for a static library there is no package of its own for
# them. (What `make install` installs has them in the debug archive alone.)
set -euo pipefail
cd "$(dirname "$0")/.."
name=libmps-dev
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml)-1
kind=$(dpkg --print-architecture)
multiarch=$("${CC:-cc}" -print-multiarch)
# Files are as old as the last commit; without a history as old as Cargo.toml.
when=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || stat -c %Y Cargo.toml)}
by=${DEBFULLNAME:-The authors of this library}" <"${DEBEMAIL:-root@localhost}">"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tree=$work/tree
doc=$tree/usr/share/doc/$name
umask 022
# Where Debian's compilers, pkg-config and CMake look for the libraries of one kind of machine.
"${MAKE:-make}" -s --no-print-directory install DESTDIR="$tree" PREFIX=/usr LIBDIR="lib${multiarch:+/$multiarch}"
lib=$tree/usr/lib${multiarch:+/$multiarch}
raw=$(tools/cross.sh host hot build/cargo/host)
"${MAKE:-make}" -s --no-print-directory -f link/localize.mk IN="$raw" OUT="$work/libmps.a" DEBUG=1 \
    EXPORTS="$(tools/cross.sh --exports host)" BINUTILS="$(tools/cross.sh --binutils host)" \
    EMULATION="$(tools/cross.sh --emulation host)" PLINTH=link/plinth.txt >/dev/null
install -m 644 "$work/libmps.a" "$lib"

install -d "$doc/examples" "$tree/DEBIAN"
install -m 644 examples/minimal/main.c "$doc/examples/minimal.c"
gzip -9n <CHANGELOG.md >"$doc/changelog.gz"
gzip -9n >"$doc/changelog.Debian.gz" <<END
mps ($version) unstable; urgency=medium

  * As changelog.gz says.

 -- $by  $(LC_ALL=C date -u -R -d "@$when")
END
# The licence without its title and its line of copyright, indented as the format wants it.
{
    echo 'Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/'
    echo 'Upstream-Name: mps'
    echo
    echo 'Files: *'
    sed -n 's/^Copyright (c) /Copyright: /p' LICENSE
    echo 'License: BSD-2-Clause'
    sed -e '1,/^Copyright/d' LICENSE | sed -e '1{/^$/d}' -e 's/^$/./' -e 's/^/ /'
} >"$doc/copyright"
find "$tree" -type f -exec chmod 644 {} +

cat >"$tree/DEBIAN/control" <<END
Package: $name
Source: mps
Version: $version
Architecture: $kind
Multi-Arch: same
Maintainer: $by
Installed-Size: $(du -k -s --apparent-size "$tree/usr" | cut -f 1)
Depends: libc6-dev
Section: libdevel
Priority: optional
Description: Memory pool system with an incremental garbage collector (static)
 Pools of memory, manual and automatic, behind the C interface of Ravenbrook's
 Memory Pool System. Objects are collected in steps and by generations, and
 most of them are moved; references on stacks may be ambiguous.
 .
 There are two static libraries, one of them with every check, the headers for
 C and C++, and what pkg-config and CMake need to find them.
END
(cd "$tree" && find usr -type f | LC_ALL=C sort | xargs md5sum >DEBIAN/md5sums)
find "$tree" -exec touch -h -d "@$when" {} +
mkdir -p build/deb
deb=build/deb/${name}_${version}_$kind.deb
SOURCE_DATE_EPOCH=$when dpkg-deb --root-owner-group -Zxz --build "$tree" "$deb" >/dev/null
echo "$deb"
