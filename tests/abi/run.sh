#!/bin/sh
# run.sh INCLUDE ARCHIVE [CC] -- check headers and archive against the ABI
#
# Compiles layout.c and double-include.c under every C standard, the headers
# in C++ under every C++ standard, with all warnings as errors, and links a
# program that refers to everything the archive exports: the names it defines
# that are in link/exports.txt (those it lacks are reported), or, without that
# file, all it defines.
#
# Environment: CFLAGS_EXTRA (e.g. -m32), CXX, LIBS (-lpthread -lm), EXPORTS.

if [ $# -lt 2 ]; then
  sed -n '2,10s/^# \{0,1\}//p' "$0" >&2
  exit 2
fi
include=$1
archive=$2
CC=${3-${CC-cc}}
CXX=${CXX-c++}
LIBS=${LIBS--lpthread -lm}
here=$(dirname "$0")
EXPORTS=${EXPORTS-$here/../../link/exports.txt}
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT INT TERM
passed=0
failed=0

check() {       # name, command ...
  name=$1
  shift
  if "$@" >"$dir/out" 2>&1; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    echo "FAIL $name"
    head -n 10 "$dir/out" | sed 's/^/     /'
  fi
}

# A standard the compiler does not know is no failure.
knows() {
  echo 'typedef int x;' >"$dir/knows.$2"
  $1 -std="$3" -fsyntax-only "$dir/knows.$2" >/dev/null 2>&1
}

warn="-Wall -Wextra -Wpedantic -Werror"
for std in c89 gnu89 c99 gnu99 c11 gnu11 c17 gnu17 c2x gnu2x c23; do
  knows "$CC" c $std || continue
  # Redundant declarations are the point of layout.c.
  # shellcheck disable=SC2086
  check "layout $std" $CC -std=$std $warn ${CFLAGS_EXTRA-} -I "$include" \
    -fsyntax-only "$here/layout.c"
  # shellcheck disable=SC2086
  for o in -O0 -O2; do
    check "double-include $std $o" $CC -std=$std $warn $o ${CFLAGS_EXTRA-} \
      -I "$include" -c -o "$dir/double.o" "$here/double-include.c"
  done
done
for std in c++98 gnu++98 c++11 c++14 c++17 c++20 c++23; do
  knows "$CXX" cc $std || continue
  # shellcheck disable=SC2086
  check "C++ $std" $CXX -std=$std $warn -O2 ${CFLAGS_EXTRA-} -I "$include" \
    -c -o "$dir/cplusplus.o" "$here/cplusplus.cc"
  # shellcheck disable=SC2086
  check "layout $std" $CXX -x c++ -std=$std $warn ${CFLAGS_EXTRA-} \
    -I "$include" -fsyntax-only "$here/layout.c"
done
for h in "$include"/*.h; do
  case $h in */mpswin.h) continue ;; esac
  printf '#include "%s"\nextern int something;\n' "$(basename "$h")" \
    >"$dir/alone.c"
  # shellcheck disable=SC2086
  check "alone $(basename "$h")" $CC -std=c89 $warn ${CFLAGS_EXTRA-} \
    -I "$include" -fsyntax-only "$dir/alone.c"
done

# What should be there, and what is?
nm -g --defined-only "$archive" 2>/dev/null | awk 'NF == 3 { print $3 }' |
  sort -u >"$dir/defined"
if [ -f "$EXPORTS" ]; then
  grep -v '^#' "$EXPORTS" | awk 'NF { print $1 }' | sort -u >"$dir/listed"
  missing=$(comm -23 "$dir/listed" "$dir/defined" | tr '\n' ' ')
  check "everything listed is there" test -z "$missing"
  [ -z "$missing" ] || echo "     missing: $missing"
  comm -12 "$dir/listed" "$dir/defined" >"$dir/names"
else
  cp "$dir/defined" "$dir/names"
fi
awk -F'[(, )]+' '
  NR == FNR { have[$1] = 1; next }
  /^(FUN|VAR)/ && ($3 in have)' "$dir/names" "$here/symbols.def" \
  >"$dir/implemented.def"
total=$(grep -c -E '^(FUN|VAR)' "$here/symbols.def")
some=$(grep -c . "$dir/implemented.def")
# shellcheck disable=SC2086
check "link" $CC ${CFLAGS_EXTRA-} -I "$include" -I "$dir" -o "$dir/link" \
  "$here/link.c" "$archive" $LIBS
if [ -x "$dir/link" ]; then
  check "run" "$dir/link"
fi
# shellcheck disable=SC2086
check "link C++" $CXX ${CFLAGS_EXTRA-} -O1 -ffunction-sections \
  -Wl,--gc-sections -I "$include" -o "$dir/cxx" \
  "$here/cplusplus.cc" "$archive" $LIBS
if [ -x "$dir/cxx" ]; then
  check "run C++" "$dir/cxx"
fi
# In the archive, under the interface's prefixes, but not in the interface?
grep -E '^_?mps_' "$dir/defined" >"$dir/prefixed"
awk -F'[(, )]+' '/^(FUN|VAR)/ { print $3 }' "$here/symbols.def" |
  sort -u >"$dir/public"
extra=$(comm -23 "$dir/prefixed" "$dir/public" | tr '\n' ' ')
if [ -n "$extra" ]; then
  echo "note: exported but not in the interface: $extra"
fi
echo "$some of $total symbols are implemented"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
