#!/usr/bin/env bash
# Everything to know about tenfold on a GPU, in under five minutes: the tests, compute-sanitizer, the
# table of times beside other libraries, and the share of the card's limit for each kernel.
#
#   benches/gpu.sh [--out FOLDER]       builds and runs
#   benches/gpu.sh --pack FOLDER        builds, and copies what a run needs to FOLDER (at most 40 MB)
#   FOLDER/gpu.sh [--out FOLDER]        runs on a machine without network, cargo or this repository
#   FOLDER/gpu.sh --tests [WORD…]       only the tests
#   FOLDER/gpu.sh --kernels             only the last step, the figures of ncu
#   benches/gpu.sh --rehearse           a short run on the stand-in driver, on a machine without a GPU
#
# A step that fails does not stop the others. What the machine lacks is printed as absent. NVRTC,
# cuSOLVER and cuBLAS of an installed PyTorch are used. The results go to the folder of --out (default
# gpu-results): gpu.md, table.csv, kernels.csv, and the output of each step. PYTHON names the Python
# that has PyTorch, if the script does not find it. Exit status: 1 if a test, a tool of
# compute-sanitizer or a result in the table failed.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)

# build OPTIONS: builds the programs, and prints the paths of the test, the driver and the command.
build() {
    local messages
    cargo build --quiet "$@" --lib --bin tenfold --example gpu_driver >&2
    messages=$(cargo test --quiet "$@" --test gpu --no-run --message-format=json)
    messages+=$(cargo build --quiet "$@" --bin tenfold --example gpu_driver --message-format=json)
    grep -oE '"executable":"[^"]*/(gpu-[0-9a-f]+|gpu_driver|tenfold)"' <<<"$messages" |
        cut -d '"' -f 4 | sort -u
}

# pack FOLDER OPTIONS: builds, and copies what a run needs.
pack() {
    local folder=$1 root program programs
    shift
    root=$(cd "$here/.." && pwd)
    programs=$(cd "$root" && build "$@")
    rm -rf "$folder"
    mkdir -p "$folder/bin"
    for program in $programs; do
        cp "$program" "$folder/bin/$(basename "$program" | sed 's/-[0-9a-f]*$//')"
    done
    strip "$folder"/bin/*
    cp "$root"/benches/gpu.sh "$root"/kernels/sanitize.{sh,txt} "$folder"
    cp "$root"/benches/peers/{gpu.py,gpu_rivals.py,gpu_work.py,ncu.py,profile.txt} "$folder"
    git -C "$root" describe --always --dirty >"$folder/version.txt" 2>/dev/null ||
        echo "an unknown commit" >"$folder/version.txt"
}

# check_size FOLDER: the folder has at most 40 MB.
check_size() {
    local megabytes
    megabytes=$(du -sm "$1" | cut -f 1)
    echo "$1: $megabytes MB"
    [ "$megabytes" -le 40 ]
}

# find_python: the first Python with PyTorch, or else the first Python.
find_python() {
    local candidate first=
    for candidate in ${PYTHON:+"$PYTHON"} python3 /opt/*/bin/python3 /opt/*/.venv/bin/python3 \
        /opt/*/venv/bin/python3 ~/*/bin/python3; do
        command -v "$candidate" >/dev/null || continue
        first=${first:-$candidate}
        if "$candidate" -c 'import importlib.util, sys
sys.exit(importlib.util.find_spec("torch") is None)' 2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
    echo "$first"
}

# find_libraries FOLDER: links NVIDIA's libraries of the Python in FOLDER under the names by which
# programs open them, and prints the folders for LD_LIBRARY_PATH. Prints nothing if it finds none.
find_libraries() {
    local folder=$1 folders=() name file
    [ -n "$python" ] || return 0
    mapfile -t folders < <("$python" -c 'import importlib.util, pathlib
found = importlib.util.find_spec("nvidia")
for path in found.submodule_search_locations if found else []:
    for lib in sorted(pathlib.Path(path).glob("*/lib")):
        print(lib)' 2>/dev/null)
    [ "${#folders[@]}" -gt 0 ] || return 0
    for name in nvrtc cusolver cublas; do
        file=$(find "${folders[@]}" -name "lib$name.so*" ! -name '*alt*' | sort | head -1)
        if [ -n "$file" ]; then
            ln -sf "$file" "$folder/lib$name.so"
        fi
    done
    echo "$folder$(printf ':%s' "${folders[@]}")"
}

# step NAME LIMIT COMMAND…: runs a command for at most LIMIT seconds, keeps its output, and notes its
# status and its time. Returns the status.
step() {
    local name=$1 limit=$2 start=$SECONDS status=0 verdict
    shift 2
    echo "== $name"
    timeout -k 5 "$limit" "$@" 2>&1 | tee "$out/$name.log" || status=${PIPESTATUS[0]}
    case $status in
    0) verdict=ok ;;
    3) verdict=absent ;;
    124 | 137) verdict="FAILED: not done after $limit s" ;;
    *) verdict="FAILED (status $status)" ;;
    esac
    printf '| %s | %s | %d |\n' "$name" "$verdict" $((SECONDS - start)) >>"$out/steps.md"
    echo "== $name: $verdict, $((SECONDS - start)) s"
    return "$status"
}

# profile CASES: the figures of ncu for each kernel, and a summary.
profile() {
    local sections=(SpeedOfLight Occupancy WarpStateStats SchedulerStats LaunchStats)
    if ! command -v ncu >/dev/null; then
        echo "absent: ncu"
        return 3
    fi
    ncu --csv --page raw --print-units base --clock-control none --filter-mode per-launch-config \
        --launch-count 1 "${sections[@]/#/--section=}" \
        --metrics smsp__inst_executed_op_local_ld.sum,smsp__inst_executed_op_local_st.sum \
        --log-file "$out/ncu.csv" "$here/bin/gpu_driver" <"$1" ||
        ncu --csv --page raw --print-units base --launch-count 60 "${sections[@]/#/--section=}" \
            --log-file "$out/ncu.csv" "$here/bin/gpu_driver" <"$1"
}

# kernels: one line for each kernel, in kernels.csv too.
kernels() {
    local status=0
    profile "$here/profile.txt" >"$out/profile.txt" 2>&1 || status=$?
    if [ "$status" -eq 3 ]; then
        cat "$out/profile.txt"
        return 3
    fi
    # A run that was interrupted has written the kernels up to then.
    "${PYTHON:-python3}" "$here/ncu.py" "$out/ncu.csv" "$out/kernels.csv" && return "$status"
    cat "$out/profile.txt"
    head -20 "$out/ncu.csv"
    return 1
}

# tests WORD…: the cases with these words, or all: those that compile the modules of all orders beside
# the others.
tests() {
    local status=0 orders=(every_small more_maps)
    if [ $# -gt 0 ]; then
        "$here/bin/gpu" "$@"
        return
    fi
    "$here/bin/gpu" "${orders[@]}" >"${TMPDIR:-/tmp}/orders.$$" 2>&1 &
    "$here/bin/gpu" "${orders[@]/#/--skip=}" || status=1
    wait $! || status=1
    cat "${TMPDIR:-/tmp}/orders.$$"
    rm -f "${TMPDIR:-/tmp}/orders.$$"
    return "$status"
}

# report: the file with all results.
report() {
    echo "# tenfold on a GPU"
    echo
    echo "- card, driver, clock: $card"
    echo "- date: $(date -u '+%Y-%m-%d %H:%M UTC'), version: $(cat "$here/version.txt")"
    echo "- libraries: ${libraries:-none found in Python packages}"
    echo
    echo "| step | result | seconds |"
    echo "| --- | --- | ---: |"
    cat "$out/steps.md"
    for name in tests compiled sanitizer info; do
        if [ -s "$out/$name.log" ]; then
            printf '\n## %s\n\n' "$name"
            tail -20 "$out/$name.log" | sed 's/^/    /'
        fi
    done
    printf '\n## Times\n\n'
    cat "$out/table.md" 2>/dev/null || echo absent
    printf '\n## Kernels\n\n'
    cat "$out/kernels.log" 2>/dev/null || echo absent
}

# run: all steps. With `rehearse=yes` on small data.
run() {
    local failed=0 libraries="" links words=() options=() cases=$here/sanitize.txt
    mkdir -p "$out"
    out=$(cd "$out" && pwd)
    rm -f "$out"/*.md "$out"/*.log "$out"/*.csv
    python=$(find_python)
    links=$(mktemp -d)
    libraries=$(find_libraries "$links")
    card=$(nvidia-smi --query-gpu=name,driver_version,clocks.max.sm --format=csv,noheader 2>/dev/null | head -1) ||
        card=
    card=${card:-unknown (nvidia-smi is absent)}
    PATH=$PATH:$(printf '%s:' /usr/local/cuda*/bin /usr/local/cuda*/compute-sanitizer /opt/nvidia/nsight-compute/*)
    local plain=${LD_LIBRARY_PATH:-}
    export LD_LIBRARY_PATH=${libraries:+$libraries:}$plain
    export PATH PYTHON=$python
    echo "$card; Python: ${python:-absent}; libraries: ${libraries:-absent}"
    if [ "$rehearse" = yes ]; then
        words=(maps_of_few_positions st_hosvd_of_a_batch)
        options=(--small)
        cases=$out/sanitize.txt
        sed '/^# Larger/,$d' "$here/sanitize.txt" >"$cases"
    fi

    # With the kernels in the library alone: NVRTC would compile a module for each order of the cases,
    # which takes minutes.
    step tests 75 env LD_LIBRARY_PATH="$plain" "$here/gpu.sh" --tests "${words[@]}" || failed=1
    if [ -n "$libraries" ]; then
        step compiled 20 "$here/bin/gpu" maps_of_a_layer hooi_of_a_batch maps_at_a_pointer || failed=1
    fi
    step sanitizer 66 "$here/sanitize.sh" --out "$out/sanitizer" --seconds 60 --cases "$cases" \
        "$here/bin/gpu_driver" || [ $? -eq 3 ] || failed=1
    if [ -n "$python" ]; then
        step table 92 "$python" "$here/gpu.py" --driver "$here/bin/gpu_driver" --out "$out" \
            --seconds 75 "${options[@]}" || failed=1
        step kernels 35 "$here/gpu.sh" --kernels --out "$out" || true
    else
        echo "absent: Python; no table and no figures of kernels"
    fi
    if "$here/bin/tenfold" info --help 2>/dev/null | grep -q -- --device; then
        step info 12 "$here/bin/tenfold" info --device cuda || true
    fi
    rm -rf "$links"
    report >"$out/gpu.md"
    echo "== results in $out/gpu.md, $SECONDS s in all"
    return "$failed"
}

# rehearse FOLDER: the same on the stand-in driver. compute-sanitizer is a program that runs the driver.
rehearse() {
    local folder=$1 built
    pack "$folder" -p tenfold -p stand-in-driver --features tenfold/cuda,tenfold/ndarray
    built=${CARGO_TARGET_DIR:-$here/../target}/debug/libstand_in_driver.so
    mkdir -p "$folder/stand-in"
    cp "$built" "$folder/stand-in/libcuda.so"
    ln -sf libcuda.so "$folder/stand-in/libcuda.so.1"
    cat >"$folder/stand-in/compute-sanitizer" <<'END'
#!/usr/bin/env bash
for word; do driver=$word; done
"$driver" && echo "ERROR SUMMARY: 0 errors"
END
    chmod +x "$folder/stand-in/compute-sanitizer"
    PATH=$folder/stand-in:$PATH LD_LIBRARY_PATH=$folder/stand-in REHEARSE=yes \
        "$folder/gpu.sh" --out "$folder/results"
}

out=gpu-results
rehearse=${REHEARSE:-no}
command=run
target=
while [ $# -gt 0 ]; do
    case $1 in
    --out) out=${2:?"--out needs a folder"} && shift ;;
    --pack) command=pack target=${2:?"--pack needs a folder"} && shift ;;
    --rehearse) command=rehearse ;;
    --kernels) command=kernels ;;
    --tests)
        command=tests words=("${@:2}")
        break
        ;;
    *)
        sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "$0"
        exit 2
        ;;
    esac
    shift
done

built=${CARGO_TARGET_DIR:-$here/../target}/gpu
case $command in
pack)
    pack "$target" --release --features cuda
    check_size "$target"
    ;;
kernels) kernels ;;
tests) tests "${words[@]}" ;;
rehearse)
    rehearse "$(mkdir -p "$built" && cd "$built" && pwd)"
    ;;
run)
    if [ ! -x "$here/bin/gpu_driver" ]; then
        pack "$built" --release --features cuda
        exec "$built/gpu.sh" --out "$out"
    fi
    run
    ;;
esac
