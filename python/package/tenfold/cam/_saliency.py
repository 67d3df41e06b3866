"""Saliency maps of arrays."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any, SupportsIndex

import numpy as np

from tenfold import _native
from tenfold._arrays import as_tensor
from tenfold._checks import MAXIMUM, natural
from tenfold._device import OnDevice, placed
from tenfold.cam._device_maps import maps_at
from tenfold.cam._maps import extents, restored

WEIGHTINGS: tuple[str, ...] = ("eigen-cam", "tsm", "multivec-eigen-cam", "mtsm")
"""The names of the weightings."""


class _Names(dict[str, str]):
    """The name of a weighting for each spelling that was used: case, "-", "_" and spaces do not
    matter."""

    def __missing__(self, spelling: str) -> str:
        if not isinstance(spelling, str):
            raise TypeError(f"a weighting is a name, not {spelling!r}")
        plain = "".join(letter for letter in spelling.lower() if letter not in "-_ ")
        for name in WEIGHTINGS:
            if plain == name.replace("-", ""):
                self[spelling] = name
                return name
        known = ", ".join(WEIGHTINGS)
        raise ValueError(f"there is no weighting {spelling!r}, the weightings are {known}")


_NAMES = _Names()


def saliency(
    features: Any,
    weighting: str = "mtsm",
    *,
    ranks: Sequence[SupportsIndex] | None = None,
    centring: bool | None = None,
    sign: str | None = None,
    batched: bool | None = None,
    size: tuple[int, int] | None = None,
    threads: int | None = None,
    device: Any = None,
    return_status: bool = False,
) -> Any:
    """Computes the saliency map of a feature map, or the maps of a batch.

    Parameters
    ----------
    features
        The output of a layer of a network, C×H×W for one image or N×C×H×W for a batch: an array
        of NumPy, or anything with ``__dlpack__``, such as a tensor of PyTorch or an array of JAX.
        Arrays of float32 and float64 in C order are used without a copy, others are converted.
    weighting
        "eigen-cam", "tsm", "multivec-eigen-cam" or "mtsm". Case, "-" and "_" do not matter, so
        "EigenCAM" is accepted too.
    ranks
        Upper limits of the ranks of the Tucker decomposition, channels first. ``None`` means full
        ranks, and HOOI has nothing to iterate. Only for "tsm" and "mtsm".
    centring
        Whether the mean of each channel over the positions is subtracted first. ``None`` means
        yes for "eigen-cam" and "multivec-eigen-cam", no for "tsm" and "mtsm", as in the published
        code.
    sign
        The treatment of negative entries of projected maps: "absolute" takes absolute values,
        "positive" clips the map with the sign for which the entry of largest magnitude is positive,
        "negative" clips it with the other sign. ``None`` means "positive" for EigenCAM and
        "absolute" for the others.
    batched
        Whether the first mode numbers the items of a batch. ``None`` means yes for four modes and
        no for three. Feature maps of other orders, such as C×T×H×W for video and C×L for tokens,
        need the answer.
    size
        The height and width to which the maps are resized.
    threads
        The number of threads; by default one for each core. The result does not depend on it.
    device
        "cuda" or "cuda:1" computes arrays of the host on a GPU. Arrays on a GPU are computed there
        without being asked.
    return_status
        Whether to return the status of each map too.

    Returns
    -------
    maps : array
        The map H×W, or the maps N×H×W, with values in [0, 1]. The array has the framework and the
        type of the features: float64 for float64 and integers, float32 for smaller floats.
    statuses : str or list of str
        Only with `return_status`: "fine"; "constant" if all positions have the same value, and
        the map is zero; or "degenerate" if σ₂ is above 0.999·σ₁, so that the first vector is not
        well determined. A list for a batch.

    Raises
    ------
    ValueError
        If the shape or an option does not fit, or if an entry is not finite.
    TypeError
        If the features are complex, or not an array of numbers.

    Examples
    --------
    >>> import numpy as np
    >>> from tenfold.cam import saliency
    >>> features = np.array([[[9.0, 1], [0, 0]], [[6, 1], [1, 0]], [[0, 2], [0, 1]]])
    >>> saliency(features, "mtsm").round(3)
    array([[1.   , 0.151],
           [0.038, 0.   ]])
    >>> maps, statuses = saliency(np.stack([features, 0 * features]), return_status=True)
    >>> maps.shape, statuses
    ((2, 2, 2), ['fine', 'constant'])
    """
    # NumPy arrays are by far the most frequent ones.
    on_host = type(features) is np.ndarray and device is None
    place = None if on_host else placed(features, device, "features")
    x: Any = place.array if isinstance(place, OnDevice) else as_tensor(features, "features")
    if batched is None:
        if x.ndim not in (3, 4):
            raise ValueError(
                "features of three modes are one feature map, features of four modes are a batch; "
                f"features of shape {x.shape} need batched=True or batched=False"
            )
        batched = x.ndim == 4
    else:
        batched = _flag(batched, "batched")
    if sign is not None and not isinstance(sign, str):
        raise TypeError(f"a sign is a name, not {sign!r}")
    if threads is not None:
        threads = natural("threads", threads, 1)
    options = (
        _NAMES[weighting],
        None if ranks is None else _checked_ranks(ranks),
        None if centring is None else _flag(centring, "centring"),
        sign,
        None if size is None else extents(size),
    )
    if place is None:
        maps, statuses = _native.saliency(x, batched, options, threads)
        maps = restored(features, maps)
    elif isinstance(place, OnDevice):
        maps, statuses = maps_at(place, batched, options)
    else:
        maps, statuses = _native.saliency_on(x, batched, options, place)
        maps = restored(features, maps)
    if not return_status:
        return maps
    return maps, (statuses if batched else statuses[0])


def _checked_ranks(ranks: Sequence[SupportsIndex]) -> list[int]:
    try:
        values = [operator.index(rank) for rank in ranks]
    except TypeError:
        raise TypeError(f"ranks are integers, one for each mode, not {ranks!r}") from None
    if min(values, default=1) < 1:
        raise ValueError(f"ranks must be at least 1, not {values}")
    # Ranks are upper limits, and no extent is larger than this maximum.
    return [min(value, MAXIMUM) for value in values]


def _flag(value: bool, name: str) -> bool:
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name} is True, False or None, not {value!r}")
    return bool(value)
