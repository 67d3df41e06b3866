"""Bootstrap intervals of means."""

from __future__ import annotations

from typing import Any, NamedTuple

from tenfold import _native
from tenfold._checks import natural
from tenfold.metrics._numbers import doubles

# The mean of each resample is stored: 0.8 GB for this number.
_MOST_RESAMPLES = 10**8


class Interval(NamedTuple):
    """A mean and its bootstrap interval."""

    mean: float
    """The mean of the values."""
    low: float
    """The lower end of the interval."""
    high: float
    """The upper end of the interval."""


def bootstrap(
    values: Any, *, resamples: int = 2000, level: float = 0.95, seed: int = 0
) -> Interval:
    """Computes the mean of values, one for each image, and its percentile interval.

    The images of an evaluation are a sample of all images. Each resample draws as many images
    from the sample, with replacement (Efron and Tibshirani, "An Introduction to the Bootstrap",
    1993, chapter 13). For two metrics of the same images, the interval of the mean of their
    differences says whether the metrics differ.

    Parameters
    ----------
    values
        The values.
    resamples
        The number of resamples, at most 10⁸.
    level
        The share of the resamples in the interval.
    seed
        The seed of the random numbers.

    Returns
    -------
    Interval
        The mean, and the lower and the upper end of the interval.

    Raises
    ------
    ValueError
        If there are no values or no resamples, if a value is not finite, if the level is outside
        [0, 1], or if the seed is negative.

    Examples
    --------
    >>> from tenfold.metrics import bootstrap
    >>> bootstrap([0.5] * 8)
    Interval(mean=0.5, low=0.5, high=0.5)
    """
    resamples, seed = natural("resamples", resamples, 0), natural("seed", seed, 0)
    if resamples > _MOST_RESAMPLES:
        raise ValueError(f"resamples is at most {_MOST_RESAMPLES}, not {resamples}")
    return Interval(*_native.bootstrap(doubles(values, "values"), resamples, float(level), seed))
