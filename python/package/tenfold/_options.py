"""The options of the solvers, checked and in the form that the native module takes."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Sequence
from typing import Any, SupportsFloat, SupportsIndex, cast

import numpy as np

from tenfold import _checks, _device_solvers, _native
from tenfold._arrays import FloatArray, as_tensor, restore_like
from tenfold._decomposition import Tucker
from tenfold._device import OnDevice, placed
from tenfold._rank import Rank, resolve_rank

Progress = Callable[[int, int, float | None], object]
"""Called after each step with the finished steps, the maximum of steps, and the relative error."""

Factors = Sequence[Any]
"""For each mode a factor, or None for a mode that is not decomposed."""

_NAMES_HERE = {
    "ranks": "rank",
    "n_iter_max": "max_sweeps",
    "random_state": "seed",
    "verbose": "progress",
}
"""The names of options in other libraries, and their names here."""


class Options:
    """The tensor, and the options as the native module takes them."""

    __slots__ = ("is_batch", "modes", "place", "restore", "shape", "values", "x")

    def __init__(
        self,
        x: Any,
        modes: Sequence[int] | None,
        threads: int | None,
        progress: Progress | None,
        device: Any = None,
        *,
        is_batch: bool = False,
    ) -> None:
        # NumPy arrays are by far the most frequent ones.
        on_host = type(x) is np.ndarray and device is None
        self.place = None if on_host else placed(x, device)
        self.is_batch = is_batch
        # An array on a device has a shape and a dtype, which the options need, but no entries here.
        if isinstance(self.place, OnDevice):
            self.x: FloatArray = cast("FloatArray", self.place.array)
            self.restore = None
        else:
            self.x = as_tensor(x)
            self.restore = restore_like(x)
        self.shape: tuple[int, ...] = self.x.shape[1:] if is_batch else self.x.shape
        self.values: dict[str, Any] = {"threads": None}
        if modes is None:
            self.modes: Sequence[int] = range(len(self.shape))
        else:
            self.modes = self.named(modes)
            self.values["modes"] = self.modes
        if threads is not None:
            self.natural("threads", threads, 1)
        if progress is not None:
            if not callable(progress):
                raise TypeError(f"progress is a function, not {progress!r}")
            self.values["progress"] = progress

    def require_host(self, what: str) -> None:
        """Fails for an array on a device."""
        if self.place is not None:
            raise NotImplementedError(
                f"{what} runs on the CPU alone: copy the tensor to the host first"
            )

    def natural(self, name: str, value: SupportsIndex, minimum: int) -> None:
        """Sets an option to an integer of at least `minimum`."""
        self.values[name] = _checks.natural(name, value, minimum)

    def real(self, name: str, value: SupportsFloat) -> None:
        """Sets an option to a real number."""
        self.values[name] = _checks.real(name, value)

    def route(self, route: str) -> None:
        """Sets how singular vectors are computed."""
        if not isinstance(route, str):
            raise TypeError(f"route is a string, not {route!r}")
        if route != "auto":
            self.values["route"] = route

    def named(self, modes: Sequence[int]) -> list[int]:
        """Modes from 0; negative ones count from the last mode."""
        order = len(self.shape)
        named = []
        sequence: Iterable[Any] = modes if hasattr(modes, "__iter__") else [modes]
        for mode in sequence:
            if isinstance(mode, bool):
                raise TypeError(f"a mode is an integer, not {mode!r}")
            try:
                number = operator.index(mode)
            except TypeError:
                raise TypeError(f"a mode is an integer, not {mode!r}") from None
            if not -order <= number < order:
                raise ValueError(f"mode {number} does not exist: the tensor has {order} modes")
            named.append(number % order)
        return named

    def truncate(self, rank: Rank, tol: float | None, max_entries: int | None) -> None:
        """Sets the truncation."""
        if (rank is not None) + (tol is not None) + (max_entries is not None) > 1:
            raise ValueError("one of rank, tol and max_entries is expected, not several")
        if tol is not None:
            self.values["tolerance"] = _checks.real("tol", tol)
        elif max_entries is not None:
            self.natural("max_entries", max_entries, 1)
        else:
            self.values["ranks"] = resolve_rank(rank, self.shape, self.modes)

    def start(self, init: Tucker | tuple[Any, Factors] | Factors) -> list[FloatArray | None]:
        """A factor for each mode, None for a mode that is not decomposed, from a start of HOOI."""
        if not hasattr(init, "__len__"):
            raise TypeError(
                f"init is the name of a start, or a factor for each decomposed mode, not {init!r}"
            )
        if self.place is not None:
            raise NotImplementedError(
                'HOOI on a device starts from init="st-hosvd" or init="hosvd", not from factors'
            )
        if isinstance(init, Tucker):
            factors: Factors = init.factors
        elif len(init) == 2 and isinstance(init[1], list | tuple):
            factors = init[1]
        else:
            factors = init
        if len(factors) != len(self.modes):
            raise ValueError(
                f"{len(self.modes)} factors are expected, one for each decomposed mode, "
                f"not {len(factors)}"
            )
        placed: list[FloatArray | None] = [None] * len(self.shape)
        for mode, factor in zip(self.modes, factors, strict=True):
            matrix = as_tensor(factor, f"factor {mode}")
            placed[mode] = cast("FloatArray", matrix.astype(self.x.dtype, copy=False))
        return placed

    def decompose(self, method: str, factors: list[FloatArray | None] | None = None) -> Tucker:
        """The decomposition by a method."""
        if self.place is not None:
            return self.decompose_on_device(method)[0]
        return Tucker._of(_native.decompose(self.x, method, self.values, factors), self.restore)

    def decompose_on_device(self, method: str) -> list[Tucker]:
        """The decomposition by a method on a device; for a batch those of all tensors."""
        assert self.place is not None
        return _device_solvers.decompose(
            self.place,
            self.x,
            method,
            self.values,
            is_batch=self.is_batch,
            restore=self.restore,
        )


def require_options(solver: Callable[..., Tucker], options: dict[str, Any]) -> None:
    """Fails for an option that the solver does not have."""
    own = solver.__kwdefaults__ or {}
    for name in options:
        if name not in own:
            method = solver.__name__.replace("_", "-")
            known = _NAMES_HERE.get(name)
            hint = "" if known is None else f": use {known}"
            raise TypeError(f"the method {method!r} has no option {name!r}{hint}")
