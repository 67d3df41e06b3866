"""Checks of single arguments: integers, real numbers and names of files."""

from __future__ import annotations

import operator
import os
from typing import SupportsFloat, SupportsIndex

import numpy as np

FilePath = str | bytes | os.PathLike[str] | os.PathLike[bytes]
"""The name of a file."""


MAXIMUM = 2**64 - 1
"""The largest integer that every function of the native module takes."""


def natural(name: str, value: SupportsIndex, minimum: int) -> int:
    """The argument `name` as an integer of at least `minimum`."""
    if isinstance(value, bool):
        raise TypeError(f"{name} is an integer, not {value!r}")
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{name} is an integer, not {value!r}") from None
    if not minimum <= number <= MAXIMUM:
        raise ValueError(f"{name} is at least {minimum} and below 2**64, not {number}")
    return number


def real(name: str, value: SupportsFloat) -> float:
    """The argument `name` as a float."""
    if type(value) is float:
        return value
    if isinstance(value, bool | np.bool_ | str | bytes) or getattr(value, "ndim", 0) > 0:
        raise TypeError(f"{name} is a real number, not {value!r}")
    try:
        return float(value)
    except (TypeError, ValueError):
        raise TypeError(f"{name} is a real number, not {value!r}") from None
    except OverflowError:
        raise ValueError(f"{name} is too large for a float") from None


def threads(value: SupportsIndex | None) -> int | None:
    """The argument `threads`; None for one thread for each core."""
    return None if value is None else natural("threads", value, 1)


def file_path(path: FilePath) -> str:
    """The name of a file as a string."""
    name = os.fsdecode(path)
    if not name:
        raise FileNotFoundError("the path is empty: the name of a file is expected")
    return name
