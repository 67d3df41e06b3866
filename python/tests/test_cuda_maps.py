"""Saliency maps on a CUDA device: see test_cuda.py."""

from __future__ import annotations

import gc
from typing import Any

import numpy as np
import pytest

import tenfold
import tenfold.cuda
from device_checks import TOLERANCES, as_numpy, features
from fake_framework import (
    ARRAYS,
    Driver,
    VersionedArray,
)
from tenfold import cam


class TestMaps:
    @pytest.mark.parametrize("kind", ARRAYS)
    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    @pytest.mark.parametrize("weighting", cam.WEIGHTINGS)
    def test_agree_with_the_cpu(
        self, driver: Driver, kind: Any, dtype: Any, weighting: str
    ) -> None:
        x = features(dtype=dtype)
        maps, statuses = cam.saliency(kind(driver, x), weighting, return_status=True)
        expected, expected_statuses = cam.saliency(x, weighting, return_status=True)
        assert statuses == expected_statuses
        assert as_numpy(maps).dtype == dtype
        assert np.abs(as_numpy(maps) - expected).max() <= TOLERANCES[dtype]

    @pytest.mark.parametrize("shape", [(2, 12, 2, 3), (2, 3, 4, 5), (1, 5, 7), (2, 4, 2, 3, 2)])
    def test_of_all_shapes(self, driver: Driver, shape: tuple[int, ...]) -> None:
        x = features(shape)
        maps = cam.saliency(VersionedArray(driver, x), "mtsm", batched=True)
        expected = cam.saliency(x, "mtsm", batched=True)
        assert np.abs(as_numpy(maps) - expected).max() <= 1e-10
        # One feature map.
        single = cam.saliency(VersionedArray(driver, x[0]), "tsm", batched=False)
        assert np.abs(as_numpy(single) - cam.saliency(x[0], "tsm", batched=False)).max() <= 1e-10

    def test_with_options(self, driver: Driver) -> None:
        x = features()
        for options in (
            {"ranks": (2, 2, 2)},
            {"ranks": (9, 9, 9)},
            {"centring": True, "sign": "negative"},
            {"size": (5, 7)},
        ):
            maps = cam.saliency(VersionedArray(driver, x), "mtsm", **options)
            expected = cam.saliency(x, "mtsm", **options)
            assert as_numpy(maps).shape == expected.shape
            assert np.abs(as_numpy(maps) - expected).max() <= 1e-9

    def test_of_features_of_the_host(self, driver: Driver) -> None:
        x = features()
        for given in (x, x[0]):
            for size in (None, (5, 7)):
                maps, status = cam.saliency(given, size=size, device="cuda", return_status=True)
                expected, expected_status = cam.saliency(given, size=size, return_status=True)
                assert type(maps) is np.ndarray and status == expected_status
                assert np.abs(maps - expected).max() <= 1e-10

    def test_of_constant_features(self, driver: Driver) -> None:
        maps, status = cam.saliency(
            VersionedArray(driver, np.ones((3, 2, 2))), "eigen-cam", return_status=True
        )
        assert status == "constant"
        assert not as_numpy(maps).any()

    def test_after_the_stream_of_the_framework(self, driver: Driver) -> None:
        x = VersionedArray(driver, features())
        maps = cam.saliency(x)
        assert x.streams == [1]
        gc.collect()
        assert x.exports == 0
        x.free()
        assert np.abs(as_numpy(maps) - cam.saliency(features())).max() <= 1e-10

    def test_free_their_memory(self, driver: Driver) -> None:
        x = VersionedArray(driver, features())
        maps = cam.saliency(x, size=(5, 7))
        if driver.is_stand_in:
            del maps
            gc.collect()
            tenfold.cuda.release_memory()
            before = driver.used()
            for _ in range(3):
                cam.saliency(x, size=(5, 7))
            gc.collect()
            tenfold.cuda.release_memory()
            assert driver.used() == before

    def test_errors_name_the_entry(self, driver: Driver) -> None:
        x = features()
        x[1, 2, 0, 3] = np.inf
        for given, place in ((x, "1, 2, 0, 3"), (x[1], "2, 0, 3")):
            messages = set()
            for call in (
                lambda given=given: cam.saliency(given),
                lambda given=given: cam.saliency(VersionedArray(driver, given)),
                lambda given=given: cam.saliency(given, device="cuda"),
            ):
                with pytest.raises(ValueError, match=place) as raised:
                    call()
                messages.add(str(raised.value))
            assert len(messages) == 1

    def test_refuse_bad_options(self, driver: Driver) -> None:
        x = VersionedArray(driver, features())
        for options, message in (
            ({"weighting": "eigen-cam", "ranks": (1, 1, 1)}, "no ranks"),
            ({"ranks": (1, 1)}, "rank"),
            ({"sign": "up"}, "absolute, positive, negative"),
            ({"size": (0, 1)}, "at least 1"),
        ):
            with pytest.raises(ValueError, match=message):
                cam.saliency(x, **options)
        with pytest.raises(ValueError, match="batched"):
            cam.saliency(VersionedArray(driver, np.ones((2, 2))))
        with pytest.raises(ValueError, match=r"height|modes"):
            cam.saliency(VersionedArray(driver, np.ones((1, 5, 7))), batched=True, size=(2, 2))
        for shape in ((0, 2, 2, 2), (2, 2, 0, 2)):
            with pytest.raises(ValueError, match="shape"):
                cam.saliency(VersionedArray(driver, np.ones(shape)))
