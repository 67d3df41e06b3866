"""Every public name is documented and typed."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import sys
from collections.abc import Iterator
from types import ModuleType

import pytest

import tenfold
import tenfold.plot
import tenfold.tensorly


def public_modules() -> Iterator[str]:
    """The names of the modules without a leading underscore, those of the mirror apart."""
    yield "tenfold"
    for module in pkgutil.walk_packages(tenfold.__path__, "tenfold."):
        parts = module.name.split(".")
        if not any(part.startswith("_") for part in parts) and parts[1] != "tensorly":
            yield module.name


def public_objects() -> Iterator[tuple[str, object]]:
    """The functions and classes in `__all__` of the modules, and the members of the classes."""
    for name in public_modules():
        module = importlib.import_module(name)
        for key in module.__all__:
            value = getattr(module, key)
            if inspect.isfunction(value) or inspect.isclass(value):
                yield f"{name}.{key}", value
            if inspect.isclass(value):
                for member, content in vars(value).items():
                    is_code = isinstance(content, property | classmethod) or inspect.isfunction(
                        content
                    )
                    if is_code and not member.startswith("_"):
                        yield f"{name}.{key}.{member}", getattr(value, member)


OBJECTS = dict(public_objects())


@pytest.mark.parametrize("name", OBJECTS)
def test_public_names_have_documentation(name: str) -> None:
    text = inspect.getdoc(OBJECTS[name])
    assert text and text[0].isupper() and "." in text, name


@pytest.mark.parametrize("name", [n for n, value in OBJECTS.items() if inspect.isfunction(value)])
def test_parameters_of_functions_are_documented_and_typed(name: str) -> None:
    function = OBJECTS[name]
    assert inspect.isfunction(function)
    signature = inspect.signature(function)
    assert signature.return_annotation is not inspect.Signature.empty, name
    text = inspect.getdoc(function) or ""
    named = [key for key in signature.parameters if key not in ("self", "cls")]
    for key in named:
        assert signature.parameters[key].annotation is not inspect.Parameter.empty, (name, key)
    # A function of several parameters explains each of them.
    if len(named) > 1 and "Parameters\n" in text:
        for key in named:
            assert key in text, (name, key)


def test_modules_list_their_public_names() -> None:
    for name in public_modules():
        module = importlib.import_module(name)
        assert module.__doc__, name
        assert sorted(module.__all__) == sorted(set(module.__all__)), name
        for key in module.__all__:
            assert hasattr(module, key), (name, key)


def test_the_package_has_its_parts_after_one_import() -> None:
    assert tenfold.cam.saliency is not None
    assert tenfold.metrics is not None
    assert tenfold.plot.spectra is not None
    assert tenfold.tensorly.decomposition.tucker is not None


@pytest.mark.parametrize("module", [tenfold, tenfold.cuda, tenfold.plot], ids=lambda m: m.__name__)
def test_dir_has_the_public_names_alone(module: ModuleType) -> None:
    assert dir(module) == sorted(module.__all__)


def test_plots_name_the_package_that_they_need(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'tenfold\[matplotlib\]'"):
        tenfold.plot.saliency([[0.0, 1.0]])
