"""The solvers beside NumPy: the same subspaces, the same errors."""

from __future__ import annotations

import numpy as np
import pytest

import oracles
import tenfold

SHAPE = (7, 8, 9)
RANKS = (3, 2, 4)
TOLERANCE = {np.float64: 1e-12, np.float32: 1e-5}
"""Bounds of rounding errors: some hundred times the ε of the scalar."""

scalars = pytest.mark.parametrize("dtype", [np.float64, np.float32])


def check_parts(t, x, tolerance, modes=None):
    """Checks shapes, orthonormal factors, the projected core and the reported error."""
    modes = tuple(range(x.ndim)) if modes is None else modes
    core, factors = t
    assert t.modes == modes
    assert t.shape == x.shape
    assert t.dtype == x.dtype == core.dtype
    assert core.shape == t.ranks
    for mode, factor in zip(modes, factors, strict=True):
        assert factor.shape == (x.shape[mode], core.shape[mode])
        assert factor.dtype == x.dtype
        assert oracles.is_orthonormal(factor, tolerance)
    wide = x.astype(np.float64)
    exact = oracles.project(wide, [f.astype(np.float64) for f in factors], modes)
    assert np.abs(core - exact).max() <= tolerance * np.linalg.norm(wide)
    measured = oracles.relative_error(x, core, factors, modes)
    assert abs(t.estimated_error - measured) <= tolerance
    assert abs(t.relative_error(x) - measured) <= tolerance
    whole = oracles.reconstruct(core.astype(np.float64), factors, modes)
    assert np.abs(t.reconstruct() - whole).max() <= tolerance * np.linalg.norm(wide)


@scalars
def test_hosvd(dtype):
    x = oracles.tensor(SHAPE, dtype=dtype)
    t = tenfold.hosvd(x, RANKS)
    check_parts(t, x, TOLERANCE[dtype])
    for factor, expected in zip(t.factors, oracles.hosvd(x.astype(float), RANKS), strict=True):
        assert oracles.distance(factor, expected) <= TOLERANCE[dtype] * 10
    for mode, spectrum in enumerate(t.spectra):
        singular = np.linalg.svd(oracles.unfold(x.astype(float), mode), compute_uv=False)
        assert np.abs(spectrum - singular[: len(spectrum)]).max() <= TOLERANCE[dtype]


@scalars
def test_st_hosvd(dtype):
    x = oracles.tensor(SHAPE, seed=1, dtype=dtype)
    t = tenfold.st_hosvd(x, RANKS, order=(0, 1, 2))
    check_parts(t, x, TOLERANCE[dtype])
    expected = oracles.st_hosvd(x.astype(float), RANKS)
    for factor, theirs in zip(t.factors, expected, strict=True):
        assert oracles.distance(factor, theirs) <= TOLERANCE[dtype] * 10


@scalars
@pytest.mark.parametrize("function", [tenfold.tucker, tenfold.hooi])
def test_hooi(function, dtype):
    x = oracles.tensor(SHAPE, seed=2, dtype=dtype)
    t = function(x, RANKS, sweep_tolerance=0.0, max_sweeps=200)
    check_parts(t, x, TOLERANCE[dtype])
    theirs = oracles.hooi(x.astype(float), RANKS, 200)
    assert (
        abs(t.estimated_error - oracles.error_of_factors(x.astype(float), theirs))
        <= (TOLERANCE[dtype])
    )
    assert t.convergence.sweeps <= 200


def test_one_sweep_of_hooi_is_the_sweep_of_the_paper():
    x = oracles.tensor(SHAPE, seed=3)
    t = tenfold.hooi(x, RANKS, init="hosvd", max_sweeps=1)
    for factor, theirs in zip(t.factors, oracles.hooi(x, RANKS, 1), strict=True):
        assert oracles.distance(factor, theirs) <= 1e-11


def test_hooi_is_at_least_as_good_as_its_start():
    for seed in range(20):
        x = np.random.default_rng(seed).standard_normal((5, 6, 7))
        start = tenfold.st_hosvd(x, (2, 3, 2)).relative_error(x)
        assert tenfold.hooi(x, (2, 3, 2)).relative_error(x) <= start + 1e-14


@pytest.mark.parametrize("modes", [(0,), (2,), (0, 2), (1, 2)])
def test_partial_decompositions(modes):
    x = oracles.tensor(SHAPE, seed=4)
    ranks = tuple(RANKS[mode] for mode in modes)
    for t in (
        tenfold.partial_tucker(x, ranks, modes),
        tenfold.hooi(x, ranks, modes=modes),
        tenfold.st_hosvd(x, ranks, modes=modes),
        tenfold.hosvd(x, ranks, modes=modes),
    ):
        check_parts(t, x, 1e-12, modes)


@pytest.mark.parametrize("tolerance", [0.5, 0.1, 1e-3, 1e-9])
@pytest.mark.parametrize("solver", ["tucker", "hooi", "st_hosvd", "hosvd", "randomized"])
def test_tolerances_are_met(solver, tolerance):
    x = oracles.tensor((8, 9, 10), seed=5)
    t = getattr(tenfold, solver)(x, tol=tolerance)
    error = oracles.relative_error(x, *t)
    assert error <= tolerance
    assert t.shortfall is None


def test_tolerance_of_a_low_rank_tensor_gives_its_ranks():
    x = oracles.low_rank((9, 8, 10), (3, 2, 4))
    for solver in (tenfold.tucker, tenfold.st_hosvd, tenfold.hosvd, tenfold.randomized):
        assert solver(x, tol=1e-10).ranks == (3, 2, 4)


@pytest.mark.parametrize("entries", [30, 100, 400])
def test_maximum_number_of_entries(entries):
    x = oracles.tensor((8, 9, 10), seed=6)
    t = tenfold.tucker(x, max_entries=entries)
    assert t.core.size + sum(factor.size for factor in t.factors) <= entries


@scalars
def test_randomized(dtype):
    x = oracles.low_rank((20, 21, 22), (3, 2, 4), dtype=dtype)
    t = tenfold.randomized(x, (3, 2, 4), seed=7)
    check_parts(t, x, TOLERANCE[dtype])
    assert t.estimated_error <= TOLERANCE[dtype]
    again = tenfold.randomized(x, (3, 2, 4), seed=7)
    assert np.array_equal(t.core, again.core)


def test_interpolatory_factors_are_fibres():
    x = oracles.low_rank((9, 8, 10), (3, 2, 4), seed=8)
    t = tenfold.interpolatory(x, (3, 2, 4))
    assert t.relative_error(x) <= 1e-11
    for mode, factor in enumerate(t.factors):
        columns = oracles.unfold(x, mode)[:, t.fibres(mode)]
        assert np.array_equal(factor, columns)


@scalars
def test_non_negative(dtype):
    rng = np.random.default_rng(9)
    factors = [rng.random((extent, rank)) for extent, rank in zip(SHAPE, RANKS, strict=True)]
    x = oracles.reconstruct(rng.random(RANKS), factors).astype(dtype)
    t = tenfold.non_negative(x, RANKS)
    assert t.core.min() >= 0
    assert all(factor.min() >= 0 for factor in t.factors)
    assert t.relative_error(x) <= 0.02
    assert abs(oracles.relative_error(x, *t) - t.estimated_error) <= TOLERANCE[dtype]


@scalars
@pytest.mark.parametrize("missing", [np.nan, 1e6])
def test_completion(dtype, missing):
    x = oracles.low_rank((8, 9, 10), (2, 2, 2), seed=10, dtype=dtype)
    mask = np.random.default_rng(11).random(x.shape) < 0.7
    damaged = np.where(mask, x, dtype(missing))
    for t in (
        tenfold.completion(damaged, (2, 2, 2), mask=mask),
        tenfold.tucker(damaged, (2, 2, 2), mask=mask),
    ):
        assert t.relative_error(x) <= 1e3 * TOLERANCE[dtype]
        assert t.relative_error(damaged, mask=mask) <= 1e3 * TOLERANCE[dtype]


def test_fixed_factors_stay_bit_for_bit():
    x = oracles.tensor(SHAPE, seed=12)
    given = [
        oracles.orthogonal(extent, 13)[:, :rank] for extent, rank in zip(SHAPE, RANKS, strict=True)
    ]
    t = tenfold.hooi(x, RANKS, init=given, fixed_factors=[1])
    assert np.array_equal(t.factors[1], given[1])
    assert not np.array_equal(t.factors[0], given[0])
    # The other factors are optimal for x projected on the fixed factor.
    projected = tenfold.partial_tucker(oracles.multiply(x, given[1].T, 1), (3, 4), (0, 2))
    assert (
        oracles.relative_error(x, *t)
        <= oracles.error_of_factors(x, [projected.factors[0], given[1], projected.factors[1]])
        + 1e-7
    )


def test_seeds_of_random_starts():
    x = np.random.default_rng(14).standard_normal(SHAPE)
    options = {"init": "random", "max_sweeps": 1}
    one = tenfold.hooi(x, RANKS, seed=1, **options)
    assert np.array_equal(one.core, tenfold.hooi(x, RANKS, seed=1, **options).core)
    assert not np.array_equal(one.core, tenfold.hooi(x, RANKS, seed=2, **options).core)


def test_progress_reports_each_sweep():
    x = oracles.tensor(SHAPE, seed=15)
    reports = []
    t = tenfold.hooi(
        x, RANKS, sweep_tolerance=0.0, max_sweeps=5, progress=lambda *report: reports.append(report)
    )
    assert [done for done, _, _ in reports] == [1, 2, 3, 4, 5]
    assert {total for _, total, _ in reports} == {5}
    errors = [error for _, _, error in reports]
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] == t.estimated_error


def test_an_exception_of_progress_stops_the_solver():
    class StopError(Exception):
        pass

    def progress(done, total, error):
        if done == 2:
            raise StopError

    with pytest.raises(StopError):
        tenfold.hooi(oracles.tensor(SHAPE), RANKS, sweep_tolerance=0.0, progress=progress)


@pytest.mark.parametrize("threads", [1, 2, 3, 8])
def test_bits_do_not_depend_on_the_number_of_threads(threads):
    x = np.random.default_rng(16).standard_normal((30, 31, 32))
    for solver in (tenfold.tucker, tenfold.st_hosvd, tenfold.hosvd, tenfold.randomized):
        expected = solver(x, (5, 6, 7))
        t = solver(x, (5, 6, 7), threads=threads)
        assert np.array_equal(t.core, expected.core)
        for factor, other in zip(t.factors, expected.factors, strict=True):
            assert np.array_equal(factor, other)


@pytest.mark.parametrize("scale", [1e-300, 1e-150, 1e150, 1e300])
def test_scales(scale):
    x = oracles.tensor(SHAPE, seed=17)
    plain = tenfold.tucker(x, RANKS)
    scaled = tenfold.tucker(x * scale, RANKS)
    assert scaled.estimated_error == pytest.approx(plain.estimated_error, rel=1e-9)
    assert np.allclose(scaled.core / scale, plain.core, atol=1e-10)


def test_zero_tensors():
    for shape in [(3,), (1, 1), (2, 3, 4)]:
        for solver in (tenfold.tucker, tenfold.st_hosvd, tenfold.hosvd, tenfold.non_negative):
            t = solver(np.zeros(shape), rank=1)
            assert not t.reconstruct().any()
            assert t.estimated_error == 0


def test_rank_arguments():
    x = oracles.tensor((8, 9, 10), seed=18)
    assert tenfold.tucker(x, 3).ranks == (3, 3, 3)
    assert tenfold.tucker(x, [3, 2, 4]).ranks == (3, 2, 4)
    assert tenfold.tucker(x, (99, 99, 99)).ranks == (8, 9, 10)
    assert tenfold.tucker(x, (9, 2, 3)).ranks == (6, 2, 3)
    assert tenfold.tucker(x).ranks == (8, 9, 10)
    assert tenfold.tucker(x, 0.5).compression >= 1.5
