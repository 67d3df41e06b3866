"""Unfoldings: the entries of a tensor rearranged as matrices and vectors.

The mode-``n`` unfolding has mode ``n`` as its rows. The other modes follow in ascending order along
the columns, the last mode fastest.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ._fallback import fallback
from .backend import Array


def tensor_to_vec(tensor: Array) -> Array:
    """Return the entries as a vector, the last mode fastest."""
    return np.reshape(tensor, -1)


def vec_to_tensor(vec: Array, shape: Sequence[int]) -> Array:
    """Return the tensor of the given ``shape`` with the entries ``vec``, the last mode fastest."""
    return np.reshape(vec, shape)


def unfold(tensor: Array, mode: int) -> Array:
    """Return the mode-``mode`` unfolding: a matrix of ``tensor.shape[mode]`` rows."""
    return np.reshape(np.moveaxis(tensor, mode, 0), (tensor.shape[mode], -1))


def fold(unfolded_tensor: Array, mode: int, shape: Sequence[int]) -> Array:
    """Return the tensor of the given ``shape`` from its mode-``mode`` unfolding."""
    return partial_fold(unfolded_tensor, mode, shape, skip_begin=0)


def partial_unfold(
    tensor: Array,
    mode: int = 0,
    skip_begin: int = 1,
    skip_end: int = 0,
    ravel_tensors: bool = False,
) -> Array:
    """Unfold the inner tensors ``tensor[i, ..., j]`` and keep the first and the last modes.

    Parameters
    ----------
    tensor : ndarray
        The tensor.
    mode : int
        Mode of the inner tensors that becomes the rows, counted from ``skip_begin``.
    skip_begin, skip_end : int
        The numbers of modes to keep at the beginning and at the end.
    ravel_tensors : bool
        Whether to return a vector in place of each matrix.
    """
    shape = tensor.shape
    first, last = shape[:skip_begin], shape[len(shape) - skip_end :]
    inner = (-1,) if ravel_tensors else (shape[mode + skip_begin], -1)
    moved = np.moveaxis(tensor, mode + skip_begin, skip_begin)
    return np.reshape(moved, (*first, *inner, *last))


def partial_fold(
    unfolded: Array, mode: int, shape: Sequence[int], skip_begin: int = 1, skip_end: int = 0
) -> Array:
    """Return the tensor of the given ``shape`` from the result of :func:`partial_unfold`."""
    moved = list(shape)
    moved.insert(skip_begin, moved.pop(mode + skip_begin))
    return np.moveaxis(np.reshape(unfolded, moved), skip_begin, mode + skip_begin)


def partial_tensor_to_vec(tensor: Array, skip_begin: int = 1, skip_end: int = 0) -> Array:
    """Return the inner tensors as vectors. See :func:`partial_unfold`."""
    return partial_unfold(tensor, 0, skip_begin, skip_end, ravel_tensors=True)


def partial_vec_to_tensor(
    matrix: Array, shape: Sequence[int], skip_begin: int = 1, skip_end: int = 0
) -> Array:
    """Return the tensor of the given ``shape`` from the result of :func:`partial_tensor_to_vec`."""
    return partial_fold(matrix, 0, shape, skip_begin, skip_end)


def matricize(tensor: Array, row_modes: Any, column_modes: Any = None) -> Array:
    """Return the matrix with ``row_modes`` along its rows and ``column_modes`` along its columns.

    Parameters
    ----------
    tensor : ndarray
        The tensor.
    row_modes, column_modes : int or sequence of int
        The modes in their order, the last one fastest. None as ``column_modes``: all other modes in
        ascending order.

    Raises
    ------
    ValueError
        Unless each mode is named once.
    """
    modes = range(np.ndim(tensor))
    rows = _as_list(row_modes)
    columns = (
        [mode for mode in modes if mode not in rows]
        if column_modes is None
        else _as_list(column_modes)
    )
    if sorted(rows + columns) != list(modes):
        raise ValueError(
            f"each of the {len(modes)} modes must be a row mode or a column mode, "
            f"found rows {rows} and columns {columns}"
        )
    size = math.prod(tensor.shape[mode] for mode in rows)
    return np.reshape(np.transpose(tensor, rows + columns), (size, -1))


def _as_list(modes: Any) -> list[int]:
    return list(modes) if np.iterable(modes) else [modes]


__getattr__ = fallback(__name__)
