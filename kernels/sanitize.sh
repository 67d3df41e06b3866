#!/usr/bin/env bash
# Runs the four tools of compute-sanitizer over a small case of every kernel (sanitize.txt).
#
#   kernels/sanitize.sh [--out FOLDER] [--cases FILE] [--seconds LIMIT] DRIVER
#
# DRIVER is the program of benches/peers/gpu_driver.rs. The tools run at the same time. A tool that
# does not end within LIMIT seconds (default 60) counts as failed. The output of each tool goes to
# FOLDER (default: a temporary folder). Exit status: 0 without an error, 1 with one, 3 if
# compute-sanitizer is absent.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cases=$here/sanitize.txt
seconds=60
out=
while [ $# -gt 1 ]; do
    case $1 in
    --out) out=$2 ;;
    --cases) cases=$2 ;;
    --seconds) seconds=$2 ;;
    *) break ;;
    esac
    shift 2
done
if [ $# -ne 1 ]; then
    sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "$0"
    exit 2
fi
driver=$1
if [ -z "$out" ]; then
    out=$(mktemp -d)
    trap 'rm -rf "$out"' EXIT
fi
mkdir -p "$out"

PATH=$PATH:$(printf '%s:' /usr/local/cuda*/bin /usr/local/cuda*/compute-sanitizer)
if ! command -v compute-sanitizer >/dev/null; then
    echo "absent: compute-sanitizer"
    exit 3
fi

# sanitize TOOL: runs a tool, and prints whether it found an error.
sanitize() {
    local tool=$1 log=$out/$1.log start=$SECONDS status=0 verdict
    timeout -k 5 "$seconds" compute-sanitizer --tool "$tool" --error-exitcode 9 "$driver" \
        <"$cases" >"$log" 2>&1 || status=$?
    if [ "$status" -eq 124 ] || [ "$status" -eq 137 ]; then
        verdict="FAILED: not done after $seconds s"
    elif [ "$status" -eq 0 ] && grep -qE 'SUMMARY: 0 (errors|hazards)' "$log"; then
        verdict=ok
    else
        verdict="FAILED (status $status)"
    fi
    printf '%-10s %3d s  %s\n' "$tool" $((SECONDS - start)) "$verdict"
    if [ "$verdict" != ok ]; then
        # The first message says more than the summary; the driver's own errors start with `error`.
        grep -m 12 -E '=========|^error' "$log" || true
        return 1
    fi
}

running=()
for tool in memcheck initcheck synccheck racecheck; do
    sanitize "$tool" &
    running+=($!)
done
failed=0
for process in "${running[@]}"; do
    wait "$process" || failed=1
done
exit "$failed"
