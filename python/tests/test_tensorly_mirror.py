"""``tenfold.tensorly`` without TensorLy: arguments and results of the Tucker family."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

import oracles
import tenfold
import tenfold.tensorly as tl
from tenfold.tensorly.decomposition import (
    Tucker,
    Tucker_NN,
    Tucker_NN_HALS,
    initialize_tucker,
    non_negative_tucker,
    non_negative_tucker_hals,
    partial_tucker,
    tucker,
)
from tenfold.tensorly.random import random_tensor, random_tucker
from tenfold.tensorly.tucker_tensor import TuckerTensor, tucker_mode_dot, tucker_normalize

SHAPE = (6, 5, 7)
RANKS = [3, 2, 4]
X = oracles.tensor(SHAPE)


def test_result_of_tucker():
    t = tucker(X, rank=RANKS)
    core, factors = t
    assert isinstance(t, TuckerTensor)
    assert t[0] is core is t.core
    assert t[1] is factors is t.factors
    assert (t.shape, t.rank, len(t)) == (SHAPE, (3, 2, 4), 2)
    assert isinstance(factors, list)
    for array in (core, *factors):
        assert type(array) is np.ndarray
        assert array.flags.writeable and array.flags.owndata
    assert np.allclose(t.to_tensor(), oracles.reconstruct(core, factors))
    assert np.allclose(t.to_unfolded(1), oracles.unfold(t.to_tensor(), 1))
    assert t.norm() == pytest.approx(np.linalg.norm(core))
    best = tenfold.hooi(X, RANKS, init="hosvd", sweep_tolerance=1e-4)
    assert np.array_equal(core, best.core)


def test_errors_of_the_sweeps(capsys):
    t, errors = tucker(X, RANKS, return_errors=True, tol=0, n_iter_max=6, verbose=True)
    assert len(errors) == 6
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] == pytest.approx(oracles.relative_error(X, *t), rel=1e-10)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 6
    assert lines[1] == (f"reconstruction error={errors[1]}, variation={errors[0] - errors[1]}.")
    (core, factors), partial = partial_tucker(X, [2, 3], modes=[0, 2])
    assert (core.shape, len(factors)) == ((2, 5, 3), 2)
    assert partial[-1] == pytest.approx(oracles.relative_error(X, core, factors, (0, 2)), rel=1e-9)
    assert partial_tucker(X, [2, 3], modes=[0, 2], n_iter_max=0)[1] == []


@pytest.mark.parametrize(("ranks", "modes"), [([2], [1]), ([2, 5], [0, 1]), ([6, 7], [0, 2])])
def test_there_is_an_error_without_sweeps(ranks, modes):
    (core, factors), errors = partial_tucker(X, ranks, modes=modes)
    assert errors[-1] == pytest.approx(oracles.relative_error(X, core, factors, modes), abs=1e-12)


def test_modes_in_any_order():
    (core, factors), _ = partial_tucker(X, [4, 3], modes=[-1, 0], tol=0)
    assert core.shape == (3, 5, 4)
    assert [factor.shape for factor in factors] == [(7, 4), (6, 3)]
    (expected, _), _ = partial_tucker(X, [3, 4], modes=[0, 2], tol=0)
    assert np.allclose(np.abs(core), np.abs(expected), atol=1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_scalars(dtype):
    core, factors = tucker(X.astype(dtype), RANKS)
    assert {array.dtype for array in (core, *factors)} == {np.dtype(dtype)}
    core, factors = tucker((X * 1000).astype(int), RANKS)
    assert core.dtype == np.float64


@pytest.mark.parametrize("ranks", [(6, 2, 1), (9, 5, 7), (1, 1, 2), (8, 8, 8)])
def test_results_have_the_ranks_of_the_call(ranks):
    core, factors = tucker(X, list(ranks))
    assert core.shape == ranks
    for factor, extent, rank in zip(factors, SHAPE, ranks, strict=True):
        assert factor.shape == (extent, rank)
        assert oracles.is_orthonormal(factor[:, : min(rank, extent)], 1e-13)
        assert not factor[:, extent:].any()
    lowered = tenfold.tucker(X, ranks)
    assert oracles.relative_error(X, core, factors) == pytest.approx(
        lowered.relative_error(X), abs=1e-4
    )


def test_ranks():
    with pytest.warns(UserWarning, match="rank is None"):
        assert tucker(X, None).rank == SHAPE
    with pytest.warns(RuntimeWarning, match="rank is the integer 2"):
        assert tucker(X, 2).rank == (2, 2, 2)
    with pytest.warns(UserWarning, match="rank is the integer 2"):
        assert partial_tucker(X, 2, modes=[1])[0][0].shape == (6, 2, 7)
    assert tucker(X, "same").rank == tuple(tl.validate_tucker_rank(SHAPE, "same"))
    assert tucker(X, 0.3).rank == tuple(tl.validate_tucker_rank(SHAPE, 0.3))


def test_starts():
    expected = oracles.relative_error(X, *tucker(X, RANKS, tol=0))
    given = tucker(X, RANKS, n_iter_max=1)
    for init in ("svd", "random", given, (given.core, given.factors), given.factors):
        t = tucker(X, RANKS, init=init, tol=0, random_state=3)
        assert oracles.relative_error(X, *t) == pytest.approx(expected, abs=1e-6)
    ours = tenfold.tucker(X, RANKS)
    t = tucker(X, RANKS, init=ours, n_iter_max=1)
    assert oracles.relative_error(X, *t) == pytest.approx(expected, abs=1e-6)
    for seed in (3, np.random.RandomState(3)):
        options = {"init": "random", "n_iter_max": 1}
        t = tucker(X, RANKS, random_state=seed, **options)
        assert np.array_equal(t.core, tucker(X, RANKS, random_state=3, **options).core)


def test_initialize_tucker():
    modes = [0, 1, 2]
    core, factors = initialize_tucker(X, RANKS, modes, None)
    for factor, expected in zip(factors, oracles.hosvd(X, RANKS), strict=True):
        assert oracles.distance(factor, expected) <= 1e-11
    assert np.allclose(core, oracles.project(X, factors))
    core, factors = initialize_tucker(X, RANKS, modes, 0, init="random")
    random = np.random.RandomState(0)
    assert np.array_equal(core, random.random_sample(RANKS) + 0.01)
    assert np.array_equal(factors[0], random.random_sample((6, 3)))
    core, factors = initialize_tucker(X, RANKS, modes, 0, init="svd", non_negative=True)
    assert min(array.min() for array in (core, *factors)) >= 0
    with pytest.raises(NotImplementedError, match="mask"):
        initialize_tucker(X, RANKS, modes, None, mask=X > 0)


@pytest.mark.parametrize("fixed", [[0], [1], [0, 2], [0, 1, 2]])
def test_fixed_factors(fixed):
    given = tucker(X, RANKS, n_iter_max=1)
    factors = [factor.copy() for factor in given.factors]
    factors[fixed[0]] = factors[fixed[0]] @ np.triu(np.ones((RANKS[fixed[0]],) * 2))
    t = tucker(X, RANKS, init=(given.core, factors), fixed_factors=fixed, tol=0)
    for mode in fixed:
        assert np.array_equal(t.factors[mode], factors[mode])
    orthonormal = [np.linalg.qr(factor)[0] for factor in factors]
    reference = tenfold.hooi(X, RANKS, init=orthonormal, fixed_factors=fixed, sweep_tolerance=0.0)
    assert oracles.relative_error(X, *t) == pytest.approx(reference.relative_error(X), abs=1e-9)


def test_fixed_factor_with_more_columns_than_the_other_ranks_allow():
    given = tucker(X, [2, 5, 1])
    t = tucker(X, [2, 5, 1], init=given, fixed_factors=[1])
    assert np.array_equal(t.factors[1], given.factors[1])
    assert t.rank == (2, 5, 1)
    assert oracles.relative_error(X, *t) <= oracles.relative_error(X, *given) + 1e-4


def test_masks():
    low = oracles.low_rank(SHAPE, (2, 2, 2))
    mask = np.random.default_rng(0).random(SHAPE) < 0.8
    damaged = np.where(mask, low, 100.0)
    for known in (mask, mask.astype(int), mask.astype(float)):
        t, errors = tucker(damaged, [2, 2, 2], mask=known, tol=1e-9, return_errors=True)
        assert oracles.relative_error(low, *t) <= 1e-6
        assert errors[-1] <= 1e-6
    everything = tucker(X, RANKS, mask=np.ones(SHAPE))
    assert np.array_equal(everything.core, tucker(X, RANKS).core)


@pytest.mark.parametrize("function", [non_negative_tucker, non_negative_tucker_hals])
def test_non_negative(function):
    x = random_tucker(SHAPE, RANKS, full=True, random_state=0)
    t, errors = function(x, RANKS, n_iter_max=200, return_errors=True)
    assert min(array.min() for array in (t.core, *t.factors)) >= 0
    assert oracles.relative_error(x, *t) == pytest.approx(errors[-1], abs=1e-12)
    assert errors[-1] <= 0.02
    assert function(x, [9, 2, 3]).rank == (9, 2, 3)
    assert function(x, RANKS, n_iter_max=0).rank == (3, 2, 4)


def test_classes():
    t = Tucker(rank=RANKS, n_iter_max=3)
    assert t.fit(X) is t
    assert np.array_equal(t.decomposition_.core, tucker(X, RANKS, n_iter_max=3).core)
    assert repr(t) == "Tucker(rank=[3, 2, 4])"
    for cls in (Tucker_NN, Tucker_NN_HALS):
        model = cls(rank=RANKS, n_iter_max=4)
        assert model.fit_transform(np.abs(X)) is model.decomposition_
        assert len(model.errors_) <= 4


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: tucker(X, RANKS, svd="fast"), ValueError, "svd must be one of"),
        (lambda: tucker(X, RANKS, svd=np.linalg.svd), NotImplementedError, "svd"),
        (lambda: tucker(X, RANKS, init="best"), ValueError, 'init must be "svd" or "random"'),
        (lambda: tucker(X, RANKS, init=3), ValueError, "found int"),
        (lambda: tucker(X, RANKS, init=(1, 2, 3)), ValueError, r"\(core, factors\)"),
        (lambda: tucker(X, RANKS, init=[np.eye(6, 3)]), ValueError, "expected 3 factors"),
        (lambda: tucker(X, RANKS, init=[np.eye(6)] * 3), ValueError, r"shape \(6, 3\)"),
        (lambda: tucker(X, RANKS, fixed_factors=[0]), ValueError, "needs the factors to keep"),
        (
            lambda: tucker(X, RANKS, fixed_factors=[0], mask=X > 0, init=(X, [])),
            NotImplementedError,
            "fixed_factors with a mask",
        ),
        (lambda: tucker(X, RANKS, mask=X), NotImplementedError, "other than 0 and 1"),
        (
            lambda: partial_tucker(X, [2], modes=[0], mask=X > 0),
            NotImplementedError,
            "decomposition of all modes",
        ),
        (lambda: tucker(X, RANKS, random_state="a", init="random"), ValueError, "seed"),
        (lambda: tucker(X, [0, 1, 1]), ValueError, "positive"),
        (lambda: tucker(X + 1j, RANKS), TypeError, "complex128"),
        (lambda: tucker(X, "full"), ValueError, '"same"'),
        (lambda: tucker(X, -0.5), ValueError, "positive and finite"),
        (lambda: non_negative_tucker(-np.abs(X), RANKS), ValueError, "0, 0, 0"),
        (lambda: non_negative_tucker(X, RANKS, init=(X, [])), NotImplementedError, "start"),
        (lambda: non_negative_tucker(X, RANKS, init="best"), ValueError, "init"),
        (
            lambda: non_negative_tucker_hals(X, RANKS, sparsity_coefficients=[0.1, None, 0]),
            NotImplementedError,
            "sparsity",
        ),
        (
            lambda: non_negative_tucker_hals(X, RANKS, fixed_modes=[0]),
            NotImplementedError,
            "fixed_modes",
        ),
        (lambda: non_negative_tucker_hals(X, RANKS, algorithm="mu"), ValueError, "active_set"),
        (lambda: tl.set_backend("pytorch"), NotImplementedError, "NumPy backend only"),
        (lambda: tl.tenalg.mode_dot(X, np.eye(3), 0), ValueError, r"mode 0 .* \(3, 3\)"),
        (lambda: tl.tenalg.mode_dot(X, X, 0), ValueError, "order 3"),
        (lambda: tl.base.matricize(X, [0, 1], [1]), ValueError, "each of the 3 modes"),
        (lambda: tl.validate_tucker_rank(SHAPE, 0.5, rounding="up"), ValueError, "rounding"),
        (lambda: TuckerTensor((X, [np.eye(6)] * 2)), ValueError, "found 2"),
        (lambda: TuckerTensor((X, [np.eye(6)] * 3)), ValueError, "factor 1"),
        (lambda: TuckerTensor((np.eye(2), [np.eye(2)] * 2))[2], IndexError, "found 2"),
    ],
    ids=range(30),
)
def test_bad_arguments(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_mode_products_of_tucker_tensors():
    t = random_tucker(SHAPE, RANKS, random_state=0)
    whole = t.to_tensor()
    matrix, vector = np.random.default_rng(0).random((2, 5)), np.arange(5.0)
    assert np.allclose(
        t.mode_dot(matrix, 1, copy=True).to_tensor(), tl.tenalg.mode_dot(whole, matrix, 1)
    )
    assert np.allclose(
        t.mode_dot(vector, 1, copy=True).to_tensor(), np.tensordot(whole, vector, (1, 0))
    )
    kept = tucker_mode_dot(t, vector, 1, keep_dim=True, copy=True)
    assert kept.shape == (6, 1, 7)
    assert np.array_equal(t.to_tensor(), whole)
    assert np.allclose(tucker_normalize(t).to_tensor(), whole)
    copied = t.tucker_copy()
    copied.normalize()
    assert np.allclose(np.linalg.norm(copied.factors[0], axis=0), 1)
    assert np.array_equal(t.to_tensor(), whole)


def test_random_tensors():
    assert np.array_equal(random_tensor(SHAPE, 1), np.random.RandomState(1).random_sample(SHAPE))
    t = random_tucker(SHAPE, RANKS, orthogonal=True, random_state=1, dtype=np.float32)
    assert t.core.dtype == np.float32
    assert all(oracles.is_orthonormal(factor, 1e-6) for factor in t.factors)
    with pytest.raises(ValueError, match="no 8 orthonormal columns"):
        random_tucker(SHAPE, [8, 2, 2], orthogonal=True)


def test_array_functions():
    x = tl.tensor([[3.0, -4.0], [0.0, 1.0]])
    assert tl.norm(x) == pytest.approx(np.sqrt(26))
    assert (tl.norm(x, 1), tl.norm(x, "inf")) == (8.0, 4.0)
    assert tl.norm(x, 3) == pytest.approx(92 ** (1 / 3))
    assert np.array_equal(tl.norm(x, axis=0), [3.0, np.sqrt(17)])
    assert np.array_equal(tl.clip(x, 0), [[3.0, 0.0], [0.0, 1.0]])
    assert tl.index_update(x, tl.index[0, :], 7.0)[0, 1] == 7.0
    assert tl.context(x) == {"dtype": np.dtype(float)}
    assert tl.is_tensor(x) and not tl.is_tensor([1])
    assert tl.to_numpy(x) is not x
    assert tl.get_backend() == "numpy"
    with tl.backend_context("numpy"):
        assert tl.randn((2, 3), seed=0).shape == (2, 3)
    assert np.array_equal(tl.kron(tl.eye(1), x), x)
    assert tl.tenalg.kronecker([x, x, x], skip_matrix=1, reverse=True).shape == (4, 4)


@pytest.mark.parametrize("rank", [None, 2])
def test_warnings_point_at_the_caller(rank):
    estimators = (tl.decomposition.Tucker(rank).fit_transform,)
    for call in (*estimators, lambda x: tucker(x, rank), lambda x: partial_tucker(x, rank)):
        with pytest.warns(Warning, match="rank is") as caught:
            call(X)
        assert {warning.filename for warning in caught} == {__file__}


def test_without_tensorly():
    """Names of the Tucker family need no TensorLy. Others say what to install."""
    code = """
import sys
sys.modules["tensorly"] = None
import tenfold.tensorly as tl
from tenfold.tensorly.decomposition import tucker
import tenfold.tensorly.tucker_tensor, tenfold.tensorly.random.base, tenfold.tensorly.testing
core, factors = tucker(tl.random.random_tensor((3, 4, 5), 0), rank=[2, 2, 2])
assert core.shape == (2, 2, 2)
for get in (lambda: tl.decomposition.parafac, lambda: tl.cp_tensor, lambda: tl.no_such_name):
    try:
        get()
    except AttributeError as error:
        assert "install tensorly" in str(error), error
    else:
        raise AssertionError
assert not hasattr(tl, "__no_such_name__")
try:
    import tenfold.tensorly.cp_tensor
except ModuleNotFoundError as error:
    assert "install tensorly" in str(error), error
try:
    from tenfold.tensorly.decomposition import tucker, parafac
except ImportError as error:
    assert "install tensorly" in str(error), error
else:
    raise AssertionError
"""
    subprocess.run([sys.executable, "-c", code], check=True)
