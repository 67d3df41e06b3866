"""Times tenfold beside NumPy, TensorLy and pyttb. run.sh calls this script.

A comparison first checks that both sides compute the same result. Then it times both sides
alternately, and prints the median of the ratios beside a target. The ratio is the rival's time
over tenfold's time, except where the row names another ratio.
"""

import argparse
import csv
import json
import math
import platform
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pyttb
import threadpoolctl

import rivals
from comparison import Comparison, Goal, feature_map, low_rank, repeats_for, timed, times

# Runs a command and prints the maximum of its resident memory in KiB.
MEASURE_MEMORY = (
    "import resource, subprocess, sys;"
    "subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL);"
    "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
)


def saliency(c):
    """(a) one map, against the published code, optimised NumPy, and our SVD maps"""
    shapes = [(n, 7, 7) for n in (512, 768, 1024, 1280, 2048)] + [(2048, 14, 14), (256, 56, 56)]
    if c.args.quick:
        shapes = [(512, 7, 7), (64, 14, 14)]
    for shape in shapes:
        features = feature_map(np.random.default_rng(shape[0]), *shape)
        c.load(features)
        seven = shape[1] == 7

        def ours(weighting):
            """The timing of one map on one thread."""
            repeat = repeats_for(c.driver("cam", "x", weighting, 1, 1)[0])
            return lambda: c.driver("cam", "x", weighting, 1, repeat)[0]

        for weighting in rivals.WEIGHTINGS:
            out = c.folder / "map.npy"
            c.driver("cam-map", "x", weighting, out)
            ours_map = np.load(out).ravel()
            many = rivals.uses_all_vectors(weighting)
            published = 15 if rivals.is_svd(weighting) else (
                10_000 if shape == (2048, 7, 7) else 500 if seven else 80)
            best = (2 if many else 3) if seven else 1.3
            peers = [("NumPy, Gram + eigh", rivals.best_map, best)]
            if not c.args.skip_published:
                peers.insert(0, ("published code", rivals.published_map, published))
            for rival, make, target in peers:
                work = f"{weighting} {times(shape)}"
                with threadpoolctl.threadpool_limits(1):
                    theirs_map = make(features, weighting)
                    difference = np.abs(theirs_map - ours_map).max()
                    if c.agree(f"{work}, {rival}", difference, 2e-3):
                        repeat = repeats_for(timed(lambda: make(features, weighting)))
                        theirs = lambda: timed(lambda: make(features, weighting), repeat)
                        c.pair(Goal(work, rival, target), ours(weighting), theirs)
        for tucker, svd in (("tsm", "eigen-cam"), ("mtsm", "multivec-eigen-cam")):
            goal = Goal(f"{tucker} {times(shape)}, ours over theirs", f"our {svd}", 1.05,
                        at_most=True)
            c.pair(goal, ours(tucker), ours(svd))


def batch(c):
    """(b) a batch of maps, against one map after the other on one thread"""
    count, shape = (50, (512, 7, 7)) if c.args.quick else (1000, (2048, 7, 7))
    rng = np.random.default_rng(0)
    maps = np.empty((count, *shape), dtype=np.float32)
    some = [feature_map(rng, *shape) for _ in range(10)]
    for i in range(count):
        # The channels of a map in random order give other data with the same spectrum.
        maps[i] = some[i % 10][rng.permutation(shape[0])]
    c.load(maps, "batch")
    c.load(maps[0], "one")
    for weighting in rivals.WEIGHTINGS:
        for threads in c.args.threads:
            goal = Goal(f"{count} maps {weighting} {times(shape)}, {threads} thr.",
                        "one map × count, 1 thr.", 1.9 if threads >= 2 else 0.95)
            c.pair(goal,
                   lambda: c.driver("cam-batch", "batch", weighting, threads)[0],
                   lambda: count * c.driver("cam", "one", weighting, 1, count)[0])
    c.driver("drop", "batch")


TUCKER_CASES = [
    ((200, 200, 200), (20, 20, 20)),
    ((400, 400, 400), (40, 40, 40)),
    ((60, 60, 60, 60), (10, 10, 10, 10)),
    ((256, 256, 3, 200), (32, 32, 3, 20)),
]
TUCKER_CASES_QUICK = [((40, 40, 40), (5, 5, 5)), ((24, 24, 3, 20), (5, 5, 3, 4))]


def error_limit(dtype):
    """The maximum relative difference between the errors of two programs. Sums of f32 products
    differ more."""
    return 1e-6 if dtype == np.float64 else 2e-5


def tucker(c):
    """(c) ST-HOSVD, against NumPy, and our routes against each other"""
    for shape, ranks in TUCKER_CASES_QUICK if c.args.quick else TUCKER_CASES:
        for dtype in (np.float64, np.float32):
            x = low_rank(np.random.default_rng(1), shape, ranks, dtype)
            c.load(x)
            x_norm = math.sqrt(sum(np.vdot(p, p) for p in map(np.float64, x)))
            name = f"{times(shape)}→{','.join(map(str, ranks))} {np.dtype(dtype).name}"
            wanted = ",".join(map(str, ranks))

            def ours(threads, route="auto"):
                return lambda: c.driver("st-hosvd", "x", route, wanted, threads)[0]

            our_error = c.driver("st-hosvd", "x", "auto", wanted, 1)[1]
            their_error = rivals.projection_error(x_norm, rivals.st_hosvd(x, ranks)[0])
            agree = c.agree(f"ST-HOSVD {name}", abs(our_error / their_error - 1), error_limit(dtype))
            for threads in c.args.threads if agree else ():
                goal = Goal(f"ST-HOSVD {name}, {threads} thr.", "NumPy ST-HOSVD",
                            1.0 if shape == (400, 400, 400) else 1.3)
                with threadpoolctl.threadpool_limits(threads):
                    c.pair(goal, ours(threads), lambda: timed(lambda: rivals.st_hosvd(x, ranks)))
            if quoted := TUCKER_MPI.get((shape, np.dtype(dtype).name)):
                against_tucker_mpi(c, name, quoted, ours(1, "gram"))
            if dtype == np.float64 and shape in (TUCKER_CASES[0][0], TUCKER_CASES_QUICK[0][0]):
                qr_error = c.driver("st-hosvd", "x", "qr", wanted, 1)[1]
                if c.agree(f"QR route {name}", abs(qr_error / our_error - 1), 1e-6):
                    goal = Goal(f"QR route {name}, 2 thr., ours over", "our Gram route", 4,
                                at_most=True)
                    c.pair(goal, ours(2, "qr"), ours(2, "gram"))
            if shape in (TUCKER_CASES[1][0], TUCKER_CASES_QUICK[0][0]):
                random_error = c.driver("randomized", "x", wanted, 2)[1]
                goal = Goal(f"randomized {name}, error over", "our ST-HOSVD", 1.02, at_most=True)
                c.row(goal, [random_error / our_error])
                c.pair(Goal(f"randomized {name}, 2 thr.", "our ST-HOSVD", 3),
                       lambda: c.driver("randomized", "x", wanted, 2)[0], ours(2))
                if dtype == np.float64:
                    for threads in c.args.threads:
                        against_peak(c, shape, ranks, threads)


# The noise of tensors with a small tail and with a large one, and a tolerance just above the noise.
SMALL_TAIL, LARGE_TAIL, ABOVE = 3e-4, 0.1, 1.3


def small_tails(c):
    """(f) ST-HOSVD of twelve directions and a little noise, against NumPy and a larger tail"""
    for n in (40,) if c.args.quick else (200, 400):
        shape, ranks = (n,) * 3, (n // 10,) * 3
        directions = (min(12, n // 10),) * 3
        wanted = ",".join(map(str, ranks))
        for dtype in (np.float32, np.float64):
            name = f"{times(shape)} {np.dtype(dtype).name}"
            large, small = (
                low_rank(np.random.default_rng(1), shape, directions, dtype, noise)
                for noise in (LARGE_TAIL, SMALL_TAIL)
            )
            c.load(large, "large")
            c.load(small)

            def ours(threads, truncation, tensor="x"):
                return lambda: c.driver("st-hosvd", tensor, "auto", truncation, threads)[0]

            our_error = c.driver("st-hosvd", "x", "auto", wanted, 1)[1]
            their_error = rivals.measured_error(small, *rivals.st_hosvd(small, ranks))
            # Among the vectors that are kept are some of the noise. They depend on the order of the
            # modes, and so do the last digits of the error. In f32 NumPy loses digits too, so that
            # its error may be larger.
            limit = 1e-4 if dtype == np.float64 else 1e-3
            if not c.agree(f"small tail {name}", our_error / their_error - 1, limit):
                continue
            for threads in c.args.threads:
                of = f"{name}, {threads} thr."
                with threadpoolctl.threadpool_limits(threads):
                    c.pair(Goal(f"small tail → {wanted} {of}", "NumPy ST-HOSVD", 1.2),
                           ours(threads, wanted), lambda: timed(lambda: rivals.st_hosvd(small, ranks)))
                c.pair(Goal(f"small tail → {wanted} {of}, ours over", "our large tail", 1.3,
                            at_most=True), ours(threads, wanted), ours(threads, wanted, "large"))
                c.pair(Goal(f"small tail → {ABOVE:g}·tail {of}, ours over", "our large tail", 1.3,
                            at_most=True),
                       ours(threads, f"tolerance={ABOVE * SMALL_TAIL}"),
                       ours(threads, f"tolerance={ABOVE * LARGE_TAIL}", "large"))
            c.driver("drop", "large")


def against_peak(c, shape, ranks, threads):
    """Compares the flops per second of the first Gram matrix and mode product with a square
    matrix product of NumPy."""
    n = 512 if c.args.quick else 2048
    a, b = np.random.default_rng(2).standard_normal((2, n, n))
    mode = len(shape) - 1
    flops = (shape[mode] + 1 + 2 * ranks[mode]) * math.prod(shape)
    goal = Goal(f"Gram and product {times(shape)} float64, {threads} thr.", "DGEMM peak", 0.75)
    # The rival's time is the time of our flops at the rate of the square product.
    with threadpoolctl.threadpool_limits(threads):
        c.pair(goal,
               lambda: c.driver("gram-product", "x", mode, ranks[mode], threads)[0],
               lambda: timed(lambda: a @ b) * flops / (2 * n**3))


# Seconds of ST-HOSVD by Gram matrices in TuckerMPI, one process. They were measured once on another
# kind of machine (two Zen 4 cores). This script does not run TuckerMPI.
TUCKER_MPI = {
    ((200, 200, 200), "float64"): 0.087,
    ((200, 200, 200), "float32"): 0.055,
    ((400, 400, 400), "float64"): 1.12,
    ((400, 400, 400), "float32"): 0.58,
}


def against_tucker_mpi(c, name, quoted, ours):
    """Compares our times with the quoted seconds of TuckerMPI."""
    seconds = [ours() for _ in range(3)]
    c.row(Goal(f"ST-HOSVD {name}, 1 thr.", "TuckerMPI (quoted)", 1.2),
          [quoted / s for s in seconds], seconds, [quoted])


def hooi(c):
    """(d) HOOI with the same tolerance, against TensorLy and pyttb"""
    cases = [((100,) * 3, (10,) * 3), ((200,) * 3, (20,) * 3)]
    for shape, ranks in [((30,) * 3, (4,) * 3)] if c.args.quick else cases:
        for dtype in (np.float64, np.float32):
            x = low_rank(np.random.default_rng(1), shape, ranks, dtype)
            c.load(x)
            x_norm = np.linalg.norm(x.astype(np.float64))
            wanted, tolerance = ",".join(map(str, ranks)), 1e-4
            name = f"HOOI {times(shape)}→{ranks[0]} {np.dtype(dtype).name}"
            our_error = c.driver("hooi", "x", wanted, tolerance, 2)[1]
            for_pyttb = pyttb.tensor(x)
            for rival, run, target in (
                ("TensorLy tucker", lambda: rivals.tensorly_hooi(x, ranks, tolerance), 50),
                ("pyttb, from nvecs",
                 lambda: rivals.pyttb_hooi(for_pyttb, ranks, tolerance, "nvecs"), 3),
                ("pyttb, from random",
                 lambda: rivals.pyttb_hooi(for_pyttb, ranks, tolerance, "random"), 3),
            ):
                for threads in c.args.threads[-1:]:
                    with threadpoolctl.threadpool_limits(threads):
                        their_error = rivals.projection_error(x_norm, run())
                        difference = abs(their_error / our_error - 1)
                        if c.agree(f"{name}, {rival}", difference, error_limit(dtype)):
                            c.pair(Goal(f"{name}, {threads} thr.", rival, target),
                                   lambda: c.driver("hooi", "x", wanted, tolerance, threads)[0],
                                   lambda: timed(run))


def files(c):
    """(e) peak memory of `decompose`, and the time to read a file"""
    n = 60 if c.args.quick else 400
    for dtype in (np.float64, np.float32):
        x = low_rank(np.random.default_rng(1), (n,) * 3, (n // 10,) * 3, dtype)
        file = c.folder / "input.npy"
        np.save(file, x)
        size, wanted = x.nbytes, ",".join([str(n // 10)] * 3)
        del x
        command = [c.args.tenfold, "--quiet", "decompose", file, "--ranks", wanted,
                   "-o", c.folder / "out.tucker.npz"]
        peak = 1024 * int(subprocess.run(
            [sys.executable, "-S", "-c", MEASURE_MEMORY, *map(str, command)],
            check=True, capture_output=True, text=True).stdout)
        allowed = (1.3 * size + 50e6) / size
        name = f"{times((n,) * 3)} {np.dtype(dtype).name}"
        goal = Goal(f"peak memory of decompose {name}", "input size", allowed, at_most=True)
        c.row(goal, [peak / size])
        c.pair(Goal(f"read {name}", "cat > /dev/null", 0.5),
               lambda: c.driver("read", file)[0],
               lambda: timed(lambda: subprocess.run(["sh", "-c", 'cat "$0" > /dev/null', file],
                                                    check=True)))


PARTS = {"a": saliency, "b": batch, "c": tucker, "d": hooi, "e": files, "f": small_tails}
TABLES = {"a": "one map", "b": "batch of maps", "c": "ST-HOSVD", "d": "HOOI", "e": "memory and files",
          "f": "small tails"}
COLUMNS = ["table", "work", "against", "ours_ms", "theirs_ms", "ratio", "ratio_min", "ratio_max",
           "target_kind", "target", "result"]


def write_csv(path, rows):
    """Writes the rows with the columns of docs/data/performance.csv."""
    def milliseconds(seconds):
        return "" if seconds is None else f"{seconds * 1e3:.3f}"

    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for row in rows:
            lowest, highest = row["ratio_spread"]
            writer.writerow([
                row["table"], row["work"], row["rival"],
                milliseconds(row["ours_seconds"]), milliseconds(row["rival_seconds"]),
                *(f"{ratio:.{0 if ratio >= 100 else 2}f}" for ratio in (row["ratio"], lowest, highest)),
                "at most" if row["at_most"] else "at least", f"{row['target']:.4g}",
                "met" if row["met"] else "short",
            ])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--driver", required=True, help="the program built from driver.rs")
    parser.add_argument("--tenfold", required=True, help="the command tenfold")
    parser.add_argument("--quick", action="store_true", help="fewer and smaller cases")
    parser.add_argument("--skip-published", action="store_true",
                        help="do not run the published code, which takes minutes")
    parser.add_argument("--only", default="a,b,c,d,e,f", help="parts: " + "; ".join(
        part.__doc__ for part in PARTS.values()))
    parser.add_argument("--threads", default="1,2", help="numbers of threads, such as 1,2")
    parser.add_argument("--repeat", type=int,
                        help="measurements in a comparison [7; 3 with --quick]")
    parser.add_argument("--json", metavar="OUT", help="also write the rows to this JSON file")
    parser.add_argument("--csv", metavar="OUT",
                        help="also write the rows to this CSV file, as docs/data/performance.csv")
    args = parser.parse_args()
    args.threads = [int(n) for n in args.threads.split(",")]
    args.repeat = args.repeat or (3 if args.quick else 7)
    parts = args.only.split(",")
    if unknown := set(parts) - set(PARTS):
        parser.error(f"unknown parts: {', '.join(sorted(unknown))}")

    print(f"{platform.processor() or platform.machine()}, Python {platform.python_version()}, "
          f"NumPy {np.__version__}, {threadpoolctl.threadpool_info()[0].get('architecture')}")
    print(f"{'work':<47} {'against':<21} {'ours ms':>10} {'theirs ms':>11} {'ratio':>10} "
          "[min, max] target met")
    with tempfile.TemporaryDirectory() as folder:
        comparison = Comparison(args, Path(folder))
        for part in parts:
            comparison.table = TABLES[part]
            PARTS[part](comparison)
    missed = [row for row in comparison.rows if not row["met"]]
    print(f"{len(comparison.rows)} comparisons, {len(missed)} missed the target, "
          f"{comparison.disagreements} disagreements")
    if args.json:
        Path(args.json).write_text(json.dumps({
            "python": platform.python_version(), "numpy": np.__version__,
            "blas": threadpoolctl.threadpool_info(), "rows": comparison.rows,
        }, indent=1))
    if args.csv:
        write_csv(args.csv, comparison.rows)
    return 1 if comparison.disagreements else 0


if __name__ == "__main__":
    sys.exit(main())
