#!/usr/bin/env bash
# Runs the four tools of compute-sanitizer over a small case of every kernel (sanitize.txt).
#
#   kernels/sanitize.sh [--out FOLDER] [--cases FILE] [--seconds LIMIT] DRIVER
#
# DRIVER is the program of benches/peers/gpu_driver.rs. The tools run at the same time, racecheck in
# several processes. A tool that
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

# sanitize TOOL CASES NAME: runs a tool, and prints whether it found an error.
sanitize() {
    local tool=$1 cases=$2 name=$3 log=$out/$3.log start=$SECONDS status=0 verdict
    timeout -k 5 "$seconds" compute-sanitizer --tool "$tool" --error-exitcode 9 "$driver" \
        <"$cases" >"$log" 2>&1 || status=$?
    if [ "$status" -eq 124 ] || [ "$status" -eq 137 ]; then
        verdict="FAILED: not done after $seconds s"
    elif [ "$status" -eq 0 ] && grep -qE 'SUMMARY: 0 (errors|hazards)' "$log"; then
        verdict=ok
    else
        verdict="FAILED (status $status)"
    fi
    printf '%-14s %3d s  %s\n' "$name" $((SECONDS - start)) "$verdict"
    if [ "$verdict" != ok ]; then
        # The first message says more than the summary; the driver's own errors start with `error`.
        grep -m 12 -E '=========|^error' "$log" || true
        return 1
    fi
}

# Racecheck is the slowest tool: each array gets a process of its own, and the last cases are left out.
awk -v out="$out" '/^# Without racecheck/ { exit }
    /^#/ || /^open/ { next }
    /^(features|low-rank|eigen)/ { file = sprintf("%s/racecheck-%02d.txt", out, ++count); print "open" >file }
    { print >file }' "$cases"

running=()
for tool in memcheck initcheck synccheck; do
    sanitize "$tool" "$cases" "$tool" &
    running+=($!)
done
for part in "$out"/racecheck-*.txt; do
    sanitize racecheck "$part" "$(basename "$part" .txt)" &
    running+=($!)
done
failed=0
for process in "${running[@]}"; do
    wait "$process" || failed=1
done
exit "$failed"
