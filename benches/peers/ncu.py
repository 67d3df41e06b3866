#!/usr/bin/env python3
"""Prints one line for each kernel from the raw CSV page of Nsight Compute. gpu.sh calls this script.

    ncu --csv --page raw --print-units base --section … PROGRAM > raw.csv
    python3 benches/peers/ncu.py raw.csv [kernels.csv]

The share of the limit is the larger of the two throughputs that ncu reports, of the arithmetic units
and of the memory. Spills are instructions that access local memory.
"""

import csv
import re
import sys

TIME = "gpu__time_duration.sum"
COMPUTE = "sm__throughput.avg.pct_of_peak_sustained_elapsed"
MEMORY = "gpu__compute_memory_throughput.avg.pct_of_peak_sustained_elapsed"
REGISTERS = "launch__registers_per_thread"
OCCUPANCY = "sm__warps_active.avg.pct_of_peak_sustained_active"
ISSUE = r"smsp__issue(_inst)?_?(active|0).*pct"
STALL = r"smsp__average_warps?_issue_stalled_(\w+?)_per_issue_active|smsp__average_warp_latency_issue_stalled_(\w+?)\."
SPILLS = r"smsp__inst_executed_op_local_(ld|st)\.sum"
HEAD = ["kernel", "grid", "time, µs", "share of the limit, %", "bound", "occupancy, %", "issue, %", "main stall",
        "registers", "local accesses"]


def launches(file):
    """The rows of the CSV as dictionaries. ncu prints messages before the header and the units below it."""
    with open(file, encoding="utf-8", errors="replace") as lines:
        rows = [line for line in lines if line.startswith('"')]
    return [row for row in csv.DictReader(rows) if row.get("ID", "").strip().isdigit()]


def number(row, name):
    """The number in a column, or None."""
    try:
        return float(row[name].replace(",", ""))
    except (KeyError, ValueError, AttributeError):
        return None


def shown(value, digits=0):
    return "" if value is None else f"{value:.{digits}f}"


def main_stall(row):
    """The reason for which warps wait longest."""
    found = []
    for name in row:
        match = re.search(STALL, name or "")
        if match and "not_issued" not in name and (value := number(row, name)) is not None:
            found.append((value, match[1] or match[2]))
    return max(found)[1] if found else ""


def summary(row):
    """The fields of `HEAD` for one launch."""
    compute, memory = number(row, COMPUTE), number(row, MEMORY)
    issue = next((number(row, name) for name in row if re.search(ISSUE, name or "")), None)
    spills = [number(row, name) for name in row if re.search(SPILLS, name or "")]
    shares = [(value, name) for value, name in ((compute, "arithmetic"), (memory, "memory")) if value is not None]
    share, bound = max(shares) if shares else (None, "")
    time = number(row, TIME)
    return [row.get("Kernel Name", ""), row.get("Grid Size", ""), shown(time / 1e3 if time else None, 1),
            shown(share), bound, shown(number(row, OCCUPANCY)), shown(issue), main_stall(row),
            shown(number(row, REGISTERS)), shown(sum(spills) if spills and None not in spills else None)]


def main():
    rows = [summary(row) for row in launches(sys.argv[1])]
    if not rows:
        sys.exit("no kernel was profiled")
    print("| " + " | ".join(HEAD) + " |")
    print("| --- | --- |" + " ---: | ---: | --- | ---: | ---: | --- | ---: | ---: |")
    for row in rows:
        print("| " + " | ".join(row) + " |")
    if len(sys.argv) > 2:
        with open(sys.argv[2], "w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([HEAD, *rows])


main()
