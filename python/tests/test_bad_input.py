"""Bad input of every kind: the type of the exception, and a message that names the reason."""

from __future__ import annotations

import numpy as np
import pytest

import tenfold

X = np.random.default_rng(0).random((4, 5, 6))
NAN = X.copy()
NAN[1, 2, 3] = np.nan
INF = X.copy()
INF[0, 0, 1] = -np.inf
SOLVERS = ["tucker", "hooi", "st_hosvd", "hosvd", "randomized", "interpolatory", "non_negative"]


class Unreadable:
    def __array__(self, dtype=None, copy=None):
        raise ZeroDivisionError


@pytest.mark.parametrize("solver", [*SOLVERS, "completion"])
@pytest.mark.parametrize(
    ("x", "error", "message"),
    [
        (X + 1j, TypeError, "complex128"),
        (np.array(["a", "b"]), TypeError, "real numbers"),
        (np.array([object()]), TypeError, "real numbers"),
        (np.array(["2020-01-01"], "M8[D]"), TypeError, "real numbers"),
        (np.zeros(2, [("a", "f8")]), TypeError, "real numbers"),
        (np.ma.masked_array(X, X > 0.5), TypeError, "masked array"),
        ([[1.0, 2.0], [3.0]], TypeError, "not an array"),
        (None, TypeError, "real numbers"),
        ("text", TypeError, "real numbers"),
        (np.float64(3.0), ValueError, "order 0|no mode|at least one mode|1 to 16"),
        (np.zeros((3, 0, 2)), ValueError, "entries"),
        (np.zeros((1,) * 17), ValueError, "16"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_tensors(solver, x, error, message):
    with pytest.raises(error, match=message):
        getattr(tenfold, solver)(x, 1)


def test_an_exception_of_the_array_passes():
    with pytest.raises(ZeroDivisionError):
        tenfold.tucker(Unreadable(), 1)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize(("x", "place"), [(NAN, "1, 2, 3"), (INF, "0, 0, 1")])
def test_entries_that_are_not_finite(solver, x, place):
    with pytest.raises(ValueError, match=place):
        getattr(tenfold, solver)(x, 2)


def test_a_negative_entry():
    x = X.copy()
    x[3, 4, 5] = -0.25
    with pytest.raises(ValueError, match=r"-0\.25.*3, 4, 5|3, 4, 5.*-0\.25"):
        tenfold.non_negative(x, 2)


@pytest.mark.parametrize("solver", [*SOLVERS, "completion"])
@pytest.mark.parametrize(
    ("rank", "error", "message"),
    [
        ((2, 2), ValueError, "expected 3 ranks"),
        ((2, 2, 0), ValueError, "positive, found 0"),
        (-1, ValueError, "positive, found -1"),
        ("full", ValueError, '"same"'),
        (0.0, ValueError, "positive and finite"),
        ((2, 2.5, 2), TypeError, "integer, found float"),
        (2j, TypeError, "found complex"),
        (True, TypeError, "found bool"),
    ],
    ids=repr,
)
def test_ranks(solver, rank, error, message):
    with pytest.raises(error, match=message):
        getattr(tenfold, solver)(X, rank)


@pytest.mark.parametrize("solver", ["tucker", "hooi", "st_hosvd", "hosvd", "randomized"])
@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"tol": -0.1}, ValueError, "tolerance|-0.1"),
        ({"tol": 1.0}, ValueError, "tolerance|1"),
        ({"tol": float("nan")}, ValueError, "tolerance|NaN"),
        ({"tol": "small"}, (TypeError, ValueError), "small"),
        ({"tol": 0.1, "rank": 2}, ValueError, "rank, tol and max_entries"),
        ({"tol": 0.1, "max_entries": 20}, ValueError, "rank, tol and max_entries"),
        ({"max_entries": 0}, ValueError, "max_entries"),
        ({"max_entries": 1}, ValueError, "entries"),
        ({"max_entries": 2.5}, TypeError, "max_entries"),
        ({"rank": (1, 1), "modes": (0, 0)}, ValueError, "0"),
        ({"rank": 1, "modes": (3,)}, ValueError, "mode 3"),
        ({"rank": 1, "modes": (-4,)}, ValueError, "mode -4"),
        ({"rank": 1, "modes": ()}, ValueError, "mode"),
        ({"rank": 1, "modes": ("a",)}, TypeError, "a mode is an integer"),
        ({"rank": 1, "threads": 0}, ValueError, "threads"),
        ({"rank": 1, "threads": -2}, ValueError, "threads"),
        ({"rank": 1, "threads": 10**9}, ValueError, "threads"),
        ({"rank": 1, "threads": 1.5}, TypeError, "threads"),
        ({"rank": 1, "no_such_option": 1}, TypeError, "no_such_option"),
    ],
    ids=repr,
)
def test_options_of_all_solvers(solver, options, error, message):
    with pytest.raises(error, match=message):
        getattr(tenfold, solver)(X, **options)


FACTORS = [np.eye(4, 2), np.eye(5, 2), np.eye(6, 2)]


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"init": "best"}, ValueError, "best"),
        ({"init": FACTORS[:2]}, ValueError, "3 factors"),
        ({"init": [*FACTORS[:2], np.eye(7, 2)]}, ValueError, "6.*7|7.*6"),
        ({"init": [*FACTORS[:2], np.ones(6)]}, (TypeError, ValueError), "matrix"),
        ({"init": [*FACTORS[:2], np.eye(6, 2) * 1j]}, TypeError, "complex128"),
        ({"init": [*FACTORS[:2], np.full((6, 2), np.nan)]}, ValueError, "finite|NaN"),
        ({"init": 3}, TypeError, "init is the name of a start"),
        ({"fixed_factors": [3]}, ValueError, "mode 3"),
        ({"starts": 0}, ValueError, "starts"),
        ({"starts": 2, "tol": 0.1, "rank": None}, ValueError, "ranks"),
        ({"init": "random", "tol": 0.1, "rank": None}, ValueError, "ranks"),
        ({"seed": -1}, ValueError, "seed"),
        ({"seed": 1 << 64}, ValueError, "seed"),
        ({"order": (0, 1)}, ValueError, "order|mode"),
        ({"order": (0, 1, 1)}, ValueError, "order|mode"),
        ({"sweep_tolerance": -1.0}, ValueError, "sweep tolerance"),
        ({"sweep_tolerance": float("nan")}, ValueError, "sweep tolerance"),
        ({"max_sweeps": 0}, ValueError, "max_sweeps"),
        ({"route": "fast"}, ValueError, "fast"),
        ({"progress": 3}, TypeError, "progress is a function, not 3"),
    ],
    ids=repr,
)
def test_options_of_hooi(options, error, message):
    with pytest.raises(error, match=message):
        tenfold.hooi(X, **{"rank": 2, **options})


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: tenfold.tucker(X, 2, method="svd"), ValueError, "svd.*hooi"),
        (lambda: tenfold.tucker(X, 2, method="hosvd", init="random"), NotImplementedError, "init"),
        (lambda: tenfold.tucker(X, 2, method="non-negative", tol=0.1), NotImplementedError, "tol"),
        (lambda: tenfold.tucker(X, 2, mask=X > 0, init="random"), NotImplementedError, "mask"),
        (lambda: tenfold.tucker(X, 2, mask=X > 0, tol=0.1), NotImplementedError, "mask"),
        (lambda: tenfold.tucker(X, 2, mask=X > 0, modes=(0,)), NotImplementedError, "mask"),
        (lambda: tenfold.completion(X, 2, X[0] > 0), ValueError, "shape|5, 6|5×6"),
        (lambda: tenfold.completion(X, 2, X > 9), ValueError, "observed|no entr"),
        (lambda: tenfold.completion(INF, 2, X > 0), ValueError, "0, 0, 1"),
        (lambda: tenfold.randomized(X, 2, oversampling=-1), ValueError, "oversampling"),
        (lambda: tenfold.st_hosvd(X, 2, order=(0, 1, 5)), ValueError, "mode 5"),
        (lambda: tenfold.non_negative(X, 2, max_sweeps=0), ValueError, "max_sweeps"),
        (lambda: tenfold.Tucker(np.ones((2, 2)), [np.ones((3, 2))]), ValueError, "factor"),
        (
            lambda: tenfold.Tucker(np.ones((2, 2)), [np.ones((3, 2)), np.ones((3, 3))]),
            ValueError,
            "3",
        ),
        (
            lambda: tenfold.Tucker(np.ones((2, 2)), [np.ones(3), np.ones((3, 2))]),
            (TypeError, ValueError),
            "matrix",
        ),
        (lambda: tenfold.tucker(X, 2).relative_error(X[0]), ValueError, "shape|5, 6|5×6"),
        (lambda: tenfold.tucker(X, 2).relative_error("x"), TypeError, "real numbers"),
        (lambda: tenfold.tucker(X, 2).relative_error(NAN), ValueError, "1, 2, 3"),
        (lambda: tenfold.tucker(X, 2).mode_spectrum(3), IndexError, "mode 3"),
        (lambda: tenfold.tucker(X, 2).factor(-4), IndexError, "mode -4"),
    ],
    ids=range(20),
)
def test_other_calls(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_memory_that_does_not_exist():
    factors = [np.ones((100_000, 1)) for _ in range(3)]
    t = tenfold.Tucker(np.ones((1, 1, 1)), factors)
    with pytest.raises(MemoryError):
        t.reconstruct()
    assert t[3, 4, 5] == 1.0


class FakeSparse:
    def toarray(self):
        return X


T = tenfold.st_hosvd(X, 2)
MASK = np.ones(X.shape)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: tenfold.completion(X, 2, MASK * np.nan), ValueError, "mask holds NaN"),
        (lambda: tenfold.completion(X, 2, MASK * 1j), TypeError, "mask holds complex128"),
        (lambda: tenfold.completion(X, 2, MASK.astype(object)), TypeError, "mask holds object"),
        (lambda: tenfold.completion(X, 2, np.ma.masked_array(X)), TypeError, "mask is a masked"),
        (lambda: tenfold.completion(X, 2, "a"), TypeError, "mask holds"),
        (lambda: tenfold.completion(X, 2, MASK[0]), ValueError, r"mask has the shape \(5, 6\)"),
        (lambda: T.relative_error(X, mask="a"), TypeError, "mask holds"),
        (lambda: T.relative_error(X, mask=MASK[0]), ValueError, r"mask has the shape \(5, 6\)"),
        (lambda: T.relative_error(X, threads=0), ValueError, "threads is at least 1"),
        (lambda: T.reconstruct(threads=0), ValueError, "threads is at least 1"),
        (lambda: T.reconstruct(threads=True), TypeError, "threads is an integer"),
        (lambda: T.factor("a"), TypeError, "a mode is an integer, not 'a'"),
        (lambda: T.mode_spectrum(0.5), TypeError, "a mode is an integer, not 0.5"),
        (lambda: tenfold.Tucker(np.ones((2, 2)), 3), TypeError, "factors are a sequence"),
        (lambda: tenfold.hooi(X, 2, route=3), TypeError, "route is a string, not 3"),
        (lambda: tenfold.hooi(X, 2, sweep_tolerance=None), TypeError, "sweep_tolerance is a real"),
        (lambda: tenfold.hooi(X, tol="a"), TypeError, "tol is a real number, not 'a'"),
        (lambda: tenfold.hooi(X, tol=[0.1]), TypeError, r"tol is a real number, not \[0.1\]"),
        (lambda: tenfold.hooi(X, tol=np.array([0.1])), TypeError, "tol is a real number"),
        (lambda: tenfold.hooi(X, np.True_), TypeError, "found bool"),
        (lambda: tenfold.hooi(X, tol=True), TypeError, "tol is a real number, not True"),
        (lambda: tenfold.hooi(X, tol=10**400), ValueError, "tol is too large"),
        (lambda: tenfold.hooi(X, max_entries=True), TypeError, "max_entries is an integer"),
        (lambda: tenfold.hooi(X, 2, threads=True), TypeError, "threads is an integer"),
        (lambda: tenfold.tucker(X, 2, seed=False), TypeError, "seed is an integer"),
        (lambda: tenfold.hooi(X, 2, modes=[True]), TypeError, "a mode is an integer"),
        (lambda: tenfold.hooi(X, 2, modes=1.5), TypeError, "a mode is an integer"),
        (lambda: tenfold.hooi(X, {1, 2, 3}), TypeError, "order of the modes"),
        (lambda: tenfold.hooi(FakeSparse(), 1), TypeError, r"type FakeSparse.*toarray\(\)"),
        (lambda: tenfold.hooi({}, 1), TypeError, "the type dict: an array"),
        (lambda: tenfold.hooi((i for i in "ab"), 1), TypeError, "type generator: an array"),
        (lambda: tenfold.tucker(X, ranks=2), TypeError, "'ranks': use rank"),
        (lambda: tenfold.tucker(X, 2, n_iter_max=9), TypeError, "'n_iter_max': use max_sweeps"),
        (lambda: tenfold.tucker(X, 2, random_state=0), TypeError, "'random_state': use seed"),
        (lambda: tenfold.tucker(X, 2, mask=MASK, starts=2), TypeError, "'completion' has no opt"),
        (lambda: tenfold.tucker(X, 2, method="hosvd", starts=2), TypeError, "'hosvd' has no opt"),
        (lambda: tenfold.mode_spectrum(np.zeros((3, 0, 4)), 0), ValueError, "no entries"),
        (lambda: T.__array__(copy=False), ValueError, "copy=False"),
    ],
    ids=range(38),
)
def test_messages_name_the_argument(call, error, message):
    with pytest.raises(error, match=message):
        call()


@pytest.mark.parametrize("rank", [10**30, (10**30, 1, 1), [10**30, 1, 1]], ids=repr)
def test_ranks_above_the_extents_are_lowered(rank):
    assert tenfold.st_hosvd(X, rank).ranks[0] in (1, 4)
