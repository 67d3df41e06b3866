"""Checks and times the Python package on a GPU: see benches/gpu-python.sh.

The argument is the file with the tests of PyTorch, which pytest runs if both are installed.
"""

from __future__ import annotations

import gc
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

try:
    import numpy as np
except ImportError:
    print("absent: NumPy")
    sys.exit(3)

import tenfold.cuda
from fake_framework import ARRAYS, Driver, VersionedArray
from tenfold import cam

failures: list[str] = []


def check(name: str, difference: float, bound: float) -> None:
    """Prints a comparison, and notes a failure."""
    is_fine = difference <= bound
    print(f"{'ok' if is_fine else 'FAILED':6} {name}: {difference:.1e}, at most {bound:.0e}")
    if not is_fine:
        failures.append(name)


def fetched(array: Any) -> Any:
    """The entries of a result on the device."""
    return array.numpy()


def entries(shape: tuple[int, ...], dtype: Any) -> Any:
    """Smooth entries with noise: their singular values decay."""
    grid = np.indices(shape).astype(float)
    smooth = np.sin(sum((mode + 1) * grid[mode] / 7 for mode in range(len(shape))))
    noise = np.random.default_rng(1).standard_normal(shape)
    return (smooth + 0.05 * noise).astype(dtype)


def decompositions(driver: Driver, shape: tuple[int, ...]) -> None:
    """Each solver by each protocol, beside the CPU."""
    for dtype, bound in ((np.float32, 1e-4), (np.float64, 1e-9)):
        x = entries(shape, dtype)
        for solver in (tenfold.hooi, tenfold.st_hosvd):
            expected = solver(x, rank=3).reconstruct()
            for kind in ARRAYS:
                given = kind(driver, x)
                t = solver(given, rank=3)
                given.free()
                difference = np.abs(fetched(t.reconstruct()) - expected).max()
                name = f"{solver.__name__} {np.dtype(dtype).name} {kind.__name__}"
                check(name, float(difference), bound)
            on_host = solver(x, rank=3, device="cuda").reconstruct()
            check(
                f"{solver.__name__} of the host",
                float(np.abs(on_host - expected).max()),
                bound,
            )


def maps(driver: Driver, shape: tuple[int, ...]) -> None:
    """Each weighting by each protocol, beside the CPU."""
    for dtype, bound in ((np.float32, 1e-4), (np.float64, 1e-9)):
        x = entries(shape, dtype)
        for weighting in cam.WEIGHTINGS:
            for size in (None, (2 * shape[2], 2 * shape[3])):
                expected = cam.saliency(x, weighting, size=size)
                for kind in ARRAYS:
                    given = kind(driver, x)
                    found = fetched(cam.saliency(given, weighting, size=size))
                    given.free()
                    name = f"{weighting} {np.dtype(dtype).name} {kind.__name__} size={size}"
                    check(name, float(np.abs(found - expected).max()), bound)


def memory(
    driver: Driver, shape: tuple[int, ...], size: tuple[int, int], calls: int, bound: int
) -> None:
    """The device's memory after many calls, beside that after a few."""
    x = VersionedArray(driver, entries(shape, np.float32))

    def kept(calls: int) -> int:
        for _ in range(calls):
            cam.saliency(x, size=size)
        gc.collect()
        tenfold.cuda.release_memory()
        return driver.free_bytes()

    check("bytes that calls leave", abs(kept(3) - kept(calls)), bound)


def times(driver: Driver, shape: tuple[int, ...], calls: int) -> None:
    """The medians of the times of calls."""
    x = VersionedArray(driver, entries(shape, np.float32))
    tensor = VersionedArray(driver, entries((32, 32, 32), np.float32))
    work: dict[str, Callable[[], Any]] = {
        f"mtsm of {shape} float32": lambda: cam.saliency(x, "mtsm"),
        f"tsm of {shape} float32": lambda: cam.saliency(x, "tsm"),
        "st-hosvd of (32, 32, 32) float32 to 4": lambda: tenfold.st_hosvd(tensor, rank=4),
    }
    for name, call in work.items():
        call()
        seconds = []
        for _ in range(calls):
            start = time.perf_counter()
            call()
            seconds.append(time.perf_counter() - start)
        print(f"       {name}: {1e6 * statistics.median(seconds):.0f} µs")


def main() -> int:
    """Runs all steps."""
    try:
        driver = Driver()
    except OSError as error:
        print(f"absent: a GPU: {error}")
        return 3
    print(tenfold.cuda.devices()[0])
    small = driver.is_stand_in
    decompositions(driver, (6, 5, 4) if small else (60, 50, 40))
    maps(driver, (2, 6, 3, 4) if small else (20, 512, 7, 7))
    if small:
        memory(driver, (2, 6, 3, 4), (6, 8), calls=3, bound=0)
    else:
        # The maps of a call take 4 MB. The driver may keep some pages for itself.
        memory(driver, (20, 512, 7, 7), (224, 224), calls=300, bound=16 << 20)
        times(driver, (100, 2048, 7, 7), 50)
    try:
        import pytest  # noqa: F401
        import torch  # noqa: F401
    except ImportError as error:
        print(f"absent: {error.name}, for the tests of PyTorch")
    else:
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-rs",
            "-p",
            "no:cacheprovider",
        ]
        if subprocess.run([*command, *sys.argv[1:]]).returncode not in (0, 5):
            failures.append("PyTorch")
    print(f"{len(failures)} failed")
    return int(bool(failures))


if __name__ == "__main__":
    sys.exit(main())
