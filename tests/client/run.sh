#!/bin/sh
# run.sh ARCHIVE INCLUDE [FILTER] -- build the client programs and run them
#
# Environment:
#   CC            compiler (cc)
#   OPT           optimization (-O2)
#   CFLAGS_EXTRA  more options, e.g. -m32 or -DHAVE_MPSX
#   LIBS          what to link besides the archive (-lpthread -lm)
#   RUN           runs the programs, e.g. an emulator
#   MPS_TEST_SEED seed of the random numbers
#   KEEP          folder for the built programs and their output
#   TIMEOUT       seconds a program may take (60)
#
# One line for each program; then the number passed and failed.  FILTER is a
# part of the program's name.

if [ $# -lt 2 ]; then
  sed -n '2,15s/^# \{0,1\}//p' "$0" >&2
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
TIMEOUT=${TIMEOUT-60}
export MPS_TEST_ARCHIVE="$archive"      # which checks to expect
if [ -n "${KEEP-}" ]; then
  mkdir -p "$KEEP"
  dir=$KEEP
else
  dir=$(mktemp -d)
  trap 'rm -rf "$dir"' EXIT INT TERM
fi
passed=0
failed=0

one() {         # name, source, optimization
  case $1 in *"$filter"*) ;; *) return ;; esac
  # shellcheck disable=SC2086
  if ! $CC -std=gnu99 $3 -g -Wall -Wextra ${CFLAGS_EXTRA-} -I "$include" \
      -o "$dir/$1" "$2" "$here/common.c" "$archive" $LIBS \
      >"$dir/$1.log" 2>&1; then
    echo "FAIL $1 (does not build)"
    head -n 10 "$dir/$1.log"
    failed=$((failed + 1))
    return
  fi
  start=$(date +%s%N)
  # shellcheck disable=SC2086
  timeout "$TIMEOUT" ${RUN-} "$dir/$1" >"$dir/$1.out" 2>&1 </dev/null
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
  common) ;;
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
