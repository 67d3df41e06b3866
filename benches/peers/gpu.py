#!/usr/bin/env python3
"""Times tenfold on a GPU beside PyTorch, cuSOLVER, CuPy and TensorLy on the same card. gpu.sh calls this script.

Each row is one kind of work. First the script checks the result: maps against the CPU in double
precision, and against NumPy or PyTorch if one is installed; decompositions by their error and the
orthonormality of their factors. A wrong result is printed as WRONG, and the exit status is then 1.
Times are medians after a warm-up, and include the synchronisation. The ratio is the time of the
fastest rival over ours. A rival that cannot be imported is printed as absent.

    python3 benches/peers/gpu.py --driver target/release/examples/gpu_driver [--out FOLDER] [--seconds 90] [--small]

The driver is the example `gpu_driver`, built with `--features cuda`. With `--small` each kind of work
runs once on tiny data, to test this script. FOLDER gets the table as table.md and table.csv.
"""

import argparse
import ast
import csv
import os
import pathlib
import queue
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field

from gpu_rivals import Rivals, centres, uses_all_vectors
from gpu_work import OTHER_WORK, SMALL_OTHER_WORK, SMALL_WORK, WORK, Eigenproblems, Maps, Tucker

WEIGHTINGS = ("eigen-cam", "tsm", "multivec-eigen-cam", "mtsm")
# The longest time of one call of the driver. A call that takes longer ends the driver.
MOST_SECONDS = 20.0
# Maps lie between 0 and 1; these differences are far above rounding and far below an error.
MAP_LIMIT = {"f32": 1e-4, "f64": 1e-8}
# An error of a decomposition may exceed the CPU's by this share; orthonormality; n·ε for eigenproblems.
EXCESS_LIMIT = {"f32": 1e-4, "f64": 1e-6}
ORTHONORMALITY_LIMIT = {"f32": 1e-4, "f64": 1e-11}
EIGEN_LIMIT = 10.0


class TooSlow(RuntimeError):
    """A call of the driver took longer than `MOST_SECONDS`."""


class Driver:
    """The process of gpu_driver.rs. A call sends one line and returns the numbers of the answer."""

    def __init__(self, path):
        self.path, self.process = path, None

    def start(self):
        self.process = subprocess.Popen([self.path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.answers = queue.Queue()
        threading.Thread(target=self.listen, args=(self.process, self.answers), daemon=True).start()
        self.send("open")

    @staticmethod
    def listen(process, answers):
        for line in process.stdout:
            answers.put(line.strip())
        answers.put("error the driver ended")

    def send(self, *words):
        """The answer to a line, as text."""
        try:
            self.process.stdin.write(" ".join(map(str, words)) + "\n")
            self.process.stdin.flush()
            answer = self.answers.get(timeout=MOST_SECONDS)
        except (queue.Empty, OSError):
            self.stop()
            raise TooSlow(f"over {MOST_SECONDS:.0f} s") from None
        if answer.startswith("error"):
            if self.process.poll() is not None:
                self.process = None
            raise RuntimeError(answer)
        return answer

    def __call__(self, *words):
        if self.process is None:
            self.start()
        return [float(word) for word in self.send(*words).split()]

    def stop(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None


def read_npy(library, file):
    """A file of `write_npy` as an array of NumPy or PyTorch, in double precision."""
    data = pathlib.Path(file).read_bytes()
    start = 10 + int.from_bytes(data[8:10], "little")
    header = ast.literal_eval(data[10:start].decode("latin1").strip())
    scalar = {"<f4": library.float32, "<f8": library.float64}[header["descr"]]
    array = library.frombuffer(bytearray(data[start:]), dtype=scalar).reshape(header["shape"])
    return array.astype("float64") if hasattr(array, "astype") else array.double()


def reference_map(library, m, weighting):
    """The map of an unfolding in double precision. NumPy and PyTorch share these functions."""
    if centres(weighting):
        m = m - m.mean(axis=1, keepdims=True)
    positions = m.shape[0] > m.shape[1]
    squares, vectors = library.linalg.eigh(m.T @ m if positions else m @ m.T)
    projected = vectors.T if positions else vectors.T @ m
    if uses_all_vectors(weighting):
        squares = squares.clip(0)
        weights = squares if positions else squares**0.5
        found = weights @ abs(projected)
    elif weighting == "eigen-cam":
        found = projected[-1]
        found = (-found if -found.min() > found.max() else found).clip(0)
    else:
        found = abs(projected[-1])
    return (found - found.min()) / (found.max() - found.min())


@dataclass
class Row:
    """A row of the table. Times are in `unit`."""

    work: str
    unit: str
    ours: float | None
    target: float | None
    # The fault of the result of tenfold; an empty text without one.
    wrong: str = ""
    rivals: dict = field(default_factory=dict)
    note: str = ""

    def best(self):
        """The fastest rival."""
        return min(self.rivals.items(), key=lambda rival: rival[1], default=("", None))

    def verdict(self):
        if self.wrong:
            return f"WRONG: {self.wrong}"
        if self.ours is None or not self.target:
            return "correct" if self.ours else ""
        return "yes" if self.ours <= self.target else "NO"


def shown(number):
    """Three significant digits."""
    if not number:
        return ""
    return f"{number:,.0f}" if number >= 1000 else f"{number:.3g}"


class Table:
    """The rows so far. Each row is printed and written at once, so that an early end loses none."""

    HEAD = ["work", "ours", "fastest rival", "other rivals", "target", "ratio", "met"]

    def __init__(self, out):
        self.failures = 0
        self.markdown = open(out / "table.md", "w", encoding="utf-8") if out else None
        self.file = open(out / "table.csv", "w", encoding="utf-8", newline="") if out else None
        self.csv = csv.writer(self.file) if out else None
        if self.csv:
            self.csv.writerow(["work", "who", "time", "unit", "target", "verdict"])

    def line(self, text):
        print(text, flush=True)
        if self.markdown:
            print(text, file=self.markdown, flush=True)

    def start(self, title):
        self.line(f"\n{title}\n\n| " + " | ".join(self.HEAD) + " |\n| --- | ---: | --- | --- | ---: | ---: | --- |")

    def add(self, row):
        name, best = row.best()
        others = "; ".join(f"{rival} {shown(value)}" for rival, value in row.rivals.items() if rival != name)
        ratio = f"{best / row.ours:.2f}" if best and row.ours else ""
        self.failures += bool(row.wrong)
        ours = f"{shown(row.ours)} {row.unit}" if row.ours else row.note
        target = f"≤ {row.target:g}" if row.target else ""
        self.line(f"| {row.work} | {ours} | {name} {shown(best)} | {others} | {target} | {ratio} | {row.verdict()} |")
        if self.csv:
            lines = [("tenfold", row.ours, row.verdict()), *((*rival, "") for rival in row.rivals.items())]
            for who, value, verdict in lines:
                self.csv.writerow([row.work, who, value, row.unit, row.target, verdict])
            self.file.flush()


def times(shape):
    return "×".join(map(str, shape))


class Comparison:
    """The driver, the rivals, the table, and the time that is left."""

    def __init__(self, arguments, folder):
        self.driver = Driver(arguments.driver)
        self.rivals = Rivals()
        self.table = Table(arguments.out)
        self.folder, self.small = folder, arguments.small
        self.end = time.monotonic() + arguments.seconds
        self.repeat = 1 if arguments.small else 20
        # Rivals that take long, measured at the end while time is left: (work, unit, scale, name, function).
        self.later = []
        try:
            import numpy

            self.reference = numpy
        except ImportError:
            self.reference = self.rivals.torch

    def measure(self, row, scale, work, check):
        """Checks a result and times it: `scale` turns seconds into the unit of the row. The checks return
        what is wrong, or nothing."""
        try:
            row.wrong = check()
            row.ours = scale * self.driver(*work, self.repeat)[0]
        except TooSlow as error:
            row.note = str(error)
        except RuntimeError as error:
            row.note = row.wrong = str(error)

    def measure_rivals(self, row, scale, methods, data):
        for name, method in methods.items():
            try:
                row.rivals[name] = scale * self.rivals.seconds(lambda: method(data))
            except Exception as error:
                print(f"{row.work}, {name}: {error}", file=sys.stderr)

    # Saliency maps.

    def maps(self, maps):
        items = maps.shape[0]
        try:
            self.driver("features", "x", maps.scalar, ",".join(map(str, maps.shape)))
        except RuntimeError as error:
            self.table.add(Row(f"maps {times(maps.shape)}", "µs", None, None, str(error)))
            return
        features = self.rivals.features(maps.shape, maps.scalar) if self.rivals.torch else None
        for place in ("device", "host") if maps.from_host else ("device",):
            for weighting in WEIGHTINGS:
                target = maps.targets[uses_all_vectors(weighting)] if place == "device" else maps.from_host
                origin = "" if place == "device" else ", from pageable memory"
                row = Row(f"{weighting} {times(maps.shape[1:])} {maps.scalar}, {items}{origin}", "µs", None, target)
                self.measure(row, 1e6 / items, ("maps", "x", weighting, place),
                             lambda: self.check_maps(maps, weighting, place))
                if features is not None:
                    self.rivals_of_maps(row, 1e6 / items, features, maps, weighting, place)
                self.table.add(row)
        if self.driver.process:
            self.driver("drop", "x")

    def rivals_of_maps(self, row, scale, features, maps, weighting, place):
        fast, slow = self.rivals.map_methods(weighting)
        scalar = maps.scalar
        if place == "host":
            features = features.cpu()
            fast = {f"copy + {name}": lambda m, method=method: method(m.cuda()) for name, method in fast.items()}
            slow = {}
        self.measure_rivals(row, scale, self.marked(fast, features, weighting, MAP_LIMIT[scalar]), features)
        for name, method in slow.items():
            make = lambda shape=maps.shape, scalar=scalar: self.rivals.features(shape, scalar)
            self.later.append((row, scale, name, make, method))

    def marked(self, methods, features, weighting, limit):
        """The methods, with the difference from the exact map in the name where it exceeds the limit."""
        found = {}
        for name, method in methods.items():
            pairs = zip(features[:2], method(features[:2]))
            off = max(float((own.cpu().double() - reference_map(self.rivals.torch, m.cpu().double(), weighting))
                            .abs().max()) for m, own in pairs)
            found[name if off <= limit else f"{name} (off by {off:.0e})"] = method
        return found

    def check_maps(self, maps, weighting, place):
        limit = MAP_LIMIT[maps.scalar]
        off = self.driver("check-maps", "x", weighting, place, 3, self.folder)[0]
        if not off <= limit:
            return f"differs from the CPU by {off:.1e}"
        if self.reference:
            batch, found = (read_npy(self.reference, self.folder / name) for name in ("features.npy", "maps.npy"))
            for features, own in zip(batch, found):
                expected = reference_map(self.reference, features.reshape(features.shape[0], -1), weighting)
                off = float(abs(own.reshape(-1) - expected).max())
                if not off <= limit:
                    return f"differs from {self.reference.__name__} by {off:.1e}"
        return ""

    # Eigenproblems.

    def eigenproblems(self, problems):
        scale = 1e6 / problems.items
        row = Row(f"eigenproblems f64 n = {problems.order}, {problems.items}", "µs", None, problems.target)
        try:
            seconds, _, residual, orthonormality = self.driver("eigen", problems.order, problems.items, self.repeat)
            row.ours = scale * seconds
            if not max(residual, orthonormality) <= EIGEN_LIMIT:
                row.wrong = f"residual {residual:.1f}, orthonormality {orthonormality:.1f} n·ε"
        except TooSlow as error:
            row.note = str(error)
        except RuntimeError as error:
            row.note = row.wrong = str(error)
        if self.rivals.torch:
            fast, slow = self.rivals.eigen_methods()
            self.measure_rivals(row, scale, fast, self.rivals.grams(problems.order, problems.items))
            for name, method in slow.items():
                make = lambda: self.rivals.grams(problems.order, problems.items)
                self.later.append((row, scale, name, make, method))
        self.table.add(row)

    # Tucker decompositions.

    def tucker(self, tucker):
        ranks = ",".join(map(str, tucker.ranks))
        solvers = [("st-hosvd", tucker.st_hosvd), ("hooi", tucker.hooi)]
        try:
            self.driver("low-rank", "x", tucker.scalar, ",".join(map(str, tucker.shape)), ranks)
        except RuntimeError as error:
            self.table.add(Row(f"tensors {times(tucker.shape)}", "ms", None, None, str(error)))
            return
        for solver, target in solvers:
            if target is None and solver == "hooi":
                continue
            for place in ("device", "host"):
                origin = "" if place == "device" else ", from host memory"
                row = Row(f"{solver} {times(tucker.shape[1:])}→{ranks} {tucker.scalar}, {tucker.shape[0]}{origin}",
                          "ms", None, target if place == "device" else None)
                self.measure(row, 1e3, ("tucker", "x", solver, ranks, place),
                             lambda: self.check_tucker(tucker, solver, ranks, place))
                if self.rivals.torch and place == "device":
                    self.rivals_of_tucker(row, tucker, solver)
                self.table.add(row)
        if self.driver.process:
            self.driver("drop", "x")

    def rivals_of_tucker(self, row, tucker, solver):
        rivals = self.rivals
        if solver == "st-hosvd":
            x = rivals.tensors(tucker.shape, tucker.ranks, tucker.scalar)
            self.measure_rivals(row, 1e3, {"torch Gram + eigh": lambda x: rivals.st_hosvd(x, tucker.ranks)}, x)
            if tucker.shape[0] == 1:
                unfolding = x.reshape(tucker.shape[1], -1)
                self.measure_rivals(row, 1e3, {"one DGEMM Gram alone": lambda m: m @ m.T}, unfolding)
        elif rivals.tensorly:
            shape = (tucker.tensorly, *tucker.shape[1:])
            make = lambda: rivals.tensors(shape, tucker.ranks, tucker.scalar)
            self.later.append((row, 1e3 * tucker.shape[0] / shape[0], "TensorLy tucker", make,
                               lambda x: rivals.tensorly_hooi(x, tucker.ranks)))

    def check_tucker(self, tucker, solver, ranks, place):
        _, excess, orthonormality = self.driver("check-tucker", "x", solver, ranks, place, 4)
        if not excess <= EXCESS_LIMIT[tucker.scalar]:
            return f"the error exceeds the CPU's by {100 * excess:.2g}%"
        if not orthonormality <= ORTHONORMALITY_LIMIT[tucker.scalar]:
            return f"factors orthonormal only to {orthonormality:.1e}"
        return ""

    # Opening a device.

    def opening(self):
        """Opens the device in new processes: without any cache, and with the caches of the first ones."""
        cache = self.folder / "cache"
        kept = {**os.environ, "XDG_CACHE_HOME": str(cache), "CUDA_CACHE_PATH": str(cache / "driver")}
        for work, target, runs in (("opening a device, no caches", None, 1), ("opening a device again", 150.0, 3)):
            row = Row(work, "ms", None, target if not self.small else 1e9)
            try:
                answers = [subprocess.run([self.driver.path], input="open\n", env=kept, capture_output=True,
                                          text=True, timeout=MOST_SECONDS, check=True).stdout for _ in range(runs)]
                row.ours = 1e3 * min(map(float, answers))
            except (subprocess.SubprocessError, ValueError) as error:
                row.note = row.wrong = f"it failed: {error}"
            self.table.add(row)

    # The slow rivals.

    def slow_rivals(self):
        """Measures the rivals that take long, until no time is left."""
        if not self.later:
            return
        self.table.start("Slower rivals")
        for row, scale, name, make, method in self.later:
            if time.monotonic() > self.end:
                self.table.line("\nNo time was left for the others.")
                return
            slower = Row(row.work, row.unit, row.ours, None)
            try:
                data = make()
                slower.rivals[name] = scale * self.rivals.seconds(lambda: method(data), repeat=1)
                self.table.add(slower)
            except Exception as error:
                print(f"{row.work}, {name}: {error}", file=sys.stderr)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--driver", required=True)
    parser.add_argument("--out", type=pathlib.Path)
    parser.add_argument("--seconds", type=float, default=90, help="no row starts after this time")
    parser.add_argument("--small", action="store_true")
    arguments = parser.parse_args()
    if arguments.out:
        arguments.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        comparison = Comparison(arguments, pathlib.Path(folder))
        for name, reason in comparison.rivals.absent.items():
            comparison.table.line(f"absent: {name} ({reason})")
        if not comparison.reference:
            comparison.table.line("absent: NumPy; maps are checked against the CPU alone")
        work, other = (SMALL_WORK, SMALL_OTHER_WORK) if arguments.small else (WORK, OTHER_WORK)
        comparison.table.start("Work with a target")
        comparison.opening()
        measure = {Maps: comparison.maps, Eigenproblems: comparison.eigenproblems, Tucker: comparison.tucker}
        for title, rows in (("", work), ("Other shapes", other)):
            if title:
                comparison.table.start(title)
            for row in rows:
                if time.monotonic() > comparison.end:
                    comparison.table.line(f"| no time was left for {row} |")
                else:
                    measure[type(row)](row)
        comparison.slow_rivals()
        comparison.driver.stop()
        if comparison.table.failures:
            sys.exit(f"{comparison.table.failures} results are wrong")


main()
