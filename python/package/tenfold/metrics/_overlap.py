"""The intersection over union of thresholded maps and masks."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tenfold import _native
from tenfold._arrays import as_tensor

THRESHOLDS: tuple[float, ...] = tuple(_native.THRESHOLDS)
"""The thresholds at which Bouayed et al. report the mean intersection over union."""


def iou(map: Any, mask: Any, threshold: float = 0.5, *, void: Any = None) -> float:
    """Computes the intersection over union of a mask and a thresholded map.

        IoU = |B ∩ M| / |B ∪ M|,   B = {pixels with map ≥ threshold}

    Parameters
    ----------
    map
        A map with values in [0, 1].
    mask
        The object M: an array of the same shape, of booleans or of numbers 0 and 1.
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
        The objects: an array of the same shape, of booleans or of numbers 0 and 1.
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
    if array.shape[:1] == (0,):
        raise ValueError("there are no images")
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


def _mask(x: Any, name: str) -> NDArray[np.bool_]:
    """An array of booleans."""
    array = np.asarray(x)
    if array.dtype.kind in "iuf":
        if not np.isin(array, (0, 1)).all():
            raise ValueError(f"{name} holds numbers other than 0 and 1")
        array = array.astype(np.bool_)
    if array.dtype != np.bool_:
        raise TypeError(f"{name} holds booleans, or numbers 0 and 1, not {array.dtype}")
    return np.ascontiguousarray(array)


def _check_shapes(name: str, map: NDArray[Any], mask: NDArray[np.bool_]) -> None:
    if map.shape != mask.shape:
        raise ValueError(f"{name} has the shape {mask.shape}, and the map {map.shape}")
