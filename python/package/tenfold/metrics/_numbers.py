"""Lists of numbers as arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tenfold._arrays import as_tensor


def doubles(x: Any, name: str) -> NDArray[np.float64]:
    """A list of numbers as an array of float64."""
    array = as_tensor(x, name)
    if array.ndim != 1:
        raise ValueError(
            f"{name}: a list of numbers was expected, not an array of shape {array.shape}"
        )
    return array.astype(np.float64, copy=False)
