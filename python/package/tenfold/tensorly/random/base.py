"""Random tensors: uniform entries, and uniform cores and factors. Equal seeds give the tensors that
TensorLy gives."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .._fallback import fallback
from ..backend import Array, check_random_state, tensor
from ..tucker_tensor import TuckerTensor, tucker_to_tensor, validate_tucker_rank


def random_tensor(shape: Sequence[int], random_state: Any = None, **context: Any) -> Array:
    """Return a tensor with independent entries, uniform between 0 and 1."""
    return tensor(check_random_state(random_state).random_sample(shape), **context)


def random_tucker(
    shape: Sequence[int],
    rank: Any,
    full: bool = False,
    orthogonal: bool = False,
    random_state: Any = None,
    non_negative: bool = False,
    **context: Any,
) -> Any:
    """Return a random tensor in Tucker form.

    Parameters
    ----------
    shape : sequence of int
        Extents of the tensor.
    rank : int, sequence of int, float or "same"
        The ranks. See :func:`tenfold.tensorly.tucker_tensor.validate_tucker_rank`.
    full : bool
        Whether to return the array of all entries in place of a ``TuckerTensor``.
    orthogonal : bool
        Whether the factors have orthonormal columns.
    random_state : None, int or RandomState
        The source of random numbers.
    non_negative : bool
        Whether to take absolute values. It matters only with ``orthogonal``.
    **context
        The ``dtype`` of the arrays.

    Raises
    ------
    ValueError
        If ``orthogonal`` is set and a rank is larger than the extent.
    """
    source = check_random_state(random_state)
    ranks = validate_tucker_rank(shape, rank)
    factors = []
    for mode, (extent, columns) in enumerate(zip(shape, ranks, strict=False)):
        if not orthogonal:
            factors.append(tensor(source.random_sample((extent, columns)), **context))
            continue
        if columns > extent:
            raise ValueError(
                f"mode {mode} has the extent {extent}: it has no {columns} orthonormal columns"
            )
        square = tensor(source.random_sample((extent, extent)), **context)
        factors.append(np.array(np.linalg.qr(square)[0][:, :columns]))
    core = tensor(source.random_sample(ranks), **context)
    if non_negative:
        core, factors = np.abs(core), [np.abs(factor) for factor in factors]
    return tucker_to_tensor((core, factors)) if full else TuckerTensor((core, factors))


__getattr__ = fallback(__name__)
