"""Properties of every decomposition, over shapes, scalars, layouts and ranks."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import oracles
import tenfold

settings.register_profile("tenfold", derandomize=True, deadline=None, max_examples=60)
settings.load_profile("tenfold")

SCALARS = ["f4", "f8", "f2", ">f4", ">f8", "g", "i1", "u2", "<i8", ">i4", "?"]
"""Types of numbers as NumPy writes them; `>` is the byte order that this machine does not have."""

shapes = st.lists(st.integers(1, 6), min_size=1, max_size=5).map(tuple)
solvers = st.sampled_from(["tucker", "hooi", "st_hosvd", "hosvd", "randomized"])


@st.composite
def arrays(draw):
    """An array of any scalar and layout."""
    shape = draw(shapes)
    dtype = np.dtype(draw(st.sampled_from(SCALARS)))
    seed = draw(st.integers(0, 5))
    steps = tuple(draw(st.sampled_from([1, 2, -1])) for _ in shape)
    wide = tuple(extent * abs(step) for extent, step in zip(shape, steps, strict=True))
    entries = np.random.default_rng(seed).integers(0, 9, wide)
    order = draw(st.sampled_from("CF"))
    x = np.array(entries, dtype=dtype, order=order)
    x = x[tuple(slice(None, None, step) for step in steps)]
    return np.transpose(x, draw(st.permutations(range(x.ndim))))


@st.composite
def arrays_and_ranks(draw):
    x = draw(arrays())
    return x, tuple(draw(st.integers(1, 7)) for _ in x.shape)


def plain(x):
    """The entries in C order, in the scalar of the computation."""
    narrow = x.dtype.kind == "f" and x.dtype.itemsize <= 4
    return np.array(x, dtype=np.float32 if narrow else np.float64, order="C")


@given(arrays_and_ranks(), solvers)
def test_layout_and_scalar_do_not_matter(arguments, solver):
    x, ranks = arguments
    t = getattr(tenfold, solver)(x, ranks)
    expected = getattr(tenfold, solver)(plain(x), ranks)
    assert t.dtype == plain(x).dtype
    assert np.array_equal(t.core, expected.core)
    for factor, other in zip(t.factors, expected.factors, strict=True):
        assert np.array_equal(factor, other)


@given(arrays_and_ranks(), solvers)
def test_orthonormal_factors_and_exact_errors(arguments, solver):
    x, ranks = arguments
    t = getattr(tenfold, solver)(x, ranks)
    epsilon = np.finfo(t.dtype).eps
    assert t.shape == x.shape
    assert all(
        rank <= min(limit, n) for rank, limit, n in zip(t.ranks, ranks, x.shape, strict=True)
    )
    for factor in t.factors:
        assert oracles.is_orthonormal(factor, 60 * epsilon * max(factor.shape))
    wide = plain(x).astype(np.float64)
    measured = oracles.relative_error(wide, *t)
    assert abs(t.relative_error(x) - measured) <= 200 * epsilon
    assert abs(t.estimated_error - measured) <= 200 * epsilon
    # HOSVD and all solvers that improve on a truncation meet the bound of HOSVD.
    if solver in ("tucker", "hooi", "st_hosvd", "hosvd"):
        tails = 0.0
        for mode, rank in enumerate(t.ranks):
            values = np.linalg.svd(oracles.unfold(wide, mode), compute_uv=False)
            tails += (values[rank:] ** 2).sum()
        bound = np.sqrt(tails) / max(np.linalg.norm(wide), 1e-300)
        assert measured <= bound + 200 * epsilon


@given(arrays(), st.floats(1e-5, 0.9))
def test_tolerances(x, tolerance):
    t = tenfold.tucker(x, tol=tolerance)
    assert oracles.relative_error(plain(x), *t) <= tolerance * (1 + 1e-5) + 1e-6


@given(arrays_and_ranks())
def test_inputs_stay_as_they_are(arguments):
    x, ranks = arguments
    before = x.copy()
    tenfold.tucker(x, ranks)
    assert np.array_equal(x, before)


@given(arrays_and_ranks())
def test_bytes_and_back(arguments):
    x, ranks = arguments
    t = tenfold.tucker(x, ranks)
    core, factors = t.__reduce__()[0](*t.__reduce__()[1])
    assert np.array_equal(core, t.core)
    assert all(np.array_equal(a, b) for a, b in zip(factors, t.factors, strict=True))
