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
#   JOBS          how many programs at a time (as many as processors)
#
# One line for each program; then the number passed and failed.  FILTER is a
# part of the program's name, or several such.

if [ $# -lt 2 ]; then
  sed -n '2,19s/^# \{0,1\}//p' "$0" >&2
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
  "$@" $announced -c -o "$dir/$name.o" "$source" || return
  if [ "$name" = common ]; then
    "$@" -c -o "$dir/soft.o" "$here/soft.c"
    return
  fi
  # shellcheck disable=SC2086
  "$@" -o "$dir/$name" "$dir/$name.o" "$dir/common.o" "$dir/soft.o" "$archive" $LIBS \
      -Wl,--wrap=mps_arena_create_k,--wrap=mps_arena_create,--wrap=mps_arena_destroy \
      -Wl,--wrap=memcpy,--wrap=memmove,--wrap=memset,--wrap=memcmp
}

# What it prints is printed in one piece: others run beside it.
one() {         # name, source, optimization
  if [ -n "${EXE-}" ] && why=$(sed -n "s/^$1: //p" "$here/windows/left-out.txt") && [ -n "$why" ]; then
    echo "LEFT OUT $1: $why"
    return
  fi
  if ! build "$@" >"$dir/$1.log" 2>&1; then
    echo "FAIL $1 (does not build)
$(head -n 10 "$dir/$1.log")"
    return
  fi
  # Tens of millions of steps: seconds, or minutes under load.
  [ "$1" != model ] || TIMEOUT=$((TIMEOUT * 5))
  start=$(date +%s%N)
  # shellcheck disable=SC2086
  timeout "$TIMEOUT" ${RUN-} "$dir/$1${EXE-}" >"$dir/$1.out" 2>&1 </dev/null
  rc=$?
  ms=$((($(date +%s%N) - start) / 1000000))
  if [ $rc -eq 0 ]; then
    echo "PASS $1 ($ms ms)"
  else
    echo "FAIL $1 (status $rc, $ms ms)
$(tail -n 12 "$dir/$1.out" | sed 's/^/     /')"
  fi
}

if [ -n "${RUN_ONE-}" ]; then    # by xargs, below: a program's folder, name and optimization
  dir=$RUN_ONE
  name=${filter%% *}
  one "$name" "$here/${name%-O[0-9]}.c" "${filter#* }"
  exit
fi
if [ -n "${KEEP-}" ]; then
  mkdir -p "$KEEP"
  dir=$KEEP
else
  dir=$(mktemp -d)
  trap 'rm -rf "$dir"' EXIT INT TERM
fi

programs() {    # name and optimization of each
  # Those that take longest first, so that none of them is left for the end.
  for src in "$here"/huge.c "$here"/model.c "$here"/manual.c "$here"/*.c; do
    name=$(basename "$src" .c)
    case $name in
    common | soft) ;;
    exceptions)         # of Windows
      [ -z "${EXE-}" ] || echo "$name $OPT" ;;
    registers)
      for o in -O0 -O1 -O2 -O3; do echo "$name$o $o"; done ;;
    stackroot)          # without optimization every local is in memory
      for o in -O0 -O2; do echo "$name$o $o"; done ;;
    *) echo "$name $OPT" ;;
    esac
  done | awk -v filter="$filter" '
    BEGIN { n = split(filter, parts, " ") }
    { wanted = n == 0; for (i = 1; i <= n; i++) wanted = wanted || index($1, parts[i]) }
    wanted && !had[$0]++'
}
if [ -n "${SOFT-}" ]; then       # what all programs share is compiled once
  build common "$here/common.c" "$OPT" || exit
fi
export RUN_ONE="$dir"
programs | xargs -P "${JOBS:-$(getconf _NPROCESSORS_ONLN)}" -I '{}' "$0" "$archive" "$include" '{}' |
  tee "$dir/results"
passed=$(grep -c '^PASS' "$dir/results")
# Whatever has no line has failed, too.
failed=$(($(programs | wc -l) - passed - $(grep -c '^LEFT OUT' "$dir/results")))
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
