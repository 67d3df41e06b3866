#!/usr/bin/env bash
# Times tenfold beside TensorLy, pyttb and NumPy on this machine.
#
#   benches/peers/run.sh [--venv FOLDER] [options of compare.py]
#
# The script makes a virtual environment in a temporary folder. With --venv it makes or reuses the
# virtual environment in FOLDER.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)

venv=
if [ "${1:-}" = --venv ]; then
    venv=$2
    shift 2
fi
if [ -z "$venv" ]; then
    venv=$(mktemp -d)
    trap 'rm -rf "$venv"' EXIT
fi
if [ ! -x "$venv/bin/python" ]; then
    python3 -m venv "$venv"
fi
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check \
    -r "$here/requirements.txt"

(cd "$root" && cargo build --quiet --release --bin tenfold --example peer_driver)
target=${CARGO_TARGET_DIR:-$root/target}

# Without these variables, OpenBLAS chooses its kernels for this processor.
unset OPENBLAS_CORETYPE OPENBLAS_L2_SIZE
"$venv/bin/python" "$here/compare.py" \
    --driver "$target/release/examples/peer_driver" \
    --tenfold "$target/release/tenfold" "$@"
