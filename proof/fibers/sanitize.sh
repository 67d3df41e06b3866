#!/usr/bin/env bash
# Runs the checks of the kernels in a plain build, under AddressSanitizer with
# UndefinedBehaviorSanitizer, and under ThreadSanitizer, and fails when anything is
# reported. Then plants the faults of mutants.txt, and fails unless each is found. With
# --barriers it also leaves out each barrier of the kernels in turn, some ten minutes.
set -euo pipefail
cd "$(dirname "$0")"

target=${CARGO_TARGET_DIR:-../../target}
out=$(mkdir -p "$target/sanitize" && cd "$target/sanitize" && pwd)
compiler=${CXX:-g++}
common=(-std=c++17 -g -Wall -Wextra -Wno-unknown-pragmas -Wno-unused-function
    -ffp-contract=off -ftrivial-auto-var-init=pattern -Icuda -Iruntime -Ichecks)
kernels=(tests/kernels ../../kernels)

export ASAN_OPTIONS=detect_leaks=0:exitcode=99
export UBSAN_OPTIONS=print_stacktrace=1:exitcode=99
export TSAN_OPTIONS=exitcode=66
# The thread sanitizer wants a memory layout that is not random, where that can be had.
fixed=()
if setarch "$(uname -m)" -R true 2> "$out/setarch.log"; then
    fixed=(setarch "$(uname -m)" -R)
fi

flags_of() {
    case $1 in
    plain) echo -O2 ;;
    address) echo -O1 -fno-omit-frame-pointer -fsanitize=address,undefined \
        -fno-sanitize-recover=undefined ;;
    thread) echo -O1 -fno-omit-frame-pointer -fsanitize=thread ;;
    esac
}

# build KIND: the objects of the runtime, the checks and the kernels, and the program.
build() {
    local kind=$1 objects=$out/$1 file flags macro=-DFIBER_PLAIN
    rm -rf "$objects" && mkdir -p "$objects"
    read -ra flags <<< "$(flags_of "$kind")"
    if [[ $kind == address ]]; then macro=-DFIBER_ASAN; fi
    if [[ $kind == thread ]]; then macro=-DFIBER_TSAN; fi
    # The runtime must not be instrumented: it is what takes the device's place.
    for file in runtime/{fiber,shared,block,launch}.cpp; do
        "$compiler" "${common[@]}" -O2 "$macro" -c "$file" \
            -o "$objects/$(basename "$file" .cpp).o"
    done
    for file in sanitize.cpp checks/*.cpp; do
        "$compiler" "${common[@]}" "${flags[@]}" -c "$file" \
            -o "$objects/$(basename "$file" .cpp).check.o"
    done
    while read -r file; do
        "$compiler" "${common[@]}" "${flags[@]}" -c "$file" \
            -o "$objects/$(basename "$file" .cpp).kernel.o"
    done < "$out/sources"
    "$compiler" "${flags[@]}" "$objects"/*.o -o "$objects/sanitize"
}

# build_mutant KIND SOURCE MACRO: the program with one source compiled anew.
build_mutant() {
    local kind=$1 source=$2 macro=$3 objects=$out/$1 flags file others
    read -ra flags <<< "$(flags_of "$kind")"
    file=$(grep "/$source.cpp$" "$out/sources")
    "$compiler" "${common[@]}" "${flags[@]}" "-D$macro" -c "$file" -o "$objects/mutant.o"
    mapfile -t others < <(find "$objects" -name '*.o' ! -name "$source.kernel.o")
    "$compiler" "${flags[@]}" "${others[@]}" -o "$objects/mutant"
    rm "$objects/mutant.o"
}

# run KIND PROGRAM ARGUMENT...: what it says lands in a file; its exit status.
run() {
    local kind=$1 program=$2
    shift 2
    if [[ $kind == thread ]]; then
        "${fixed[@]}" "$out/$kind/$program" "$@" > "$out/log" 2>&1
    else
        "$out/$kind/$program" "$@" > "$out/log" 2>&1
    fi
}

# Whether the log of a run that failed says that KIND found it.
found_by() {
    case $1 in
    schedule) grep -q '^wrong: ' "$out/log" ;;
    address) grep -qE 'ERROR: AddressSanitizer|runtime error: ' "$out/log" ;;
    thread) grep -q 'WARNING: ThreadSanitizer: data race' "$out/log" ;;
    esac
}

failures=0
fail() {
    echo "$1"
    failures=$((failures + 1))
}

cargo run --quiet --package fiber-engine --bin generate -- "$out/generated" "${kernels[@]}" \
    > "$out/sources"

for kind in plain address thread; do
    build "$kind"
    if run "$kind" sanitize; then
        echo "clean: $kind, $(tail -n 1 "$out/log")"
    else
        cat "$out/log"
        fail "not clean: $kind"
    fi
done

export TSAN_OPTIONS=exitcode=66:halt_on_error=1
while read -r source check macro catchers; do
    for catcher in $catchers; do
        kind=${catcher/schedule/plain}
        build_mutant "$kind" "$source" "$macro"
        if ! run "$kind" mutant "$check" && found_by "$catcher"; then
            echo "caught: $check $macro by $catcher"
        else
            fail "missed: $check $macro by $catcher"
        fi
    done
done < <(grep -v '^#' mutants.txt)

if [[ ${1:-} != --barriers ]]; then
    if [[ $failures -gt 0 ]]; then
        echo "$failures failures"
        exit 1
    fi
    exit 0
fi

# A barrier that nobody misses orders nothing that the others do not order already, or the
# checks are too weak. barriers.txt names those that stay all the same.
while IFS=: read -r path line _; do
    barrier=$(basename "$path"):$line
    if grep -q "^$barrier " barriers.txt; then
        continue
    fi
    status=0
    run thread sanitize --without-barrier "${barrier%:*}" "$line" || status=$?
    if [[ $status -ne 0 ]] && found_by thread; then
        echo "caught: no barrier at $barrier by thread"
    elif [[ $status -eq 2 ]]; then
        fail "missed: no check comes by the barrier at $barrier"
    else
        fail "missed: no barrier at $barrier by thread"
    fi
done < <(shopt -s nullglob; grep -nE '^[^/]*__syncthreads' /dev/null tests/kernels/sample_*.cu* \
    ../../kernels/*.cu*)

if [[ $failures -gt 0 ]]; then
    echo "$failures failures"
    exit 1
fi
