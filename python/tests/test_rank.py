"""Ranks from what a caller may write as ``rank``."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tenfold._rank import kept_fraction, resolve_rank

SHAPE = (4, 5, 6)
ALL = (0, 1, 2)


@pytest.mark.parametrize(
    ("rank", "expected"),
    [
        ((1, 2, 3), (1, 2, 3)),
        ([1, 2, 3], (1, 2, 3)),
        (np.array([1, 2, 3]), (1, 2, 3)),
        (iter([1, 2, 3]), (1, 2, 3)),
        (2, (2, 2, 2)),
        (np.int32(2), (2, 2, 2)),
        (np.array(2), (2, 2, 2)),
        (None, SHAPE),
        ((9, 9, 9), SHAPE),  # A rank above its extent is lowered.
        (10**30, SHAPE),
    ],
)
def test_ranks_written_as_integers(rank, expected):
    result = resolve_rank(rank, SHAPE, ALL)
    assert result == expected
    assert all(type(r) is int for r in result)


def test_ranks_follow_the_order_of_the_modes():
    assert resolve_rank(None, SHAPE, (2, 0)) == (6, 4)
    assert resolve_rank((3, 2), SHAPE, (2, 0)) == (3, 2)


@pytest.mark.parametrize("fraction", [1e-9, 0.01, 0.1, 0.5, 0.999, 1.0, 2.0, 1e6])
@pytest.mark.parametrize("shape", [(7,), (1, 1), (30, 20), (100, 3, 50), (6, 5, 4, 3, 2), (1,)])
def test_kept_fraction_is_the_root(shape, fraction):
    modes = range(len(shape))
    c = kept_fraction(fraction, shape, modes)
    factors = sum(extent**2 for extent in shape) / math.prod(shape)
    assert c ** len(shape) + factors * c == pytest.approx(fraction, rel=1e-13)


def test_fraction_of_the_entries():
    shape = (60, 50, 40)
    for fraction in (0.05, 0.3, 1.0):
        ranks = resolve_rank(fraction, shape, ALL)
        stored = math.prod(ranks) + sum(r * s for r, s in zip(ranks, shape, strict=False))
        assert stored == pytest.approx(fraction * math.prod(shape), rel=0.1)
    assert resolve_rank("same", shape, ALL) == resolve_rank(1.0, shape, ALL)
    assert resolve_rank(np.float32(0.5), shape, ALL) == resolve_rank(0.5, shape, ALL)
    assert resolve_rank(1e-12, shape, ALL) == (1, 1, 1)


@pytest.mark.parametrize(
    ("rank", "error", "message"),
    [
        ((1, 2), ValueError, "expected 3 ranks, one for each mode, found 2"),
        ((1, 0, 2), ValueError, "each rank must be positive, found 0"),
        (-1, ValueError, "each rank must be positive, found -1"),
        (0.0, ValueError, "positive and finite, found 0.0"),
        (-0.5, ValueError, "positive and finite"),
        (math.nan, ValueError, "positive and finite, found nan"),
        (math.inf, ValueError, "positive and finite, found inf"),
        ("full", ValueError, 'rank must be "same" if it is a string'),
        ((1, 2.0, 3), TypeError, "each rank must be an integer, found float"),
        (np.array([1.0, 2.0, 3.0]), TypeError, "each rank must be an integer, found float64"),
        ((1, True, 3), TypeError, "each rank must be an integer, found bool"),
        (True, TypeError, "found bool"),
        (1j, TypeError, "found complex"),
        (object(), TypeError, "found object"),
    ],
)
def test_other_values_are_refused(rank, error, message):
    with pytest.raises(error, match=message):
        resolve_rank(rank, SHAPE, ALL)
