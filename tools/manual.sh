#!/usr/bin/env bash
# manual.sh -- builds docs/manual into build/manual/html. A warning is an error.
#
# What it needs of PyPI it installs into build/manual/venv, once for each
# docs/manual/requirements.txt. MANUAL_SOURCE: another folder than docs/manual (for tests
# of the test), MANUAL_OUT: another than build/manual.
set -euo pipefail
cd "$(dirname "$0")/.."
tools/needs.sh manual
source=${MANUAL_SOURCE:-docs/manual}
export MANUAL_OUT=${MANUAL_OUT:-$PWD/build/manual}
venv=$PWD/build/manual/venv
mkdir -p "$MANUAL_OUT"
if ! cmp -s docs/manual/requirements.txt "$venv/installed.txt"; then
    rm -rf "$venv"
    python3 -m venv "$venv"
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check -r docs/manual/requirements.txt
    cp docs/manual/requirements.txt "$venv/installed.txt"
fi

# The headers, for breathe: C through headers.py, C++ as it is.
doxygen_for() { # c or cpp, headers, filter, for C?, all?
    local out=$MANUAL_OUT/doxygen/$1
    rm -rf "$out"
    mkdir -p "$out"
    sed -e "s|@OUT@|$out|" -e "s|@INPUT@|$2|" -e "s|@FILTER@|$3|" -e "s|@C@|$4|" -e "s|@ALL@|$5|" \
        docs/manual/Doxyfile.in >"$out/Doxyfile"
    doxygen "$out/Doxyfile" >"$out/log" 2>&1 || { cat "$out/log"; return 1; }
    if [ -s "$out/log" ]; then
        cat "$out/log"
        echo "manual.sh: Doxygen complains of $1" >&2
        return 1
    fi
}
headers=$(find include -name '*.h' ! -name mpswin.h ! -name mpscmv2.h ! -name mpstd.h | sort | tr '\n' ' ')
doxygen_for c "$headers" "*.h=docs/manual/headers.py" YES NO
doxygen_for cpp include/mps.hpp "*.hpp=docs/manual/headers.py" NO NO
"$venv/bin/sphinx-build" -q -W --keep-going -n -b html -d "$MANUAL_OUT/doctrees" "$source" "$MANUAL_OUT/html"
echo "$MANUAL_OUT/html/index.html"
