#!/usr/bin/env bash
# Installs into a fresh folder and builds a program from there alone.
set -euo pipefail
cd "$(dirname "$0")/.."
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
"${MAKE:-make}" -s install PREFIX="$dir"
ls "$dir/lib/libmps.a" "$dir/lib/libmps-debug.a" "$dir/lib/pkgconfig/mps.pc" "$dir/include/mps.h"
cat >"$dir/try.c" <<'C'
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
if command -v pkg-config >/dev/null; then
    flags=$(PKG_CONFIG_PATH=$dir/lib/pkgconfig pkg-config --cflags --libs mps)
else
    flags="-I$dir/include -L$dir/lib -lmps -lpthread"
fi
# shellcheck disable=SC2086
"${CC:-cc}" -o "$dir/try" "$dir/try.c" $flags
"$dir/try"
echo "1 passed, 0 failed"
