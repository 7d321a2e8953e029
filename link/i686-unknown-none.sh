#!/usr/bin/env bash
# i686-unknown-none.sh -- prints what rustc has to know of bare IA-32, as JSON
#
# rustc has no such target, and the form of these files changes with its versions.
# So it is made out of what this rustc says of bare x86-64 (RUSTC names it): as
# there, no floating point and no vector registers, so that a kernel need not save
# them. The processor is a Pentium Pro, the oldest that LLVM calls i686. Code
# lies where it is linked: to be independent of that costs a register that IA-32 can't
# spare.
set -euo pipefail
export RUSTC_BOOTSTRAP=1
of() { "${RUSTC:-rustc}" -Zunstable-options --print target-spec-json --target "$1"; }
layout=$(of i686-unknown-linux-gnu | sed -n 's/^  \("data-layout": .*\)/\1/p')
of x86_64-unknown-none | sed -E \
    -e 's/^(  "arch": ).*/\1"x86",/' \
    -e 's/^(  "cpu": ).*/\1"pentiumpro",/' \
    -e "s/^  \"data-layout\": .*/  $layout/" \
    -e 's/^(  "llvm-target": ).*/\1"i686-unknown-none-elf",/' \
    -e 's/^(  "target-pointer-width": "?)64/\132/' \
    -e 's/^(  "(position-independent-executables|static-position-independent-executables)": ).*/\1false,/' \
    -e 's/^  "code-model": .*/  "relocation-model": "static",/' \
    -e '/^  "disable-redzone"/d' \
    -e '/^  "metadata": \{/,/^  \},/d'
