"""Metrics of saliency maps, against their definitions and against the reference data."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tenfold import cam, metrics

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "tests" / "data" / "cam"

fractions = st.floats(0, 1, allow_subnormal=False)
pairs = st.lists(st.tuples(fractions, fractions), min_size=1, max_size=20)


@given(pairs=pairs)
@settings(max_examples=200, deadline=None, derandomize=True)
def test_metrics_of_probabilities_follow_their_formulas(pairs: list[tuple[float, float]]) -> None:
    p, o = np.array(pairs).T
    with np.errstate(divide="ignore", invalid="ignore"):
        drops = np.where(o < p, (p - o) / p, 0.0)
        gains = np.where(o > p, (o - p) / (1 - p), 0.0)
    drops_with_epsilon = np.where(o < p, (p - o) / (p + 1e-7), 0.0)
    for function, values in [
        (metrics.drops, drops),
        (metrics.gains, gains),
        (metrics.absolute_drops, np.maximum(p - o, 0)),
        (metrics.drops_with_epsilon, drops_with_epsilon),
        (metrics.increases, p < o),
    ]:
        np.testing.assert_allclose(function(p, o), values, rtol=1e-12, atol=1e-15)
    for average, values in [
        (metrics.average_drop, drops),
        (metrics.average_gain, gains),
        (metrics.average_absolute_drop, np.maximum(p - o, 0)),
        (metrics.average_drop_with_epsilon, drops_with_epsilon),
        (metrics.average_increase, p < o),
    ]:
        assert average(p, o) == pytest.approx(100 * values.mean(), rel=1e-12, abs=1e-12)
        assert average(list(p), o.tolist()) == average(p, o)
    assert metrics.increases(p, o).dtype == np.bool_


def test_constants() -> None:
    assert metrics.THRESHOLDS == (0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
    assert (metrics.EPSILON_OF_TORCH_CAM, metrics.EPSILON_OF_XPLIQUE) == (1e-7, 1e-8)
    drop = metrics.average_drop_with_epsilon([1e-8], [0.0], metrics.EPSILON_OF_XPLIQUE)
    assert drop == pytest.approx(50)


def test_metrics_agree_with_the_reference_data() -> None:
    manifest = json.loads((GOLDEN / "manifest.json").read_text())
    map = np.load(GOLDEN / "chelsea.last.mtsm.published224.npy")
    mask = np.load(GOLDEN / "mask224.npy")
    for threshold, expected in manifest["iou"]["at_threshold"].items():
        assert metrics.iou(map, mask, float(threshold)) == pytest.approx(expected, abs=1e-12)
        both = metrics.mean_iou(map[None], mask[None], float(threshold))
        assert both == pytest.approx(expected, abs=1e-12)


@given(
    shape=st.tuples(st.integers(1, 4), st.integers(1, 5), st.integers(1, 5)),
    seed=st.integers(0, 10**6),
    threshold=st.sampled_from([0.0, 0.3, 0.5, 1.0]),
    dtype=st.sampled_from([np.float16, np.float32, np.float64]),
)
@settings(max_examples=100, deadline=None, derandomize=True)
def test_intersection_over_union_follows_its_formula(
    shape: tuple[int, ...], seed: int, threshold: float, dtype: Any
) -> None:
    rng = np.random.default_rng(seed)
    maps = rng.choice([0, 0.3, 0.5, 0.7, 1.0], shape).astype(dtype)
    masks, voids = rng.random((2, *shape)) < 0.4

    def expected(map: np.ndarray, mask: np.ndarray, void: np.ndarray) -> float:
        salient = (map.astype(np.float64) >= threshold)[~void]
        mask = mask[~void]
        either = np.sum(salient | mask)
        return float(np.sum(salient & mask) / either) if either else 1.0

    none = np.zeros(shape[1:], bool)
    single = [metrics.iou(*pair, threshold) for pair in zip(maps, masks, strict=True)]
    assert single == [expected(*pair, none) for pair in zip(maps, masks, strict=True)]
    mean = metrics.mean_iou(maps, masks, threshold)
    assert mean == pytest.approx(np.mean(single), rel=1e-14)
    for map, mask, void in zip(maps, masks, voids, strict=True):
        assert metrics.iou(map, mask, threshold, void=void) == expected(map, mask, void)
        as_integers = metrics.iou(map, mask.astype(int), threshold, void=void.astype(np.uint8))
        assert as_integers == expected(map, mask, void)
        as_floats = metrics.iou(map, mask.astype(float), threshold, void=void)
        assert as_floats == as_integers


def test_regions_of_pascal_voc() -> None:
    mask, void = metrics.regions_of_voc(np.array([[0, 15], [255, 1]], np.uint8))
    np.testing.assert_array_equal(mask, [[False, True], [False, True]])
    np.testing.assert_array_equal(void, [[False, False], [True, False]])
    with pytest.raises(TypeError, match="integers"):
        metrics.regions_of_voc([0.5])


@given(
    shape=st.tuples(st.integers(1, 5), st.integers(1, 5)),
    seed=st.integers(0, 10**6),
    steps=st.integers(1, 7),
    dtype=st.sampled_from([np.float32, np.float64]),
)
@settings(max_examples=100, deadline=None, derandomize=True)
def test_pixel_orders_follow_their_definition(
    shape: tuple[int, int], seed: int, steps: int, dtype: Any
) -> None:
    map = np.random.default_rng(seed).choice([0, 0.25, 0.5, 1.0], shape).astype(dtype)
    order = metrics.PixelOrder(map)
    expected = np.argsort(-map.ravel(), kind="stable")
    np.testing.assert_array_equal(order.indices, expected)
    assert order.shape == shape
    for step in range(steps + 1):
        inserted = np.zeros(map.size, bool)
        inserted[expected[: map.size * step // steps]] = True
        np.testing.assert_array_equal(order.inserted(step, steps), inserted.reshape(shape))
        np.testing.assert_array_equal(order.kept(step, steps), ~inserted.reshape(shape))
    assert order.upper_half().sum() == -(-map.size // 2)
    assert order.upper_half().ravel()[expected[0]]


@given(curve=st.lists(fractions, min_size=2, max_size=20))
@settings(max_examples=100, deadline=None, derandomize=True)
def test_the_area_is_that_of_the_trapezoid_rule(curve: list[float]) -> None:
    expected = np.mean((np.array(curve[1:]) + curve[:-1]) / 2)
    assert metrics.area_under_curve(curve) == pytest.approx(expected, rel=1e-13, abs=1e-15)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(3, 5), (4, 2, 3)])
def test_errors_of_embeddings(shape: tuple[int, ...], dtype: Any) -> None:
    rng = np.random.default_rng(7)
    z, masked = rng.normal(size=(2, *shape)).astype(dtype)
    squares = np.sum((z.astype(np.float64) - masked) ** 2, axis=tuple(range(1, len(shape))))
    assert metrics.embedding_mse(z, masked) == pytest.approx(squares.mean(), rel=1e-12)
    for i in range(shape[0]):
        error = metrics.embedding_error(z[i], masked[i])
        assert error == pytest.approx(squares[i], rel=1e-12)
    # Squares of large entries do not overflow.
    assert metrics.embedding_mse(1e150 * z.astype(float), 1e150 * masked.astype(float)) > 0
    mixed = metrics.embedding_mse(z, masked.astype(np.float64))
    assert mixed == pytest.approx(squares.mean(), rel=1e-12)


def test_bootstrap_intervals() -> None:
    values = np.random.default_rng(8).random(40)
    interval = metrics.bootstrap(values)
    assert interval.mean == pytest.approx(values.mean(), rel=1e-12)
    assert interval.low < interval.mean < interval.high
    # The interval of the normal approximation, within a third of its width.
    error = 1.96 * values.std() / np.sqrt(len(values))
    assert interval.high - interval.low == pytest.approx(2 * error, rel=1 / 3)
    assert metrics.bootstrap(values) == interval
    assert metrics.bootstrap(values, seed=1) != interval
    narrow = metrics.bootstrap(values, level=0.5, resamples=500)
    assert interval.low < narrow.low < narrow.high < interval.high
    assert metrics.bootstrap([2.0]) == metrics.Interval(2.0, 2.0, 2.0)


half = np.full((2, 2), 0.5)


@pytest.mark.parametrize(
    ("call", "exception", "words"),
    [
        (lambda: metrics.average_drop([], []), ValueError, "empty"),
        (lambda: metrics.average_drop([0.5], [0.5, 0.5]), ValueError, "masked images"),
        (lambda: metrics.average_drop([1.5], [0.5]), ValueError, r"\[0\] is 1.5"),
        (lambda: metrics.drops([0.5], [np.nan]), ValueError, r"\[0\]"),
        (lambda: metrics.gains(half, half), ValueError, "list of numbers"),
        (lambda: metrics.average_gain(["a"], [0.5]), TypeError, "real numbers"),
        (lambda: metrics.average_drop_with_epsilon([0.5], [0.5], 2), ValueError, "epsilon"),
        (lambda: metrics.iou(half, half > 0, 1.5), ValueError, "threshold"),
        (lambda: metrics.iou(3 * half, half > 0), ValueError, r"\[0, 0\] is 1.5"),
        (lambda: metrics.iou(half, [True]), ValueError, "shape"),
        (lambda: metrics.iou(half, half > 0, void=[True]), ValueError, "void"),
        (lambda: metrics.iou(half, half), ValueError, "other than 0 and 1"),
        (lambda: metrics.iou(half, [["a"]]), TypeError, "booleans"),
        (lambda: metrics.mean_iou([], []), ValueError, "no images"),
        (lambda: metrics.iou(half, [[0, 1], [2, 1]]), ValueError, "other than 0 and 1"),
        (lambda: metrics.iou(np.ones((0, 2)), np.ones((0, 2), bool)), ValueError, "empty"),
        (lambda: metrics.mean_iou([0.5], [True]), ValueError, "N×"),
        (lambda: metrics.mean_iou(half, [[True, False]]), ValueError, "shape"),
        (lambda: metrics.PixelOrder([2.0]), ValueError, r"\[0\] is 2"),
        (lambda: metrics.PixelOrder([]), ValueError, "empty"),
        (lambda: metrics.PixelOrder([0.5]).inserted(1, 0), ValueError, "steps"),
        (lambda: metrics.PixelOrder([0.5]).kept(3, 2), ValueError, "steps"),
        (lambda: metrics.PixelOrder([0.5]).inserted(-1, 2), ValueError, "step is at least 0"),
        (lambda: metrics.PixelOrder([0.5]).kept(-1, 2), ValueError, "step is at least 0"),
        (lambda: metrics.PixelOrder([0.5]).kept(1, 2.5), TypeError, "steps is an integer"),
        (lambda: metrics.area_under_curve([0.5]), ValueError, "curve"),
        (lambda: metrics.area_under_curve([0.5, -0.1]), ValueError, r"\[1\]"),
        (lambda: metrics.embedding_mse([1.0], [1.0]), ValueError, "modes"),
        (lambda: metrics.embedding_mse(half, half[:1]), ValueError, "masked images"),
        (lambda: metrics.embedding_error([np.inf], [0.0]), ValueError, r"\[0\]"),
        (lambda: metrics.embedding_error([1e200], [0.0]), ValueError, "range|largest|exponent"),
        (lambda: metrics.bootstrap([]), ValueError, "empty"),
        (lambda: metrics.bootstrap([0.5], resamples=0), ValueError, "resamples"),
        (lambda: metrics.bootstrap([0.5], resamples=10**40), ValueError, "resamples"),
        (lambda: metrics.bootstrap([0.5], resamples=2**50), ValueError, "at most"),
        (lambda: metrics.bootstrap([0.5], seed=-1), ValueError, "seed is at least 0"),
        (lambda: metrics.bootstrap([0.5], level=1.5), ValueError, "level"),
        (lambda: metrics.bootstrap([np.nan]), ValueError, r"\[0\]"),
    ],
)
def test_bad_input_raises(call: Any, exception: type[Exception], words: str) -> None:
    with pytest.raises(exception, match=words):
        call()


def test_an_evaluation_from_maps_to_intervals() -> None:
    """The steps of an evaluation, with a linear classifier in place of a network."""
    rng = np.random.default_rng(9)
    images = rng.random((6, 8, 8))
    weights = rng.random((8, 8))
    maps = cam.saliency(rng.random((6, 16, 4, 4)), size=(8, 8))

    def probability(pictures: np.ndarray) -> np.ndarray:
        return (weights * pictures).sum(axis=(-2, -1)) / weights.sum()

    p, o = probability(images), probability(images * maps)
    interval = metrics.bootstrap(100 * metrics.drops(p, o))
    assert interval.mean == pytest.approx(metrics.average_drop(p, o), rel=1e-12)
    order = metrics.PixelOrder(maps[0])
    insertion = [probability(images[0] * order.inserted(step, 8)) for step in range(9)]
    deletion = [probability(images[0] * order.kept(step, 8)) for step in range(9)]
    assert insertion[0] == deletion[-1] == 0
    np.testing.assert_allclose(np.array(insertion) + deletion, p[0], rtol=1e-12)
    areas = metrics.area_under_curve(insertion) + metrics.area_under_curve(deletion)
    assert areas == pytest.approx(p[0], rel=1e-12)
