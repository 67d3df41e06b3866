"""Tucker decompositions on a CUDA device."""

from __future__ import annotations

import math
from typing import Any

import numpy.typing as npt

from tenfold import _native
from tenfold._arrays import Restore
from tenfold._decomposition import Tucker
from tenfold._device import Framework, OnDevice, is_on_device, on_device


class DeviceTucker(Tucker):
    """A Tucker decomposition on a CUDA device, of a tensor there.

    Core and factors are arrays on the device, of the framework of the tensor. They share the memory
    of the decomposition, so do not write to them. Error, spectra, ranks and shapes need no copy.

    The other methods compute on the host: `reconstruct`, slices, `norm`, `mode_spectrum`,
    `relative_error` and `save`. The first call copies core and factors there. Arrays that they
    return are on the device again. `cpu` gives the decomposition on the host.

    `copy` and `pickle` give decompositions on the host, with NumPy arrays.
    """

    __slots__ = ("_framework", "_host", "_on_device")

    def __init__(self, native: _native.DeviceDecomposition, framework: Framework) -> None:
        self._facts = native
        self._on_device = native
        self._framework = framework
        self._host: _native.Decomposition | None = None
        self._core: Any = None
        self._factors: list[Any] | None = None

    @property
    def _native(self) -> _native.Decomposition:  # type: ignore[override]
        """The decomposition on the host."""
        if self._host is None:
            self._host = self._on_device.fetch()
        return self._host

    @property
    def device(self) -> str:
        """The device, such as "cuda:0"."""
        return f"cuda:{self._on_device.ordinal}"

    @property
    def core(self) -> Any:
        """The core G, of shape `ranks`, on the device."""
        if self._core is None:
            self._core = self._framework.restored(self._on_device.core())
        return self._core

    def _factor(self, mode: int) -> Any:
        factor = self._on_device.factor(mode)
        assert factor is not None
        return self._framework.restored(factor)

    @property
    def compression(self) -> float:
        """The number of entries of the tensor, divided by those of core and factors together."""
        factors = sum(self.shape[mode] * self.ranks[mode] for mode in self.modes)
        return math.prod(self.shape) / (math.prod(self.ranks) + factors)

    def relative_error(self, x: Any, mask: Any = None, *, threads: int | None = None) -> float:
        """The relative error ‖X − X̂‖/‖X‖ beside a tensor, measured on the host entry by entry.

        A tensor or a mask on a device is copied to the host: see `Tucker.relative_error`.
        """
        return super().relative_error(fetched(x, "x"), fetched(mask, "mask"), threads=threads)

    def cpu(self) -> Tucker:
        """The decomposition on the host, with NumPy arrays."""
        return Tucker._of(self._native, None)

    def _restored(self, array: npt.NDArray[Any]) -> Any:
        return self._framework.uploaded(array, self._on_device.ordinal)


def fetched(x: Any, name: str) -> Any:
    """`x`, or a copy on the host if it is on a device."""
    if not is_on_device(x):
        return x
    found = on_device(x, name)
    return found.array.numpy(found.stream)


def decompose(
    place: OnDevice | int,
    x: Any,
    method: str,
    options: dict[str, Any],
    *,
    is_batch: bool,
    restore: Restore | None = None,
) -> list[Tucker]:
    """The decomposition of a tensor, or of each tensor of a batch, on a device.

    `place` is the array on its device; or the number of a device, for the array `x` of the host.
    For that array the results are on the host, and `restore` makes their arrays.
    """
    if isinstance(place, OnDevice):
        on_device = _native.decompose_at(place.array, method, options, is_batch, place.stream)
        return [DeviceTucker(native, place.framework) for native in on_device]
    on_host = _native.decompose_on(x, method, options, is_batch, place)
    return [Tucker._of(native, restore) for native in on_host]
