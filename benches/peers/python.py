"""Times the Python package beside TensorLy, and beside the Rust library that it calls.

    cargo build --release --example peer_driver && python/develop --release
    PYTHONPATH=python/package python benches/peers/python.py \
        --driver target/release/examples/peer_driver

Needs NumPy and TensorLy. Two tables:

- `tenfold.tucker` against `tensorly.decomposition.tucker`: the same tensor, the same ranks, and the
  same rule to stop, a change of the relative error below 1e-4. Both use all cores. A row appears
  only if our error is at most theirs, up to 1e-4.
- The cost of a call: the time of a call from Python, less the time of the same call from Rust. The
  tensors are small, so that the computation does not hide the cost.
"""

import argparse
import json
import os
import platform
import statistics
import sys
import tempfile
import time
import warnings
from functools import partial
from pathlib import Path

import numpy as np
from comparison import Driver, feature_map, low_rank, timed, times
from tensorly.decomposition import tucker as tensorly_tucker

import tenfold
from tenfold.tensorly.decomposition import tucker as mirror_tucker

TARGET_RATIO = 40
TARGET_OVERHEAD = 20e-6
STOP = 1e-4
"""Both programs stop after a sweep that changes the relative error by less than this."""


def cases():
    """The tensors of the first table: a name, the tensor, and the ranks."""
    rng = np.random.default_rng(1)
    for shape, ranks in [
        ((30, 30, 30), (5, 5, 5)),
        ((100, 100, 100), (10, 10, 10)),
        ((200, 200, 200), (20, 20, 20)),
        ((145, 145, 200), (20, 20, 10)),
        ((40, 40, 40, 40), (5, 5, 5, 5)),
        ((128, 128, 3, 100), (16, 16, 3, 10)),
    ]:
        for dtype in (np.float64, np.float32):
            name = f"{times(shape)} → {times(ranks)} {np.dtype(dtype).name}"
            yield name, low_rank(rng, shape, ranks, dtype), ranks
    for channels in (512, 2048):
        x = feature_map(rng, channels, 7, 7)
        yield f"features {times(x.shape)} → 8×7×7 float32", x, (8, 7, 7)


def error(x, core, factors):
    """‖X − X̂‖/‖X‖, in float64."""
    estimate = np.asarray(core, np.float64)
    for mode, factor in enumerate(factors):
        estimate = np.moveaxis(np.tensordot(factor, estimate, axes=(1, mode)), 0, mode)
    return float(np.linalg.norm(x - estimate) / np.linalg.norm(x))


def against_tensorly(seconds, only):
    """The first table."""
    print(f"{'tensor and ranks':45} {'tenfold':>10} {'mirror':>10} {'TensorLy':>11} {'ratio':>8}")
    rows = []
    for name, x, ranks in cases():
        if only not in name:
            continue
        programs = {
            "tenfold": partial(tenfold.tucker, x, ranks, sweep_tolerance=STOP),
            "mirror": partial(mirror_tucker, x, rank=list(ranks), tol=STOP),
            "tensorly": partial(tensorly_tucker, x, rank=list(ranks), tol=STOP),
        }
        # 1. The results, which also load what the first call loads.
        errors = {program: error(x, *call()) for program, call in programs.items()}
        worse = max(errors["tenfold"], errors["mirror"]) - errors["tensorly"]
        if worse > STOP:
            print(f"DISAGREEMENT {name}: {errors}")
            continue
        # 2. The times in turn, until the time of a row is over.
        measured = {program: [] for program in programs}
        started = time.perf_counter()
        while len(measured["tensorly"]) < 3 or time.perf_counter() - started < seconds:
            for program, call in programs.items():
                time.sleep(0.05)
                repeat = 1 if program == "tensorly" else 5
                measured[program].append(timed(call, repeat))
        median = {program: statistics.median(values) for program, values in measured.items()}
        ratios = [b / a for a, b in zip(measured["tenfold"], measured["tensorly"], strict=True)]
        row = {
            "work": name,
            "ours_ms": 1e3 * median["tenfold"],
            "mirror_ms": 1e3 * median["mirror"],
            "theirs_ms": 1e3 * median["tensorly"],
            "ratio": statistics.median(ratios),
            "ratio_min": min(ratios),
            "ratio_max": max(ratios),
            "errors": errors,
        }
        rows.append(row)
        print(
            f"{name:45} {row['ours_ms']:7.3f} ms {row['mirror_ms']:7.3f} ms "
            f"{row['theirs_ms']:8.2f} ms {row['ratio']:8.1f} "
            f"[{row['ratio_min']:.1f}, {row['ratio_max']:.1f}] "
            f"{'yes' if row['ratio'] >= TARGET_RATIO else 'NO'}",
            flush=True,
        )
    return rows


def unpack(call):
    """Calls and takes the core and the factors."""
    core, factors = call()
    return core, factors


def overhead(driver_path, calls):
    """The second table."""
    driver = Driver(driver_path)
    print(f"{'call':45} {'Python':>10} {'Rust':>10} {'cost':>10}")
    rows = []
    rng = np.random.default_rng(2)
    with tempfile.TemporaryDirectory() as folder:
        for shape, ranks in [((4, 4, 4), (2, 2, 2)), ((10, 10, 10), (3, 3, 3))]:
            x = low_rank(rng, shape, ranks, np.float64)
            file = Path(folder) / "x.npy"
            np.save(file, x)
            driver("load", "x", file)
            text = ",".join(map(str, ranks))
            library = driver("hooi-calls", "x", text, STOP, calls)[0]
            hooi = partial(tenfold.hooi, x, ranks, sweep_tolerance=STOP)
            tucker = partial(tenfold.tucker, x, ranks, sweep_tolerance=STOP)
            unpacked = partial(unpack, tucker)
            for name, call in [
                ("hooi", hooi),
                ("tucker", tucker),
                ("tucker, core and factors", unpacked),
            ]:
                python = statistics.median(timed(call) for _ in range(calls))
                cost = python - library
                work = f"{name} of {times(shape)} → {times(ranks)}"
                rows.append({"work": work, "python_us": 1e6 * python, "rust_us": 1e6 * library})
                times_us = " ".join(f"{1e6 * t:7.1f} µs" for t in (python, library, cost))
                met = "yes" if cost <= TARGET_OVERHEAD else "NO"
                print(f"{work:45} {times_us} {met}", flush=True)
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--driver", help="the program peer_driver, for the cost of a call")
    parser.add_argument("--seconds", type=float, default=2.0, help="the time of a row")
    parser.add_argument("--only", default="", help="a part of the names of the rows to measure")
    parser.add_argument("--calls", type=int, default=2000, help="the calls of a cost")
    parser.add_argument("--json", help="a file for the rows")
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    print(
        f"tenfold {tenfold.__version__}, NumPy {np.__version__}, {os.cpu_count()} cores, "
        f"{platform.machine()}, Python {platform.python_version()}"
    )
    results = {}
    if args.driver:
        results["overhead"] = overhead(args.driver, args.calls)
    if args.seconds > 0:
        results["tensorly"] = against_tensorly(args.seconds, args.only)
    if args.json:
        Path(args.json).write_text(json.dumps(results, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
