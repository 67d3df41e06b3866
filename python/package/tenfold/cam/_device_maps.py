"""Saliency maps of features on a CUDA device."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tenfold import _native
from tenfold._device import OnDevice

Options = tuple[str, Sequence[int] | None, bool | None, str | None, tuple[int, int] | None]
"""The options of the native module: weighting, ranks, centring, sign and size."""


def maps_at(features: OnDevice, is_batch: bool, options: Options) -> tuple[Any, list[str]]:
    """The map of features on a device, or the maps of a batch, and their statuses.

    The maps are an array of the framework of the features on the same device.
    """
    array = features.array
    size = options[-1]
    items = array.shape[:1] if is_batch else ()
    positions = array.shape[len(items) + 1 :] if size is None else size
    maps, restored = features.framework.empty((*items, *positions), array.dtype.name, array.ordinal)
    statuses = _native.saliency_at(array, maps, is_batch, options, features.stream)
    return restored(), statuses
