#!/bin/sh
# run.sh ARCHIVE INCLUDE [FILTER] -- build the client programs and run them
#
# Environment:
#   CC            compiler (cc)
#   OPT           optimization (-O2)
#   CFLAGS_EXTRA  more options, e.g. -m32 or -DHAVE_MPSX
#   LIBS          what to link besides the archive (-lpthread -lm)
#   RUN           runs the programs, e.g. an emulator
#   EXE           what programs' names end with (nothing)
#   SOFT          not empty: with a software barrier (soft.c)
#   MPS_TEST_SEED seed of the random numbers
#   KEEP          folder for the built programs and their output
#   TIMEOUT       seconds a program may take (60)
#
# One line for each program; then the number passed and failed.  FILTER is a
# part of the program's name.

if [ $# -lt 2 ]; then
  sed -n '2,17s/^# \{0,1\}//p' "$0" >&2
  exit 2
fi
archive=$1
include=$2
filter=${3-}
here=$(dirname "$0")
CC=${CC-cc}
OPT=${OPT--O2}
LIBS=${LIBS--lpthread -lm}
# What counts barrier hits needs our own additions to the interface.
[ -f "$include/mpsx.h" ] && CFLAGS_EXTRA="${CFLAGS_EXTRA-} -DHAVE_MPSX"
TIMEOUT=${TIMEOUT-${SOFT:+2}60}
export MPS_TEST_ARCHIVE="$archive"      # which checks to expect
[ -z "${SOFT-}" ] || export MPS_TEST_SOFT=1
if [ -n "${KEEP-}" ]; then
  mkdir -p "$KEEP"
  dir=$KEEP
else
  dir=$(mktemp -d)
  trap 'rm -rf "$dir"' EXIT INT TERM
fi
passed=0
failed=0

build() {       # name, source, optimization
  # shellcheck disable=SC2086
  set -- "$1" "$2" $CC -std=gnu99 $3 -g -Wall -Wextra ${CFLAGS_EXTRA-} -I "$include"
  name=$1 source=$2
  shift 2
  if [ -z "${SOFT-}" ]; then
    # shellcheck disable=SC2086
    "$@" -o "$dir/$name${EXE-}" "$source" "$here/common.c" "$archive" $LIBS
    return
  fi
  # Every access is announced, those of the C library's functions too.
  announced="-fsanitize=thread -Wno-tsan -fno-builtin -Dmprotect=program_mprotect
    -Dsigaction(a,b,c)=program_sigaction(a,b,c)"
  # shellcheck disable=SC2086
  "$@" $announced -c -o "$dir/$name.o" "$source" &&
    { [ -f "$dir/common.o" ] ||
      "$@" $announced -c -o "$dir/common.o" "$here/common.c"; } &&
    { [ -f "$dir/soft.o" ] || "$@" -c -o "$dir/soft.o" "$here/soft.c"; } &&
    "$@" -o "$dir/$name" "$dir/$name.o" "$dir/common.o" "$dir/soft.o" "$archive" $LIBS \
      -Wl,--wrap=mps_arena_create_k,--wrap=mps_arena_create,--wrap=mps_arena_destroy \
      -Wl,--wrap=memcpy,--wrap=memmove,--wrap=memset,--wrap=memcmp
}

one() {         # name, source, optimization
  case $1 in *"$filter"*) ;; *) return ;; esac
  if [ -n "${EXE-}" ] && why=$(sed -n "s/^$1: //p" "$here/windows/left-out.txt") && [ -n "$why" ]; then
    echo "LEFT OUT $1: $why"
    return
  fi
  if ! build "$@" >"$dir/$1.log" 2>&1; then
    echo "FAIL $1 (does not build)"
    head -n 10 "$dir/$1.log"
    failed=$((failed + 1))
    return
  fi
  start=$(date +%s%N)
  # shellcheck disable=SC2086
  timeout "$TIMEOUT" ${RUN-} "$dir/$1${EXE-}" >"$dir/$1.out" 2>&1 </dev/null
  rc=$?
  ms=$((($(date +%s%N) - start) / 1000000))
  if [ $rc -eq 0 ]; then
    echo "PASS $1 ($ms ms)"
    passed=$((passed + 1))
  else
    echo "FAIL $1 (status $rc, $ms ms)"
    tail -n 12 "$dir/$1.out" | sed 's/^/     /'
    failed=$((failed + 1))
  fi
}

for src in "$here"/*.c; do
  name=$(basename "$src" .c)
  case $name in
  common | soft) ;;
  exceptions)           # of Windows
    [ -z "${EXE-}" ] || one "$name" "$src" "$OPT" ;;
  registers)
    for o in -O0 -O1 -O2 -O3; do
      one "registers$o" "$src" "$o"
    done ;;
  stackroot)            # without optimization every local is in memory
    for o in -O0 -O2; do
      one "stackroot$o" "$src" "$o"
    done ;;
  model)                # tens of millions of steps: seconds, or minutes under load
    TIMEOUT=$((TIMEOUT * 5))
    one "$name" "$src" "$OPT"
    TIMEOUT=$((TIMEOUT / 5)) ;;
  *) one "$name" "$src" "$OPT" ;;
  esac
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
