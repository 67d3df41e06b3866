"""The starts of the decompositions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

import tenfold

from ..backend import Array, check_random_state, context
from ..backend import tensor as as_tensor
from ..tenalg import multi_mode_dot
from ..tenalg.svd import check_svd
from ._shapes import possible_ranks, with_ranks
from ._sweeps import from_zero


def initialize_tucker(
    tensor: Any,
    rank: Sequence[int],
    modes: Sequence[int],
    random_state: Any,
    init: Any = "svd",
    svd: Any = "truncated_svd",
    non_negative: bool = False,
    mask: Any = None,
    svd_mask_repeats: int = 5,
) -> tuple[Array, list[Array]]:
    """Return the core and the factors from which a decomposition starts.

    Parameters
    ----------
    tensor : array
        The tensor.
    rank : sequence of int
        One rank for each of ``modes``.
    modes : sequence of int
        The modes to decompose.
    random_state : None, int or RandomState
        The source of a random start.
    init : "svd", "random", TuckerTensor, (core, factors) or list of factors
        ``"svd"``: the HOSVD. ``"random"``: entries between 0 and 1. A list of factors: the core is
        the projection of the tensor on these factors.
    svd : str
        One of ``tenalg.SVD_FUNS``. The names all mean the same.
    non_negative : bool
        Whether to take absolute values.
    mask : array, optional
        Not supported with ``init="svd"``: the decompositions with a mask have a start of their own.
    svd_mask_repeats : int
        Not used.

    Raises
    ------
    ValueError
        If ``init`` or the shape of a factor is wrong.
    """
    check_svd(svd)
    tensor = np.asarray(tensor)
    modes = from_zero(modes, tensor.ndim)
    if isinstance(init, str):
        if init == "svd":
            if mask is not None:
                raise NotImplementedError(
                    'init="svd" with a mask: tucker with the mask has a start of its own'
                )
            result = tenfold.hosvd(tensor, tuple(rank), modes=modes)
            factors = [result.factor(mode) for mode in modes]
            core, factors = with_ranks(result.core, factors, modes, rank)
        elif init == "random":
            source = check_random_state(random_state)
            entries = context(tensor)
            core = as_tensor(source.random_sample(list(rank)) + 0.01, **entries)
            factors = [
                as_tensor(source.random_sample((tensor.shape[mode], r)), **entries)
                for mode, r in zip(modes, rank, strict=True)
            ]
        else:
            raise ValueError(f'init must be "svd" or "random" if it is a string, found {init!r}')
    elif isinstance(init, tuple) or has_core(init):
        core, factors = core_and_factors(init)
    else:
        factors = given_factors(init, tensor.shape, rank, modes)
        core = multi_mode_dot(tensor, factors, modes=modes, transpose=True)
    if non_negative:
        return np.abs(core), [np.abs(factor) for factor in factors]
    return core, factors


def has_core(init: Any) -> bool:
    """Whether ``init`` is a decomposition: a ``TuckerTensor`` or a ``tenfold.Tucker``."""
    return hasattr(init, "core") and hasattr(init, "factors")


def core_and_factors(init: Any) -> tuple[Array, list[Array]]:
    if not isinstance(init, tuple):
        return init.core, list(init.factors)
    if len(init) != 2 or not isinstance(init[1], Iterable):
        raise ValueError("init must be (core, factors) if it is a tuple, with a list of factors")
    return init[0], list(init[1])


def given_factors(
    init: Any, shape: Sequence[int], rank: Sequence[int], modes: Sequence[int]
) -> list[Array]:
    if not isinstance(init, Iterable):
        raise ValueError(
            'init must be "svd", "random", a Tucker tensor, (core, factors) or a list of factors, '
            f"found {type(init).__name__}"
        )
    factors = list(init)
    if len(factors) != len(modes):
        raise ValueError(f"expected {len(modes)} factors, one for each mode, found {len(factors)}")
    for factor, mode, r in zip(factors, modes, rank, strict=True):
        if np.shape(factor) != (shape[mode], r):
            raise ValueError(
                f"expected the shape {(shape[mode], r)} of the factor of mode {mode}, "
                f"found {np.shape(factor)}"
            )
    return factors


def start_options(
    tensor: Array, ranks: Sequence[int], modes: Sequence[int], init: Any, random_state: Any
) -> dict[str, Any]:
    """The arguments of :func:`tenfold.hooi` for the ranks and the start."""
    if isinstance(init, str):
        if init == "svd":
            return {"rank": tuple(ranks), "init": "hosvd"}
        if init == "random":
            seed = int(check_random_state(random_state).randint(2**31 - 1))
            return {"rank": tuple(ranks), "init": "random", "seed": seed}
    _, factors = initialize_tucker(tensor, ranks, modes, random_state, init)
    lowered = possible_ranks(ranks, tensor.shape, modes)
    leading = [factor[:, :rank] for factor, rank in zip(factors, lowered, strict=True)]
    return {"rank": lowered, "init": leading}
