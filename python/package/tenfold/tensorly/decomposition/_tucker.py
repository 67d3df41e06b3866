"""Tucker decompositions with the arguments and results of TensorLy, by the solvers of tenfold.

The solvers are :func:`tenfold.hooi` and :func:`tenfold.completion`. They stop, as TensorLy does,
when the relative error changes by less than ``tol``. TensorLy makes at least three sweeps, the
solvers at least one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

import tenfold

from ..backend import Array
from ..tenalg import mode_dot, multi_mode_dot
from ..tenalg.svd import check_svd
from ..tucker_tensor import TuckerTensor, validate_tucker_rank
from ._base_decomposition import DecompositionMixin
from ._non_negative import (
    Tucker_NN,
    Tucker_NN_HALS,
    non_negative_tucker,
    non_negative_tucker_hals,
)
from ._shapes import with_ranks
from ._start import core_and_factors, given_factors, has_core, initialize_tucker, start_options
from ._sweeps import Errors, from_zero, sweep_options, warned_ranks

__all__ = [
    "Tucker",
    "Tucker_NN",
    "Tucker_NN_HALS",
    "initialize_tucker",
    "non_negative_tucker",
    "non_negative_tucker_hals",
    "partial_tucker",
    "tucker",
]


def partial_tucker(
    tensor: Any,
    rank: Any,
    modes: Sequence[int] | None = None,
    n_iter_max: int = 100,
    init: Any = "svd",
    tol: Any = 10e-5,
    svd: Any = "truncated_svd",
    random_state: Any = None,
    verbose: Any = False,
    mask: Any = None,
    svd_mask_repeats: int = 5,
) -> tuple[tuple[Array, list[Array]], list[float]]:
    """Decompose some modes of a tensor by HOOI.

    Parameters
    ----------
    tensor : array
        The tensor.
    rank : sequence of int, int or None
        One rank for each of ``modes``, one for all, or the extents.
    modes : sequence of int, optional
        The modes to decompose; all for None.
    n_iter_max : int
        The maximum number of sweeps.
    init : "svd", "random", TuckerTensor, (core, factors) or list of factors
        The start. Of given decompositions only the factors matter. Not used with a mask.
    tol : float or None
        The iteration stops when the relative error changes by less. None and 0: never.
    svd : str
        One of ``tenalg.SVD_FUNS``. The names all mean the same.
    random_state : None, int or RandomState
        The source of a random start.
    verbose : bool or int
        Whether to print the error after each sweep.
    mask : array, optional
        0 where entries are missing, 1 elsewhere. Needs all modes.
    svd_mask_repeats : int
        Not used.

    Returns
    -------
    (core, factors) : (ndarray, list of ndarray)
        The core and the factors of ``modes``, in this order.
    errors : list of float
        The relative error after each sweep; with a mask, over the observed entries.

    Raises
    ------
    ValueError
        If an argument does not fit the tensor.
    NotImplementedError
        For a mask with some modes only, or with values other than 0 and 1.
    """
    check_svd(svd)
    tensor = np.asarray(tensor)
    modes = list(range(tensor.ndim)) if modes is None else from_zero(modes, tensor.ndim)
    ranks = warned_ranks(tensor.shape, rank, modes)
    errors = Errors(verbose)
    if n_iter_max < 1:
        start = initialize_tucker(tensor, ranks, modes, random_state, init, svd, mask=mask)
        return start, errors.errors
    options = sweep_options(n_iter_max, tol, errors)
    observed = None if mask is None else _observed(mask)
    if observed is None:
        options |= start_options(tensor, ranks, modes, init, random_state)
        result = tenfold.hooi(tensor, modes=modes, **options)
        if not errors.errors:
            # The start is optimal where at most one mode is truncated: HOOI makes no sweeps.
            errors(0, 0, result.estimated_error)
    elif modes != list(range(tensor.ndim)):
        raise NotImplementedError(
            f"a mask with the modes {modes} only: a mask needs a decomposition of all modes"
        )
    else:
        result = tenfold.completion(tensor, tuple(ranks), mask=observed, **options)
    factors = [result.factor(mode) for mode in modes]
    return with_ranks(result.core, factors, modes, ranks), errors.errors


def _observed(mask: Any) -> Array | None:
    """The mask as booleans. None if no entry is missing."""
    mask = np.asarray(mask)
    observed = mask.astype(bool)
    if not np.array_equal(observed, mask):
        raise NotImplementedError("a mask with values other than 0 and 1")
    return None if observed.all() else observed


def tucker(
    tensor: Any,
    rank: Any,
    fixed_factors: Sequence[int] | None = None,
    n_iter_max: int = 100,
    init: Any = "svd",
    return_errors: bool = False,
    svd: Any = "truncated_svd",
    tol: Any = 10e-5,
    random_state: Any = None,
    mask: Any = None,
    verbose: Any = False,
) -> Any:
    """Decompose a tensor by HOOI.

    Parameters
    ----------
    tensor : array
        The tensor.
    rank : sequence of int, int, float, "same" or None
        The ranks, as in :func:`tenfold.tensorly.tucker_tensor.validate_tucker_rank`. None: the
        extents.
    fixed_factors : sequence of int, optional
        Modes with factors that stay as ``init`` has them, bit for bit. The sweeps find the best
        other factors and the best core for them.
    n_iter_max, init, svd, tol, random_state, mask, verbose
        See :func:`partial_tucker`.
    return_errors : bool
        Whether to return the errors too. As in TensorLy, not used with ``fixed_factors``.

    Returns
    -------
    TuckerTensor
        The decomposition. It unpacks as ``core, factors``.
    errors : list of float
        With ``return_errors``: the relative error after each sweep.

    Raises
    ------
    ValueError
        If an argument does not fit the tensor.
    NotImplementedError
        For ``fixed_factors`` with a mask, and for the masks that :func:`partial_tucker` refuses.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.random.RandomState(0).random_sample((4, 5, 6))
    >>> core, factors = tucker(x, rank=[2, 2, 2])
    >>> core.shape, [factor.shape for factor in factors]
    ((2, 2, 2), [(4, 2), (5, 2), (6, 2)])
    """
    check_svd(svd)
    tensor = np.asarray(tensor)
    if fixed_factors:
        if mask is not None:
            raise NotImplementedError("fixed_factors with a mask")
        fixed = sorted(fixed_factors)
        return _tucker_with_fixed_factors(tensor, rank, fixed, init, n_iter_max, tol, verbose)
    ranks = validate_tucker_rank(tensor.shape, rank)
    (core, factors), trace = partial_tucker(
        tensor,
        ranks,
        n_iter_max=n_iter_max,
        init=init,
        svd=svd,
        tol=tol,
        random_state=random_state,
        mask=mask,
        verbose=verbose,
    )
    decomposition = TuckerTensor((core, factors))
    return (decomposition, trace) if return_errors else decomposition


def _tucker_with_fixed_factors(
    tensor: Array,
    rank: Any,
    fixed: Sequence[int],
    init: Any,
    n_iter_max: int,
    tol: Any,
    verbose: Any,
) -> TuckerTensor:
    # 1. The factors of the start. Their shapes must agree with `rank`, if it has one per mode.
    if isinstance(init, str):
        raise ValueError(
            f"fixed_factors={list(fixed)} needs the factors to keep: pass a Tucker tensor, "
            f"(core, factors) or a list of factors as init, found {init!r}"
        )
    modes = list(range(tensor.ndim))
    given = core_and_factors(init)[1] if isinstance(init, tuple) or has_core(init) else list(init)
    ranks = [np.shape(factor)[-1] for factor in given]
    if not (rank is None or isinstance(rank, int | float | str)) and len(rank) == tensor.ndim:
        ranks = [int(r) for r in rank]
    factors = [np.array(factor) for factor in given_factors(given, tensor.shape, ranks, modes)]
    # 2. The tensor projected on orthonormal bases Q of the fixed factors F = Q·S. The best other
    #    factors for it are those for the tensor itself.
    bases = {mode: np.linalg.qr(factors[mode]) for mode in fixed}
    projected = multi_mode_dot(tensor, [q for q, _ in bases.values()], list(bases), transpose=True)
    # 3. The sweeps over the other modes.
    free = [mode for mode in modes if mode not in fixed]
    core = projected
    if free:
        start = (projected, [factors[mode] for mode in free])
        wanted = [ranks[mode] for mode in free]
        (core, found), _ = partial_tucker(
            projected, wanted, free, n_iter_max, start, tol, verbose=verbose
        )
        for mode, factor in zip(free, found, strict=True):
            factors[mode] = factor
    # 4. The core for F in place of Q: G ×ₙ Q = (G ×ₙ S⁺) ×ₙ F.
    for mode, (_, triangle) in bases.items():
        core = mode_dot(core, np.linalg.pinv(triangle), mode)
    return TuckerTensor((core, factors))


class Tucker(DecompositionMixin):
    """:func:`tucker` as an object: the arguments of the function, and ``fit_transform(tensor)``.

    Attributes
    ----------
    decomposition_ : TuckerTensor
        The last result of ``fit_transform``.
    """

    def __init__(
        self,
        rank: Any = None,
        n_iter_max: int = 100,
        init: Any = "svd",
        return_errors: bool = False,
        svd: Any = "truncated_svd",
        tol: Any = 10e-5,
        fixed_factors: Sequence[int] | None = None,
        random_state: Any = None,
        mask: Any = None,
        verbose: Any = False,
    ) -> None:
        self.rank = rank
        self.n_iter_max = n_iter_max
        self.init = init
        self.return_errors = return_errors
        self.svd = svd
        self.tol = tol
        self.fixed_factors = fixed_factors
        self.random_state = random_state
        self.mask = mask
        self.verbose = verbose

    def fit_transform(self, tensor: Any) -> Any:
        """Decompose ``tensor``. Return what :func:`tucker` returns."""
        self.decomposition_ = tucker(
            tensor,
            rank=self.rank,
            fixed_factors=self.fixed_factors,
            n_iter_max=self.n_iter_max,
            init=self.init,
            return_errors=self.return_errors,
            svd=self.svd,
            tol=self.tol,
            random_state=self.random_state,
            mask=self.mask,
            verbose=self.verbose,
        )
        return self.decomposition_
