"""Results with the ranks that were asked for.

TensorLy returns a core of exactly the ranks in the call. The solvers take ranks as upper limits: a
rank above the extent, or above the product of the other ranks, adds nothing to the approximation.
The functions of this module append columns to the factors and zeros to the core::

    core 2×2×1, ranks 2×3×1:   G₀ G₁ │ 0     factor 1:  a₀ a₁ │ q     q orthonormal to a₀, a₁
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ..backend import Array


def possible_ranks(
    ranks: Sequence[int], shape: Sequence[int], modes: Sequence[int]
) -> tuple[int, ...]:
    """Return the largest ranks of a decomposition within the given ones.

    A rank is at most the extent, and at most the product of the other extents of the core.
    """
    core = list(shape)
    for mode, rank in zip(modes, ranks, strict=True):
        core[mode] = min(rank, shape[mode])
    for mode in modes:
        core[mode] = min(core[mode], math.prod(core[:mode]) * math.prod(core[mode + 1 :]))
    return tuple(core[mode] for mode in modes)


def with_ranks(
    core: Array, factors: Sequence[Array], modes: Sequence[int], ranks: Sequence[int]
) -> tuple[Array, list[Array]]:
    """Append orthonormal columns and zeros of the core up to the given ranks.

    A factor can have at most as many orthonormal columns as rows. Further columns are zero.
    """
    widened = [with_columns(factor, rank) for factor, rank in zip(factors, ranks, strict=True)]
    return with_zeros(core, modes, ranks), widened


def with_zero_columns(
    core: Array, factors: Sequence[Array], modes: Sequence[int], ranks: Sequence[int]
) -> tuple[Array, list[Array]]:
    """Append columns of zeros and zeros of the core up to the given ranks."""
    widened = [
        np.pad(factor, ((0, 0), (0, rank - factor.shape[1])))
        for factor, rank in zip(factors, ranks, strict=True)
    ]
    return with_zeros(core, modes, ranks), widened


def with_zeros(core: Array, modes: Sequence[int], ranks: Sequence[int]) -> Array:
    """Return a copy of ``core``, with zeros appended up to the extents ``ranks`` in ``modes``."""
    missing = [0] * core.ndim
    for mode, rank in zip(modes, ranks, strict=True):
        missing[mode] = rank - core.shape[mode]
    return np.pad(core, [(0, count) for count in missing])


def with_columns(factor: Array, columns: int) -> Array:
    """Return a copy of a factor with orthonormal columns, with more such columns appended."""
    rows, present = factor.shape
    if columns <= present:
        return np.array(factor)
    wide = np.zeros((rows, columns), factor.dtype)
    wide[:, :present] = factor
    added = min(rows, columns) - present
    # Random vectors, orthogonal to the columns and to each other. The second pass removes what
    # rounding left.
    extra = np.random.RandomState(0).standard_normal((rows, added))
    for _ in range(2):
        extra = extra - factor @ (factor.T @ extra)
        extra = np.linalg.qr(extra)[0]
    wide[:, present : present + added] = extra
    return wide
