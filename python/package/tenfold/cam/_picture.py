"""Pictures: a saliency map in colours, and its overlay on a photograph."""

from __future__ import annotations

import base64
import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tenfold import _native
from tenfold._arrays import as_tensor

COLORMAPS: tuple[str, ...] = tuple(_native.COLORMAPS)
"""The names of the colour maps."""

# Smaller pictures are enlarged to this width in a notebook, so that single positions can be seen.
_SHOWN_WIDTH = 224


class Picture:
    """A picture of H×W pixels. A notebook shows it.

    Parameters
    ----------
    array
        An array H×W×3 of `uint8`: red, green and blue.

    Attributes
    ----------
    array : numpy.ndarray
        The array H×W×3 of `uint8`. `numpy.asarray` of a picture returns it too.

    Raises
    ------
    TypeError
        If the array has another type than `uint8`.
    ValueError
        If the array has another shape.

    Examples
    --------
    >>> import numpy as np
    >>> from tenfold.cam import Picture
    >>> picture = Picture(np.zeros((2, 3, 3), np.uint8))
    >>> picture
    <Picture of 2×3 pixels>
    """

    __slots__ = ("array",)

    array: NDArray[np.uint8]

    def __init__(self, array: Any) -> None:
        array = np.asarray(array)
        if array.dtype != np.uint8:
            raise TypeError(f"a picture is an array of uint8, this array has {array.dtype}")
        if array.ndim != 3 or array.shape[2] != 3:
            raise ValueError(
                f"a picture has the shape height×width×3, this array has {array.shape}"
            )
        self.array = np.ascontiguousarray(array)

    def save(self, path: str | bytes | os.PathLike[str] | os.PathLike[bytes]) -> None:
        """Writes the picture as a PNG file, as a whole or not at all.

        Parameters
        ----------
        path
            The path of the file. An existing file is replaced.

        Raises
        ------
        ValueError
            If the name ends in the extension of another format.
        OSError
            If the file cannot be written.
        """
        name = os.fsdecode(path)
        extension = os.path.splitext(name)[1].lower()
        if extension not in ("", ".png"):
            raise ValueError(f"pictures are written as .png, not as {extension}")
        _native.write_png(name, self.array)

    def _repr_png_(self) -> bytes:
        return _native.png(self.array)

    def _repr_html_(self) -> str:
        height, width, _ = self.array.shape
        data = base64.b64encode(self._repr_png_()).decode("ascii")
        shown = max(width, _SHOWN_WIDTH)
        return (
            f'<img alt="picture of {height}×{width} pixels" src="data:image/png;base64,{data}" '
            f'style="width: {shown}px; max-width: 100%; image-rendering: pixelated">'
        )

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        array = self.array if dtype is None else self.array.astype(dtype, copy=False)
        if copy and array is self.array:
            array = array.copy()
        elif copy is False and array is not self.array:
            raise ValueError(f"an array of {array.dtype} is a copy")
        return array

    def __repr__(self) -> str:
        height, width, _ = self.array.shape
        return f"<Picture of {height}×{width} pixels>"


def overlay(map: Any, image: Any = None, colormap: str = "turbo", alpha: float = 0.5) -> Picture:
    """Draws a saliency map in colours, or over a photograph.

    For each pixel and each of red, green and blue,

        overlay = round( (1 - alpha)·photograph + alpha·colour(map) )

    Parameters
    ----------
    map
        An H×W map with values in [0, 1]. With an image, the map is resized to the image.
    image
        The photograph: an array H×W×3 or H×W of `uint8`, or of floats in [0, 1]; an object that
        NumPy converts to such an array, such as a picture of Pillow; or the path of a PNG, JPEG,
        WebP, TIFF or BMP file. ``None`` draws the map alone, one pixel for each value.
    colormap
        One of `COLORMAPS`.
    alpha
        The weight of the map's colour, from 0 to 1.

    Returns
    -------
    Picture

    Raises
    ------
    ValueError
        If the map has another number of modes, a value outside [0, 1], or if the image has
        another shape.
    TypeError
        If the image has another type.
    OSError
        If the file of the image cannot be read.

    Examples
    --------
    >>> import numpy as np
    >>> from tenfold.cam import overlay
    >>> photograph = np.full((1, 2, 3), 100, np.uint8)
    >>> overlay(np.array([[0.0, 1.0]]), photograph, colormap="gray").array
    array([[[ 50,  50,  50],
            [178, 178, 178]]], dtype=uint8)
    """
    if not isinstance(colormap, str):
        raise TypeError(f"a colour map is a name, not {colormap!r}")
    photograph = None if image is None else _photograph(image)
    return Picture(_native.overlay(as_tensor(map, "map"), photograph, colormap, float(alpha)))


def _photograph(image: Any) -> NDArray[np.uint8]:
    """The photograph as an array H×W×3 of uint8."""
    if isinstance(image, (str, bytes, os.PathLike)):
        return _native.read_image(os.fsdecode(image))
    array = np.asarray(image)
    if array.ndim == 2:
        array = np.repeat(array[:, :, None], 3, axis=2)
    if array.ndim != 3 or array.shape[2] != 3:
        hint = ""
        if array.ndim == 3 and array.shape[2] == 4:
            hint = ": image[..., :3] drops the alpha channel"
        elif array.ndim == 3 and array.shape[0] == 3:
            hint = ": image.transpose(1, 2, 0) moves the channels to the end"
        raise ValueError(
            "an image has the shape height×width×3 or height×width, "
            f"this image has {array.shape}{hint}"
        )
    if array.dtype.kind == "f":
        # NaN fails this comparison too.
        if not ((array >= 0) & (array <= 1)).all():
            raise ValueError("the levels of an image of floats must be between 0 and 1")
        array = np.rint(255 * array).astype(np.uint8)
    if array.dtype != np.uint8:
        hint = ": image.astype(np.uint8) converts levels from 0 to 255"
        raise TypeError(
            f"an image has levels of uint8 or floats, this image has {array.dtype}"
            + (hint if array.dtype.kind in "iu" else "")
        )
    return np.ascontiguousarray(array)
