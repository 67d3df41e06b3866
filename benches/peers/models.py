"""Times tenfold beside TensorLy for missing entries and for non-negative decompositions.

    python3 -m venv /tmp/venv
    /tmp/venv/bin/pip install numpy==1.26.4 tensorly
    cargo build --release
    OMP_NUM_THREADS=1 /tmp/venv/bin/python benches/peers/models.py target/release/tenfold

Both programs read the same arrays, and use one thread. TensorLy's time does not count reading; tenfold's
is the time of the decomposition that the command reports. Real data come with TensorLy: Kinetic with
its missing entries, and the hyperspectral picture Indian Pines. The other tensors are low-rank with noise
of 1% of the norm. `--only NAME` runs the rows with NAME in their names, `--iterations N` sets the
iterations of TensorLy.
"""

import argparse
import json
import subprocess
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
import tensorly
from tensorly.decomposition import non_negative_tucker_hals, tucker

STORED = Path(tensorly.__file__).parent / "datasets" / "data"


def low_rank(shape, ranks, seed, non_negative=False):
    """A tensor of these ranks, and the same with noise."""
    random = np.random.default_rng(seed)
    draw = random.random if non_negative else random.standard_normal
    exact = draw(ranks)
    for mode, (extent, rank) in enumerate(zip(shape, ranks)):
        exact = np.moveaxis(np.tensordot(draw((extent, rank)), exact, (1, mode)), 0, mode)
    exact = np.ascontiguousarray(exact)
    noise = random.standard_normal(shape) * np.linalg.norm(exact) / np.sqrt(exact.size)
    x = exact + 0.01 * noise
    return exact, np.maximum(x, 0) if non_negative else x


def distance(x, estimate, entries):
    return np.linalg.norm((x - estimate)[entries]) / np.linalg.norm(x[entries])


def run(command, folder, x, options):
    """The decomposition by tenfold, and the seconds that it took."""
    np.save(folder / "x.npy", x)
    output = folder / "x.tucker.npz"
    arguments = [command, "decompose", folder / "x.npy", *options, "--threads", "1", "--json", "-o", output]
    report = json.loads(subprocess.run(arguments, check=True, capture_output=True, text=True).stdout)
    stored = np.load(output)
    factors = [stored[f"factor_{mode}"] for mode in range(x.ndim)]
    return tensorly.tucker_to_tensor((stored["core"], factors)), report


def with_missing_entries(arguments, folder):
    cases = []
    if arguments.only in "kinetic":
        x = np.load(STORED / "Kinetic.npy").astype(float)
        observed = ~np.load(STORED / "Kinetic_missing.npy").astype(bool)
        cases.append(("Kinetic", x, observed, None, [6, 5, 4, 6]))
    for share in (30, 60, 90):
        if arguments.only in f"{share}% missing":
            exact, x = low_rank([100, 90, 80], [8, 7, 6], share)
            observed = np.random.default_rng(share + 1).random(x.shape) > share / 100
            cases.append((f"{share}% missing", x, observed, exact, [8, 7, 6]))
    for name, x, observed, exact, ranks in cases:
        filled = np.where(observed, x, 0.0)
        started = time.perf_counter()
        found = tucker(filled, ranks, mask=observed, n_iter_max=arguments.iterations, tol=0)
        seconds = time.perf_counter() - started
        theirs = tensorly.tucker_to_tensor(found)
        np.save(folder / "mask.npy", observed)
        options = ["--ranks", ",".join(map(str, ranks)), "--missing", folder / "mask.npy"]
        ours, report = run(arguments.tenfold, folder, x, options)
        line = [
            f"{name}: TensorLy {seconds:.3f} s, error over observed entries {distance(x, theirs, observed):.6f}",
            f"tenfold {report['seconds']:.3f} s, {distance(x, ours, observed):.6f}, {report['sweeps']} steps",
            f"{seconds / report['seconds']:.1f} times as fast",
        ]
        if exact is not None:
            line.append(
                f"over missing ones {distance(exact, theirs, ~observed):.6f} and {distance(exact, ours, ~observed):.6f}"
            )
        print("; ".join(line), flush=True)


def non_negative(arguments, folder):
    cases = []
    if arguments.only in "indian pines":
        x = np.load(STORED / "Indian_pines_corrected.npy").astype(float)
        cases.append(("Indian Pines", x, [10, 10, 6]))
    if arguments.only in "non-negative low rank":
        cases.append(("non-negative low rank", low_rank([100, 90, 80], [6, 6, 6], 5, True)[1], [6, 6, 6]))
    for name, x, ranks in cases:
        everywhere = np.ones(x.shape, dtype=bool)
        started = time.perf_counter()
        found = non_negative_tucker_hals(x, ranks, n_iter_max=arguments.iterations, tol=0)
        seconds = time.perf_counter() - started
        theirs = distance(x, tensorly.tucker_to_tensor(found), everywhere)
        options = ["--method", "non-negative", "--ranks", ",".join(map(str, ranks))]
        ours, report = run(arguments.tenfold, folder, x, options)
        print(
            f"{name}: TensorLy {seconds:.3f} s, error {theirs:.6f}; tenfold {report['seconds']:.3f} s, "
            f"{distance(x, ours, everywhere):.6f}, {report['sweeps']} sweeps; "
            f"{seconds / report['seconds']:.1f} times as fast",
            flush=True,
        )


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tenfold", help="the command to measure")
    parser.add_argument("--only", default="", help="rows with this in their names")
    parser.add_argument("--iterations", type=int, default=100, help="iterations of TensorLy")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        with_missing_entries(given, Path(name))
        non_negative(given, Path(name))
