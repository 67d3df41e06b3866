"""Metrics of class probabilities."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tenfold import _native
from tenfold.metrics._numbers import doubles

EPSILON_OF_TORCH_CAM: float = _native.EPSILON_OF_TORCH_CAM
"""The constant of torch-cam for `average_drop_with_epsilon`."""

EPSILON_OF_XPLIQUE: float = _native.EPSILON_OF_XPLIQUE
"""The constant of xplique for `average_drop_with_epsilon`."""


def average_drop(probabilities: Any, masked: Any) -> float:
    """Computes the average drop of the class probability, in percent.

        AD = (100/N)·Σᵢ max(0, pᵢ - oᵢ)/pᵢ

    Parameters
    ----------
    probabilities
        The class probabilities pᵢ of N images. An image with pᵢ = 0 has a drop of 0.
    masked
        The class probabilities oᵢ of the masked images.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If there are no images, if the lengths differ, or if a probability is outside [0, 1].

    Examples
    --------
    >>> from tenfold.metrics import average_drop
    >>> average_drop([0.5, 0.4], [0.25, 0.8])
    25.0
    """
    return _native.average("drop", *_pair(probabilities, masked), 0.0)


def average_increase(probabilities: Any, masked: Any) -> float:
    """Computes the share of images for which masking increases the class probability, in percent.

        AI = (100/N)·#{i : pᵢ < oᵢ}

    Parameters, errors: see `average_drop`.

    Examples
    --------
    >>> from tenfold.metrics import average_increase
    >>> average_increase([0.5, 0.4], [0.25, 0.8])
    50.0
    """
    return _native.average("increase", *_pair(probabilities, masked), 0.0)


def average_gain(probabilities: Any, masked: Any) -> float:
    """Computes the average gain of the class probability, in percent.

        AG = (100/N)·Σᵢ max(0, oᵢ - pᵢ)/(1 - pᵢ)

    This is the complement of `average_drop` (Zhang et al., "Opti-CAM", CVIU 2024). An image with
    pᵢ = 1 has a gain of 0. Parameters, errors: see `average_drop`.

    Examples
    --------
    >>> from tenfold.metrics import average_gain
    >>> average_gain([0.5, 0.5], [0.25, 0.75])
    25.0
    """
    return _native.average("gain", *_pair(probabilities, masked), 0.0)


def average_absolute_drop(probabilities: Any, masked: Any) -> float:
    """Computes the average absolute drop of the class probability, in percentage points.

        (100/N)·Σᵢ max(0, pᵢ - oᵢ)

    It is 100 times the mean of the ``DropInConfidence`` of pytorch-grad-cam. Parameters, errors:
    see `average_drop`.

    Examples
    --------
    >>> from tenfold.metrics import average_absolute_drop
    >>> average_absolute_drop([0.5, 0.4], [0.25, 0.8])
    12.5
    """
    return _native.average("absolute_drop", *_pair(probabilities, masked), 0.0)


def average_drop_with_epsilon(
    probabilities: Any, masked: Any, epsilon: float = EPSILON_OF_TORCH_CAM
) -> float:
    """Computes the average drop with a small constant in the divisor, in percent.

        (100/N)·Σᵢ max(0, pᵢ - oᵢ)/(pᵢ + epsilon)

    torch-cam and xplique define the average drop in this way, as a fraction. Parameters, errors:
    see `average_drop`.

    Examples
    --------
    >>> from tenfold.metrics import EPSILON_OF_XPLIQUE, average_drop_with_epsilon
    >>> average_drop_with_epsilon([1e-8, 0.4], [0.0, 0.8], EPSILON_OF_XPLIQUE)
    25.0
    """
    return _native.average("drop_with_epsilon", *_pair(probabilities, masked), float(epsilon))


def drops(probabilities: Any, masked: Any) -> NDArray[np.float64]:
    """Computes the relative drop max(0, p - o)/p of each image, as fractions.

    `average_drop` is 100 times their mean. Parameters, errors: see `average_drop`.

    Examples
    --------
    >>> from tenfold.metrics import drops
    >>> drops([0.5, 0.4], [0.25, 0.8])
    array([0.5, 0. ])
    """
    return _native.of_images("drop", *_pair(probabilities, masked), 0.0)


def drops_with_epsilon(
    probabilities: Any, masked: Any, epsilon: float = EPSILON_OF_TORCH_CAM
) -> NDArray[np.float64]:
    """Computes the relative drop max(0, p - o)/(p + epsilon) of each image, as fractions.

    `average_drop_with_epsilon` is 100 times their mean. Parameters, errors: see `average_drop`.
    """
    return _native.of_images("drop_with_epsilon", *_pair(probabilities, masked), float(epsilon))


def absolute_drops(probabilities: Any, masked: Any) -> NDArray[np.float64]:
    """Computes the absolute drop max(0, p - o) of each image.

    `average_absolute_drop` is 100 times their mean. Parameters, errors: see `average_drop`.
    """
    return _native.of_images("absolute_drop", *_pair(probabilities, masked), 0.0)


def gains(probabilities: Any, masked: Any) -> NDArray[np.float64]:
    """Computes the relative gain max(0, o - p)/(1 - p) of each image, as fractions.

    `average_gain` is 100 times their mean. Parameters, errors: see `average_drop`.
    """
    return _native.of_images("gain", *_pair(probabilities, masked), 0.0)


def increases(probabilities: Any, masked: Any) -> NDArray[np.bool_]:
    """For each image, whether masking increases the class probability: p < o.

    `average_increase` is the share of these images. Parameters, errors: see `average_drop`.
    """
    return _native.of_images("increase", *_pair(probabilities, masked), 0.0) > 0


def _pair(probabilities: Any, masked: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    return doubles(probabilities, "probabilities"), doubles(masked, "masked")
