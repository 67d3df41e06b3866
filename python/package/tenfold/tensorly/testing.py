"""Assertions for tests, on NumPy's."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from ._fallback import fallback

assert_ = np.testing.assert_
assert_raises = np.testing.assert_raises
assert_array_equal = np.testing.assert_array_equal
assert_array_almost_equal = np.testing.assert_array_almost_equal
assert_allclose = np.testing.assert_allclose


def assert_equal(actual: Any, desired: Any, *args: Any, **kwargs: Any) -> None:
    """Check that two objects are equal. An array of one entry counts as a number."""
    np.testing.assert_equal(_as_number(actual), _as_number(desired), *args, **kwargs)


def _as_number(value: Any) -> Any:
    return value[0] if isinstance(value, np.ndarray) and value.shape == (1,) else value


def assert_class_wrapper_correctly_passes_arguments(
    monkeypatch: Any,
    decomposition_function: Callable[..., Any],
    DecompositionClass: type,
    ignore_args: Iterable[str] | None = None,
    decomposition_output_length: int = 2,
    **extra_args: Any,
) -> None:
    """Check that a class hands each optional argument on to the function that it wraps.

    Parameters
    ----------
    monkeypatch : pytest.MonkeyPatch
        The fixture of pytest.
    decomposition_function : callable
        The function.
    DecompositionClass : type
        The class.
    ignore_args : iterable of str, optional
        Arguments that the class need not hand on.
    decomposition_output_length : int
        The number of results of the function.
    **extra_args
        Other arguments of the class.
    """
    ignored = set() if ignore_args is None else set(ignore_args)
    marks = {
        parameter.name: f"a mark for {parameter.name}"
        for parameter in inspect.signature(decomposition_function).parameters.values()
        if parameter.default is not parameter.empty and parameter.name not in ignored
    }

    def check(*args: Any, **kwargs: Any) -> list[None]:
        for name, mark in marks.items():
            assert_(kwargs.get(name) == mark, f"the class does not hand on {name!r}")
        return [None] * decomposition_output_length

    module = sys.modules[decomposition_function.__module__]
    monkeypatch.setattr(module, decomposition_function.__name__, check)
    DecompositionClass(**extra_args, **marks).fit(None)


__getattr__ = fallback(__name__)
