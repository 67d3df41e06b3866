"""Metrics of the quality of saliency maps.

A masked image is an image multiplied by its saliency map. If the map keeps the important pixels,
the network responds to the masked image as it does to the image.

==================  =================  ===========================================  ======
metric              of one image       compares                                     better
==================  =================  ===========================================  ======
`average_drop`      `drops`            class probabilities, images and masked ones  lower
`average_increase`  `increases`        the same                                     higher
`average_gain`      `gains`            the same                                     higher
`embedding_mse`     `embedding_error`  embeddings, images and masked ones           lower
`mean_iou`          `iou`              thresholded maps and masks of the object     higher
insertion           `PixelOrder`       probabilities while salient pixels are       higher
                                       inserted
deletion            `PixelOrder`       probabilities while salient pixels are       lower
                                       deleted
==================  =================  ===========================================  ======

The definitions follow Bouayed et al. (section 6.1, appendix C); insertion and deletion follow
Petsiuk, Das and Saenko ("RISE", BMVC 2018). Other libraries define some metrics differently, and
their variants have names of their own: `average_absolute_drop` (pytorch-grad-cam) does not divide
by the probability of the image, and `average_drop_with_epsilon` (torch-cam, xplique) adds a small
constant to the divisor.

`bootstrap` computes how far the mean over a sample of images may be from the mean over all images.

Arrays come from NumPy or any library with ``__dlpack__``. Lists of numbers are accepted too.
Probabilities and the values of maps are between 0 and 1. An entry outside [0, 1] by at most 1e-6
counts as 0 or 1. An entry farther outside raises `ValueError` with its index.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tenfold import _native
from tenfold._arrays import as_tensor

__all__ = [
    "EPSILON_OF_TORCH_CAM",
    "EPSILON_OF_XPLIQUE",
    "THRESHOLDS",
    "Interval",
    "PixelOrder",
    "absolute_drops",
    "area_under_curve",
    "average_absolute_drop",
    "average_drop",
    "average_drop_with_epsilon",
    "average_gain",
    "average_increase",
    "bootstrap",
    "drops",
    "drops_with_epsilon",
    "embedding_error",
    "embedding_mse",
    "gains",
    "increases",
    "iou",
    "mean_iou",
    "regions_of_voc",
]

THRESHOLDS: tuple[float, ...] = tuple(_native.THRESHOLDS)
"""The thresholds at which Bouayed et al. report the mean intersection over union."""

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
            If there are 0 steps, or if `step` is above `steps`.
        """
        return self._order.inserted(step, steps).reshape(self.shape)

    def kept(self, step: int, steps: int) -> NDArray[np.bool_]:
        """For each pixel, whether it is visible after `step` of `steps` steps of deletion.

        These are the pixels that are not `inserted`.

        Raises
        ------
        ValueError
            If there are 0 steps, or if `step` is above `steps`.
        """
        return self._order.kept(step, steps).reshape(self.shape)

    def upper_half(self) -> NDArray[np.bool_]:
        """For each pixel, whether it is one of the ⌈P/2⌉ most salient of P pixels.

        Score-CAM is evaluated with masked images of these pixels, at full brightness.
        """
        return self._order.upper_half().reshape(self.shape)


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
    return _native.area_under_curve(_doubles(probabilities, "probabilities"))


def iou(map: Any, mask: Any, threshold: float = 0.5, *, void: Any = None) -> float:
    """Computes the intersection over union of a mask and a thresholded map.

        IoU = |B ∩ M| / |B ∪ M|,   B = {pixels with map ≥ threshold}

    Parameters
    ----------
    map
        A map with values in [0, 1].
    mask
        The object M: an array of the same shape, of booleans or of integers 0 and 1.
    threshold
        The threshold, from 0 to 1.
    void
        The pixels that do not count, because it is unknown whether they are in the object: an
        array as `mask`.

    Returns
    -------
    float
        1 if B and M are both empty.

    Raises
    ------
    ValueError
        If the shapes differ, if there are no pixels, or if a value or the threshold is outside
        [0, 1].

    Examples
    --------
    >>> from tenfold.metrics import iou
    >>> round(iou([0.9, 0.5, 0.2, 0.0], [1, 0, 1, 0]), 3)
    0.333
    """
    array, regions = as_tensor(map, "map"), _mask(mask, "mask")
    _check_shapes("mask", array, regions)
    if void is not None:
        void = _mask(void, "void")
        _check_shapes("void", array, void)
    return _native.iou(array, regions, float(threshold), void)


def mean_iou(maps: Any, masks: Any, threshold: float = 0.5) -> float:
    """Computes the mean `iou` of several images: mIoU = (1/N)·Σᵢ IoUᵢ.

    Parameters
    ----------
    maps
        Maps with values in [0, 1], N×(any trailing shape).
    masks
        The objects: an array of the same shape, of booleans or of integers 0 and 1.
    threshold
        The threshold, from 0 to 1.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If the shapes differ, if there are no pixels, or if a value or the threshold is outside
        [0, 1].

    Examples
    --------
    >>> from tenfold.metrics import THRESHOLDS, mean_iou
    >>> maps, masks = [[1.0, 0.0], [0.6, 0.3]], [[1, 0], [1, 1]]
    >>> [mean_iou(maps, masks, threshold) for threshold in THRESHOLDS]
    [0.75, 0.75, 0.75, 0.5, 0.5, 0.5]
    """
    array, regions = as_tensor(maps, "maps"), _mask(masks, "masks")
    _check_shapes("masks", array, regions)
    if array.ndim < 2:
        raise ValueError(f"maps have the shape N×(any trailing shape), not {array.shape}")
    return _native.mean_iou(array, regions, float(threshold))


def regions_of_voc(indices: Any) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """The object and the void pixels of a mask of Pascal VOC, for `iou`.

    Parameters
    ----------
    indices
        The indices of the mask: 0 is the background, 255 is void, and each other index is a class
        of objects.

    Returns
    -------
    mask, void : numpy.ndarray

    Examples
    --------
    >>> from tenfold.metrics import iou, regions_of_voc
    >>> mask, void = regions_of_voc([15, 0, 255, 15])
    >>> round(iou([0.9, 0.5, 0.7, 0.0], mask, void=void), 3)
    0.333
    """
    array = np.asarray(indices)
    if array.dtype.kind not in "iu":
        raise TypeError(f"a mask of Pascal VOC holds integers, not {array.dtype}")
    void = array == 255
    return (array != 0) & ~void, void


def embedding_mse(embeddings: Any, masked: Any) -> float:
    """Computes the mean squared error of embeddings: MSE = (1/N)·Σᵢ ‖zᵢ - z̄ᵢ‖².

    Parameters
    ----------
    embeddings
        The embeddings zᵢ of N images, N×D or N×(any trailing shape). The squares are summed over
        the D entries, not averaged.
    masked
        The embeddings z̄ᵢ of the masked images, of the same shape.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If the shapes differ or do not fit, or if an entry is not finite.

    Examples
    --------
    >>> from tenfold.metrics import embedding_mse
    >>> embedding_mse([[0.0, 0.0], [1.0, 1.0]], [[3.0, 4.0], [1.0, 2.0]])
    13.0
    """
    return _native.embedding_error(*_embeddings(embeddings, masked), True)


def embedding_error(embedding: Any, masked: Any) -> float:
    """Computes the squared error ‖z - z̄‖² of the embedding of one image, of any shape.

    `embedding_mse` is its mean over images.

    Raises
    ------
    ValueError
        If the shapes differ, or if an entry is not finite.

    Examples
    --------
    >>> from tenfold.metrics import embedding_error
    >>> embedding_error([0.0, 0.0], [3.0, 4.0])
    25.0
    """
    return _native.embedding_error(*_embeddings(embedding, masked), False)


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
        The number of resamples.
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
        If there are no values or no resamples, if a value is not finite, or if the level is outside
        [0, 1].

    Examples
    --------
    >>> from tenfold.metrics import bootstrap
    >>> bootstrap([0.5] * 8)
    Interval(mean=0.5, low=0.5, high=0.5)
    """
    return Interval(*_native.bootstrap(_doubles(values, "values"), resamples, float(level), seed))


def _doubles(x: Any, name: str) -> NDArray[np.float64]:
    """A list of numbers as an array of float64."""
    array = as_tensor(x, name)
    if array.ndim != 1:
        raise ValueError(
            f"{name}: a list of numbers was expected, not an array of shape {array.shape}"
        )
    return array.astype(np.float64, copy=False)


def _pair(probabilities: Any, masked: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    return _doubles(probabilities, "probabilities"), _doubles(masked, "masked")


def _embeddings(z: Any, masked: Any) -> tuple[NDArray[Any], NDArray[Any]]:
    """Two arrays, in the larger of their types."""
    first, second = as_tensor(z, "embeddings"), as_tensor(masked, "masked")
    dtype = np.result_type(first, second)
    return first.astype(dtype, copy=False), second.astype(dtype, copy=False)


def _mask(x: Any, name: str) -> NDArray[np.bool_]:
    """An array of booleans."""
    array = np.asarray(x)
    if array.dtype.kind in "iu":
        if not np.isin(array, (0, 1)).all():
            raise ValueError(f"{name} holds integers other than 0 and 1")
        array = array.astype(np.bool_)
    if array.dtype != np.bool_:
        raise TypeError(f"{name} holds booleans, or integers 0 and 1, not {array.dtype}")
    return np.ascontiguousarray(array)


def _check_shapes(name: str, map: NDArray[Any], mask: NDArray[np.bool_]) -> None:
    if map.shape != mask.shape:
        raise ValueError(f"{name} has the shape {mask.shape}, and the map {map.shape}")
