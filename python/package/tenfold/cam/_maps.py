"""Functions of maps: interpolation, normalisation, and one map of the maps of several layers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from tenfold import _native
from tenfold._arrays import as_tensor, restore_like
from tenfold._checks import MAXIMUM


def resize(map: Any, size: tuple[int, int]) -> Any:
    """Resizes the last two modes of an array by bilinear interpolation.

    Along one direction with h input pixels and n output pixels, output pixel i is interpolated at
    the point (i + ½)·h/n - ½. Points beyond the first or last centre get the value of the nearest
    pixel. This is ``INTER_LINEAR`` of OpenCV, and ``bilinear`` of PyTorch with
    ``align_corners=False``.

    Parameters
    ----------
    map
        An array …×h×w.
    size
        The new height and width.

    Returns
    -------
    array
        The array …×height×width, of the framework of `map`.

    Raises
    ------
    ValueError
        If the array has one mode or no entries, or if a size is not positive.

    Examples
    --------
    >>> import numpy as np
    >>> from tenfold.cam import resize
    >>> resize(np.array([[0.0, 1.0]]), (1, 4))
    array([[0.  , 0.25, 0.75, 1.  ]])
    """
    height, width = extents(size)
    return restored(map, _native.resize(as_tensor(map, "map"), height, width))


def normalize(map: Any, *, batched: bool = False) -> Any:
    """Stretches an array to [0, 1]: (x - min)/(max - min) for each entry x.

    The result does not depend on the scale of the entries. A constant array gives zeros.

    Parameters
    ----------
    map
        An array.
    batched
        Whether each item along the first mode is stretched for itself.

    Returns
    -------
    array
        An array of the same shape, of the framework of `map`.

    Raises
    ------
    ValueError
        If an entry is not finite.

    Examples
    --------
    >>> import numpy as np
    >>> from tenfold.cam import normalize
    >>> normalize(np.array([2.0, 6.0, 4.0]))
    array([0. , 1. , 0.5])
    """
    return restored(map, _native.normalize(as_tensor(map, "map"), bool(batched)))


def combine(maps: Iterable[Any], how: str = "mean", *, size: tuple[int, int] | None = None) -> Any:
    """Combines the saliency maps of several layers into one map.

        combined = norm( 1/L · Σₗ resize(norm(max(mₗ, 0))) )

    Parameters
    ----------
    maps
        The L maps of one image, h×w arrays of any sizes; or of N images, N×h×w arrays. Each image
        is combined for itself.
    how
        "mean", or "max" for the maximum over the layers in place of the mean.
    size
        The height and width of the result. By default the largest height and the largest width.

    Returns
    -------
    array
        The map height×width, or N×height×width, of the framework of the first map.

    Raises
    ------
    ValueError
        If there are no maps, if they have different numbers of modes or images, or if an entry is
        not finite.

    Examples
    --------
    >>> import numpy as np
    >>> from tenfold.cam import combine
    >>> fine, coarse = np.array([[0.0, 0, 0, 1]]), np.array([[1.0, 0]])
    >>> combine([fine, coarse])
    array([[1.        , 0.66666667, 0.        , 1.        ]])
    """
    maps = list(maps)
    if not maps:
        raise ValueError("the list of maps is empty")
    arrays = [as_tensor(map, "a map") for map in maps]
    order = arrays[0].ndim
    if order not in (2, 3) or any(array.ndim != order for array in arrays):
        shapes = ", ".join(str(array.shape) for array in arrays)
        raise ValueError(f"the maps are all height×width or all N×height×width, not {shapes}")
    if size is None:
        size = (max(array.shape[-2] for array in arrays), max(array.shape[-1] for array in arrays))
    dtype = np.result_type(*arrays)
    arrays = [array.astype(dtype, copy=False) for array in arrays]
    return restored(maps[0], _native.combine(arrays, how, extents(size), order == 3))


def restored(x: Any, result: np.ndarray[Any, Any]) -> Any:
    """The result as an array of the framework of `x`."""
    restore = restore_like(x)
    return result if restore is None else restore(result)


def extents(size: Any) -> tuple[int, int]:
    """The height and width of a size."""
    try:
        height, width = (int(extent.__index__()) for extent in size)
    except (AttributeError, TypeError, ValueError):
        raise TypeError(f"a size is a height and a width, not {size!r}") from None
    if height < 1 or width < 1:
        raise ValueError(f"height and width must be at least 1, the size is {height}×{width}")
    if height > MAXIMUM or width > MAXIMUM:
        raise ValueError(f"height and width must be below 2**64, the size is {height}×{width}")
    return height, width
