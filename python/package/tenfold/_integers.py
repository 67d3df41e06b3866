"""Integers of the user that the native module takes."""

from __future__ import annotations

import operator
from typing import SupportsIndex

MAXIMUM = 2**64 - 1
"""The largest integer that every function of the native module takes."""


def natural(value: SupportsIndex, name: str, minimum: int = 0) -> int:
    """An integer of at least `minimum`.

    Raises
    ------
    TypeError
        If the value is not an integer.
    ValueError
        If the value is below `minimum` or above `MAXIMUM`.
    """
    if isinstance(value, bool):
        raise TypeError(f"{name} is an integer, not {value!r}")
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{name} is an integer, not {value!r}") from None
    if not minimum <= number <= MAXIMUM:
        raise ValueError(f"{name} is at least {minimum} and below 2**64, not {number}")
    return number
