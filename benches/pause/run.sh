#!/bin/sh
# run.sh ARCHIVE INCLUDE [ROUNDS] -- how the collector's work is spread over a program's time
#
# Builds pause.c on MPS, and on Boehm if that is installed; runs the trees and
# arrays of SIZES on each in turn, ROUNDS times (3), and prints of each the
# median: share of the time that the program has, shares of the worst 10, 20, 50 and
# 100 ms, the longest gap in ms.
#
# Environment: CC, OPT (-O2), LIBS (-lpthread -lm), SIZES (options for
# pause.c, separated by semicolons).

if [ $# -lt 2 ]; then
  sed -n '2,10s/^# \{0,1\}//p' "$0" >&2
  exit 2
fi
archive=$1 include=$2 rounds=${3-3}
here=$(dirname "$0")
CC=${CC-cc}
OPT=${OPT--O2}
LIBS=${LIBS--lpthread -lm}
SIZES=${SIZES--d 18;-d 20;-d 22;-d 18 -p 0;-d 21 -p 0;-m array;-m array -l 8000000 -n 30000000}
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT INT TERM
set -e
# shellcheck disable=SC2086
$CC -std=gnu99 $OPT -Wall -Wextra -DUSE_MPS -I "$include" -o "$dir/mps" \
  "$here/pause.c" "$archive" $LIBS
progs=mps
# shellcheck disable=SC2086
if $CC -std=gnu99 $OPT -DUSE_BOEHM -o "$dir/boehm" "$here/pause.c" -lgc \
    2>/dev/null; then
  progs="mps boehm"
else
  echo "not compared: Boehm's collector is not installed"
fi
printf '%-34s%8s%8s%8s%8s%8s%10s%10s\n' options program share w10 w20 w50 w100 gap/ms
echo "$SIZES" | tr ';' '\n' | while read -r options; do
  i=0
  while [ "$i" -lt "$rounds" ]; do
    for p in $progs; do
      # shellcheck disable=SC2086
      "$dir/$p" -b $options >>"$dir/$p.out"
    done
    i=$((i + 1))
  done
  for p in $progs; do
    printf '%-34s%8s' "$options" "$p"
    for f in share w10 w20 w50 w100 gap_max_ms; do
      tr ' ' '\n' <"$dir/$p.out" | sed -n "s/^$f=//p" | sort -n |
        awk -v w="$([ $f = w100 ] || [ $f = gap_max_ms ] && echo 10 || echo 8)" \
          '{ x[NR] = $1 } END { printf "%" w "s", x[int((NR + 1) / 2)] }'
    done
    echo
    rm "$dir/$p.out"
  done
done
