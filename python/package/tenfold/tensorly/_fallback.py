"""The names of TensorLy that this package does not define: taken from an installed TensorLy.

Two things can be missing here: a name in a module (``tenfold.tensorly.decomposition.parafac``), and
a whole module (``tenfold.tensorly.cp_tensor``). A module ``__getattr__`` finds the names, and a
finder at the end of ``sys.meta_path`` finds the modules. Both import TensorLy only when they
are asked, so that TensorLy is needed for such names only.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Sequence
from importlib.abc import Loader
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

ROOT = "tenfold.tensorly"


def fallback(module: str) -> Callable[[str], Any]:
    """Return the ``__getattr__`` of ``module``, which takes missing names from TensorLy.

    Parameters
    ----------
    module : str
        Full name of a module of this package. The part after ``tenfold.`` is the name of
        the module of TensorLy.

    Returns
    -------
    callable
        A function of the missing name. It raises AttributeError if TensorLy is not installed or
        does not define the name.
    """
    source = "tensorly" + module.removeprefix(ROOT)

    def get(name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        if module == ROOT:
            try:  # A module of this package that was not imported yet.
                return importlib.import_module(f"{ROOT}.{name}")
            except ModuleNotFoundError:
                pass
        try:
            theirs = importlib.import_module(source)
        except ModuleNotFoundError:
            raise AttributeError(
                f"{module}.{name} is not part of the Tucker family: it comes from TensorLy. "
                "To use it, install tensorly"
            ) from None
        try:
            return getattr(theirs, name)
        except AttributeError:
            raise AttributeError(
                f"module {module!r} has no attribute {name!r}, and neither has {source!r}"
            ) from None

    return get


class _Finder:
    """Finds ``tenfold.tensorly.X`` for the modules ``tensorly.X`` that have no counterpart here."""

    @staticmethod
    def find_spec(
        name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if not name.startswith(ROOT + "."):
            return None
        source = "tensorly" + name.removeprefix(ROOT)
        try:
            importlib.import_module("tensorly")
        except ModuleNotFoundError:
            message = f"{name} comes from TensorLy. To use it, install tensorly"
            # With the name of the missing module, `from … import` raises this error as it is.
            raise ModuleNotFoundError(message, name="tensorly") from None
        try:
            return ModuleSpec(name, _Alias(importlib.import_module(source)))
        except ModuleNotFoundError as error:
            if error.name == source:
                return None
            raise


class _Alias(Loader):
    """A loader that puts a module of TensorLy in the place of the module to load."""

    def __init__(self, module: ModuleType) -> None:
        self.module = module

    def create_module(self, spec: ModuleSpec) -> None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        sys.modules[module.__name__] = self.module


def install() -> None:
    """Add the finder to ``sys.meta_path`` unless it is there."""
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.append(_Finder())
