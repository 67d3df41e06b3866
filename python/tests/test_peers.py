"""The same inputs to tenfold, TensorLy and pyttb: the same errors, the same subspaces."""

from __future__ import annotations

import numpy as np
import pytest

import oracles
import tenfold
import tenfold.tensorly

CASES = [
    ((4, 5, 6), (2, 2, 2)),
    ((10, 9, 8), (3, 4, 2)),
    ((3, 4, 5, 6), (2, 2, 3, 2)),
    ((20, 30), (4, 4)),
    ((5, 5, 5), (5, 5, 5)),
    ((6, 1, 7), (3, 1, 3)),
]
cases = pytest.mark.parametrize(("shape", "ranks"), CASES)


def same_subspaces(factors, others, tolerance):
    return all(oracles.distance(a, b) <= tolerance for a, b in zip(factors, others, strict=True))


@pytest.fixture(scope="module")
def tensorly():
    pytest.importorskip("tensorly")
    return pytest.importorskip("tensorly.decomposition")


@pytest.fixture(scope="module")
def pyttb():
    return pytest.importorskip("pyttb")


@cases
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_tucker_of_tensorly(tensorly, shape, ranks, dtype):
    x = oracles.tensor(shape, dtype=dtype)
    options = {"n_iter_max": 100, "tol": 1e-10 if dtype is np.float64 else 1e-6}
    theirs = tensorly.tucker(x, list(ranks), **options)
    ours = tenfold.hooi(x, ranks, sweep_tolerance=options["tol"])
    mirror = tenfold.tensorly.decomposition.tucker(x, list(ranks), **options)
    epsilon = 1e-9 if dtype is np.float64 else 2e-5
    error = oracles.relative_error(x, *theirs)
    for decomposition in (ours, mirror):
        assert abs(oracles.relative_error(x, *decomposition) - error) <= epsilon
        assert same_subspaces(
            decomposition[1] if decomposition is mirror else ours.factors, theirs[1], 1e4 * epsilon
        )
    assert mirror.core.shape == theirs.core.shape


@cases
def test_partial_tucker_of_tensorly(tensorly, shape, ranks):
    x = oracles.tensor(shape, seed=1)
    modes = [0, len(shape) - 1]
    chosen = [ranks[mode] for mode in modes]
    (core, factors), errors = tensorly.partial_tucker(x, chosen, modes=modes, tol=1e-10)
    (ours, found), trace = tenfold.tensorly.decomposition.partial_tucker(
        x, chosen, modes=modes, tol=1e-10
    )
    assert ours.shape == core.shape
    assert trace[-1] == pytest.approx(errors[-1], abs=1e-7)
    assert same_subspaces(found, factors, 1e-4)


def test_masked_tucker_of_tensorly(tensorly):
    x = oracles.low_rank((6, 7, 8), (2, 2, 2))
    mask = np.random.default_rng(0).random(x.shape) < 0.9
    theirs = tensorly.tucker(np.where(mask, x, 0), [2, 2, 2], mask=mask, tol=1e-8, n_iter_max=500)
    ours = tenfold.tucker(x, (2, 2, 2), mask=mask)
    observed = np.linalg.norm((x - oracles.reconstruct(*theirs)) * mask)
    assert np.linalg.norm((x - ours.reconstruct()) * mask) <= observed + 1e-9


def test_non_negative_tucker_of_tensorly(tensorly):
    rng = np.random.default_rng(1)
    factors = [rng.random((extent, 2)) for extent in (6, 7, 8)]
    x = oracles.reconstruct(rng.random((2, 2, 2)), factors)
    theirs = tensorly.non_negative_tucker_hals(x, [2, 2, 2], n_iter_max=20)
    ours = tenfold.non_negative(x, (2, 2, 2), sweep_tolerance=1e-9)
    assert ours.relative_error(x) <= oracles.relative_error(x, *theirs) + 1e-3


@pytest.mark.parametrize("shape", [(4, 5, 6), (20, 30), (3, 1, 7, 2), (50, 60, 70)])
@pytest.mark.parametrize("rank", ["same", 0.01, 0.2, 0.9, 3])
@pytest.mark.parametrize("rounding", ["round", "floor", "ceil"])
@pytest.mark.filterwarnings("ignore:.*int.*:RuntimeWarning")
def test_ranks_of_tensorly(tensorly, shape, rank, rounding):
    from tensorly.tucker_tensor import validate_tucker_rank

    ours = tenfold.tensorly.validate_tucker_rank
    assert ours(shape, rank, rounding) == validate_tucker_rank(shape, rank, rounding)
    fixed = [0, len(shape) - 1]
    if len(shape) > 2:
        assert ours(shape, rank, rounding, fixed) == validate_tucker_rank(
            shape, rank, rounding, fixed
        )


def test_random_tensors_of_tensorly(tensorly):
    from tensorly.random import random_tucker

    for options in ({}, {"orthogonal": True}, {"non_negative": True}):
        theirs = random_tucker((4, 5, 6), [2, 3, 4], random_state=3, **options)
        ours = tenfold.tensorly.random.random_tucker(
            (4, 5, 6), [2, 3, 4], random_state=3, **options
        )
        assert np.array_equal(ours.core, theirs.core)
        assert all(np.array_equal(a, b) for a, b in zip(ours.factors, theirs.factors, strict=True))


def test_names_outside_the_tucker_family_come_from_tensorly():
    theirs = pytest.importorskip("tensorly.decomposition")
    import tenfold.tensorly.cp_tensor
    import tensorly.cp_tensor

    from tenfold.tensorly.decomposition import parafac

    assert tenfold.tensorly.cp_tensor is tensorly.cp_tensor
    assert tenfold.tensorly.decomposition.parafac is parafac is theirs.parafac
    with pytest.raises(AttributeError, match="neither has"):
        tenfold.tensorly.decomposition.no_such_name  # noqa: B018
    with pytest.raises(ModuleNotFoundError):
        import tenfold.tensorly.no_such_module


@cases
def test_hosvd_of_pyttb(pyttb, shape, ranks):
    x = oracles.tensor(shape, seed=2)
    theirs = pyttb.hosvd(pyttb.tensor(x), 0.5, verbosity=0, ranks=list(ranks))
    ours = tenfold.st_hosvd(x, ranks, order=range(len(shape)))
    assert same_subspaces(ours.factors, theirs.factor_matrices, 1e-6)
    assert ours.relative_error(x) == pytest.approx(
        oracles.relative_error(x, theirs.core.double(), theirs.factor_matrices), abs=1e-12
    )


@pytest.mark.parametrize("tolerance", [0.3, 0.03, 1e-4])
def test_tolerances_of_pyttb(pyttb, tolerance):
    x = oracles.tensor((9, 10, 11), seed=3)
    theirs = pyttb.hosvd(pyttb.tensor(x), tolerance, verbosity=0)
    ours = tenfold.st_hosvd(x, tol=tolerance)
    assert oracles.relative_error(x, *ours) <= tolerance
    stored = theirs.core.double().size + sum(f.size for f in theirs.factor_matrices)
    assert ours.core.size + sum(f.size for f in ours.factors) <= stored


@cases
def test_tucker_als_of_pyttb(pyttb, shape, ranks):
    x = oracles.tensor(shape, seed=4)
    theirs, _, _ = pyttb.tucker_als(
        pyttb.tensor(x), list(ranks), stoptol=1e-12, init="nvecs", printitn=0
    )
    ours = tenfold.hooi(x, ranks, sweep_tolerance=1e-12)
    error = oracles.relative_error(x, theirs.core.double(), theirs.factor_matrices)
    assert ours.relative_error(x) == pytest.approx(error, abs=1e-9)
