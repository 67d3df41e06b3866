"""Arrays of other libraries as NumPy arrays, and results as arrays of those libraries.

The native module takes NumPy arrays of float32 or float64 in C order. This module makes such an
array of whatever the user gives, without a copy where the memory has that form already:

    NumPy, C order, float32 or float64        the same array
    any object with __dlpack__, on the CPU    a NumPy array that shares the memory
    other strides, byte orders and numbers    one copy

A result has the library of the input: the functions that convert it are the values `Restore`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

Restore = Callable[[npt.NDArray[Any]], Any]
"""Makes an array of the user's library of a NumPy array."""

FloatArray = npt.NDArray[np.float32] | npt.NDArray[np.float64]

_FLOAT32 = np.dtype(np.float32)
_FLOAT64 = np.dtype(np.float64)


def as_tensor(x: Any, name: str = "x") -> FloatArray:
    """The entries of `x` as a C-contiguous NumPy array of float32 or float64.

    Such an array is returned as it is. `float16` and `bfloat16` become float32, integers, booleans
    and longer floats become float64, and other strides are copied.
    """
    if type(x) is not np.ndarray:
        x = _as_numpy(x, name)
    dtype = x.dtype
    flags = x.flags
    if (dtype is _FLOAT64 or dtype is _FLOAT32) and flags.c_contiguous and flags.aligned:
        return x  # type: ignore[no-any-return]
    return _convert(x, name)


def _convert(x: npt.NDArray[Any], name: str) -> FloatArray:
    """A copy of `x` in C order, in the scalar that holds its numbers."""
    kind = x.dtype.kind
    if kind == "f":
        scalar = np.float32 if x.dtype.itemsize <= 4 else np.float64
    elif kind in "iub":
        scalar = np.float64
    elif x.dtype.name == "bfloat16":
        scalar = np.float32
    else:
        raise TypeError(f"{name} holds {x.dtype}: real numbers are expected")
    return np.require(x, dtype=scalar, requirements=["C", "A"])


def _as_numpy(x: Any, name: str) -> npt.NDArray[Any]:
    """A NumPy array of the entries of `x`, which shares the memory of `x` where it can."""
    if isinstance(x, np.ma.MaskedArray):
        raise TypeError(f"{name} is a masked array: give its data, and the mask as mask=")
    if isinstance(x, np.ndarray):
        return np.asarray(x)
    library = library_of(x)
    if library == "torch":
        return _torch_as_numpy(x)
    if hasattr(x, "__dlpack__"):
        try:
            return np.from_dlpack(x)
        except (BufferError, RuntimeError, TypeError):
            # NumPy lacks the type of number, or the memory of the device.
            return np.asarray(x)
    try:
        array = np.asarray(x)
    except ValueError as error:
        raise TypeError(f"{name} is not an array: {error}") from error
    if array.dtype.kind == "O" and array.ndim == 0:
        hint = ", such as the result of its toarray()" if hasattr(x, "toarray") else ""
        raise TypeError(
            f"{name} is an object of the type {type(x).__name__}: an array of real numbers is "
            f"expected{hint}"
        )
    return array


def as_mask(mask: Any, shape: tuple[int, ...]) -> npt.NDArray[np.bool_]:
    """The mask of a tensor as an array of booleans: True where an entry is not 0."""
    array = _as_numpy(mask, "mask")
    kind = array.dtype.kind
    if kind not in "biuf":
        raise TypeError(f"mask holds {array.dtype}: booleans are expected")
    if array.shape != shape:
        raise ValueError(f"mask has the shape {array.shape}: the shape {shape} of x is expected")
    if kind == "f" and np.isnan(array).any():
        raise ValueError("mask holds NaN: True or False is expected for each entry")
    return array if kind == "b" else array != 0


def _torch_as_numpy(x: Any) -> npt.NDArray[Any]:
    """The entries of a tensor of PyTorch on the CPU, without its history of gradients."""
    x = x.detach()
    if x.dtype in (sys.modules["torch"].bfloat16, sys.modules["torch"].float16):
        x = x.float()
    return x.resolve_neg().resolve_conj().numpy(force=True)  # type: ignore[no-any-return]


def library_of(x: Any) -> str:
    """The top-level name of the module that defines the type of `x`.

    A subclass of a tensor of PyTorch belongs to PyTorch, wherever it is defined.
    """
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(x, torch.Tensor):
        return "torch"
    return type(x).__module__.partition(".")[0]


def restore_like(x: Any) -> Restore | None:
    """The function that makes arrays of the library of `x`; None for NumPy."""
    if type(x) is np.ndarray or isinstance(x, np.ndarray):
        return None
    library = library_of(x)
    if library == "torch":
        if x.is_cuda:
            device = x.device
            return lambda array: _torch_from_numpy(array).to(device)
        return _torch_from_numpy
    namespace = getattr(x, "__array_namespace__", None)
    if namespace is not None:
        return namespace().asarray  # type: ignore[no-any-return]
    return None


def _torch_from_numpy(array: npt.NDArray[Any]) -> Any:
    # A tensor of PyTorch cannot be read-only.
    if not array.flags.writeable:
        array = array.copy()
    return sys.modules["torch"].from_numpy(array)
