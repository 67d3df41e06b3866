"""Comparisons of tenfold with other programs: the driver, pairs of times, and the test data."""

import math
import statistics
import subprocess
import time
from dataclasses import dataclass

import numpy as np

# After this time a comparison stops, unless it has fewer than three repetitions.
MAX_SECONDS = 60.0
# The threads of both sides keep spinning for a while after their work. The pause before each
# measurement gives them time to stop, so that they do not use a core during it.
REST_SECONDS = 0.2


class Driver:
    """The process of driver.rs, which times tenfold. A call sends one line, and returns the numbers
    of the answer: the seconds first."""

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
    """The number of calls that take about 20 ms together."""
    return max(1, min(1000, int(0.02 / max(seconds, 1e-7))))


@dataclass(frozen=True)
class Goal:
    """A row of the results: what is compared, and the ratio to reach."""

    work: str
    rival: str
    # The ratio is the rival's time over ours, and at least the target. With `at_most` it is our
    # time over the rival's, and at most the target.
    target: float
    at_most: bool = False

    def ratio(self, ours, theirs):
        return ours / theirs if self.at_most else theirs / ours

    def is_met(self, ratio):
        return ratio <= self.target if self.at_most else ratio >= self.target


class Comparison:
    """The driver, the options, and the rows measured so far."""

    def __init__(self, args, folder):
        self.args, self.folder = args, folder
        self.driver = Driver(args.driver)
        self.rows = []
        self.table = None
        self.disagreements = 0

    def load(self, x, name="x"):
        """Loads an array into the driver under a name."""
        file = self.folder / f"{name}.npy"
        np.save(file, x)
        self.driver("load", name, file)
        return file

    def agree(self, what, difference, limit):
        """Checks that two results differ by at most `limit`."""
        if not difference <= limit:
            self.disagreements += 1
            print(f"DISAGREEMENT {what}: {difference:.2e}, allowed {limit:.0e}", flush=True)
            return False
        return True

    def pair(self, goal, ours, theirs):
        """Times both sides alternately and adds a row. `ours` and `theirs` return seconds."""
        ours(), theirs()
        our_seconds, their_seconds, started = [], [], time.perf_counter()
        while len(our_seconds) < self.args.repeat and (
            len(our_seconds) < 3 or time.perf_counter() - started < MAX_SECONDS
        ):
            time.sleep(REST_SECONDS)
            our_seconds.append(ours())
            time.sleep(REST_SECONDS)
            their_seconds.append(theirs())
        ratios = [goal.ratio(a, b) for a, b in zip(our_seconds, their_seconds)]
        self.row(goal, ratios, our_seconds, their_seconds)

    def row(self, goal, ratios, our_seconds=(), their_seconds=()):
        """Adds and prints a row. A row without times compares other numbers, such as errors."""
        def median(seconds):
            return statistics.median(seconds) if seconds else None

        def spread(seconds):
            return [min(seconds), max(seconds)] if seconds else None

        ratio, ratio_spread = statistics.median(ratios), spread(ratios)
        met = goal.is_met(ratio)
        self.rows.append({
            "table": self.table, "work": goal.work, "rival": goal.rival,
            "ours_seconds": median(our_seconds), "ours_spread": spread(our_seconds),
            "rival_seconds": median(their_seconds), "rival_spread": spread(their_seconds),
            "ratio": ratio, "ratio_spread": ratio_spread,
            "target": goal.target, "at_most": goal.at_most, "met": met, "repeats": len(ratios),
        })
        milliseconds = " " * 22
        if our_seconds:
            milliseconds = f"{median(our_seconds)*1e3:10.3f} {median(their_seconds)*1e3:11.3f}"
        print(
            f"{goal.work:<47} {goal.rival:<21} {milliseconds} {ratio:10.2f} "
            f"[{ratio_spread[0]:.2f}, {ratio_spread[1]:.2f}] "
            f"{'≤' if goal.at_most else '≥'} {goal.target:g} {'yes' if met else 'NO'}",
            flush=True,
        )


def feature_map(rng, channels, height, width):
    """Features like the output of a ReLU: smooth patterns of decreasing weight, and noise."""
    y, x = np.mgrid[0:height, 0:width] / max(height, width)
    features = 0.1 * rng.standard_normal((channels, height, width))
    for k in range(8):
        centre = rng.random(2)
        bump = np.exp(-8 * ((y - centre[0]) ** 2 + (x - centre[1]) ** 2))
        features += 0.6**k * rng.standard_normal(channels)[:, None, None] * bump
    return np.maximum(features, 0).astype(np.float32)


def low_rank(rng, shape, ranks, dtype, noise=0.1):
    """A tensor of the given ranks plus noise of `noise` times its norm."""
    x = rng.standard_normal(ranks)
    for mode, extent in enumerate(shape):
        q = np.linalg.qr(rng.standard_normal((extent, ranks[mode])))[0]
        x = np.moveaxis(np.tensordot(q, x, axes=(1, mode)), 0, mode)
    size = np.linalg.norm(x) / math.sqrt(x.size)
    x = np.ascontiguousarray(x, dtype=dtype)
    for part in x:
        part += (noise * size * rng.standard_normal(part.shape)).astype(dtype)
    return x


def times(shape):
    return "×".join(map(str, shape))
