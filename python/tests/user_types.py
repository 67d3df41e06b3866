"""A user's program, for the type checker alone: mypy --strict must accept it."""

import numpy as np
import tenfold


def compress(x: "np.ndarray[tuple[int, ...], np.dtype[np.float64]]") -> float:
    """Uses results as their types allow."""
    t = tenfold.tucker(x, tol=1e-3, threads=2)
    _core, factors = t
    shapes: list[tuple[int, ...]] = [factor.shape for factor in factors]
    ranks: tuple[int, ...] = t.ranks
    error: float | None = t.estimated_error
    t.save("x.tucker.npz")
    again = tenfold.load("x.tucker.npz")
    assert again.shape == tuple(shape[0] for shape in shapes) and len(ranks) == again.ndim
    return t.relative_error(x) if error is None else error
