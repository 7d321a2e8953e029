#!/usr/bin/env bash
# deb-test.sh -- the package libmps-dev, installed in a fresh place by dpkg: it is whole, and programs
# are built from there alone, by pkg-config and by CMake. The last line is 'N passed, N failed'.
set -uo pipefail
cd "$(dirname "$0")/.."
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
. tools/is.sh
multiarch=$("${CC:-cc}" -print-multiarch)
root=$dir/root
lib=$root/usr/lib/$multiarch
doc=$root/usr/share/doc/libmps-dev
mkdir -p "$root/var/lib/dpkg/updates" "$root/var/lib/dpkg/info"
touch "$root/var/lib/dpkg/status"
find "$root" | LC_ALL=C sort >"$dir/before"

# Nothing else is in the fresh place, so what it depends on is not either; who is not root may try, too.
in_root() { dpkg --root="$root" --log=/dev/null --force-depends --force-not-root --force-bad-path "$@"; }
deb() { tools/deb.sh >"$dir/name" && cat "$dir/name" && cp "$(cat "$dir/name")" "$1"; }
debug_symbols() { [ -n "$(readelf -S "$1" 2>&1 | grep '\.debug_info')" ]; }
by_pkg_config() {
    local flags
    flags=$(PKG_CONFIG_LIBDIR=$lib/pkgconfig PKG_CONFIG_SYSROOT_DIR=$root pkg-config --cflags --libs mps) || return
    case $flags in *"$lib"*) ;; *) echo "flags name another place: $flags" && return 1 ;; esac
    # shellcheck disable=SC2086
    "${CC:-cc}" -o "$dir/minimal" "$doc/examples/minimal.c" $flags && "$dir/minimal"
}
by_cmake() {
    mkdir -p "$dir/try" && cp "$doc/examples/minimal.c" "$dir/try" || return
    cat >"$dir/try/CMakeLists.txt" <<'C'
cmake_minimum_required(VERSION 3.13)
project(try C)
find_package(mps REQUIRED)
add_executable(hot minimal.c)
target_link_libraries(hot mps::mps)
add_executable(debug minimal.c)
target_link_libraries(debug mps::debug)
C
    cmake -S "$dir/try" -B "$dir/made" -DCMAKE_FIND_ROOT_PATH="$root" -DCMAKE_FIND_ROOT_PATH_MODE_PACKAGE=ONLY \
        -DCMAKE_LIBRARY_ARCHITECTURE="$multiarch" && grep -q "mps_DIR:PATH=$lib/" "$dir/made/CMakeCache.txt" &&
        cmake --build "$dir/made" && "$dir/made/hot" && "$dir/made/debug"
}
nothing_left() {
    in_root --purge libmps-dev || return
    # dpkg's own notes stay.
    find "$root" -path "$root/var/lib/dpkg/*" -prune -o -print | LC_ALL=C sort | diff <(grep -v "^$root/var/lib/dpkg/" "$dir/before") -
}

is "it is made" deb "$dir/first.deb"
is "made again" deb "$dir/second.deb"
is "both are the same" cmp "$dir/first.deb" "$dir/second.deb"
is "installed" in_root -i "$dir/first.deb"
is "as it was packed" in_root --verify libmps-dev
for f in libmps.a libmps-debug.a pkgconfig/mps.pc cmake/mps/mps-config.cmake; do
    is "it has $f" test -s "$lib/$f"
done
for f in include/*.h include/*.hpp; do
    is "it has $f" cmp "$f" "$root/usr/$f"
done
is "debug symbols of libmps.a" debug_symbols "$lib/libmps.a"
is "debug symbols of libmps-debug.a" debug_symbols "$lib/libmps-debug.a"
is "the copyright has the licence's last line" grep -qF "$(tail -n 1 LICENSE)" "$doc/copyright"
is "the changelogs" sh -c "zcat '$doc/changelog.gz' | cmp - CHANGELOG.md && zcat '$doc/changelog.Debian.gz' | grep -q '^mps ('"
is "a program, by pkg-config" by_pkg_config
is "programs, by CMake" by_cmake
is "removed, nothing is left" nothing_left
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
