"""Parts of a decomposition beside the same parts of the array."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import oracles
import tenfold

SHAPE = (6, 5, 7)
T = tenfold.tucker(oracles.tensor(SHAPE), (3, 2, 4))
WHOLE = T.reconstruct()
PARTIAL = tenfold.partial_tucker(oracles.tensor(SHAPE, seed=1), (3, 4), (0, 2))


def check(t, index):
    part = t[index]
    expected = t.reconstruct()[index]
    assert np.shape(part) == expected.shape
    assert part.dtype == expected.dtype
    assert np.allclose(part, expected, rtol=0, atol=1e-14)


@pytest.mark.parametrize(
    "index",
    [
        (),
        ...,
        0,
        -1,
        np.int64(2),
        slice(None),
        slice(1, 4),
        slice(0, 6, 2),
        slice(None, None, -1),
        slice(5, 1, -2),
        slice(-3, None),
        slice(2, 2),
        slice(4, 100),
        (0, 0, 0),
        (-1, -1, -1),
        (slice(0, 3), slice(None), 3),
        (..., 2),
        (1, ...),
        (1, ..., 2),
        (..., slice(None, None, 3)),
        (slice(None, None, 2), slice(None, None, -1), slice(1, 6, 2)),
        (slice(0), 1, 2),
        (slice(1, 2), slice(1, 2), slice(1, 2)),
    ],
    ids=repr,
)
@pytest.mark.parametrize("t", [T, PARTIAL], ids=["all modes", "some modes"])
def test_indices_of_numpy(t, index):
    check(t, index)


indices = st.one_of(
    st.integers(-5, 4),
    st.builds(
        slice,
        st.none() | st.integers(-8, 8),
        st.none() | st.integers(-8, 8),
        st.none() | st.integers(-3, 3).filter(bool),
    ),
)


@settings(derandomize=True, deadline=None, max_examples=80)
@given(st.lists(indices, max_size=3).map(tuple))
def test_any_index(index):
    check(T, index)


def test_lists_select_in_each_mode():
    index = ([0, 2, 2, -1], slice(1, 4), [True, False] * 3 + [True])
    assert np.allclose(T[index], WHOLE[np.ix_([0, 2, 2, -1], [1, 2, 3], [0, 2, 4, 6])], atol=1e-14)
    assert np.allclose(T[[3, 1]], WHOLE[[3, 1]], atol=1e-14)
    assert np.allclose(T[:, np.array([4, 0])], WHOLE[:, [4, 0]], atol=1e-14)


@pytest.mark.parametrize(
    ("index", "message"),
    [
        (6, "index 6 is outside the extent 6"),
        (-7, "index -7 is outside the extent 6"),
        ((0, 0, 0, 0), "4 indices for a tensor of 3 modes"),
        ((..., ...), "one ellipsis"),
        (None, "an integer, a slice or a list"),
        (True, "an integer, a slice or a list"),
        ("a", "an integer, a slice or a list"),
        (1.5, "an integer, a slice or a list"),
        ([0, 9], "index 9 is outside the extent 6"),
        ([True, False], "6 booleans are expected"),
        ([0.5], "an integer, a slice or a list"),
        ([[0]], "an integer, a slice or a list"),
    ],
)
def test_bad_indices(index, message):
    with pytest.raises(IndexError, match=message):
        T[index]


def test_a_step_of_zero():
    with pytest.raises(ValueError, match="zero"):
        T[::0]
