"""Figures with Matplotlib: `pip install tenfold[matplotlib]`.

Each function draws on the axes that it is given, or on new ones, and returns them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tenfold._decomposition import Tucker

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["saliency", "spectra"]


def __dir__() -> list[str]:
    return __all__


def spectra(tucker: Tucker, *, ax: Axes | None = None) -> Axes:
    """Draws the singular values of each mode, relative to the largest one.

    Values that the decomposition keeps have filled markers, discarded values have empty ones.

    Parameters
    ----------
    tucker : Tucker
        A decomposition that comes from a solver.
    ax : matplotlib.axes.Axes, optional
        The axes; new ones if they are left out.

    Raises
    ------
    ValueError
        If the decomposition has no spectra.
    ModuleNotFoundError
        If Matplotlib is not installed.
    """
    drawn = [(mode, values) for mode, values in enumerate(tucker.spectra) if values is not None]
    if not drawn:
        raise ValueError("the decomposition has no spectra: it did not come from a solver")
    ax = _axes(ax)
    for mode, values in drawn:
        relative = values / max(values[0], np.finfo(float).tiny)
        numbers = np.arange(1, len(values) + 1)
        positive = relative > 0.0
        rank = tucker.ranks[mode]
        (line,) = ax.semilogy(numbers[positive], relative[positive], linewidth=1)
        color = line.get_color()
        kept = positive & (numbers <= rank)
        ax.semilogy(
            numbers[kept], relative[kept], "o", color=color, label=f"mode {mode}, rank {rank}"
        )
        discarded = positive & (numbers > rank)
        ax.semilogy(numbers[discarded], relative[discarded], "o", color=color, fillstyle="none")
    ax.set_xlabel("number")
    ax.set_ylabel("singular value / largest singular value")
    ax.legend()
    return ax


def saliency(
    map: Any, image: Any = None, *, alpha: float = 0.5, cmap: str = "turbo", ax: Axes | None = None
) -> Axes:
    """Draws a saliency map, over the photograph if there is one.

    Parameters
    ----------
    map : array_like
        The map, of shape H×W with values in [0, 1].
    image : array_like, optional
        The photograph, of any height and width.
    alpha : float
        The opacity of the map over the photograph.
    cmap : str
        The colour map of Matplotlib.
    ax : matplotlib.axes.Axes, optional
        The axes; new ones if they are left out.
    """
    ax = _axes(ax)
    values = np.asarray(map)
    if values.ndim != 2:
        raise ValueError(f"a map has two modes, not the shape {values.shape}")
    if image is None:
        ax.imshow(values, cmap=cmap, vmin=0.0, vmax=1.0)
    else:
        photograph = np.asarray(image)
        ax.imshow(photograph)
        height, width = photograph.shape[:2]
        # Pixels are centred at whole numbers: the picture reaches half a pixel beyond them.
        extent = (-0.5, width - 0.5, height - 0.5, -0.5)
        interpolation = "bilinear"
        ax.imshow(
            values,
            cmap=cmap,
            vmin=0.0,
            vmax=1.0,
            alpha=alpha,
            extent=extent,
            interpolation=interpolation,
        )
    ax.set_axis_off()
    return ax


def _axes(ax: Axes | None) -> Axes:
    if ax is not None:
        return ax
    try:
        import matplotlib.pyplot as plt
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "tenfold.plot needs Matplotlib: pip install 'tenfold[matplotlib]'", name=error.name
        ) from error

    return plt.subplots(layout="constrained")[1]
