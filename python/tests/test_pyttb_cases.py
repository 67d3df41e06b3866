"""The cases of pyttb's tests of Tucker decompositions (hosvd, tucker_als, ttensor), as ours."""

from __future__ import annotations

import numpy as np
import pytest

import oracles
import tenfold

SMALL = np.array([[29.0, 39.0], [63.0, 85.0]])
COUNTING = np.arange(1.0, 28.0).reshape((3, 3, 3), order="F")
"""The numbers 1 to 27, the first mode fastest."""


# hosvd


@pytest.mark.parametrize("solver", [tenfold.st_hosvd, tenfold.hosvd])
def test_hosvd_meets_its_tolerance(solver):
    t = solver(SMALL, tol=1e-4)
    assert oracles.relative_error(SMALL, *t) < 1e-4


@pytest.mark.parametrize("solver", [tenfold.st_hosvd, tenfold.hosvd])
def test_hosvd_reports_a_tolerance_below_rounding(solver):
    t = solver(SMALL, tol=1e-20)
    assert t.shortfall is not None
    assert t.shortfall.requested == 1e-20
    assert t.shortfall.reached > 1e-20
    assert oracles.relative_error(SMALL, *t) < 1e-14


def test_hosvd_refuses_wrong_ranks_and_orders():
    with pytest.raises(ValueError, match="ranks"):
        tenfold.st_hosvd(SMALL, rank=[1])
    with pytest.raises(ValueError, match="permutation"):
        tenfold.st_hosvd(SMALL, tol=0.5, order=[0])
    with pytest.raises(ValueError, match="permutation"):
        tenfold.st_hosvd(SMALL, tol=0.5, order=1)


def test_hosvd_of_the_numbers_1_to_27():
    t = tenfold.st_hosvd(COUNTING, tol=1e-4, order=(0, 1, 2))
    assert t.ranks == (2, 2, 2)
    assert oracles.relative_error(COUNTING, *t) < 1e-4
    for mode, factor in enumerate(oracles.st_hosvd(COUNTING, (2, 2, 2))):
        assert np.allclose(np.abs(t.factors[mode]), np.abs(factor), atol=1e-10)
    expected = oracles.project(COUNTING, oracles.st_hosvd(COUNTING, (2, 2, 2)))
    assert np.allclose(np.abs(t.core), np.abs(expected), atol=1e-9)


# tucker_als


@pytest.mark.parametrize("init", ["random", "hosvd", "st-hosvd"])
def test_tucker_als_reproduces_a_matrix_at_full_ranks(init):
    t = tenfold.hooi(SMALL, 2, init=init)
    assert t.estimated_error < 1e-14
    assert np.allclose(t.reconstruct(), SMALL)
    again = tenfold.hooi(SMALL, 2, init=t.factors)
    assert again.estimated_error < 1e-14


@pytest.mark.parametrize(
    "init",
    [
        np.array([1.0]),
        "foo_bar",
        [np.ones((2, 2))],
        [np.ones(5), np.ones(5)],
        [np.ones((5, 2)), np.ones((5, 2))],
    ],
    ids=["no list", "no start", "too few", "no matrices", "other shapes"],
)
def test_tucker_als_refuses_wrong_starts(init):
    with pytest.raises((TypeError, ValueError)):
        tenfold.hooi(SMALL, 2, init=init)


@pytest.mark.parametrize(
    "options",
    [
        {"sweep_tolerance": np.array([1.0, 2.0])},
        {"max_sweeps": -1},
        {"max_sweeps": np.array([1, 2])},
        {"progress": np.array([1])},
        {"order": [0]},
        {"order": np.array([1])},
    ],
    ids=repr,
)
def test_tucker_als_refuses_wrong_options(options):
    with pytest.raises((TypeError, ValueError)):
        tenfold.hooi(SMALL, 2, **options)


# ttensor


def ones():
    """A tensor with one entry, 8, from a larger core."""
    return tenfold.Tucker(np.ones((2, 2, 2)), [np.ones((1, 2))] * 3)


def random():
    rng = np.random.default_rng(0)
    factors = [rng.random(shape) for shape in ((5, 2), (2, 3), (4, 4))]
    return tenfold.Tucker(rng.random((2, 3, 4)), factors)


def test_ttensor_from_a_core_and_factors():
    t = random()
    assert (t.shape, t.ranks, t.ndim) == ((5, 2, 4), (2, 3, 4), 3)
    assert t.method == "unknown"
    assert t.estimated_error is None
    assert all(isinstance(factor, np.ndarray) for factor in t.factors)
    again = tenfold.Tucker(*t)
    assert np.array_equal(again.reconstruct(), t.reconstruct())


@pytest.mark.parametrize(
    "factors",
    [
        [np.ones((1, 2)), np.ones((1, 2)), 1.0],
        [np.ones((1, 2)), np.ones((1, 2)), np.ones(1)],
        [np.ones((1, 2)), np.ones((1, 2))],
        [np.ones((2, 3)), np.ones((1, 2)), np.ones((1, 2))],
    ],
    ids=["a number", "a vector", "too few", "another shape"],
)
def test_ttensor_refuses_factors_that_do_not_fit(factors):
    with pytest.raises((TypeError, ValueError)):
        tenfold.Tucker(np.ones((2, 2, 2)), factors)


def test_ttensor_full():
    assert ones().reconstruct() == 8
    t = random()
    assert np.allclose(t.reconstruct(), oracles.reconstruct(*t))


def test_ttensor_norm():
    for t in (ones(), random()):
        assert t.norm() == pytest.approx(np.linalg.norm(t.reconstruct()), rel=1e-13)


def test_ttensor_reconstruct_of_parts():
    t = random()
    whole = t.reconstruct()
    assert np.allclose(t[:, 1, :], whole[:, 1, :], atol=1e-14)
    assert np.allclose(t[[0], [0], 0], whole[:1, :1, 0], atol=1e-14)
    assert np.isclose(t[0, 0, 0], whole[0, 0, 0])
    with pytest.raises(IndexError):
        t[0, 2]


def test_ttensor_leading_singular_vectors():
    t = random()
    for mode in range(3):
        expected = np.linalg.svd(oracles.unfold(t.reconstruct(), mode), compute_uv=False)
        values = t.mode_spectrum(mode)
        assert np.allclose(values, expected[: len(values)], atol=1e-12)
    zero = tenfold.Tucker(np.zeros((2, 2)), [np.zeros((3, 2))] * 2)
    assert not zero.mode_spectrum(0).any()
