#!/usr/bin/env bash
# The Python package on a GPU, in under a minute: results beside the CPU's, by arrays that ctypes alone
# makes, and by PyTorch if it is installed; and the times of calls.
#
#   benches/gpu-python.sh                   builds and runs
#   benches/gpu-python.sh --pack FOLDER     builds, and copies what a run needs to FOLDER
#   FOLDER/gpu-python.sh                    runs on a machine without network, cargo or this repository
#
# Needed are Python 3.10 or newer and NumPy; PYTHON names the Python. TENFOLD_STAND_IN_DRIVER=PATH runs
# on the stand-in driver, with smaller data: target/debug/libstand_in_driver.so after
# `cargo build -p stand-in-driver`. Exit status: 1 if a result differs, 3 if something needed is absent.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)

# pack FOLDER: builds, and copies what a run needs.
pack() {
    local folder=$1 root=$here/..
    "$root/python/develop" --release >&2
    rm -rf "$folder"
    mkdir -p "$folder/package" "$folder/tests"
    cp -r "$root/python/package/tenfold" "$folder/package"
    strip "$folder/package/tenfold/_native.abi3.so"
    cp "$root"/python/tests/{fake_framework,device_checks,test_cuda_torch,conftest}.py "$folder/tests"
    cp "$here/gpu-python.sh" "$here/peers/gpu_python.py" "$folder"
}

if [ "${1:-}" = --pack ]; then
    pack "${2:?"--pack needs a folder"}"
elif [ $# -gt 0 ]; then
    sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "$0"
    exit 2
elif [ ! -d "$here/package" ]; then
    built=${CARGO_TARGET_DIR:-$here/../target}/gpu-python
    pack "$built"
    exec "$built/gpu-python.sh"
else
    export PYTHONPATH=$here/package:$here/tests${PYTHONPATH:+:$PYTHONPATH}
    exec "${PYTHON:-python3}" "$here/gpu_python.py" "$here/tests/test_cuda_torch.py"
fi
