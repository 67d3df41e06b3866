"""Non-negative Tucker decompositions with the arguments and results of TensorLy.

The solver is :func:`tenfold.non_negative`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

import tenfold

from ..tenalg.svd import check_svd
from ..tucker_tensor import TuckerTensor, validate_tucker_rank
from ._base_decomposition import DecompositionMixin
from ._shapes import with_zero_columns
from ._start import initialize_tucker
from ._sweeps import Errors, sweep_options, warned_ranks


def non_negative_tucker(
    tensor: Any,
    rank: Any,
    n_iter_max: int = 10,
    init: Any = "svd",
    tol: Any = 10e-5,
    random_state: Any = None,
    verbose: Any = False,
    return_errors: bool = False,
    normalize_factors: bool = False,
) -> Any:
    """Decompose a tensor without negative entries into a core and factors without negative entries.

    The solver is :func:`tenfold.non_negative`: alternating non-negative least squares in place of
    TensorLy's multiplicative updates.

    Parameters
    ----------
    tensor : array
        The tensor.
    rank : sequence of int, int, float, "same" or None
        The ranks. See :func:`tucker`.
    n_iter_max : int
        The maximum number of sweeps.
    init : "svd" or "random"
        Both mean the same start from the HOSVD, which is deterministic.
    tol : float or None
        The iteration stops when the relative error changes by less. None and 0: never.
    random_state : None, int or RandomState
        Not used.
    verbose : bool or int
        Whether to print the error after each sweep.
    return_errors : bool
        Whether to return the errors too.
    normalize_factors : bool
        Not used: columns of the factors always have the norm 1.

    Returns
    -------
    TuckerTensor
        The decomposition. It unpacks as ``core, factors``.
    errors : list of float
        With ``return_errors``: the relative error after each sweep.

    Raises
    ------
    ValueError
        If the tensor has a negative entry, or an argument does not fit the tensor.
    NotImplementedError
        For a given start.
    """
    decomposition, errors = _non_negative(tensor, rank, n_iter_max, init, tol, verbose)
    return (decomposition, errors) if return_errors else decomposition


def non_negative_tucker_hals(
    tensor: Any,
    rank: Any,
    n_iter_max: int = 100,
    init: Any = "svd",
    svd: Any = "truncated_svd",
    tol: Any = 1e-8,
    sparsity_coefficients: Any = None,
    core_sparsity_coefficient: Any = None,
    fixed_modes: Sequence[int] | None = None,
    random_state: Any = None,
    verbose: Any = False,
    normalize_factors: bool = False,
    return_errors: bool = False,
    exact: bool = False,
    algorithm: str = "fista",
) -> Any:
    """Decompose a tensor without negative entries, as :func:`non_negative_tucker` does.

    Parameters
    ----------
    tensor, rank, n_iter_max, init, tol, random_state, verbose, normalize_factors, return_errors
        See :func:`non_negative_tucker`.
    svd : str
        One of ``tenalg.SVD_FUNS``. The names all mean the same.
    sparsity_coefficients, core_sparsity_coefficient, fixed_modes
        Not supported: only None, or coefficients of zero.
    exact : bool
        Not used.
    algorithm : "fista" or "active_set"
        Both mean the projected gradient steps of the solver.

    Raises
    ------
    NotImplementedError
        For sparsity, fixed modes and a given start.
    """
    check_svd(svd)
    if algorithm not in ("fista", "active_set"):
        raise ValueError(f'algorithm must be "fista" or "active_set", found {algorithm!r}')
    if np.any(_as_numbers(sparsity_coefficients)) or np.any(_as_numbers(core_sparsity_coefficient)):
        raise NotImplementedError("sparsity of the factors or of the core")
    if fixed_modes is not None and len(fixed_modes) > 0:
        raise NotImplementedError("fixed_modes of a non-negative decomposition")
    decomposition, errors = _non_negative(tensor, rank, n_iter_max, init, tol, verbose)
    return (decomposition, errors) if return_errors else decomposition


def _as_numbers(coefficients: Any) -> list[float]:
    """The coefficients, with 0 in place of None."""
    if not isinstance(coefficients, Iterable):
        coefficients = [coefficients]
    return [0.0 if coefficient is None else float(coefficient) for coefficient in coefficients]


def _non_negative(
    tensor: Any, rank: Any, n_iter_max: int, init: Any, tol: Any, verbose: Any
) -> tuple[TuckerTensor, list[float]]:
    if not isinstance(init, str):
        raise NotImplementedError('a given start of a non-negative decomposition: use init="svd"')
    if init not in ("svd", "random"):
        raise ValueError(f'init must be "svd" or "random", found {init!r}')
    tensor = np.asarray(tensor)
    modes = range(tensor.ndim)
    ranks = warned_ranks(tensor.shape, validate_tucker_rank(tensor.shape, rank), modes)
    errors = Errors(verbose)
    if n_iter_max < 1:
        start = initialize_tucker(tensor, ranks, modes, None, non_negative=True)
        return TuckerTensor(start), errors.errors
    options = sweep_options(n_iter_max, tol, errors)
    result = tenfold.non_negative(tensor, tuple(ranks), **options)
    parts = with_zero_columns(result.core, result.factors, modes, ranks)
    return TuckerTensor(parts), errors.errors


class Tucker_NN(DecompositionMixin):  # noqa: N801
    """:func:`non_negative_tucker` as an object, with ``fit_transform(tensor)``.

    Attributes
    ----------
    decomposition_ : TuckerTensor
        The last result of ``fit_transform``.
    errors_ : list of float
        Its errors.
    """

    def __init__(
        self,
        rank: Any = None,
        n_iter_max: int = 100,
        init: Any = "svd",
        svd: Any = "truncated_svd",
        tol: Any = 10e-5,
        random_state: Any = None,
        verbose: Any = False,
        normalize_factors: bool = False,
    ) -> None:
        self.rank = rank
        self.n_iter_max = n_iter_max
        self.init = init
        self.svd = svd
        self.tol = tol
        self.random_state = random_state
        self.verbose = verbose
        self.normalize_factors = normalize_factors

    def fit_transform(self, tensor: Any) -> Any:
        """Decompose ``tensor``. Return the decomposition."""
        self.decomposition_, self.errors_ = non_negative_tucker(
            tensor,
            rank=self.rank,
            n_iter_max=self.n_iter_max,
            init=self.init,
            tol=self.tol,
            random_state=self.random_state,
            verbose=self.verbose,
            return_errors=True,
            normalize_factors=self.normalize_factors,
        )
        return self.decomposition_


class Tucker_NN_HALS(DecompositionMixin):  # noqa: N801
    """:func:`non_negative_tucker_hals` as an object, with ``fit_transform(tensor)``.

    Attributes
    ----------
    decomposition_ : TuckerTensor
        The last result of ``fit_transform``.
    errors_ : list of float
        Its errors.
    """

    def __init__(
        self,
        rank: Any = None,
        n_iter_max: int = 100,
        init: Any = "svd",
        svd: Any = "truncated_svd",
        tol: Any = 1e-8,
        sparsity_coefficients: Any = None,
        core_sparsity_coefficient: Any = None,
        fixed_modes: Sequence[int] | None = None,
        random_state: Any = None,
        verbose: Any = False,
        normalize_factors: bool = False,
        return_errors: bool = False,
        exact: bool = False,
        algorithm: str = "fista",
    ) -> None:
        self.rank = rank
        self.n_iter_max = n_iter_max
        self.init = init
        self.svd = svd
        self.tol = tol
        self.sparsity_coefficients = sparsity_coefficients
        self.core_sparsity_coefficient = core_sparsity_coefficient
        self.fixed_modes = fixed_modes
        self.random_state = random_state
        self.verbose = verbose
        self.normalize_factors = normalize_factors
        self.return_errors = return_errors
        self.exact = exact
        self.algorithm = algorithm

    def fit_transform(self, tensor: Any) -> Any:
        """Decompose ``tensor``. Return the decomposition."""
        self.decomposition_, self.errors_ = non_negative_tucker_hals(
            tensor,
            rank=self.rank,
            n_iter_max=self.n_iter_max,
            init=self.init,
            svd=self.svd,
            tol=self.tol,
            sparsity_coefficients=self.sparsity_coefficients,
            core_sparsity_coefficient=self.core_sparsity_coefficient,
            fixed_modes=self.fixed_modes,
            random_state=self.random_state,
            verbose=self.verbose,
            normalize_factors=self.normalize_factors,
            return_errors=True,
            exact=self.exact,
            algorithm=self.algorithm,
        )
        return self.decomposition_
