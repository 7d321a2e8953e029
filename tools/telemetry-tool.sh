#!/usr/bin/env bash
# telemetry-tool.sh -- builds mps-telemetry and prints the path of the program.
set -euo pipefail
cd "$(dirname "$0")/.."
"${CARGO:-cargo}" build --quiet --locked --manifest-path tools/mps-telemetry/Cargo.toml \
    --target-dir build/cargo/telemetry >&2
echo "$PWD/build/cargo/telemetry/debug/mps-telemetry"
