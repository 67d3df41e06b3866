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


def explain(features: "np.ndarray[tuple[int, ...], np.dtype[np.float32]]") -> float:
    """Uses maps and metrics as their types allow."""
    maps, statuses = tenfold.cam.saliency(features, "mtsm", size=(8, 8), return_status=True)
    picture: tenfold.cam.Picture = tenfold.cam.overlay(maps[0], colormap="viridis")
    picture.save("map.png")
    height, width, _ = picture.array.shape
    interval = tenfold.metrics.bootstrap(tenfold.metrics.drops([0.5], [0.4]))
    order = tenfold.metrics.PixelOrder(maps[0])
    assert len(statuses) == len(maps) and order.inserted(1, 2).shape == (height, width)
    return interval.high - interval.low
