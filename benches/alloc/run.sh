#!/bin/sh
# run.sh ARCHIVE INCLUDE [ROUNDS] -- manual pools against malloc libraries
#
# Builds alloc.c on glibc, mimalloc and jemalloc (libmimalloc-dev,
# libjemalloc-dev; left out if not there) and on MPS pools, runs all in turn
# ROUNDS times (5) and prints the median CPU time for a pair of free and
# alloc, its spread, and the median of the ratios to glibc and mimalloc round
# by round.  Environment: CC, OPT (-O2), ONLY (names of the tables to run).

if [ $# -lt 2 ]; then
  sed -n '2,9s/^# \{0,1\}//p' "$0" >&2
  exit 2
fi
archive=$1
include=$2
rounds=${3-5}
here=$(dirname "$0")
CC=${CC-cc}
OPT=${OPT--O2}
ONLY=${ONLY-small units large threads bulk fragments}
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT INT TERM
set -e
# shellcheck disable=SC2086
$CC -std=gnu99 $OPT -Wall -Wextra -DUSE_MPS -I "$include" -o "$dir/mps" \
  "$here/alloc.c" "$archive" -lpthread -lm
$CC -std=gnu99 $OPT -Wall -Wextra -o "$dir/glibc" "$here/alloc.c" -lpthread
others=glibc
for l in mimalloc jemalloc; do
  if $CC -std=gnu99 $OPT -o "$dir/$l" "$here/alloc.c" -l$l -lpthread \
      2>/dev/null; then
    others="$others $l"
  fi
done

field() {       # name of a number in $dir/line
  sed "s/.* $1=\\([0-9.]*\\).*/\\1/" "$dir/line"
}

measure() {     # program, pool, options
  # shellcheck disable=SC2086
  "$dir/$1" "$2" $3 >"$dir/line"
  name=$2
  [ "$2" != malloc ] || name=$1
  field "$column" >>"$dir/$name.ns"
  echo "$(field live_kb) $(field used_kb)" >>"$dir/$name.use"
}

column=ns       # which number

table() {       # title, pools, options, options for malloc only
  echo "$1"
  rm -f "$dir"/*.ns "$dir"/*.use
  i=0
  while [ "$i" -lt "$rounds" ]; do
    for p in $others; do
      measure "$p" malloc "$3 $4"
    done
    for p in $2; do
      measure mps "$p" "$3"
    done
    i=$((i + 1))
  done
  for p in $others $2; do
    sort -n "$dir/$p.ns" >"$dir/sorted"
    awk -v p="$p" '{ x[NR] = $1 } END {
      printf "  %-10s %6.1f ns (%.1f to %.1f)", p, x[int((NR + 1) / 2)],
        x[1], x[NR] }' "$dir/sorted"
    for q in glibc mimalloc; do
      [ -f "$dir/$q.ns" ] && paste "$dir/$p.ns" "$dir/$q.ns" |
        awk '{ print $1 / $2 }' | sort -n |
        awk -v q="$q" '{ x[NR] = $1 } END {
          printf "  %.2f of %s", x[int((NR + 1) / 2)], q }'
    done
    tail -n 1 "$dir/$p.use" | awk '{ printf "  memory %.2f of live\n", $2 / $1 }'
  done
}

for t in $ONLY; do
  case $t in
  small) table "sizes to 256, 100,000 live" "mvff mvff_ap mvff_sac mvt" "" "" ;;
  units) table "blocks of 64, 100,000 live" mfs "-s 64" -e ;;
  large) table "sizes to 64 KB, 5,000 live" "mvff mvff_ap mvt" \
    "-s 65536 -n 5000 -i 1000000" "" ;;
  threads)
    for n in 1 2 4; do
      table "$n threads, one pool, sizes to 256" "mvff mvt" "-t $n" ""
    done ;;
  bulk)
    for how in "all" "half -h"; do
      for column in ns free_ns; do
        what=alloc
        [ $column = ns ] || what=free
        table "one $what, many in a row: ${how%% *} of 100,000, sizes to 256" \
          "mvff mvff_ap mvt" "-b${how#"${how%% *}"}" ""
      done
    done
    column=ns ;;
  fragments)
    echo "one call, of nine times the fastest (clock reads included)"
    for n in 1000 10000 100000 1000000; do
      "$dir/glibc" malloc -f -n "$n" | sed 's/malloc/glibc /'
      for p in mvff mvff_ap mvt; do
        "$dir/mps" "$p" -f -n "$n"
      done
    done ;;
  esac
done
