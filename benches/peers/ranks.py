"""The entries that tenfold and pyttb store for a tolerance, on the data sets of TensorLy.

    python ranks.py --tenfold target/release/tenfold

TensorLy has no choice of ranks for a tolerance. Its wheel holds the data: Indian Pines, a
hyperspectral scene of 145×145 pixels in 200 bands, and Kinetic, absorption spectra of reactions.
"""

import argparse
import json
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
import pyttb
from tensorly.datasets import load_indian_pines, load_kinetic

METHODS = ("st-hosvd", "hosvd", "hooi")


def data():
    """Names, arrays and tolerances."""
    yield "Indian Pines", np.asarray(load_indian_pines().tensor, float), (0.05, 0.015)
    kinetic = np.nan_to_num(np.asarray(load_kinetic().tensor, float))
    yield "Kinetic", kinetic, (0.05, 0.01)


def stored(ranks, shape):
    return int(np.prod(ranks)) + sum(rank * extent for rank, extent in zip(ranks, shape))


def by_tenfold(command, path, method, tolerance, scratch):
    """Ranks, relative error and seconds."""
    output = scratch / "x.tucker.npz"
    arguments = [command, "decompose", path, "--method", method, "--tolerance", str(tolerance)]
    start = time.perf_counter()
    subprocess.run([*arguments, "-o", output, "--quiet"], check=True)
    seconds = time.perf_counter() - start
    archive = np.load(output)
    x_hat = archive["core"]
    ranks = x_hat.shape
    for mode in range(len(ranks)):
        product = np.tensordot(archive[f"factor_{mode}"], x_hat, axes=(1, mode))
        x_hat = np.moveaxis(product, 0, mode)
    return ranks, x_hat, seconds


def by_pyttb(x, sequential, tolerance):
    start = time.perf_counter()
    found = pyttb.hosvd(pyttb.tensor(x), tolerance, verbosity=0, sequential=sequential)
    seconds = time.perf_counter() - start
    return found.core.shape, found.full().data, seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tenfold", default="target/release/tenfold")
    command = parser.parse_args().tenfold
    with tempfile.TemporaryDirectory() as scratch:
        scratch = Path(scratch)
        for name, x, tolerances in data():
            path = scratch / "x.npy"
            np.save(path, x)
            for tolerance in tolerances:
                rows = [
                    (f"tenfold {method}", by_tenfold(command, path, method, tolerance, scratch))
                    for method in METHODS
                ]
                rows.append(("pyttb st-hosvd", by_pyttb(x, True, tolerance)))
                rows.append(("pyttb hosvd", by_pyttb(x, False, tolerance)))
                fewest = min(stored(ranks, x.shape) for _, (ranks, _, _) in rows)
                for label, (ranks, x_hat, seconds) in rows:
                    error = np.linalg.norm(x - x_hat) / np.linalg.norm(x)
                    assert error <= tolerance * (1 + 1e-9), (label, error)
                    entries = stored(ranks, x.shape)
                    shape = "×".join(map(str, ranks))
                    print(
                        f"| {name} | {tolerance} | {label} | {shape} | {entries} "
                        f"| {entries / fewest:.3f} | {error:.5f} | {seconds:.2f} |",
                        flush=True,
                    )


if __name__ == "__main__":
    main()
