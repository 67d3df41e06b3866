"""Saliency maps of arrays, against golden data and against the equations."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tenfold
from saliency_oracle import (
    WEIGHTINGS,
    full_rank_map,
    normalized,
    random_features,
    truncated_map,
    uses_all_vectors,
    with_sign,
)
from tenfold import cam

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "tests" / "data" / "cam"
MANIFEST = json.loads((GOLDEN / "manifest.json").read_text())


def golden_features(name: str, layer: str) -> np.ndarray:
    # The feature map of one photograph is an example of the repository.
    at_examples = (name, layer) == ("chelsea", "last")
    return np.load(ROOT / "examples/chelsea.npy" if at_examples else GOLDEN / f"{name}.{layer}.npy")


GOLDEN_LAYERS = [
    (name, layer)
    for name in ("astronaut", "chelsea", "coffee", "rocket")
    for layer in ("early", "last")
]


@pytest.mark.parametrize("weighting", WEIGHTINGS)
@pytest.mark.parametrize(("name", "layer"), GOLDEN_LAYERS)
def test_maps_agree_with_golden_data(name: str, layer: str, weighting: str) -> None:
    features = golden_features(name, layer)
    exact = np.load(GOLDEN / f"{name}.{layer}.{weighting}.exact.npy")
    in_f64 = cam.saliency(features.astype(np.float64), weighting)
    assert np.abs(in_f64 - exact).max() < 1e-10
    in_f32 = cam.saliency(features, weighting)
    assert in_f32.dtype == np.float32
    assert np.abs(in_f32 - exact).max() < (1e-4 if uses_all_vectors(weighting) else 1e-5)
    # The published map of EigenCAM has the sign that LAPACK gave.
    published = np.load(GOLDEN / f"{name}.{layer}.{weighting}.published.npy")
    layers = MANIFEST["images"][name]["layers"]
    stated = layers[layer]["weightings"][weighting]["max_abs_diff_exact_vs_published"]
    # Maps of opposite signs differ by 1.
    sign, tolerance = ("negative", 2e-3) if stated == 1 else (None, stated + 2e-3)
    map = cam.saliency(features, weighting, sign=sign)
    assert np.abs(map - published).max() < tolerance


@pytest.mark.parametrize("weighting", WEIGHTINGS)
def test_resized_and_normalized_maps_agree_with_golden_data(weighting: str) -> None:
    features = golden_features("chelsea", "last")
    # The references are stored in half precision, which has steps of 2⁻¹¹ below 1.
    published = np.load(GOLDEN / f"chelsea.last.{weighting}.published.npy")
    resized = np.load(GOLDEN / f"chelsea.last.{weighting}.published224.npy").astype(np.float64)
    assert np.abs(cam.resize(published, (224, 224)) - resized).max() < 3e-4
    final = np.load(GOLDEN / f"chelsea.last.{weighting}.final224.npy").astype(np.float64)
    map = cam.saliency(features, weighting, size=(224, 224))
    assert np.abs(cam.normalize(map) - final).max() < 3e-4
    small = cam.saliency(features, weighting)
    assert np.abs(cam.combine([small], size=(224, 224)) - final).max() < 3e-4


@pytest.mark.parametrize("weighting", WEIGHTINGS)
@pytest.mark.parametrize("shape", [(1, 3, 4), (5, 1, 1), (7, 3, 3), (3, 7, 5), (40, 6, 6), (2, 9)])
@pytest.mark.parametrize("centring", [None, True, False])
@pytest.mark.parametrize("sign", [None, "absolute", "positive", "negative"])
def test_options_agree_with_the_equations(
    weighting: str, shape: tuple[int, ...], centring: bool | None, sign: str | None
) -> None:
    features = random_features(*shape, seed=sum(shape))
    map = cam.saliency(features, weighting, centring=centring, sign=sign, batched=False)
    if features[0].size == 1:
        assert map == 0
        return
    assert np.abs(map - full_rank_map(features, weighting, centring, sign)).max() < 1e-10


@pytest.mark.parametrize("weighting", ["tsm", "mtsm"])
def test_truncated_ranks_give_the_map_of_hooi(weighting: str) -> None:
    # Three components of different strength, so that HOOI converges fast and to one result.
    rng = np.random.default_rng(5)
    components = [np.linalg.qr(rng.normal(size=(extent, 3)))[0] for extent in (12, 6, 7)]
    strengths = np.diag([9.0, 5.0, 2.0])[:, :, None] * np.eye(3)[None]
    features = np.einsum("abc,ia,jb,kc->ijk", strengths, *components)
    features += 0.1 * rng.normal(size=features.shape)
    for ranks in [(3, 3, 3), (2, 2, 2), (1, 2, 2), (12, 6, 7)]:
        map = cam.saliency(features, weighting, ranks=ranks)
        assert np.abs(map - truncated_map(features, weighting, ranks)).max() < 1e-4
    full = cam.saliency(features, weighting)
    assert np.abs(full - cam.saliency(features, weighting, ranks=features.shape)).max() < 1e-9
    truncated = cam.saliency(features, weighting, ranks=np.array([2, 2, 2]))
    assert np.abs(full - truncated).max() > 1e-4
    # Ranks are upper limits.
    limited = cam.saliency(features, weighting, ranks=(100, 2, 2))
    np.testing.assert_array_equal(limited, cam.saliency(features, weighting, ranks=(4, 2, 2)))


@pytest.mark.parametrize("weighting", WEIGHTINGS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_map_of_a_batch_has_the_bits_of_the_single_map(weighting: str, dtype: Any) -> None:
    batch = random_features(5, 24, 4, 6).astype(dtype)
    maps = cam.saliency(batch, weighting)
    assert maps.shape == (5, 4, 6) and maps.dtype == dtype
    assert maps.min() >= 0 and maps.max() <= 1
    for features, map in zip(batch, maps, strict=True):
        np.testing.assert_array_equal(cam.saliency(features, weighting), map)
    for threads in (1, 2, 3):
        np.testing.assert_array_equal(cam.saliency(batch, weighting, threads=threads), maps)
    resized = cam.saliency(batch, weighting, size=(9, 5))
    np.testing.assert_array_equal(resized, cam.resize(maps, (9, 5)))
    np.testing.assert_array_equal(resized[2], cam.saliency(batch[2], weighting, size=(9, 5)))


def test_feature_maps_of_any_order() -> None:
    tokens = random_features(16, 10)
    video = random_features(2, 8, 3, 4, 5)
    assert cam.saliency(tokens, batched=False).shape == (10,)
    assert cam.saliency(tokens[None], batched=True).shape == (1, 10)
    assert cam.saliency(video, batched=True).shape == (2, 3, 4, 5)
    np.testing.assert_array_equal(
        cam.saliency(video[1], batched=False), cam.saliency(video, batched=True)[1]
    )
    # One feature map of four modes.
    assert cam.saliency(video[0], batched=False).shape == (3, 4, 5)


layouts = {
    "C order": lambda x: x,
    "Fortran order": np.asfortranarray,
    "every second entry": lambda x: np.repeat(x, 2, axis=-1)[..., ::2],
    "reversed": lambda x: x[..., ::-1].copy()[..., ::-1],
    "channels last": lambda x: np.moveaxis(np.moveaxis(x, 0, -1).copy(), -1, 0),
    "other byte order": lambda x: x.astype(x.dtype.newbyteorder()),
    "read-only": lambda x: np.require(x, requirements=["W"]).view(),
    "unaligned": lambda x: np.frombuffer(b"\0" + x.tobytes(), x.dtype, offset=1).reshape(x.shape),
}


@given(
    shape=st.tuples(st.integers(1, 9), st.integers(1, 5), st.integers(1, 5)),
    items=st.integers(0, 3),
    dtype=st.sampled_from(["f2", "f4", "f8", "i1", "u1", "i4", "i8", "?", "g"]),
    layout=st.sampled_from(sorted(layouts)),
    weighting=st.sampled_from(WEIGHTINGS),
    seed=st.integers(0, 10**6),
)
@settings(max_examples=200, deadline=None, derandomize=True)
def test_arrays_of_any_type_and_layout(
    shape: tuple[int, ...], items: int, dtype: str, layout: str, weighting: str, seed: int
) -> None:
    shape = shape if items == 0 else (items, *shape)
    x = np.random.default_rng(seed).integers(-4, 5, shape).astype(dtype)
    array = layouts[layout](x)
    if layout == "read-only":
        array.flags.writeable = False
    before = array.copy()
    maps, statuses = cam.saliency(array, weighting, return_status=True)
    np.testing.assert_array_equal(array, before)
    converted = x.astype(np.float32 if dtype in ("f2", "f4") else np.float64)
    assert maps.dtype == converted.dtype
    assert maps.shape == shape[:-3] + shape[-2:]
    np.testing.assert_array_equal(maps, cam.saliency(converted, weighting))
    # Where the vectors are well determined, the map follows the equations.
    if items == 0:
        maps, statuses, converted = maps[None], [statuses], converted[None]
    for map, status, features in zip(maps, statuses, converted, strict=True):
        if status == "constant":
            assert not map.any()
        elif well_determined(features, weighting):
            assert np.abs(map - full_rank_map(features, weighting)).max() < 1e-4


def well_determined(features: np.ndarray, weighting: str) -> bool:
    """Whether the singular values in use have gaps, and rounding does not decide on the sign."""
    unfolding = features.reshape(features.shape[0], -1).astype(np.float64)
    if weighting in ("eigen-cam", "multivec-eigen-cam"):
        unfolding = unfolding - unfolding.mean(axis=1, keepdims=True)
    vectors, sigma, _ = np.linalg.svd(unfolding, full_matrices=False)
    if sigma[0] < 1e-6:
        return False
    sigma = np.append(sigma, 0.0) / sigma[0]
    used = len(sigma) - 1 if uses_all_vectors(weighting) else 1
    gaps = (sigma[:used] - sigma[1 : used + 1])[sigma[:used] > 1e-6]
    projected = vectors[:, 0] @ unfolding
    lopsided = abs(projected.max() + projected.min()) > 1e-3 * abs(projected).max()
    range_before = np.ptp(with_sign(projected, "absolute"))
    return bool(gaps.min() > 1e-2 and lopsided and range_before > 1e-3 * abs(projected).max())


@pytest.mark.parametrize("scale", [1e-300, 1e-30, 1.0, -7.0, 1e30, 1e300])
@pytest.mark.parametrize("weighting", WEIGHTINGS)
def test_the_map_does_not_depend_on_the_scale(weighting: str, scale: float) -> None:
    features = random_features(20, 4, 4)
    expected = cam.saliency(features, weighting)
    assert np.abs(cam.saliency(scale * features, weighting) - expected).max() < 1e-10


def test_statuses() -> None:
    fine = random_features(6, 3, 3)
    degenerate = np.zeros((6, 3, 3))
    degenerate[0, 0, 0] = degenerate[1, 1, 1] = 1.0
    batch = np.stack([fine, 0 * fine, degenerate])
    maps, statuses = cam.saliency(batch, "tsm", return_status=True)
    assert statuses == ["fine", "constant", "degenerate"]
    assert not maps[1].any()
    for features, status in zip(batch, statuses, strict=True):
        assert cam.saliency(features, "tsm", return_status=True)[1] == status


@pytest.mark.parametrize(
    ("spelling", "name"),
    [
        ("EigenCAM", "eigen-cam"),
        ("eigen_cam", "eigen-cam"),
        ("MTSM", "mtsm"),
        ("Tsm", "tsm"),
        ("MultivecEigenCAM", "multivec-eigen-cam"),
        ("multivec_eigen_cam", "multivec-eigen-cam"),
    ],
)
def test_names_of_weightings_in_other_spellings(spelling: str, name: str) -> None:
    features = random_features(6, 3, 3)
    np.testing.assert_array_equal(cam.saliency(features, spelling), cam.saliency(features, name))
    assert name in cam.WEIGHTINGS


@pytest.mark.parametrize(
    ("features", "options", "exception", "words"),
    [
        (np.ones((2, 2)), {}, ValueError, "batched=True or batched=False"),
        (np.ones((2, 2, 2, 2, 2)), {}, ValueError, "batched"),
        (np.ones((2, 2, 2)), {"weighting": "grad-cam"}, ValueError, "eigen-cam, tsm"),
        (np.ones((2, 2, 2)), {"weighting": 3}, TypeError, "name"),
        (np.ones((2, 2, 2)), {"sign": "up"}, ValueError, "absolute, positive, negative"),
        (
            np.ones((2, 2, 2)),
            {"ranks": (1, 1, 1), "weighting": "eigen-cam"},
            ValueError,
            "no ranks",
        ),
        (np.ones((2, 2, 2)), {"ranks": (1, 1)}, ValueError, "rank"),
        (np.ones((2, 2, 2)), {"ranks": (0, 1, 1)}, ValueError, "rank"),
        (np.ones((2, 2, 2)), {"ranks": (-1, 1, 1)}, ValueError, "rank"),
        (np.ones((2, 2, 2)), {"ranks": "all"}, TypeError, "ranks"),
        (np.ones((2, 2, 2)), {"device": "gpu"}, ValueError, "there is no device"),
        (np.ones((2, 2, 2)), {"centring": "yes"}, TypeError, "centring"),
        (np.ones((2, 2, 2)), {"size": (0, 3)}, ValueError, "at least 1"),
        (np.ones((2, 2, 2)), {"size": 3}, TypeError, "height and a width"),
        (np.ones((2, 2)), {"size": (3, 3), "batched": False}, ValueError, "2 modes"),
        (np.ones((0, 2, 2)), {}, ValueError, "no entries"),
        (np.ones((0, 3, 2, 2)), {}, ValueError, "no entries"),
        (np.ones(3), {"batched": False}, ValueError, "feature map"),
        (np.ones((3, 2)), {"batched": True}, ValueError, "feature map"),
        (np.full((2, 2, 2), np.nan), {}, ValueError, r"\[0, 0, 0\]"),
        (np.full((1, 2, 2, 2), np.inf), {}, ValueError, r"\[0, 0, 0, 0\]"),
        (np.ones((2, 2, 2), complex), {}, TypeError, "complex"),
        (np.full((2, 2, 2), None), {}, TypeError, "object"),
        (np.full((2, 2, 2), "a"), {}, TypeError, "real numbers"),
        (None, {}, TypeError, "object"),
        (np.ones((2, 2, 2)), {"sign": 1}, TypeError, "a sign is a name, not 1"),
        (np.ones((2, 2, 2)), {"batched": "x"}, TypeError, "batched is True, False or None"),
        (np.ones((2, 2, 2)), {"size": (10**30, 3)}, ValueError, r"below 2\*\*64"),
        (np.ones((2, 2, 2)), {"threads": 0}, ValueError, "threads is at least 1"),
        (np.ones((2, 2, 2)), {"threads": 10**30}, ValueError, "threads is at least 1"),
        (np.ones((2, 2, 2)), {"threads": 1.5}, TypeError, "threads is an integer"),
        (np.ones((2, 2, 2)), {"threads": True}, TypeError, "threads is an integer"),
    ],
)
def test_bad_input_raises(
    features: Any, options: dict[str, Any], exception: type[Exception], words: str
) -> None:
    with pytest.raises(exception, match=words):
        cam.saliency(features, **options)


def test_lists_of_numbers_are_arrays() -> None:
    np.testing.assert_array_equal(
        cam.saliency([[[1, 2], [3, 4]], [[0, 1], [1, 1]]]),
        cam.saliency(np.array([[[1.0, 2], [3, 4]], [[0, 1], [1, 1]]])),
    )


class DLPack:
    """An array that exchanges its memory by DLPack alone."""

    def __init__(self, array: np.ndarray) -> None:
        self.array = array

    def __dlpack__(self, **options: Any) -> Any:
        return self.array.__dlpack__(**options)

    def __dlpack_device__(self) -> Any:
        return self.array.__dlpack_device__()


def test_arrays_with_dlpack() -> None:
    features = random_features(3, 8, 4, 4).astype(np.float32)
    np.testing.assert_array_equal(cam.saliency(DLPack(features)), cam.saliency(features))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_resize_interpolates_the_last_two_modes(dtype: Any) -> None:
    x = np.random.default_rng(1).normal(size=(2, 3, 5, 7)).astype(dtype)
    for size in [(5, 7), (10, 21), (3, 2), (1, 1)]:
        resized = cam.resize(x, size)
        assert resized.shape == (2, 3, *size) and resized.dtype == dtype
        for index in np.ndindex(2, 3):
            expected = bilinear(x[index].astype(np.float64), size)
            assert np.abs(resized[index] - expected).max() < 1e-6
    with pytest.raises(ValueError, match="at least 1"):
        cam.resize(x, (0, 1))
    with pytest.raises(ValueError, match=r"below 2\*\*64"):
        cam.resize(x, (10**30, 1))
    with pytest.raises(ValueError, match="2 modes"):
        cam.resize(np.ones(3), (1, 1))


def bilinear(x: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    for axis, new in enumerate(size):
        old = x.shape[axis]
        points = np.clip((np.arange(new) + 0.5) * old / new - 0.5, 0, old - 1)
        # The hat function around each point.
        weights = np.maximum(1 - np.abs(points[:, None] - np.arange(old)), 0)
        x = np.moveaxis(np.tensordot(weights, x, axes=(1, axis)), 0, axis)
    return x


def test_normalize_stretches_to_one() -> None:
    x = np.random.default_rng(2).normal(size=(4, 3, 5))
    np.testing.assert_allclose(cam.normalize(x), normalized(x), rtol=0, atol=1e-15)
    each = np.stack([normalized(item) for item in x])
    np.testing.assert_allclose(cam.normalize(x, batched=True), each, rtol=0, atol=1e-15)
    assert not cam.normalize(np.full((2, 2), 7.0)).any()
    with pytest.raises(ValueError, match=r"\[1\]"):
        cam.normalize(np.array([0.0, np.nan]))


@pytest.mark.parametrize("how", ["mean", "max"])
def test_combine_follows_its_formula(how: str) -> None:
    rng = np.random.default_rng(3)
    layers = [rng.normal(0.5, 1, (3, *size)) for size in [(4, 5), (2, 2), (8, 3)]]
    combined = cam.combine(layers, how, size=(6, 7))
    assert combined.shape == (3, 6, 7)
    over = np.mean if how == "mean" else np.max
    for item in range(3):
        planes = [bilinear(normalized(np.maximum(m[item], 0)), (6, 7)) for m in layers]
        expected = normalized(over(planes, axis=0))
        assert np.abs(combined[item] - expected).max() < 1e-12
        single = cam.combine([layer[item] for layer in layers], how, size=(6, 7))
        np.testing.assert_array_equal(single, combined[item])
    assert cam.combine(layers, how).shape == (3, 8, 5)


@pytest.mark.parametrize("how", ["mean", "max"])
def test_combined_maps_agree_with_the_rules_of_pytorch_grad_cam(how: str) -> None:
    folder = ROOT / "tests" / "data" / "combine"
    maps = [np.load(folder / f"{name}.npy") for name in ("fine", "middle", "coarse")]
    expected = np.load(folder / f"{how}.npy")
    assert np.abs(cam.combine(maps, how, size=expected.shape) - expected).max() < 3e-6


@pytest.mark.parametrize(
    ("maps", "how", "words"),
    [
        ([], "mean", "empty"),
        ([np.ones((2, 2))], "median", "mean, max"),
        ([np.ones((2, 2)), np.ones((1, 2, 2))], "mean", "height×width"),
        ([np.ones((1, 2, 2)), np.ones((2, 2, 2))], "mean", "modes of a map"),
        ([np.ones(2)], "mean", "height×width"),
        ([np.full((2, 2), np.nan)], "mean", "nan|NaN"),
    ],
)
def test_combine_refuses_other_maps(maps: list[np.ndarray], how: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        cam.combine(maps, how)


def test_ranks_above_the_extents_are_full_ranks() -> None:
    x = random_features(4, 3, 5)
    expected = cam.saliency(x, ranks=x.shape)
    np.testing.assert_array_equal(cam.saliency(x, ranks=(10**30, 3, 2**63)), expected)


def test_the_module_is_an_attribute_of_the_package() -> None:
    assert tenfold.cam.saliency is cam.saliency
