#!/usr/bin/env bash
# package-test.sh -- `cargo package` of each crate: it builds from what is packed, without a
# warning. The last line says how many passed and failed.
#
# mps takes its derive macro from beside it, for no registry has that. Changes that are not committed
# are packed as they are. --no-metadata: the project has no address in the net that a manifest
# could name, and that is all that would be warned of (tried).
set -uo pipefail
cd "$(dirname "$0")/.."
read -ra cargo <<<"${CARGO:-cargo}"
passed=0 failed=0
pack() { # crate, more arguments of Cargo's
    local crate=$1 out rc
    shift
    out=$("${cargo[@]}" package --allow-dirty --no-metadata --target-dir build/cargo/package "$@" 2>&1)
    rc=$?
    if [ "$rc" = 0 ] && ! grep -q '^warning' <<<"$out"; then
        passed=$((passed + 1))
    else
        echo "$crate:"
        echo "$out"
        failed=$((failed + 1))
    fi
}
pack mps-derive --manifest-path tools/mps-derive/Cargo.toml
pack mps --config 'patch.crates-io.mps-derive.path="tools/mps-derive"'
pack mps --config 'patch.crates-io.mps-derive.path="tools/mps-derive"' --features derive,allocator-api2
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
