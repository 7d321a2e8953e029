#!/usr/bin/env bash
# manual.sh -- builds docs/manual into build/manual/html. A warning is an error.
#
# What it needs of PyPI it installs into build/manual/venv, once for each
# docs/manual/requirements.txt.
set -euo pipefail
cd "$(dirname "$0")/.."
tools/needs.sh manual
out=$PWD/build/manual
venv=$out/venv
mkdir -p "$out"
if ! cmp -s docs/manual/requirements.txt "$venv/installed.txt"; then
    rm -rf "$venv"
    python3 -m venv "$venv"
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check -r docs/manual/requirements.txt
    cp docs/manual/requirements.txt "$venv/installed.txt"
fi

# The headers, for breathe: C through headers.py, C++ as it is.
doxygen_for() { # c or cpp, headers, filter, for C?, all?
    local to=$out/doxygen/$1
    rm -rf "$to"
    mkdir -p "$to"
    sed -e "s|@OUT@|$to|" -e "s|@INPUT@|$2|" -e "s|@FILTER@|$3|" -e "s|@C@|$4|" -e "s|@ALL@|$5|" \
        docs/manual/Doxyfile.in >"$to/Doxyfile"
    doxygen "$to/Doxyfile" >"$to/log" 2>&1 || { cat "$to/log"; return 1; }
    if [ -s "$to/log" ]; then
        cat "$to/log"
        echo "manual.sh: Doxygen complains of $1" >&2
        return 1
    fi
}
headers=$(find include -name '*.h' ! -name mpswin.h ! -name mpscmv2.h ! -name mpstd.h | sort | tr '\n' ' ')
doxygen_for c "$headers" "*.h=docs/manual/headers.py" YES NO
doxygen_for cpp include/mps.hpp "*.hpp=docs/manual/headers.py" NO NO
"$venv/bin/sphinx-build" -q -W --keep-going -n -b html -d "$out/doctrees" docs/manual "$out/html"

# Beside it what rustdoc says of the crate, as `make check` has it.
RUSTDOCFLAGS='-D warnings' ${CARGO:-cargo} doc --quiet --no-deps --features derive,allocator-api2 --target-dir build/cargo/doc
rm -rf "$out/html/rust"
cp -r build/cargo/doc/doc "$out/html/rust"
echo "$out/html/index.html"
