"""What the decompositions share: options of the sweeps, their errors, ranks and modes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .._warnings import warn


class Errors:
    """The relative errors after the sweeps. A solver reports them one by one."""

    def __init__(self, verbose: Any) -> None:
        self.errors: list[float] = []
        self.verbose = verbose

    def __call__(self, done: int, total: int, relative_error: float | None) -> None:
        if relative_error is None:
            return
        if self.verbose:
            change = f", variation={self.errors[-1] - relative_error}" if self.errors else ""
            print(f"reconstruction error={relative_error}{change}.")
        self.errors.append(relative_error)


def sweep_options(n_iter_max: int, tol: Any, errors: Errors) -> dict[str, Any]:
    return {
        "max_sweeps": n_iter_max,
        "sweep_tolerance": float(tol) if tol else 0.0,
        "progress": errors,
    }


def from_zero(modes: Sequence[int], order: int) -> list[int]:
    """The modes, with negative ones counted from the last mode. Others stay as they are."""
    return [mode + order if -order <= mode < 0 else mode for mode in modes]


def warned_ranks(shape: Sequence[int], rank: Any, modes: Sequence[int]) -> list[int]:
    """One rank for each of ``modes``. Warns where TensorLy does."""
    if rank is None:
        warn("rank is None: the core has the extents of the tensor")
        return [shape[mode] for mode in modes]
    if isinstance(rank, int):
        warn(f"rank is the integer {rank}: it is used for each of the {len(modes)} modes")
        return [rank] * len(modes)
    return [int(r) for r in rank]
