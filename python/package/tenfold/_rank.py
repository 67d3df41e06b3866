"""Ranks from what a caller may write as ``rank``.

A caller writes the ranks of a Tucker decomposition as a sequence (one rank per mode), as one
integer (the same rank in each mode), as a float (the fraction of the entries that the
decomposition stores), as ``"same"`` (the fraction 1.0), or as ``None`` (full ranks).
The rule for fractions is the rule of TensorLy's ``validate_tucker_rank``: each mode keeps the
same fraction ``c`` of its extent. A core of ``prod(c * I_k)`` entries and factors of
``c * I_k ** 2`` entries together hold the fraction ``rank`` of the ``prod(I_k)`` entries::

    c ** k  +  c * (sum of I_k ** 2) / prod(I)  =  rank        (k decomposed modes)
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping, Sequence, Set
from typing import SupportsIndex

import numpy as np

Rank = Sequence[SupportsIndex] | SupportsIndex | float | str | None
"""The forms of ``rank``: one rank per mode, one rank for all modes, a fraction, "same", or None."""

ROUNDINGS: dict[str, Callable[[float], int]] = {
    "round": round,
    "floor": math.floor,
    "ceil": math.ceil,
}
"""Functions that turn a fractional rank into an integer, by name."""


def resolve_rank(rank: Rank, shape: Sequence[int], modes: Sequence[int]) -> tuple[int, ...]:
    """Return one rank for each of ``modes`` of a tensor of the given ``shape``.

    Parameters
    ----------
    rank : sequence of int, int, float, "same" or None
        Sequence: one rank for each mode in ``modes``. Integer: this rank in each mode. Float: the
        fraction of the tensor's entries that the decomposition stores. ``"same"``: the
        fraction 1.0. None: the extents.
    shape : sequence of int
        Extents of the tensor.
    modes : sequence of int
        The decomposed modes, from 0 to ``len(shape) - 1``.

    Returns
    -------
    tuple of int
        Ranks in the order of ``modes``. A rank above its extent is lowered to the extent.

    Raises
    ------
    TypeError
        If ``rank`` has none of the forms above.
    ValueError
        If a rank is not positive, a fraction is not positive and finite, or the number of ranks
        differs from the number of modes.

    Examples
    --------
    >>> resolve_rank((2, 3), (4, 5, 6), (0, 2))
    (2, 3)
    >>> resolve_rank(3, (4, 5, 6), (0, 1, 2))
    (3, 3, 3)
    >>> resolve_rank(0.5, (40, 50, 60), (0, 1, 2))
    (31, 38, 46)
    """
    if (  # The usual call. It is answered first to keep it cheap.
        type(rank) is tuple
        and len(rank) == len(modes)
        and all(type(r) is int and r > 0 for r in rank)
    ):
        return _lowered(rank, shape, modes)
    if rank is None:
        return tuple(shape[mode] for mode in modes)
    if isinstance(rank, str):
        if rank != "same":
            raise ValueError(f'rank must be "same" if it is a string, found {rank!r}')
        rank = 1.0
    if isinstance(rank, bool | np.bool_):
        raise TypeError("rank must be a sequence, an integer, a float, 'same' or None, found bool")
    if _is_fraction(rank):
        return _ranks_of_fraction(float(rank), shape, modes)  # type: ignore[arg-type]
    if isinstance(rank, SupportsIndex) and getattr(rank, "ndim", 0) == 0:
        return _lowered((_positive(rank),) * len(modes), shape, modes)
    if isinstance(rank, Set | Mapping):
        raise TypeError(f"rank must be a sequence in the order of the modes, found {rank!r}")
    try:
        ranks = tuple(rank)  # type: ignore[arg-type]
    except TypeError:
        raise TypeError(
            "rank must be a sequence, an integer, a float, 'same' or None, "
            f"found {type(rank).__name__}"
        ) from None
    if len(ranks) != len(modes):
        raise ValueError(f"expected {len(modes)} ranks, one for each mode, found {len(ranks)}")
    return _lowered([_positive(r) for r in ranks], shape, modes)


def kept_fraction(
    fraction: float, shape: Sequence[int], modes: Sequence[int], stored_factors: Sequence[int] = ()
) -> float:
    """Return the fraction ``c`` of each extent that a decomposition keeps.

    Parameters
    ----------
    fraction : float
        Positive fraction of the tensor's entries that the decomposition stores.
    shape : sequence of int
        Extents of the tensor.
    modes : sequence of int
        The decomposed modes.
    stored_factors : sequence of int
        Modes with factors that count towards the entries but are not compressed
        (``fixed_modes`` of TensorLy).

    Returns
    -------
    float
        The root of ``c ** k + c * s / n = fraction`` with ``k`` modes, ``n`` entries of the tensor,
        and ``s`` entries of the factors at full rank.
    """
    entries = math.prod(shape)
    if entries == 0 or not modes:
        return 1.0
    power = len(modes)
    factors = sum(shape[mode] ** 2 for mode in (*modes, *stored_factors))
    slope = factors / entries
    # The left side is increasing and convex for c >= 0, and is not below `fraction` at the first
    # value of c: Newton's steps decrease c to the root. They end where rounding stops the decrease.
    c = max(fraction, 1.0)
    while True:
        value = c**power + slope * c - fraction
        step = value / (power * c ** (power - 1) + slope)
        following = c - step
        if not following < c:
            return c
        c = following


def _ranks_of_fraction(
    fraction: float, shape: Sequence[int], modes: Sequence[int]
) -> tuple[int, ...]:
    if not (0.0 < fraction < math.inf):
        raise ValueError(f"rank as a fraction must be positive and finite, found {fraction}")
    c = kept_fraction(fraction, shape, modes)
    return tuple(max(round(c * shape[mode]), 1) for mode in modes)


def _lowered(ranks: Sequence[int], shape: Sequence[int], modes: Sequence[int]) -> tuple[int, ...]:
    """The ranks, at most the extents. An empty tensor keeps ranks of 1."""
    return tuple([min(r, shape[mode] or 1) for r, mode in zip(ranks, modes, strict=True)])


def _is_fraction(rank: object) -> bool:
    """Whether ``rank`` is one float (Python's or NumPy's), not an integer and not a sequence."""
    if isinstance(rank, float):
        return True
    return (
        hasattr(rank, "__float__")
        and not hasattr(rank, "__len__")
        and not isinstance(rank, SupportsIndex)
    )


def _positive(rank: object) -> int:
    if isinstance(rank, bool):
        raise TypeError("each rank must be an integer, found bool")
    try:
        value = operator.index(rank)  # type: ignore[arg-type]
    except TypeError:
        raise TypeError(f"each rank must be an integer, found {type(rank).__name__}") from None
    if value < 1:
        raise ValueError(f"each rank must be positive, found {value}")
    return value
