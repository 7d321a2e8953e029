#!/usr/bin/env bash
# Installs into a fresh folder, and builds a program from there alone: by pkg-config, and by CMake.
# The same with what `make dist` packs, unpacked. The last line is 'N passed, N failed'.
set -uo pipefail
cd "$(dirname "$0")/.."
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
MAKE=${MAKE:-make}
. tools/is.sh

mkdir "$dir/try"
cat >"$dir/try/try.c" <<'C'
#include <mps.h>
#include <mpsavm.h>
int main(void)
{
  mps_arena_t arena;
  if (mps_arena_create_k(&arena, mps_arena_class_vm(), mps_args_none) != MPS_RES_OK)
    return 1;
  mps_arena_destroy(arena);
  return 0;
}
C
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml)
cat >"$dir/try/CMakeLists.txt" <<C
cmake_minimum_required(VERSION 3.13)
project(try C)
find_package(mps $version REQUIRED)
add_executable(try try.c)
target_link_libraries(try mps::mps)
add_executable(try-debug try.c)
target_link_libraries(try-debug mps::debug)
C

by_pkg_config() { # where it is
    local flags
    flags=$(PKG_CONFIG_PATH=$1/lib/pkgconfig pkg-config --cflags --libs mps) || return
    case $flags in *"$1"*) ;; *) echo "flags name another place: $flags" && return 1 ;; esac
    # shellcheck disable=SC2086
    "${CC:-cc}" -o "$dir/by-pkg-config" "$dir/try/try.c" $flags && "$dir/by-pkg-config"
}
by_cmake() { # where it is, a folder to build in
    cmake -S "$dir/try" -B "$2" -DCMAKE_PREFIX_PATH="$1" && cmake --build "$2" &&
        "$2/try" && "$2/try-debug" && ! grep -q "$PWD" "$2/CMakeCache.txt"
}
refuses() { # where it is, a version that it is not
    mkdir -p "$dir/other" && sed "s/find_package(mps [^ ]*/find_package(mps $2/" "$dir/try/CMakeLists.txt" >"$dir/other/CMakeLists.txt" &&
        cp "$dir/try/try.c" "$dir/other" && ! cmake -S "$dir/other" -B "$dir/other/build-$2" -DCMAKE_PREFIX_PATH="$1"
}

is "install" "$MAKE" -s install PREFIX="$dir/installed"
is "installed, by pkg-config" by_pkg_config "$dir/installed"
is "installed, by CMake" by_cmake "$dir/installed" "$dir/build-installed"
is "CMake is not given another version" refuses "$dir/installed" 9.9
is "nor one that is newer" refuses "$dir/installed" "${version%.*}.999"

pack=build/dist/mps-$version-$("${RUSTC:-rustc}" -vV | sed -n 's/^host: //p')
is "dist" env MAKE="$MAKE" tools/dist.sh
cp "$pack.tar.gz" "$dir/first.tar.gz"
is "dist, the same again" env MAKE="$MAKE" tools/dist.sh
is "the packs are the same" cmp "$pack.tar.gz" "$dir/first.tar.gz"
is "checksums" sh -c 'cd build/dist && sha256sum -c SHA256SUMS'
mkdir "$dir/unpacked"
is "unpacked" tar -C "$dir/unpacked" -xzf "$pack.tar.gz"
there=$dir/unpacked/${pack##*/}
for f in LICENSE CHANGELOG.md lib/libmps.a lib/libmps-debug.a include/mps.h include/mps.hpp; do
    is "the pack has $f" test -s "$there/$f"
done
is "the pack, by pkg-config" by_pkg_config "$there"
is "the pack, by CMake" by_cmake "$there" "$dir/build-unpacked"
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
