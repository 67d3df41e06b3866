"""Pictures of saliency maps."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from saliency_oracle import random_features
from tenfold import cam


def test_overlay_blends_map_and_photograph() -> None:
    photograph = np.random.default_rng(4).integers(0, 256, (6, 8, 3), np.uint8)
    map = random_features(3, 4) / 10
    for alpha in (0.0, 0.3, 1.0):
        picture = cam.overlay(map, photograph, "viridis", alpha)
        colours = cam.overlay(cam.resize(map, (6, 8)), colormap="viridis").array
        expected = (1 - alpha) * photograph + alpha * colours
        assert np.abs(picture.array - expected).max() <= 0.5 + 1e-9
    # The same photograph in other forms.
    same = cam.overlay(map, photograph).array
    np.testing.assert_array_equal(cam.overlay(map, photograph / 255.0).array, same)
    np.testing.assert_array_equal(cam.overlay(map, photograph[:, ::-1][:, ::-1]).array, same)
    grey = np.repeat(photograph[:, :, :1], 3, axis=2)
    np.testing.assert_array_equal(
        cam.overlay(map, photograph[:, :, 0]).array, cam.overlay(map, grey).array
    )


@pytest.mark.parametrize(
    ("arguments", "exception", "words"),
    [
        ((np.ones((2, 2, 2)),), ValueError, "2×2×2|two modes"),
        ((np.full((2, 2), 1.5),), ValueError, "between 0 and 1"),
        ((np.ones((2, 2)), np.ones((2, 2, 4), np.uint8)), ValueError, "height×width×3"),
        ((np.ones((2, 2)), np.full((2, 2, 3), 2.0)), ValueError, "between 0 and 1"),
        ((np.ones((2, 2)), np.full((2, 2, 3), np.nan)), ValueError, "between 0 and 1"),
        ((np.ones((2, 2)), np.ones((2, 2, 3), np.int32)), TypeError, "uint8 or floats"),
        ((np.ones((2, 2)), np.ones((0, 2, 3), np.uint8)), ValueError, "height"),
        ((np.ones((2, 2)), "no-such-file.png"), FileNotFoundError, "no-such-file.png"),
        ((np.ones((2, 2)), None, "rainbow"), ValueError, "turbo, viridis"),
        ((np.ones((2, 2)), None, 3), TypeError, "a colour map is a name, not 3"),
        ((np.ones((2, 2)), np.ones((2, 2, 4), np.uint8)), ValueError, r"\[\.\.\., :3\] drops"),
        ((np.ones((2, 2)), np.ones((3, 2, 2), np.uint8)), ValueError, r"transpose\(1, 2, 0\)"),
        ((np.ones((2, 2)), np.ones((2, 2, 3), int)), TypeError, r"astype\(np\.uint8\)"),
        ((np.ones((2, 2)), np.ones((2, 2, 3), np.uint8), "turbo", 1.5), ValueError, "between"),
    ],
)
def test_overlay_refuses_bad_input(
    arguments: tuple[Any, ...], exception: type[Exception], words: str
) -> None:
    with pytest.raises(exception, match=words):
        cam.overlay(*arguments)


def test_pictures_are_files_and_show_in_notebooks(tmp_path: Path) -> None:
    picture = cam.overlay(random_features(3, 4) / 10)
    assert np.asarray(picture) is picture.array and picture.array.shape == (3, 4, 3)
    assert np.array(picture) is not picture.array
    path = tmp_path / "map.png"
    picture.save(path)
    png = picture._repr_png_()
    assert path.read_bytes() == png and png.startswith(b"\x89PNG")
    # The photograph of an overlay may be a file, and alpha = 0 shows it.
    np.testing.assert_array_equal(cam.overlay(np.zeros((2, 2)), path, alpha=0).array, picture.array)
    picture.save(os.fsencode(tmp_path / "bytes.png"))
    assert (tmp_path / "bytes.png").read_bytes() == png
    shown = cam.overlay(np.zeros((2, 2)), os.fsencode(path), alpha=0)
    np.testing.assert_array_equal(shown.array, picture.array)
    html = picture._repr_html_()
    assert html.startswith("<img") and "data:image/png;base64," in html and "3×4" in html
    with pytest.raises(ValueError, match="png"):
        picture.save(tmp_path / "map.jpg")
    with pytest.raises(OSError, match="no-such-folder"):
        picture.save(tmp_path / "no-such-folder" / "map.png")
    with pytest.raises(TypeError, match="uint8"):
        cam.Picture(np.ones((2, 2, 3)))
    with pytest.raises(ValueError, match="height×width×3"):
        cam.Picture(np.ones((2, 2), np.uint8))


def test_every_colour_map_has_a_name() -> None:
    map = np.array([[0.0, 1.0]])
    pictures = [cam.overlay(map, colormap=name).array.tobytes() for name in cam.COLORMAPS]
    assert len(set(pictures)) == len(cam.COLORMAPS) >= 7
