"""Arrays of frameworks on a CUDA device, and results as arrays of those frameworks.

    PyTorch                                       DLPack, after the current stream of the device
    other objects with __dlpack__                 DLPack, after stream 1: the framework lets this
                                                  stream wait for its work
    objects with __cuda_array_interface__ 2 or 3  after the stream that the entry `stream` names

The native module waits for the stream before it reads, and returns after it has written. So the
framework can use the results on any stream.

An array that is not float32 or float64 in C order is converted by its framework first.
"""

from __future__ import annotations

import contextlib
import operator
import sys
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from tenfold._arrays import library_of
from tenfold._native import DeviceArray

_CUDA_DEVICES = (2, 13)
"""The types of devices in DLPack with memory that a CUDA device reads: CUDA and managed memory."""

_DEFAULT_STREAM = 1
"""The default stream of a device, which waits for the work on all streams that block it."""

_SINGLE = ("float16", "bfloat16")
_REAL = ("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")


class Framework(NamedTuple):
    """The framework of an array."""

    library: str
    """The name of its top-level module."""
    namespace: Any
    """Its namespace of the array API, with `from_dlpack`; or None."""

    @classmethod
    def of(cls, x: Any) -> Framework:
        """The framework of `x`."""
        find = getattr(x, "__array_namespace__", None)
        namespace = None if find is None else find()
        return cls(library_of(x), namespace if hasattr(namespace, "from_dlpack") else None)

    def restored(self, array: DeviceArray) -> Any:
        """An array of the framework in the memory of `array`."""
        if self.library == "torch":
            return sys.modules["torch"].from_dlpack(array)
        if self.library == "cupy":
            return sys.modules["cupy"].from_dlpack(array)
        if self.library == "numba":
            return sys.modules["numba"].cuda.as_cuda_array(array)
        if self.namespace is None:
            return array
        if array.is_contiguous or array.ndim != 2:
            return self.namespace.from_dlpack(array)
        # Some frameworks have arrays in C order alone.
        return self.namespace.from_dlpack(array.T).T

    def uploaded(self, entries: npt.NDArray[Any], ordinal: int) -> Any:
        """An array of the framework on a device, with entries of the host."""
        if entries.size == 0:
            array = DeviceArray.empty(list(entries.shape), entries.dtype.name, ordinal)
        else:
            array = DeviceArray.upload(np.ascontiguousarray(entries), ordinal)
        return self.restored(array)

    def empty(
        self, shape: Sequence[int], dtype: str, ordinal: int
    ) -> tuple[DeviceArray, Callable[[], Any]]:
        """A new array on a device, and the function that returns it as an array of the framework.

        PyTorch and CuPy allocate it, so that their pools own the memory. Call the function after
        the entries are written, because arrays of some frameworks cannot change.
        """
        if self.library == "torch":
            torch = sys.modules["torch"]
            scalar, device = getattr(torch, dtype), torch.device("cuda", ordinal)
            result = torch.empty(tuple(shape), dtype=scalar, device=device)
            return DeviceArray.from_dlpack(result.__dlpack__(stream=-1)), lambda: result
        if self.library == "cupy":
            cupy = sys.modules["cupy"]
            with cupy.cuda.Device(ordinal):
                result = cupy.empty(tuple(shape), dtype=dtype)
            # The memory may have been freed with work on it in the current stream.
            return DeviceArray.from_dlpack(_capsule(result)), lambda: result
        array = DeviceArray.empty(list(shape), dtype, ordinal)
        return array, lambda: self.restored(array)


class OnDevice(NamedTuple):
    """An array on a device, as the native module takes it."""

    array: DeviceArray
    stream: int | None
    """The stream after which the entries may be read; None if they are complete."""
    framework: Framework


def is_on_device(x: Any) -> bool:
    """Whether the entries of `x` are in the memory of a CUDA device."""
    if type(x) is np.ndarray:
        return False
    if type(x) is DeviceArray:
        return True
    if library_of(x) == "torch":
        # PyTorch for AMD's GPUs has the name "cuda" too.
        return bool(x.is_cuda) and sys.modules["torch"].version.cuda is not None
    find_device = getattr(x, "__dlpack_device__", None)
    if find_device is not None:
        return _type_of_device(x, find_device()) in _CUDA_DEVICES
    return hasattr(x, "__cuda_array_interface__")


def _type_of_device(x: Any, device: Any) -> int:
    """The type of a device of DLPack, from the result of `__dlpack_device__`."""
    try:
        kind, ordinal = device
        kind, ordinal = operator.index(kind), operator.index(ordinal)
    except (TypeError, ValueError):
        kind = ordinal = 0
    if not 1 <= kind < 1 << 31 or not -1 << 31 <= ordinal < 1 << 31:
        raise TypeError(
            f"__dlpack_device__ of {type(x).__name__} returns {device!r}: the type and the number "
            "of a device are expected, two integers of 32 bits"
        )
    return kind


def on_device(x: Any, name: str = "x") -> OnDevice:
    """An array that is on a device: see `is_on_device`.

    Raises
    ------
    TypeError
        If the entries are not real numbers, or if they are of another type than float32 and float64
        and the framework does not convert them.
    ValueError
        If the array is not contiguous and the framework does not copy it, or if its description is
        wrong.
    """
    if type(x) is DeviceArray:
        return OnDevice(x, None, Framework.of(x))
    if library_of(x) == "torch":
        return _torch_on_device(x, name)
    converted = _of_float(x, name)
    array, stream = _exchanged(converted)
    if not array.is_contiguous and hasattr(converted, "copy"):
        # The native module refuses the array if its framework has no such copy.
        with contextlib.suppress(TypeError):
            array, stream = _exchanged(converted.copy(order="C"))
    return OnDevice(array, stream, Framework.of(x))


def _torch_on_device(x: Any, name: str) -> OnDevice:
    torch = sys.modules["torch"]
    if x.layout != torch.strided:
        raise TypeError(f"{name} is a tensor of layout {x.layout}: a dense one is expected")
    if x.is_complex() or x.is_quantized:
        raise TypeError(f"{name} holds {x.dtype}: real numbers are expected")
    x = x.detach().resolve_neg()
    if x.dtype not in (torch.float32, torch.float64):
        x = x.float() if x.is_floating_point() else x.double()
    x = x.contiguous()
    stream = torch.cuda.current_stream(x.device).cuda_stream
    # The stream is ordered by the native module: -1 asks PyTorch for no order.
    return OnDevice(DeviceArray.from_dlpack(x.__dlpack__(stream=-1)), stream, Framework.of(x))


def _of_float(x: Any, name: str) -> Any:
    """`x`, or a conversion to float32 or float64 by its framework."""
    dtype = str(getattr(x, "dtype", "float64"))
    if dtype in _SINGLE:
        scalar = "float32"
    elif dtype in _REAL:
        scalar = "float64"
    elif dtype.startswith(("complex", "object", "str")):
        raise TypeError(f"{name} holds {dtype}: real numbers are expected")
    else:
        return x
    if not hasattr(x, "astype"):
        raise TypeError(f"{name} holds {dtype}: convert it to {scalar} in its framework first")
    return x.astype(scalar)


def _capsule(x: Any) -> Any:
    """The capsule of DLPack. The framework lets the default stream wait for its work."""
    try:
        capsule = x.__dlpack__(stream=_DEFAULT_STREAM, max_version=(1, 0))
    except TypeError:
        # The framework is older than `max_version`.
        capsule = x.__dlpack__(stream=_DEFAULT_STREAM)
    if type(capsule).__name__ != "PyCapsule":
        raise TypeError(
            f"__dlpack__ of {type(x).__name__} returns {capsule!r}: a capsule is expected"
        )
    return capsule


def _exchanged(x: Any) -> tuple[DeviceArray, int | None]:
    """The array by one of the protocols, and the stream after which it may be read."""
    if hasattr(x, "__dlpack__"):
        return DeviceArray.from_dlpack(_capsule(x)), _DEFAULT_STREAM
    interface = x.__cuda_array_interface__
    if not isinstance(interface, dict):
        raise TypeError(
            f"__cuda_array_interface__ of {type(x).__name__} is {interface!r}: "
            "a dictionary is expected"
        )
    stream = interface.get("stream", _DEFAULT_STREAM if interface.get("version") == 2 else None)
    if stream == 0:
        raise ValueError("stream 0 in __cuda_array_interface__ is not allowed: 1 is the default")
    if stream is not None and not (hasattr(stream, "__index__") and 0 < stream < 1 << 64):
        raise TypeError(
            f"stream in __cuda_array_interface__ is a positive integer or None, not {stream!r}"
        )
    return DeviceArray.from_interface(interface, x), stream


def ordinal_of(device: Any) -> int | None:
    """The number of a CUDA device: 1 for "cuda:1", 0 for "cuda", None for "cpu".

    Raises
    ------
    ValueError
        If the name is another one.
    """
    name = str(device).lower()
    if name == "cpu":
        return None
    kind, colon, number = name.partition(":")
    if kind != "cuda" or (colon and not (number.isascii() and number.isdigit())):
        raise ValueError(f'there is no device {device!r}: "cpu", "cuda" and "cuda:1" are devices')
    return int(number) if colon else 0


def placed(x: Any, device: Any, name: str = "x") -> OnDevice | int | None:
    """Where to compute with `x`: on the device where it is, on the device of a number, or None.

    None is the CPU. The number is that of the device to which an array of the host is copied.

    Raises
    ------
    ValueError
        If `x` is on another device than `device`.
    """
    if device is None:
        return on_device(x, name) if is_on_device(x) else None
    ordinal = ordinal_of(device)
    if not is_on_device(x):
        return ordinal
    found = on_device(x, name)
    if found.array.ordinal != ordinal:
        raise ValueError(
            f"{name} is on cuda:{found.array.ordinal}, and device={str(device)!r} does not move "
            "it: move it in its framework first"
        )
    return found
