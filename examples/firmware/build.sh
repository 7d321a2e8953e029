#!/usr/bin/env bash
# build.sh DIR [FEATURE] -- the image DIR/firmware (or DIR/firmware-FEATURE), the linker's map
# beside it, and the reader of frames. With the feature conform or broken it is the other image,
# the conformance test of the port.
set -euo pipefail
cd "$(dirname "$0")"
CARGO=${CARGO:-cargo}
features=${2:-}
name=firmware${features:+-$features}
mkdir -p "$1"
dir=$(cd "$1" && pwd)
root=$(cd ../.. && pwd)
target=thumbv7em-none-eabihf
bin=firmware more=
case $features in
    conform | broken)
        bin=conform
        arm-none-eabi-gcc -std=gnu11 -Os -mthumb -mcpu=cortex-m4 -mfloat-abi=hard -mfpu=fpv4-sp-d16 \
            -ffreestanding -ffunction-sections -Wall -Wextra -Werror -I "$root/include" -c \
            -o "$dir/conform.o" "$root/tests/port/conform.c"
        more=$(printf '\x1f%s' "-Clink-arg=$dir/conform.o")
        ;;
esac
[ "$features" != broken ] || more+=$(printf '\x1f%s' -Clink-arg=--wrap=mps_port_quiet_begin)
"$CARGO" build --quiet --release --manifest-path host/Cargo.toml --target-dir "$dir/host"
# All links go by our script. What the library's own build script compiles is no program.
export CARGO_ENCODED_RUSTFLAGS
CARGO_ENCODED_RUSTFLAGS=$(printf '%s\x1f' -Clinker=arm-none-eabi-ld -Clinker-flavor=ld \
    "-Clink-arg=-T$root/link/mps2-an386.x" -Clink-arg=--gc-sections "-Clink-arg=-Map=$dir/$name.map" \
    -Cforce-unwind-tables=no)-Clink-arg=--no-warn-rwx-segments$more
build() { DEFMT_LOG=info "$CARGO" build --quiet --release --target $target --target-dir "$dir/target" \
    --bin $bin --features "$features" "$@"; }
if "$root/tools/cross.sh" --has-library $target; then
    build
else
    RUSTC=$("$root/tools/cross-toolchain.sh") RUSTC_BOOTSTRAP=1 build -Zbuild-std=core,compiler_builtins \
        -Zbuild-std-features=compiler-builtins-mem
fi
cp "$dir/target/$target/release/$bin" "$dir/$name"
