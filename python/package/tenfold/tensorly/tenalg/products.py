"""The mode-n product, chains of it, and the Kronecker product."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

import numpy as np

from ..backend import Array


def mode_dot(tensor: Array, matrix_or_vector: Array, mode: int, transpose: bool = False) -> Array:
    """Return the mode-``mode`` product of a tensor and a matrix or a vector.

    Parameters
    ----------
    tensor : ndarray
        The tensor.
    matrix_or_vector : ndarray
        A matrix with ``tensor.shape[mode]`` columns, or a vector of this length.
    mode : int
        The mode to multiply. A vector removes it.
    transpose : bool
        Whether to use the (conjugate) transpose of the matrix.

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> mode_dot(np.ones((2, 3, 4)), np.ones((5, 3)), 1).shape
    (2, 5, 4)
    """
    order = np.ndim(matrix_or_vector)
    if order not in (1, 2):
        raise ValueError(f"expected a matrix or a vector, found an array of order {order}")
    operand = np.conj(matrix_or_vector.T) if transpose and order == 2 else matrix_or_vector
    if operand.shape[-1] != tensor.shape[mode]:
        raise ValueError(
            f"mode {mode} of a tensor of shape {tensor.shape} has {tensor.shape[mode]} entries, "
            f"which does not fit the shape {matrix_or_vector.shape} of the "
            f"{'matrix' if order == 2 else 'vector'}"
        )
    product = np.tensordot(operand, tensor, axes=(order - 1, mode))
    return product if order == 1 else np.moveaxis(product, 0, mode)


def multi_mode_dot(
    tensor: Array,
    matrix_or_vec_list: Sequence[Array],
    modes: Sequence[int] | None = None,
    skip: int | None = None,
    transpose: bool = False,
) -> Array:
    """Return the product of a tensor with a matrix or a vector in each of several modes.

    Parameters
    ----------
    tensor : ndarray
        The tensor.
    matrix_or_vec_list : sequence of ndarray
        The operands. See :func:`mode_dot`.
    modes : sequence of int, optional
        The mode of each operand; 0, 1, ... for None.
    skip : int, optional
        Position of an operand to leave out, after the operands were sorted by mode.
    transpose : bool
        Whether to use the (conjugate) transposes.
    """
    modes = range(len(matrix_or_vec_list)) if modes is None else modes
    ascending = sorted(zip(matrix_or_vec_list, modes, strict=False), key=lambda pair: pair[1])
    removed = 0  # Each vector removes a mode, so that later modes move up.
    for position, (operand, mode) in enumerate(ascending):
        if position == skip:
            continue
        factor = np.conj(operand.T) if transpose else operand
        tensor = mode_dot(tensor, factor, mode - removed)
        removed += np.ndim(operand) == 1
    return tensor


def kronecker(
    matrices: Sequence[Array], skip_matrix: int | None = None, reverse: bool = False
) -> Array:
    """Return the Kronecker product of the matrices.

    Parameters
    ----------
    matrices : sequence of ndarray
        The matrices.
    skip_matrix : int, optional
        Position of a matrix to leave out.
    reverse : bool
        Whether to multiply in reverse order.
    """
    kept = [matrix for i, matrix in enumerate(matrices) if i != skip_matrix]
    return reduce(np.kron, reversed(kept) if reverse else kept)
