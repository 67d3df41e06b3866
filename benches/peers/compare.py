"""Tenfold against NumPy, TensorLy and pyttb, both sides in turn in one run.

See run.sh. Each comparison checks first that both sides' results agree.
A ratio is the rival's time over ours unless its name says otherwise.
"""

import argparse
import csv
import json
import math
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyttb
import threadpoolctl

import rivals

# A pair of slow sides is measured three times at least, and then until this.
PATIENCE_SECONDS = 60.0
# Threads of either side go on spinning for a while after their work is done; what
# is measured next must not share a core with them.
REST_SECONDS = 0.2
MEASURE_MEMORY = (
    "import resource, subprocess, sys;"
    "subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL);"
    "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
)


class Driver:
    """Our side: a process that answers a line by seconds and what else it knows."""

    def __init__(self, path):
        self.process = subprocess.Popen(
            [path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def __call__(self, *words):
        self.process.stdin.write(" ".join(map(str, words)) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer or answer.startswith("error"):
            raise RuntimeError(f"{words}: {answer.strip() or 'the driver ended'}")
        return [float(word) for word in answer.split()]


def timed(work, repeat=1):
    started = time.perf_counter()
    for _ in range(repeat):
        work()
    return (time.perf_counter() - started) / repeat


def repeats_for(seconds):
    """So many calls in a row that they last some 20 ms."""
    return max(1, min(1000, int(0.02 / max(seconds, 1e-7))))


class Comparison:
    def __init__(self, args, folder):
        self.args, self.folder = args, folder
        self.driver = Driver(args.driver)
        self.rows = []
        self.table = None
        self.disagreements = 0

    def load(self, x, name="x"):
        """Hands an array to our side."""
        file = self.folder / f"{name}.npy"
        np.save(file, x)
        self.driver("load", name, file)
        return file

    def agree(self, what, difference, limit):
        if not difference <= limit:
            self.disagreements += 1
            print(f"DISAGREEMENT {what}: {difference:.2e}, allowed {limit:.0e}", flush=True)
            return False
        return True

    def pair(self, work, rival, ours, theirs, target, at_most=False):
        """Measures both sides in turn. The ratio is theirs over ours, with a
        target to reach; or, `at_most`, ours over theirs, with one to keep to."""
        ours(), theirs()
        a, b, started = [], [], time.perf_counter()
        while len(a) < self.args.repeat and (
            len(a) < 3 or time.perf_counter() - started < PATIENCE_SECONDS
        ):
            time.sleep(REST_SECONDS)
            a.append(ours())
            time.sleep(REST_SECONDS)
            b.append(theirs())
        ratios = [x / y if at_most else y / x for x, y in zip(a, b)]
        self.row(work, rival, ratios, target, at_most, a, b)

    def row(self, work, rival, ratios, target, at_most=False, a=(), b=()):
        ratio = statistics.median(ratios)
        met = ratio <= target if at_most else ratio >= target
        self.rows.append({
            "table": self.table, "work": work, "rival": rival,
            "ours_seconds": statistics.median(a) if a else None,
            "ours_spread": [min(a), max(a)] if a else None,
            "rival_seconds": statistics.median(b) if b else None,
            "rival_spread": [min(b), max(b)] if b else None,
            "ratio": ratio, "ratio_spread": [min(ratios), max(ratios)],
            "target": target, "at_most": at_most, "met": met, "repeats": len(ratios),
        })
        times = f"{statistics.median(a)*1e3:10.3f} {statistics.median(b)*1e3:11.3f}" if a else " " * 22
        print(
            f"{work:<47} {rival:<21} {times} {ratio:10.2f} "
            f"[{min(ratios):.2f}, {max(ratios):.2f}] {'≤' if at_most else '≥'} {target:g}"
            f" {'yes' if met else 'NO'}",
            flush=True,
        )


def feature_map(rng, channels, height, width):
    """A few smooth patterns of falling weight, noise, and a ReLU."""
    y, x = np.mgrid[0:height, 0:width] / max(height, width)
    features = 0.1 * rng.standard_normal((channels, height, width))
    for k in range(8):
        centre = rng.random(2)
        bump = np.exp(-8 * ((y - centre[0]) ** 2 + (x - centre[1]) ** 2))
        features += 0.6**k * rng.standard_normal(channels)[:, None, None] * bump
    return np.maximum(features, 0).astype(np.float32)


def low_rank(rng, shape, ranks, dtype):
    """A tensor of the given ranks and 10% noise."""
    x = rng.standard_normal(ranks)
    for mode, extent in enumerate(shape):
        q = np.linalg.qr(rng.standard_normal((extent, ranks[mode])))[0]
        x = np.moveaxis(np.tensordot(q, x, axes=(1, mode)), 0, mode)
    size = np.linalg.norm(x) / math.sqrt(x.size)
    x = np.ascontiguousarray(x, dtype=dtype)
    for part in x:
        part += (0.1 * size * rng.standard_normal(part.shape)).astype(dtype)
    return x


def times(shape):
    return "×".join(map(str, shape))


def saliency(c):
    """(a) One map: the published code, NumPy at its best, and our SVD pair."""
    shapes = [(n, 7, 7) for n in (512, 768, 1024, 1280, 2048)] + [(2048, 14, 14), (256, 56, 56)]
    if c.args.quick:
        shapes = [(512, 7, 7), (64, 14, 14)]
    for shape in shapes:
        features = feature_map(np.random.default_rng(shape[0]), *shape)
        c.load(features)
        seven = shape[1] == 7

        def ours(weighting):
            repeat = repeats_for(c.driver("cam", "x", weighting, 1, 1)[0])
            return lambda: c.driver("cam", "x", weighting, 1, repeat)[0]

        for weighting in rivals.WEIGHTINGS:
            out = c.folder / "map.npy"
            c.driver("cam-map", "x", weighting, out)
            ours_map = np.load(out).ravel()
            many = rivals.takes_all(weighting)
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
                        c.pair(work, rival, ours(weighting), theirs, target)
        for tucker, svd in (("tsm", "eigen-cam"), ("mtsm", "multivec-eigen-cam")):
            c.pair(f"{tucker} {times(shape)}, ours over theirs", f"our {svd}",
                   ours(tucker), ours(svd), 1.05, at_most=True)


def batch(c):
    """(b) A batch of maps against its maps one by one on one thread."""
    count, shape = (50, (512, 7, 7)) if c.args.quick else (1000, (2048, 7, 7))
    rng = np.random.default_rng(0)
    maps = np.empty((count, *shape), dtype=np.float32)
    some = [feature_map(rng, *shape) for _ in range(10)]
    for i in range(count):
        # Channels in another order: another map in memory, the same spectrum.
        maps[i] = some[i % 10][rng.permutation(shape[0])]
    c.load(maps, "batch")
    c.load(maps[0], "one")
    for weighting in rivals.WEIGHTINGS:
        for threads in c.args.threads:
            c.pair(f"{count} maps {weighting} {times(shape)}, {threads} thr.",
                   "one map × count, 1 thr.",
                   lambda: c.driver("cam-batch", "batch", weighting, threads)[0],
                   lambda: count * c.driver("cam", "one", weighting, 1, count)[0],
                   1.9 if threads >= 2 else 0.95)
    c.driver("drop", "batch")


TUCKER_CASES = [
    ((200, 200, 200), (20, 20, 20)),
    ((400, 400, 400), (40, 40, 40)),
    ((60, 60, 60, 60), (10, 10, 10, 10)),
    ((256, 256, 3, 200), (32, 32, 3, 20)),
]
TUCKER_CASES_QUICK = [((40, 40, 40), (5, 5, 5)), ((24, 24, 3, 20), (5, 5, 3, 4))]


def error_limit(dtype):
    """Two programs' errors agree so far: the sums of f32 products differ more."""
    return 1e-6 if dtype == np.float64 else 2e-5


def tucker(c):
    """(c) ST-HOSVD against NumPy's, and our own routes against each other."""
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
                with threadpoolctl.threadpool_limits(threads):
                    c.pair(f"ST-HOSVD {name}, {threads} thr.", "NumPy ST-HOSVD",
                           ours(threads), lambda: timed(lambda: rivals.st_hosvd(x, ranks)),
                           1.0 if shape == (400, 400, 400) else 1.3)
            against_tucker_mpi(c, shape, dtype, name, ours(1, "gram"))
            if dtype == np.float64 and shape in (TUCKER_CASES[0][0], TUCKER_CASES_QUICK[0][0]):
                qr_error = c.driver("st-hosvd", "x", "qr", wanted, 1)[1]
                if c.agree(f"QR route {name}", abs(qr_error / our_error - 1), 1e-6):
                    c.pair(f"QR route {name}, 2 thr., ours over", "our Gram route",
                           ours(2, "qr"), ours(2, "gram"), 4, at_most=True)
            if shape in (TUCKER_CASES[1][0], TUCKER_CASES_QUICK[0][0]):
                random_error = c.driver("randomized", "x", wanted, 2)[1]
                c.row(f"randomized {name}, error over", "our ST-HOSVD",
                      [random_error / our_error], 1.02, at_most=True)
                c.pair(f"randomized {name}, 2 thr.", "our ST-HOSVD",
                       lambda: c.driver("randomized", "x", wanted, 2)[0], ours(2), 3)
                if dtype == np.float64:
                    for threads in c.args.threads:
                        against_peak(c, shape, ranks, threads)


def against_peak(c, shape, ranks, threads):
    """The rate of the first Gram matrix and product against a square product's."""
    n = 512 if c.args.quick else 2048
    a, b = np.random.default_rng(2).standard_normal((2, n, n))
    mode = len(shape) - 1
    flops = (shape[mode] + 1 + 2 * ranks[mode]) * math.prod(shape)
    # Seconds that our flops would take at the rate of the square product.
    with threadpoolctl.threadpool_limits(threads):
        c.pair(f"Gram and product {times(shape)} float64, {threads} thr.", "DGEMM peak",
               lambda: c.driver("gram-product", "x", mode, ranks[mode], threads)[0],
               lambda: timed(lambda: a @ b) * flops / (2 * n**3), 0.75)


# Seconds of TuckerMPI's ST-HOSVD by Gram matrices, one process, measured once
# beforehand on a machine of another kind (two Zen 4 cores): quoted, not run.
TUCKER_MPI = {
    ((200, 200, 200), "float64"): 0.087,
    ((200, 200, 200), "float32"): 0.055,
    ((400, 400, 400), "float64"): 1.12,
    ((400, 400, 400), "float32"): 0.58,
}


def against_tucker_mpi(c, shape, dtype, name, ours):
    """Against quoted figures of TuckerMPI, which is not built here."""
    if quoted := TUCKER_MPI.get((shape, np.dtype(dtype).name)):
        seconds = [ours() for _ in range(3)]
        c.row(f"ST-HOSVD {name}, 1 thr.", "TuckerMPI (quoted)",
              [quoted / s for s in seconds], 1.2, a=seconds, b=[quoted])


def hooi(c):
    """(d) HOOI to the same tolerance."""
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
                            c.pair(f"{name}, {threads} thr.", rival,
                                   lambda: c.driver("hooi", "x", wanted, tolerance, threads)[0],
                                   lambda: timed(run), target)


def files(c):
    """(e) Peak memory of `decompose`, and the rate of reading."""
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
        c.row(f"peak memory of decompose {name}", "input size", [peak / size], allowed, True)
        c.pair(f"read {name}", "cat > /dev/null",
               lambda: c.driver("read", file)[0],
               lambda: timed(lambda: subprocess.run(["sh", "-c", 'cat "$0" > /dev/null', file],
                                                    check=True)), 0.5)


PARTS = {"a": saliency, "b": batch, "c": tucker, "d": hooi, "e": files}
TABLES = {"a": "one map", "b": "batch of maps", "c": "ST-HOSVD", "d": "HOOI", "e": "memory and files"}
COLUMNS = ["table", "work", "against", "ours_ms", "theirs_ms", "ratio", "ratio_min", "ratio_max",
           "target_kind", "target", "result"]


def write_csv(path, rows):
    """The rows in the columns of docs/data/performance.csv."""
    def milliseconds(seconds):
        return "" if seconds is None else f"{seconds * 1e3:.3f}"

    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for row in rows:
            least, most = row["ratio_spread"]
            writer.writerow([
                row["table"], row["work"], row["rival"],
                milliseconds(row["ours_seconds"]), milliseconds(row["rival_seconds"]),
                *(f"{ratio:.{0 if ratio >= 100 else 2}f}" for ratio in (row["ratio"], least, most)),
                "at most" if row["at_most"] else "at least", f"{row['target']:.4g}",
                "met" if row["met"] else "short",
            ])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--driver", required=True, help="the built driver.rs")
    parser.add_argument("--tenfold", required=True, help="the built command")
    parser.add_argument("--quick", action="store_true", help="fewer and smaller cases")
    parser.add_argument("--skip-published", action="store_true",
                        help="leave out the published code, which takes minutes")
    parser.add_argument("--only", default="a,b,c,d,e", help="parts: " + "; ".join(
        part.__doc__ for part in PARTS.values()))
    parser.add_argument("--threads", default="1,2", help="numbers of threads, as in 1,2")
    parser.add_argument("--repeat", type=int, help="pairs measured [7; 3 with --quick]")
    parser.add_argument("--json", metavar="OUT", help="also write the rows here")
    parser.add_argument("--csv", metavar="OUT",
                        help="also write the rows here, as docs/data/performance.csv has them")
    args = parser.parse_args()
    args.threads = [int(n) for n in args.threads.split(",")]
    args.repeat = args.repeat or (3 if args.quick else 7)
    parts = args.only.split(",")
    if unknown := set(parts) - set(PARTS):
        parser.error(f"no such part: {', '.join(sorted(unknown))}")

    print(f"{platform.processor() or platform.machine()}, Python {platform.python_version()}, "
          f"NumPy {np.__version__}, {threadpoolctl.threadpool_info()[0].get('architecture')}")
    print(f"{'work':<47} {'against':<21} {'ours ms':>10} {'theirs ms':>11} {'ratio':>10} "
          "[least, most] target met")
    with tempfile.TemporaryDirectory() as folder:
        comparison = Comparison(args, Path(folder))
        for part in parts:
            comparison.table = TABLES[part]
            PARTS[part](comparison)
    missed = [row for row in comparison.rows if not row["met"]]
    print(f"{len(comparison.rows)} comparisons, {len(missed)} short of the target, "
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
