#!/bin/sh
# macho.sh ARGUMENTS... -- tools/macho.rs, compiled when it has changed
set -eu
cd "$(dirname "$0")/.."
if [ ! -x build/macho ] || [ tools/macho.rs -nt build/macho ]; then
    mkdir -p build
    "${RUSTC:-rustc}" -O --edition 2024 -o "build/macho.$$" tools/macho.rs
    mv "build/macho.$$" build/macho
fi
exec build/macho "$@"
