#!/usr/bin/env bash
# Counts the instructions of the main paths on one thread under valgrind, and prints each count with
# its ratio to the count in instructions.txt. With --save, it also replaces instructions.txt.
#
# The counts are the same in every run, even on a busy machine. They depend on the compiler and on
# the instruction sets of the processor. Valgrind supports AVX2 but not AVX-512.
set -euo pipefail
cd "$(dirname "$0")/.."
stored=benches/instructions.txt

program=$(cargo bench --no-run --bench instructions --message-format=json |
    sed -n 's/.*"name":"instructions".*"executable":"\([^"]*\)".*/\1/p')
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

for path in $("$program"); do
    # An empty environment: the size of the environment changes the alignment of the stack.
    if ! env -i valgrind --tool=callgrind --cache-sim=no --collect-atstart=no \
        --toggle-collect='*instructions::counted*' \
        --callgrind-out-file="$scratch/out" "$program" "$path" 2>"$scratch/log"; then
        cat "$scratch/log" >&2
        exit 1
    fi
    count=$(sed -n 's/^\(summary\|totals\): //p' "$scratch/out" | tail -1)
    printf '%s %s\n' "$path" "$count" | tee -a "$scratch/counts" |
        awk -v stored="$stored" '
            BEGIN { while ((getline line < stored) > 0) { split(line, f, " "); before[f[1]] = f[2] } }
            { ratio = before[$1] ? sprintf("%.4f", $2 / before[$1]) : "new"
              printf "%-20s %14d %8s\n", $1, $2, ratio }'
done
if [[ ${1-} == --save ]]; then
    cp "$scratch/counts" "$stored"
fi
