"""The solvers of Tucker decompositions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from tenfold import _native
from tenfold._arrays import as_mask
from tenfold._decomposition import Tucker
from tenfold._device import ordinal_of
from tenfold._options import Factors, Options, Progress, require_options
from tenfold._rank import Rank

_HOOI_STARTS = {"st-hosvd": "st-hosvd", "hosvd": "hosvd", "svd": "hosvd", "random": "random"}


def tucker(
    x: Any,
    rank: Rank = None,
    *,
    tol: float | None = None,
    max_entries: int | None = None,
    method: str = "hooi",
    modes: Sequence[int] | None = None,
    init: str | Tucker | tuple[Any, Factors] | Factors | None = None,
    fixed_factors: Sequence[int] | None = None,
    mask: Any = None,
    seed: int | None = None,
    device: Any = None,
    threads: int | None = None,
    **options: Any,
) -> Tucker:
    """Decomposes a tensor: X ≈ G ×₀ A₀ ×₁ A₁ ….

    This function calls the function of the method, which explains its options: `hooi`, `st_hosvd`,
    `hosvd`, `randomized`, `interpolatory`, `non_negative`, and `completion` if there is a mask.

    Parameters
    ----------
    x : array_like
        The tensor, with 1 to 16 modes. A C-contiguous NumPy array of float32 or float64 is read in
        place, as is the memory of any object with `__dlpack__` on the CPU. float16 and bfloat16
        become float32, integers and booleans become float64, and other strides are copied.
    rank : sequence of int, int, float, "same" or None
        How far to truncate. A sequence has a rank for each decomposed mode, an integer stands for
        all of them, a float is the fraction of the entries that the decomposition stores, "same"
        stores as many as the tensor has. A float above 1 is a fraction too, as in TensorLy: 1.5
        often gives full ranks. Ranks are upper limits: a rank above its extent, or above
        the product of the other ranks, is lowered. None means full ranks, unless `tol` or
        `max_entries` is given.
    tol : float, optional
        In place of ranks: the largest relative error ‖X − X̂‖/‖X‖, with the ranks that store the
        fewest entries, as far as the method finds them.
    max_entries : int, optional
        In place of ranks: the largest number of entries in core and factors together, with the
        ranks of the smallest error, as far as the method finds them.
    method : str
        "hooi" (the most accurate), "st-hosvd" (the fastest), "hosvd", "randomized" (for small
        ranks), "interpolatory" (factors are fibres of X) or "non-negative".
    modes : sequence of int, optional
        The modes to decompose; all if it is left out.
    init, fixed_factors, seed
        See `hooi`; `seed` also for "randomized".
    mask : array_like of bool, optional
        True for the entries that are known: see `completion`.
    device : str, optional
        "cuda" or "cuda:1" decomposes an array of the host on a GPU, by "hooi" or "st-hosvd". An
        array on a GPU is decomposed there in any case: see `tenfold.cuda`.
    threads : int, optional
        The number of threads; one for each core if it is left out. The result does not depend on
        it.
    **options
        Further options of the method.

    Returns
    -------
    Tucker
        Core and factors, which unpack as `core, factors = …`. The columns of the factors are
        orthonormal for all methods but the last two.

    Raises
    ------
    ValueError
        For a value that does not fit, with the reason: an entry that is not finite, a rank below 1,
        a mode that does not exist, ….
    TypeError
        For an array that does not hold real numbers.
    MemoryError
        If memory cannot be allocated.
    RuntimeError
        If a factorization does not converge.
    NotImplementedError
        For a combination of options that no solver has.
    KeyboardInterrupt
        Within a second after Ctrl-C.

    Examples
    --------
    >>> import numpy as np, tenfold
    >>> i, j, k = np.ogrid[0:20, 0:30, 0:40]
    >>> x = 1.0 / (1 + i + j + k)
    >>> t = tenfold.tucker(x, rank=(4, 4, 4))
    >>> t.relative_error(x) < 1e-2
    True
    >>> tenfold.tucker(x, tol=1e-2).ranks
    (4, 3, 4)
    """
    if device is not None:
        if mask is None and method in ("hooi", "st-hosvd"):
            options["device"] = device
        elif ordinal_of(device) is not None:
            what = method if mask is None else "completion"
            raise NotImplementedError(
                f"{what} runs on the CPU alone: use hooi or st-hosvd on a device"
            )
    if mask is not None:
        if method != "hooi" or init is not None or fixed_factors or seed is not None:
            raise NotImplementedError(
                "a mask works with rank, max_sweeps, sweep_tolerance and route alone: "
                "use completion(x, rank, mask)"
            )
        if tol is not None or max_entries is not None or modes is not None:
            raise NotImplementedError(
                "a mask needs a rank for every mode, not tol, max_entries or modes"
            )
        require_options(completion, options)
        return completion(x, rank, mask, threads=threads, **options)
    solver = _BY_NAME.get(method)
    if solver is None:
        raise ValueError(f"there is no method {method!r}: the methods are {', '.join(_BY_NAME)}")
    if options:
        require_options(solver, options)
    if method == "hooi":
        options.update(
            init="st-hosvd" if init is None else init,
            fixed_factors=fixed_factors,
            seed=0 if seed is None else seed,
        )
    elif init is not None or fixed_factors:
        raise NotImplementedError(f"{method} has no init and no fixed_factors: use method='hooi'")
    elif seed is not None:
        options["seed"] = seed
    if method == "non-negative":
        if tol is not None or max_entries is not None:
            raise NotImplementedError("non-negative needs ranks, not tol or max_entries")
    else:
        options.update(tol=tol, max_entries=max_entries)
    return solver(x, rank, modes=modes, threads=threads, **options)


def partial_tucker(
    x: Any,
    rank: Rank = None,
    modes: Sequence[int] | None = None,
    **options: Any,
) -> Tucker:
    """Decomposes some modes of a tensor: `tucker` with `modes` as third argument.

    The core has the extent of the tensor in the other modes.

    Examples
    --------
    >>> import numpy as np, tenfold
    >>> t = tenfold.partial_tucker(np.ones((4, 5, 6)), 1, [0, 2])
    >>> t.core.shape, [factor.shape for factor in t.factors]
    ((1, 5, 1), [(4, 1), (6, 1)])
    """
    return tucker(x, rank, modes=modes, **options)


def hooi(
    x: Any,
    rank: Rank = None,
    *,
    tol: float | None = None,
    max_entries: int | None = None,
    modes: Sequence[int] | None = None,
    init: str | Tucker | tuple[Any, Factors] | Factors = "st-hosvd",
    fixed_factors: Sequence[int] | None = None,
    starts: int = 1,
    seed: int = 0,
    order: Sequence[int] | None = None,
    sweep_tolerance: float = 1e-8,
    max_sweeps: int = 100,
    route: str = "auto",
    device: Any = None,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Tucker:
    """Decomposes a tensor by higher-order orthogonal iteration (alternating least squares).

    A sweep computes each factor as the leading left singular vectors of X projected on the other
    factors (De Lathauwer, De Moor & Vandewalle, SIAM J. Matrix Anal. Appl. 21, 2000).

    Parameters
    ----------
    x, rank, tol, max_entries, modes, threads
        See `tucker`.
    init : str, Tucker, (core, factors) or sequence of factors
        The start: "st-hosvd", "hosvd" (or "svd"), "random", or a factor for each decomposed mode.
        Factors need not be orthonormal. The core of a start is not used.
    fixed_factors : sequence of int, optional
        Modes with factors that stay as the start has them.
    starts : int
        The number of starts. The first is `init`, the others are random. The best result counts.
    seed : int
        The seed of random starts, from 0 to 2⁶⁴ − 1.
    order : sequence of int, optional
        The order in which a sweep updates the modes.
    sweep_tolerance : float
        The iteration stops after a sweep that changes the relative error by less than this.
    max_sweeps : int
        The maximum number of sweeps.
    route : str
        How singular vectors are computed: "auto", "gram" (fastest) or "qr" (all digits).
    device : str, optional
        "cuda" or "cuda:1" decomposes an array of the host on a GPU. An array on a GPU is decomposed
        there in any case: see `tenfold.cuda`.
    progress : callable, optional
        Called as `progress(done, total, relative_error)` after each sweep, on the thread that
        computes.

    Examples
    --------
    >>> import numpy as np, tenfold
    >>> x = np.arange(60.0).reshape(3, 4, 5) ** 2
    >>> t = tenfold.hooi(x, rank=(2, 2, 2))
    >>> t.convergence.stop
    'converged'
    """
    options = Options(x, modes, threads, progress, device)
    options.truncate(rank, tol, max_entries)
    factors = None
    if isinstance(init, str):
        start = _HOOI_STARTS.get(init)
        if start is None:
            raise ValueError(
                f"there is no start {init!r}: the starts are {', '.join(_HOOI_STARTS)}"
            )
        if start != "st-hosvd":
            options.values["start"] = start
    else:
        factors = options.start(init)
    if fixed_factors is not None:
        options.values["fixed"] = options.named(fixed_factors)
    if order is not None:
        options.values["order"] = options.named(order)
    options.natural("starts", starts, 1)
    options.natural("seed", seed, 0)
    options.natural("max_sweeps", max_sweeps, 1)
    options.real("sweep_tolerance", sweep_tolerance)
    options.route(route)
    return options.decompose("hooi", factors)


def st_hosvd(
    x: Any,
    rank: Rank = None,
    *,
    tol: float | None = None,
    max_entries: int | None = None,
    modes: Sequence[int] | None = None,
    order: Sequence[int] | None = None,
    route: str = "auto",
    device: Any = None,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Tucker:
    """Decomposes a tensor by the sequentially truncated higher-order SVD.

    Each factor is computed after the tensor is projected on the factors before it (Vannieuwenhoven,
    Vandebril & Meerbergen, SIAM J. Sci. Comput. 34, 2012). The squared error is at most d times the
    smallest possible one, with d the number of decomposed modes.

    Parameters
    ----------
    x, rank, tol, max_entries, modes, threads
        See `tucker`.
    order : sequence of int, optional
        The order of the modes; the order of fewest flops if it is left out.
    route, device, progress
        See `hooi`.

    Examples
    --------
    >>> import numpy as np, tenfold
    >>> i, j, k = np.ogrid[0:20, 0:30, 0:40]
    >>> tenfold.st_hosvd(np.sin(i + j * k / 100.0), tol=0.05).estimated_error <= 0.05
    True
    """
    options = Options(x, modes, threads, progress, device)
    options.truncate(rank, tol, max_entries)
    if order is not None:
        options.values["order"] = options.named(order)
    options.route(route)
    return options.decompose("st-hosvd")


def hosvd(
    x: Any,
    rank: Rank = None,
    *,
    tol: float | None = None,
    max_entries: int | None = None,
    modes: Sequence[int] | None = None,
    route: str = "auto",
    threads: int | None = None,
    progress: Progress | None = None,
) -> Tucker:
    """Decomposes a tensor by the higher-order SVD.

    The factors are the leading left singular vectors of the unfoldings of X (De Lathauwer, De Moor
    & Vandewalle, SIAM J. Matrix Anal. Appl. 21, 2000). `spectra` are the singular values of X.

    Parameters
    ----------
    x, rank, tol, max_entries, modes, threads
        See `tucker`.
    route, progress
        See `hooi`.
    """
    options = Options(x, modes, threads, progress)
    options.truncate(rank, tol, max_entries)
    options.route(route)
    return options.decompose("hosvd")


def randomized(
    x: Any,
    rank: Rank = None,
    *,
    tol: float | None = None,
    max_entries: int | None = None,
    modes: Sequence[int] | None = None,
    oversampling: int = 8,
    power_iterations: int = 0,
    seed: int = 0,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Tucker:
    """Decomposes a tensor by ST-HOSVD of a random sketch. It is fast for small ranks.

    Parameters
    ----------
    x, rank, tol, max_entries, modes, threads
        See `tucker`.
    oversampling : int
        The number of vectors that the sketch keeps in addition to the rank.
    power_iterations : int
        The number of power iterations, for spectra that decay slowly.
    seed : int
        The seed of the sketch, from 0 to 2⁶⁴ − 1. The same seed gives the same bits.
    progress
        See `hooi`.
    """
    options = Options(x, modes, threads, progress)
    options.truncate(rank, tol, max_entries)
    options.natural("oversampling", oversampling, 0)
    options.natural("power_iterations", power_iterations, 0)
    options.natural("seed", seed, 0)
    return options.decompose("randomized")


def interpolatory(
    x: Any,
    rank: Rank = None,
    *,
    tol: float | None = None,
    max_entries: int | None = None,
    modes: Sequence[int] | None = None,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Tucker:
    """Decomposes a tensor with fibres of the tensor itself as columns of the factors.

    `Tucker.fibres` names the columns of the unfoldings that were chosen, by a pivoted QR. The
    factors are not orthonormal, but keep what entries mean, signs and zeros included.

    Parameters
    ----------
    x, rank, tol, max_entries, modes, threads
        See `tucker`.
    progress
        See `hooi`.
    """
    options = Options(x, modes, threads, progress)
    options.truncate(rank, tol, max_entries)
    return options.decompose("interpolatory")


def non_negative(
    x: Any,
    rank: Rank = None,
    *,
    modes: Sequence[int] | None = None,
    sweep_tolerance: float = 1e-6,
    max_sweeps: int = 500,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Tucker:
    """Decomposes a tensor of entries ≥ 0 into a core and factors of entries ≥ 0.

    Alternating non-negative least squares (HALS).

    Parameters
    ----------
    x, rank, modes, threads
        See `tucker`.
    sweep_tolerance, max_sweeps, progress
        See `hooi`.
    """
    options = Options(x, modes, threads, progress)
    options.truncate(rank, None, None)
    options.natural("max_sweeps", max_sweeps, 1)
    options.real("sweep_tolerance", sweep_tolerance)
    return options.decompose("non-negative")


def completion(
    x: Any,
    rank: Rank = None,
    mask: Any = None,
    *,
    sweep_tolerance: float = 1e-8,
    max_sweeps: int = 500,
    route: str = "auto",
    threads: int | None = None,
    progress: Progress | None = None,
) -> Tucker:
    """Decomposes a tensor with missing entries.

    The decomposition minimises the error over the entries that are known. Its reconstruction has
    estimates of the others. All modes are decomposed.

    Parameters
    ----------
    x : array_like
        The tensor. Missing entries may have any value, NaN too.
    rank, threads
        See `tucker`.
    mask : array_like of bool, optional
        True (or not 0) for the entries that are known. Without a mask, all but NaN are known.
    sweep_tolerance, max_sweeps, route, progress
        See `hooi`.

    Examples
    --------
    >>> import numpy as np, tenfold
    >>> x = np.multiply.outer(np.arange(1.0, 7), np.arange(1.0, 8))
    >>> damaged = x.copy()
    >>> damaged[2, 3] = np.nan
    >>> round(float(tenfold.completion(damaged, rank=1)[2, 3]), 6)
    12.0
    """
    options = Options(x, None, threads, progress)
    options.require_host("completion")
    options.truncate(rank, None, None)
    options.natural("max_sweeps", max_sweeps, 1)
    options.real("sweep_tolerance", sweep_tolerance)
    options.route(route)
    known = np.asarray(~np.isnan(options.x)) if mask is None else as_mask(mask, options.shape)
    return Tucker._of(_native.complete(options.x, known, options.values), options.restore)


def mode_spectrum(x: Any, mode: int, *, threads: int | None = None) -> npt.NDArray[np.float64]:
    """All singular values of the mode-n unfolding of a tensor, in descending order.

    They are computed from a triangular factor, so that small values keep their digits too.

    Parameters
    ----------
    x, threads
        See `tucker`.
    mode : int
        The mode. Negative ones count from the last mode.

    Examples
    --------
    >>> import numpy as np, tenfold
    >>> tenfold.mode_spectrum(np.diag([3.0, 4.0]), 0)
    array([4., 3.])
    """
    options = Options(x, [mode], threads, None)
    options.require_host("mode_spectrum")
    if 0 in options.shape:
        raise ValueError(f"x of shape {options.shape} has no entries")
    return _native.mode_spectrum(options.x, options.modes[0], options.values["threads"])


_BY_NAME: dict[str, Callable[..., Tucker]] = {
    "hooi": hooi,
    "st-hosvd": st_hosvd,
    "hosvd": hosvd,
    "randomized": randomized,
    "interpolatory": interpolatory,
    "non-negative": non_negative,
}
