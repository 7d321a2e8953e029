#!/bin/sh
# run.sh ARCHIVE INCLUDE [ROUNDS] [OPTIONS FOR tree] -- MPS against Boehm
#
# Builds tree.c on both, and on MPS with a software barrier; runs them in turn ROUNDS times (5) in one go,
# first without reading clocks (time for an object), then once each with
# (gaps), and prints the ratio of times with its spread.
#
# Environment: CC, OPT (-O2), CFLAGS_EXTRA (e.g. -DHAVE_MPSX), LIBS
# (-lpthread -lm), PAUSES (pause times to try for the gaps: "default 0.001
# 0"), REFERENCE and REFERENCE_INCLUDE: another MPS archive to run as a third.
# With strace installed, the system calls are counted too.

if [ $# -lt 2 ]; then
  sed -n '2,12s/^# \{0,1\}//p' "$0" >&2
  exit 2
fi
archive=$1
include=$2
shift 2
rounds=${1-5}
[ $# -gt 0 ] && shift
here=$(dirname "$0")
CC=${CC-cc}
OPT=${OPT--O2}
LIBS=${LIBS--lpthread -lm}
PAUSES=${PAUSES-default 0.001 0}
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT INT TERM
set -e

# shellcheck disable=SC2086
$CC -std=gnu99 $OPT -Wall -Wextra ${CFLAGS_EXTRA-} -DUSE_MPS -I "$include" \
  -o "$dir/mps" "$here/tree.c" "$archive" $LIBS
# shellcheck disable=SC2086
$CC -std=gnu99 $OPT -Wall -Wextra -DUSE_BOEHM -o "$dir/boehm" \
  "$here/tree.c" -lgc
progs="boehm mps"
case " ${CFLAGS_EXTRA-} " in *HAVE_MPSX*)
  # shellcheck disable=SC2086
  $CC -std=gnu99 $OPT -Wall -Wextra $CFLAGS_EXTRA -DUSE_MPS -DSOFT \
    -I "$include" -o "$dir/soft" "$here/tree.c" "$archive" $LIBS
  progs="$progs soft" ;;
esac
if [ -n "${REFERENCE-}" ]; then
  # shellcheck disable=SC2086
  $CC -std=gnu99 $OPT -DUSE_MPS -I "${REFERENCE_INCLUDE-$include}" \
    -o "$dir/reference" "$here/tree.c" "$REFERENCE" $LIBS
  progs="$progs reference"
fi

field() {       # name, line
  echo "$2" | tr ' ' '\n' | sed -n "s/^$1=//p"
}

i=0
while [ "$i" -lt "$rounds" ]; do
  for p in $progs; do
    line=$("$dir/$p" -g 0 "$@")
    field ns "$line" >>"$dir/$p.ns"
    field rss_kb "$line" >>"$dir/$p.rss"
  done
  i=$((i + 1))
done
for p in $progs; do
  sort -n "$dir/$p.ns" | awk -v p="$p" -v rss="$(sort -n "$dir/$p.rss" |
    tail -n 1)" '{ x[NR] = $1 } END {
      printf "%-10s ns/object: median %.1f, %.1f to %.1f; peak RSS %.1f MB\n",
        p, x[int((NR + 1) / 2)], x[1], x[NR], rss / 1024 }'
done
for p in $progs; do
  [ "$p" = boehm ] && continue
  paste "$dir/$p.ns" "$dir/boehm.ns" | awk '{ print $1 / $2 }' | sort -n |
    awk -v p="$p" '{ x[NR] = $1 } END {
      printf "%-10s time ratio to Boehm: median %.2f, %.2f to %.2f\n",
        p, x[int((NR + 1) / 2)], x[1], x[NR] }'
done
if [ -f "$dir/soft.ns" ]; then
  paste "$dir/soft.ns" "$dir/mps.ns" | awk '{ print $1 / $2 }' | sort -n |
    awk '{ x[NR] = $1 } END {
      printf "soft       time ratio to mps: median %.2f, %.2f to %.2f\n",
        x[int((NR + 1) / 2)], x[1], x[NR] }'
fi
echo
for p in $progs; do
  if [ "$p" = boehm ]; then
    "$dir/$p" "$@" | sed "s/^prog=[a-z]*/$p:/"
    "$dir/$p" -i "$@" | sed "s/^prog=[a-z]*/$p incremental:/"
  else
    for t in $PAUSES; do
      if [ "$t" = default ]; then
        "$dir/$p" "$@" | sed "s/^prog=[a-z]*/$p, pause default:/"
      else
        "$dir/$p" -p "$t" "$@" | sed "s/^prog=[a-z]*/$p, pause $t:/"
      fi
    done
  fi
done
if command -v strace >/dev/null 2>&1; then
  echo
  for p in $progs; do
    strace -f -c -o "$dir/$p.trace" "$dir/$p" -g 0 "$@" >/dev/null 2>&1 || :
    awk -v p="$p" '$NF == "total" { n = $(NF - 1); for (i = 1; i < NF; ++i)
        if (i == 4) n = $i; all = n }
      $NF ~ /^(mmap|munmap|mprotect|madvise|rt_sigreturn)$/ {
        s = s " " $NF " " $4 }
      END { printf "%-10s system calls: %s;%s\n", p, all, s }' \
      "$dir/$p.trace"
  done
fi
