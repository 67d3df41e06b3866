"""Prints errors of TensorLy that tests of HOOI's starts and of the other models compare with.

    python3 -m venv /tmp/venv
    /tmp/venv/bin/pip install numpy==1.26.4 tensorly
    /tmp/venv/bin/python tests/interop/make_models.py
"""

from pathlib import Path

import numpy as np
import tensorly
from tensorly.decomposition import non_negative_tucker_hals, tucker

DATA = Path(__file__).parent.parent / "data"


def relative_error(x, decomposition):
    return np.linalg.norm(x - tensorly.tucker_to_tensor(decomposition)) / np.linalg.norm(x)


def fixed_factors():
    """`fixed_factors` for three fixed factors. The other factors start from those of HOSVD."""
    x = np.load(DATA / "tucker.three_way.npy")
    ranks = [3, 4, 2]
    start = tucker(x, ranks, n_iter_max=1)
    for mode in range(3):
        factors = [factor.copy() for factor in start.factors]
        factors[mode] = np.eye(x.shape[mode], ranks[mode])
        free = [rank for other, rank in enumerate(ranks) if other != mode]
        found = tucker(x, free, fixed_factors=[mode], init=(start.core, factors), n_iter_max=200, tol=0)
        print("tucker, three_way, fixed mode", mode, repr(relative_error(x, found)))


def random_starts():
    for name, ranks in [("three_way", [3, 4, 2]), ("four_way", [2, 3, 2, 2])]:
        x = np.load(DATA / f"tucker.{name}.npy")
        errors = [
            relative_error(x, tucker(x, ranks, init="random", random_state=seed, n_iter_max=300, tol=0))
            for seed in range(3)
        ]
        print("tucker,", name, "init random", errors)


def mask_of(x):
    """Entry p of the row-major order is missing if 7p mod 10 is below 3."""
    return (np.arange(x.size) * 7 % 10 >= 3).reshape(x.shape)


def missing_entries():
    for name, ranks in [("three_way", [3, 4, 2]), ("four_way", [2, 3, 2, 2])]:
        x = np.load(DATA / f"tucker.{name}.npy")
        mask = mask_of(x)
        found = tucker(np.where(mask, x, 0), ranks, mask=mask, n_iter_max=3000, tol=0)
        difference = np.where(mask, x - tensorly.tucker_to_tensor(found), 0)
        error = np.linalg.norm(difference) / np.linalg.norm(x[mask])
        print("tucker,", name, "mask", repr(error))


def non_negative():
    x = abs(np.load(DATA / "tucker.three_way.npy"))
    found = non_negative_tucker_hals(x, [3, 4, 2], n_iter_max=200, tol=0)
    print("non_negative_tucker_hals, magnitudes of three_way", repr(relative_error(x, found)))


if __name__ == "__main__":
    fixed_factors()
    random_starts()
    missing_entries()
    non_negative()
