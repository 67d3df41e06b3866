"""Tucker decompositions with the arguments and results of TensorLy, by the solvers of tenfold.

The sweeps are those of :func:`tenfold.hooi`, :func:`tenfold.completion` and
:func:`tenfold.non_negative`. They stop, as TensorLy's, when the relative error changes by less than
``tol``; TensorLy makes at least three sweeps, the solvers at least one.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import tenfold

from ..backend import Array, check_random_state, context, copy
from ..backend import tensor as as_tensor
from ..tenalg import mode_dot, multi_mode_dot
from ..tenalg.svd import check_svd
from ..tucker_tensor import TuckerTensor, validate_tucker_rank
from ._base_decomposition import DecompositionMixin
from ._shapes import with_ranks, with_zero_columns


class _Errors:
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


def _sweep_options(n_iter_max: int, tol: Any, errors: _Errors) -> dict[str, Any]:
    return {
        "max_sweeps": n_iter_max,
        "sweep_tolerance": float(tol) if tol else 0.0,
        "progress": errors,
    }


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
    modes = list(modes)
    if isinstance(init, str):
        if init == "svd":
            if mask is not None:
                raise NotImplementedError(
                    'init="svd" with a mask: tucker with the mask has a start of its own'
                )
            result = tenfold.hosvd(tensor, tuple(rank), modes=modes)
            core, factors = with_ranks(result.core, result.factors, modes, rank)
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
    elif isinstance(init, tuple) or _has_core(init):
        core, factors = _core_and_factors(init)
    else:
        factors = _given_factors(init, tensor.shape, rank, modes)
        core = multi_mode_dot(tensor, factors, modes=modes, transpose=True)
    if non_negative:
        return np.abs(core), [np.abs(factor) for factor in factors]
    return core, factors


def _has_core(init: Any) -> bool:
    """Whether ``init`` is a decomposition: a ``TuckerTensor`` or a ``tenfold.Tucker``."""
    return hasattr(init, "core") and hasattr(init, "factors")


def _core_and_factors(init: Any) -> tuple[Array, list[Array]]:
    if not isinstance(init, tuple):
        return init.core, list(init.factors)
    if len(init) != 2 or not isinstance(init[1], Iterable):
        raise ValueError("init must be (core, factors) if it is a tuple, with a list of factors")
    return init[0], list(init[1])


def _given_factors(
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
    modes = list(range(tensor.ndim)) if modes is None else list(modes)
    ranks = _ranks(tensor.shape, rank, modes)
    errors = _Errors(verbose)
    if n_iter_max < 1:
        start = initialize_tucker(tensor, ranks, modes, random_state, init, svd, mask=mask)
        return start, errors.errors
    options = _sweep_options(n_iter_max, tol, errors)
    observed = None if mask is None else _observed(mask)
    if observed is None:
        options |= _start(tensor, ranks, modes, init, random_state)
        result = tenfold.hooi(tensor, modes=modes, **options)
    elif modes != list(range(tensor.ndim)):
        raise NotImplementedError(
            f"a mask with the modes {modes} only: a mask needs a decomposition of all modes"
        )
    else:
        result = tenfold.completion(tensor, tuple(ranks), mask=observed, **options)
    return with_ranks(result.core, result.factors, modes, ranks), errors.errors


def _ranks(shape: Sequence[int], rank: Any, modes: Sequence[int]) -> list[int]:
    """One rank for each of ``modes``. Warns where TensorLy does."""
    if rank is None:
        warnings.warn("rank is None: the core has the extents of the tensor", stacklevel=3)
        return [shape[mode] for mode in modes]
    if isinstance(rank, int):
        warnings.warn(
            f"rank is the integer {rank}: it is used for each of the {len(modes)} modes",
            stacklevel=3,
        )
        return [rank] * len(modes)
    return [int(r) for r in rank]


def _start(
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
    return {"rank": tuple(ranks), "init": factors}


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
        errors = _Errors(verbose)
        options = _sweep_options(n_iter_max, tol, errors)
        return _tucker_with_fixed_factors(tensor, rank, sorted(fixed_factors), init, options)
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
    tensor: Array, rank: Any, fixed: Sequence[int], init: Any, options: dict[str, Any]
) -> TuckerTensor:
    # 1. The factors of the start. They must agree with the ranks, if there are as many of these.
    if isinstance(init, str):
        raise ValueError(
            f"fixed_factors={list(fixed)} needs the factors to keep: pass a Tucker tensor, "
            f"(core, factors) or a list of factors as init, found {init!r}"
        )
    modes = list(range(tensor.ndim))
    given = _core_and_factors(init)[1] if isinstance(init, tuple) or _has_core(init) else list(init)
    ranks = [np.shape(factor)[-1] for factor in given]
    if not (rank is None or isinstance(rank, int | float | str)) and len(rank) == tensor.ndim:
        ranks = [int(r) for r in rank]
    factors = _given_factors(given, tensor.shape, ranks, modes)
    # 2. The sweeps, which use orthonormal bases of the fixed factors.
    result = tenfold.hooi(tensor, tuple(ranks), init=factors, fixed_factors=fixed, **options)
    core = np.array(result.core)
    found = [np.array(factor) for factor in result.factors]
    # 3. The given factors F in place of their bases Q: with Q = F·S, the core becomes G ×ₙ S.
    for mode in fixed:
        if np.array_equal(found[mode], factors[mode]):
            continue
        change = np.linalg.lstsq(factors[mode], found[mode], rcond=None)[0]
        core = mode_dot(core, change.astype(core.dtype), mode)
        found[mode] = copy(factors[mode])
    return TuckerTensor((core, found))


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
    ranks = _ranks(tensor.shape, validate_tucker_rank(tensor.shape, rank), modes)
    errors = _Errors(verbose)
    if n_iter_max < 1:
        start = initialize_tucker(tensor, ranks, modes, None, non_negative=True)
        return TuckerTensor(start), errors.errors
    options = _sweep_options(n_iter_max, tol, errors)
    result = tenfold.non_negative(tensor, tuple(ranks), **options)
    parts = with_zero_columns(result.core, result.factors, modes, ranks)
    return TuckerTensor(parts), errors.errors


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
