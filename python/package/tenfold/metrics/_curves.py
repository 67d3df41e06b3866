"""Insertion and deletion curves."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tenfold import _native
from tenfold._arrays import as_tensor
from tenfold._checks import natural
from tenfold.metrics._numbers import doubles


class PixelOrder:
    """The pixels of a saliency map, from the most salient one to the least salient one.

    For an insertion curve, the network classifies pictures of the pixels that are `inserted` after
    0, 1, …, n of n steps. For a deletion curve it classifies pictures of the pixels that are
    `kept`. The metric is the `area_under_curve` of the class probabilities.

    Parameters
    ----------
    map
        A map of any shape with values in [0, 1].

    Attributes
    ----------
    indices : numpy.ndarray
        The indices of the pixels, counted row by row. Pixels of equal value are in the order of
        their indices.
    shape : tuple of int
        The shape of the map, and of the arrays that the methods return.

    Raises
    ------
    ValueError
        If the map has no pixels, or if a value is outside [0, 1].

    Examples
    --------
    >>> from tenfold.metrics import PixelOrder
    >>> order = PixelOrder([[0.1, 0.9], [0.4, 0.4]])
    >>> order.indices
    array([1, 2, 3, 0])
    >>> order.inserted(1, 2)
    array([[False,  True],
           [ True, False]])
    """

    __slots__ = ("_order", "indices", "shape")

    indices: NDArray[np.int64]
    shape: tuple[int, ...]

    def __init__(self, map: Any) -> None:
        array = as_tensor(map, "map")
        self.shape = array.shape
        self._order = _native.PixelOrder(array)
        self.indices = self._order.indices()

    def inserted(self, step: int, steps: int) -> NDArray[np.bool_]:
        """For each pixel, whether it is visible after `step` of `steps` steps of insertion.

        Of P pixels, ⌊P·step/steps⌋ are visible.

        Raises
        ------
        ValueError
            If there are 0 steps, or if `step` is negative or above `steps`.
        """
        return self._order.inserted(*_counts(step, steps)).reshape(self.shape)

    def kept(self, step: int, steps: int) -> NDArray[np.bool_]:
        """For each pixel, whether it is visible after `step` of `steps` steps of deletion.

        These are the pixels that are not `inserted`.

        Raises
        ------
        ValueError
            If there are 0 steps, or if `step` is negative or above `steps`.
        """
        return self._order.kept(*_counts(step, steps)).reshape(self.shape)

    def upper_half(self) -> NDArray[np.bool_]:
        """For each pixel, whether it is one of the ⌈P/2⌉ most salient of P pixels.

        Score-CAM is evaluated with masked images of these pixels, at full brightness.
        """
        return self._order.upper_half().reshape(self.shape)


def _counts(step: int, steps: int) -> tuple[int, int]:
    return natural("step", step, 0), natural("steps", steps, 0)


def area_under_curve(probabilities: Any) -> float:
    """Computes the area under an insertion or deletion curve by the trapezoid rule.

        AUC = (1/n)·Σₖ (cₖ₋₁ + cₖ)/2,   k = 1 … n

    Parameters
    ----------
    probabilities
        The class probability c₀ before the first step, and cₖ after step k. The area of the
        constant curve 1 is 1.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If the curve has fewer than two points, or if a probability is outside [0, 1].

    Examples
    --------
    >>> from tenfold.metrics import area_under_curve
    >>> area_under_curve([0.0, 1.0, 1.0])
    0.75
    """
    return _native.area_under_curve(doubles(probabilities, "probabilities"))
