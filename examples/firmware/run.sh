#!/usr/bin/env bash
# run.sh DIR [FEATURE] -- runs the image and shows its frames as text. QEMU counts instructions, 32
# ns each, so that every run is the same; its exit code is the image's.
set -uo pipefail
dir=$1 image=$1/firmware${2:+-$2}
rm -f "$image.frames"
timeout 300 qemu-system-arm -M mps2-an386 -nographic -monitor none -icount shift=5 \
    -semihosting-config enable=on,target=native -serial "file:$image.frames" -kernel "$image"
code=$?
"$dir/host/release/frames" "$image" "$image.frames" || exit
exit $code
