#!/usr/bin/env bash
# run.sh LIBMPS.A INCLUDE -- the C++ programs here against an archive, by each standard;
# CXX: other compilers; the last line is 'N passed, N failed'
set -uo pipefail
lib=$(cd "$(dirname "$1")" && pwd)/$(basename "$1") include=$2
cd "$(dirname "$0")" || exit
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
passed=0 failed=0
good() { passed=$((passed + 1)); echo "PASS $1"; }
bad() { failed=$((failed + 1)); echo "FAIL $1"; [ -z "${2:-}" ] || sed 's/^/    /' <<<"$2" | tail -n 20; }
build() { # compiler, standard, program, options
    "$1" -std="$2" -Wall -Wextra -Wpedantic -Werror "${@:4}" -I "$include" -o "$dir/$3" "$3.cpp" "$lib" -lpthread 2>&1
}
run() { # what, program, arguments
    local out
    if out=$(timeout 300 "$dir/$2" "${@:3}" 2>&1); then good "$1"; else bad "$1" "code $? $out"; fi
}
for cxx in ${CXX:-g++}; do
    for std in c++17 c++20; do
        for program in pmr objects; do
            name="$cxx $std $program"
            out=$(build "$cxx" $std $program -O2) || { bad "$name" "$out"; continue; }
            run "$name" $program
        done
    done
    out=$(build "$cxx" c++17 objects -O0 -g) || bad "$cxx -O0 objects" "$out"
    run "$cxx -O0 objects" objects
    # Each mistake is named; without one nothing is said.
    out=$(build "$cxx" c++17 forward -O2) || { bad "$cxx forward" "$out"; continue; }
    run "$cxx a good forward method" forward good
    while IFS=: read -r which text; do
        out=$(timeout 60 "$dir/forward" "$which" 2>&1)
        if [ $? = 134 ] && grep -qF -- "$text" <<<"$out"; then
            good "$cxx a mistake is named: $text"
        else
            bad "$cxx a mistake is named: $text" "$out"
        fi
    done <<'END'
vtable:your forward overwrote word 0 of the object (if it has virtual functions
unread:your forward left a mark that your isfwd does not read
skip:your forward overwrote what your skip looks at
END
done
# What must not compile.
while IFS=: read -r text body; do
    printf '#include "mps.hpp"\n%s\n' "$body" >"$dir/no.cpp"
    out=$(g++ -std=c++17 -fsyntax-only -I "$include" "$dir/no.cpp" 2>&1)
    if [ $? != 0 ] && grep -qF -- "$text" <<<"$out"; then good "does not compile: $text"; else bad "does not compile: $text" "$out"; fi
done <<'END'
no destructor is called:struct s : mps::object { char *p; ~s() {} void trace(mps::tracer &) noexcept override {} }; s *f(mps::allocation_point &a) { return a.make<s>(); }
managed classes derive from:struct s { int i; }; s *f(mps::allocation_point &a) { return a.make<s>(); }
abstract:struct s : mps::object {}; s *f(mps::allocation_point &a) { return a.make<s>(); }
aligned to 16 at most:struct alignas(64) s : mps::object { void trace(mps::tracer &) noexcept override {} }; s *f(mps::allocation_point &a) { return a.make<s>(); }
END
echo "$passed passed, $failed failed"
[ $failed = 0 ]
