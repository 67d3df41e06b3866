"""Tensors in Tucker form: a core and one factor per mode."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from .._rank import ROUNDINGS, kept_fraction
from ._factorized_tensor import FactorizedTensor
from ._fallback import fallback
from ._warnings import warn
from .backend import Array
from .base import tensor_to_vec, unfold
from .tenalg import mode_dot, multi_mode_dot


class TuckerTensor(FactorizedTensor):
    """A core and one factor per mode. It unpacks as ``core, factors = tucker_tensor``.

    Attributes
    ----------
    core : ndarray
        The core, with the shape ``rank``.
    factors : list of ndarray
        The factors. Number ``n`` has the shape ``(shape[n], rank[n])``.
    shape, rank : tuple of int
        Extents of the tensor, and extents of the core.

    Raises
    ------
    ValueError
        If the shapes of the core and of the factors do not fit.
    """

    def __init__(self, tucker_tensor: Any) -> None:
        super().__init__()
        self.shape, self.rank = _validate_tucker_tensor(tucker_tensor)
        self.core, self.factors = tucker_tensor

    def __getitem__(self, index: int) -> Any:
        if index == 0:
            return self.core
        if index == 1:
            return self.factors
        raise IndexError(
            f"the core has the index 0 and the factors have the index 1, found {index}"
        )

    def __setitem__(self, index: int, value: Any) -> None:
        if index == 0:
            self.core = value
        elif index == 1:
            self.factors = value
        else:
            raise IndexError(
                f"the core has the index 0 and the factors have the index 1, found {index}"
            )

    def __iter__(self) -> Iterator[Any]:
        yield self.core
        yield self.factors

    def __len__(self) -> int:
        return 2

    def __repr__(self) -> str:
        return f"TuckerTensor of shape {self.shape} and rank {self.rank}"

    def to_tensor(self) -> Array:
        """Return all entries."""
        return tucker_to_tensor(self)

    def tucker_copy(self) -> TuckerTensor:
        """Return a copy with a core and factors of its own."""
        return TuckerTensor((np.copy(self.core), [np.copy(factor) for factor in self.factors]))

    def mode_dot(
        self, matrix_or_vector: Array, mode: int, keep_dim: bool = False, copy: bool = False
    ) -> TuckerTensor:
        """Return the product with a matrix or a vector. See :func:`tucker_mode_dot`."""
        return tucker_mode_dot(self, matrix_or_vector, mode, keep_dim=keep_dim, copy=copy)

    def normalize(self) -> None:
        """Scale the columns of the factors to the norm 1, and the core by their former norms."""
        self.core, self.factors = tucker_normalize(self)


def _validate_tucker_tensor(tucker_tensor: Any) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Check that a core and factors fit. Return the shape and the ranks of the tensor."""
    core, factors = tucker_tensor
    if len(factors) < 2:
        raise ValueError(f"a Tucker tensor has at least two factors, found {len(factors)}")
    if len(factors) != np.ndim(core):
        raise ValueError(
            f"a core of {np.ndim(core)} modes needs {np.ndim(core)} factors, found {len(factors)}"
        )
    for mode, factor in enumerate(factors):
        if np.ndim(factor) != 2 or factor.shape[1] != core.shape[mode]:
            raise ValueError(
                f"factor {mode} must be a matrix of {core.shape[mode]} columns, the extent of the "
                f"core in this mode, found the shape {np.shape(factor)}"
            )
    shape = tuple(factor.shape[0] for factor in factors)
    return shape, tuple(core.shape)


def tucker_to_tensor(
    tucker_tensor: Any,
    skip_factor: int | None = None,
    transpose_factors: bool = False,
    modes: Sequence[int] | None = None,
) -> Array:
    """Return the tensor: the core times each factor.

    Parameters
    ----------
    tucker_tensor : TuckerTensor or (core, factors)
        The core and the factors.
    skip_factor : int, optional
        Position of a factor to leave out.
    transpose_factors : bool
        Whether to use the transposes of the factors.
    modes : sequence of int, optional
        The mode of each factor; 0, 1, ... for None.
    """
    core, factors = tucker_tensor
    return multi_mode_dot(core, factors, modes, skip_factor, transpose_factors)


def tucker_to_unfolded(
    tucker_tensor: Any,
    mode: int = 0,
    skip_factor: int | None = None,
    transpose_factors: bool = False,
) -> Array:
    """Return the mode-``mode`` unfolding of the tensor. See :func:`tucker_to_tensor`."""
    return unfold(tucker_to_tensor(tucker_tensor, skip_factor, transpose_factors), mode)


def tucker_to_vec(
    tucker_tensor: Any, skip_factor: int | None = None, transpose_factors: bool = False
) -> Array:
    """Return the entries of the tensor as a vector. See :func:`tucker_to_tensor`."""
    return tensor_to_vec(tucker_to_tensor(tucker_tensor, skip_factor, transpose_factors))


def tucker_mode_dot(
    tucker_tensor: Any,
    matrix_or_vector: Array,
    mode: int,
    keep_dim: bool = False,
    copy: bool = False,
) -> TuckerTensor:
    """Return the mode-``mode`` product of a Tucker tensor and a matrix or a vector.

    Parameters
    ----------
    tucker_tensor : TuckerTensor or (core, factors)
        The core and the factors.
    matrix_or_vector : ndarray
        A matrix with as many columns as the tensor has entries in the mode, or a vector of this
        length. A vector removes the mode.
    mode : int
        The mode to multiply.
    keep_dim : bool
        Whether the mode stays, with one entry, after the product with a vector.
    copy : bool
        Whether to leave the given factors unchanged. Otherwise the list of factors is changed.

    Raises
    ------
    ValueError
        If the shapes do not fit.
    """
    shape, _ = _validate_tucker_tensor(tucker_tensor)
    order = np.ndim(matrix_or_vector)
    if order not in (1, 2):
        raise ValueError(f"expected a matrix or a vector, found an array of order {order}")
    if matrix_or_vector.shape[-1] != shape[mode]:
        raise ValueError(
            f"mode {mode} has {shape[mode]} entries, which does not fit the shape "
            f"{matrix_or_vector.shape} of the {'matrix' if order == 2 else 'vector'}"
        )
    core, factors = tucker_tensor
    if copy:
        core, factors = np.copy(core), [np.copy(factor) for factor in factors]
    product = np.dot(matrix_or_vector, factors[mode])
    if order == 2:
        factors[mode] = product
    elif keep_dim:
        factors[mode] = product[np.newaxis, :]
    else:
        factors.pop(mode)
        core = mode_dot(core, product, mode)
    return TuckerTensor((core, factors))


def tucker_normalize(tucker_tensor: Any) -> TuckerTensor:
    """Return the same tensor with factors that have columns of norm 1. Columns of zeros stay."""
    core, factors = tucker_tensor
    normalized = []
    for mode, factor in enumerate(factors):
        norms = np.linalg.norm(factor, axis=0)
        others = [axis for axis in range(np.ndim(core)) if axis != mode]
        core = core * np.expand_dims(norms, others)
        normalized.append(factor / np.where(norms == 0, 1, norms))
    return TuckerTensor((core, normalized))


def _tucker_n_param(tensor_shape: Sequence[int], rank: Sequence[int]) -> int:
    """Return the number of entries of a core and of factors with the given ranks."""
    columns = sum(int(r) * int(s) for r, s in zip(rank, tensor_shape, strict=True))
    return math.prod(int(r) for r in rank) + columns


def validate_tucker_rank(
    tensor_shape: Sequence[int],
    rank: Any = "same",
    rounding: str = "round",
    fixed_modes: Sequence[int] | None = None,
) -> Any:
    """Return the ranks that ``rank`` stands for.

    Parameters
    ----------
    tensor_shape : sequence of int
        Extents of the tensor.
    rank : "same", float, int, sequence of int or None
        ``"same"``: the fraction 1.0. Float: the fraction of the tensor's entries that the core and
        the factors have together, see :func:`tenfold._rank.kept_fraction`. Integer: this rank in
        each mode. Sequence or None: returned as it is.
    rounding : "round", "floor" or "ceil"
        How fractional ranks become integers.
    fixed_modes : sequence of int, optional
        Modes with the extent as their rank.

    Raises
    ------
    ValueError
        If ``rounding`` is unknown, or a fraction is not positive and finite.

    Warns
    -----
    RuntimeWarning
        If ``rank`` is an integer.
    """
    if rounding not in ROUNDINGS:
        raise ValueError(f"rounding must be one of {list(ROUNDINGS)}, found {rounding!r}")
    shape = [int(extent) for extent in tensor_shape]
    fixed = [] if fixed_modes is None else list(fixed_modes)
    if isinstance(rank, str):
        if rank != "same":
            raise ValueError(f'rank must be "same" if it is a string, found {rank!r}')
        rank = 1.0
    if isinstance(rank, float):
        if not (0.0 < rank < math.inf):
            raise ValueError(f"rank as a fraction must be positive and finite, found {rank}")
        free = [mode for mode in range(len(shape)) if mode not in fixed]
        c = kept_fraction(rank, shape, free, fixed)
        to_integer = ROUNDINGS[rounding]
        return [
            extent if mode in fixed else max(to_integer(c * extent), 1)
            for mode, extent in enumerate(shape)
        ]
    if isinstance(rank, int):
        warn(
            f"rank is the integer {rank}: it is used for each of the {len(shape)} modes",
            RuntimeWarning,
        )
        return [extent if mode in fixed else rank for mode, extent in enumerate(shape)]
    return rank


__getattr__ = fallback(__name__)
